module.exports = {
  retries: 1,
  projects: [{ name: 'one' }, { name: 'two' }],
  reporter: [
    ['dot'],
    ['json', { outputFile: '../../out/playwright.json' }],
    ['junit', { outputFile: '../../out/playwright.xml', includeRetries: true }],
  ],
};
