// The browser of a session in words, from its User-Agent.

/** @type {[RegExp, string][]} the first that fits; later ones also fit what earlier ones name */
const BROWSERS = [
  [/Edg(e|A|iOS)?\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/(Firefox|FxiOS)\//, 'Firefox'],
  [/(Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];

/** @type {[RegExp, string][]} */
const SYSTEMS = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X|Macintosh/, 'macOS'],
  [/CrOS/, 'ChromeOS'],
  [/Linux/, 'Linux'],
];

/** @param {[RegExp, string][]} table @param {string} text */
const find = (table, text) => table.find(([pattern]) => pattern.test(text))?.[1];

/**
 * "Firefox on Linux"; of another client its product.
 * @param {string | null} client
 */
export function browserOf(client) {
  if (!client) return 'Unknown client';
  const browser = find(BROWSERS, client);
  const system = find(SYSTEMS, client);
  if (!browser) return client.split(/[/ ]/)[0];
  return system ? `${browser} on ${system}` : browser;
}
