// Adds a person, who then gets an invitation, or a service account. What was typed survives a refusal.

/** @import { Account } from '../../types.js' */
import { api, Problem } from '../../api.js';
import { $, html } from '../../dom.js';
import { busy, showProblem, wordsFor } from '../../ui/busy.js';
import { dialog, open, withForm } from '../../ui/dialog.js';
import { choice, complain, field } from '../../ui/fields.js';
import { toast } from '../../ui/toast.js';
import { mailLink, showLink } from './link.js';

const KINDS = [
  ['member', 'Person, member'],
  ['admin', 'Person, admin'],
  ['service', 'Service account, for a pipeline'],
];

const fields = (/** @type {any} */ slot) =>
  html`<div class="stack">
    ${field(
      'add-name',
      'Name',
      'As others see it.',
      html`<input
        class="input"
        id="add-name"
        dir="auto"
        autocomplete="off"
        required
        autofocus
        aria-describedby="add-name-hint"
      />`,
    )}
    ${field(
      'add-email',
      'Email',
      'An address has one account.',
      html`<input
        class="input"
        id="add-email"
        type="email"
        autocomplete="off"
        required
        aria-describedby="add-email-hint"
      />`,
    )}
    ${field(
      'add-kind',
      'Role',
      'Admins manage people, projects and settings. A service account has tokens, and no password.',
      choice('add-kind', KINDS),
    )}
    ${slot}
  </div>`;

/** @param {unknown} problem @param {any} node @returns {boolean} whether it was about a field */
function complainAbout(problem, node) {
  if (!(problem instanceof Problem)) return false;
  if (problem.status === 409) {
    complain(node, 'add-email', 'Another account has this address.');
    return true;
  }
  for (const { field: at, detail } of problem.errors) {
    if (at === 'name') complain(node, 'add-name', `The name ${detail}.`);
    if (at === 'email') complain(node, 'add-email', `The address ${detail}.`);
  }
  return problem.errors.length > 0;
}

/** The invitation goes by mail where there is mail, and is shown where there is none. @param {Account} made */
async function invite(made) {
  try {
    await mailLink(made);
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status !== 409) {
      toast(wordsFor(problem));
      return;
    }
    await (
      await showLink(made)
    ).closed;
  }
}

/** @returns {Promise<Account | null>} null when it was cancelled */
export async function addPerson() {
  /** @type {Account | null} */
  let made = null;
  const slot = html`<div></div>`;
  const submit = html`<button class="button button-primary" type="submit">Add</button>`;
  const cancel = html`<button class="button" type="button" data-close>Cancel</button>`;
  const node = dialog({
    title: 'Add an account',
    lead: 'A person gets an invitation, by which they set their password.',
    closedBy: 'closerequest',
    body: fields(slot),
    foot: [cancel, submit],
  });
  const work = async () => {
    const kind = $('#add-kind', node).value;
    const body = {
      name: $('#add-name', node).value.trim(),
      email: $('#add-email', node).value.trim(),
      ...(kind === 'service' ? { kind } : { orgRole: kind }),
    };
    try {
      made = await api.post('/users', body);
      node.close('done');
    } catch (problem) {
      if (!complainAbout(problem, node)) showProblem(slot, problem, submit);
    }
  };
  withForm(node, { novalidate: true }).addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault();
    const missing = ['add-name', 'add-email'].find((id) => !$(`#${id}`, node).value.trim());
    for (const id of ['add-name', 'add-email']) complain(node, id, '');
    if (missing)
      complain(node, missing, missing === 'add-name' ? 'Give the name.' : 'Give the email address.');
    else busy(submit, work);
  });
  await open(node);
  const account = /** @type {Account | null} */ (made);
  if (account?.kind === 'person') await invite(account);
  else if (account) toast('The service account is added.');
  return account;
}
