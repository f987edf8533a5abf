// Who is signed in, as this tab knows it.

/** @import { Organization, Session, User } from './types.js' */
import { api } from './api.js';
import { tell } from './channel.js';
import { $ } from './dom.js';

/** @type {Session | null} */
let session = null;

export const current = () => session;

let follower = () => {};

/** `listener` is called when somebody is signed in here, or nobody any more. @param {() => void} listener */
export const follow = (listener) => {
  follower = listener;
};

/** Tells first.js whether it is worth asking before the modules are here. @param {boolean} signedIn */
function remember(signedIn) {
  try {
    if (signedIn) localStorage.setItem('signed-in', 'yes');
    else localStorage.removeItem('signed-in');
  } catch {
    /* storage may be blocked */
  }
}

export function forget() {
  session = null;
  remember(false);
  follower();
}

/** The session, asked for once. @returns {Promise<Session>} */
export async function enter() {
  if (!session) {
    session = /** @type {Session} */ (await api.get('/session'));
    remember(true);
    follower();
  }
  return session;
}

/** Asks again who is signed in. @returns {Promise<Session | null>} the session when it has changed: another role or name */
export async function renew() {
  const before = session;
  /** @type {Session} */
  const now = await api.get('/session');
  if (!before || session !== before || JSON.stringify(now) === JSON.stringify(before)) return null;
  session = now;
  return now;
}

/** @param {string} email @param {string} password */
export async function signIn(email, password) {
  /** @type {{ user: User }} */
  const { user } = await api.post('/session', { email, password });
  tell({ kind: 'signed-in', userId: user.id });
}

/** Somebody is signed in again, whose session had ended. */
export const resume = () => follower();

export async function signOut() {
  await api.delete('/session').catch((problem) => {
    if (problem.status !== 401) throw problem;
  });
  forget();
  tell({ kind: 'signed-out' });
}

/** @returns {Promise<Organization>} */
export const organization = () => api.get('/organization');

/** Another tab signed in: closes the question here when it was the same person. @param {number} userId */
export function signedInElsewhere(userId) {
  const dialog = $('dialog[data-sign-in-again]');
  if (dialog && session?.user.id === userId) dialog.close('in');
  return Boolean(dialog);
}
