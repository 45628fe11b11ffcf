"""How many small faults in geometry/ and expectation/ the tests see.

``python tests/benchmarks/mutants.py [--count 60] [--seed 1] [--only geometry/]``:

Each mutant changes one place of one module: a sign, a dropped factor or term, a swapped pair of
arguments or indices, a number off by one, an exchanged condition. Places are drawn by the seed
from the syntax trees. The tests that cover the module run in a temporary copy, then all of its
folder, until one fails (killed) or all pass (survived). Prints a table; with ``--rows`` finished
mutants are kept in a file, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_GEOMETRY = ["tests/geometry/test_tensors.py", "tests/geometry/test_known_curvature.py"]
_EXPECTATION = ["tests/expectation/test_reference_values.py", "tests/expectation/test_moments.py"]
#: Modules that hold formulas, with the tests to run, likeliest to see a fault first.
COVERED: dict[str, list[str]] = {
    "geometry/curvature.py": [*_GEOMETRY, "tests/geometry/test_laws.py"],
    "geometry/first_kind.py": _GEOMETRY,
    "geometry/contractions.py": [*_GEOMETRY, "tests/geometry/test_laws.py"],
    "geometry/building_blocks.py": ["tests/numerics/test_formula.py"],
    "geometry/connection.py": [*_GEOMETRY, "tests/geometry/test_laws.py"],
    "geometry/hessian_equation.py": ["tests/numerics/test_formula.py"],
    "geometry/linear.py": _GEOMETRY,
    "geometry/products.py": _GEOMETRY,
    "geometry/covariant.py": ["tests/geometry/test_spaces.py", "tests/geometry/test_laws.py"],
    "geometry/calculus.py": ["tests/geometry/test_spaces.py", "tests/geometry/test_laws.py"],
    "geometry/embedding.py": ["tests/geometry/test_embedding.py"],
    "geometry/chart.py": ["tests/geometry/test_maps.py", "tests/geometry/test_laws.py"],
    "geometry/volume.py": _GEOMETRY,
    "expectation/exponential.py": _EXPECTATION,
    "expectation/components.py": _EXPECTATION,
    "expectation/kernels.py": _EXPECTATION,
    "expectation/affine.py": ["tests/expectation/test_affine.py", *_EXPECTATION],
    "expectation/means.py": _EXPECTATION,
    "expectation/equivariant.py": _EXPECTATION,
}
SWAPPED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult,
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip


def mutant(module: str, place: int, name: str) -> str:
    """The source of a module with one node of its syntax tree changed."""
    tree = ast.parse((ROOT / "statmani" / module).read_text("utf-8"))
    node = next(n for k, n in enumerate(ast.walk(tree)) if k == place)
    dict(choices(node))[name](node)
    return ast.unparse(tree)


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


def killed(tree: Path, module: str, source: str, seconds: float) -> str:
    """The first test that fails, "time" when they run too long, or "" when all pass."""
    path = tree / "statmani" / module
    original = path.read_text("utf-8")
    path.write_text(source, "utf-8")
    cache = tempfile.mkdtemp(prefix="mutant-cache-")
    environment = {**os.environ, "PYTHONPATH": str(tree), "STATMANI_CACHE_DIR": cache}
    try:
        for tests in (COVERED[module], [f"tests/{Path(module).parent}"]):
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", *tests],
                cwd=tree, env=environment, capture_output=True, text=True, check=False,
                timeout=seconds,
            )  # fmt: skip
            if done.returncode != 0:
                break
    except subprocess.TimeoutExpired:
        return "time"
    finally:
        path.write_text(original, "utf-8")
        shutil.rmtree(cache, ignore_errors=True)
    if done.returncode == 0:
        return ""
    failed = [row for row in done.stdout.splitlines() if row.startswith(("FAILED", "ERROR"))]
    return failed[0].split(" ")[1] if failed else f"exit code {done.returncode}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--only", default="", help="how the names of modules begin")
    arguments = parser.parse_args()
    known = {}
    if arguments.rows and arguments.rows.exists():
        known = {
            tuple(r[:3]): r[3] for r in map(json.loads, arguments.rows.read_text().splitlines())
        }
    rows = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder)
        for part in ("statmani", "tests", "examples"):
            shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", tree)
        for module, name, line, place in drawn(arguments.count, arguments.seed, arguments.only):
            by = known.get((module, name, line))
            if by is None:
                by = killed(tree, module, mutant(module, place, name), arguments.seconds)
                if arguments.rows:
                    with arguments.rows.open("a") as file:
                        file.write(json.dumps([module, name, line, by]) + "\n")
            rows.append((module, name, line, by))
            print(f"{module}:{line}  {name:12}  {by or 'SURVIVED'}", flush=True)
    # Tests that run out of time have not failed: they are counted apart.
    timed = sum(by == "time" for *_, by in rows)
    dead = sum(bool(by) for *_, by in rows) - timed
    print(f"{dead} of {len(rows)} killed, {timed} not decided in time")


if __name__ == "__main__":
    main()
