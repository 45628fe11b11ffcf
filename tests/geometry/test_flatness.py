"""Manifolds with a flat connection: their curvature of every order against the definition."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from sympy import Matrix, Rational, Symbol, diff, hessian, log, symbols

from statmani.geometry.manifold import StatisticalManifold

alpha = Symbol("alpha", real=True)
mu = Symbol("mu", real=True)
sigma = Symbol("sigma", positive=True)
eta, theta = Symbol("eta", real=True), Symbol("theta", negative=True)
p, q = symbols("p q", positive=True)

NORMAL = {(0, 0, 1): 2 / sigma**3, (1, 1, 1): 8 / sigma**3}
POTENTIAL = -(eta**2) / (4 * theta) - log(-2 * theta) / 2
CELLS = [p, q, 1 - p - q]


def third(sign: int, function: Any, variables: tuple[Any, ...]) -> dict[Any, Any]:
    """A total third derivative."""
    n = range(len(variables))
    return {
        (i, j, k): sign * diff(function, variables[i], variables[j], variables[k])
        for i in n for j in n for k in n if i <= j <= k
    }  # fmt: skip


def entropy() -> Any:
    """Minus the entropy of three cells."""
    return sum(c * log(c) for c in CELLS)


# (manifold, order of an affine chart or 0, whether dually flat)
CASES: dict[str, tuple[StatisticalManifold, int, bool]] = {
    "normal in its usual chart": (
        StatisticalManifold((mu, sigma), Matrix([[1, 0], [0, 2]]) / sigma**2, NORMAL), 0, True,
    ),
    "normal in natural parameters": (
        StatisticalManifold(
            (eta, theta), hessian(POTENTIAL, (eta, theta)), third(1, POTENTIAL, (eta, theta))
        ), 1, True,
    ),
    "three cells by their probabilities": (
        StatisticalManifold(
            (p, q), hessian(entropy(), (p, q)), third(-1, entropy(), (p, q)), constraint=p + q < 1
        ), -1, True,
    ),
    "twice the skewness": (
        StatisticalManifold(
            (mu, sigma), Matrix([[1, 0], [0, 2]]) / sigma**2, {k: 2 * v for k, v in NORMAL.items()}
        ), 0, False,
    ),
    "not conjugate symmetric": (
        StatisticalManifold((p, q), [[1, 0], [0, 1]], {(0, 0, 0): q}), 0, False,
    ),
    "flat space with a skewness": (
        StatisticalManifold((p, q), [[1, 0], [0, 1]], {(0, 0, 0): p}), 0, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_verdicts(name: str) -> None:
    M, order, flat = CASES[name]
    assert M.geometry.affine_order == order
    assert M.connection(1).is_flat is flat
    assert M.connection(-1).is_flat is flat


@pytest.mark.parametrize("name", CASES)
def test_curvature_is_that_of_the_symbols(name: str) -> None:
    M = CASES[name][0]
    x, n, D = M.coordinates, range(M.dim), M.connection(alpha)
    place = {s: Rational(2, 7 + 3 * i) for i, s in enumerate(x)} | {alpha: Rational(5, 3)}
    if x[1] is theta:
        place[theta] = -place[theta]
    gamma = {(k, i, j): D.christoffel[k, i, j] for k, i, j in product(n, repeat=3)}
    at = {key: value.subs(place) for key, value in gamma.items()}
    for l, k, i, j in product(n, repeat=4):
        expected = diff(gamma[l, j, k], x[i]).subs(place) - diff(gamma[l, i, k], x[j]).subs(place)
        expected += sum(at[l, i, m] * at[m, j, k] - at[l, j, m] * at[m, i, k] for m in n)
        assert D.riemann[l, k, i, j].subs(place) == expected
        lowered = sum(M.metric[l, m] * D.riemann[m, k, i, j] for m in n)
        assert D.riemann_lower[l, k, i, j].subs(place) == lowered.subs(place)
    for k, j in product(n, repeat=2):
        trace = sum(D.riemann[m, k, m, j] for m in n)
        assert (D.ricci[k, j] - trace).subs(place) == 0
    scalar = sum(M.inverse_metric[k, j] * D.ricci[k, j] for k, j in product(n, repeat=2))
    assert (D.scalar_curvature - scalar).subs(place) == 0
