"""Every example runs, and its result is the one that theory gives."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
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
    others = {"log_logistic", "normal_distance", "cluster_tumours", "interpolation"}
    others.add("check_other_libraries")
    assert names == EXPECTED.keys() | others


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


def test_interpolation(tmp_path: Path) -> None:
    # Linear in (mu, mu^2 + sigma^2); on the ellipse mu^2 / 2 + sigma^2 = 3; linear in the natural
    # parameters; linear in (mu, sigma).
    expected = {"m-geodesic": 5, "Fisher-Rao": 3, "e-geodesic": 1, "Wasserstein-2": 1}
    picture = tmp_path / "paths.png"
    assert load("interpolation").run(str(picture)) == pytest.approx(expected, rel=1e-8)
    assert picture.stat().st_size > 10_000


def test_cluster_tumours() -> None:
    pytest.importorskip("sklearn")
    example = load("cluster_tumours")
    # Street, Wolberg and Mangasarian (1993) separate the diagnoses up to a few per cent.
    assert example.run() > 0.95
    points, _, _ = example.patients()
    labels, centres = example.cluster(points, points[points[:, 0].argsort()[[-1, 0]]])

    def squares(some: np.ndarray, centre: np.ndarray) -> np.ndarray:
        # Atkinson and Mitchell (1981).
        change = (some - centre) / [np.sqrt(2), 1]
        ratio = (change**2).sum(axis=-1) / (2 * some[..., 1] * centre[..., 1])
        return 2 * np.arccosh(1 + ratio) ** 2

    assert (labels == squares(points[:, None], centres).argmin(axis=1)).all()
    for k, centre in enumerate(centres):
        own = points[labels == k]
        least = squares(own, centre).sum()
        for step in np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]) * 1e-3 * centre[1]:
            assert squares(own, centre + step).sum() > least


def test_check_other_libraries() -> None:
    found = load("check_other_libraries").run()
    assert {name: comparison.status for name, comparison in found.items()} == dict.fromkeys(
        found, "differs"
    )
    # The missing halves and inverses, the Jacobian of v = sigma^2, 2 sqrt(4) for 1/16, and 4 for 1.
    assert found["diagonal normal"].index == (1, 1)
    assert found["multinomial"].error == pytest.approx(63, rel=1e-12)
    assert found["gamma"].error == pytest.approx(0.75, rel=1e-5)
    assert found["gamma"].point[0] == 1e6
