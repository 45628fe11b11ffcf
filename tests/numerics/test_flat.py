"""Flat connections of families: straight lines, boundaries and their times, dual transports."""

import matplotlib
import numpy as np
import precise_solver
import pytest
from precise_solver import mp
from scipy import special

import statmani as sm

matplotlib.use("Agg")


def _shapes(z):
    return special.digamma(z) - special.digamma(z.sum(-1, keepdims=True))


# Natural and expectation coordinates (Brown 1986), a point, and velocities of which some leave.
FLAT = {
    ("normal",): (
        lambda z: np.stack([z[..., 0] / z[..., 1] ** 2, -0.5 / z[..., 1] ** 2], -1),
        lambda z: np.stack([z[..., 0], z[..., 0] ** 2 + z[..., 1] ** 2], -1),
        [0.4, 1.3], [[1.0, 0.7], [3.0, -5.0], [-3.0, 5.0]],
    ),
    ("gamma",): (
        lambda z: np.stack([z[..., 0], 1 / z[..., 1]], -1),
        lambda z: np.stack(
            [z[..., 0] * z[..., 1], special.digamma(z[..., 0]) + np.log(z[..., 1])], -1
        ),
        [2.0, 3.0], [[1.0, 0.7], [-5.0, 2.0], [5.0, -8.0]],
    ),
    ("dirichlet", 3): (lambda z: z, _shapes, [1.0, 2.0, 3.0], [[0.5, 1.0, -1.0], [1.0, -3.0, 4.0]]),
    ("multinomial", 5, 3): (
        lambda z: np.log(z / (1 - z.sum(-1, keepdims=True))), lambda z: z,
        [0.2, 0.5], [[0.1, -0.1], [-0.5, 0.1], [0.9, 0.3]],
    ),
    ("inverse_gaussian",): (
        lambda z: np.stack([z[..., 1] / z[..., 0] ** 2, z[..., 1]], -1),
        lambda z: np.stack([z[..., 0], 1 / z[..., 0] + 1 / z[..., 1]], -1),
        [1.0, 2.0], [[0.3, -0.1], [-2.0, 1.0], [5.0, -3.0]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("spec", FLAT)
@pytest.mark.parametrize("alpha", [1, -1])
def test_geodesics_are_straight_up_to_the_boundary(spec, alpha):
    name, *sizes = spec
    M = getattr(sm.families, name)(*sizes).manifold()
    chart = FLAT[spec][0 if alpha == 1 else 1]
    p, velocities = np.array(FLAT[spec][2]), np.array(FLAT[spec][3])
    paths = sm.geodesic(M, p, velocities, alpha=alpha, rtol=1e-12)
    assert set(paths.status) <= {"converged", "boundary"}
    assert np.isfinite(paths.points).all()
    for k, end in enumerate(paths.end_time):
        t = np.linspace(0, end * (1 - 1e-3), 37)
        eta = chart(paths(t)[k])
        line = eta[0] + t[:, None] / t[-1] * (eta[-1] - eta[0])
        assert np.abs(eta - line).max() <= 1e-11 * np.abs(eta - eta[0]).max()
    left = paths.status == "boundary"
    if left.any():
        with pytest.warns(sm.StatmaniWarning, match=f"{left.sum()} of {len(left)} geodesics stop"):
            ends = sm.exp(M, p, velocities, alpha=alpha, rtol=1e-12)
    else:
        ends = sm.exp(M, p, velocities, alpha=alpha, rtol=1e-12)
    assert (np.isnan(ends).all(axis=1) == left).all()
    assert ends[~left] == pytest.approx(paths.points[~left, -1], rel=1e-11)


def test_times_of_boundaries():
    """Lines that meet the edge of the domain of expectations, or of natural parameters."""
    f = sm.families
    for family, p, v, alpha, expected in (
        (f.poisson(), [2.0], [-3.0], -1, 2 / 3),
        (f.bernoulli(), [0.3], [0.9], -1, 7 / 9),
        (f.gamma(), [2.0, 3.0], [-5.0, 0.0], 1, 2 / 5),
        (f.multinomial(5, 3), [0.2, 0.5], [0.9, 0.3], -1, 0.3 / 1.2),
        (f.normal(), [0.0, 1.0], [0.0, -0.8], -1, 1 / 1.6),
        (f.normal(), [0.0, 1.0], [0.0, 2.0], 1, 1 / 4),
    ):
        path = sm.geodesic(family, p, v, alpha=alpha)
        assert path.status == "boundary"
        assert path.end_time == pytest.approx(expected, rel=1e-11)


CURVES = [
    (("normal",), [0.4, 1.3]),
    (("student_t",), [0.1, 1.0, 4.3]),
    (("von_mises",), [1.0, 2.0]),
    (("dirichlet", 3), [1.0, 2.0, 0.5]),
    pytest.param(("beta",), [1e5, 2e5], marks=pytest.mark.slow),
]


@pytest.mark.parametrize("alpha", [0, 1, -0.4])
@pytest.mark.parametrize(("spec", "p"), CURVES)
def test_dual_transports_along_any_curve(spec, p, alpha):
    """<P^alpha v, P^-alpha w>, measured by metrics of 40 digits."""
    name, *sizes = spec
    M = getattr(sm.families, name)(*sizes).manifold()
    rng = np.random.default_rng(3)
    p = np.array(p)
    turn = rng.uniform(-0.3, 0.3, len(p)) if p.max() < 100 else np.array([0.3, 0.304])

    def curve(t):
        return p * (1 + turn * np.sin(2 * t)[:, None] + 1e-3 * (p < 100) * t[:, None] ** 2)

    v, w = rng.normal(size=(2, len(p))) / np.sqrt(np.diag(sm.evaluate(M, "metric", p)))
    moved = sm.parallel_transport(M, curve, v, alpha=alpha)
    dual = sm.parallel_transport(M, curve, w, alpha=-alpha)
    before, after = (
        precise_solver.symbols(M, [mp.mpf(c) for c in curve(np.array([t]))[0]], 0)[0]
        for t in (0, 1)
    )

    def inner(g, a, b):
        return (mp.matrix(list(map(float, a))).T * g * mp.matrix(list(map(float, b))))[0]

    size = mp.sqrt(inner(before, v, v) * inner(before, w, w))
    assert abs(inner(after, moved, dual) - inner(before, v, w)) <= 1e-10 * size


def test_plot_draws_every_geodesic():
    M = sm.families.normal().manifold()
    paths = sm.geodesic(M, [0, 1], [[1, 0.5], [3, -5]], alpha=-1)
    axes = paths.plot()
    lines = axes.get_lines()
    assert [line.get_marker() for line in lines] == ["None", "o", "None", "o", "x"]
    assert np.asarray(lines[0].get_xydata()[-1]) == pytest.approx(paths.points[0, -1])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("mu", "sigma")
    with pytest.raises(sm.InvalidArgument, match=r"two numbers from 0 to 1, got \(0, 5\)"):
        paths.plot(coordinates=(0, 5))
    single = sm.geodesic(sm.families.poisson(), [2.0], [1.0])
    assert single.plot(axes=axes).get_xlabel() == "t"
    assert axes.get_lines()[5].get_ydata()[-1] == pytest.approx(single.points[-1, 0])
