// One project, for those who manage it: its name, and who may do what in it.

/** @import { Context, Everything, Member, Project, View } from '../types.js' */
import { PROJECTS } from '../address.js';
import { api, Problem } from '../api.js';
import { $, html, icon, name } from '../dom.js';
import { inProject } from '../project.js';
import { managesAll, projectsOf } from '../projects.js';
import { busy, once, showProblem } from '../ui/busy.js';
import { avatar, blank, crumbs, head, select } from '../ui/parts.js';
import { table } from '../ui/table.js';
import { onDay } from '../ui/time.js';
import { toast } from '../ui/toast.js';
import { addMember, agreeToRemove, renameProject } from './projects/dialogs.js';
import { ROLE, ROLES, WHAT } from './projects/words.js';

/** @typedef {{ project: Project, members: Everything<Member> }} Data */

/** @type {import('../ui/table.js').Column<Member>[]} */
const COLUMNS = [
  { key: 'name', title: 'Name', className: 'c-title', by: (one) => one.name },
  { key: 'role', title: 'Role', className: 'fit', by: (one) => ROLE[one.role] },
  { key: 'added', title: 'Added', className: 'fit', by: (one) => Date.parse(one.addedAt), down: true },
  { key: 'actions', title: 'Actions', className: 'fit' },
];

/** The role as a choice, which goes back when the change was refused. @param {Member} member @param {(role: string) => Promise<unknown>} change */
function roleChoice(member, change) {
  const node = select({
    label: `Role of ${member.name}`,
    value: member.role,
    options: ROLES,
    onchange: async (role) => {
      if (!(await change(role))) $('select', node).value = member.role;
    },
  });
  return node;
}

/** @param {Data} data @param {any} slot @param {Context} context */
function rowFor({ project }, slot, { session, reload }) {
  /** @param {() => Promise<unknown>} work @param {string} words @returns {Promise<boolean>} whether it was done */
  const attempt = async (work, words) => {
    slot.replaceChildren();
    try {
      await work();
      toast(words);
    } catch (problem) {
      showProblem(slot, problem);
      return false;
    }
    await reload();
    return true;
  };

  /** @param {Member} member */
  const controls = (member) => {
    const path = `/projects/${project.id}/members/${member.userId}`;
    const change = (/** @type {string} */ role) =>
      attempt(() => api.put(path, { role }), 'Changed. It counts from the next request on.');
    const remove = html`<button
      type="button"
      class="button button-small"
      aria-label=${`Remove ${member.name}`}
    >
      Remove…
    </button>`;
    remove.addEventListener('click', () =>
      busy(remove, async () => {
        if (await agreeToRemove(project, member)) await attempt(() => api.delete(path), 'Removed.');
      }),
    );
    return { role: roleChoice(member, change), remove };
  };

  return (/** @type {Member} */ member) => {
    const { userId, email, status, role, addedAt } = member;
    const isOneself = userId === session.user.id;
    const own = isOneself
      ? { role: ROLE[role], remove: html`<span class="quiet">You</span>` }
      : controls(member);
    const label = name(member.name);
    return html`<tr data-ended=${status === 'deactivated' ? true : null}>
      <th scope="row" class="name-cell">
        <span class="person">
          ${avatar(member)}
          <span>
            ${managesAll(session)
              ? html`<a href=${`/settings/people/${userId}`}>${label}</a>`
              : html`<b>${label}</b>`}
            <span class="sub">${email}${status === 'active' ? '' : ' · deactivated'}</span>
          </span>
        </span>
      </th>
      <td class="fit">${own.role}</td>
      <td class="fit quiet nowrap" data-label="Added">${onDay(addedAt, { short: true })}</td>
      <td class="fit corner">${own.remove}</td>
    </tr>`;
  };
}

/** @param {Data} data @param {Context} context */
function memberList(data, context) {
  const { kept, keep } = context;
  const slot = html`<div></div>`;
  const list = table({
    label: 'Members',
    className: 'members run-on',
    noun: 'member',
    columns: COLUMNS,
    rows: data.members.data,
    order: { key: 'name', down: false, .../** @type {any} */ (kept.order) },
    shown: Number(kept.shown) || 50,
    empty: () =>
      blank({ symbol: 'people', title: 'No member yet', body: 'Only admins of the organization see it.' }),
    row: rowFor(data, slot, context),
    onorder: (order) => keep({ order }),
    onmore: (shown) => keep({ shown }),
  });
  return html`<section class="list" aria-label="Members of the project">${list.node}${slot}</section>`;
}

/** @param {Data} data @param {Context} context */
function actionsFor({ project, members }, { session, reload }) {
  const rename = once(async () => {
    if (await renameProject(project)) await reload();
  });
  const add = once(async () => {
    if (!(await addMember(project, members.data))) return;
    toast('Added. It counts from the next request on.');
    await reload();
  });
  return [
    html`<a class="button" href=${inProject('/test-cases', project.id)}
      >${icon('card-checklist')}Test cases</a
    >`,
    html`<button type="button" class="button" @click=${rename}>Rename</button>`,
    managesAll(session)
      ? html`<button type="button" class="button button-primary" @click=${add}>
          ${icon('plus-lg')}Add a member
        </button>`
      : '',
  ];
}

/** @type {View<Data>} */
export default {
  title: 'Project',
  named: true,
  live: true,

  async load({ params }) {
    const project = (await projectsOf()).find(({ id }) => id === `PRJ-${params.number}`);
    if (!project) throw new Problem({ status: 404 });
    if (project.role !== 'project_admin')
      throw new Problem({ status: 403, detail: 'Only those who manage the project see its members here.' });
    return { project, members: await api.all(`/projects/${project.id}/members`) };
  },

  render(data, context) {
    const { project } = data;
    const others = managesAll(context.session)
      ? 'The organization’s owner and admins manage every project without being members.'
      : 'The organization’s owner and admins manage every project, and add people to it: ask one of them.';
    return html`<div class="page">
      ${head({
        above: crumbs(['Projects', PROJECTS], [project.id]),
        title: name(project.name),
        lead: `${WHAT} ${others}`,
        actions: actionsFor(data, context),
      })}
      ${memberList(data, context)}
    </div>`;
  },
};
