// Old and new beside each other, and their lives on one axis.

/** @import { Token } from '../../types.js' */
import { html, icon, name } from '../../dom.js';
import { addDays, fmt, ms, plural } from '../../format.js';
import { stateBadge } from '../../token.js';
import { onDay, when } from '../../ui/time.js';

/** The name that the server will give: the next version. @param {string} text */
function nextName(text) {
  const version = text.match(/ v(\d+)$/);
  return version ? text.replace(/ v\d+$/, ` v${Number(version[1]) + 1}`) : `${text} v2`;
}

/** @param {Token} token */
const passed = (token) =>
  Math.min(1, (Date.now() - ms(token.createdAt)) / (ms(token.expiresAt) - ms(token.createdAt))).toFixed(4);

/** Labels that are closer than this share of the axis would overlap. */
const CLOSE = 0.16;

/** @param {Token} old @param {Token | null} successor */
function lanes(old, successor) {
  const from = ms(old.createdAt);
  const end = Math.max(ms(successor?.expiresAt ?? addDays(Date.now(), old.expiresInDays)), ms(old.expiresAt));
  const at = (/** @type {string | number} */ time) => ((ms(time) - from) / (end - from)).toFixed(4);
  const now = at(Date.now());
  const fresh = successor
    ? html`<i --from=${at(successor.createdAt)} --to=${at(successor.expiresAt)} --passed=${passed(successor)}>
      </i>`
    : html`<i data-ghost --from=${now} --to="1"></i>`;
  return html`<div class="overlap" aria-hidden="true">
    <div>
      <span>Old</span>
      <span class="lane">
        <i data-tone="warn" --from="0" --to=${at(old.endedAt ?? old.expiresAt)} --passed=${passed(old)}></i>
      </span>
    </div>
    <div><span>New</span><span class="lane">${fresh}</span></div>
    <div>
      <span></span>
      <span class="axis">
        ${Number(now) > CLOSE ? html`<span data-side="start" --x="0">${fmt.dayShort(from)}</span>` : ''}
        <span data-now data-side=${Number(now) > CLOSE ? null : 'start'} --x=${now}>Today</span>
        ${Number(now) < 1 - CLOSE ? html`<span data-side="end" --x="1">${fmt.dayShort(end)}</span>` : ''}
      </span>
    </div>
  </div>`;
}

/** @param {Token} token */
const facts = (token) =>
  html`<dl>
    <dt>Preview</dt>
    <dd><span class="preview">${token.tokenPreview}</span></dd>
    <dt>Last used</dt>
    <dd>${when(token.lastUsedAt)}</dd>
    <dt>${token.endedAt ? 'Ended' : 'Expires'}</dt>
    <dd>${onDay(token.endedAt ?? token.expiresAt)}</dd>
  </dl>`;

/** @param {Token | null} successor */
function newBadge(successor) {
  if (!successor) return html`<span class="badge" data-tone="plain">Does not exist yet</span>`;
  if (!successor.lastUsedAt) return html`<span class="badge" data-tone="plain">Not used yet</span>`;
  return html`<span class="badge" data-tone="ok">${icon('check-lg')}In use</span>`;
}

/** @param {Token} old @param {Token | null} successor */
export const sides = (old, successor) =>
  html`<section class="card" aria-label="Old and new">
    <div class="pair">
      <div>
        <div class="row"><span class="tag">Old</span>${stateBadge(old)}</div>
        <h2>${name(old.name)}</h2>
        ${facts(old)}
      </div>
      <div>
        <div class="row"><span class="tag">New</span>${newBadge(successor)}</div>
        <h2>${name(successor?.name ?? nextName(old.name))}</h2>
        ${successor
          ? facts(successor)
          : html`<p class="small quiet">
              Same period, ${plural(old.expiresInDays, 'day')}. The old one stays valid until you delete it.
            </p>`}
      </div>
    </div>
    ${lanes(old, successor)}
  </section>`;
