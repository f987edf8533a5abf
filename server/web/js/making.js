// Making a token: the call, which may be tried again, and what is said when it fails.

/** @import { Content, MadeToken } from './types.js' */
import { api, newKey, Problem } from './api.js';
import { busy, showProblem } from './ui/busy.js';
import { tell } from './channel.js';
import { html } from './dom.js';
import { banner } from './ui/parts.js';

/**
 * One creation that may be tried again: while it has not succeeded, every try has the same idempotency key.
 * When the key was used, an earlier try had made the token, and only its answer was lost: nobody can see that
 * secret any more.
 * @param {string} path
 * @param {() => object | undefined} body
 * @param {string} list where the token then is
 */
export function creation(path, body, list = '/api-keys') {
  let key = newKey();
  return {
    /** @returns {Promise<MadeToken>} */
    async run() {
      const made = await api.create(path, body(), key);
      tell({ kind: 'tokens' });
      return made;
    },
    /**
     * Deletes what an earlier try made, and makes another.
     * @param {number} id
     * @returns {Promise<MadeToken>}
     */
    async again(id) {
      await api.delete(`${list}/${id}`).catch((problem) => {
        if (problem.status !== 404) throw problem;
      });
      key = newKey();
      return this.run();
    },
  };
}

/**
 * Shows that an earlier try has made the token, and offers to replace it.
 * @param {any} slot
 * @param {() => Promise<void>} again
 */
export function offerAnother(slot, again) {
  const button = html`<button type="button" class="button button-small">
    Delete it and generate another
  </button>`;
  button.addEventListener('click', () => busy(button, again));
  /** @type {Content} */
  const body = html`<p>
    <strong>The token was made by the earlier try.</strong> Its answer was lost on the way, and its secret
    cannot be shown again.
  </p>`;
  slot.replaceChildren(
    banner({ tone: 'warn', symbol: 'exclamation-triangle', role: 'alert', body, actions: button }),
  );
  slot.scrollIntoView({ block: 'nearest' });
}

/**
 * Runs a creation. Says what went wrong in the slot; `done` is given what was made, `gone` is told when there
 * is nothing to rotate any more, or its successor exists.
 * @param {{ make: ReturnType<typeof creation>, slot: any, button: any,
 *   done: (made: MadeToken) => Promise<void> | void,
 *   gone?: (problem: Problem) => void,
 *   refused?: (problem: Problem) => boolean }} settings `refused` shows errors at their fields; true when it did
 */
export function attempt({ make, slot, button, done, gone, refused }) {
  const guard = async (/** @type {() => Promise<MadeToken>} */ work) => {
    let made;
    try {
      made = await work();
    } catch (problem) {
      const id = problem instanceof Problem ? problem.apiKeyId : undefined;
      const code = problem instanceof Problem ? problem.code : '';
      if (code === 'idempotency_key_used' && id) offerAnother(slot, () => guard(() => make.again(id)));
      else if (
        gone &&
        problem instanceof Problem &&
        ['successor_exists', 'api_key_ended'].includes(code ?? '')
      ) {
        gone(problem);
      } else if (!(problem instanceof Problem && problem.errors.length && refused?.(problem))) {
        showProblem(slot, problem, button);
      }
      return;
    }
    slot.replaceChildren();
    await done(made);
  };
  return busy(button, () => guard(() => make.run()));
}
