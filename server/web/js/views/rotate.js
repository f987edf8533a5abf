// Rotation, step by step. It can be left at any moment and taken up again: its state lives on the server.

/** @import { Content, Context, RotationProgress, Token, View } from '../types.js' */
import { HOME } from '../address.js';
import { api } from '../api.js';
import { openDelete } from '../dialogs/delete-token.js';
import { openShownOnce } from '../dialogs/shown-once.js';
import { announce, html, icon } from '../dom.js';
import { fmt, plural } from '../format.js';
import { attempt, creation } from '../making.js';
import { once } from '../ui/busy.js';
import { banner, blank, crumbs, head } from '../ui/parts.js';
import { when } from '../ui/time.js';
import { sides } from './rotate/sides.js';
import { steps } from './rotate/steps.js';

/** @typedef {'start' | 'waiting' | 'seen' | 'safe' | 'finished'} Phase */

/** @param {RotationProgress} progress @returns {Phase} */
function phaseOf({ old, successor, places, state }) {
  if (old.status !== 'active') return 'finished';
  if (!successor) return 'start';
  if (state === 'safe_to_delete') return 'safe';
  return places.some((place) => place.newAt) ? 'seen' : 'waiting';
}

/** @param {Phase} phase @param {RotationProgress} progress */
function lineOf(phase, { places }) {
  const missing = places.filter((place) => !place.newAt).length;
  const seen = missing
    ? `${plural(missing, 'place')} of ${fmt.number(places.length)} still on the old token.`
    : 'The new token has been seen everywhere.';
  return {
    start: 'Nothing has changed yet.',
    waiting: 'The new token waits for its first call.',
    seen,
    safe: 'The new token has taken over everywhere.',
    finished: 'The rotation is complete.',
  }[phase];
}

/** @param {Token} old @param {Context} context @param {any} slot */
function startButton(old, context, slot) {
  const button = html`<button type="button" class="button button-primary">
    ${icon('plus-lg')}Generate the new token
  </button>`;
  const make = creation(`/api-keys/${old.id}/rotate`, () => undefined);
  const start = once(() =>
    attempt({
      make,
      slot,
      button,
      async done(made) {
        await openShownOnce(made);
        await context.reload();
      },
      gone: () => context.reload(),
    }),
  );
  button.addEventListener('click', start);
  return button;
}

/** @param {Token} old @param {Context} context @param {Phase} phase */
function removeButton(old, context, phase) {
  const look = phase === 'safe' ? 'button button-danger' : 'button button-danger-quiet';
  const button = html`<button type="button" class=${look}>${icon('trash3')}Delete the old token</button>`;
  const remove = once(async () => {
    if (!(await openDelete(old))) return;
    await context.reload();
    announce('The old token is deleted. The rotation is complete.');
  });
  button.addEventListener('click', remove);
  return button;
}

/** Asks again while the page is open, redraws only when something changed, and says what. */
function follow(
  /** @type {RotationProgress} */ progress,
  /** @type {Phase} */ phase,
  /** @type {Context} */ context,
) {
  const seenIn = (/** @type {RotationProgress} */ one) => one.places.filter((place) => place.newAt).length;
  context.every(5, async () => {
    const fresh = await api.get(`/api-keys/${progress.old.id}/rotation`);
    if (phaseOf(fresh) === phase && JSON.stringify(fresh.places) === JSON.stringify(progress.places)) return;
    await context.reload();
    if (seenIn(fresh) > seenIn(progress)) {
      announce(`The new token has been seen in ${seenIn(fresh)} of ${fresh.places.length} places.`);
    }
  });
}

/** @param {Token} successor */
const finished = (successor) =>
  banner({
    tone: 'ok',
    symbol: 'check-circle',
    body: html`<p>
      <strong>Done.</strong> <bdi dir="auto">${successor.name}</bdi> has taken over. It is due for rotation on
      ${fmt.day(successor.rotateAt)}.
    </p>`,
    actions: html`<a class="button button-small" href=${HOME}>Back to API Keys</a>`,
  });

/** The token ended before it had a successor. @param {Token} old */
const tooLate = (old) =>
  html`<div class="card">
    ${blank({
      symbol: 'x-lg',
      title: 'This token has ended',
      body: html`<span>It ended ${when(old.endedAt)}. A token that has ended cannot be rotated.</span>`,
      actions: html`<a class="button" href=${HOME}>Back to API Keys</a>`,
    })}
  </div>`;

/** @param {Content} lead @param {Content} content */
const framed = (lead, content) =>
  html`<div class="page">
    ${head({ above: crumbs(['API Keys', HOME], ['Rotation']), title: 'Rotate a token', lead })} ${content}
  </div>`;

/** @type {View<RotationProgress>} */
export default {
  title: 'Rotate a token',

  load: ({ params }) => api.get(`/api-keys/${params.id}/rotation`),

  render(progress, context) {
    const { old, successor } = progress;
    const phase = phaseOf(progress);
    const named = html`<bdi dir="auto">${old.name}</bdi>`;
    if (phase === 'finished' && !successor) return framed(named, tooLate(old));
    const slot = html`<div></div>`;
    const controls = {
      start: html`<div class="row">${startButton(old, context, slot)}</div>
        ${slot}`,
      remove: html`<div class="row">${removeButton(old, context, phase)}</div>`,
    };
    if (phase === 'waiting' || phase === 'seen') follow(progress, phase, context);
    const pause = phase === 'finished' ? '' : ' You can leave this page and come back.';
    const lead = html`${named}. ${lineOf(phase, progress)}${pause}`;
    return framed(lead, [
      successor && phase === 'finished' ? finished(successor) : '',
      sides(old, successor),
      steps(progress, phase, controls, context.session.organization.id),
    ]);
  },
};
