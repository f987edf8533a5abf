// Starts the page: connects the parts, and listens to the shell's controls.

import { remedies } from './api.js';
import { openFind } from './dialogs/find.js';
import { $, $$ } from './dom.js';
import { keepFresh, outdate } from './freshness.js';
import { followScrolling } from './history.js';
import { keepLive } from './live.js';
import { navigate, startRouter } from './router.js';
import { confirmPassword, signInAgain } from './remedies.js';
import * as routes from './routes.js';
import { current, signOut } from './session.js';
import { drawNavigation } from './shell.js';
import { once } from './ui/busy.js';
import { themeSwitch } from './ui/theme-switch.js';
import { toast } from './ui/toast.js';

const find = once(async () => {
  const path = await openFind();
  if (path) await navigate(path);
});

async function leave() {
  $('#user-menu').hidePopover();
  try {
    await signOut();
    await navigate('/sign-in');
  } catch {
    toast('You are still signed in: TestKase cannot be reached.');
  }
}

/** A popover that a link in it closes. @param {any} popover */
function closeOnLink(popover) {
  popover.addEventListener('click', (/** @type {any} */ event) => {
    if (event.target.closest('a') && popover.matches(':popover-open')) popover.hidePopover();
  });
}

function listen() {
  closeOnLink($('#sidebar'));
  closeOnLink($('#user-menu'));
  $('#user-menu').addEventListener('toggle', (/** @type {ToggleEvent} */ event) =>
    $('#user-button').setAttribute('aria-expanded', String(event.newState === 'open')),
  );
  $('#sign-out').addEventListener('click', leave);
  $('.skip').addEventListener('click', (/** @type {Event} */ event) => {
    event.preventDefault();
    $('#main').focus();
  });
  for (const button of $$('[data-find]')) button.addEventListener('click', find);
  addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'k') return;
    if (!current() || $('dialog[open]')) return;
    event.preventDefault();
    find();
  });
}

Object.assign(remedies, { signInAgain, confirmPassword });
drawNavigation();
$('#theme-slot').append(themeSwitch());
listen();
followScrolling();
keepFresh();
keepLive(outdate);
startRouter(routes);
