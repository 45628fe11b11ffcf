"""Families with tails that fall like a power, and of extreme values."""

from __future__ import annotations

import warnings

from sympy import Interval, S, log, oo, symbols

from statmani.errors import StatmaniWarning
from statmani.family import Family

__all__ = ["frechet", "generalized_pareto", "gev", "log_logistic", "lomax"]

_POSITIVE = Interval.open(0, oo)


def frechet() -> Family:
    """Frechet family, shape alpha and scale s (Johnson, Kotz and Balakrishnan 1995, ch. 22).

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.frechet().manifold().metric[1, 1]
    alpha**2/s**2
    """
    x, alpha, s = symbols("x alpha s")
    return Family(
        log_density=log(alpha) + alpha * log(s) - (alpha + 1) * log(x) - (x / s) ** (-alpha),
        sample={x: _POSITIVE},
        parameters={alpha: _POSITIVE, s: _POSITIVE},
        name="frechet",
    )


def log_logistic() -> Family:
    """Log-logistic (Fisk) family, scale alpha and shape beta.

    Johnson, Kotz and Balakrishnan (1995), section 23.11.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.log_logistic().manifold().metric[0, 0]
    beta**2/(3*alpha**2)
    """
    x, alpha, beta = symbols("x alpha beta")
    return Family(
        log_density=log(beta / alpha)
        + (beta - 1) * log(x / alpha)
        - 2 * log(1 + (x / alpha) ** beta),
        sample={x: _POSITIVE},
        parameters={alpha: _POSITIVE, beta: _POSITIVE},
        name="log_logistic",
    )


def lomax() -> Family:
    """Lomax (Pareto II) family, shape alpha and scale lam (Lomax 1954).

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.lomax().manifold().metric[0, 0]
    alpha**(-2)
    """
    x, alpha, lam = symbols("x alpha lam")
    return Family(
        log_density=log(alpha) - log(lam) - (alpha + 1) * log(1 + x / lam),
        sample={x: _POSITIVE},
        parameters={alpha: _POSITIVE, lam: _POSITIVE},
        name="lomax",
    )


def generalized_pareto() -> Family:
    """Generalized Pareto family of excesses, scale sigma and shape xi > 0 (Pickands 1975).

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.generalized_pareto().manifold().metric[0, 0]
    1/(sigma**2*(2*xi + 1))
    """
    x, sigma, xi = symbols("x sigma xi")
    return Family(
        log_density=-log(sigma) - (1 + 1 / xi) * log(1 + xi * x / sigma),
        sample={x: _POSITIVE},
        parameters={sigma: _POSITIVE, xi: _POSITIVE},
        name="generalized_pareto",
    )


def gev() -> Family:
    """Generalized extreme value family with a lower end, location mu, scale sigma, shape xi > 0.

    The support x > mu - sigma/xi moves with the parameters, but the density is flat at its edge,
    so that the family is regular (Prescott and Walden 1980).

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.gev()
    gev(mu real, sigma > 0, xi > 0) on x > mu - sigma/xi
    """
    x, mu, sigma, xi = symbols("x mu sigma xi")
    z = 1 + xi * (x - mu) / sigma
    with warnings.catch_warnings():
        # A user is warned of a moving support; this one is known to be harmless.
        warnings.simplefilter("ignore", StatmaniWarning)
        return Family(
            log_density=-log(sigma) - (1 + 1 / xi) * log(z) - z ** (-1 / xi),
            sample={x: Interval.open(mu - sigma / xi, oo)},
            parameters={mu: S.Reals, sigma: _POSITIVE, xi: _POSITIVE},
            name="gev",
        )
