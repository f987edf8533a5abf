// The sentences of the audit log that depend on an event's detail.

/** @import { AuditEvent, Content } from '../../types.js' */
import { html } from '../../dom.js';
import { fmt, plural } from '../../format.js';
import { ones, renamed, subject, token, who } from './names.js';

/** @type {Record<string, string>} */
export const ROLES = { admin: 'an admin', member: 'a member', owner: 'the owner' };
/** @type {Record<string, string>} */
export const PROJECT_ROLES = { guest: 'a guest', user: 'a user', project_admin: 'an admin' };
/** @type {Record<string, string>} of what the service ends by itself */
const WHY = {
  leaked: 'somebody reported that it has leaked',
  owner_deactivated: 'its account was deactivated',
  owner_deleted: 'its account was deleted',
  gone: 'its address answered 410',
  failing: 'every delivery of a week failed',
};
/** @type {Record<string, string>} settings of the organization */
const SETTINGS = {
  name: 'name',
  tokensMayCreateTokens: 'whether tokens may create tokens',
  maxExpiryDays: 'longest period of tokens',
  defaultRateLimit: 'rate limit of tokens',
  executionMonths: 'months for which results are kept',
};

/** @param {AuditEvent} event @returns {Content} */
export const because = ({ detail: { reason } }) => (WHY[reason] ? `: ${WHY[reason]}` : '');

/** @param {AuditEvent} event @returns {Content} */
export function revoked(event) {
  if (event.actor.kind === 'system') return ['The token ', token(event), ' was revoked', because(event)];
  const leaked = event.detail.reason === 'leaked' ? ', because it has leaked' : '';
  return [who(event), ' revoked the token ', token(event), leaked];
}

/** @param {AuditEvent} event @returns {Content} */
export function accountChanged(event) {
  const { name: names, orgRole } = event.detail;
  const role = Array.isArray(orgRole) ? (ROLES[orgRole[1]] ?? orgRole[1]) : null;
  if (names) {
    const self = event.actor.userId === event.target.id ? 'themselves' : 'the account';
    return [who(event), ` renamed ${self}`, renamed(names), role ? ` and made it ${role}` : ''];
  }
  return role
    ? [who(event), ' made ', subject(event), ` ${role}`]
    : [who(event), ' changed ', ones(event, 'account')];
}

/** @param {AuditEvent} event @returns {Content} */
export function link(event) {
  const { purpose, delivery } = event.detail;
  const what = purpose === 'invitation' ? 'an invitation' : 'a link for a new password';
  return delivery === 'link'
    ? [who(event), ` was shown ${what} for `, subject(event)]
    : [who(event), ` sent ${what} to `, subject(event)];
}

/** @param {AuditEvent} event @returns {Content} */
export function passwordChanged(event) {
  const { by } = event.detail;
  if (by === 'invitation') return [who(event), ' accepted the invitation and set a password'];
  return [who(event), ' changed ', ones(event, 'password'), by ? ' by a link' : ''];
}

/** @param {AuditEvent} event @returns {Content} */
export function organizationChanged(event) {
  if (event.detail.name) return [who(event), ' renamed the organization', renamed(event.detail.name)];
  const settings = Object.keys(event.detail).map((key) => SETTINGS[key] ?? key);
  return [who(event), ` changed the organization’s settings: ${settings.join(', ')}`];
}

/** @param {AuditEvent} event @returns {Content} */
export function results(event) {
  const { cycle, matched, received } = event.detail;
  return [
    who(event),
    ' sent results to ',
    html`<b class="mono">${String(cycle ?? 'a cycle')}</b>`,
    `: ${fmt.number(Number(matched ?? 0))} of ${plural(Number(received ?? 0), 'result')} matched a test case`,
  ];
}

/** @param {AuditEvent} event @returns {Content} */
export const rateLimit = (event) => [
  who(event),
  ' set the rate limit of the token ',
  token(event),
  event.detail.rateLimit
    ? ` to ${fmt.number(event.detail.rateLimit)} requests per minute`
    : ' to that of all tokens',
];
