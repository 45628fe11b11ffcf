"""Test other implementations of Fisher-Rao geometry, and find four faults of a library.

The functions below restate what geomstats computes, in a few lines of our own. With geomstats
installed (2.8 has all four faults), the library itself is tested too.
"""

from importlib.util import find_spec
from typing import Any

import numpy as np
import sympy as sp
from scipy.special import polygamma

import statmani as sm
from statmani.testing import (
    Comparison,
    check_christoffel,
    check_metric,
    check_scalar_curvature,
)


def covariance(theta: np.ndarray) -> np.ndarray:
    """Sigma of (mu1, mu2, s11, s12, s22)."""
    return np.array([[theta[2], theta[3]], [theta[3], theta[4]]])


def general_normal(theta: np.ndarray) -> np.ndarray:
    """The product of the flat plane of means with the affine-invariant cone of covariances.

    The Fisher metric is dmu^T Sigma^-1 dmu + tr((Sigma^-1 dSigma)^2)/2; here neither Sigma^-1 nor
    the half are there.
    """
    inverse = np.linalg.inv(covariance(theta))
    directions = [np.array(d) for d in ([[1, 0], [0, 0]], [[0, 1], [1, 0]], [[0, 0], [0, 1]])]
    g = np.eye(5)
    for i, a in enumerate(directions):
        for j, b in enumerate(directions):
            g[2 + i, 2 + j] = np.trace(inverse @ a @ inverse @ b)
    return g


def diagonal_normal(theta: np.ndarray) -> np.ndarray:
    """Tangent vectors in variances are taken for vectors in standard deviations.

    In (mu, v) the metric is diag(1/v, 1/(2 v^2)).
    """
    return np.diag([1, 2]) / theta[1]


def multinomial_curvature(theta: np.ndarray, n: int = 4) -> float:
    """A sphere's curvature K = 1/(4 n) taken for 2 sqrt(n); twice K is the scalar curvature."""
    return 2 * (2 * np.sqrt(n))


def gamma_christoffel(theta: np.ndarray) -> np.ndarray:
    """Symbols (Arwini and Dodson 2008, section 3.4) with the mean as second coordinate.

    Where trigamma(k) - 1/k is below 1e-12, beyond k = 7e5, it is replaced by 2/k^2; the true
    equivalent is 1/(2 k^2), so both symbols lose a factor of 4.
    """
    k, mean = theta
    small = polygamma(1, k) - 1 / k
    if small <= 1e-12:
        small = 2 / k**2
    symbols = np.zeros((2, 2, 2))
    symbols[0, 0, 0] = (polygamma(2, k) + k**-2.0) / (2 * small)
    symbols[0, 1, 1] = -1 / (2 * mean**2 * small)
    symbols[1, 0, 1] = symbols[1, 1, 0] = 1 / (2 * k)
    symbols[1, 1, 1] = -1 / mean
    return symbols


def normal_in_variance() -> sm.StatisticalManifold:
    """The normal family in the coordinates (mu, v)."""
    mu, v = sp.Symbol("mu", real=True), sp.Symbol("v", positive=True)
    M = sm.families.normal().manifold()
    return M.reparametrize(dict(zip(M.coordinates, (mu, sp.sqrt(v)), strict=True)), (mu, v))


def gamma_in_mean() -> sm.StatisticalManifold:
    """The gamma family in the coordinates (k, mean)."""
    k, mean = sp.symbols("k mean", positive=True)
    M = sm.families.gamma().manifold()
    return M.reparametrize(dict(zip(M.coordinates, (k, mean / k), strict=True)), (k, mean))


def gram(metric: Any, directions: list[list[float]], point: list[float]) -> np.ndarray:
    """The inner products of tangent vectors in a metric of geomstats."""
    vectors, base = [np.array(d) for d in directions], np.array(point)
    products = [[metric.inner_product(a, b, base) for a in vectors] for b in vectors]
    return np.array(products).reshape(len(vectors), len(vectors))


def installed() -> dict[str, Comparison]:
    """The same checks on geomstats itself, where it is installed."""
    if find_spec("geomstats") is None:
        return {}
    from geomstats.information_geometry.gamma import GammaDistributions
    from geomstats.information_geometry.multinomial import MultinomialDistributions
    from geomstats.information_geometry.normal import (
        DiagonalNormalDistributions,
        GeneralNormalDistributions,
    )

    general = GeneralNormalDistributions(sample_dim=2).metric
    diagonal = DiagonalNormalDistributions(sample_dim=1).metric
    multinomial = MultinomialDistributions(dim=2, n_draws=4).metric
    gamma = GammaDistributions().metric

    def general_metric(theta: np.ndarray) -> np.ndarray:
        # Points are the mean and all entries of the covariance, which move together.
        means = [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]]
        entries = [[0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 1]]
        return gram(general, means + entries, [*theta[:4], *theta[3:]])

    def diagonal_metric(theta: np.ndarray) -> np.ndarray:
        return gram(diagonal, [[1, 0], [0, 1]], [*theta])

    def scalar(theta: np.ndarray) -> float:
        a, b = np.array([1.0, 0.0, -1.0]), np.array([0.0, 1.0, -1.0])
        point = np.array([*theta, 1 - theta.sum()])
        return 2 * float(multinomial.sectional_curvature(a, b, point))

    trinomial = sm.families.multinomial(4, 3)
    return {
        "geomstats, general normal": check_metric(
            general_metric, sm.families.multivariate_normal(2)
        ),
        "geomstats, diagonal normal": check_metric(diagonal_metric, normal_in_variance()),
        "geomstats, multinomial": check_scalar_curvature(scalar, trinomial),
        "geomstats, gamma": check_christoffel(gamma.christoffels, gamma_in_mean()),
    }


def run() -> dict[str, Comparison]:
    """Print and return what the checks find."""
    found = {
        "general normal": check_metric(general_normal, sm.families.multivariate_normal(2)),
        "diagonal normal": check_metric(diagonal_normal, normal_in_variance()),
        "multinomial": check_scalar_curvature(multinomial_curvature, sm.families.multinomial(4, 3)),
        "gamma": check_christoffel(gamma_christoffel, gamma_in_mean()),
    }
    found |= installed()
    for name, comparison in found.items():
        print(f"{name}\n{comparison}\n")
    return found


if __name__ == "__main__":
    run()
