"""Closed forms that cancel: values of `evaluate` against 60 digits of the definition's tensors."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

import statmani as sm
from statmani.kernels import compiled
from statmani.kernels.rounding import Rounding

x, a, b = sp.symbols("x a b")
POSITIVE, UNIT = sp.Interval.open(0, sp.oo), sp.Interval.open(0, 1)


def truncated_exponential() -> sm.Family:
    """Exponential law on the unit interval; regular at a = 0, its closed form is 0/0 there."""
    density = a * sp.exp(-a * x) / (1 - sp.exp(-a))
    return sm.Family(density, sample={x: UNIT}, parameters={a: POSITIVE})


def cumulants(rate: float, at: int) -> float:
    """Derivative of log((1 - exp(-a)) / a) of order 2 or 3, by its even Taylor series."""
    context = mpmath.MPContext()
    context.dps = 60
    r = context.mpf(rate)

    def potential(t: Any) -> Any:
        return context.log(-context.expm1(-t) / t)

    return float(context.diff(potential, r, at, h=r * context.mpf(10) ** -12))


@pytest.mark.parametrize("rate", [1e-5, 1e-3, 0.02, 0.5, 3.0, 40.0])
def test_truncated_exponential_has_its_cumulants(rate: float) -> None:
    family = truncated_exponential()
    g, t = (sm.evaluate(family, name, [rate]) for name in ("metric", "skewness"))
    assert np.ravel(g)[0] == pytest.approx(cumulants(rate, 2), rel=1e-11)
    assert np.ravel(t)[0] == pytest.approx(cumulants(rate, 3), rel=1e-11, abs=0)
    # Flat for alpha = 1: Gamma^(1) = (dg - T) / 2 = 0, so Gamma^(0) = T / 2.
    symbol = sm.evaluate(family, "christoffel", [rate])
    assert np.ravel(symbol)[0] == pytest.approx(
        cumulants(rate, 3) / (2 * cumulants(rate, 2)), rel=1e-10
    )


# Near removable singularities and far out; sympy expands polygammas at whole numbers, so none are.
CANCELLING = [
    ("student_t", [0.3, 2.0, 5754.3]),
    ("student_t", [0.3, 2e-4, 300000.3]),
    ("von_mises", [1.0, 1.8e-6]),
    ("von_mises", [1.0, 0.02]),
    ("generalized_gamma", [2.0001263, 2.0000017, 6.15e8]),
    ("generalized_gamma", [3e-5, 40.0, 2e-6]),
    ("gev", [1.0, 2.36, 0.01978]),
    ("gamma", [700000.3, 3e-6]),
    ("beta", [900000.3, 4e-6]),
    ("beta", [2e-6, 300000.3]),
    ("weibull", [2e-6, 5e5]),
    ("inverse_gaussian", [4e5, 3e-6]),
]


@pytest.mark.parametrize(("name", "point"), CANCELLING)
@pytest.mark.parametrize("quantity", ["metric", "skewness"])
def test_direct_tensors_have_all_their_digits(name: str, point: list[float], quantity: str) -> None:
    manifold = getattr(sm.families, name)().manifold()
    exact = dict(zip(manifold.coordinates, map(sp.Rational, point), strict=True))
    tensor: Any = getattr(manifold, quantity)
    found = sm.evaluate(manifold, quantity, point)
    for index in np.ndindex(*found.shape):
        wanted = sp.N(tensor[index].xreplace(exact), 30, maxn=2000)
        assert found[index] == pytest.approx(float(wanted), rel=2e-11, abs=0), index


@pytest.mark.slow
def test_kumaraswamy_at_its_removable_singularities() -> None:
    # Reference: the definition by quadrature with 50 digits.
    family = sm.families.kumaraswamy()
    first, second = 1.5, 1 + 1e-6
    assert sm.evaluate(family, "skewness", [first, second])[0, 1, 1] == pytest.approx(
        kumaraswamy_moment(first, second, (0, 1, 1)), rel=1e-9
    )
    second = 2 + 1e-6
    assert sm.evaluate(family, "skewness", [first, second])[0, 0, 1] == pytest.approx(
        kumaraswamy_moment(first, second, (0, 0, 1)), rel=1e-9
    )


def kumaraswamy_moment(first: float, second: float, index: tuple[int, ...]) -> float:
    """E[s_i s_j s_k] by tanh-sinh quadrature in u = x**a."""
    c = mpmath.MPContext()
    c.dps = 30
    p, q = c.mpf(first), c.mpf(second)

    def integrand(u: Any) -> Any:
        log_x = c.log(u) / p
        scores = (
            1 / p + log_x - (q - 1) * u * log_x / (1 - u),
            1 / q + c.log1p(-u),
        )
        return q * (1 - u) ** (q - 1) * c.fprod(scores[i] for i in index)

    return float(c.quad(integrand, [0, c.mpf(1) / 2, 1]))


def test_connection_and_curvature_of_cancelling_entries() -> None:
    # In coordinate a the entry is (cosh a - 1)/a**2, close to 1/2 + a**2/24 at 0.
    M = sm.StatisticalManifold(
        {a: POSITIVE, b: POSITIVE}, sp.diag((sp.cosh(a) - 1) / a**2, 1 / b**2)
    )
    found = sm.evaluate(M, "christoffel", [1e-5, 2.0])
    small = 1e-5
    assert found[0, 0, 0] == pytest.approx(small / 12 * (1 - small**2 / 60), rel=1e-9)
    # Polar coordinates with the radius a: K = -f''/f for ds^2 = da^2 + f(a)^2 db^2.
    f = (sp.exp(a) - 1 - a) / a
    M = sm.StatisticalManifold({a: POSITIVE, b: POSITIVE}, sp.diag(1, f**2))
    reference = sp.N((-2 * sp.diff(f, a, 2) / f).xreplace({a: sp.Rational(1e-4)}), 20, maxn=500)
    assert sm.evaluate(M, "scalar_curvature", [1e-4, 1.0]) == pytest.approx(
        float(reference), rel=1e-10
    )
    riemann = sm.evaluate(M, "riemann", [1e-4, 1.0])
    assert riemann[1, 0, 1, 0] == pytest.approx(float(reference) / 2, rel=1e-10)
    assert riemann[0, 0, 1, 0] == 0.0


@pytest.mark.slow
def test_bounds_hold_and_are_not_wild() -> None:
    rng = np.random.default_rng(5)
    for family in (sm.families.beta(), sm.families.student_t(), sm.families.gev()):
        manifold = family.manifold()
        n = manifold.dim
        points = np.exp(rng.uniform(-2, 2, (6, n)))
        points[:, -1] *= 0.2
        bounds = Rounding(compiled.compiled_field(manifold, 1, False))
        pairs = n * (n + 1) // 2
        errors = bounds.errors(points, pairs)
        field = compiled.compiled_field(manifold, 1, False).field
        packed = compiled.charts().map_points(field, points, pairs * (n + 1) + n**3)
        for row, point in enumerate(points):
            exact = dict(zip(manifold.coordinates, map(sp.Rational, point), strict=True))
            upper = [(i, j) for i in range(n) for j in range(i, n)]
            for at, index in enumerate(upper):
                value = sp.N(manifold.metric[index].xreplace(exact), 30, maxn=500)
                actual = abs(float(value - sp.Float(packed[row, at], 30)))
                assert actual <= errors[row, at]
                assert errors[row, at] <= 1e-9 * abs(float(value))


@pytest.mark.parametrize("name", ["normal", "beta", "student_t", "gev"])
@pytest.mark.parametrize("order", [0, 2])
def test_generated_fields_have_bounds(name: str, order: int) -> None:
    """A construct without a rule would send every point of a batch to the exact expressions."""
    manifold = getattr(sm.families, name)().manifold()
    bounds = Rounding(compiled.compiled_field(manifold, order, False))
    point = np.full((1, manifold.dim), 0.7)
    errors = bounds.errors(point, manifold.dim * (manifold.dim + 1) // 2)
    assert np.all(errors < 1e-12)
