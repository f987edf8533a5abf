// The projects that the reader manages: all of the organization for its owner and admins.

/** @import { Project, View } from '../types.js' */
import { PROJECTS } from '../address.js';
import { Problem } from '../api.js';
import { html, icon, name } from '../dom.js';
import { managed, managesAll } from '../projects.js';
import { navigate } from '../router.js';
import { once } from '../ui/busy.js';
import { blank, head } from '../ui/parts.js';
import { table } from '../ui/table.js';
import { makeProject } from './projects/dialogs.js';

/** @typedef {import('../ui/table.js').Column<Project>} Column */

/** @type {Column[]} */
const COLUMNS = [
  { key: 'name', title: 'Name', className: 'c-title', by: (one) => one.name },
  { key: 'id', title: 'Id', className: 'fit', by: (one) => Number(one.id.slice(4)) },
];

/** @param {Project} project */
const row = (project) =>
  html`<tr>
    <th scope="row" class="name-cell full">
      <a href=${`${PROJECTS}/${project.id}`}>${name(project.name)}</a>
    </th>
    <td class="fit quiet mono">${project.id}</td>
  </tr>`;

const nothing = () =>
  blank({
    symbol: 'kanban',
    title: 'No project yet',
    body: 'A project has test cases, their results, and the members who may read or change them.',
  });

/** @type {View<Project[]>} */
export default {
  title: 'Projects',
  rows: 3,
  live: true,

  async load({ session }) {
    const projects = await managed();
    if (!projects.length && !managesAll(session))
      throw new Problem({
        status: 403,
        detail: 'You manage no project. Admins of the organization manage all.',
      });
    return projects;
  },

  render(projects, { session, kept, keep }) {
    const make = once(async () => {
      const made = await makeProject();
      if (made) await navigate(`${PROJECTS}/${made.id}`);
    });
    const button = html`<button type="button" class="button button-primary" @click=${make}>
      ${icon('plus-lg')}New project
    </button>`;
    const list = table({
      label: 'Projects',
      className: 'projects run-on',
      noun: 'project',
      columns: COLUMNS,
      rows: projects,
      order: { key: 'id', down: false, .../** @type {any} */ (kept.order) },
      shown: Number(kept.shown) || 50,
      empty: nothing,
      row,
      onorder: (order) => keep({ order }),
      onmore: (shown) => keep({ shown }),
    });
    return html`<div class="page">
      ${head({
        title: 'Projects',
        lead: 'Each has its own test cases and results. Its members see them, nobody else but the organization’s admins.',
        actions: managesAll(session) ? button : null,
      })}
      <section class="list" aria-label="Projects that you manage">${list.node}</section>
    </div>`;
  },
};
