"""Every example runs, and its result is the one that theory gives."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sympy as sp

EXAMPLES = Path(__file__).parent.parent / "examples"

a = sp.Symbol("a", real=True)

EXPECTED: dict[str, Any] = {
    "half_plane": -1,
    "dual_connections": True,
    "cramer_rao_check": "consistent",
    "efron_curvature": sp.Rational(2, 27),
}


def load(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(
        f"example_{name}", EXAMPLES / f"{name}.py"
    )
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_no_example_is_forgotten() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert names == EXPECTED.keys() | {"log_logistic", "normal_distance"}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_example_gives_what_theory_says(name: str) -> None:
    assert load(name).run() == EXPECTED[name]


def test_normal_distance() -> None:
    # d = sqrt(2) arccosh(1 + 1/4), Atkinson and Mitchell (1981).
    assert load("normal_distance").run() == pytest.approx(0.9802581434685472, rel=1e-9)


def test_log_logistic() -> None:
    # In log x the family is logistic with location log(alpha) and scale b = 1/beta, whose metric
    # diag(1/3, (pi**2 + 3)/9)/b**2 is hyperbolic: K = -9/(3 + pi**2), scalar curvature 2K.
    curvature = load("log_logistic").run()
    assert float(curvature.subs(a, 0)) == pytest.approx(-18 / (3 + 3.141592653589793**2), rel=1e-14)
