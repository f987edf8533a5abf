// Copying is confirmed only when it happened. navigator.clipboard is missing on plain http, so there is a
// second way.

/** @import { Content } from '../types.js' */
import { announce, html, icon } from '../dom.js';

/**
 * The field of the second way stands inside the open dialog, because everything outside a modal dialog is
 * inert; and only a `copy` event that was seen counts.
 * @param {string} text
 * @param {Element} host
 */
function copyByCommand(text, host) {
  const field = html`<textarea class="sr-only" readonly tabindex="-1" aria-label="Text to copy"></textarea>`;
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  let seen = false;
  const listen = (/** @type {ClipboardEvent} */ event) => {
    event.clipboardData?.setData('text/plain', text);
    event.preventDefault();
    event.stopImmediatePropagation();
    seen = true;
  };
  field.value = ' '; // something to select; the text itself never enters the document
  host.append(field);
  field.select();
  document.addEventListener('copy', listen, { capture: true });
  const done = document.execCommand('copy');
  document.removeEventListener('copy', listen, { capture: true });
  field.remove();
  focused?.focus({ preventScroll: true });
  return done && seen;
}

/** @param {string} text @param {Element} host */
async function copyText(text, host) {
  if (window.isSecureContext && navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // refused: try the other way
    }
  }
  return copyByCommand(text, host);
}

/**
 * A button with real states: idle → copied or failed → idle. `keep` leaves it at "copied".
 * @param {{ text: () => string, label?: string, name?: string, className?: string, keep?: boolean,
 *   oncopy?: () => void, onfail?: () => void }} settings
 */
export function copyButton({
  text,
  label = 'Copy',
  name,
  className = 'button button-small',
  keep,
  oncopy,
  onfail,
}) {
  const button = html`<button type="button" class=${className} aria-label=${name}></button>`;
  let timer = 0;
  const show = (/** @type {string} */ state, /** @type {string} */ symbol, /** @type {Content} */ words) => {
    button.classList.toggle('button-copied', state === 'copied');
    button.classList.toggle('button-failed', state === 'failed');
    button.replaceChildren(icon(symbol), html`<span>${words}</span>`);
  };
  const idle = () => show('idle', 'clipboard', label);
  button.addEventListener('click', async () => {
    const host = button.closest('dialog') ?? document.body;
    const copied = await copyText(text(), host);
    if (copied) show('copied', 'check-lg', 'Copied');
    else show('failed', 'exclamation-triangle', 'Not copied');
    announce(copied ? 'Copied to the clipboard.' : 'Not copied. Select the text and copy it by hand.', host);
    (copied ? oncopy : onfail)?.();
    clearTimeout(timer);
    if (!(copied && keep)) timer = setTimeout(idle, 2400);
  });
  idle();
  return button;
}
