// How a person lifts a refusal of the server in place: js/api.js then repeats the call.

import { current, resume } from './session.js';
import { openConfirmPassword } from './dialogs/confirm-password.js';
import { openSignInAgain } from './dialogs/sign-in-again.js';

/** @type {Promise<boolean> | null} */
let signingIn = null;

/**
 * The session ended under an open page: asks for the password on the spot, whatever the number of calls that
 * failed. False when nobody has been signed in yet, or when the person chose to leave.
 */
export async function signInAgain() {
  const user = current()?.user;
  if (!user) return false;
  signingIn ??= openSignInAgain(user)
    .then((isIn) => {
      if (isIn) resume();
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
  const user = current()?.user;
  if (!user) return false;
  confirming ??= openConfirmPassword(user).finally(() => {
    confirming = null;
  });
  return confirming;
}
