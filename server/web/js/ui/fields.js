// Fields of a form in a dialog: a label, a hint below, and in its place what is wrong.

/** @import { Content } from '../types.js' */
import { $, html, icon } from '../dom.js';

/** @param {string} id of the input, which is described by `id`-hint @param {string} label @param {string} hint @param {Content} input */
export const field = (id, label, hint, input) =>
  html`<div class="field">
    <label for=${id}>${label}</label>
    ${input}
    <p class="hint" id=${`${id}-hint`} data-hint=${hint}>${hint}</p>
  </div>`;

/** @param {string} id @param {string[][]} options */
export const choice = (id, options) =>
  html`<span class="select-wrap"
    ><select class="select" id=${id} aria-describedby=${`${id}-hint`}>
      ${options.map(([key, text]) => html`<option value=${key}>${text}</option>`)}</select
    >${icon('chevron-down')}</span
  >`;

/** @param {any} node @param {string} id @param {string} text "" takes the complaint away */
export function complain(node, id, text) {
  const [input, below] = [$(`#${id}`, node), $(`#${id}-hint`, node)];
  below.className = text ? 'field-error' : 'hint';
  below.replaceChildren(...(text ? [icon('exclamation-octagon'), text] : [below.dataset.hint]));
  if (!text) return input.removeAttribute('aria-invalid');
  input.setAttribute('aria-invalid', 'true');
  input.focus();
}
