// What stands in a view's place when it cannot be loaded.

import { HOME } from '../address.js';
import { Problem } from '../api.js';
import { $, html, icon } from '../dom.js';
import { blank } from './parts.js';

/** @param {Problem | null} problem */
function words(problem) {
  if (problem?.status === 429) {
    return [
      'Too many requests',
      'Your account is over its limit for the moment; this page goes on by itself.',
    ];
  }
  if (problem?.status === 0)
    return ['TestKase cannot be reached', 'Check your network; this page tries again by itself.'];
  if (problem?.unavailable) {
    return [
      'TestKase cannot reach its database',
      'Your tokens are unchanged. Until it answers, no call is let in, and pipelines are told to try again.',
    ];
  }
  return [
    'Something went wrong',
    'The server could not answer. The request number helps the operator to find the cause.',
  ];
}

/** @param {any} node @param {Problem | null} problem @param {() => void} retry */
function retrying(node, problem, retry) {
  const line = html`<p class="small muted"></p>`;
  const request = problem?.requestId ? ` · Request ${problem.requestId}` : '';
  let left = problem?.retryAfter || 15;
  node.append(line);
  const tick = () => {
    line.textContent = `Tries again in ${left} s${request}`;
    if (left-- > 0 && node.isConnected) return;
    clearInterval(timer);
    if (node.isConnected) retry();
  };
  const timer = setInterval(tick, 1000);
  $('button', node).addEventListener('click', () => {
    clearInterval(timer);
    retry();
  });
}

/**
 * @param {unknown} problem
 * @param {() => void} [retry]
 */
export function errorView(problem, retry) {
  const known = problem instanceof Problem ? problem : null;
  if (known?.status === 404) {
    const actions = html`<a class="button" href=${HOME}>Go to API Keys</a>`;
    return blank({
      symbol: 'search',
      title: 'Nothing here',
      body: 'It does not exist, or you may not see it.',
      actions,
    });
  }
  if (known?.status === 403) {
    return blank({
      symbol: 'lock',
      title: 'Not for this account',
      body: known.detail ?? 'Your account may not see this.',
    });
  }
  const [title, body] = words(known);
  const again = html`<button type="button" class="button button-primary">
    ${icon('arrow-repeat')}Try again
  </button>`;
  const node = blank({ symbol: 'database-x', title, body, actions: retry ? again : null });
  node.setAttribute('role', 'alert');
  if (retry) retrying(node, known, retry);
  return node;
}
