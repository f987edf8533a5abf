// Runs before the first paint, so that a chosen theme never flashes. "system" leaves the choice to the
// platform.
{
  let theme = 'system';
  try {
    theme = localStorage.getItem('theme') ?? 'system';
  } catch {
    /* storage may be blocked */
  }
  if (theme !== 'system') document.documentElement.dataset.theme = theme;
}
