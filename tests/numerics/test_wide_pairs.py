"""Thousands of random pairs over five decades: every one has a distance, and it is right.

Parameters are uniform in logarithm over [0.01, 1000] or [0.2, 50], locations in +-100 or +-50,
cells of a table down to 1e-9. Closed forms are written here a second time, from the literature.
"""

import warnings

import numpy as np
import pytest
from scipy import integrate, special

import statmani as sm

pytestmark = pytest.mark.slow

RANGES = {"wide": (0.01, 1000.0, 100.0), "moderate": (0.2, 50.0, 50.0)}
COUNT = 1000


def half_plane(x, y, u, v):
    """Distance of the half plane with (dx^2 + dy^2) / y^2."""
    return 2 * np.arcsinh(np.hypot(x - u, y - v) / (2 * np.sqrt(y * v)))


def normal(p, q):
    # Atkinson and Mitchell (1981).
    root = np.sqrt(2)
    return root * half_plane(p[:, 0] / root, p[:, 1], q[:, 0] / root, q[:, 1])


def student5(p, q):
    # g = diag((nu + 1)/(nu + 3), 2 nu/(nu + 3)) / sigma^2 (Mitchell 1988).
    scale = np.sqrt(10 / 8)
    stretch = np.sqrt((6 / 8) / (10 / 8))
    return scale * half_plane(stretch * p[:, 0], p[:, 1], stretch * q[:, 0], q[:, 1])


def weibull(p, q):
    # Of log X: a location log(lambda) and a scale 1/k of Gumbel's law (Oller 1987).
    def plane(rows):
        k, lam = rows.T
        b, c = np.pi / np.sqrt(6), 1 - np.euler_gamma
        return (np.log(lam) + c / k) / b, 1 / k

    return np.pi / np.sqrt(6) * half_plane(*plane(p), *plane(q))


def inverse_gaussian(p, q):
    # With x = sqrt(2 / mu) and y = 1 / sqrt(lambda): g = 2 (dx^2 + dy^2) / y^2 on a part of it.
    def plane(rows):
        mu, lam = rows.T
        return np.sqrt(2 / mu), 1 / np.sqrt(lam)

    return np.sqrt(2) * half_plane(*plane(p), *plane(q))


def negbin7(p, q):
    # The integral of sqrt(r) / (p sqrt(1 - p)) dp.
    return 2 * np.sqrt(7) * np.abs(np.arctanh(np.sqrt(1 - p)) - np.arctanh(np.sqrt(1 - q)))[:, 0]


def categorical4(p, q):
    # Twice the angle between square roots, by the chord, which keeps its digits.
    roots = [np.sqrt(np.column_stack([x, 1 - x.sum(axis=1)])) for x in (p, q)]
    chord = np.linalg.norm(roots[0] - roots[1], axis=1)
    return 4 * np.arcsin(chord / 2)


CLOSED = {
    "normal": normal,
    "student5": student5,
    "weibull": weibull,
    "inverse_gaussian": inverse_gaussian,
    "negbin7": negbin7,
    "categorical4": categorical4,
}


def family(name):
    f = sm.families
    made = {
        "dirichlet3": lambda: f.dirichlet(3),
        "student5": lambda: f.student_t(5),
        "negbin7": lambda: f.negbin(7),
        "categorical4": lambda: f.categorical(4),
    }
    return made.get(name, getattr(f, name, None))()


def points(name, rng, low, high, reach, count):
    size = {"dirichlet3": 3, "negbin7": 1}.get(name, 2)
    scales = np.exp(rng.uniform(np.log(low), np.log(high), (count, size)))
    if name in ("normal", "student5"):
        scales[:, 0] = rng.uniform(-reach, reach, count)
    elif name == "von_mises":
        scales[:, 0] = rng.uniform(-np.pi, np.pi, count)
    elif name == "negbin7":
        scales = 1 / (1 + scales)
    elif name == "categorical4":
        cells = np.exp(rng.uniform(np.log(1e-9), 0, (count, 4)))
        scales = (cells / cells.sum(axis=1, keepdims=True))[:, :3]
    return scales


@pytest.mark.parametrize("span", RANGES)
@pytest.mark.parametrize("name", [*CLOSED, "gamma", "beta", "dirichlet3", "von_mises"])
def test_every_pair_has_its_distance(name, span):
    M = family(name).manifold()
    rng = np.random.default_rng(2026)
    p, q = (points(name, rng, *RANGES[span], COUNT) for _ in range(2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        there = sm.distance(M, p, q, full_output=True)
        back = sm.distance(M, q, p, full_output=True)
    assert np.isin(there.status, ["converged", "infimum"]).all()
    assert (np.abs(there.value - back.value) <= 1e-10 * there.value).all()
    between = np.abs(there.value - back.value)
    assert (between <= 10 * (there.error + back.error) + 2e-13 * there.value).mean() >= 0.999
    if name in CLOSED:
        expected = CLOSED[name](p, q)
        assert there.value == pytest.approx(expected, rel=1e-10)
    assert (there.lower <= there.value).all()
    if name == "von_mises":
        # No curve is shorter than its part along kappa, nor longer than that and half a circle
        # at the smaller concentration.
        part = [_radius(k) for k in (p[:, 1], q[:, 1])]
        assert (there.value >= np.abs(part[0] - part[1]) * (1 - 1e-10)).all()
        least = np.minimum(p[:, 1], q[:, 1])
        turn = np.abs(np.angle(np.exp(1j * (p[:, 0] - q[:, 0]))))
        arc = turn * np.sqrt(least * special.ive(1, least) / special.ive(0, least))
        assert (there.value <= np.abs(part[0] - part[1]) + arc * (1 + 1e-10)).all()


def _radius(kappa):
    """The integral of the root of g_22 = 1 - A / kappa - A^2, A = I_1 / I_0, from 0."""

    def root(k):
        a = special.ive(1, k) / special.ive(0, k)
        return np.sqrt(max(1 - a / k - a * a, 0.0)) if k > 1e-3 else np.sqrt(0.5)

    # In log kappa, where the integrand is as smooth everywhere.
    def one(k):
        found = integrate.quad(
            lambda s: root(np.exp(s)) * np.exp(s), np.log(1e-6), np.log(k), limit=400, epsabs=1e-12
        )
        return found[0] + 1e-6 * np.sqrt(0.5)

    return np.array([one(k) for k in kappa])
