"""Random densities with kinks: right tensors, delta terms included, or a refusal with its reason.

The reference integrates products of first derivatives, which exist almost everywhere and contain
no delta, between the kinks; Gamma^(0) comes from differences of that g, so it has the delta terms.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad

import statmani as sm

x, mu, c = sp.symbols("x mu c", real=True)
y, s, a, b, k = sp.symbols("y s a b k", positive=True)
REFUSED = (sm.IntractableExpectation, sm.RegularityError)


@dataclass
class Case:
    """Log density with ends and kinks of the support, and points of the parameters."""

    ell: sp.Expr
    parameters: dict[sp.Symbol, sp.Set]
    breaks: Callable[..., list[sp.Expr]]
    points: list[tuple[float, ...]]
    support: sp.Set = sp.S.Reals
    must_derive: bool = False


LINE, HALF, UNIT = sp.S.Reals, sp.Interval.open(0, sp.oo), sp.Interval.open(0, 1)
z = (x - mu) / s
PLACES = [(0.3, 1.2), (-1.1, 0.7)]
p34 = sp.Rational(3, 4)
HUBER = sp.sqrt(2 * sp.pi) * sp.erf(1 / sp.sqrt(2)) + 2 * sp.exp(-sp.Rational(1, 2))

CASES = {
    "laplace": Case(
        -sp.log(2 * s) - sp.Abs(z), {mu: LINE, s: HALF}, lambda: [mu], PLACES, must_derive=True
    ),
    "asymmetric laplace, fixed quantile": Case(
        sp.log(sp.Rational(3, 16)) - sp.log(s)
        - sp.Piecewise((sp.Rational(1, 4) * z, x > mu), (-sp.Rational(3, 4) * z, True)),
        {mu: LINE, s: HALF}, lambda: [mu], PLACES,
    ),
    "asymmetric laplace, two rates": Case(
        sp.log(a * b / (a + b)) - sp.Piecewise((a * x, x > 0), (-b * x, True)),
        {a: HALF, b: HALF}, lambda: [sp.Integer(0)], [(0.8, 1.7), (2.1, 0.6)],
    ),
    "laplace with moving kink and two rates": Case(
        sp.log(a * b / (a + b)) - sp.Piecewise((a * (x - mu), x > mu), (b * (mu - x), True)),
        {mu: LINE, a: HALF, b: HALF}, lambda: [mu], [(0.2, 0.8, 1.7)],
    ),
    "huber": Case(
        -sp.Piecewise((z**2 / 2, sp.Abs(z) < 1), (sp.Abs(z) - sp.Rational(1, 2), True))
        - sp.log(s) - sp.log(HUBER),
        {mu: LINE, s: HALF}, lambda: [mu - s, mu + s], PLACES,
    ),
    "hinge": Case(
        sp.log(2 * a / 3) - sp.log(s) - a * sp.Max(z, -2 * z) - sp.log(a) * 0,
        {mu: LINE, s: HALF}, lambda: [mu], PLACES,
    ),
    "double pareto": Case(
        sp.log(a * b / (a + b)) + sp.Piecewise((-(a + 1) * sp.log(y), y > 1),
                                               ((b - 1) * sp.log(y), True)),
        {a: HALF, b: HALF}, lambda: [sp.Integer(1)], [(2.5, 1.4)], sp.Interval.open(0, sp.oo),
    ),
    "two-piece normal": Case(
        sp.log(2 / sp.sqrt(2 * sp.pi) / (a + b))
        - sp.Piecewise(((x - mu) ** 2 / (2 * a**2), x > mu), ((x - mu) ** 2 / (2 * b**2), True)),
        {mu: LINE, a: HALF, b: HALF}, lambda: [mu], [(0.2, 0.8, 1.7)],
    ),
    "epsilon-skew normal": Case(
        -(z**2) / (2 * (1 + c * sp.sign(x - mu)) ** 2) - sp.log(s) - sp.log(2 * sp.pi) / 2,
        {mu: LINE, s: HALF, c: sp.Interval.open(-1, 1)}, lambda: [mu], [(0.2, 1.1, 0.3)],
    ),
    "triangular": Case(
        sp.log(1 - sp.Abs(x) / s) - sp.log(s), {s: HALF}, lambda: [-s, sp.Integer(0), s],
        [(1.3,)], sp.Interval.open(-s, s),
    ),
    "power of the distance, 3/4": Case(
        sp.log(p34 / (2 * s * sp.gamma(1 / p34))) - sp.Abs(z) ** p34,
        {mu: LINE, s: HALF}, lambda: [mu], PLACES,
    ),
    "subbotin 3/2": Case(
        sp.log(sp.Rational(3, 4) / (s * sp.gamma(sp.Rational(2, 3))))
        - sp.Abs(z) ** sp.Rational(3, 2),
        {mu: LINE, s: HALF}, lambda: [mu], PLACES, must_derive=True,
    ),
    "heaviside step at a fixed place": Case(
        sp.log(2 * a) * sp.Heaviside(sp.Rational(1, 2) - y) - sp.log(a + sp.Rational(1, 2)),
        {a: HALF}, lambda: [sp.Rational(1, 2)], [(0.4,), (2.2,)], UNIT,
    ),
    "heaviside step at a moving place": Case(
        sp.log(2) * sp.Heaviside(y - a) - y - sp.log(1 + sp.exp(-a)),
        {a: HALF}, lambda: [a], [(0.7,)], sp.Interval.open(0, sp.oo),
    ),
    "rate changes at a moving place": Case(
        -b * y - sp.Max(y - a, 0) * b
        - sp.log((1 - sp.exp(-a * b)) / b + sp.exp(-a * b) / (2 * b)),
        {a: HALF, b: HALF}, lambda: [a], [(0.7, 1.3)], sp.Interval.open(0, sp.oo),
    ),
}  # fmt: skip


def built(case: Case) -> sm.Family:
    sample = y if case.ell.has(y) else x
    constants = case.ell.free_symbols - {sample} - set(case.parameters)
    return sm.Family(
        log_density=case.ell.subs(dict.fromkeys(constants, sp.Integer(2))),
        sample={sample: case.support},
        parameters=case.parameters,
    )


def reference(
    family: sm.Family, case: Case
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """(g, T) at a point by adaptive quadrature between the kinks."""
    (sample,), parameters = family.sample, family.parameters
    ell = family.log_density
    # A delta that sympy leaves in a first derivative stands where its factor vanishes.
    scores = [e.replace(sp.DiracDelta, lambda *_: sp.Integer(0)) for e in family.score]
    functions = [sp.lambdify((sample, *parameters), e, "scipy") for e in (ell, *scores)]
    ends = sp.lambdify(parameters, [*case.breaks(), case.support.inf, case.support.sup], "math")
    n = len(parameters)

    def at(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        *breaks, low, high = ends(*theta)
        edges = sorted({low, *breaks, high})
        fine = [e for e in edges if np.isfinite(e)]
        pieces = [(-np.inf, fine[0])] if low == -np.inf else []
        pieces += itertools.pairwise(fine)
        pieces += [(fine[-1], np.inf)] if high == np.inf else []

        def mean(index: tuple[int, ...]) -> float:
            def integrand(v: float) -> float:
                weight = np.exp(functions[0](v, *theta))
                if not weight:
                    return 0.0
                return float(weight * np.prod([functions[1 + i](v, *theta) for i in index]))

            options = {"epsabs": 1e-12, "epsrel": 1e-10, "limit": 300}
            return float(sum(quad(integrand, *piece, **options)[0] for piece in pieces))

        g, t = np.zeros((n, n)), np.zeros((n, n, n))
        for index in np.ndindex(n, n):
            g[index] = mean(index) if index == tuple(sorted(index)) else 0.0
        for index in np.ndindex(n, n):
            g[index] = g[tuple(sorted(index))]
        for index in np.ndindex(n, n, n):
            t[index] = mean(index) if index == tuple(sorted(index)) else 0.0
        for index in np.ndindex(n, n, n):
            t[index] = t[tuple(sorted(index))]
        return g, t

    return at


# The others take seconds of adaptive quadrature each.
QUICK = {
    "laplace", "subbotin 3/2", "triangular", "heaviside step at a fixed place",
    "heaviside step at a moving place", "epsilon-skew normal",
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in CASES]
)
def test_right_with_its_deltas_or_refused(name: str) -> None:
    case = CASES[name]
    try:
        with warnings.catch_warnings():
            # A support that moves is announced; here only the tensors count.
            warnings.simplefilter("ignore", sm.StatmaniWarning)
            family = built(case)
            M = family.manifold(effort=0.25)
    except REFUSED as refusal:
        assert not case.must_derive, str(refusal)
        assert len(str(refusal)) > 60
        return
    at = reference(family, case)
    for point in case.points:
        theta = np.array(point)
        g, t = at(theta)
        scale = np.sqrt(np.outer(np.diag(g), np.diag(g)))
        assert np.abs(sm.evaluate(M, "metric", theta) - g).max() < 1e-7 * scale.max()
        assert np.abs(sm.evaluate(M, "skewness", theta) - t).max() < 1e-6 * (1 + np.abs(t).max())
        slopes = []
        for axis in range(theta.size):
            step = np.eye(theta.size)[axis] * 1e-4
            slopes.append((at(theta + step)[0] - at(theta - step)[0]) / 2e-4)
        d = np.array(slopes)
        first = (d.transpose(0, 1, 2) + d.transpose(1, 0, 2) - d.transpose(1, 2, 0)) / 2
        for alpha in (0, 1, -1):
            expected = first - alpha / 2 * t
            found = sm.evaluate(M, "christoffel_first", theta, alpha=alpha)
            assert np.abs(found - expected).max() < 1e-5 * (1 + np.abs(expected).max())
