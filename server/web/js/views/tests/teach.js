// How results get here: shown where there are none yet.

/** @import { Content } from '../../types.js' */
/** @import { Target } from '../../ui/platforms.js' */
import { html, icon } from '../../dom.js';
import { snippets } from '../../ui/snippets.js';

/** @param {{ title: string, lead: string, facts: Content[], action?: Content, target: Target }} settings */
export const teach = ({ title, lead, facts, action, target }) =>
  html`<div class="card lesson">
    <div class="lead">
      <h2>${title}</h2>
      <p>${lead}</p>
      <ul class="facts-list">
        ${facts.map((fact) => html`<li>${icon('check-lg')}<span>${fact}</span></li>`)}
      </ul>
      ${action ? html`<div class="row">${action}</div>` : ''}
    </div>
    <div class="stack">
      <h3>Report from your pipeline</h3>
      ${snippets(target)}
    </div>
  </div>`;
