// One event as a row: when, the sentence, from where; all that the API says of it on demand.

/** @import { AuditEvent, Content, Context } from '../../types.js' */
import { auditPath } from '../../address.js';
import { html, icon, name } from '../../dom.js';
import { stamp } from '../../ui/time.js';
import { thing } from './filters.js';
import { sentence } from './words.js';

/** @param {string} title @param {Content} content */
const fact = (title, content) =>
  html`<div>
    <dt>${title}</dt>
    <dd class="break">${content}</dd>
  </div>`;

/** By what it was done, and from where. @param {AuditEvent} event @returns {Content} */
function from({ actor, address }) {
  const at = address ? html`<span class="mono">${address}</span>` : '';
  if (actor.kind === 'operator') return 'On the command line';
  if (actor.kind === 'system') return address ? ['Without signing in · ', at] : 'By the service itself';
  const by = actor.apiKeyId ? html`Token ${name(actor.apiKeyName ?? String(actor.apiKeyId))}` : 'Session';
  return address ? [by, ' · ', at] : by;
}

/** @param {AuditEvent} event */
function links({ actor, target, users }) {
  const actorName = users.find(({ id }) => id === actor.userId)?.name;
  const by = actor.userId
    ? html`<a href=${auditPath({ actorUserId: actor.userId })}
        >What ${name(actorName ?? 'this account')} did</a
      >`
    : '';
  return html`<p class="links">
    <a href=${auditPath({ targetKind: target.kind, targetId: target.id })}
      >What was done to this ${thing(target.kind)}</a
    >${by}
  </p>`;
}

/** What was changed stands in the detail as [before, after]. @param {AuditEvent} event */
const hasPairs = ({ action, detail }) =>
  !action.endsWith('created') && Object.values(detail).some((one) => Array.isArray(one) && one.length === 2);

/** @param {AuditEvent} event */
function facts(event) {
  const { target, requestId, detail } = event;
  return html`<div class="stack-s">
    <dl class="facts">
      ${fact('Action', html`<code>${event.action}</code>`)}
      ${fact('Target', html`<span>${thing(target.kind)} ${String(target.id)}</span>`)}
      ${requestId ? fact('Request', html`<code>${requestId}</code>`) : ''}
    </dl>
    ${Object.keys(detail).length ? html`<pre dir="auto">${JSON.stringify(detail, null, 2)}</pre>` : ''}
    ${hasPairs(event) ? html`<p class="hint">Pairs are before and after.</p>` : ''} ${links(event)}
  </div>`;
}

/**
 * The line below the sentence. What it discloses is made when it is opened, and stays open when the view is drawn again.
 * @param {AuditEvent} event @param {Set<unknown>} open @param {() => void} changed
 */
function details(event, open, changed) {
  const node = html`<details class="disclosure message">
    <summary>
      ${icon('chevron-right', 'chevron')}<span><span class="sr-only">Details: </span>${from(event)}</span>
    </summary>
  </details>`;
  const fill = () => node.childElementCount === 1 && node.append(facts(event));
  if (open.has(event.id)) {
    fill();
    node.open = true;
  }
  node.addEventListener('toggle', () => {
    if (node.open) fill();
    if (node.open === open.has(event.id)) return;
    if (node.open) open.add(event.id);
    else open.delete(event.id);
    changed();
  });
  return node;
}

/** @param {AuditEvent} event @returns {Content} */
const note = ({ detail }) =>
  typeof detail.note === 'string' && detail.note
    ? html`<span class="sub break"
        ><q><bdi dir="auto">${detail.note}</bdi></q></span
      >`
    : '';

/**
 * Gives the function that draws an event.
 * @param {Context} context
 * @returns {(event: AuditEvent) => any}
 */
export function rows({ kept, keep }) {
  const open = new Set(Array.isArray(kept.open) ? kept.open : []);
  return (event) =>
    html`<tr>
      <td class="quiet nowrap fit">${stamp(event.occurredAt)}</td>
      <th scope="row" class="name-cell full plain c-title">
        <p class="sentence">${sentence(event)}</p>
        ${note(event)}${details(event, open, () => keep({ open: [...open] }))}
      </th>
    </tr>`;
}
