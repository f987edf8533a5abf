// Test cycles of a project, each with its results as a bar.

/** @import { Context, Page, TestCycle, View } from '../types.js' */
/** @import { Place } from '../project.js' */
import { html, icon, name } from '../dom.js';
import { fmt } from '../format.js';
import { findProject, inProject, keepProject, mayWrite, noProject, projectSwitch } from '../project.js';
import { barKey, executed, mark, passedShare, resultBar, STATUSES } from '../results.js';
import { navigate } from '../router.js';
import { once } from '../ui/busy.js';
import { chips } from '../ui/filter.js';
import { firstRows, pagedTable } from '../ui/paged-table.js';
import { blank, head } from '../ui/parts.js';
import { onDay } from '../ui/time.js';
import { makeCycle } from './tests/cycle-dialogs.js';

/** @typedef {{ place: Place, page: Page<TestCycle> } | { place: null }} Data */

const PATH = '/test-cycles';
const FILTERS = [
  { key: 'active', title: 'Active' },
  { key: 'archived', title: 'Archived' },
  { key: 'all', title: 'All' },
];

/** @type {[string, string][]} */
const COLUMNS = [
  ['Cycle', 'c-title'],
  ['Results', 'c-results'],
  ['Passed', 'num fit'],
  ['Cases', 'num fit'],
  ['Created', 'fit'],
];

/** @param {URLSearchParams} query */
const statusOf = (query) => FILTERS.find(({ key }) => key === query.get('status'))?.key ?? 'active';

/** @param {string} projectId @param {string} status */
const listPath = (projectId, status) => `${PATH}?projectId=${projectId}&status=${status}`;

/** @param {TestCycle} cycle */
function tags({ master, status }) {
  if (master) return html`<span class="tag">Default of the reporter</span>`;
  return status === 'archived' ? html`<span class="tag">Archived</span>` : '';
}

/** Of what the share is. @param {TestCycle['counts']} counts */
const ofExecuted = (counts) => (executed(counts) ? `of ${fmt.number(executed(counts))} executed` : '');

/** @param {TestCycle} cycle @param {string} projectId */
const cycleRow = (cycle, projectId) =>
  html`<tr data-ended=${cycle.status === 'archived' ? true : null}>
    <th scope="row" class="name-cell full">
      <a href=${inProject(`${PATH}/${cycle.id}`, projectId)}>${name(cycle.name)}</a>
      <span class="sub"><span class="mono">${cycle.id}</span> ${tags(cycle)}</span>
    </th>
    <td class="c-results full">
      <div class="stack-s">${resultBar(cycle.counts)}${barKey(cycle.counts)}</div>
    </td>
    <td class="num" data-label="Passed">
      ${passedShare(cycle.counts)}<span class="sub">${ofExecuted(cycle.counts)}</span>
    </td>
    <td class="num" data-label="Cases">${fmt.number(cycle.counts.total)}</td>
    <td class="quiet nowrap" data-label="Created">${onDay(cycle.createdAt, { short: true })}</td>
  </tr>`;

/** @param {Place} place @param {Page<TestCycle>} page @param {Context} context */
function cycleList({ project }, page, context) {
  const status = statusOf(context.query);
  const list = pagedTable({
    label: 'Test cycles',
    className: 'cycles run-on',
    noun: 'cycle',
    columns: COLUMNS,
    path: listPath(project.id, status),
    page,
    empty: () =>
      blank({ symbol: 'layers', title: 'No cycle here', body: 'Others are under another filter.' }),
    row: (/** @type {TestCycle} */ cycle) => cycleRow(cycle, project.id),
    onshown: (shown) => context.keep({ shown }),
  });
  const filters = chips({
    options: FILTERS,
    value: status,
    choose(key) {
      filters.press(key);
      context.setQuery(
        new URLSearchParams({ project: project.id, ...(key === 'active' ? {} : { status: key }) }),
      );
      list.load(listPath(project.id, key));
    },
  });
  return html`<section class="list" aria-label="Cycles">
    <div class="toolbar">
      ${filters.node}
      <p class="legend">${STATUSES.map(([key, , word]) => mark(key, word))}</p>
    </div>
    ${list.node}
  </section>`;
}

/** @type {View<Data>} */
export default {
  title: 'Test cycles',
  live: true,

  async load(context) {
    const place = await findProject(context);
    if (!place) return { place };
    const path = listPath(place.project.id, statusOf(context.query));
    return { place, page: await firstRows(path, context.kept.shown) };
  },

  render(data, context) {
    if (!data.place) return noProject('Test cycles', context.session);
    const { place, page } = data;
    keepProject(context, place);
    const { project } = place;
    const work = once(async () => {
      const made = await makeCycle(project.id);
      if (made) await navigate(inProject(`${PATH}/${made.id}`, project.id));
    });
    const make = html`<button type="button" class="button" @click=${work}>
      ${icon('plus-lg')}New test cycle
    </button>`;
    return html`<div class="page">
      ${head({
        title: 'Test cycles',
        lead: html`Results that the reporter sent. Without <code class="nowrap">--cycle-id</code> they go to
          TCYCLE-1, the master cycle of the project.`,
        actions: [projectSwitch(place, PATH), mayWrite(project) ? make : ''],
      })}
      ${cycleList(place, page, context)}
    </div>`;
  },
};
