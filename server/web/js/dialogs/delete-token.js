// Delete: what will break, said before it breaks; the safer way first while the token is in use.

/** @import { Impact, Place, RotationProgress, Token } from '../types.js' */
import { api } from '../api.js';
import { tell } from '../channel.js';
import { $, html, icon, name } from '../dom.js';
import { calls, fmt, plural } from '../format.js';
import { guidePath } from '../token.js';
import { busy, showProblem } from '../ui/busy.js';
import { dialog, open, withForm } from '../ui/dialog.js';
import { banner } from '../ui/parts.js';
import { when } from '../ui/time.js';
import { toast } from '../ui/toast.js';

/** @param {Impact['places'][number]} place */
const placeRow = (place) =>
  html`<li>
    <div class="grow">
      <b>${place.client || 'Unknown client'}</b><span class="sub mono">${place.address ?? ''}</span>
    </div>
    <span class="small quiet num">${calls(place.calls)}, last ${when(place.lastAt)}</span>
  </li>`;

/** @param {Place} place of the old token */
const lateRow = (place) =>
  html`<li>
    <div class="grow">
      <b>${place.client || 'Unknown client'}</b><span class="sub mono">${place.address ?? ''}</span>
    </div>
    <span class="small quiet num">${calls(place.oldCalls)}, last ${when(place.oldAt)}</span>
  </li>`;

/** A place has switched when it used the new token later than the old one. @param {Place} place */
const isLate = (place) => !place.newAt || place.newAt < place.oldAt;

/** In a rotation: only what has not switched fails. @param {RotationProgress} progress */
function whatIsLate({ places, because }) {
  const late = places.filter(isLate);
  const words = late.length
    ? `${plural(late.length, 'place')} of ${fmt.number(places.length)} still ${late.length === 1 ? 'uses' : 'use'} it.`
    : 'Every place that used it uses the new token by now.';
  return [
    banner({
      tone: late.length ? 'warn' : 'ok',
      symbol: late.length ? 'exclamation-triangle' : 'check-circle',
      body: html`<p><strong>${words}</strong>${late.length ? '' : ` ${because ?? ''}`}</p>`,
    }),
    late.length
      ? html`<div class="stack-s">
          <h3>What will fail with 401</h3>
          <div class="card">
            <ul class="rows rows-scroll" tabindex="0" aria-label="Places">
              ${late.map(lateRow)}
            </ul>
          </div>
        </div>`
      : '',
    html`<p class="quiet">Deleting works at once and cannot be undone.</p>`,
  ];
}

/** @param {Impact} impact */
function consequences({ summary, calls: count, places: seen }) {
  const places = seen.filter((place) => place.calls);
  const symbol = count ? 'exclamation-triangle' : 'check-circle';
  const said = banner({
    tone: count ? 'warn' : 'ok',
    symbol,
    body: html`<p><strong>${summary}</strong></p>`,
  });
  const end = html`<p class="quiet">
    From this moment on, a call with it gets 401. A deleted token cannot be brought back.
  </p>`;
  if (!count) return [said, end];
  const them = places.length === 1 ? 'it' : 'them';
  return [
    said,
    html`<div class="stack-s">
      <h3>What will fail with 401</h3>
      <div class="card">
        <ul class="rows rows-scroll" tabindex="0" aria-label="Places">
          ${places.map(placeRow)}
        </ul>
      </div>
    </div>`,
    html`<p class="quiet">
      Deleting works at once and cannot be undone. To keep ${them} running, rotate: the old token stays valid
      until you delete it.
    </p>`,
  ];
}

/** @param {Impact['descendants']} descendants */
function alsoField({ live, data }) {
  if (!live) return '';
  const rest = live - data.length;
  return html`<div class="check">
    <input type="checkbox" id="with-descendants" name="descendants" aria-describedby="descendants-hint" />
    <label for="with-descendants">
      Also delete the ${plural(live, 'token')} that ${live === 1 ? 'was' : 'were'} made with it
    </label>
    <p class="hint" id="descendants-hint">
      ${data.map((token, i) => [i ? ', ' : '', name(token.name)])}${rest > 0 ? ` and ${rest} more` : ''}
    </p>
  </div>`;
}

const noteField = () =>
  html`<div class="field">
    <label for="delete-note">Note (optional)</label>
    <input
      class="input"
      id="delete-note"
      name="note"
      maxlength="200"
      autocomplete="off"
      dir="auto"
      aria-describedby="delete-note-hint"
    />
    <p class="hint" id="delete-note-hint">
      Stays with the ended token, for whoever asks later why it is gone.
    </p>
  </div>`;

/** @param {any} form */
function bodyOf(form) {
  const note = $('[name=note]', form).value.trim();
  const withDescendants = Boolean($('[name=descendants]', form)?.checked);
  if (!note && !withDescendants) return undefined;
  return { ...(note && { note }), ...(withDescendants && { withDescendants }) };
}

/** @param {Token} token @param {boolean} inUse */
function rotateInstead(token, inUse) {
  if (!inUse || token.rotation.predecessorId) return '';
  const words = token.rotation.successorId ? 'Continue the rotation' : 'Rotate instead';
  return html`<a class="button button-primary" href=${guidePath(token)}>${icon('arrow-repeat')}${words}</a>`;
}

/**
 * @param {Token} token
 * @returns {Promise<boolean>} whether it has ended, be it by this
 */
export async function openDelete(token) {
  /** @type {[Impact, RotationProgress | null]} */
  const [impact, progress] = await Promise.all([
    api.get(`/api-keys/${token.id}/impact`),
    token.rotation.successorId ? api.get(`/api-keys/${token.id}/rotation`) : null,
  ]);
  const inUse = progress ? progress.places.some(isLate) : impact.calls > 0;
  const slot = html`<div></div>`;
  const look = inUse ? 'button button-danger-quiet' : 'button button-danger';
  const remove = html`<button type="submit" class=${look}>
    ${inUse ? 'Delete anyway' : 'Delete token'}
  </button>`;
  const rotate = rotateInstead(token, inUse);
  const cancel = html`<button type="button" class="button start" data-close autofocus>Cancel</button>`;
  const node = dialog({
    title: 'Delete this token?',
    lead: html`<bdi class="break" dir="auto">${token.name}</bdi>
      <span class="preview">${token.tokenPreview}</span>`,
    closedBy: 'closerequest',
    body: html`<div class="stack">
      ${progress ? whatIsLate(progress) : consequences(impact)}${alsoField(
        impact.descendants,
      )}${noteField()}${slot}
    </div>`,
    foot: [cancel, remove, rotate],
  });
  const form = withForm(node);
  const work = async () => {
    try {
      await api.delete(`/api-keys/${token.id}`, bodyOf(form));
      node.close('deleted');
    } catch (problem) {
      if (/** @type {any} */ (problem).status === 404) node.close('gone');
      else showProblem(slot, problem, remove);
    }
  };
  form.addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault();
    busy(remove, work);
  });
  return said(await open(node));
}

/** @param {string} outcome */
function said(outcome) {
  if (outcome === 'deleted') {
    tell({ kind: 'tokens' });
    toast('Deleted. Calls with it are refused.');
  } else if (outcome === 'gone') toast('It had already ended.');
  return outcome === 'deleted' || outcome === 'gone';
}
