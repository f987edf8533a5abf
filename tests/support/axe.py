"""axe, which looks for what assistive technology cannot use."""

from support.environment import Environment

AXE = (Environment("browser").modules / "axe_playwright_python" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page):
    """What axe complains of, in one line each."""
    page.evaluate(AXE)
    found = page.evaluate("(values) => axe.run(document, { runOnly: values, resultTypes: ['violations'] })", RULES)
    return [f"{one['id']}: {one['help']}: {node['target']} {node.get('failureSummary', '')}"
            for one in found["violations"] for node in one["nodes"]]
