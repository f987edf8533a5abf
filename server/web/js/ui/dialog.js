// Modal dialogs on the platform's own element: the browser keeps focus inside and gives it back.

/** @import { Content } from '../types.js' */
import { $, html, icon, uid } from '../dom.js';

/**
 * closedBy: 'any' (nothing to lose), 'closerequest' (Esc and buttons: something was typed), 'none' (guarded).
 * @param {{ title: string, lead?: Content, body: Content, foot: Content, wide?: boolean,
 *   closedBy?: 'any' | 'closerequest' | 'none', closable?: boolean }} settings
 */
export function dialog({ title, lead, body, foot, wide, closedBy = 'any', closable = true }) {
  const id = uid('title');
  const close = html`<button type="button" class="icon-button" aria-label="Close" data-close>
    ${icon('x-lg')}
  </button>`;
  const node = html`<dialog
    class=${`dialog ${wide ? 'dialog-wide' : ''}`}
    aria-labelledby=${id}
    closedby=${closedBy}
  >
    <header class="dialog-head">
      <div>
        <h2 id=${id} tabindex="-1">${title}</h2>
        ${lead ? html`<p>${lead}</p>` : ''}
      </div>
      ${closable ? close : ''}
    </header>
    <div class="dialog-body">${body}</div>
    <footer class="dialog-foot">${foot}</footer>
    <div class="sr-only" role="status" data-live></div>
  </dialog>`;
  node.addEventListener('click', (/** @type {any} */ event) => {
    if (event.target.closest('[data-close]')) node.close();
  });
  return node;
}

/** Moves everything in a dialog into one form, which its footer submits. @param {any} node */
export function withForm(node, { novalidate = false } = {}) {
  const form = html`<form ?novalidate=${novalidate}></form>`;
  form.append(...node.childNodes);
  node.append(form);
  return form;
}

/**
 * Shows a dialog until it is closed. The answer is what it was closed with.
 * @param {any} node
 * @returns {Promise<string>}
 */
export function open(node) {
  document.body.append(node);
  node.showModal();
  // A body that scrolls and holds nothing to focus must be reachable by itself.
  const body = $('.dialog-body', node);
  const reachable = body && $('a, button, input, select, [tabindex]', body);
  if (body && !reachable && body.scrollHeight > body.clientHeight) {
    Object.assign(body, { tabIndex: 0, role: 'region', ariaLabel: 'Details' });
  }
  return new Promise((resolve) => {
    node.addEventListener('close', () => {
      resolve(node.returnValue);
      node.remove();
    });
  });
}

/**
 * @param {{ title: string, body: string, yes: string, no?: string, danger?: boolean }} question
 */
export async function confirm({ title, body, yes, no = 'Cancel', danger = false }) {
  const agree = html`<button type="button" class=${`button button-${danger ? 'danger' : 'primary'}`}>
    ${yes}
  </button>`;
  const node = dialog({
    title,
    body: html`<p class="quiet">${body}</p>`,
    closable: false,
    foot: [html`<button type="button" class="button" data-close autofocus>${no}</button>`, agree],
  });
  agree.addEventListener('click', () => node.close('yes'));
  return (await open(node)) === 'yes';
}
