"""The import order of the package: a module imports only from the parts to its left."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import statmani

PACKAGE = Path(statmani.__file__).parent

ORDER = (
    "errors",
    "storage",
    "rationals",
    "zeta",
    "derivatives",
    "pointwise",
    "squares",
    "axis",
    "domain",
    "signs",
    "constraints",
    "reading",
    "declaration",
    "cases",
    "declare",
    "repetition",
    "describing",
    "fixing",
    "from_sympy",
    "algebra",
    "expectation",
    "geometry",
    "kernels",
    "numerics",
    "inference",
    "present",
    "laws",
    "family",
    "families",
    "testing",
    "loading",
    "cli",
)

# The package itself re-exports from everywhere and nobody may import from it.
OUTSIDE = {"__init__", "__main__"}

# The display hooks of notebooks call present/ when they are shown, not when they are imported.
HOOK = "_repr_latex_"
HOOK_TARGET = "present"


def parts(path: Path, root: Path) -> tuple[str, ...]:
    """Dotted parts of a module below the package, without a closing ``__init__``."""
    names = path.relative_to(root).with_suffix("").parts
    return names[:-1] if names[-1] == "__init__" and len(names) > 1 else names


def imports(
    tree: ast.AST, package: tuple[str, ...], inside: str = ""
) -> Iterator[tuple[str, int, str]]:
    """Yield (part of statmani, line, enclosing function) of every import at any depth."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                head, _, rest = alias.name.partition(".")
                if head == "statmani":
                    yield rest.partition(".")[0], node.lineno, inside
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = [*base, *(node.module.split(".") if node.module else [])]
            if module[:1] == ["statmani"]:
                targets = [module[1]] if len(module) > 1 else [alias.name for alias in node.names]
                for target in targets:
                    yield target, node.lineno, inside
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name.endswith(("import_module", "__import__")) and node.args:
                argument = node.args[0]
                if isinstance(argument, ast.Constant) and str(argument.value).startswith(
                    "statmani"
                ):
                    yield (
                        str(argument.value).partition(".")[2].partition(".")[0],
                        node.lineno,
                        inside,
                    )
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from imports(node, package, node.name if named else inside)


def violations(root: Path) -> list[str]:
    """Every import under `root` that does not point to the left."""
    found = []
    for path in sorted(root.rglob("*.py")):
        names = parts(path, root)
        own = names[0]
        if own in OUTSIDE:
            continue
        if own not in ORDER:
            found.append(f"{path.relative_to(root)}: {own} has no place in the order")
            continue
        is_package = path.stem == "__init__"
        package = ("statmani", *names) if is_package else ("statmani", *names[:-1])
        for target, line, function in imports(ast.parse(path.read_text("utf-8")), package):
            if target == own:
                continue
            if function == HOOK and target == HOOK_TARGET:
                continue
            if target not in ORDER or ORDER.index(target) > ORDER.index(own):
                found.append(f"{path.relative_to(root)}:{line}: imports {target or 'statmani'}")
    return found


def test_modules_import_only_to_the_left() -> None:
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(
    ("path", "source", "message"),
    [
        ("geometry/bad.py", "import statmani.numerics.distance", "bad.py:1: imports numerics"),
        ("geometry/bad.py", "from statmani.numerics import distance", "imports numerics"),
        ("geometry/bad.py", "from statmani import family", "imports family"),
        ("geometry/bad.py", "import statmani", "imports statmani"),
        ("geometry/bad.py", "from ..present.latex import latex", "imports present"),
        ("geometry/bad.py", "from .. import present", "imports present"),
        ("geometry/bad.py", "def f():\n    from statmani.cli import main", "bad.py:2: imports cli"),
        (
            "geometry/bad.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import statmani.family",
            "bad.py:3: imports family",
        ),
        (
            "geometry/bad.py",
            "import importlib\nimportlib.import_module('statmani.cli')",
            "imports cli",
        ),
        ("geometry/bad.py", "def _repr_latex_(s):\n    import statmani.kernels", "imports kernels"),
        ("geometry/__init__.py", "from ..numerics import x", "imports numerics"),
        ("stray.py", "", "stray has no place in the order"),
    ],
)
def test_a_wrong_import_is_found(tmp_path: Path, path: str, source: str, message: str) -> None:
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(source)
    (problem,) = violations(tmp_path)
    assert message in problem


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("geometry/good.py", "from statmani.algebra.ring import Ring\nfrom .tensor import Tensor"),
        ("geometry/good.py", "import sympy\nfrom statmani.errors import InvalidArgument"),
        (
            "geometry/good.py",
            "def _repr_latex_(self):\n    from statmani.present.latex import latex",
        ),
        ("__init__.py", "from statmani.cli import main"),
    ],
)
def test_a_right_import_passes(tmp_path: Path, path: str, source: str) -> None:
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(source)
    assert violations(tmp_path) == []
