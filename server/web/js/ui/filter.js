// What stands over a list: chips, of which one is chosen, and a search field.

/** @import { Content } from '../types.js' */
import { $, $$, html, icon } from '../dom.js';

/**
 * @template {string} K
 * @param {{ options: { key: K, title: Content, count?: Content }[], value: string, choose: (key: K) => void }} settings
 */
export function chips({ options, value, choose }) {
  const press = (/** @type {string} */ key) => {
    for (const one of $$('.chip', node)) one.setAttribute('aria-pressed', String(one.dataset.key === key));
  };
  const chip = (/** @type {typeof options[number]} */ { key, title, count }) =>
    html`<button
      type="button"
      class="chip"
      data-key=${key}
      aria-pressed=${String(key === value)}
      @click=${() => choose(key)}
    >
      ${title}${count === undefined ? '' : html`<span>${count}</span>`}
    </button>`;
  const node = html`<div class="chips" role="group" aria-label="Show">${options.map(chip)}</div>`;
  // Sideways only: the page itself stays where it is.
  requestAnimationFrame(() => {
    const pressed = $('[aria-pressed=true]', node);
    if (pressed)
      node.scrollLeft = pressed.offsetLeft - node.offsetLeft - (node.clientWidth - pressed.offsetWidth) / 2;
  });
  return { node, press };
}

/** @param {{ label: string, value: string, oninput: (text: string) => void }} settings */
export const searchField = ({ label, value, oninput }) =>
  html`<div class="search">
    ${icon('search')}
    <input
      class="input"
      type="search"
      placeholder=${label}
      aria-label=${label}
      autocomplete="off"
      spellcheck="false"
      maxlength="200"
      value=${value}
      @input=${(/** @type {any} */ event) => oninput(event.target.value)}
    />
  </div>`;
