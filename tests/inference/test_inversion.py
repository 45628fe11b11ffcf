"""The tabulated inverse distribution function, far into both tails."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from statmani.errors import NoConvergence
from statmani.inference.inversion import invert

INFINITY = np.inf
PROBABILITIES = np.array([1e-12, 1e-8, 1e-4, 0.1, 0.5, 0.9])


@pytest.mark.parametrize(
    ("distribution", "lower", "tolerance"),
    [
        (stats.norm(3, 0.1), -INFINITY, 1e-7),
        (stats.cauchy(), -INFINITY, 1e-7),
        (stats.t(0.2), -INFINITY, 1e-7),
        (stats.gumbel_r(), -INFINITY, 1e-7),
        (stats.gamma(0.5), 0.0, 1e-7),
        (stats.weibull_min(0.2), 0.0, 1e-7),
        (stats.lognorm(4.0), 0.0, 1e-7),
        (stats.invgauss(200.0), 0.0, 1e-7),
    ],
)
def test_quantiles(distribution, lower, tolerance):
    table = invert(distribution.logpdf, distribution.logpdf, lower, INFINITY, "the test density")
    assert table.mass == pytest.approx(1.0, abs=1e-12)
    assert np.allclose(
        distribution.cdf(table(PROBABILITIES)) / PROBABILITIES, 1.0, rtol=tolerance, atol=0.0
    )
    upper = 1.0 - np.array([2.0**-8, 2.0**-20])
    assert np.allclose(distribution.sf(table(upper)) / (1.0 - upper), 1.0, rtol=tolerance, atol=0.0)


def test_quantiles_increase_and_stay_inside():
    # Density x^(-0.9) (1-x)^(-0.9) / B(0.1, 0.1), with the distance from 1 kept exact.
    def log_density(offset):
        return -0.9 * (np.log(offset) + np.log1p(-offset)) - np.log(19.714639489050)

    table = invert(log_density, log_density, 0.0, 1.0, "beta")
    assert table.mass == pytest.approx(1.0, abs=1e-10)
    x = table(np.linspace(0.0, 1.0, 4001)[:-1])
    assert (np.diff(x) >= 0).all()
    assert x.min() > 0.0 and x.max() < 1.0
    # Beyond 0.9 the doubles below 1 are too coarse to hold the quantile.
    inner = np.linspace(0.01, 0.9, 90)
    assert np.allclose(stats.beta(0.1, 0.1).cdf(table(inner)), inner, rtol=0.0, atol=1e-9)


def test_no_density_at_all():
    with pytest.raises(NoConvergence, match="no point of positive density of nothing"):
        invert(lambda x: -INFINITY + 0 * x, lambda x: x, -INFINITY, INFINITY, "nothing")
