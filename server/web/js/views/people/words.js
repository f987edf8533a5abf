// What accounts are called, and their state as a badge.

/** @import { Account } from '../../types.js' */
import { html } from '../../dom.js';

export const PEOPLE = '/settings/people';

export const ROLE = { owner: 'Owner', admin: 'Admin', member: 'Member' };

/** Why no link is shown; it can be mailed all the same. */
export const NO_LINK = {
  is_owner: 'A link of the owner is shown to nobody.',
  is_oneself: '',
  is_admin: 'A link of an admin is shown to the owner only.',
  was_admin: 'The person was an admin within the last 7 days, so a link is shown to the owner only.',
};

/** Whether the person has not accepted the invitation yet. @param {Account} one */
export const isInvited = (one) => one.kind === 'person' && !one.hasPassword;

/** @param {Account} one */
export function stateOf(one) {
  if (one.status === 'deactivated') return html`<span class="badge">Deactivated</span>`;
  if (isInvited(one)) return html`<span class="badge" data-tone="warn">Invited</span>`;
  return html`<span class="badge" data-tone="ok">Active</span>`;
}
