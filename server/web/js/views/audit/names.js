// Who and what an event names, as parts of its sentence.

/** @import { AuditEvent, Content } from '../../types.js' */
import { PEOPLE } from '../../address.js';
import { html, icon, name } from '../../dom.js';

/** An account, with a link to its page when it has one. @param {AuditEvent} event @param {unknown} id */
export function account({ users }, id) {
  const one = users.find((user) => user.id === id);
  if (!one) return 'an account that is gone';
  const kind =
    one.kind === 'service' ? html`${icon('robot')}<span class="sr-only">service account </span>` : '';
  return one.status === 'deleted'
    ? html`<b>${kind}${name(one.name)}</b>`
    : html`<a href=${`${PEOPLE}/${one.id}`}>${kind}${name(one.name)}</a>`;
}

/** Who did it, at the begin of a sentence. @param {AuditEvent} event */
export function who(event) {
  const { kind, userId } = event.actor;
  if (kind === 'user')
    return event.users.some(({ id }) => id === userId) ? account(event, userId) : html`<b>Somebody</b>`;
  return html`<b>${kind === 'operator' ? 'An operator' : 'The service'}</b>`;
}

/** @param {unknown} text that a person chose; null: what stands for it */
export const named = (text, otherwise = 'that is gone') =>
  typeof text === 'string' && text ? html`<b>${name(text)}</b>` : html`<span>${otherwise}</span>`;

/** What the target was called at that time, or is now. @param {AuditEvent} event */
export const target = ({ detail, target: { name: now } }) =>
  named(typeof detail.name === 'string' ? detail.name : now);

/** Of whom, unless it is the actor's own. @param {AuditEvent} event @returns {Content} */
export function of(event) {
  const { ownerId } = event.detail;
  return ownerId && ownerId !== event.actor.userId ? [' of ', account(event, ownerId)] : '';
}

/** @param {AuditEvent} event @returns {Content} */
export const token = (event) => [target(event), of(event)];

/** The person whose account it was done to; of their own, "their". @param {AuditEvent} event @param {string} thing */
export const ones = (event, thing) =>
  event.actor.userId === event.target.id
    ? `their ${thing}`
    : [`the ${thing} of `, account(event, event.target.id)];

/** @param {AuditEvent} event */
export const subject = (event) => account(event, event.target.id);

/** The id that people know, and the title. @param {AuditEvent} event @param {string} prefix @returns {Content} */
export function test({ detail, target: { name: now } }, prefix) {
  const title = detail.title ?? detail.name;
  return [
    html`<b class="mono">${prefix}-${String(detail.number ?? '?')}</b>`,
    ' ',
    named(Array.isArray(title) ? title[1] : (title ?? now)),
  ];
}

/** A change: from what to what. @param {unknown} change @returns {Content} */
export const renamed = (change) =>
  Array.isArray(change) ? [' from ', named(String(change[0])), ' to ', named(String(change[1]))] : '';
