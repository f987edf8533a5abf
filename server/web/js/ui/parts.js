// Small parts that several views share.

/** @import { Content, TokenLabel, User } from '../types.js' */
import { html, icon, name } from '../dom.js';
import { tokenPath } from '../address.js';

/** @param {Pick<User, 'name' | 'kind'>} user */
export function avatar(user) {
  if (user.kind === 'service') {
    return html`<span class="avatar" data-kind="service" aria-hidden="true">${icon('robot')}</span>`;
  }
  const words = user.name.trim().split(/\s+/);
  const initials =
    ([...words[0]][0] ?? '') + (words.length > 1 ? [.../** @type {string} */ (words.at(-1))][0] : '');
  return html`<span class="avatar" aria-hidden="true">${initials.toUpperCase()}</span>`;
}

/** @param {User} user */
export const person = (user) =>
  html`<span class="person">
    ${avatar(user)}
    <span>
      <b><bdi dir="auto">${user.name}</bdi></b>
      <span class="sub">${user.email}</span>
    </span>
  </span>`;

/**
 * @param {{ label: string, value: string, options: string[][], onchange: (value: string) => void }} settings
 */
export function select({ label, value, options, onchange }) {
  const change = (/** @type {any} */ event) => onchange(event.target.value);
  const option = (/** @type {string[]} */ [key, text]) =>
    html`<option value=${key} ?selected=${key === value}>${text}</option>`;
  return html`<span class="select-wrap">
    <select class="select" aria-label=${label} @change=${change}>
      ${options.map(option)}
    </select>
    ${icon('chevron-down')}
  </span>`;
}

/** @param {{ tone?: string, symbol?: string, body: Content, actions?: Content, role?: string }} settings */
export const banner = ({ tone, symbol = 'info-circle', body, actions, role }) =>
  html`<div class="banner" data-tone=${tone} role=${role}>
    ${icon(symbol)}
    <div>${body}</div>
    ${actions ? html`<div class="row">${actions}</div>` : ''}
  </div>`;

/** @param {{ symbol: string, title: string, body: Content, actions?: Content }} settings */
export const blank = ({ symbol, title, body, actions }) =>
  html`<div class="blank">
    ${icon(symbol)}
    <h2>${title}</h2>
    <p>${body}</p>
    ${actions ? html`<div class="row">${actions}</div>` : ''}
  </div>`;

/** @param {number} i */
const bones = (i) => {
  const widths = ['34%', '52%', '41%', '60%', '38%', '47%'];
  return html`<li>
    <span class="grow stack-s">
      <span class="bone" --w=${widths[i % 6]}></span><span class="bone" --w=${widths[(i + 3) % 6]}></span>
    </span>
    <span class="bone" --w="6rem"></span><span class="bone" --w="4rem"></span>
  </li>`;
};

/**
 * What stands where a view will be; it shows only after a moment.
 * @param {{ title: string, rows?: number }} view
 */
export const skeleton = ({ title, rows = 6 }) =>
  html`<div class="page">
    <header class="page-head">
      <div>
        <h1 tabindex="-1">${title}</h1>
        <span class="bone" --w="min(26rem, 80%)"></span>
      </div>
    </header>
    <div class="card skeleton" aria-hidden="true">
      <ul class="rows">
        ${Array.from({ length: rows }, (_, i) => bones(i))}
      </ul>
    </div>
  </div>`;

/** @param {...[string, string?]} parts */
export const crumbs = (...parts) =>
  html`<nav aria-label="Breadcrumb">
    <ol class="crumbs">
      ${parts.map(
        ([text, href]) =>
          html`<li>${href ? html`<a href=${href}>${text}</a>` : html`<span>${text}</span>`}</li>`,
      )}
    </ol>
  </nav>`;

/**
 * @param {{ title: Content, lead?: Content, actions?: Content, above?: Content, badge?: Content }} settings
 */
export const head = ({ title, lead, actions, above, badge }) =>
  html`<header class="page-head">
    <div>
      ${above}
      <div class="title-row">
        <h1 tabindex="-1">${title}</h1>
        ${badge}
      </div>
      ${lead ? html`<p>${lead}</p>` : ''}
    </div>
    ${actions ? html`<div class="page-actions">${actions}</div>` : ''}
  </header>`;

/** Tokens by name and preview, as a list. @param {TokenLabel[]} tokens */
export const tokenRows = (tokens) =>
  html`<ul class="rows rows-scroll" tabindex="0" aria-label="Tokens">
    ${tokens.map(
      (token) =>
        html`<li>
          <a class="grow" href=${tokenPath(token.id)}>${name(token.name)}</a>
          <span class="preview">${token.tokenPreview}</span>
        </li>`,
    )}
  </ul>`;

/**
 * A link that a person or a pipeline gave: an anchor when it is one of http or https, else its text. `short`: its
 * host only; `text`: other words.
 * @param {string} link
 * @param {{ short?: boolean, text?: string }} [how]
 */
export function externalLink(link, { short = false, text } = {}) {
  let url = null;
  try {
    url = new URL(link);
  } catch {
    // not an address: shown as it is
  }
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    return html`<span class="break">${text ?? link}</span>`;
  const anchor = html`<a class="break" href=${url.href} target="_blank" rel="noreferrer noopener"></a>`;
  anchor.append(text ?? (short ? url.host : link));
  return anchor;
}

/** A page with a heading and one card. @param {string} title @param {Node} content */
export const framed = (title, content) =>
  html`<div class="page">
    ${head({ title })}
    <div class="card">${content}</div>
  </div>`;
