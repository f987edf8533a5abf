// Whether the server has been updated since the page was loaded. All of the page's code is here, so it goes on
// working; the next link is then followed by loading the page, which brings the new code.

let isOld = false;

export const hasNewBuild = () => isOld;

/** A server has the files of its own build only, and this script is one of them. */
export async function lookForNewBuild() {
  const { status } = await fetch(import.meta.url, { method: 'HEAD', cache: 'no-store' });
  isOld = status === 404;
}
