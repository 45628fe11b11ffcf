"""Continuous families of several variables.

Parametrizations follow Kotz, Balakrishnan and Johnson, *Continuous Multivariate Distributions*,
volume 1 (2000), unless a docstring says otherwise.
"""

from __future__ import annotations

from sympy import Add, Interval, Matrix, S, Symbol, log, loggamma, oo, pi, sqrt, symbols

from statmani.families.sizes import require_size
from statmani.family import Family

__all__ = [
    "bivariate_normal",
    "dirichlet",
    "isotropic_normal2",
    "mckay_bivariate_gamma",
    "multivariate_normal",
]

_POSITIVE = Interval.open(0, oo)


def bivariate_normal() -> Family:
    """Bivariate normal family: means, standard deviations and correlation rho.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.bivariate_normal().manifold().levi_civita.scalar_curvature
    -9/2
    """
    x, y, mu1, mu2, s1, s2, rho = symbols("x y mu1 mu2 s1 s2 rho")
    u, v = (x - mu1) / s1, (y - mu2) / s2
    return Family(
        log_density=-log(2 * pi)
        - log(s1)
        - log(s2)
        - log(1 - rho**2) / 2
        - (u**2 - 2 * rho * u * v + v**2) / (2 * (1 - rho**2)),
        sample={x: S.Reals, y: S.Reals},
        parameters={
            mu1: S.Reals,
            mu2: S.Reals,
            s1: _POSITIVE,
            s2: _POSITIVE,
            rho: Interval.open(-1, 1),
        },
        name="bivariate_normal",
    )


def isotropic_normal2() -> Family:
    """Bivariate normal family with independent components of one standard deviation sigma.

    A hyperbolic space of sectional curvature -1/4.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.isotropic_normal2().manifold().levi_civita.scalar_curvature
    -3/2
    """
    x, y, mu1, mu2, sigma = symbols("x y mu1 mu2 sigma")
    return Family(
        log_density=-log(2 * pi)
        - 2 * log(sigma)
        - ((x - mu1) ** 2 + (y - mu2) ** 2) / (2 * sigma**2),
        sample={x: S.Reals, y: S.Reals},
        parameters={mu1: S.Reals, mu2: S.Reals, sigma: _POSITIVE},
        name="isotropic_normal2",
    )


def multivariate_normal(d: int) -> Family:
    """Multivariate normal family, means mu1 ... mud and entries of the covariance.

    The covariances follow column by column of the upper triangle: s11, s12, s22, s13, s23, s33
    and so on; each variance is bounded below by Schur's complement, which makes the matrix
    positive definite.

    Parameters
    ----------
    d : int
        Dimension, from 1 to 9.

    Raises
    ------
    InvalidArgument
        `d` is no integer of at least 1.

    Examples
    --------
    >>> import statmani as sm
    >>> family = sm.families.multivariate_normal(2)
    >>> family.parameters
    (mu1, mu2, s11, s12, s22)
    >>> family.manifold().levi_civita.scalar_curvature
    -9/2
    """
    require_size(d, 1, "multivariate_normal", "d")
    xs = [Symbol(f"x{i}") for i in range(1, d + 1)]
    means = [Symbol(f"mu{i}") for i in range(1, d + 1)]
    covariance = Matrix(d, d, lambda i, j: Symbol(f"s{min(i, j) + 1}{max(i, j) + 1}"))
    parameters = dict.fromkeys(means, S.Reals)
    for j in range(d):
        column = covariance[:j, j]
        parameters |= dict.fromkeys(column, S.Reals)
        known = covariance[:j, :j]
        least = (column.T * known.adjugate() * column)[0] / known.det() if j else S.Zero
        parameters[covariance[j, j]] = Interval.open(least, oo)
    centred = Matrix([x - mu for x, mu in zip(xs, means, strict=True)])
    determinant = covariance.det(method="berkowitz")
    quadratic = (centred.T * covariance.adjugate() * centred)[0] / determinant
    return Family(
        log_density=-d * log(2 * pi) / 2 - log(determinant) / 2 - quadratic / 2,
        sample=dict.fromkeys(xs, S.Reals),
        parameters=parameters,
        name="multivariate_normal",
    )


def dirichlet(n: int) -> Family:
    """Dirichlet family of n cells, shapes a1 ... an.

    The sample is the vector of all shares but the last, (x1, ..., x_{n-1}).

    Parameters
    ----------
    n : int
        At least 2.

    Raises
    ------
    InvalidArgument
        `n` is no integer of at least 2.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.dirichlet(3).manifold().metric[0, 1]
    -polygamma(1, a1 + a2 + a3)
    """
    require_size(n, 2, "dirichlet", "n")
    xs = [Symbol(f"x{i}") for i in range(1, n)]
    shapes = [Symbol(f"a{i}") for i in range(1, n + 1)]
    shares = [*xs, 1 - Add(*xs)]
    return Family(
        log_density=loggamma(Add(*shapes))
        - Add(*(loggamma(a) for a in shapes))
        + Add(*((a - 1) * log(x) for a, x in zip(shapes, shares, strict=True))),
        sample={x: Interval.open(S.Zero, 1 - Add(*xs[:i])) for i, x in enumerate(xs)},
        parameters=dict.fromkeys(shapes, _POSITIVE),
        name="dirichlet",
    )


def mckay_bivariate_gamma() -> Family:
    """McKay's bivariate gamma family on 0 < x < y, shapes alpha1, alpha2, covariance sigma12.

    Arwini and Dodson (2008), *Information Geometry*, section 4.1.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.mckay_bivariate_gamma().parameters
    (alpha1, sigma12, alpha2)
    """
    x, y, alpha1, sigma12, alpha2 = symbols("x y alpha1 sigma12 alpha2")
    return Family(
        log_density=(alpha1 + alpha2) / 2 * log(alpha1 / sigma12)
        - loggamma(alpha1)
        - loggamma(alpha2)
        + (alpha1 - 1) * log(x)
        + (alpha2 - 1) * log(y - x)
        - sqrt(alpha1 / sigma12) * y,
        sample={x: _POSITIVE, y: Interval.open(x, oo)},
        parameters={alpha1: _POSITIVE, sigma12: _POSITIVE, alpha2: _POSITIVE},
        name="mckay_bivariate_gamma",
    )
