"""The style sheet that the build makes says what its parts say, also where they use more of CSS than the minifier knows."""

import re

from support.postgres import ROOT

CSS = ROOT / "server" / "web" / "css"
RULES = """([text]) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  const found = [];
  const walk = (rules, path) => {
    for (const rule of rules) {
      const [head] = rule.cssText.split('{');
      found.push(`${path} ${head}`);
      for (const name of rule.style ?? []) {
        found.push(`${name}: ${rule.style.getPropertyValue(name)} ${rule.style.getPropertyPriority(name)}`);
      }
      walk(rule.cssRules ?? [], `${path} ${head}`);
    }
  };
  walk(sheet.cssRules, '');
  return found;
}"""


def alike(line):
    """A line without what is written differently in values that the browser keeps as they are: spaces, 0.5 and .5, 120ms and
    .12s."""
    line = re.sub(r"\b([\d.]+)ms\b", lambda found: f"{float(found[1]) / 1000:g}s", line)
    return re.sub(r"\b0(?=\.\d)|\s", "", line)


def test_the_style_sheet_says_what_its_parts_say(browser, service):
    answer = service.server.api(checked=False).session.get(service.server.base + "/", timeout=20)
    [path] = re.findall(r'<link rel="stylesheet" href="([^"]*)"', answer.text)
    made = service.server.api(checked=False).session.get(service.server.base + path, timeout=20).text
    parts = re.findall(r'^@import "\./(.*)";$', (CSS / "app.css").read_text(), re.MULTILINE)
    written = "".join((CSS / part).read_text() for part in parts)
    assert len(made) < 0.8 * len(written)
    page = browser.new_page()
    try:
        rules, wanted = ([alike(line) for line in page.evaluate(RULES, [text])] for text in (made, written))
    finally:
        page.close()
    assert len(wanted) > 1000
    assert [pair for pair in zip(rules, wanted) if pair[0] != pair[1]] == []
    assert len(rules) == len(wanted)
