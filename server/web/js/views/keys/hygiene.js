// Token hygiene: habits that could be better, each with its remedy. Folded when there is nothing to say; by
// token when there is much.

/** @import { Context, Finding, Token } from '../../types.js' */
/** @import { Actions } from '../api-keys.js' */
import { PEOPLE, tokenPath } from '../../address.js';
import { $, html, icon, name } from '../../dom.js';
import { current } from '../../session.js';
import { guidePath, isLive } from '../../token.js';
import { busy, wordsFor } from '../../ui/busy.js';
import { toast } from '../../ui/toast.js';

const FIRST = 3;
const MANY = 6;

/** @type {Record<string, [string, string]>} practice → title, symbol */
const PRACTICES = {
  unused: ['Unused', 'clock-history'],
  never_used: ['Never used', 'clock-history'],
  shared: ['Shared by several integrations', 'people'],
  poor_name: ['A name that says nothing', 'key'],
  longer_than_needed: ['Lives longer than needed', 'calendar-event'],
  rotation_due: ['Rotation due', 'arrow-repeat'],
  personal_token_in_ci: ['A personal token in a pipeline', 'robot'],
  read_only_admin: ['An admin’s token that only reads', 'shield-check'],
  ended_still_presented: ['Ended, but still presented', 'exclamation-triangle'],
};

/** The button of a finding, where this page can do what its remedy says. */
function remedyButton(
  /** @type {Finding} */ finding,
  /** @type {Token | undefined} */ token,
  /** @type {Actions} */ actions,
) {
  if (!token || !isLive(token)) return '';
  const button = (/** @type {string} */ text, /** @type {() => void} */ work) =>
    html`<button type="button" class="button button-small" @click=${work}>${text}</button>`;
  if (['unused', 'never_used'].includes(finding.practice))
    return button('Delete…', () => actions.remove(token));
  if (finding.practice === 'poor_name') {
    return button('Generate with a better name…', () => actions.generate({ days: token.expiresInDays }));
  }
  if (finding.practice === 'shared') return button('Generate another…', () => actions.generate(undefined));
  if (finding.practice === 'rotation_due')
    return html`<a class="button button-small" href=${guidePath(token)}>Rotate</a>`;
  if (finding.practice === 'personal_token_in_ci' && current()?.user.orgRole !== 'member')
    return html`<a class="button button-small" href=${PEOPLE}>People</a>`;
  return '';
}

/** @param {Finding} finding @param {Actions} actions */
function dismissButton(finding, actions) {
  const label = `Dismiss: ${titleOf(finding)}, “${finding.apiKeyName}”`;
  const button = html`<button type="button" class="button button-small button-quiet" aria-label=${label}>
    Dismiss
  </button>`;
  const work = () => actions.dismiss(finding).catch((problem) => toast(wordsFor(problem)));
  button.addEventListener('click', () => busy(button, work));
  return button;
}

/** @param {Finding} finding */
const titleOf = ({ practice }) => PRACTICES[practice]?.[0] ?? practice.replaceAll('_', ' ');

/**
 * @param {Finding} finding
 * @param {Token | undefined} token
 * @param {Actions} actions
 * @param {boolean} named
 */
const findingBody = (finding, token, actions, named) => [
  icon(PRACTICES[finding.practice]?.[1] ?? 'lightbulb'),
  html`<div class="grow">
    <b>${titleOf(finding)}</b>${named ? [html`<span class="muted"> · </span>`, tokenLink(finding)] : ''}
    <span class="sub">${finding.evidence} ${finding.remedy}</span>
  </div>`,
  html`<div class="row">${remedyButton(finding, token, actions)}${dismissButton(finding, actions)}</div>`,
];

/** @param {Finding} finding */
const tokenLink = (finding) => html`<a href=${tokenPath(finding.apiKeyId)}>${name(finding.apiKeyName)}</a>`;

/** One row for each token, with its findings in it. */
function groupRows(
  /** @type {Finding[]} */ findings,
  /** @type {Map<number, Token>} */ byId,
  /** @type {Actions} */ actions,
) {
  /** @type {Map<number, Finding[]>} */
  const groups = new Map();
  for (const finding of findings)
    groups.set(finding.apiKeyId, [...(groups.get(finding.apiKeyId) ?? []), finding]);
  return [...groups.values()].map((group) => {
    const inner = group.map(
      (one) => html`<li>${findingBody(one, byId.get(one.apiKeyId), actions, false)}</li>`,
    );
    return html`<li class="group">
      <p>${tokenLink(group[0])}</p>
      <ul>
        ${inner}
      </ul>
    </li>`;
  });
}

const NOTHING = () =>
  html`<details class="card disclosure folded-card">
    <summary>
      ${icon('chevron-right', 'chevron')}
      <h2>Token hygiene</h2>
      <span class="muted small">Nothing to improve</span>
    </summary>
    <p class="quiet">
      Here you find tokens that are unused, shared, badly named, due for rotation, or that live longer than
      needed, each with its remedy.
    </p>
  </details>`;

/** @param {any[]} rows @param {number} count @param {Context} context */
function showAll(rows, count, context) {
  const button = html`<button type="button" class="button button-small button-quiet">
    Show all ${count}
  </button>`;
  const foot = html`<div class="card-foot">${button}</div>`;
  button.addEventListener('click', () => {
    for (const row of rows) row.hidden = false;
    foot.remove();
    context.keep({ allFindings: true });
    $('a, button', rows[FIRST])?.focus();
  });
  return foot;
}

/**
 * @param {Finding[]} findings
 * @param {Token[]} tokens
 * @param {Context} context
 * @param {Actions} actions
 */
export function hygienePanel(findings, tokens, context, actions) {
  if (!findings.length) return NOTHING();
  const byId = new Map(tokens.map((token) => [token.id, token]));
  const rows =
    findings.length > MANY
      ? groupRows(findings, byId, actions)
      : findings.map((one) => html`<li>${findingBody(one, byId.get(one.apiKeyId), actions, true)}</li>`);
  const folded = rows.length > FIRST && !context.kept.allFindings;
  if (folded) for (const row of rows.slice(FIRST)) row.hidden = true;
  return html`<section class="card hygiene" aria-labelledby="hygiene-title">
    <div class="card-head">
      ${icon('lightbulb')}
      <h2 id="hygiene-title">Token hygiene</h2>
      <span class="count">${findings.length}</span>
      <p>Habits that keep a leak small and a rotation simple.</p>
    </div>
    <ul class="rows">
      ${rows}
    </ul>
    ${folded ? showAll(rows, findings.length, context) : ''}
  </section>`;
}
