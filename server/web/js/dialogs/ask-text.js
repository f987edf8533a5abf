// A dialog that asks for one text, such as the title of a test case. What was typed survives a refusal.

import { html, icon } from '../dom.js';
import { Problem } from '../api.js';
import { busy, showProblem } from '../ui/busy.js';
import { dialog, open, withForm } from '../ui/dialog.js';

/** In characters, as the server counts them. @param {string} text */
const lengthOf = (text) => [...text.trim()].length;

/** @param {string} label @param {string} value @param {string} hint @param {number} most */
function textField(label, value, hint, most) {
  const below = html`<p class="hint" id="ask-text-hint">${hint}</p>`;
  const input = html`<input
    class="input"
    id="ask-text"
    required
    autocomplete="off"
    dir="auto"
    value=${value}
    aria-describedby="ask-text-hint"
    autofocus
  />`;
  const refuse = (/** @type {string} */ words) => {
    input.setAttribute('aria-invalid', 'true');
    below.className = 'field-error';
    below.replaceChildren(icon('exclamation-octagon'), words);
    input.focus();
  };
  input.addEventListener('input', () => {
    input.removeAttribute('aria-invalid');
    below.className = 'hint';
    below.textContent = hint;
  });
  const check = () => {
    const length = lengthOf(input.value);
    if (!length) refuse(`Give the ${label.toLowerCase()}.`);
    else if (length > most) refuse(`Use at most ${most} characters; these are ${length}.`);
    return length > 0 && length <= most;
  };
  return {
    node: html`<div class="field"><label for="ask-text">${label}</label>${input}${below}</div>`,
    input,
    refuse,
    check,
  };
}

/**
 * @template T
 * @param {{ title: string, label: string, hint: string, value?: string, most: number, action: string,
 *   send: (text: string) => Promise<T> }} settings
 * @returns {Promise<T | null>} what send() gave; null when the person cancelled
 */
export async function askText({ title, label, hint, value = '', most, action, send }) {
  /** @type {T | null} */
  let answer = null;
  const field = textField(label, value, hint, most);
  const slot = html`<div></div>`;
  const submit = html`<button class="button button-primary" type="submit">${action}</button>`;
  const cancel = html`<button class="button" type="button" data-close>Cancel</button>`;
  const node = dialog({
    title,
    closedBy: 'closerequest',
    body: html`<div class="stack">${field.node}${slot}</div>`,
    foot: [cancel, submit],
  });
  const work = async () => {
    try {
      answer = await send(field.input.value.trim());
      node.close('done');
    } catch (problem) {
      const refused = problem instanceof Problem && problem.status === 422 ? problem.errors[0] : null;
      if (refused) field.refuse(`The ${label.toLowerCase()} ${refused.detail}.`);
      else showProblem(slot, problem, submit);
    }
  };
  withForm(node, { novalidate: true }).addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault();
    if (field.check()) busy(submit, work);
  });
  return (await open(node)) === 'done' ? answer : null;
}
