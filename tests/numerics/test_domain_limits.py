"""Geodesics that would leave the domain, circles, and pairs that only one end can solve."""

import exact_spaces
import numpy as np
import pytest
import sympy as sp
from scipy import integrate, special

import statmani as sm
from statmani.numerics.gaps import distance_by_continuity
from statmani.numerics.prepared import prepared

x, y = sp.symbols("x y", real=True)


@pytest.fixture(scope="module")
def disc():
    return sm.StatisticalManifold((x, y), sp.eye(2), constraint=x**2 + y**2 < 4)


@pytest.fixture(scope="module")
def plane_with_a_hole():
    return sm.StatisticalManifold((x, y), sp.eye(2), constraint=x**2 + y**2 > 1)


def test_a_geodesic_ends_where_a_constraint_breaks(disc):
    path = sm.geodesic(disc, [0, 0], [3, 4])
    assert path.status == "boundary"
    assert path.end_time == pytest.approx(0.4, rel=1e-12)
    assert path.length == pytest.approx(2.0, rel=1e-12)
    assert np.hypot(*path.points.T).max() <= 2 * (1 + 1e-13)
    with pytest.raises(sm.NoConvergence, match=r"stops at t = 0\.\d+ before t = 1 \(boundary\)"):
        sm.exp(disc, [0, 0], [3, 4])
    with pytest.warns(sm.StatmaniWarning, match="1 of 2 geodesics stop"):
        ends = sm.exp(disc, [0, 0], [[3, 4], [1, 1]])
    assert np.isnan(ends[0]).all()
    assert ends[1] == pytest.approx([1, 1])


def test_leaving_and_coming_back_is_leaving(plane_with_a_hole):
    """The end lies in the domain again; the geodesic does not."""
    M = plane_with_a_hole
    with pytest.raises(sm.NoConvergence, match="before t = 1"):
        sm.exp(M, [-2, 0], [4, 0.1])
    for call in (sm.distance, sm.log):
        with pytest.raises(sm.NoConvergence, match="leaves the domain"):
            call(M, [-2, 0], [2, 0.1])
    assert sm.distance(M, [-2, 2], [2, 2]) == pytest.approx(4, rel=1e-12)
    with pytest.raises(sm.NoConvergence, match="leaves the domain"):
        sm.geodesic(M, [-2, 0], end=[2, 0])


def test_the_shorter_way_round_a_circle():
    r, phi = sp.Symbol("r", positive=True), sp.Symbol("phi")
    domain = {r: sp.Interval.open(0, sp.oo), phi: sm.Circle}
    M = sm.StatisticalManifold(domain, sp.diag(1, r**2))
    chord = 2 * np.sin(0.15)
    assert sm.distance(M, [1, 0.1], [1, 2 * np.pi - 0.2]) == pytest.approx(chord, rel=1e-12)
    assert sm.log(M, [1, 0.1], [1, 2 * np.pi - 0.2])[1] < 0


@pytest.mark.parametrize("sign", [1, -1])
def test_a_distance_across_the_missing_pole_is_the_infimum(sign):
    """Polar coordinates of a plane: opposite points are as far as their radii say."""
    r, phi = sp.Symbol("r", positive=True), sp.Symbol("phi", real=True)
    bent = r + r**3  # so that no closed form gives the answer
    M = sm.StatisticalManifold(
        {r: sp.Interval.open(0, sp.oo), phi: sm.Circle}, sp.diag(sp.diff(bent, r) ** 2, bent**2)
    )
    start, end = [0.5, 0.2], [1.25, 0.2 + sign * np.pi]
    kernels = prepared(M)
    found = distance_by_continuity(kernels, np.array(start), np.array(end), 1e-10)
    exact = sum(x + x**3 for x in (0.5, 1.25))
    assert found is not None
    assert found[0] == pytest.approx(exact, rel=1e-10)
    assert abs(found[0] - exact) <= found[1] <= 1e-9 * exact


def test_opposite_von_mises_distributions():
    """Twice the way from the uniform distribution, which the family lacks; no geodesic, no log."""
    M = sm.families.von_mises().manifold()
    found = sm.distance(M, [0.0, 2.0], [np.pi, 2.0], full_output=True)
    assert found.status == "infimum"

    def speed(kappa):
        ratio = special.ive(1, kappa) / special.ive(0, kappa)
        return np.sqrt(1 - ratio / kappa - ratio**2)

    least = 1e-9  # below, the speed is sqrt(1/2)
    exact = 2 * (integrate.quad(speed, least, 2.0, epsabs=1e-13)[0] + least * np.sqrt(0.5))
    assert found.value == pytest.approx(exact, rel=1e-9)
    assert abs(found.value - exact) <= 10 * found.error
    with pytest.raises(sm.NoConvergence, match="the geodesic leaves the chart"):
        sm.log(M, [0.0, 2.0], [np.pi, 2.0])
    many = sm.distance(M, [0.0, 2.0], [[np.pi, 2.0], [3.0, 2.0]], full_output=True)
    assert list(many.status) == ["infimum", "converged"]
    assert many.value[0] == found.value


@pytest.mark.parametrize(
    ("p", "q"),
    [
        ((0, 1e6), (1, 1e-6)),
        ((1, 1e-6), (0, 1e6)),
        ((100, 1e-6), (0, 1e6)),
        ((1e5, 1e-3), (-1e5, 1e-4)),
        ((-1e5, 1e-4), (1e5, 1e-3)),
        ((0, 1e-8), (1, 1e-8)),
    ],
)
def test_very_far_pairs(manifolds, p, q):
    """From the other end where the first one fails; log and path belong to the right end."""
    length, velocity = exact_spaces.distance_and_log("normal", p, q)
    d = sm.distance(manifolds["normal"], p, q, full_output=True)
    assert d.value == pytest.approx(float(length), rel=1e-13)
    assert d.error < 1e-12 * float(length)
    v = sm.log(manifolds["normal"], p, q)
    scale = np.array([p[1], p[1] / np.sqrt(2)])
    error = (v - np.array([float(c) for c in velocity])) / scale
    assert np.abs(error).max() < 1e-9 * float(length)
    path = sm.geodesic(manifolds["normal"], p, end=q)
    for point, end in ((path.points[0], p), (path.points[-1], q)):
        assert np.abs(point[0] - end[0]) < 1e-9 * end[1] + 1e-14 * max(abs(p[0]), abs(q[0]))
        assert point[1] == pytest.approx(end[1], rel=1e-13)
    assert path.velocities[0] == pytest.approx(v, rel=1e-9)
