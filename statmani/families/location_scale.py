"""Families on the line and on the circle.

Parametrizations follow Johnson, Kotz and Balakrishnan, *Continuous Univariate Distributions*,
volumes 1 (1994) and 2 (1995), unless a docstring says otherwise.
"""

from __future__ import annotations

from sympy import (
    Abs,
    Expr,
    Interval,
    Rational,
    S,
    besseli,
    cos,
    erfc,
    exp,
    log,
    loggamma,
    oo,
    pi,
    sqrt,
    symbols,
    sympify,
)

from statmani.domain import Circle
from statmani.errors import InvalidArgument
from statmani.family import Family

__all__ = [
    "cauchy",
    "gumbel",
    "laplace",
    "logistic",
    "normal",
    "normal_mixture2",
    "normal_natural",
    "skew_normal",
    "student_t",
    "von_mises",
]

_POSITIVE = Interval.open(0, oo)


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


def normal_natural() -> Family:
    """Normal family in natural parameters theta1 = mu/sigma^2, theta2 = -1/(2 sigma^2) < 0.

    The coordinates are affine for the exponential connection (Amari and Nagaoka 2000,
    section 2.3).

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.normal_natural().manifold().connection(1).christoffel_first.nonzero()
    {}
    """
    x, theta1, theta2 = symbols("x theta1 theta2")
    return Family(
        log_density=theta1 * x
        + theta2 * x**2
        + theta1**2 / (4 * theta2)
        + log(-2 * theta2) / 2
        - log(2 * pi) / 2,
        sample={x: S.Reals},
        parameters={theta1: S.Reals, theta2: Interval.open(-oo, 0)},
        name="normal_natural",
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


def student_t(nu: int | Expr | None = None) -> Family:
    """Student t family, location mu, scale sigma, and degrees of freedom nu.

    Parameters
    ----------
    nu : int or Rational, optional
        Fixed degrees of freedom; left out, nu is the third parameter.

    Raises
    ------
    InvalidArgument
        `nu` is no positive exact number.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.student_t(5).manifold().levi_civita.scalar_curvature
    -8/5
    """
    x, mu, sigma, free = symbols("x mu sigma nu")
    degrees: Expr = free if nu is None else _positive_number(nu, "student_t", "nu")
    parameters = {mu: S.Reals, sigma: _POSITIVE}
    if nu is None:
        parameters[free] = _POSITIVE
    half = (degrees + 1) / 2
    return Family(
        log_density=loggamma(half)
        - loggamma(degrees / 2)
        - log(degrees * pi) / 2
        - log(sigma)
        - half * log(1 + (x - mu) ** 2 / (degrees * sigma**2)),
        sample={x: S.Reals},
        parameters=parameters,
        name="student_t" if nu is None else f"student_t({nu})",
    )


def _positive_number(value: object, function: str, what: str) -> Expr:
    number = sympify(value) if isinstance(value, (int, Expr)) else None
    if isinstance(value, bool) or number is None or not (number.is_Rational and number > 0):
        raise InvalidArgument(
            f"{function}: {what} must be a positive int or sympy Rational, got {value!r}. "
            f"Leave it out to make {what} a parameter."
        )
    return number


def logistic() -> Family:
    """Logistic family, location mu and scale s.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.logistic().manifold().metric[0, 0]
    1/(3*s**2)
    """
    x, mu, s = symbols("x mu s")
    return Family(
        log_density=-(x - mu) / s - log(s) - 2 * log(1 + exp(-(x - mu) / s)),
        sample={x: S.Reals},
        parameters={mu: S.Reals, s: _POSITIVE},
        name="logistic",
    )


def gumbel() -> Family:
    """Gumbel family of maxima, location mu and scale beta.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.gumbel().manifold().metric[0, 0]
    beta**(-2)
    """
    x, mu, beta = symbols("x mu beta")
    return Family(
        log_density=-log(beta) - (x - mu) / beta - exp(-(x - mu) / beta),
        sample={x: S.Reals},
        parameters={mu: S.Reals, beta: _POSITIVE},
        name="gumbel",
    )


def laplace() -> Family:
    """Laplace family, median mu and scale b; the density has a kink at the median.

    The second derivative in mu contains a delta at the median, which the tensors account for.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.laplace().manifold().connection(0).christoffel_first[0, 0, 1]
    b**(-3)
    """
    x, mu, b = symbols("x mu b")
    return Family(
        log_density=-log(2 * b) - Abs(x - mu) / b,
        sample={x: S.Reals},
        parameters={mu: S.Reals, b: _POSITIVE},
        name="laplace",
    )


def skew_normal() -> Family:
    """Skew normal family, location xi, scale omega, slant a (Azzalini 1985).

    The metric is singular at a = 0.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.skew_normal().log_density_at([0.0, 1.0, 0.0], [0.0]).round(6)
    array([-0.918939])
    """
    x, xi, omega, a = symbols("x xi omega a")
    return Family(
        log_density=-log(omega)
        - log(2 * pi) / 2
        - (x - xi) ** 2 / (2 * omega**2)
        + log(erfc(-a * (x - xi) / (sqrt(2) * omega))),
        sample={x: S.Reals},
        parameters={xi: S.Reals, omega: _POSITIVE, a: S.Reals},
        name="skew_normal",
    )


def normal_mixture2() -> Family:
    """Mixture of N(0, 1) with weight w and N(m, 1).

    Singular at m = 0 (Titterington, Smith and Makov 1985, section 2.3).

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.normal_mixture2().log_density_at([0.5, 0.0], [0.0]).round(6)
    array([-0.918939])
    """
    x, w, m = symbols("x w m")
    first, second = exp(-(x**2) / 2), exp(-((x - m) ** 2) / 2)
    return Family(
        log_density=log(w * first + (1 - w) * second) - log(2 * pi) * Rational(1, 2),
        sample={x: S.Reals},
        parameters={w: Interval.open(0, 1), m: S.Reals},
        name="normal_mixture2",
    )


def von_mises() -> Family:
    """Von Mises family on the circle, mean direction mu and concentration kappa.

    Mardia and Jupp (2000), *Directional Statistics*, section 3.5.4.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.von_mises().manifold().metric[0, 0]
    kappa*besseli(1, kappa)/besseli(0, kappa)
    """
    x, mu, kappa = symbols("x mu kappa")
    return Family(
        log_density=kappa * cos(x - mu) - log(2 * pi) - log(besseli(0, kappa)),
        sample={x: Interval.open(-pi, pi)},
        parameters={mu: Circle, kappa: _POSITIVE},
        name="von_mises",
    )
