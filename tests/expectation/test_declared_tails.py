"""Densities whose tails, kinks or removable points hide from a plain look at the density."""

from __future__ import annotations

import mpmath
import pytest
import sympy as sp

import statmani as sm
from statmani.errors import InvalidFamily

x, m, s = sp.Symbol("x", positive=True), sp.Symbol("m", real=True), sp.Symbol("s", positive=True)
w = sp.log(x)


def test_log_cauchy_has_the_tensors_of_cauchy() -> None:
    family = sm.Family(s / (sp.pi * x * ((w - m) ** 2 + s**2)), sample=x, parameters=[m, s])
    manifold = family.manifold()
    # Of the Cauchy density of log x, by quadrature of the definition.
    metric = manifold.metric.subs(s, 2).evalf(20)
    context = mpmath.MPContext()

    def entry(p: int, q: int) -> float:
        def term(z: float) -> float:
            density = 2 / (context.pi * (z * z + 4))
            location, scale = 2 * z / (z * z + 4), (z * z - 4) / (2 * (z * z + 4))
            return density * location**p * scale**q

        return float(context.quad(term, [-context.inf, -2, 0, 2, context.inf]))

    for i, j, expected in ((0, 0, entry(2, 0)), (0, 1, entry(1, 1)), (1, 1, entry(0, 2))):
        assert abs(float(metric[i, j]) - expected) < 1e-13


def test_log_laplace_has_the_terms_of_its_kink() -> None:
    family = sm.Family(sp.exp(-sp.Abs(w - m) / s) / (2 * s * x), sample=x, parameters=[m, s])
    manifold = family.manifold()
    assert manifold.metric == sp.diag(1 / s**2, 1 / s**2)
    # E[d_m d_m l d_s l] with its delta: the mixture of both signs of the kink.
    assert sp.cancel(manifold.levi_civita.christoffel_first[0, 0, 1] - 1 / s**3) == 0


def test_lognormal_stays_as_declared() -> None:
    from statmani.expectation.logarithmic import in_logarithms

    declaration = sm.families.lognormal().declaration
    assert in_logarithms(declaration) is declaration


def test_mass_that_is_wrong_in_logarithms_is_still_seen() -> None:
    with pytest.raises(InvalidFamily, match=r"its integral over the support is 2, not 1"):
        sm.Family(2 * s / (sp.pi * x * ((w - m) ** 2 + s**2)), sample=x, parameters=[m, s])


def test_a_removable_point_of_the_density_is_no_fault() -> None:
    t = sp.Symbol("t", real=True)
    z = t - m
    family = sm.Family(2 / sp.pi**2 * z / sp.sinh(z), sample=t, parameters=m)
    assert family.log_density_at([0.25], [1.25]) == pytest.approx(
        float(sp.log(2 / sp.pi**2 / sp.sinh(1)))
    )
    with pytest.raises(InvalidFamily, match="not a positive real number"):
        sm.Family(2 / sp.pi**2 * z**2 / sp.sinh(z), sample=t, parameters=m)


def test_mixed_joint_density_of_a_count_and_its_rate() -> None:
    u, a, b = sp.symbols("u a b", positive=True)
    k = sp.Symbol("k", integer=True, nonnegative=True)
    family = sm.Family(
        log_density=a * sp.log(b) - sp.loggamma(a) + (a - 1) * sp.log(u) - b * u
        - u + k * sp.log(u) - sp.loggamma(k + 1),
        sample={u: sp.Interval.open(0, sp.oo), k: sp.S.Naturals0},
        parameters=[a, b],
    )  # fmt: skip
    # The count tells nothing about the parameters that its rate does not.
    expected = sp.Matrix([[sp.polygamma(1, a), -1 / b], [-1 / b, a / b**2]])
    assert (family.manifold().metric - expected).applyfunc(sp.cancel) == sp.zeros(2)
