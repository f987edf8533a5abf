// Set a password by a link from a mail or from an admin; without one, ask for a link. The link's secret stands in the
// fragment. It is taken from the address at once, so that neither history nor a shared screen has it.

/** @import { View } from '../types.js' */
import { api, Problem } from '../api.js';
import { $, html, icon } from '../dom.js';
import { entry } from '../history.js';
import { navigate } from '../router.js';
import { busy, showProblem } from '../ui/busy.js';
import { toast } from '../ui/toast.js';

const LEAST = 8;
const RULE = `${LEAST} to 128 characters; common passwords are refused.`;

/** @param {any} input @param {any} below @param {string} text */
function complain(input, below, text) {
  input.setAttribute('aria-invalid', 'true');
  below.className = 'field-error';
  below.replaceChildren(icon('exclamation-octagon'), text);
  input.focus();
}

/** A field with a line beneath it, which says what is wrong until something is typed. @param {any} input @param {string} label @param {string} hint */
function field(input, label, hint) {
  const below = html`<p class="hint" id=${`${input.id}-hint`}>${hint}</p>`;
  input.setAttribute('aria-describedby', below.id);
  input.addEventListener('input', () => {
    input.removeAttribute('aria-invalid');
    below.className = 'hint';
    below.textContent = hint;
  });
  const node = html`<div class="field"><label for=${input.id}>${label}</label>${input}${below}</div>`;
  return { node, refuse: (/** @type {string} */ text) => complain(input, below, text) };
}

/** @param {string} title @param {any} content @param {any} foot */
const door = (title, content, foot) =>
  html`<div class="door">
    <div class="door-card">
      <header>
        ${icon('mark')}
        <h1 tabindex="-1">${title}</h1>
      </header>
      ${content}
    </div>
    <footer>${foot}</footer>
  </div>`;

const signInLink = () => html`<span><a href="/sign-in">Back to sign in</a></span>`;

/** Puts other content in the card's place and moves focus to its heading. @param {any} old @param {any} next */
function turnInto(old, next) {
  old.closest('.door').replaceWith(next);
  $('h1', next).focus();
}

// --- ask for a link ---

/** @param {boolean} sendsMail */
const asked = (sendsMail) =>
  sendsMail
    ? door(
        'Check your mail',
        html`<p role="status">
          If this address has an account, a mail with a link is on its way. The link works once, and not for
          long. Nothing there after some minutes? Look among the spam, then ask again.
        </p>`,
        signInLink(),
      )
    : door(
        'Ask an admin',
        html`<p role="status">
          This service sends no mail at present. An admin of your organization can make a link for you, under
          Settings, People.
        </p>`,
        signInLink(),
      );

function askForm() {
  const slot = html`<div></div>`;
  const submit = html`<button class="button button-primary button-wide" type="submit">Send a link</button>`;
  const input = html`<input
    class="input"
    id="email"
    name="email"
    type="email"
    autocomplete="username"
    required
    autofocus
  />`;
  const email = field(input, 'Email', 'Of your account.');
  const form = html`<form class="stack" novalidate>${email.node}${slot}${submit}</form>`;
  const work = async () => {
    slot.replaceChildren();
    try {
      const { sendsMail } = await api.post('/password-resets', { email: input.value.trim() });
      turnInto(form, asked(sendsMail));
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 422) email.refuse('This is no email address.');
      else showProblem(slot, problem, submit);
    }
  };
  form.addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault();
    if (input.value.trim()) busy(submit, work);
    else email.refuse('Enter your email address.');
  });
  return form;
}

const askView = (title = 'Get a new password') =>
  door(
    title,
    html`<div class="stack">
      <p>A link by which you set a new password comes by mail.</p>
      ${askForm()}
    </div>`,
    signInLink(),
  );

// --- set the password ---

/** @param {string} secret */
function setForm(secret) {
  const slot = html`<div></div>`;
  const submit = html`<button class="button button-primary button-wide" type="submit">
    Set the password
  </button>`;
  const input = html`<input
    class="input"
    id="new-password"
    name="new-password"
    type="password"
    autocomplete="new-password"
    maxlength="128"
    required
    autofocus
  />`;
  const show = html`<input id="show-password" type="checkbox" />`;
  show.addEventListener('change', () => {
    input.type = show.checked ? 'text' : 'password';
  });
  const password = field(input, 'New password', RULE);
  const form = html`<form class="stack" novalidate>
    ${password.node}
    <div class="check">${show}<label for="show-password">Show the password</label></div>
    ${slot}${submit}
  </form>`;
  const work = async () => {
    slot.replaceChildren();
    try {
      await api.post('/password-resets/confirm', { secret, newPassword: input.value });
      input.value = '';
      await navigate('/sign-in', { replace: true });
      toast('Your password is set. Sign in with it.');
    } catch (problem) {
      const refused = problem instanceof Problem && problem.status === 422 ? problem.errors[0] : null;
      if (problem instanceof Problem && problem.status === 404)
        turnInto(form, askView('This link is not valid any more'));
      else if (refused) password.refuse(`The new password ${refused.detail}.`);
      else showProblem(slot, problem, submit);
    }
  };
  form.addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault();
    if ([...input.value].length < LEAST) password.refuse(`Use at least ${LEAST} characters.`);
    else busy(submit, work);
  });
  return form;
}

/** The secret of the address, which has none from then on. */
function takeSecret() {
  const secret = location.hash.slice(1);
  if (secret) history.replaceState(entry(), '', location.pathname);
  return secret;
}

/** @type {View} */
export default {
  title: 'Set a password',
  bare: true,

  render() {
    // Another link that is opened in the same tab changes only the fragment.
    addEventListener('hashchange', () => location.hash && location.reload(), { once: true });
    const secret = takeSecret();
    if (!secret) return askView();
    return door(
      'Set your password',
      html`<div class="stack">
        <p>Where you are signed in, you are signed out when it is set. Tokens that you have keep working.</p>
        ${setForm(secret)}
      </div>`,
      signInLink(),
    );
  },
};
