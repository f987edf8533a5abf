// The choice of theme. theme.js applies it before the first paint.

import { $$, html, uid } from '../dom.js';

const THEMES = [
  ['system', 'System'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];
const root = document.documentElement;

const chosen = () => root.dataset.theme ?? 'system';

/** @param {string} theme */
function choose(theme) {
  if (theme === 'system') delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    localStorage.setItem('theme', theme);
  } catch {
    // Storage may be blocked: the choice lasts for this page.
  }
  for (const radio of $$('[data-theme-choice]')) radio.checked = radio.value === theme;
}

export function themeSwitch() {
  const group = uid('theme');
  const radio = (/** @type {string[]} */ [theme, title]) =>
    html`<label>
      <input
        type="radio"
        name=${group}
        value=${theme}
        data-theme-choice
        ?checked=${theme === chosen()}
        @change=${() => choose(theme)}
      />${title}
    </label>`;
  return html`<div class="segments" role="radiogroup" aria-label="Theme">${THEMES.map(radio)}</div>`;
}
