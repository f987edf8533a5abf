// The empty list: what a token is, and where it goes.

import { html, icon } from '../../dom.js';
import { lazy } from '../../lazy.js';

const FACTS = [
  'Shown once, then only a preview: copy it straight into a secret.',
  'Has your rights, in every project you can reach. No more, no less.',
  'Lives 7 days to 1 year. Its end is fixed, and this page says when it is due for rotation.',
  'Deleted in one click; the very next call with it is refused.',
];

/** @param {any} place @param {number} organizationId */
async function addSnippets(place, organizationId) {
  const { snippets } = await lazy(() => import('../../ui/snippets.js'));
  place.append(snippets({ organizationId }));
}

/** @param {number} organizationId @param {() => void} generate */
export function lesson(organizationId, generate) {
  const place = html`<div class="stack"><h3>Then give it to your pipeline</h3></div>`;
  addSnippets(place, organizationId).catch(() => {}); // they come with the new token, too
  return html`<div class="card lesson">
    <div class="lead">
      <h2>Your first token</h2>
      <p>
        A Personal Access Token signs a script or a pipeline in to the API in your place, so that your
        password stays with you.
      </p>
      <ul class="facts-list">
        ${FACTS.map((fact) => html`<li>${icon('check-lg')}<span>${fact}</span></li>`)}
      </ul>
      <div class="row">
        <button type="button" class="button button-primary" @click=${generate}>
          ${icon('plus-lg')}Generate New Token
        </button>
      </div>
    </div>
    ${place}
  </div>`;
}
