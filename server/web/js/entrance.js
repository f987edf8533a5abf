// The way into a view that needs a session.

/** @import { Session } from './types.js' */
import { HOME } from './address.js';
import { api } from './api.js';
import * as session from './session.js';
import { managed, managesAll } from './projects.js';
import { allow, showDue, showSession } from './shell.js';
import { isDue } from './token.js';

async function countDue() {
  const { data } = await api.all('/api-keys?status=expiring');
  showDue(data.filter(isDue).length);
}

/** Whether "Projects" belongs to the navigation; for a member, only the list of projects tells. @param {Session} session */
async function allowProjects(session) {
  allow({ projects: managesAll(session) });
  if (!managesAll(session)) allow({ projects: (await managed()).length > 0 });
}

/** Shows in the shell who is there, and what they may. @param {Session} entered */
export function showReader(entered) {
  showSession(entered);
  allowProjects(entered).catch(() => {});
}

/** The session. When it is new to this tab, it is shown, and the count of due tokens follows; the list has it anyway. */
export async function enter() {
  const known = Boolean(session.current());
  const entered = await session.enter();
  if (known) return;
  showReader(entered);
  if (location.pathname !== HOME) countDue().catch(() => {});
}
