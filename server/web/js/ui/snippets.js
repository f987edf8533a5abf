// Where the token goes: a tab for each platform. The snippets name the secret, never the token itself.

/** @import { Target } from './platforms.js' */
import { html } from '../dom.js';
import { codeBlock } from './code-block.js';
import { platforms } from './platforms.js';
import { tabbed } from './tabs.js';

/** @param {string[]} step plain and emphasized text by turns */
const stepItem = (step) =>
  html`<li><span>${step.map((text, i) => (i % 2 ? html`<b>${text}</b>` : text))}</span></li>`;

/** @param {Target} target */
export function snippets(target) {
  const tabs = platforms(location.origin, target).map(({ title, steps, code }) => ({
    title,
    content: () => [
      html`<ol class="steps-short">
        ${steps.map(stepItem)}
      </ol>`,
      codeBlock(code, `Copy the snippet for ${title}`),
    ],
  }));
  return html`<section class="snippets" aria-label="Where the token goes">
    ${tabbed('Platform', tabs)}
  </section>`;
}
