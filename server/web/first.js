// Runs before the first paint and before the modules are here.
{
  let theme = 'system';
  let signedIn = false;
  try {
    theme = localStorage.getItem('theme') ?? 'system';
    signedIn = localStorage.getItem('signed-in') === 'yes';
  } catch {
    /* storage may be blocked */
  }
  // A chosen theme never flashes. "system" leaves the choice to the platform.
  if (theme !== 'system') document.documentElement.dataset.theme = theme;

  // What the first view asks for is under way while its modules load; js/api.js takes it from here. /docs asks for nothing.
  if (signedIn && location.pathname !== '/docs') {
    const paths = ['/session'];
    if (['/', '/settings/api-keys'].includes(location.pathname)) {
      paths.push('/api-keys?status=all&sort=-created&limit=200', '/api-keys/hygiene?limit=200');
    }
    window.early = new Map(
      paths.map((path) => [path, fetch(`/api/v1${path}`, { credentials: 'same-origin', cache: 'no-store' })]),
    );
    for (const answer of window.early.values()) answer.catch(() => {});
  }
}
