// One token as a row of the list.

/** @import { Finding, Token } from '../../types.js' */
/** @import { Actions } from '../api-keys.js' */
import { tokenPath } from '../../address.js';
import { html, icon, name } from '../../dom.js';
import { DAY, fmt, ms, plural } from '../../format.js';
import { endedBecause, guidePath, isLive, lifeline, product, stateBadge, stateOf } from '../../token.js';
import { externalLink } from '../../ui/parts.js';
import { onDay, when } from '../../ui/time.js';

/** @param {number} since */
const daysSince = (since) => plural(Math.floor((Date.now() - since) / DAY), 'day');

/** @param {Token} token @param {Finding[]} findings */
function flags(token, findings) {
  const has = (/** @type {string} */ practice) => findings.some((one) => one.practice === practice);
  const texts = [
    has('never_used') && 'Never used',
    has('shared') && 'Shared by several integrations',
    has('unused') && token.lastUsedAt && `Unused for ${daysSince(ms(token.lastUsedAt))}`,
  ].filter(Boolean);
  if (!texts.length) return '';
  return html`<div class="flags">
    ${texts.map((text) => html`<span data-tone="warn">${icon('lightbulb')}${text}</span>`)}
  </div>`;
}

/** @param {Token} token */
function usedFor({ purpose, link }) {
  if (!purpose && !link) return '';
  return html`<span class="sub use">
    ${link && externalLink(link, { short: true })}${purpose && link ? ' · ' : ''}<bdi dir="auto"
      >${purpose}</bdi
    >
  </span>`;
}

/** @param {Token} token @param {Finding[]} findings */
const nameCell = (token, findings) =>
  html`<th scope="row" class="name-cell c-name">
    <a href=${tokenPath(token.id)} title=${token.name.length > 60 ? token.name : null}>${name(token.name)}</a>
    ${usedFor(token)}<span class="preview preview-under">${token.tokenPreview}</span>${flags(token, findings)}
  </th>`;

/** @param {Token} token */
function lifeCell(token) {
  const moment = isLive(token) ? token.expiresAt : (token.endedAt ?? token.expiresAt);
  const label = isLive(token)
    ? html`<span class="only-cards muted">Expires </span>`
    : html`<span class="muted">Ended </span>`;
  return html`<td class="c-life">
    <span class=${isLive(token) ? null : 'quiet'}>
      ${label}${when(moment)}<span class="sub">${onDay(moment, { short: true })}</span>
    </span>
    ${lifeline(token)}
  </td>`;
}

/** @param {Token} token */
const usedCell = (token) =>
  token.lastUsedAt
    ? html`<td class="c-used">
        <span class="only-cards muted">Used </span>${when(token.lastUsedAt)}
        <span class="sub">${product(token.lastUsedClient)}</span>
      </td>`
    : html`<td class="c-used"><span class="muted">Never used</span></td>`;

/** The rotation's state is the way into the rotation. @param {Token} token @param {number} me */
function stateCell(token, me) {
  const badge = stateBadge(token, { short: true, link: isLive(token) && !token.rotation.predecessorId });
  if (!isLive(token)) {
    const why = token.status === 'revoked' ? endedBecause(token, me) : '';
    return html`${badge}<span class="sub why" title=${token.endedNote}>${why}</span>`;
  }
  const rotate =
    stateOf(token).key === 'none'
      ? html`<span class="only-cards badge" data-tone="plain">Rotate </span>`
      : '';
  if (token.rotation.predecessorId) return html`${rotate}${badge}`;
  return html`<a class="badge-link" href=${guidePath(token)} title=${`Rotate by ${fmt.day(token.rotateAt)}`}>
    ${rotate}${badge}<span class="sr-only">, rotation of “${token.name}”</span>
  </a>`;
}

/** @param {Token} token @param {Actions} actions */
function endedActions(token, { generate }) {
  if (token.status !== 'expired' || token.successorId) return '';
  const { expiresInDays: days, purpose, link } = token;
  const start = { name: token.name, days, purpose: purpose ?? '', link: link ?? '' };
  return html`<div>
    <button
      type="button"
      class="icon-button"
      data-text="Generate again"
      title="Generate again"
      aria-label=${`Generate again: “${token.name}”`}
      @click=${() => generate(start)}
    >
      ${icon('plus-lg')}
    </button>
  </div>`;
}

/** @param {Token} token @param {Actions} actions */
function liveActions(token, { remove }) {
  const going = ['safe', 'overlap'].includes(stateOf(token).key);
  const text = going ? 'Continue' : 'Rotate';
  const words = going ? `Continue the rotation of “${token.name}”` : `Rotate “${token.name}”`;
  const forward = html`<a
    class="icon-button only-cards"
    href=${guidePath(token)}
    data-text=${text}
    aria-label=${words}
  >
    ${icon('arrow-repeat')}
  </a>`;
  return html`<div>
    ${token.rotation.predecessorId ? '' : forward}
    <button
      type="button"
      class="icon-button"
      data-tone="danger"
      data-text="Delete"
      title="Delete"
      aria-label=${`Delete “${token.name}”`}
      @click=${() => remove(token)}
    >
      ${icon('trash3')}
    </button>
  </div>`;
}

/**
 * @param {Token} token
 * @param {Finding[]} findings of all tokens
 * @param {number} me the reader's user id
 * @param {Actions} actions
 */
export function tokenRow(token, findings, me, actions) {
  const own = findings.filter((finding) => finding.apiKeyId === token.id);
  return html`<tr data-ended=${isLive(token) ? null : true}>
    ${nameCell(token, own)}
    <td class="c-preview"><span class="preview">${token.tokenPreview}</span></td>
    <td class="c-created quiet">${onDay(token.createdAt, { short: true })}</td>
    ${lifeCell(token)}${usedCell(token)}
    <td class="c-state">${stateCell(token, me)}</td>
    <td class="actions">${isLive(token) ? liveActions(token, actions) : endedActions(token, actions)}</td>
  </tr>`;
}
