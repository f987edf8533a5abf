// The facts of a token: a list of terms.

/** @import { Content, Impact, Session, Token } from '../../types.js' */
import { tokenPath } from '../../address.js';
import { html } from '../../dom.js';
import { fmt } from '../../format.js';
import { isLive, product } from '../../token.js';
import { externalLink } from '../../ui/parts.js';
import { when } from '../../ui/time.js';

/** @param {string} term @param {Content} value @param {Content} [sub] */
const fact = (term, value, sub) =>
  html`<div>
    <dt>${term}</dt>
    <dd>${value}${sub ? html`<span class="sub">${sub}</span>` : ''}</dd>
  </div>`;

/** @param {Token} token */
function lastUse({ lastUsedAt, lastUsedClient, lastUsedIp }) {
  const from = [product(lastUsedClient), lastUsedIp].filter(Boolean).join(' · ');
  return fact('Last used', when(lastUsedAt), lastUsedAt && from);
}

/** @param {Token} token @param {Session} session */
function maker({ createdBy }, { user }) {
  if (!createdBy) return '';
  const { apiKeyId, userId } = createdBy;
  if (apiKeyId) return fact('Made with', html`<a href=${tokenPath(apiKeyId)}>another token</a>`);
  return fact('Made by', userId === user.id ? 'You' : 'An admin');
}

/** Calls of the last 7 days, today with them. @param {Impact} impact */
const weekOf = ({ perDay }) => perDay.slice(-7).reduce((sum, day) => sum + day.calls, 0);

/** @param {Token} token @param {Impact} impact @param {Session} session */
export function facts(token, impact, session) {
  const rights =
    session.user.orgRole === 'member' ? 'your projects' : `${session.user.orgRole}, every project`;
  return html`<dl class="facts">
    ${fact('Token Preview', html`<span class="preview">${token.tokenPreview}</span>`)} ${lastUse(token)}
    ${fact('Calls in 7 days', fmt.number(weekOf(impact)))}
    ${isLive(token) ? fact('Rights', `Yours: ${rights}`) : ''}
    ${token.purpose ? fact('Purpose', html`<bdi dir="auto">${token.purpose}</bdi>`) : ''}
    ${token.link ? fact('Link', externalLink(token.link)) : ''} ${maker(token, session)}
  </dl>`;
}
