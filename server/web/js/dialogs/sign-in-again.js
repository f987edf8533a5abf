// The session ended while a page was open: sign in on the spot, and keep everything behind it.

/** @import { User } from '../types.js' */
import { html } from '../dom.js';
import { signIn } from '../session.js';
import { askPassword } from './password-dialog.js';

/** @param {User} user */
export const openSignInAgain = (user) =>
  askPassword({
    user,
    title: 'You have been signed out',
    lead: 'Your page is as you left it. Sign in again to go on.',
    action: 'Sign in',
    other: html`<a class="button start" href="/sign-in" data-close>Another account</a>`,
    closable: false,
    mark: 'data-sign-in-again',
    prove: (password) => signIn(user.email, password),
  });
