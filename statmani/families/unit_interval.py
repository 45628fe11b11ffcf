"""Families on the unit interval.

Parametrizations follow Johnson, Kotz and Balakrishnan, *Continuous Univariate Distributions*,
volume 2 (1995), unless a docstring says otherwise.
"""

from __future__ import annotations

from sympy import Interval, log, loggamma, oo, symbols

from statmani.family import Family

__all__ = ["beta", "kumaraswamy", "power_function"]

_POSITIVE = Interval.open(0, oo)
_UNIT = Interval.open(0, 1)


def beta() -> Family:
    """Beta family, shapes a and b.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.beta().manifold().metric[0, 1]
    -polygamma(1, a + b)
    """
    x, a, b = symbols("x a b")
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


def kumaraswamy() -> Family:
    """Kumaraswamy family, shapes a and b (Kumaraswamy 1980).

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.kumaraswamy().manifold().metric[1, 1]
    b**(-2)
    """
    x, a, b = symbols("x a b")
    return Family(
        log_density=log(a) + log(b) + (a - 1) * log(x) + (b - 1) * log(1 - x**a),
        sample={x: _UNIT},
        parameters={a: _POSITIVE, b: _POSITIVE},
        name="kumaraswamy",
    )


def power_function() -> Family:
    """Power function family, shape theta.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.power_function().manifold().metric
    Matrix([[theta**(-2)]])
    """
    x, theta = symbols("x theta")
    return Family(
        log_density=log(theta) + (theta - 1) * log(x),
        sample={x: _UNIT},
        parameters={theta: _POSITIVE},
        name="power_function",
    )
