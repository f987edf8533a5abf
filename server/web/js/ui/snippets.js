// Where the token goes: a tab for each platform. The snippets name the secret, never the token itself.

import { html, uid } from '../dom.js';
import { codeBlock } from './code-block.js';
import { platforms } from './platforms.js';

/** @param {string[]} step plain and emphasized text by turns */
const stepItem = (step) =>
  html`<li><span>${step.map((text, i) => (i % 2 ? html`<b>${text}</b>` : text))}</span></li>`;

/** @param {HTMLElement[]} tabs @param {number} here @param {string} key */
function next(tabs, here, key) {
  /** @type {Record<string, number>} */
  const target = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: tabs.length - 1 };
  return key in target ? tabs[(target[key] + tabs.length) % tabs.length] : null;
}

/** @param {number} organizationId */
export function snippets(organizationId) {
  const base = uid('snippet');
  const list = platforms(location.origin, organizationId);
  const panel = html`<div role="tabpanel" id=${`${base}-panel`} tabindex="-1"></div>`;
  const tabs = list.map(
    ({ title }, i) =>
      html`<button
        type="button"
        role="tab"
        id=${`${base}-${i}`}
        aria-controls=${`${base}-panel`}
        @click=${() => choose(i)}
      >
        ${title}
      </button>`,
  );

  /** @param {number} chosen */
  function choose(chosen) {
    tabs.forEach((tab, i) => {
      tab.setAttribute('aria-selected', String(i === chosen));
      tab.tabIndex = i === chosen ? 0 : -1;
    });
    const { title, steps, code } = list[chosen];
    panel.setAttribute('aria-labelledby', `${base}-${chosen}`);
    panel.replaceChildren(
      html`<ol class="steps-short">
        ${steps.map(stepItem)}
      </ol>`,
      codeBlock(code, `Copy the snippet for ${title}`),
    );
  }

  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const tab = next(tabs, tabs.indexOf(document.activeElement), event.key);
    if (!tab) return;
    event.preventDefault();
    choose(tabs.indexOf(tab));
    tab.focus();
    tab.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  };
  choose(0);
  return html`<section class="snippets" aria-label="Where the token goes">
    <div class="tabs" role="tablist" aria-label="Platform" @keydown=${onKey}>${tabs}</div>
    ${panel}
  </section>`;
}
