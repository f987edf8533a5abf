// The name of a token: advice while typing, never an obstacle, and examples to begin with.

import { html, icon } from '../dom.js';

const SAYS_NOTHING = /^(test|token|key|api|pat|new|my|temp|tmp|foo|asdf)[\s_-]*\d*$/i;

const LONGEST = 100;

/** In characters, as the server counts them: an emoji is one, or a few. @param {string} text */
const lengthOf = (text) => [...text].length;

/** @param {string} text @param {string[]} names */
function advice(text, names) {
  const trimmed = text.trim();
  if (SAYS_NOTHING.test(trimmed)) {
    return 'In six months this name will not tell what the token is for. Name pipeline and environment.';
  }
  if (names.includes(trimmed))
    return 'You already have a token of this name. Add what tells them apart, such as v2.';
  if (lengthOf(trimmed) > 80) return `${lengthOf(trimmed)} of ${LONGEST} characters`;
  return 'Say where it is used: one token for each pipeline, so that one can end without the others.';
}

/**
 * @param {string} value
 * @param {string[]} names of the tokens that exist
 * @param {string[]} examples
 */
export function nameField(value, names, examples) {
  const hint = html`<p class="hint" id="token-name-hint"></p>`;
  const input = html`<input
    class="input"
    id="token-name"
    name="name"
    required
    autocomplete="off"
    spellcheck="false"
    dir="auto"
    value=${value}
    aria-describedby="token-name-hint"
    autofocus
  />`;
  const advise = () => {
    input.removeAttribute('aria-invalid');
    hint.className = 'hint';
    hint.textContent = advice(input.value, names);
  };
  const take = (/** @type {string} */ example) => {
    input.value = example;
    advise();
    input.focus();
  };
  const chip = (/** @type {string} */ example) =>
    html`<button type="button" class="chip chip-outline" @click=${() => take(example)}>${example}</button>`;
  input.addEventListener('input', advise);
  advise();
  return {
    node: html`<div class="field">
      <label for="token-name">Name</label>${input}${hint}
      <div class="chips" role="group" aria-label="Examples">${examples.map(chip)}</div>
    </div>`,
    /** Shows a refusal of the server at the field. @param {string} detail */
    refuse(detail) {
      input.setAttribute('aria-invalid', 'true');
      hint.className = 'field-error';
      hint.replaceChildren(icon('exclamation-octagon'), `The name ${detail}.`);
      input.focus();
    },
    /** Says that the name is missing, or too long. */
    check() {
      const length = lengthOf(input.value.trim());
      if (length && length <= LONGEST) return true;
      input.setAttribute('aria-invalid', 'true');
      hint.className = 'field-error';
      const fault = length
        ? `Use at most ${LONGEST} characters; these are ${length}.`
        : 'Give the token a name.';
      hint.replaceChildren(icon('exclamation-octagon'), fault);
      input.focus();
      return false;
    },
  };
}
