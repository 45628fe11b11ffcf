"""Continuous families of one variable.

Parametrizations follow Johnson, Kotz and Balakrishnan, *Continuous Univariate
Distributions*, volumes 1 (1994) and 2 (1995), unless a docstring says otherwise.
"""

from __future__ import annotations

from sympy import Interval, S, Symbol, log, loggamma, oo, pi, symbols

from statmani.family import Family

__all__ = ["beta", "cauchy", "gamma", "inverse_gaussian", "normal", "weibull"]

_POSITIVE = Interval.open(0, oo)
_UNIT = Interval.open(0, 1)


def normal() -> Family:
    """Normal family, mean mu and standard deviation sigma.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.normal().manifold().levi_civita.scalar_curvature
    -1
    """
    x, mu, sigma = symbols("x mu sigma")
    return Family(
        log_density=-log(sigma) - log(2 * pi) / 2 - (x - mu) ** 2 / (2 * sigma**2),
        sample={x: S.Reals},
        parameters={mu: S.Reals, sigma: _POSITIVE},
        name="normal",
    )


def cauchy() -> Family:
    """Cauchy family, location mu and scale gam.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.cauchy().manifold().levi_civita.scalar_curvature
    -4
    """
    x, mu, gam = symbols("x mu gam")
    return Family(
        log_density=log(gam) - log(pi) - log((x - mu) ** 2 + gam**2),
        sample={x: S.Reals},
        parameters={mu: S.Reals, gam: _POSITIVE},
        name="cauchy",
    )


def gamma() -> Family:
    """Gamma family, shape k and scale theta, as in scipy.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.gamma().manifold().metric.tolist()
    [[polygamma(1, k), 1/theta], [1/theta, k/theta**2]]
    """
    x, k, theta = symbols("x k theta")
    return Family(
        log_density=(k - 1) * log(x) - x / theta - k * log(theta) - loggamma(k),
        sample={x: _POSITIVE},
        parameters={k: _POSITIVE, theta: _POSITIVE},
        name="gamma",
    )


def weibull() -> Family:
    """Weibull family, shape k and scale lam.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.weibull().manifold().metric[1, 1]
    k**2/lam**2
    """
    x, k, lam = symbols("x k lam")
    return Family(
        log_density=log(k) - k * log(lam) + (k - 1) * log(x) - (x / lam) ** k,
        sample={x: _POSITIVE},
        parameters={k: _POSITIVE, lam: _POSITIVE},
        name="weibull",
    )


def inverse_gaussian() -> Family:
    """Inverse Gaussian family, mean mu and shape lam.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.inverse_gaussian().manifold().metric.tolist()
    [[lam/mu**3, 0], [0, 1/(2*lam**2)]]
    """
    x, mu, lam = symbols("x mu lam")
    return Family(
        log_density=log(lam / (2 * pi)) / 2
        - 3 * log(x) / 2
        - lam * (x - mu) ** 2 / (2 * mu**2 * x),
        sample={x: _POSITIVE},
        parameters={mu: _POSITIVE, lam: _POSITIVE},
        name="inverse_gaussian",
    )


def beta() -> Family:
    """Beta family, shapes a and b.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.beta().manifold().metric[0, 1]
    -polygamma(1, a + b)
    """
    x = Symbol("x")
    a, b = symbols("a b")
    return Family(
        log_density=(a - 1) * log(x)
        + (b - 1) * log(1 - x)
        - loggamma(a)
        - loggamma(b)
        + loggamma(a + b),
        sample={x: _UNIT},
        parameters={a: _POSITIVE, b: _POSITIVE},
        name="beta",
    )
