// The cases of a cycle, each with its latest result there.

/** @import { Context, Execution, Page, TestCycle } from '../../types.js' */
import { html, name } from '../../dom.js';
import { fmt } from '../../format.js';
import { inProject } from '../../project.js';
import { buildLink, duration, mark, STATUSES } from '../../results.js';
import { chips } from '../../ui/filter.js';
import { pagedTable } from '../../ui/paged-table.js';
import { blank } from '../../ui/parts.js';
import { when } from '../../ui/time.js';
import { messages } from './message.js';

/** @type {[string, string][]} */
const COLUMNS = [
  ['Id', 'fit'],
  ['Test case', 'c-title'],
  ['Automation ID', 'fit'],
  ['Result', 'fit'],
  ['Duration', 'num fit'],
  ['Last run', 'c-build'],
];

/** @param {URLSearchParams} query */
export const statusOf = (query) => STATUSES.find(([key]) => key === query.get('status'))?.[0] ?? 'all';

/** @param {string} cycleId @param {string} projectId @param {string} status */
export function executionsPath(cycleId, projectId, status) {
  const filter = status === 'all' ? '' : `&status=${status}`;
  return `/test-cycles/${cycleId}/executions?projectId=${projectId}${filter}`;
}

/** @param {TestCycle} cycle @param {string} status */
function countOf({ counts }, status) {
  const member = STATUSES.find(([key]) => key === status)?.[1] ?? 'total';
  return counts[member];
}

/** @param {Execution} one @param {string} projectId @param {ReturnType<typeof messages>} messageOf */
const executionRow = (one, projectId, messageOf) =>
  html`<tr>
    <td class="mono quiet nowrap">${one.caseId}</td>
    <th scope="row" class="name-cell full">
      <a href=${inProject(`/test-cases/${one.caseId}`, projectId)}>${name(one.title)}</a>
      ${messageOf(one.message, one.status, one.caseId)}
    </th>
    <td class="fit" data-label="Automation ID"><code>[${one.automationId}]</code></td>
    <td class="fit corner">${mark(one.status)}</td>
    <td class="num quiet nowrap" data-label="Duration">${duration(one.durationMs)}</td>
    <td class="quiet c-build" data-label="Last run">
      ${one.executedAt ? when(one.executedAt) : html`<span class="muted">–</span>`}
      ${one.build ? html`<span class="sub">${buildLink(one.build)}</span>` : ''}
    </td>
  </tr>`;

/** @param {TestCycle} cycle @param {Page<Execution>} page @param {string} projectId @param {Context} context */
export function executions(cycle, page, projectId, context) {
  const status = statusOf(context.query);
  const messageOf = messages(context);
  const list = pagedTable({
    label: 'Latest results',
    className: 'cases run-on',
    noun: 'test case',
    columns: COLUMNS,
    path: executionsPath(cycle.id, projectId, status),
    page,
    total: countOf(cycle, status),
    empty: () =>
      blank({ symbol: 'search', title: 'None', body: 'No test case of the cycle has this result.' }),
    row: (/** @type {Execution} */ one) => executionRow(one, projectId, messageOf),
    onshown: (shown) => context.keep({ shown }),
  });
  const filters = chips({
    options: [
      { key: 'all', title: 'All', count: fmt.number(cycle.counts.total) },
      ...STATUSES.map(([key]) => ({ key, title: mark(key), count: fmt.number(countOf(cycle, key)) })),
    ],
    value: status,
    choose(key) {
      filters.press(key);
      context.setQuery(
        new URLSearchParams({ project: projectId, ...(key === 'all' ? {} : { status: key }) }),
      );
      list.load(executionsPath(cycle.id, projectId, key), countOf(cycle, key));
    },
  });
  return html`<section class="list" aria-labelledby="executions-title">
    <h2 id="executions-title">Latest results</h2>
    <div class="toolbar">${filters.node}</div>
    ${list.node}
  </section>`;
}
