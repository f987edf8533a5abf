// A quiet reload failed: the page stays as it was, and a calm line says since when. It goes by itself.

import { $, html, icon } from './dom.js';
import { fmt } from './format.js';

let since = 0;

export const isStale = () => since > 0;

export function noteFailure() {
  since ||= Date.now();
  const line = $('#stale');
  if (!line.hidden) return;
  line.replaceChildren(
    icon('database-x'),
    html`<span>TestKase cannot be reached since ${fmt.clock(since)}. This page tries again by itself.</span>`,
  );
  line.hidden = false;
}

export function noteSuccess() {
  since = 0;
  $('#stale').hidden = true;
}
