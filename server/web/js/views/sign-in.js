// Sign in. Names and autocomplete as password managers expect them; room for the error is kept, so nothing
// jumps.

/** @import { Context, View } from '../types.js' */
import { safeNext } from '../address.js';
import { Problem } from '../api.js';
import { $, html, icon } from '../dom.js';
import { navigate } from '../router.js';
import { forget, signIn } from '../session.js';
import { busy } from '../ui/busy.js';

/** @param {unknown} problem */
function words(problem) {
  const status = problem instanceof Problem ? problem.status : 0;
  if (status === 401) return 'That email and password do not match.';
  if (status === 429) return 'Too many tries. Wait a minute, then try again.';
  if (status === 403) return 'This address is not the one that the service is configured with.';
  if (status === 422) return 'Enter your email and your password.';
  return 'TestKase cannot be reached right now. Try again in a moment.';
}

/** @param {any} slot @param {any} submit */
const fields = (slot, submit) =>
  html`<form>
    <div class="field">
      <label for="email">Email</label>
      <input class="input" id="email" name="email" type="email" autocomplete="username" required autofocus />
    </div>
    <div class="field">
      <label for="password">Password</label>
      <input
        class="input"
        id="password"
        name="password"
        type="password"
        autocomplete="current-password"
        required
        aria-describedby="sign-in-error"
      />
    </div>
    ${slot}${submit}
  </form>`;

/** @param {Context} context */
function signInForm({ query }) {
  const slot = html`<p class="field-error slot" id="sign-in-error" role="alert"></p>`;
  const submit = html`<button class="button button-primary button-wide" type="submit">Sign in</button>`;
  const form = fields(slot, submit);
  const work = async () => {
    slot.replaceChildren();
    const password = $('#password', form);
    try {
      await signIn($('#email', form).value.trim(), password.value);
      $('#toast').hidePopover(); // what it said of signing in is done
      await navigate(safeNext(query.get('next')), { replace: true });
    } catch (problem) {
      slot.replaceChildren(icon('exclamation-octagon'), words(problem));
      password.select();
    }
  };
  form.addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault();
    busy(submit, work);
  });
  return form;
}

/** @type {View} */
export default {
  title: 'Sign in',
  bare: true,

  render(_, context) {
    forget();
    return html`<div class="door">
      <div class="door-card">
        <header>
          ${icon('mark')}
          <h1 tabindex="-1">Sign in to TestKase</h1>
        </header>
        ${signInForm(context)}
        <p class="small"><a href="/set-password">Forgot your password?</a></p>
      </div>
      <footer><span>No account? An admin of your organization can make one for you.</span></footer>
    </div>`;
  },
};
