const { Given } = require('@cucumber/cucumber');
Given('it works', () => {}); Given('it breaks', () => { throw new Error('boom'); });
Given('it is pending', () => 'pending'); Given('it is skipped', () => 'skipped');
