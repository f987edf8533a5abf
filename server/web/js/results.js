// What the pages know about results: statuses in words and shapes, bars of counts, builds.

/** @import { Build, TestCounts } from './types.js' */
import { html } from './dom.js';
import { fmt } from './format.js';
import { externalLink } from './ui/parts.js';

/** Key of the API's statuses, member of its counts, words. @type {[string, keyof TestCounts, string][]} */
export const STATUSES = [
  ['pass', 'pass', 'passed'],
  ['fail', 'fail', 'failed'],
  ['blocked', 'blocked', 'blocked'],
  ['skipped', 'skipped', 'skipped'],
  ['not_executed', 'notExecuted', 'not executed'],
];

/** @param {string} text */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** @param {string} status */
const wordOf = (status) => STATUSES.find(([key]) => key === status)?.[2] ?? status;

/** A status by its shape, colour and word. @param {string} status @param {string} [text] */
export const mark = (status, text = capital(wordOf(status))) =>
  html`<span class="mark" data-status=${status}>${text}</span>`;

/** @param {Partial<TestCounts>} counts */
const present = (counts) =>
  STATUSES.map(([status, member, word]) => ({ status, count: counts[member] ?? 0, word })).filter(
    ({ count }) => count,
  );

/** The counts as one stacked bar; a list of the numbers belongs beside it. @param {Partial<TestCounts>} counts */
export function resultBar(counts) {
  const parts = present(counts);
  const words = parts.map(({ count, word }) => `${fmt.number(count)} ${word}`).join(', ');
  return html`<div class="bar" role="img" aria-label=${words || 'No results'}>
    ${parts.map(({ status, count }) => html`<i data-status=${status} --n=${String(count)}></i>`)}
  </div>`;
}

/** The numbers of a bar, each by its shape. @param {Partial<TestCounts>} counts */
export const barKey = (counts) =>
  html`<span class="bar-key">
    ${present(counts).map(
      ({ status, count, word }) =>
        html`<span class="mark" data-status=${status}>
          ${fmt.number(count)}<span class="sr-only"> ${word}</span>
        </span>`,
    )}
  </span>`;

/** How many ran; a skipped one did not. @param {TestCounts} counts */
export const executed = ({ pass, fail, blocked }) => pass + fail + blocked;

/** How much of what was executed passed; rounded down, so that 100 % means all. @param {TestCounts} counts */
export const passedShare = (counts) =>
  executed(counts) ? `${Math.floor((100 * counts.pass) / executed(counts))} %` : '–';

/** @param {number | null} ms */
export function duration(ms) {
  if (ms === null) return '–';
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1000)} s`;
}

/** @param {Build} build */
function titleOf({ provider, number, id }) {
  const which = number ? `#${number}` : id;
  return [provider ?? (which ? 'Build' : null), which].filter(Boolean).join(' ');
}

const HASH = /^[0-9a-f]{12,}$/i;

/** The name of a build, a link where it has an address. @param {Build | null} build */
export function buildLink(build) {
  if (!build) return html`<span class="muted">No build</span>`;
  const title = titleOf(build);
  if (build.url) return externalLink(build.url, { text: title || undefined });
  return html`<span class="break">${title || 'Build'}</span>`;
}

/** Branch and commit. @param {Build | null} build */
export function buildSource(build) {
  if (!build || !(build.branch || build.commit)) return '';
  const { branch, commit } = build;
  const short = commit && HASH.test(commit) ? commit.slice(0, 8) : commit;
  return html`<span class="sub break">
    ${branch ? html`<bdi dir="auto">${branch}</bdi>` : ''}${branch && commit ? ' · ' : ''}${commit
      ? html`<span class="mono" title=${commit}>${short}</span>`
      : ''}
  </span>`;
}
