// Entries of history. Each keeps where it was scrolled to, and what its view wants to keep.

/** @typedef {{ y?: number, kept?: Record<string, unknown>, guarded?: boolean }} Entry */

history.scrollRestoration = 'manual';

/** @returns {Entry} */
export const entry = () => history.state ?? {};

/** @param {Entry} patch */
export const patchEntry = (patch) => history.replaceState({ ...entry(), ...patch }, '');

/** @param {string} path @param {boolean} replace */
export function goTo(path, replace) {
  if (replace) history.replaceState({}, '', path);
  else {
    patchEntry({ y: scrollY });
    history.pushState({}, '', path);
  }
}

let timer = 0;

/** Notes the place of the entry that is shown, for Back and reload. */
export function followScrolling() {
  addEventListener('scroll', () => {
    clearTimeout(timer);
    const at = location.href;
    timer = setTimeout(() => location.href === at && patchEntry({ y: scrollY }), 150);
  });
}
