// The only module that talks to the server. It knows two refusals that a person can lift in place, and then
// repeats the call: a session that ended (401), and a sign-in that is too long ago (403
// recent_sign_in_required).

/** @import { Everything, Page } from './types.js' */

const BOUND = 2000;

/** An answer that is not 2xx, an RFC 9457 problem. `status` 0 means that the server was not reached. */
export class Problem extends Error {
  /** @param {Record<string, any>} members */
  constructor(members) {
    super(members.title);
    /** @type {number} */
    this.status = members.status;
    /** @type {string | undefined} */
    this.code = members.code;
    /** @type {string | undefined} */
    this.detail = members.detail;
    /** @type {{ field: string, detail: string }[]} */
    this.errors = members.errors ?? [];
    /** @type {string | null | undefined} */
    this.requestId = members.requestId;
    /** Seconds to wait after 429 and 503; 0 when the answer does not say. */
    this.retryAfter = Number(members.retryAfter) || 0;
    /** The token that the refusal is about. @type {number | undefined} */
    this.apiKeyId = members.apiKeyId;
  }

  /** The server or its database does not answer at the moment. */
  get unavailable() {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

/**
 * How a person lifts a refusal; true when the call may be repeated. app.js sets them.
 * @type {{ signInAgain: () => Promise<boolean>, confirmPassword: () => Promise<boolean> }}
 */
export const remedies = { signInAgain: async () => false, confirmPassword: async () => false };

/** @param {Response} response @param {string} text */
function problemOf(response, text) {
  let members = {};
  try {
    members = JSON.parse(text);
  } catch {
    // Not ours: a proxy's page, for example. The status says enough.
  }
  const { status, headers } = response;
  const retryAfter = headers.get('Retry-After');
  return new Problem({
    title: 'The call failed',
    ...members,
    status,
    retryAfter,
    requestId: headers.get('X-Request-Id'),
  });
}

/**
 * The answer that first.js has asked for before the modules were here; each is taken once.
 * @param {string} method
 * @param {string} path
 */
function takeEarly(method, path) {
  const answer = method === 'GET' ? window.early?.get(path) : undefined;
  window.early?.delete(path);
  return answer;
}

/** @param {string} method @param {string} path @param {any} body @param {Record<string, string>} [extra] */
async function send(method, path, body, extra) {
  const headers = { ...extra, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) };
  let response, text;
  try {
    const options = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
    response = await (takeEarly(method, path) ??
      fetch(`/api/v1${path}`, { ...options, credentials: 'same-origin', cache: 'no-store' }));
    text = await response.text();
  } catch {
    throw new Problem({ status: 0, title: 'TestKase cannot be reached' });
  }
  if (response.status === 401) window.early?.clear(); // they are of the session that has ended
  if (!response.ok) throw problemOf(response, text);
  return text ? JSON.parse(text) : null;
}

/** @param {Problem} problem @param {string} method @param {string} path */
function remedyFor(problem, method, path) {
  const signingIn = path === '/session' && method === 'POST';
  if (problem.status === 401 && problem.code !== 'invalid_credentials' && !signingIn)
    return remedies.signInAgain;
  if (problem.code === 'recent_sign_in_required') return remedies.confirmPassword;
  return null;
}

/**
 * @param {string} method
 * @param {string} path below /api/v1
 * @param {any} [body]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>}
 */
async function call(method, path, body, headers) {
  for (;;) {
    try {
      return await send(method, path, body, headers);
    } catch (problem) {
      const remedy = problem instanceof Problem ? remedyFor(problem, method, path) : null;
      if (!remedy || !(await remedy())) throw problem;
    }
  }
}

/**
 * All pages of a list, up to 2,000 entries.
 * @param {string} path
 * @returns {Promise<Everything<any>>}
 */
async function all(path) {
  const data = [];
  let cursor = '';
  do {
    const from = cursor && `&cursor=${encodeURIComponent(cursor)}`;
    const url = `${path}${path.includes('?') ? '&' : '?'}limit=200${from}`;
    /** @type {Page<any>} */
    const page = await call('GET', url);
    data.push(...page.data);
    cursor = page.nextCursor ?? '';
  } while (cursor && data.length < BOUND);
  return { data, more: Boolean(cursor) };
}

export const api = {
  all,
  /** @param {string} path */
  get: (path) => call('GET', path),
  /** @param {string} path @param {any} [body] */
  post: (path, body) => call('POST', path, body),
  /** @param {string} path @param {any} [body] */
  put: (path, body) => call('PUT', path, body),
  /** @param {string} path @param {any} body */
  patch: (path, body) => call('PATCH', path, body),
  /** @param {string} path @param {any} [body] */
  delete: (path, body) => call('DELETE', path, body),
  /**
   * A creation that may be repeated without making two.
   * @param {string} path
   * @param {any} body
   * @param {string} key
   */
  create: (path, body, key) => call('POST', path, body, { 'Idempotency-Key': key }),
};

/** An idempotency key: 128 random bits. crypto.randomUUID is missing on plain http. */
export const newKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
