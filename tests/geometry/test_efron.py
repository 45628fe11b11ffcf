"""Statistical curvature of curves against quadrature and sums of Efron's definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp
from sympy import Rational, cos, exp, log, sin, sqrt, symbols

import statmani as sm
from statmani.algebra.numeric import new_context

t = sp.Symbol("t", positive=True)
x = sp.Symbol("x", real=True)
CONTEXT = new_context(18)

#: family, curve in its coordinates, point, and the sample space's panels or its points
CURVES: dict[str, tuple[str, Callable[[Any], tuple[Any, Any]], Any, list[float]]] = {
    "normal, N(t, exp(t))": ("normal", lambda u: (u, exp(u / 2)), Rational(2, 3), [-25, 0, 2, 25]),
    "normal, circle": (
        "normal", lambda u: (cos(u), 2 + sin(u)), Rational(3, 4), [-40, 0, 2, 40]
    ),
    "gamma": ("gamma", lambda u: (u, u**2), Rational(5, 2), [0, 1, 10, 40, 150, 700]),
    "inverse Gaussian": (
        "inverse_gaussian", lambda u: (u, u**3), Rational(6, 5), [0, 0.3, 1, 2, 5, 20, 120]
    ),
    "beta": ("beta", lambda u: (1 + u, 2 + u**2), Rational(3, 2), [0, 0.1, 0.4, 0.8, 1]),
    "lognormal": (
        "lognormal", lambda u: (sqrt(u), log(1 + u)), Rational(1, 2), [0, 0.1, 1, 2, 6, 40, 400]
    ),
}  # fmt: skip


def efron(density_log: Any, at: Any, ends: list[float]) -> Any:
    """(nu_20 nu_02 - nu_11^2) / nu_20^3 (Efron 1975, eq. 3.3)."""
    density, one, two = (
        # With numbers for everything but x, so that special functions are evaluated once.
        sp.lambdify(x, e.subs(t, at).evalf(20), [
            {"sqrt": CONTEXT.sqrt, "exp": CONTEXT.exp, "log": CONTEXT.log, "mpf": CONTEXT.mpf},
            "mpmath",
        ])
        for e in (exp(density_log), density_log.diff(t), density_log.diff(t, 2))
    )  # fmt: skip

    def mean(f: Callable[[Any], Any]) -> Any:
        return CONTEXT.quad(lambda v: f(v) * density(v), ends)

    assert abs(mean(lambda v: 1) - 1) < 1e-12
    i = mean(lambda v: one(v) ** 2)
    second = mean(lambda v: two(v) ** 2) - i**2
    mixed = mean(lambda v: one(v) * two(v))
    return (i * second - mixed**2) / i**3


SLOW = ("normal, circle", "inverse Gaussian", "lognormal")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in CURVES]
)
def test_curves_in_exponential_families(name: str) -> None:
    """Through the second fundamental form of the curve, without any expectation."""
    which, curve, at, ends = CURVES[name]
    family = getattr(sm.families, which)()
    images = curve(t)
    M = family.manifold()
    line = M.submanifold(dict(zip(M.coordinates, images, strict=True)), {t: sp.Interval.open(0, 3)})
    found = sm.statistical_curvature(line).subs(t, at).evalf(20)
    (sample,) = family.sample
    ell = family.log_density.subs(dict(zip(family.parameters, images, strict=True)))
    expected = efron(ell.subs(sample, x), at, ends)
    assert abs(float(found) - float(expected)) < 1e-9 * (1 + abs(float(expected)))
    assert float(expected) > 1e-4


def test_the_correlation_of_a_bivariate_normal() -> None:
    """Unit variances, zero means: 4 (1 - r^2)^2 / (1 + r^2)^3 from the moments of xy and x^2 + y^2.

    l = -log(1 - r^2)/2 - (Q - 2 r P) / (2 (1 - r^2)) has dl/dr and d2l/dr2 linear in P and Q, with
    Var(Q) = 4 (1 + r^2), Var(P) = 1 + r^2 and Cov(P, Q) = 4 r by Isserlis's theorem.
    """
    r = sp.Symbol("r", real=True)
    M = sm.families.bivariate_normal().manifold()
    names = {str(s): s for s in M.coordinates}
    mapping = {s: sp.S.Zero for n, s in names.items() if n.startswith("mu")}
    rest = [s for s in M.coordinates if s not in mapping]
    mapping |= dict(zip(rest, (1, 1, r), strict=True))
    line = M.submanifold(mapping, {r: sp.Interval.open(-1, 1)})
    p, q = symbols("P Q")
    ell = -log(1 - r**2) / 2 - (q - 2 * r * p) / (2 * (1 - r**2))
    covariance = {(p, p): 1 + r**2, (q, q): 4 * (1 + r**2), (p, q): 4 * r, (q, p): 4 * r}

    def cov(a: Any, b: Any) -> Any:
        return sum(a.diff(u) * b.diff(v) * c for (u, v), c in covariance.items())

    one, two = ell.diff(r), ell.diff(r, 2)
    i = cov(one, one)
    expected = (i * cov(two, two) - cov(one, two) ** 2) / i**3
    assert sp.cancel(sm.statistical_curvature(line) - expected) == 0


def test_flat_curves_of_the_trinomial_family() -> None:
    """Hardy-Weinberg proportions are an exponential family, an equally spaced mixture is none."""
    M = sm.families.categorical(3).manifold()
    p, q = M.coordinates
    inside = {t: sp.Interval.open(0, 1)}
    assert sm.statistical_curvature(M.submanifold({p: t**2, q: 2 * t * (1 - t)}, inside)) == 0
    mixture = M.submanifold({p: t / 2, q: t / 3}, inside)
    assert sm.statistical_curvature(mixture) == 0
    bent = M.submanifold({p: t / 2, q: t**2 / 3}, inside)
    at = Rational(1, 3)
    cells = [t / 2, t**2 / 3, 1 - t / 2 - t**2 / 3]
    mean = [
        (c.subs(t, at), log(c).diff(t).subs(t, at), log(c).diff(t, 2).subs(t, at)) for c in cells
    ]
    i = sum(c * a**2 for c, a, _ in mean)
    second = sum(c * b**2 for c, _, b in mean) - i**2
    mixed = sum(c * a * b for c, a, b in mean)
    assert sm.statistical_curvature(bent).subs(t, at) == (i * second - mixed**2) / i**3
