// Where the reader is signed in, and how to end that.

/** @import { Context, SessionEntry } from '../../types.js' */
import { api } from '../../api.js';
import { html, icon } from '../../dom.js';
import { busy, wordsFor } from '../../ui/busy.js';
import { confirm } from '../../ui/dialog.js';
import { browserOf } from '../../ui/browser.js';
import { stamp, when } from '../../ui/time.js';
import { toast } from '../../ui/toast.js';

const OTHERS = {
  title: 'Sign out everywhere else?',
  body: 'Every other browser in which you are signed in is signed out. Tokens are not touched.',
  yes: 'Sign out everywhere else',
};

/** @param {string} path @param {string} said @param {Context} context */
async function end(path, said, context) {
  try {
    await api.delete(path);
    toast(said);
  } catch (problem) {
    toast(/** @type {any} */ (problem).status === 404 ? 'It had already ended.' : wordsFor(problem));
  }
  await context.reload();
}

/** @param {SessionEntry} entry @param {Context} context */
function row(entry, context) {
  const client = browserOf(entry.client);
  const place = [entry.address, html`since ${stamp(entry.createdAt)}`].filter(Boolean);
  const out = html`<button type="button" class="button button-small" aria-label=${`Sign out ${client}`}>
    Sign out
  </button>`;
  out.addEventListener('click', () =>
    busy(out, () => end(`/account/sessions/${entry.id}`, 'That session has ended.', context)),
  );
  return html`<li>
    <div class="grow">
      <b title=${entry.client}>${client}</b>
      <span class="sub">
        ${place.map((part, i) => [i ? ' · ' : '', part])} · last seen ${when(entry.lastSeenAt)}
      </span>
    </div>
    ${entry.current ? html`<span class="badge" data-tone="info">This browser</span>` : out}
  </li>`;
}

/** @param {SessionEntry[]} entries @param {Context} context */
export function sessionList(entries, context) {
  const others = html`<button type="button" class="button">
    ${icon('box-arrow-right')}Sign out everywhere else
  </button>`;
  others.addEventListener('click', async () => {
    if (!(await confirm(OTHERS))) return;
    await busy(others, () => end('/account/sessions', 'Your other sessions have ended.', context));
  });
  const foot = html`<div class="card-foot">
    ${others}<span class="hint">
      After a lost laptop, or when something looks odd. Change the password too.
    </span>
  </div>`;
  return html`<section class="card" aria-labelledby="sessions-title">
    <div class="card-head"><h2 id="sessions-title">Sessions</h2></div>
    <ul class="rows">
      ${entries.map((entry) => row(entry, context))}
    </ul>
    ${entries.length > 1 ? foot : ''}
  </section>`;
}
