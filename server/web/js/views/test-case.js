// One test case: its automation id, and its results in all cycles.

/** @import { Context, Page, PastResult, TestCase, View } from '../types.js' */
/** @import { Place } from '../project.js' */
import { api } from '../api.js';
import { html, name } from '../dom.js';
import { openNameTheTest } from '../dialogs/name-the-test.js';
import { findProject, inProject, keepProject, mayWrite, noProject } from '../project.js';
import { buildLink, buildSource, duration, mark } from '../results.js';
import { once } from '../ui/busy.js';
import { copyButton } from '../ui/copy.js';
import { firstRows, pagedTable } from '../ui/paged-table.js';
import { blank, crumbs, head } from '../ui/parts.js';
import { onDay, when } from '../ui/time.js';
import { archiveCase, changeTitle } from './tests/case-dialogs.js';
import { messages } from './tests/message.js';

/** @typedef {{ place: Place, one: TestCase, history: Page<PastResult> } | { place: null }} Data */

/** @type {[string, string][]} */
const COLUMNS = [
  ['Result', 'fit'],
  ['Test', 'c-title'],
  ['Cycle', 'fit'],
  ['Build', 'c-build'],
  ['Duration', 'num fit'],
  ['When', 'fit'],
];

/** @param {TestCase} one @param {Place} place */
const historyPath = (one, { project }) => `/test-cases/${one.id}/history?projectId=${project.id}`;

/** @param {PastResult} result @param {string} projectId @param {ReturnType<typeof messages>} messageOf */
const resultRow = (result, projectId, messageOf) =>
  html`<tr>
    <td class="nowrap">${mark(result.status)}</td>
    <th scope="row" class="name-cell full plain">
      <span class="break"
        >${result.name ? name(result.name) : html`<span class="muted">Unnamed test</span>`}</span
      >
      ${messageOf(result.message, result.status, `${result.at} ${result.cycleId}`)}
    </th>
    <td class="fit" data-label="Cycle">
      <a class="mono" href=${inProject(`/test-cycles/${result.cycleId}`, projectId)}>${result.cycleId}</a>
    </td>
    <td class="c-build" data-label="Build">${buildLink(result.build)}${buildSource(result.build)}</td>
    <td class="num quiet nowrap" data-label="Duration">${duration(result.durationMs)}</td>
    <td class="quiet nowrap corner">${when(result.at)}</td>
  </tr>`;

/** @param {TestCase} one @param {Place} place @param {Context} context */
function actionsFor(one, { project }, context) {
  if (one.status === 'archived' || !mayWrite(project)) return null;
  /** @param {string} text @param {string} look @param {() => Promise<boolean>} work */
  const button = (text, look, work) =>
    html`<button
      type="button"
      class=${`button ${look}`}
      @click=${once(async () => {
        if (await work()) await context.reload();
      })}
    >
      ${text}
    </button>`;
  return [
    button('Change title', '', () => changeTitle(one, project.id)),
    button('Archive', 'button-danger-quiet', () => archiveCase(one, project.id)),
  ];
}

/** @param {TestCase} one */
function automationId(one) {
  const id = `[${one.automationId}]`;
  const naming = html`<button
    type="button"
    class="button button-small"
    @click=${once(() => openNameTheTest(one))}
  >
    How to name the test
  </button>`;
  return html`<section class="card" aria-label="Automation ID">
    <div class="card-body stub-line">
      <span class="quiet">Automation ID</span><code class="id-big">${id}</code>
      ${copyButton({ text: () => id, name: 'Copy the automation id' })}${one.status === 'archived'
        ? ''
        : naming}
    </div>
  </section>`;
}

/** @type {View<Data>} */
export default {
  title: 'Test case',
  named: true,
  live: true,

  async load(context) {
    const place = await findProject(context);
    if (!place) return { place };
    const id = `TC-${context.params.number}`;
    const [one, history] = await Promise.all([
      api.get(`/test-cases/${id}?projectId=${place.project.id}`),
      firstRows(`/test-cases/${id}/history?projectId=${place.project.id}`, context.kept.shown),
    ]);
    return { place, one, history };
  },

  render(data, context) {
    if (!data.place) return noProject('Test case', context.session);
    const { place, one, history } = data;
    keepProject(context, place);
    const messageOf = messages(context);
    const list = pagedTable({
      label: 'History',
      className: 'history run-on',
      noun: 'result',
      columns: COLUMNS,
      path: historyPath(one, place),
      page: history,
      empty: () =>
        blank({
          symbol: 'clock-history',
          title: 'No result yet',
          body: 'As soon as a test reports with this automation id, its result appears here.',
        }),
      row: (/** @type {PastResult} */ result) => resultRow(result, place.project.id, messageOf),
      onshown: (shown) => context.keep({ shown }),
    });
    return html`<div class="page">
      ${head({
        above: crumbs(['Test cases', inProject('/test-cases', place.project.id)], [one.id]),
        title: name(one.title),
        badge: one.status === 'archived' ? html`<span class="badge" data-tone="plain">Archived</span>` : '',
        lead: one.archivedAt
          ? html`Archived ${onDay(one.archivedAt)}, created ${onDay(one.createdAt)}`
          : html`Created ${onDay(one.createdAt)}`,
        actions: actionsFor(one, place, context),
      })}
      ${automationId(one)}
      <section class="list" aria-labelledby="history-title">
        <h2 id="history-title">History</h2>
        ${list.node}
      </section>
    </div>`;
  },
};
