// Tabs over one panel, by mouse and by arrow keys.

/** @import { Content } from '../types.js' */
import { html, uid } from '../dom.js';

/** @typedef {{ title: string, content: () => Content[] }} Tab */

/** @param {HTMLElement[]} tabs @param {number} here @param {string} key */
function next(tabs, here, key) {
  /** @type {Record<string, number>} */
  const target = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: tabs.length - 1 };
  return key in target ? tabs[(target[key] + tabs.length) % tabs.length] : null;
}

/** @param {string} label of the tabs @param {Tab[]} list @returns {any} tabs and panel */
export function tabbed(label, list) {
  const base = uid('tab');
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
    panel.setAttribute('aria-labelledby', `${base}-${chosen}`);
    panel.replaceChildren(html`${list[chosen].content()}`);
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
  return html`<div class="tabs" role="tablist" aria-label=${label} @keydown=${onKey}>${tabs}</div>
    ${panel}`;
}
