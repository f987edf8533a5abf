// Change of password. A wrong field says so beneath itself; what was typed stays.

/** @import { Context } from '../../types.js' */
import { api, Problem } from '../../api.js';
import { $, html } from '../../dom.js';
import { busy, showProblem } from '../../ui/busy.js';
import { toast } from '../../ui/toast.js';

const LEAST = 8;

/** @param {string} id @param {string} label @param {string} autocomplete @param {string} hint */
const field = (id, label, autocomplete, hint) =>
  html`<div class="field">
    <label for=${id}>${label}</label>
    <input
      class="input"
      id=${id}
      type="password"
      autocomplete=${autocomplete}
      maxlength="128"
      required
      aria-describedby=${`${id}-hint`}
    />
    <p class="hint" id=${`${id}-hint`} data-hint=${hint}>${hint}</p>
  </div>`;

/** @param {any} form @param {string} id @param {string} text */
function complain(form, id, text) {
  const [input, hint] = [$(`#${id}`, form), $(`#${id}-hint`, form)];
  hint.className = 'field-error';
  hint.textContent = text;
  input.setAttribute('aria-invalid', 'true');
  input.focus();
}

/** @param {any} form */
function forgive(form) {
  for (const id of ['current', 'fresh']) {
    const hint = $(`#${id}-hint`, form);
    hint.className = 'hint';
    hint.textContent = hint.dataset.hint;
    $(`#${id}`, form).removeAttribute('aria-invalid');
  }
}

/** @param {unknown} problem @param {any} form @returns {boolean} whether it was about a field */
function complainAbout(problem, form) {
  if (!(problem instanceof Problem) || problem.status !== 422) return false;
  for (const { field: name, detail } of problem.errors) {
    if (name === 'currentPassword')
      complain(form, 'current', `The current password ${detail}.`.replace(/\.\.$/, '.'));
    else if (name === 'newPassword')
      complain(form, 'fresh', `The new password ${detail}.`.replace(/\.\.$/, '.'));
  }
  return problem.errors.length > 0;
}

/** @param {Context} context */
export function passwordForm({ session, reload }) {
  const slot = html`<div></div>`;
  const submit = html`<button class="button" type="submit">Change password</button>`;
  const form = html`<form class="stack" novalidate>
    <input
      class="sr-only"
      type="email"
      autocomplete="username"
      tabindex="-1"
      aria-hidden="true"
      readonly
      value=${session.user.email}
    />
    <div class="columns">
      ${field('current', 'Current password', 'current-password', '')}
      ${field(
        'fresh',
        'New password',
        'new-password',
        `${LEAST} to 128 characters; common passwords are refused.`,
      )}
    </div>
    <p class="small quiet">Every other session ends. Your tokens keep working.</p>
    ${slot}
    <div class="row">${submit}</div>
  </form>`;
  const work = async () => {
    const [currentPassword, newPassword] = ['#current', '#fresh'].map((id) => $(id, form).value);
    try {
      await api.post('/account/password', { currentPassword, newPassword });
      form.reset();
      slot.replaceChildren();
      toast('Password changed. Other sessions have ended.');
      await reload();
    } catch (problem) {
      if (!complainAbout(problem, form)) showProblem(slot, problem, submit);
    }
  };
  form.addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault();
    forgive(form);
    if (!$('#current', form).value) complain(form, 'current', 'Enter your current password.');
    else if ([...$('#fresh', form).value].length < LEAST)
      complain(form, 'fresh', `Use at least ${LEAST} characters.`);
    else busy(submit, work);
  });
  return form;
}
