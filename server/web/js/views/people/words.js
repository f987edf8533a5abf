// What accounts are called, and their state as a badge.

/** @import { Account } from '../../types.js' */
import { html } from '../../dom.js';

export const PEOPLE = '/settings/people';

export const ROLE = { owner: 'Owner', admin: 'Admin', member: 'Member' };

/** Whether the person has not accepted the invitation yet. @param {Account} one */
export const isInvited = (one) => one.kind === 'person' && !one.hasPassword;

/** @param {Account} one */
export function stateOf(one) {
  if (one.status === 'deactivated') return html`<span class="badge">Deactivated</span>`;
  if (isInvited(one)) return html`<span class="badge" data-tone="warn">Invited</span>`;
  return html`<span class="badge" data-tone="ok">Active</span>`;
}
