"""Where double precision loses the tensors, their exact expressions are evaluated."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import sympy as sp

import statmani as sm
from statmani.errors import NoConvergence


def gamma_curvature(k: float) -> float:
    """Scalar curvature of the gamma family at shape k (Lauritzen 1987, section 5)."""
    context = mpmath.MPContext()
    context.dps = 60
    k = context.mpf(k)
    first, second = context.psi(1, k), context.psi(2, k)
    return float((first + k * second) / (2 * (k * first - 1) ** 2))


@pytest.mark.parametrize("k", [1e-6, 0.2, 50.0, 1e4, 1e6, 1e8])
def test_curvature_of_gamma_at_any_shape(k: float) -> None:
    found = sm.evaluate(sm.families.gamma(), "scalar_curvature", [k, 1.3])
    assert found == pytest.approx(gamma_curvature(k), rel=1e-9)


def test_a_batch_repairs_only_its_doubtful_rows() -> None:
    shapes = np.array([0.5, 1e7, 2.0])
    points = np.column_stack([shapes, np.full(3, 2.0)])
    found = sm.evaluate(sm.families.gamma(), "scalar_curvature", points)
    assert np.allclose(found, [gamma_curvature(k) for k in shapes], rtol=1e-9)


def test_a_point_without_value_is_named() -> None:
    x = sp.Symbol("x", real=True)
    M = sm.StatisticalManifold({x: sp.S.Reals}, [[1 / (x - 1) ** 2]])
    with pytest.raises(NoConvergence, match=r"metric has no finite value at \(1.0,\)"):
        sm.evaluate(M, "metric", [1.0])
    with pytest.warns(sm.StatmaniWarning, match="1 of 2 points have no finite value"):
        values = sm.evaluate(M, "metric", [[1.0], [3.0]])
    assert np.isnan(values[0, 0, 0])
    assert values[1, 0, 0] == pytest.approx(0.25)


def test_forty_digits_may_cancel_altogether() -> None:
    """A normal truncated to x > 0, far below it: 1 + erf is 1e-46 of its terms."""
    x, m, s = sp.symbols("x m s")
    positive = sp.Interval.open(0, sp.oo)
    mass = s * sp.sqrt(2 * sp.pi) * (1 + sp.erf(m / s / sp.sqrt(2))) / 2
    family = sm.Family(
        sp.exp(-((x - m) ** 2) / 2 / s**2) / mass,
        sample={x: positive},
        parameters={m: sp.S.Reals, s: positive},
    )
    found = sm.evaluate(family, "metric", [-10, 0.7])
    # The variance of x over s^4, since m enters the exponent as m x / s^2.
    context = mpmath.MPContext()
    context.dps = 40

    def moment(power: int) -> mpmath.mpf:
        return context.quad(
            lambda v: v**power * context.exp(-(v * v + 20 * v) / 2 / context.mpf("0.49")),
            [0, 0.05, 0.2, 1, 5],
        )

    mean = moment(1) / moment(0)
    variance = moment(2) / moment(0) - mean**2
    assert found[0, 0] == pytest.approx(float(variance / context.mpf("0.49") ** 2), rel=1e-11)
