// A dialog that asks for the reader's own password, and keeps everything behind it.

/** @import { Content, User } from '../types.js' */
import { $, html } from '../dom.js';
import { Problem } from '../api.js';
import { busy, showProblem } from '../ui/busy.js';
import { dialog, open, withForm } from '../ui/dialog.js';

/** @param {User} user @param {any} slot */
const fields = (user, slot) =>
  html`<div class="stack">
    <div class="field">
      <label for="again-email">Email</label>
      <input
        class="input"
        id="again-email"
        type="email"
        autocomplete="username"
        value=${user.email}
        readonly
      />
    </div>
    <div class="field">
      <label for="again-password">Password</label>
      <input
        class="input"
        id="again-password"
        type="password"
        autocomplete="current-password"
        required
        autofocus
      />
    </div>
    ${slot}
  </div>`;

/** @param {unknown} problem */
const wrong = (problem) =>
  problem instanceof Problem && problem.status === 401
    ? new Problem({ status: 422, title: 'The password is wrong.' })
    : problem;

/**
 * @param {{ user: User, title: string, lead: string, action: string, other: Content, closable: boolean,
 *   mark: string, prove: (password: string) => Promise<unknown> }} settings
 * @returns {Promise<boolean>} whether the password was proved
 */
export async function askPassword({ user, title, lead, action, other, closable, mark, prove }) {
  const slot = html`<div></div>`;
  const submit = html`<button class="button button-primary" type="submit">${action}</button>`;
  const closedBy = closable ? 'closerequest' : 'none';
  const node = dialog({ title, lead, closedBy, closable, body: fields(user, slot), foot: [other, submit] });
  node.setAttribute(mark, '');
  const form = withForm(node);
  const work = async () => {
    const field = $('#again-password', node);
    try {
      await prove(field.value);
      field.value = '';
      node.close('in');
    } catch (problem) {
      showProblem(slot, wrong(problem), submit);
      field.select();
    }
  };
  form.addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault();
    busy(submit, work);
  });
  return (await open(node)) === 'in';
}
