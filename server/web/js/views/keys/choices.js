// What the list can be filtered and sorted by, and how the choice stands in the address.

/** @import { Context, Token } from '../../types.js' */
import { ms } from '../../format.js';
import { holdsToken, isExpiring, isLive } from '../../token.js';

/**
 * Key, title, test, and the words of the empty list.
 * @type {[string, string, (token: Token) => boolean, string, string][]}
 */
export const FILTERS = [
  ['active', 'Active', isLive, 'No active token', 'Ended tokens are under their own filters.'],
  [
    'expiring',
    'Expiring',
    isExpiring,
    'Nothing is due',
    'Tokens appear here one to two weeks before they expire.',
  ],
  [
    'expired',
    'Expired',
    (one) => one.status === 'expired',
    'No token has expired',
    'Expired tokens stay listed here.',
  ],
  [
    'revoked',
    'Revoked',
    (one) => one.status === 'revoked',
    'No token was revoked',
    'Ended tokens stay listed here.',
  ],
  ['all', 'All', () => true, 'No token', ''],
];

/** Ended ones come behind the live ones, the latest first. @param {Token} token */
const byExpiry = (token) =>
  isLive(token) ? ms(token.expiresAt) : 1e15 - ms(token.endedAt ?? token.expiresAt);

/** @type {import('../../ui/table.js').Column<Token>[]} */
export const COLUMNS = [
  { key: 'name', title: 'Name', by: (token) => token.name, className: 'c-name' },
  { key: 'preview', title: 'Token Preview', className: 'c-preview fit' },
  {
    key: 'created',
    title: 'Created',
    by: (token) => ms(token.createdAt),
    down: true,
    className: 'c-created fit',
  },
  { key: 'expires', title: 'Expires', by: byExpiry, className: 'c-life' },
  {
    key: 'used',
    title: 'Last used',
    by: (token) => (token.lastUsedAt ? ms(token.lastUsedAt) : null),
    down: true,
    className: 'c-used',
  },
  { key: 'state', title: 'Rotation', className: 'c-state fit' },
  { key: 'actions', title: 'Actions', className: 'actions fit' },
];
export const SORTS = [
  ['expires', 'Expires first'],
  ['-used', 'Used last'],
  ['-created', 'Newest'],
  ['name', 'Name'],
];

/** @param {string | null} text */
export function orderOf(text) {
  const key = text?.replace(/^-/, '') ?? '';
  const known = COLUMNS.some((column) => column.key === key && column.by);
  return known ? { key, down: text?.startsWith('-') ?? false } : { key: 'expires', down: false };
}

/** @param {{ key: string, down: boolean }} order */
export const orderText = ({ key, down }) => (down ? '-' : '') + key;

/** @param {string | null} key */
export const filterOf = (key) => FILTERS.find(([one]) => one === key) ?? FILTERS[0];

/** @param {Token} token @param {string} words */
export const contains = (token, words) =>
  [token.name, token.tokenPreview, token.lastUsedClient, token.purpose, token.link].some((text) =>
    text?.toLowerCase().includes(words),
  );

/** What is chosen, kept in the address. @param {Context} context */
export function choices({ query, setQuery }) {
  const state = {
    status: filterOf(query.get('status'))[0],
    order: orderOf(query.get('sort')),
    words: query.get('q') ?? '',
  };
  const save = () => {
    const next = new URLSearchParams();
    if (state.status !== 'active') next.set('status', state.status);
    if (orderText(state.order) !== 'expires') next.set('sort', orderText(state.order));
    if (state.words && !holdsToken(state.words)) next.set('q', state.words);
    setQuery(next);
  };
  return { state, save };
}
