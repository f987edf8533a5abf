// A line that appears for a few seconds, and is said to screen readers.

import { $, announce } from '../dom.js';

let timer = 0;

/** @param {string} text */
export function toast(text) {
  const box = $('#toast');
  box.textContent = text;
  if (!box.matches(':popover-open')) box.showPopover();
  announce(text);
  clearTimeout(timer);
  timer = setTimeout(() => box.hidePopover(), 4000);
}
