"""Pairs between which there are several geodesics: the distance is the length of the shortest."""

import numpy as np
import pytest
from normal_fibres import geodesic_lengths

import statmani as sm
from statmani.numerics.shortest import reach

# mu1, mu2, sigma1, sigma2, rho of both ends. The straight line of the coordinates leads to the
# longer of two geodesics.
PAIRS = (
    (
        (60.3751930569299, -69.35132825, 0.49728265, 0.01214468, 0.43156594),
        (49.18127646, 35.85248796, 0.01679052, 1.82032373, 0.39188764),
    ),
    (
        (28.69048591, 3.6754751, 0.69978659, 3.60537223, 0.96053676),
        (77.51905967, -93.75773036, 3.14084788, 0.04684307, 0.74138794),
    ),
)


def covariances(points):
    """(mu1, mu2, s11, s12, s22) from (mu1, mu2, sigma1, sigma2, rho), for rows."""
    a, b, s, t, r = np.asarray(points, dtype=float).T
    return np.stack([a, b, s * s, r * s * t, t * t], axis=-1)


def test_the_shorter_of_two_geodesics_of_normal_laws():
    M = sm.families.bivariate_normal().manifold()
    p, q = PAIRS[0]
    found = sm.distance(M, p, q, full_output=True)
    shortest, longer = geodesic_lengths(*covariances([p, q]))
    assert longer > shortest + 0.4
    assert found.value == pytest.approx(shortest, rel=1e-10)
    assert abs(found.value - shortest) <= 10 * found.error
    assert (found.geodesics, found.minimality) == (2, "not proved")
    assert found.lower < shortest
    # The logarithm, the record of the geodesic and a batch take the same one.
    v, g = sm.log(M, p, q), sm.evaluate(M, "metric", p)
    assert np.sqrt(v @ g @ v) == pytest.approx(shortest, rel=1e-9)
    assert sm.geodesic(M, p, end=q).length == pytest.approx(shortest, rel=1e-9)
    assert sm.distance(M, [p, q], [q, p]) == pytest.approx([shortest] * 2, rel=1e-10)


def test_where_a_second_geodesic_may_be():
    # The largest curvature of bivariate normal laws is 2/7 (this metric), at any point.
    M = sm.families.bivariate_normal().manifold()
    assert reach(M) == pytest.approx(np.pi / np.sqrt(2 / 7), rel=1e-9)
    assert reach(sm.families.gamma().manifold()) == np.inf
    assert reach(sm.families.poisson().manifold()) == np.inf


@pytest.mark.slow
@pytest.mark.parametrize("covariance", [False, True])
def test_both_coordinates_of_far_normal_laws(covariance):
    points = np.array(PAIRS)
    rng = np.random.default_rng(21)
    count = 40
    drawn = np.concatenate(
        [
            rng.uniform(-100, 100, (2, count, 2)),
            np.exp(rng.uniform(np.log(0.01), np.log(1000), (2, count, 2))),
            np.tanh(1.5 * rng.normal(size=(2, count, 1))),
        ],
        axis=2,
    )
    p, q = np.concatenate([np.swapaxes(points, 0, 1), drawn], axis=1)
    exact = np.array([geodesic_lengths(*covariances(pair))[0] for pair in zip(p, q, strict=True)])
    if covariance:
        M = sm.families.multivariate_normal(2).manifold()
        p, q = covariances(p), covariances(q)
    else:
        M = sm.families.bivariate_normal().manifold()
    found = sm.distance(M, p, q, full_output=True)
    assert (found.status == "converged").all()
    assert np.abs(found.value / exact - 1).max() < 1e-9
    assert (np.abs(found.value - exact) <= 10 * found.error).all()
    assert (found.lower <= exact).all()
