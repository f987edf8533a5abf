// Test cases of a project: searched and paged by the server, since there may be 50 000 of them.

/** @import { Context, Page, TestCase, View } from '../types.js' */
/** @import { Place } from '../project.js' */
import { html, icon, name } from '../dom.js';
import { findProject, inProject, keepProject, mayWrite, noProject, projectSwitch } from '../project.js';
import { holdsToken } from '../token.js';
import { once } from '../ui/busy.js';
import { copyButton } from '../ui/copy.js';
import { chips, searchField } from '../ui/filter.js';
import { firstRows, pagedTable } from '../ui/paged-table.js';
import { blank, head } from '../ui/parts.js';
import { onDay } from '../ui/time.js';
import { makeCase } from './tests/case-dialogs.js';
import { teach } from './tests/teach.js';

/** @typedef {{ place: Place, page: Page<TestCase> } | { place: null }} Data */
/** @typedef {{ status: string, words: string }} Choice */

const PATH = '/test-cases';
const FILTERS = [
  { key: 'active', title: 'Active' },
  { key: 'archived', title: 'Archived' },
  { key: 'all', title: 'All' },
];
const PAUSE = 150; // ms without a keystroke until the server is asked

/** @type {[string, string][]} */
const COLUMNS = [
  ['Id', 'fit'],
  ['Title', 'c-title'],
  ['Automation ID', 'fit'],
  ['Created', 'fit'],
];

/** @param {URLSearchParams} query @returns {Choice} */
function choiceOf(query) {
  const status = FILTERS.find(({ key }) => key === query.get('status'))?.key ?? 'active';
  return { status, words: query.get('q') ?? '' };
}

/** @param {string} projectId @param {Choice} choice */
function listPath(projectId, { status, words }) {
  const search = words.trim() && `&search=${encodeURIComponent(words.trim())}`;
  return `${PATH}?projectId=${projectId}&status=${status}${search}`;
}

/** Keeps the choice in the address. @param {Context} context @param {Choice} choice */
function save({ query, setQuery }, { status, words }) {
  const next = new URLSearchParams({ project: query.get('project') ?? '' });
  if (status !== 'active') next.set('status', status);
  if (words.trim()) next.set('q', words);
  setQuery(next);
}

/** @param {TestCase} one @param {string} projectId */
function caseRow(one, projectId) {
  const id = `[${one.automationId}]`;
  const copy = copyButton({
    text: () => id,
    label: id,
    name: `${id}, copy`,
    className: 'button button-small button-quiet mono',
  });
  return html`<tr data-ended=${one.status === 'archived' ? true : null}>
    <td class="mono quiet nowrap">${one.id}</td>
    <th scope="row" class="name-cell full">
      <a href=${inProject(`${PATH}/${one.id}`, projectId)}>${name(one.title)}</a>
      ${one.status === 'archived' ? html`<span class="tag">Archived</span>` : ''}
    </th>
    <td class="fit corner">${copy}</td>
    <td class="fit quiet" data-label="Created">${onDay(one.createdAt, { short: true })}</td>
  </tr>`;
}

/** @param {Choice} choice */
const nothing = ({ words }) =>
  words.trim()
    ? blank({
        symbol: 'search',
        title: 'No test case matches',
        body: 'Try fewer letters, or another filter.',
      })
    : blank({
        symbol: 'card-checklist',
        title: 'No test case here',
        body: 'Others are under another filter.',
      });

/** @param {Place} place @param {Page<TestCase>} page @param {Context} context */
function caseList({ project }, page, context) {
  const choice = choiceOf(context.query);
  const list = pagedTable({
    label: 'Test cases',
    className: 'cases run-on',
    noun: 'test case',
    columns: COLUMNS,
    path: listPath(project.id, choice),
    page,
    empty: () => nothing(choice),
    row: (/** @type {TestCase} */ one) => caseRow(one, project.id),
    onshown: (shown) => context.keep({ shown }),
  });
  let timer = 0;
  const show = () => {
    clearTimeout(timer);
    if (holdsToken(choice.words)) return; // a token that was pasted must not stand in an address
    save(context, choice);
    list.load(listPath(project.id, choice));
  };
  const filters = chips({
    options: FILTERS,
    value: choice.status,
    choose(key) {
      choice.status = key;
      filters.press(key);
      show();
    },
  });
  const search = searchField({
    label: 'Title, id or automation id',
    value: choice.words,
    oninput(text) {
      choice.words = text;
      clearTimeout(timer);
      timer = setTimeout(show, PAUSE);
    },
  });
  return html`<section class="list" aria-label="Test cases">
    <div class="toolbar">${filters.node}${search}</div>
    ${list.node}
  </section>`;
}

/** @param {Place} place @param {Context} context @param {any} make */
const lesson = ({ project }, context, make) =>
  teach({
    title: 'The first test case',
    lead: 'A test case says what the system must do. Automated tests name it, and their results land at it.',
    facts: [
      'Each case gets an automation id, such as 48271, that no other case of the project ever has.',
      html`Write it into the name of a test: <code>[48271] guest checks out</code>.`,
      'Report after the tests have run. A result whose id no case has is listed, and changes nothing.',
    ],
    action: make,
    target: { organizationId: context.session.organization.id, projectId: project.id },
  });

/** @type {View<Data>} */
export default {
  title: 'Test cases',
  rows: 8,

  async load(context) {
    const place = await findProject(context);
    if (!place) return { place };
    const path = listPath(place.project.id, choiceOf(context.query));
    return { place, page: await firstRows(path, context.kept.shown) };
  },

  render(data, context) {
    if (!data.place) return noProject('Test cases', context.session);
    const { place, page } = data;
    keepProject(context, place);
    const { status, words } = choiceOf(context.query);
    const none = !page.data.length && status === 'active' && !words.trim();
    const work = once(async () => {
      if (await makeCase(place.project.id)) await context.reload();
    });
    const make = mayWrite(place.project)
      ? html`<button type="button" class="button button-primary" @click=${work}>
          ${icon('plus-lg')}New test case
        </button>`
      : '';
    return html`<div class="page">
      ${head({
        title: 'Test cases',
        lead: html`Write the automation id into the name of a test, <code>[48271] guest checks out</code>, and
          its results land at its case.`,
        actions: [projectSwitch(place, PATH), none ? '' : make],
      })}
      ${none ? lesson(place, context, make) : ''} ${none ? '' : caseList(place, page, context)}
    </div>`;
  },
};
