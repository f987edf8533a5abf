// What tabs of this page tell each other. Nothing secret is sent: only that something happened.

/** @typedef {{ kind: 'tokens' | 'signed-out' } | { kind: 'signed-in', userId: number }} News */

const channel = 'BroadcastChannel' in window ? new BroadcastChannel('testkase') : null;

/** @param {News} news */
export const tell = (news) => channel?.postMessage(news);

/** @param {(news: News) => void} listener */
export const hear = (listener) => channel?.addEventListener('message', (event) => listener(event.data));
