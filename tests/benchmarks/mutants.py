"""How many small faults in geometry/ and expectation/ the tests see.

``python tests/benchmarks/mutants.py [--count 60] [--seed 1] [--only geometry/] [--write]``:

Each mutant changes one place of one module: a sign, a dropped factor or term, a swapped pair of
arguments or indices, a number off by one, an exchanged condition. Places are drawn by the seed
from the syntax trees. The tests that cover the module run in a temporary copy, then all others of
its folder, until one fails (killed) or all pass (survived). A mutant that does not end within five
times the processor time of the unmutated tests is killed too, and counted apart. Prints a table;
with ``--rows`` finished mutants are kept in a file, so that an interrupted run goes on; with
``--write`` the outcome goes to docs/mutants.md, with the reasons of mutants_explained.json.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "mutants.md"
REASONS = Path(__file__).parent / "mutants_explained.json"
BEGIN, END = "<!-- outcome begins -->", "<!-- outcome ends -->"
HANGS = "hangs"
_GEOMETRY = ["tests/geometry/test_tensors.py", "tests/geometry/test_known_curvature.py"]
_SEPARATION = "tests/expectation/test_separation.py"
_EXPECTATION = [
    _SEPARATION,
    "tests/expectation/test_reference_values.py",
    "tests/expectation/test_moments.py",
]
#: Modules that hold formulas, with the tests to run, likeliest to see a fault first.
COVERED: dict[str, list[str]] = {
    "geometry/curvature.py": [*_GEOMETRY, "tests/geometry/test_laws.py"],
    "geometry/first_kind.py": _GEOMETRY,
    "geometry/contractions.py": [*_GEOMETRY, "tests/geometry/test_laws.py"],
    "geometry/building_blocks.py": ["tests/numerics/test_formula.py"],
    "geometry/connection.py": [
        "tests/geometry/test_flatness.py",
        *_GEOMETRY,
        "tests/geometry/test_reference.py",
        "tests/geometry/test_laws.py",
    ],
    "geometry/hessian_equation.py": ["tests/numerics/test_formula.py"],
    "geometry/linear.py": _GEOMETRY,
    "geometry/products.py": _GEOMETRY,
    "geometry/covariant.py": [*_GEOMETRY, "tests/geometry/test_every_quantity.py"],
    "geometry/calculus.py": ["tests/geometry/test_spaces.py", "tests/geometry/test_laws.py"],
    "geometry/embedding.py": ["tests/geometry/test_embedding.py"],
    "geometry/chart.py": ["tests/geometry/test_maps.py", "tests/geometry/test_laws.py"],
    "geometry/volume.py": _GEOMETRY,
    "expectation/exponential.py": _EXPECTATION,
    "expectation/components.py": ["tests/expectation/test_components.py", *_EXPECTATION],
    "expectation/kernels.py": _EXPECTATION,
    "expectation/affine.py": ["tests/expectation/test_affine.py", *_EXPECTATION],
    "expectation/means.py": _EXPECTATION,
    "expectation/equivariant.py": [
        _SEPARATION,
        "tests/expectation/test_identified.py",
        *_EXPECTATION[1:],
    ],
}
SWAPPED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult,
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip


def mutant(module: str, place: int, name: str) -> tuple[str, str, str]:
    """The source of a module with one node of its tree changed, and the node before and after."""
    tree = ast.parse((ROOT / "statmani" / module).read_text("utf-8"))
    node = next(n for k, n in enumerate(ast.walk(tree)) if k == place)
    before = ast.unparse(node)
    dict(choices(node))[name](node)
    return ast.unparse(tree), before, ast.unparse(node)


def choices(node: ast.AST) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """What can be done at one node."""
    if isinstance(node, ast.BinOp) and not _is_text(node):
        if type(node.op) in SWAPPED:
            yield "operator", lambda n: setattr(n, "op", SWAPPED[type(n.op)]())
        if isinstance(node.op, ast.Mult | ast.Add | ast.Sub):
            yield "term dropped", lambda n: _become(n, n.left)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign", lambda n: _become(n, n.operand)
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPPED:
        yield "condition", lambda n: n.ops.__setitem__(0, SWAPPED[type(n.ops[0])]())
    elif isinstance(node, ast.Call | ast.Tuple):
        items = node.args if isinstance(node, ast.Call) else node.elts
        names = [k for k, a in enumerate(items) if isinstance(a, ast.Name) and len(a.id) == 1]
        if len(names) > 1 and not isinstance(getattr(node, "ctx", ast.Load()), ast.Store):
            first, second = names[:2]
            yield "indices", lambda n: _exchange(_items(n), first, second)
    elif isinstance(node, ast.Constant) and type(node.value) is int and abs(node.value) < 10:
        yield "number", lambda n: setattr(n, "value", n.value + 1)


def _is_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(n, ast.JoinedStr) or (isinstance(n, ast.Constant) and isinstance(n.value, str))
        for n in ast.walk(node)
    )


def _items(node: ast.AST) -> list[ast.expr]:
    return node.args if isinstance(node, ast.Call) else node.elts  # type: ignore[attr-defined]


def _exchange(items: list[ast.expr], first: int, second: int) -> None:
    items[first], items[second] = items[second], items[first]


def _become(node: ast.AST, other: ast.AST) -> None:
    node.__class__ = other.__class__  # type: ignore[assignment]
    node.__dict__ = other.__dict__


def inside_functions(tree: ast.Module) -> set[int]:
    """Lines of bodies of functions that are no annotations, error texts or docstrings."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for statement in node.body:
                lines |= set(range(statement.lineno, (statement.end_lineno or 0) + 1))
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            lines -= set(range(node.lineno, (node.end_lineno or 0) + 1))
    return lines


def drawn(count: int, seed: int, only: str = "") -> list[tuple[str, str, int, int]]:
    """(module, mutation, line, place in the tree) of random mutants, at most one for a line."""
    found = []
    for module in (m for m in COVERED if m.startswith(only)):
        tree = ast.parse((ROOT / "statmani" / module).read_text("utf-8"))
        lines = inside_functions(tree)
        for place, node in enumerate(ast.walk(tree)):
            if getattr(node, "lineno", 0) in lines:
                found += [(module, name, node.lineno, place) for name, _ in choices(node)]
    random.Random(seed).shuffle(found)
    once: dict[tuple[str, int], tuple[str, str, int, int]] = {}
    for row in found:
        once.setdefault((row[0], row[2]), row)
    return list(once.values())[:count]


class Copy:
    """A copy of the project in which modules are mutated, and the time of its tests."""

    def __init__(self, folder: Path, quick: bool) -> None:
        self.folder, self.quick = folder, quick
        self._limits: dict[tuple[str, ...], float] = {}
        for part in ("statmani", "tests", "examples"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", folder)

    def killed(self, module: str, source: str) -> str:
        """The first test that fails, "hangs" when they do not end, or "" when all pass."""
        path = self.folder / "statmani" / module
        original = path.read_text("utf-8")
        covered = COVERED[module]
        others = [f"tests/{Path(module).parent}", *(f"--ignore={name}" for name in covered)]
        for tests in (covered,) if self.quick else (covered, others):
            limit = self._limit(tests)
            path.write_text(source, "utf-8")
            try:
                failed = self._failed(tests, limit)
            finally:
                path.write_text(original, "utf-8")
            if failed:
                return failed
        return ""

    def _limit(self, tests: list[str]) -> float:
        """Five times what unmutated tests take, in seconds of processor time."""
        key = tuple(tests)
        if key not in self._limits:
            start = _seconds_of_children()
            failed = self._failed(tests, 3600)
            if failed:
                # Derivations are bounded in time: a busy machine gets a second try.
                start = _seconds_of_children()
                failed = self._failed(tests, 3600)
            if failed:
                raise SystemExit(f"{failed} fails without a mutant")
            self._limits[key] = 5 * (_seconds_of_children() - start)
        return self._limits[key]

    def _failed(self, tests: list[str], limit: float) -> str:
        cache = tempfile.mkdtemp(prefix="mutant-cache-")
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "STATMANI_CACHE_DIR": cache}
        command = [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", *tests]
        seconds = int(limit) + 1
        try:
            done = subprocess.run(
                command, cwd=self.folder, env=environment, capture_output=True, text=True,
                check=False, timeout=4 * seconds,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds)),
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return HANGS
        finally:
            shutil.rmtree(cache, ignore_errors=True)
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return HANGS
        if done.returncode == 0:
            return ""
        rows = [r for r in done.stdout.splitlines() if r.startswith(("FAILED", "ERROR"))]
        return rows[0].split(" ")[1] if rows else f"exit code {done.returncode}"


def _seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(
    wanted: list[tuple[str, str, int, int]], rows: Path | None, fresh: bool, quick: bool
) -> list[dict[str, Any]]:
    """What became of each mutant; those that a file knows are not repeated."""
    known = kept(rows)
    made = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Copy(Path(folder), quick)
        for module, name, line, place in wanted:
            source, before, after = mutant(module, place, name)
            row = known.get((module, name, before, line))
            if row is None or (fresh and not row["by"]):
                row = {"module": module, "change": name, "line": line}
                row |= {"before": before, "after": after, "by": copy.killed(module, source)}
                if rows:
                    with rows.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row) + "\n")
            made.append(row)
            print(f"{module}:{line}  {name:12}  {row['by'] or 'SURVIVED'}", flush=True)
    return made


def kept(rows: Path | None) -> dict[tuple[str, str, str, int], dict[str, Any]]:
    """Finished mutants of a file; of a survivor that was tried again the last row counts."""
    if not rows or not rows.exists():
        return {}
    found = map(json.loads, rows.read_text("utf-8").splitlines())
    return {(r["module"], r["change"], r["before"], r["line"]): r for r in found}


def report(rows: list[dict[str, Any]]) -> str:
    """Markdown: figures, then each survivor with the reason."""
    reasons = json.loads(REASONS.read_text("utf-8"))

    def why(row: dict[str, Any]) -> str:
        key = f"{row['module']}: {row['before']} -> {row['after']}"
        return str(reasons.get(key, "not explained"))

    left = [r for r in rows if not r["by"]]
    hang = sum(r["by"] == HANGS for r in rows)
    dead = len(rows) - len(left)
    same = sum(why(r).startswith("equivalent") for r in left)
    lines = [
        f"{dead} of {len(rows)} mutants are killed, {hang} of them because the tests do not end. "
        f"{same} are equivalent: {dead / (len(rows) - same):.0%} of the others are killed.",
        "",
        "| change | mutants | killed |",
        "|---|---|---|",
    ]
    for name in sorted({r["change"] for r in rows}):
        those = [r for r in rows if r["change"] == name]
        lines.append(f"| {name} | {len(those)} | {sum(bool(r['by']) for r in those)} |")
    lines += ["", "| survivor | before | after | why |", "|---|---|---|---|"]
    for r in left:
        lines.append(f"| {r['module']} | `{r['before']}` | `{r['after']}` | {why(r)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--fresh", action="store_true", help="try known survivors once more")
    parser.add_argument("--quick", action="store_true", help="only the tests that cover a module")
    parser.add_argument("--report", action="store_true", help="of the finished mutants alone")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--only", default="", help="how the names of modules begin")
    arguments = parser.parse_args()
    if arguments.report:
        found = list(kept(arguments.rows).values())
    else:
        wanted = drawn(arguments.count, arguments.seed, arguments.only)
        found = run(wanted, arguments.rows, arguments.fresh, arguments.quick)
    text = report(found)
    print(text)
    if arguments.write:
        page = PAGE.read_text("utf-8")
        before, after = page.split(BEGIN)[0], page.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
