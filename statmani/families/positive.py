"""Families on the half line: of the gamma and Weibull kind, and of the normal kind.

Parametrizations follow Johnson, Kotz and Balakrishnan, *Continuous Univariate Distributions*,
volumes 1 (1994) and 2 (1995), unless a docstring says otherwise.
"""

from __future__ import annotations

from sympy import Interval, log, loggamma, oo, pi, symbols

from statmani.family import Family

__all__ = [
    "beta_prime",
    "chi2",
    "exponential_rate",
    "gamma",
    "generalized_gamma",
    "half_normal",
    "inverse_gamma",
    "inverse_gaussian",
    "levy",
    "lognormal",
    "maxwell",
    "nakagami",
    "rayleigh",
    "weibull",
]

_POSITIVE = Interval.open(0, oo)


def exponential_rate() -> Family:
    """Exponential family of waiting times, rate lam.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.exponential_rate().manifold().metric
    Matrix([[lam**(-2)]])
    """
    x, lam = symbols("x lam")
    return Family(
        log_density=log(lam) - lam * x,
        sample={x: _POSITIVE},
        parameters={lam: _POSITIVE},
        name="exponential_rate",
    )


def rayleigh() -> Family:
    """Rayleigh family, scale sigma.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.rayleigh().manifold().metric
    Matrix([[4/sigma**2]])
    """
    x, sigma = symbols("x sigma")
    return Family(
        log_density=log(x) - 2 * log(sigma) - x**2 / (2 * sigma**2),
        sample={x: _POSITIVE},
        parameters={sigma: _POSITIVE},
        name="rayleigh",
    )


def half_normal() -> Family:
    """Half normal family: the absolute value of N(0, sigma^2).

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.half_normal().manifold().metric
    Matrix([[2/sigma**2]])
    """
    x, sigma = symbols("x sigma")
    return Family(
        log_density=log(2 / pi) / 2 - log(sigma) - x**2 / (2 * sigma**2),
        sample={x: _POSITIVE},
        parameters={sigma: _POSITIVE},
        name="half_normal",
    )


def chi2() -> Family:
    """Chi-squared family, degrees of freedom nu > 0.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.chi2().manifold().metric
    Matrix([[polygamma(1, nu/2)/4]])
    """
    x, nu = symbols("x nu")
    return Family(
        log_density=(nu / 2 - 1) * log(x) - x / 2 - nu / 2 * log(2) - loggamma(nu / 2),
        sample={x: _POSITIVE},
        parameters={nu: _POSITIVE},
        name="chi2",
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


def inverse_gamma() -> Family:
    """Inverse gamma family, shape a and scale b: b over a gamma variable of shape a.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.inverse_gamma().manifold().metric.tolist()
    [[polygamma(1, a), -1/b], [-1/b, a/b**2]]
    """
    x, a, b = symbols("x a b")
    return Family(
        log_density=a * log(b) - loggamma(a) - (a + 1) * log(x) - b / x,
        sample={x: _POSITIVE},
        parameters={a: _POSITIVE, b: _POSITIVE},
        name="inverse_gamma",
    )


def generalized_gamma() -> Family:
    """Generalized gamma family, scale a, shapes d and p (Stacy 1962).

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.generalized_gamma().manifold().metric[0, 0]
    d*p/a**2
    """
    x, a, d, p = symbols("x a d p")
    return Family(
        log_density=log(p) - d * log(a) - loggamma(d / p) + (d - 1) * log(x) - (x / a) ** p,
        sample={x: _POSITIVE},
        parameters={a: _POSITIVE, d: _POSITIVE, p: _POSITIVE},
        name="generalized_gamma",
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


def nakagami() -> Family:
    """Nakagami family, shape m and mean square Omega (Nakagami 1960).

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.nakagami().manifold().metric[1, 1]
    m/Omega**2
    """
    x, m, Omega = symbols("x m Omega")
    return Family(
        log_density=log(2)
        + m * log(m / Omega)
        - loggamma(m)
        + (2 * m - 1) * log(x)
        - m * x**2 / Omega,
        sample={x: _POSITIVE},
        parameters={m: _POSITIVE, Omega: _POSITIVE},
        name="nakagami",
    )


def lognormal() -> Family:
    """Lognormal family: log x is normal with mean mu and standard deviation sigma.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.lognormal().manifold().levi_civita.scalar_curvature
    -1
    """
    x, mu, sigma = symbols("x mu sigma")
    return Family(
        log_density=-log(x) - log(sigma) - log(2 * pi) / 2 - (log(x) - mu) ** 2 / (2 * sigma**2),
        sample={x: _POSITIVE},
        parameters={mu: Interval.open(-oo, oo), sigma: _POSITIVE},
        name="lognormal",
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


def maxwell() -> Family:
    """Maxwell family of speeds, scale sigma.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.maxwell().manifold().metric
    Matrix([[6/sigma**2]])
    """
    x, sigma = symbols("x sigma")
    return Family(
        log_density=log(2 / pi) / 2 + 2 * log(x) - 3 * log(sigma) - x**2 / (2 * sigma**2),
        sample={x: _POSITIVE},
        parameters={sigma: _POSITIVE},
        name="maxwell",
    )


def levy() -> Family:
    """Levy family of first passage times, scale c.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.levy().manifold().metric
    Matrix([[1/(2*c**2)]])
    """
    x, c = symbols("x c")
    return Family(
        log_density=log(c / (2 * pi)) / 2 - 3 * log(x) / 2 - c / (2 * x),
        sample={x: _POSITIVE},
        parameters={c: _POSITIVE},
        name="levy",
    )


def beta_prime() -> Family:
    """Beta prime family (beta of the second kind), shapes a and b.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.beta_prime().manifold().metric[0, 1]
    -polygamma(1, a + b)
    """
    x, a, b = symbols("x a b")
    return Family(
        log_density=(a - 1) * log(x)
        - (a + b) * log(1 + x)
        + loggamma(a + b)
        - loggamma(a)
        - loggamma(b),
        sample={x: _POSITIVE},
        parameters={a: _POSITIVE, b: _POSITIVE},
        name="beta_prime",
    )
