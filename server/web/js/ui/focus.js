// A quiet redraw keeps focus: on the same control, found by its id, its address or its name, else by its
// place.

import { $$ } from '../dom.js';

/** @param {Element} main */
const controls = (main) => $$('a, button, input, select, summary', main);

/** @param {any} control */
const keyOf = (control) =>
  [
    control.tagName,
    control.id,
    control.getAttribute('href'),
    control.getAttribute('aria-label'),
    control.textContent,
  ].join('|');

/**
 * Call before the redraw; the function that comes back puts focus where it was.
 * @param {Element} main
 */
export function rememberFocus(main) {
  /** @type {any} */
  const focused = document.activeElement;
  if (!main.contains(focused) || focused === main) return null;
  const [key, at] = [keyOf(focused), controls(main).indexOf(focused)];
  const caret = focused.matches('input[type=search]') ? focused.selectionStart : null;
  return () => {
    const now = controls(main);
    const control = now.find((one) => keyOf(one) === key) ?? now[Math.min(at, now.length - 1)];
    control?.focus({ preventScroll: true });
    if (caret !== null && control?.matches('input[type=search]')) control.setSelectionRange(caret, caret);
  };
}
