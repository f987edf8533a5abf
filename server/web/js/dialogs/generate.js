// Generate New Token: a name, a period, and what follows from it, before anything is made. Then the token is shown, once.

/** @import { Account, MadeToken, Organization, Session, Token } from '../types.js' */
/** @import { Problem } from '../api.js' */
/** @typedef {Organization['periods'][number]} Period */
import { $, $$, html, icon, name } from '../dom.js';
import { addDays, fmt, plural } from '../format.js';
import { attempt, creation } from '../making.js';
import { current, organization } from '../session.js';
import { lifeline, NAME_EXAMPLES, preview, reach, RECOMMENDED, USES } from '../token.js';
import { dialog, open, withForm } from '../ui/dialog.js';
import { nameField } from './name-field.js';
import { openShownOnce } from './shown-once.js';

/**
 * What a generate dialog begins with.
 * @typedef {{ name?: string, days?: number, purpose?: string, link?: string }} Start
 */

/** @param {Organization} rules @param {number | undefined} days */
function periodField({ maxExpiryDays, periods }, days = RECOMMENDED) {
  const wanted =
    periods.find((period) => period.days === days) ??
    periods.find((period) => period.days === RECOMMENDED) ??
    periods.at(-1);
  const card = (/** @type {Period} */ period) =>
    html`<label class="period">
      <input type="radio" name="period" value=${period.days} ?checked=${period === wanted} />
      <b>${period.days} days${period.days === RECOMMENDED ? html`<em>Recommended</em>` : ''}</b>
      <span>${USES[period.days] ?? ''}</span>
    </label>`;
  const limit = html`<p class="hint">Your organization allows at most ${maxExpiryDays} days.</p>`;
  return html`<fieldset class="field">
    <legend class="label">Expires after</legend>
    <div class="periods">${periods.map(card)}</div>
    ${maxExpiryDays && maxExpiryDays < 365 ? limit : ''}
  </fieldset>`;
}

/** @param {Start} start */
const useFields = ({ purpose, link }) =>
  html`<details class="disclosure" ?open=${purpose || link}>
    <summary>${icon('chevron-right', 'chevron')}Where will it be used? (optional)</summary>
    <div class="stack folded">
      <div class="field">
        <label for="token-purpose">Purpose</label>
        <input
          class="input"
          id="token-purpose"
          name="purpose"
          maxlength="200"
          autocomplete="off"
          dir="auto"
          value=${purpose ?? ''}
          placeholder="Nightly regression of the web shop"
        />
      </div>
      <div class="field">
        <label for="token-link">Link</label>
        <input
          class="input"
          id="token-link"
          name="link"
          type="url"
          maxlength="500"
          autocomplete="off"
          value=${link ?? ''}
          placeholder="https://…"
          aria-describedby="token-link-hint"
        />
        <p class="hint" id="token-link-hint">${LINK_HINT}</p>
      </div>
    </div>
  </details>`;

/** @param {Period} period */
function outcome({ days, rotateOn }) {
  const now = Date.now();
  return html`<div class="life-big">
    ${lifeline(preview(days, rotateOn))}
    <div class="life-marks">
      <div><b>Today</b>${fmt.dayShort(now)}</div>
      <div><b>Rotate by ${fmt.day(addDays(now, rotateOn))}</b>day ${rotateOn}</div>
      <div>
        <b>Expires ${fmt.day(addDays(now, days))}</b>at ${fmt.clock(now)}, after ${plural(days, 'day')}
      </div>
    </div>
  </div>`;
}

/** @param {Organization} rules @param {any} node @param {any} box */
function followPeriod({ periods }, node, box) {
  const chosen = () =>
    periods.find(({ days }) => String(days) === $('[name=period]:checked', node).value) ?? periods[0];
  const draw = () => box.replaceChildren(outcome(chosen()));
  for (const radio of $$('[name=period]', node)) radio.addEventListener('change', draw);
  draw();
  return chosen;
}

const LINK_HINT = 'The pipeline, the repository or the page that describes it.';

/** The hint of the link, or in its place what is wrong with it. @param {any} form @param {string} [fault] */
function hintAtLink(form, fault) {
  const input = $('[name=link]', form);
  const hint = $('#token-link-hint', form);
  input.toggleAttribute('aria-invalid', false);
  hint.className = fault ? 'field-error' : 'hint';
  hint.replaceChildren(...(fault ? [icon('exclamation-octagon'), fault] : [LINK_HINT]));
  if (!fault) return;
  input.setAttribute('aria-invalid', 'true');
  input.closest('details').open = true;
  input.focus();
  hint.scrollIntoView({ block: 'nearest' });
}

/** Only https and http can be opened by whoever reads it. @param {any} form */
function linkIsFine(form) {
  const text = $('[name=link]', form).value.trim();
  const fine = !text || (/^https?:\/\//.test(text) && URL.canParse(text));
  hintAtLink(form, fine ? undefined : 'Begin with https:// or http://.');
  return fine;
}

/**
 * @param {Token[]} tokens those that the owner has: two of one name are pointed out
 * @param {Start} [start]
 * @param {Account} [service] the owner, when it is not the reader
 * @returns {Promise<MadeToken | null>}
 */
async function askWhat(tokens, start = {}, service = undefined) {
  const rules = await organization();
  const names = tokens.filter((token) => token.status === 'active').map((token) => token.name);
  const field = nameField(start.name ?? '', names, NAME_EXAMPLES);
  const box = html`<div class="outcome" aria-live="polite"></div>`;
  const slot = html`<div></div>`;
  const submit = html`<button class="button button-primary" type="submit">Generate</button>`;
  const node = dialog({
    title: 'Generate New Token',
    wide: true,
    closedBy: 'closerequest',
    lead: service && html`For the service account ${name(service.name)}`,
    body: html`<div class="stack">
      ${field.node}${periodField(rules, start.days)}${box}${useFields(start)}
      <p class="small quiet">${reach(/** @type {Session} */ (current()), service)}</p>
      ${slot}
    </div>`,
    foot: html`<span class="small muted start">Nothing of it can be changed later.</span>
      <button type="button" class="button" data-close>Cancel</button>${submit}`,
  });
  const form = withForm(node, { novalidate: true });
  const period = followPeriod(rules, node, box);
  const value = (/** @type {string} */ field) => $(`[name=${field}]`, form).value.trim();
  const list = service ? `/users/${service.id}/api-keys` : '/api-keys';
  const draft = () => ({
    name: value('name'),
    expiresInDays: period().days,
    ...(value('purpose') && { purpose: value('purpose') }),
    ...(value('link') && { link: value('link') }),
  });
  const make = creation(list, draft, list);

  /** @type {MadeToken | null} */
  let made = null;
  const done = (/** @type {MadeToken} */ token) => {
    made = token;
    node.close('made');
  };
  /** What the server says of a field stands at that field. @param {Problem} problem */
  const refused = ({ errors }) => {
    const [{ field: at, detail }] = errors;
    if (at === 'name') field.refuse(detail);
    else if (at === 'link') hintAtLink(form, `The link ${detail}.`);
    return ['name', 'link'].includes(at);
  };
  form.addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!field.check() || !linkIsFine(form)) return;
    attempt({ make, slot, button: submit, done, refused });
  });
  await open(node);
  return made;
}

/**
 * @param {Token[]} tokens those that the owner has
 * @param {Start} [start]
 * @param {Account} [service] the owner, when it is not the reader
 * @returns {Promise<boolean>} whether a token was made
 */
export async function generate(tokens, start, service) {
  const made = await askWhat(tokens, start, service);
  if (made) await openShownOnce(made);
  return Boolean(made);
}
