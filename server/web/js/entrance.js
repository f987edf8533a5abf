// The way into a view that needs a session.

import { HOME } from './address.js';
import { api } from './api.js';
import * as session from './session.js';
import { showDue, showSession } from './shell.js';
import { isDue } from './token.js';

async function countDue() {
  const { data } = await api.all('/api-keys?status=expiring');
  showDue(data.filter(isDue).length);
}

/**
 * The session, shown in the shell. When it is new to this tab, the count of due tokens follows; the list has
 * it anyway.
 */
export async function enter() {
  const known = Boolean(session.current());
  showSession(await session.enter());
  if (!known && location.pathname !== HOME) countDue().catch(() => {});
}
