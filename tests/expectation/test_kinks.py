"""Densities with kinks: second derivatives contain deltas, and are never taken almost everywhere.

E[d_i d_j log p] = -g_ij holds for these families only with the delta term.
"""

from __future__ import annotations

import pytest
import sympy as sp

import statmani as sm

x, mu = sp.symbols("x mu", real=True)
b, k = sp.symbols("b k", positive=True)
LAPLACE = sm.Family(log_density=-sp.log(2 * b) - sp.Abs(x - mu) / b, sample=x, parameters=[mu, b])


def asymmetric(location: sp.Expr) -> sm.Family:
    """Kotz, Kozubowski and Podgorski (2001), section 3.1; kappa = 2, in two spellings."""
    slope = sp.Piecewise((2, x > mu), (-sp.Rational(1, 2), True))
    return sm.Family(
        log_density=sp.log(sp.Rational(2, 5)) - sp.log(b) - slope * (x - location) / b,
        sample=x,
        parameters=[mu, b],
    )


def test_laplace_tensors_have_the_delta_term() -> None:
    M = LAPLACE.manifold()
    assert M.metric == sp.diag(1 / b**2, 1 / b**2)
    assert M.connection(0).christoffel_first[0, 0, 1] == 1 / b**3
    assert M.connection(0).scalar_curvature == -2


def test_expected_second_derivative_is_minus_the_metric() -> None:
    ell = LAPLACE.log_density
    assert LAPLACE.expect(ell.diff(mu, 2)) == -1 / b**2
    assert LAPLACE.expect(ell.diff(mu, b)) == 0
    assert LAPLACE.expect(ell.diff(b, 2)) == -1 / b**2


def test_gamma_one_with_the_delta() -> None:
    """Gamma^(1)_{mu mu, b} = E[d_mu^2 l s_b] = (-2/b)(1/(2b))(-1/b)."""
    ell = LAPLACE.log_density
    assert LAPLACE.expect(sp.expand(ell.diff(mu, 2) * ell.diff(b))) == 1 / b**3


def test_delta_times_jump_is_refused() -> None:
    ell = LAPLACE.log_density
    with pytest.raises(sm.IntractableExpectation, match="factor jumps"):
        LAPLACE.expect(ell.diff(mu, 2) * ell.diff(mu) ** 2)


def test_asymmetric_laplace_is_right_or_refused() -> None:
    family = asymmetric(mu)
    try:
        M = family.manifold()
    except (sm.IntractableExpectation, sm.RegularityError):
        return
    # s_mu is 2/b with probability 1/5 and -1/(2b) with probability 4/5.
    assert sp.simplify(M.metric[0, 0] - 1 / b**2) == 0
    assert sp.simplify(M.skewness[0, 0, 0] - sp.Rational(3, 2) / b**3) == 0
    # Gamma^(0)_{mu mu, b} = -d_b g_mumu / 2.
    assert sp.simplify(M.connection(0).christoffel_first[0, 0, 1] - 1 / b**3) == 0


def test_subbotin_below_two_is_right_or_refused() -> None:
    """Generalised normal of shape 3/2: a kink of the second derivative at the location."""
    c = sp.Rational(3, 2)
    family = sm.Family(
        log_density=sp.log(c / (2 * b * sp.gamma(1 / c))) - (sp.Abs(x - mu) / b) ** c,
        sample=x,
        parameters=[mu, b],
    )
    try:
        M = family.manifold()
    except (sm.IntractableExpectation, sm.RegularityError):
        return
    # E[s_mu^2] = c^2/b^2 Gamma(2 - 1/c)/Gamma(1/c) (Agro 1995).
    expected = c**2 / b**2 * sp.gamma(2 - 1 / c) / sp.gamma(1 / c)
    assert abs(sp.N((M.metric[0, 0] - expected).subs(b, 2), 25)) < 1e-20
    assert abs(sp.N((M.metric[1, 1] - c / b**2).subs(b, 2), 25)) < 1e-20
