"""Hand-written metrics and skewness, random points, closed forms of distances."""

import sys
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import statmani as sm

sys.path.insert(0, str(Path(__file__).parent))

mu = sp.Symbol("mu", real=True)
nu, sigma, k, theta, lam, a, b = sp.symbols("nu sigma k theta lambda a b", positive=True)
p1, p2 = sp.symbols("p1 p2")
_C = 1 - sp.EulerGamma


def _psi(x):
    return sp.polygamma(1, x)


def _build(name):
    if name == "normal":
        skewness = {(0, 0, 1): 2 / sigma**3, (1, 1, 1): 8 / sigma**3}
        return sm.StatisticalManifold((mu, sigma), sp.diag(1, 2) / sigma**2, skewness)
    if name == "gamma":
        skewness = {
            (0, 0, 0): sp.polygamma(2, k),
            (0, 1, 1): 1 / theta**2,
            (1, 1, 1): 2 * k / theta**3,
        }
        g = [[_psi(k), 1 / theta], [1 / theta, k / theta**2]]
        return sm.StatisticalManifold((k, theta), g, skewness)
    if name == "weibull":
        g = [
            [(sp.pi**2 / 6 + _C**2) / k**2, -_C / lam],
            [-_C / lam, k**2 / lam**2],
        ]
        return sm.StatisticalManifold((k, lam), g)
    if name == "inverse_gaussian":
        return sm.StatisticalManifold((nu, lam), sp.diag(lam / nu**3, 1 / (2 * lam**2)))
    if name == "beta":
        s = _psi(a + b)
        return sm.StatisticalManifold((a, b), [[_psi(a) - s, -s], [-s, _psi(b) - s]])
    if name == "poisson":
        return sm.StatisticalManifold((lam,), [[1 / lam]], {(0, 0, 0): 1 / lam**2})
    if name == "cauchy":
        return sm.StatisticalManifold((mu, sigma), sp.diag(1, 1) / (2 * sigma**2))
    if name == "log_logistic":
        g = sp.diag(b**2 / (3 * a**2), (3 + sp.pi**2) / (9 * b**2))
        return sm.StatisticalManifold((a, b), g)
    rest = 1 - p1 - p2
    return sm.StatisticalManifold(
        {p1: sp.Interval.open(0, 1), p2: sp.Interval.open(0, 1)},
        [[1 / p1 + 1 / rest, 1 / rest], [1 / rest, 1 / p2 + 1 / rest]],
        constraint=p1 + p2 < 1,
    )


@pytest.fixture(scope="session")
def manifolds():
    """Manifolds by name, made when asked for."""

    class _Named(dict):
        def __missing__(self, name):
            self[name] = _build(name)
            return self[name]

    return _Named()


def _points(name, count, seed):
    rng = np.random.default_rng(seed)
    if name == "categorical":
        return rng.dirichlet([0.5, 0.5, 0.5], count)[:, :2]
    size = 1 if name == "poisson" else 2
    points = np.exp(rng.uniform(np.log(0.2), np.log(50), (count, size)))
    if name in ("normal", "cauchy"):
        points[:, 0] = rng.uniform(-50, 50, count)
    return points


@pytest.fixture(scope="session")
def random_points():
    """points(name, count, seed): parameters log-uniform in [0.2, 50], locations in +-50."""
    return _points


def _half_plane(x1, y1, x2, y2, scale):
    # ds = scale |dz| / y; arcosh through arsinh, which keeps digits of near pairs.
    return 2 * scale * np.arcsinh(np.hypot(x1 - x2, y1 - y2) / np.sqrt(4 * y1 * y2))


def _normal(p, q):
    r = np.sqrt(2)
    return _half_plane(p[..., 0] / r, p[..., 1], q[..., 0] / r, q[..., 1], r)


def _cauchy(p, q):
    return _half_plane(p[..., 0], p[..., 1], q[..., 0], q[..., 1], np.sqrt(0.5))


def _weibull(p, q):
    # y = 1/k, x = log(lambda) + (1 - gamma)/k: ds^2 = (dx^2 + pi^2/6 dy^2) / y^2.
    c, s = 1 - np.euler_gamma, np.pi / np.sqrt(6)
    (x1, y1), (x2, y2) = ((np.log(z[..., 1]) + c / z[..., 0], 1 / z[..., 0]) for z in (p, q))
    return _half_plane(x1 / s, y1, x2 / s, y2, s)


def _inverse_gaussian(p, q):
    # z = 2/sqrt(mu), y = 1/sqrt(lambda): ds^2 = (dz^2 + 2 dy^2) / y^2.
    r = np.sqrt(2)
    (z1, y1), (z2, y2) = ((2 / np.sqrt(x[..., 0]), 1 / np.sqrt(x[..., 1])) for x in (p, q))
    return _half_plane(z1 / r, y1, z2 / r, y2, r)


def _log_logistic(p, q):
    c = (3 + np.pi**2) / 9
    s = np.sqrt(3 * c)
    (x1, y1), (x2, y2) = ((np.log(z[..., 0]) / s, 1 / z[..., 1]) for z in (p, q))
    return _half_plane(x1, y1, x2, y2, np.sqrt(c))


def _poisson(p, q):
    x, y = p[..., 0], q[..., 0]
    return 2 * np.abs(x - y) / (np.sqrt(x) + np.sqrt(y))


def _categorical(p, q):
    full = [np.sqrt(np.concatenate([z, 1 - z.sum(-1, keepdims=True)], -1)) for z in (p, q)]
    return 4 * np.arcsin(np.linalg.norm(full[0] - full[1], axis=-1) / 2)


@pytest.fixture(scope="session")
def closed_forms():
    """Closed forms of the distance: half-planes, the square-root map, the sphere."""
    return {
        "normal": _normal,
        "weibull": _weibull,
        "inverse_gaussian": _inverse_gaussian,
        "poisson": _poisson,
        "categorical": _categorical,
        "cauchy": _cauchy,
        "log_logistic": _log_logistic,
    }
