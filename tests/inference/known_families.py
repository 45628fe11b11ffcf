"""Families with their Fisher information and distribution from other sources.

Fisher information: Lehmann and Casella, Theory of Point Estimation (1998), tables 2.5.1 and 2.6;
Weibull: Gupta and Kundu (2006), in (shape, scale). Distributions: scipy.stats.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special as sc
import sympy as sp
from scipy import stats

from statmani.declare import declare

X = sp.Symbol("X", positive=True)
Y = sp.Symbol("Y", real=True)
U = sp.Symbol("U")
A, B = sp.symbols("A B", positive=True)
M = sp.Symbol("M", real=True)


def declaration(density: Any, sample: Any, parameters: Any, **rest: Any) -> Any:
    return declare(
        density, None, sample, parameters, rest.get("support"), rest.get("constraint"), (), None
    )


class Manifold:
    """A given information matrix in the place of a derived manifold."""

    def __init__(self, coordinates: Any, metric: Any) -> None:
        self.coordinates = coordinates
        self.metric = sp.ImmutableMatrix(np.asarray(metric, dtype=float).tolist())


@dataclass
class Known:
    declaration: Any
    at: tuple[float, ...]
    information: Callable[..., Any]
    distribution: Callable[..., Any] | None

    def manifold(self) -> Manifold:
        table = dict(self.declaration.table)
        coordinates = [table[s] for s in self.declaration.parameters]
        return Manifold(coordinates, self.information(*self.at))


def _weibull(k: float, lam: float) -> Any:
    c = 1 - np.euler_gamma
    return [[(c * c + np.pi**2 / 6) / k**2, -c / lam], [-c / lam, (k / lam) ** 2]]


def families() -> dict[str, Known]:
    t = sp.Symbol("t", positive=True)
    p, q = sp.symbols("p q")
    count = sp.Symbol("N", integer=True)
    third = sp.Piecewise((p, sp.Eq(U, 0)), (q, sp.Eq(U, 1)), (1 - p - q, True))
    unit = sp.Interval(0, 1)
    return {
        "normal": Known(
            declaration(sp.exp(-((Y - M) ** 2) / (2 * B**2)) / (B * sp.sqrt(2 * sp.pi)), Y, [M, B]),
            (1.0, 2.0),
            lambda m, s: [[1 / s**2, 0], [0, 2 / s**2]],
            stats.norm,
        ),
        "gamma": Known(
            declaration(X ** (A - 1) * sp.exp(-X / B) / (sp.gamma(A) * B**A), X, [A, B]),
            (2.3, 0.7),
            lambda k, s: [[float(sc.polygamma(1, k)), 1 / s], [1 / s, k / s**2]],
            lambda k, s: stats.gamma(k, scale=s),
        ),
        "weibull": Known(
            declaration(A / B * (X / B) ** (A - 1) * sp.exp(-((X / B) ** A)), X, [A, B]),
            (1.7, 2.0),
            _weibull,
            lambda k, s: stats.weibull_min(k, scale=s),
        ),
        "cauchy": Known(
            declaration(1 / (sp.pi * B * (1 + ((Y - M) / B) ** 2)), Y, [M, B]),
            (1.0, 2.0),
            lambda m, s: [[0.5 / s**2, 0], [0, 0.5 / s**2]],
            stats.cauchy,
        ),
        "beta": Known(
            declaration(U ** (A - 1) * (1 - U) ** (B - 1) / sp.beta(A, B), {U: unit}, [A, B]),
            (2.0, 3.0),
            lambda a, b: np.diag(sc.polygamma(1, [a, b])) - sc.polygamma(1, a + b),
            stats.beta,
        ),
        "exponential": Known(
            declaration(sp.exp(-X / B) / B, X, [B]),
            (0.5,),
            lambda b: [[1 / b**2]],
            lambda b: stats.expon(scale=b),
        ),
        "poisson": Known(
            declaration(t**count * sp.exp(-t) / sp.factorial(count), {count: sp.S.Naturals0}, [t]),
            (3.0,),
            lambda m: [[1 / m]],
            stats.poisson,
        ),
        "categorical": Known(
            declaration(third, {U: sp.Range(0, 3)}, {p: unit, q: unit}, constraint=p + q < 1),
            (0.2, 0.3),
            lambda a, b: np.diag([1 / a, 1 / b]) + 1 / (1 - a - b),
            None,
        ),
        "generalised gamma": Known(
            declaration(
                t * X ** (t * A - 1) * sp.exp(-((X / B) ** t)) / (sp.gamma(A) * B ** (t * A)),
                X,
                [A, B, t],
            ),
            (2.0, 1.5, 1.3),
            _generalised_gamma,
            lambda a, b, c: stats.gengamma(a, c, scale=b),
        ),
    }


def _generalised_gamma(a: float, b: float, c: float) -> Any:
    # Stacy and Mihram (1965), Technometrics 7, 349: with W = (X/b)^c gamma(a), scores
    # c log(X/b) - psi(a), (c/b)(W - a), 1/c + (a - W) log(W)/c; moments of W and log W.
    psi, tri = sc.digamma(a), sc.polygamma(1, a)
    l1, l2 = sc.digamma(a + 1), sc.polygamma(1, a + 1)
    m1, m2 = sc.digamma(a + 2), sc.polygamma(1, a + 2)
    log2 = tri + psi**2
    w_log = a * l1
    w_log2 = a * (l2 + l1**2)
    w2_log = a * (a + 1) * m1
    w2_log2 = a * (a + 1) * (m2 + m1**2)
    aa = tri
    ab = (c / b) * (w_log - a * psi)
    bb = (c / b) ** 2 * a
    ac = (a * log2 - w_log2) / c - psi * (a * psi - w_log) / c
    bc = (c / b) * (a * w_log - w2_log - a * (a * psi - w_log)) / c
    cc = ((a * a * log2 - 2 * a * w_log2 + w2_log2) - (a * psi - w_log) ** 2) / c**2
    return [[aa, ab, ac], [ab, bb, bc], [ac, bc, cc]]
