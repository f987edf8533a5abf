// The empty list: what a token is, and where it goes.

import { html, icon } from '../../dom.js';
import { snippets } from '../../ui/snippets.js';

const FACTS = [
  'Shown once, then only a preview: copy it straight into a secret.',
  'Has your rights, in every project you can reach. No more, no less.',
  'Lives 7 days to 1 year. Its end is fixed, and this page says when it is due for rotation.',
  'Deleted in one click; the very next call with it is refused.',
];

/** @param {number} organizationId @param {() => void} generate */
export function lesson(organizationId, generate) {
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
    <div class="stack">
      <h3>Then give it to your pipeline</h3>
      ${snippets({ organizationId })}
    </div>
  </div>`;
}
