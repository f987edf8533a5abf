// The four steps of a rotation.

/** @import { Content, Place, RotationProgress } from '../../types.js' */
/** @import { Phase } from '../rotate.js' */
import { html, icon } from '../../dom.js';
import { plural } from '../../format.js';
import { snippets } from '../../ui/snippets.js';
import { when } from '../../ui/time.js';

/** @param {Place} place */
const placeRow = (place) =>
  html`<tr role="row">
    <th scope="row" role="rowheader" class="full">
      <b>${place.client || 'Unknown client'}</b> <span class="mono quiet">${place.address}</span>
    </th>
    <td role="cell" data-label="Old token">${when(place.oldAt)}</td>
    <td role="cell" data-label="New token">
      ${place.newAt
        ? html`<span class="ok-text row">${icon('check-lg')}${when(place.newAt)}</span>`
        : html`<span class="warn-text row">${icon('clock-history')}Not seen yet</span>`}
    </td>
  </tr>`;

/** @param {RotationProgress} progress */
const placeTable = ({ places, placesDays }) =>
  html`<div class="table-box">
    <table class="table" role="table">
      <caption class="sr-only">
        Where the old token was used in ${plural(placesDays, 'day')}, and whether the new one has been seen
        there
      </caption>
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">Place</th>
          <th scope="col" role="columnheader">Old token</th>
          <th scope="col" role="columnheader">New token</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${places.map(placeRow)}
      </tbody>
    </table>
  </div>`;

const SAID = { done: ', done', now: ', current step', later: ', later' };

/**
 * @param {[number, string]} heading
 * @param {number} at the current step
 * @param {Content} text
 * @param {Content} content
 */
function step([n, title], at, text, content) {
  const state = n < at ? 'done' : n === at ? 'now' : 'later';
  return html`<li data-step=${state} aria-current=${state === 'now' ? 'step' : null}>
    <span class="marker" aria-hidden="true">${state === 'done' ? icon('check-lg') : n}</span>
    <div>
      <h2>${title}<span class="sr-only">${SAID[state]}</span></h2>
      ${text ? html`<p>${text}</p>` : ''}${content}
    </div>
  </li>`;
}

/** @param {RotationProgress} progress @param {number} at */
function firstText({ successor }, at) {
  if (at > 1 && successor) {
    const lost = at < 5 ? ' It was shown once; if you lost it, delete it and start again.' : '';
    return html`<span> <bdi dir="auto">${successor.name}</bdi>, ${when(successor.createdAt)}.${lost} </span>`;
  }
  return 'It gets the same name with the next version, and the same period. It is shown once.';
}

/** @param {RotationProgress} progress @param {Phase} phase */
function lastText({ old, because, places, placesDays, quietHours }, phase) {
  if (phase === 'finished') return html`<span>Ended ${when(old.endedAt)}.</span>`;
  if (phase === 'safe') {
    if (places.length)
      return `Safe: the new token was seen in every place; the old one was quiet for ${quietHours} hours.`;
    const unused = old.lastUsedAt ? `was not used in ${placesDays} days` : 'has not been used yet';
    return `Safe: the new token is in use, and the old one ${unused}.`;
  }
  const rule = `Once the new one was seen everywhere and the old one was quiet for ${quietHours} hours.`;
  return phase === 'seen' && because ? `Not yet. ${because}` : rule;
}

/**
 * @param {RotationProgress} progress
 * @param {Phase} phase
 * @param {{ start: Content, remove: Content }} controls
 * @param {number} organizationId
 */
export function steps(progress, phase, controls, organizationId) {
  const everywhere = progress.places.every((place) => place.newAt);
  const at = { start: 1, waiting: 2, seen: everywhere ? 4 : 3, safe: 4, finished: 5 }[phase];
  const second =
    at > 2
      ? 'The new value has arrived: it has been seen in use.'
      : 'Replace the value of TESTKASE_PAT where the pipeline keeps its secrets; its files stay as they are.';
  const third =
    at > 3
      ? 'Every place that used the old token has used the new one.'
      : 'Trigger a run. This list updates by itself as calls arrive.';
  return html`<ol class="guide">
    ${step([1, 'Generate the new token'], at, firstText(progress, at), at === 1 ? controls.start : '')}
    ${step([2, 'Update the secret'], at, second, at === 2 ? snippets({ organizationId }) : '')}
    ${step([3, 'See it in use'], at, third, at === 3 ? placeTable(progress) : '')}
    ${step(
      [4, 'Delete the old token'],
      at,
      lastText(progress, phase),
      at === 3 || at === 4 ? controls.remove : '',
    )}
  </ol>`;
}
