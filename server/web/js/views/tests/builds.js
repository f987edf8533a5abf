// The last uploads to a cycle: of which build, by whom, with what result.

/** @import { Page, TestRun } from '../../types.js' */
import { html, name } from '../../dom.js';
import { tokenPath } from '../../address.js';
import { fmt, plural } from '../../format.js';
import { barKey, buildLink, buildSource, resultBar } from '../../results.js';
import { pagedTable } from '../../ui/paged-table.js';
import { when } from '../../ui/time.js';

export const FEW = 3;

/** @type {[string, string][]} */
const COLUMNS = [
  ['Build', 'c-title'],
  ['Reported results', 'c-results'],
  ['By', 'c-by'],
  ['When', 'fit'],
];

/** @param {TestRun} run @param {number} me the reader's user id */
function reporter({ reportedBy, apiKey }, me) {
  if (!reportedBy) return html`<span class="muted">Not shown to guests</span>`;
  const mine = reportedBy.userId === me;
  const key =
    apiKey && (mine ? html`<a href=${tokenPath(apiKey.id)}>${name(apiKey.name)}</a>` : name(apiKey.name));
  return html`${mine ? 'You' : name(reportedBy.name)}${key ? html`<span class="sub break">${key}</span>` : ''}`;
}

/** @param {TestRun} run */
function unmatched({ unmatched: count }) {
  if (!count) return '';
  const words = count === 1 ? 'id without a case' : 'ids without a case';
  return html`<span class="sub warn-text">${fmt.number(count)} ${words}</span>`;
}

/** @param {TestRun} run @param {number} me */
const runRow = (run, me) =>
  html`<tr>
    <th scope="row" class="name-cell full plain">
      <span>${buildLink(run.build)}</span>${buildSource(run.build)}
    </th>
    <td class="c-results full">
      <div class="stack-s">${resultBar(run.counts)}${barKey(run.counts)}${unmatched(run)}</div>
    </td>
    <td class="c-by" data-label="By">${reporter(run, me)}</td>
    <td class="quiet nowrap" title=${`${plural(run.received, 'result')} received`} data-label="When">
      ${when(run.at)}
    </td>
  </tr>`;

/** @param {{ path: string, page: Page<TestRun>, me: number, onshown: (count: number) => void }} settings */
export const builds = ({ path, page, me, onshown }) =>
  html`<section class="list" aria-labelledby="builds-title">
    <h2 id="builds-title">Last builds</h2>
    ${pagedTable({
      label: 'Last builds',
      className: 'builds run-on',
      noun: 'upload',
      columns: COLUMNS,
      path,
      page,
      step: 20,
      empty: () => '',
      row: (/** @type {TestRun} */ run) => runRow(run, me),
      onshown,
    }).node}
  </section>`;
