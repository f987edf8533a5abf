// What is asked when a project is made or renamed, and when somebody is added to it or taken out.

/** @import { Account, Member, Project } from '../../types.js' */
import { api } from '../../api.js';
import { askText } from '../../dialogs/ask-text.js';
import { $, html } from '../../dom.js';
import { busy, showProblem } from '../../ui/busy.js';
import { confirm, dialog, open, withForm } from '../../ui/dialog.js';
import { choice, field } from '../../ui/fields.js';
import { ROLES, WHAT } from './words.js';

const NAMED = { label: 'Name', hint: 'Such as the product that is tested.', most: 100 };

/** @returns {Promise<Project | null>} */
export const makeProject = () =>
  askText({
    ...NAMED,
    title: 'New project',
    action: 'Create project',
    send: (name) => api.post('/projects', { name }),
  });

/** @param {Project} project @returns {Promise<Project | null>} */
export const renameProject = ({ id, name }) =>
  askText({
    ...NAMED,
    title: 'Rename the project',
    value: name,
    action: 'Save name',
    send: (next) => api.patch(`/projects/${id}`, { name: next }),
  });

/** The organization's owner and admins are no choice: they are admins of every project. @param {Member[]} members */
async function candidates(members) {
  const there = new Set(members.map(({ userId }) => userId));
  /** @type {Account[]} */
  const accounts = (await api.all('/users?status=active')).data;
  return accounts.filter((one) => one.orgRole === 'member' && !there.has(one.id));
}

/** @param {Account} one */
const accountWords = ({ kind, name, email }) =>
  `${name} (${email})${kind === 'service' ? ', service account' : ''}`;

const nobodyLeft = () =>
  open(
    dialog({
      title: 'Nobody to add',
      body: html`<p class="quiet">
        Every active account of the organization is in the project already, or manages every project.
        <a href="/settings/people">Add an account</a> first.
      </p>`,
      foot: html`<button type="button" class="button" data-close autofocus>Close</button>`,
    }),
  );

/**
 * @param {Project} project
 * @param {Member[]} members
 * @returns {Promise<Member | null>} null when it was cancelled
 */
export async function addMember(project, members) {
  const others = await candidates(members);
  if (!others.length) {
    await nobodyLeft();
    return null;
  }
  /** @type {Member | null} */
  let made = null;
  const slot = html`<div></div>`;
  const submit = html`<button class="button button-primary" type="submit">Add</button>`;
  const accounts = others.map((one) => [String(one.id), accountWords(one)]);
  const node = dialog({
    title: 'Add a member',
    closedBy: 'closerequest',
    body: html`<div class="stack">
      ${field(
        'member-account',
        'Account',
        'A person, or a service account.',
        choice('member-account', accounts),
      )}
      ${field('member-role', 'Role', WHAT, choice('member-role', ROLES))} ${slot}
    </div>`,
    foot: [html`<button class="button" type="button" data-close>Cancel</button>`, submit],
  });
  const work = async () => {
    try {
      const body = { role: $('#member-role', node).value };
      made = await api.put(`/projects/${project.id}/members/${$('#member-account', node).value}`, body);
      node.close('done');
    } catch (problem) {
      showProblem(slot, problem, submit);
    }
  };
  withForm(node).addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault();
    busy(submit, work);
  });
  await open(node);
  return made;
}

/** @param {Project} project @param {Member} member */
export const agreeToRemove = (project, { kind, name }) =>
  confirm({
    title: `Remove ${name} from ${project.name}?`,
    body:
      `From the next request on, ${kind === 'service' ? 'the account' : name} and all its tokens do not see this ` +
      'project: pipelines that report to it with one of them fail on their next call. The tokens stay valid elsewhere.',
    yes: 'Remove',
    danger: true,
  });
