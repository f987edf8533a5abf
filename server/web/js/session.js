// Who is signed in, as this tab knows it.

/** @import { Organization, Session, User } from './types.js' */
import { api } from './api.js';
import { tell } from './channel.js';
import { $ } from './dom.js';
import { lazy } from './lazy.js';

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

/** @param {string} email @param {string} password */
export async function signIn(email, password) {
  /** @type {{ user: User }} */
  const { user } = await api.post('/session', { email, password });
  tell({ kind: 'signed-in', userId: user.id });
}

export async function signOut() {
  await api.delete('/session').catch((problem) => {
    if (problem.status !== 401) throw problem;
  });
  forget();
  tell({ kind: 'signed-out' });
}

/** @returns {Promise<Organization>} */
export const organization = () => api.get('/organization');

/** @type {Promise<boolean> | null} */
let signingIn = null;

/**
 * The session ended under an open page: asks for the password on the spot, whatever the number of calls that
 * failed. False when nobody has been signed in yet, or when the person chose to leave.
 */
export async function signInAgain() {
  if (!session) return false;
  const { user } = session;
  signingIn ??= lazy(() => import('./dialogs/sign-in-again.js'))
    .then((module) => module.openSignInAgain(user))
    .then((isIn) => {
      if (isIn) follower();
      return isIn;
    })
    .finally(() => {
      signingIn = null;
    });
  return signingIn;
}

/** @type {Promise<boolean> | null} */
let confirming = null;

/** A creation wants a fresh proof of the password. False when the person cancels. */
export async function confirmPassword() {
  const user = session?.user;
  if (!user) return false;
  confirming ??= lazy(() => import('./dialogs/confirm-password.js'))
    .then((module) => module.openConfirmPassword(user))
    .finally(() => {
      confirming = null;
    });
  return confirming;
}

/** Another tab signed in: closes the question here when it was the same person. @param {number} userId */
export function signedInElsewhere(userId) {
  const dialog = $('dialog[data-sign-in-again]');
  if (dialog && session?.user.id === userId) dialog.close('in');
  return Boolean(dialog);
}
