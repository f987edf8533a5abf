// Keeps a dialog open until its content is safe, or the person says that it may go. While it is guarded, the
// dialog has `data-guarded`, which the router respects.

import { entry } from '../history.js';

/** @param {() => void} back */
function ownEntry(back) {
  // One entry of history belongs to the dialog, with the same address: going back over it asks, and puts it
  // back.
  const here = location.href;
  const push = () => history.pushState({ guarded: true }, '', here);
  const listen = () => back();
  push();
  addEventListener('popstate', listen);
  return { push, stop: () => removeEventListener('popstate', listen) };
}

/** Takes the dialog's entry away again, and waits until the browser has done so. */
async function dropEntry() {
  if (!entry().guarded) return;
  const gone = new Promise((resolve) => addEventListener('popstate', resolve, { once: true }));
  history.back();
  await gone;
}

/**
 * @param {any} node the dialog, before it is opened
 * @param {() => Promise<boolean>} ask whether to close although nothing is safe
 */
export function guard(node, ask) {
  let safe = false;
  let asking = false;
  const unload = (/** @type {Event} */ event) => event.preventDefault();
  const release = () => {
    safe = true;
    node.removeAttribute('data-guarded');
    removeEventListener('beforeunload', unload);
  };
  const leave = async () => {
    if (safe) node.close();
    if (safe || asking) return;
    asking = true;
    const sure = await ask();
    asking = false;
    if (!sure) return;
    release();
    node.close();
  };
  const own = ownEntry(() => {
    if (safe) node.close();
    else {
      own.push();
      leave();
    }
  });

  node.dataset.guarded = '';
  addEventListener('beforeunload', unload);
  // Esc: a second press would close the dialog past a cancelled "cancel" event, so the key itself is taken.
  node.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    leave();
  });
  node.addEventListener('cancel', (/** @type {Event} */ event) => {
    if (event.target !== node || safe) return;
    event.preventDefault();
    leave();
  });
  // Anything else that closed it: not every browser knows closedby. It opens again and asks.
  node.addEventListener('close', (/** @type {Event} */ event) => {
    if (safe) return;
    event.stopImmediatePropagation();
    node.showModal();
    leave();
  });
  return {
    /** The content is safe: from now on the dialog closes like any other. */
    release,
    leave,
    /** After the dialog was closed. */
    async end() {
      own.stop();
      release();
      await dropEntry();
    },
  };
}
