// One test cycle: its counts, its last builds, and the latest result of each test case.

/** @import { Context, Execution, Page, TestCycle, TestRun, View } from '../types.js' */
/** @import { Place } from '../project.js' */
import { api } from '../api.js';
import { html, name } from '../dom.js';
import { fmt } from '../format.js';
import { findProject, inProject, keepProject, mayWrite, noProject } from '../project.js';
import { executed, mark, passedShare, resultBar, STATUSES } from '../results.js';
import { once } from '../ui/busy.js';
import { firstRows } from '../ui/paged-table.js';
import { crumbs, head } from '../ui/parts.js';
import { builds, FEW } from './tests/builds.js';
import { archiveCycle, renameCycle } from './tests/cycle-dialogs.js';
import { executions, executionsPath, statusOf } from './tests/executions.js';
import { teach } from './tests/teach.js';

/** @typedef {{ place: Place, cycle: TestCycle, runs: Page<TestRun>, page: Page<Execution> } | { place: null }} Data */

/** @param {string} cycleId @param {string} projectId */
const runsPath = (cycleId, projectId) => `/test-cycles/${cycleId}/runs?projectId=${projectId}`;

/** @param {TestCycle} cycle @param {Place} place @param {Context} context */
function actionsFor(cycle, { project }, context) {
  if (cycle.status === 'archived' || !mayWrite(project)) return null;
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
    button('Rename', '', () => renameCycle(cycle, project.id)),
    cycle.master ? '' : button('Archive', 'button-danger-quiet', () => archiveCycle(cycle, project.id)),
  ];
}

/** @param {TestCycle} cycle */
function leadOf({ counts }) {
  if (!executed(counts)) return 'Nothing was executed in this cycle.';
  return `${passedShare(counts)} of ${fmt.number(executed(counts))} executed test cases passed.`;
}

/** @param {TestCycle} cycle */
const results = ({ counts }) =>
  html`<section class="card" aria-label="Results">
    <div class="card-body stack">
      ${resultBar(counts)}
      <div class="legend">
        ${STATUSES.map(([key, member, word]) => mark(key, `${fmt.number(counts[member])} ${word}`))}
      </div>
    </div>
  </section>`;

/** @param {TestCycle} cycle @param {Place} place @param {Context} context */
const lesson = (cycle, { project }, context) =>
  teach({
    title: 'The first results',
    lead: 'Results come from your pipeline: it runs the tests, and the reporter sends what their report says.',
    facts: [
      html`Tests name their case by its automation id: <code>[48271] guest checks out</code>.`,
      'The reporter needs a token, kept as a secret of the pipeline.',
      'Let the step run also when tests fail. The newest result of each case counts.',
    ],
    action: html`<a class="button" href=${inProject('/test-cases', project.id)}>Test cases</a>`,
    target: {
      organizationId: context.session.organization.id,
      projectId: project.id,
      cycleId: cycle.master ? undefined : cycle.id,
    },
  });

/** @type {View<Data>} */
export default {
  title: 'Test cycle',
  named: true,
  live: true,

  async load(context) {
    const place = await findProject(context);
    if (!place) return { place };
    const [id, projectId] = [`TCYCLE-${context.params.number}`, place.project.id];
    const { kept, query } = context;
    const [cycle, runs, page] = await Promise.all([
      api.get(`/test-cycles/${id}?projectId=${projectId}`),
      firstRows(runsPath(id, projectId), kept.builds, FEW),
      firstRows(executionsPath(id, projectId, statusOf(query)), kept.shown),
    ]);
    return { place, cycle, runs, page };
  },

  render(data, context) {
    if (!data.place) return noProject('Test cycle', context.session);
    const { place, cycle, runs, page } = data;
    keepProject(context, place);
    const { project } = place;
    const isNew =
      !runs.data.length && cycle.counts.notExecuted === cycle.counts.total && cycle.status === 'active';
    const lists = () => [
      runs.data.length
        ? builds({
            path: runsPath(cycle.id, project.id),
            page: runs,
            me: context.session.user.id,
            onshown: (count) => context.keep({ builds: count }),
          })
        : '',
      executions(cycle, page, project.id, context),
    ];
    return html`<div class="page">
      ${head({
        above: crumbs(['Test cycles', inProject('/test-cycles', project.id)], [cycle.id]),
        title: name(cycle.name),
        badge: cycle.status === 'archived' ? html`<span class="badge" data-tone="plain">Archived</span>` : '',
        lead: leadOf(cycle),
        actions: actionsFor(cycle, place, context),
      })}
      ${isNew ? lesson(cycle, place, context) : [results(cycle), lists()]}
    </div>`;
  },
};
