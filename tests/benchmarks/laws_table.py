"""The table family x law.

``python tests/benchmarks/laws_table.py [--write] [--workers 2] [--rows FILE] [names ...]``:

Every catalogue family (those with sizes in several) is checked in a process of its own, as
``sm.laws.check`` does by default. Prints a table of statuses and the time it took; with ``--write``
the table goes to docs/laws.md, between the markers. With ``--rows`` finished rows are kept in a
file and not repeated, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "laws.md"
BEGIN, END = "<!-- table begins -->", "<!-- table ends -->"
SIZES = {
    "binomial": [(10,)],
    "categorical": [(3,), (5,)],
    "dirichlet": [(2,), (3,), (4,)],
    "multinomial": [(3, 3)],
    "multivariate_normal": [(2,)],
    "negbin": [(3,), ()],
    "student_t": [(5,), ()],
}
MARKS = {"proved": "P", "violated": "**X**", "not applicable": "-"}
CHECK = """
import json, sys, time
import statmani as sm
name, sizes = sys.argv[1], json.loads(sys.argv[2])
start = time.process_time()
report = sm.laws.check(getattr(sm.families, name)(*sizes))
laws = [(law.name, law.statement, law.status, law.digits, law.explanation) for law in report]
print(json.dumps({"laws": laws, "seconds": time.process_time() - start}))
"""


def check(row: tuple[str, tuple[int, ...]]) -> dict[str, object]:
    """The laws of one family."""
    name, sizes = row
    done = subprocess.run(
        [sys.executable, "-c", CHECK, name, json.dumps(sizes)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{name}{sizes}: {done.stderr}")
    found: dict[str, object] = json.loads(done.stdout) | {"label": label(name, sizes)}
    print(f"{found['label']}: {found['seconds']:.1f} s", file=sys.stderr)
    return found


def label(name: str, sizes: tuple[int, ...]) -> str:
    """The head of a row."""
    return name + (f"({', '.join(map(str, sizes))})" if sizes else "")


def mark(status: str, digits: int | None, explanation: str) -> str:
    """One cell."""
    if status == "verified":
        return f"V{digits}"
    return "?" if "not decided" in explanation else MARKS[status]


def table(found: list[dict[str, object]]) -> str:
    """Markdown of all rows."""
    names: dict[str, str] = {}
    for row in found:
        names |= {name: statement for name, statement, *_ in row["laws"]}  # type: ignore[attr-defined]
    lines = [f"{k}. **{name}**: `{text}`" for k, (name, text) in enumerate(names.items(), 1)]
    lines += ["", "| family | " + " | ".join(str(k + 1) for k in range(len(names))) + " |"]
    lines.append("|---" * (len(names) + 1) + "|")
    proved = violated = 0
    for row in found:
        cells = {name: mark(*rest) for name, _, *rest in row["laws"]}  # type: ignore[attr-defined]
        lines.append(f"| {row['label']} | " + " | ".join(cells.get(n, "-") for n in names) + " |")
        proved += set(cells.values()) <= {"P", "-"}
        violated += MARKS["violated"] in cells.values()
    cells_total = sum(len(row["laws"]) for row in found)  # type: ignore[arg-type,misc]
    cpu = sum(row["seconds"] for row in found)  # type: ignore[misc]
    summary = (
        f"{len(found)} families, {cells_total} entries; in {proved} families every law that "
        f"applies is proved; {violated} families violate one. {cpu:.0f} s of "
        "processor time, families one after the other."
    )
    return "\n".join([summary, "", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rows", type=Path)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    import statmani as sm

    names = arguments.names or sm.families.names()
    rows = [(name, sizes) for name in names for sizes in SIZES.get(name, [()])]
    known = {}
    if arguments.rows is not None and arguments.rows.exists():
        lines = arguments.rows.read_text("utf-8").splitlines()
        known = {row["label"]: row for row in map(json.loads, lines)}

    def one(row: tuple[str, tuple[int, ...]]) -> dict[str, object]:
        if label(*row) in known:
            return known[label(*row)]
        made = check(row)
        if arguments.rows is not None:
            with arguments.rows.open("a", encoding="utf-8") as file:
                file.write(json.dumps(made) + "\n")
        return made

    with ThreadPoolExecutor(arguments.workers) as pool:
        found = list(pool.map(one, rows))
    text = table(found)
    print(text)
    if arguments.write:
        page = PAGE.read_text("utf-8")
        before, after = page.split(BEGIN)[0], page.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
