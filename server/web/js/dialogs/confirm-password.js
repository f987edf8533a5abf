// The last sign-in is too long ago for what was asked: the password once more, then the call is repeated.

/** @import { User } from '../types.js' */
import { api } from '../api.js';
import { html } from '../dom.js';
import { askPassword } from './password-dialog.js';

/** @param {User} user */
export const openConfirmPassword = (user) =>
  askPassword({
    user,
    title: 'Confirm that it is you',
    lead: 'You signed in a while ago. This needs your password again; what you entered stays.',
    action: 'Confirm',
    other: html`<button type="button" class="button" data-close>Cancel</button>`,
    closable: true,
    mark: 'data-confirm-password',
    prove: (password) => api.post('/session/confirm', { password }),
  });
