"""The sessions in README.md and docs/ run and print what they show."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^```pycon\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WITH_SESSIONS = [page for page in PAGES if FENCE.search(page.read_text("utf-8"))]


def session(page: Path) -> str:
    """The page with everything outside its sessions blanked, so that line numbers stay."""
    text = page.read_text("utf-8")
    blanked, position = [], 0
    for match in FENCE.finditer(text):
        blanked.append("\n" * text.count("\n", position, match.start(1)))
        blanked.append(match.group(1))
        position = match.end(1)
    return "".join(blanked)


@pytest.mark.parametrize("page", WITH_SESSIONS, ids=lambda page: page.name)
def test_the_sessions_of_a_page_are_true(page: Path) -> None:
    test = doctest.DocTestParser().get_doctest(session(page), {}, page.name, str(page), 0)
    output: list[str] = []
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    runner = doctest.DocTestRunner(optionflags=flags)
    results = runner.run(test, out=output.append)
    assert results.attempted > 0
    assert results.failed == 0, "".join(output)


def test_the_readme_has_one_command_to_run_and_one_to_test() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    commands = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert commands == [
        "python -m pip install . && statmani report weibull\n",
        'python -m pip install ".[test]" && python -m pytest -n auto\n',
    ]
