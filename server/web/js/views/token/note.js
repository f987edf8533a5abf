// What stands over a token that is not simply alive: how it ended, or where its rotation is.

/** @import { Token } from '../../types.js' */
import { tokenPath } from '../../address.js';
import { html } from '../../dom.js';
import { endedBecause, guidePath, isLive } from '../../token.js';
import { banner } from '../../ui/parts.js';
import { when } from '../../ui/time.js';

/** @param {Token} token @param {number} me */
function ended(token, me) {
  const successor = token.successorId && [
    ' ',
    html`<a href=${tokenPath(token.successorId)}>Its successor</a> took over.`,
  ];
  const note =
    token.endedNote &&
    html`<p>
      Note: <q><bdi dir="auto">${token.endedNote}</bdi></q>
    </p>`;
  const body = html`<p>
      <strong>${endedBecause(token, me)}</strong>, ${when(token.endedAt)}. Calls with it are refused; it
      cannot be brought back.${successor}
    </p>
    ${note}`;
  return banner({ tone: 'plain', body });
}

/** @param {Token} token @param {number} me the reader's user id */
export function stateNote(token, me) {
  if (!isLive(token)) return ended(token, me);
  const { state, because, predecessorId } = token.rotation;
  const actions = html`<a class="button button-small" href=${guidePath(token)}>Open the rotation</a>`;
  if (state === 'safe_to_delete') {
    const body = html`<p>
      <strong>Safe to delete.</strong> Its successor has been seen everywhere this one was used, and this one
      has gone quiet.
    </p>`;
    return banner({ tone: 'ok', symbol: 'check-circle', body, actions });
  }
  if (state === 'overlap') {
    const body = html`<p><strong>In overlap with its successor.</strong> Both are valid. ${because}</p>`;
    return banner({ symbol: 'arrow-repeat', body, actions });
  }
  if (predecessorId) {
    const body = html`<p>
      <strong>It takes over from the version before.</strong> The old one is still valid until you delete it.
    </p>`;
    return banner({ symbol: 'arrow-repeat', body, actions });
  }
  return '';
}
