// What accounts are called, and their state as a badge.

/** @import { Account } from '../../types.js' */
import { html } from '../../dom.js';

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

/** The question before it is deactivated. @param {Account} account @param {boolean} hasTokens */
export const leaving = (account, hasTokens) => ({
  title: `Deactivate ${account.name}?`,
  body: hasTokens
    ? 'All its tokens end at once and for good, and so do its sessions: pipelines that use one of the tokens fail on their next call. ' +
      'The account can be reactivated; its tokens cannot be brought back.'
    : 'It has no token that can be used. Its sessions end at once. The account can be reactivated.',
  yes: 'Deactivate',
  danger: true,
});

/** What a deactivated account can do again. @param {Account} account */
export function again({ kind, hasPassword }) {
  if (kind === 'service') return 'It can be given new tokens again. Tokens that ended stay ended.';
  const way = hasPassword
    ? 'It can sign in again with its password.'
    : 'It has no password: when it is active again, send a link to set one.';
  return `${way} Tokens that ended stay ended.`;
}
