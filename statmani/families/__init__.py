"""The catalogue: named families, declared through the same door as a user's own.

Each function returns a :class:`statmani.Family`; none contains a hand-written tensor.
"""

from __future__ import annotations

from statmani.families.discrete import (
    bernoulli,
    binomial,
    categorical,
    geometric,
    multinomial,
    negbin,
    poisson,
    zip,
)
from statmani.families.heavy_tailed import frechet, generalized_pareto, gev, log_logistic, lomax
from statmani.families.location_scale import (
    cauchy,
    gumbel,
    laplace,
    logistic,
    normal,
    normal_mixture2,
    normal_natural,
    skew_normal,
    student_t,
    von_mises,
)
from statmani.families.multivariate import (
    bivariate_normal,
    dirichlet,
    isotropic_normal2,
    mckay_bivariate_gamma,
    multivariate_normal,
)
from statmani.families.positive import (
    beta_prime,
    chi2,
    exponential_rate,
    gamma,
    generalized_gamma,
    half_normal,
    inverse_gamma,
    inverse_gaussian,
    levy,
    lognormal,
    maxwell,
    nakagami,
    rayleigh,
    weibull,
)
from statmani.families.regression import logistic_regression
from statmani.families.unit_interval import beta, kumaraswamy, power_function

__all__ = [
    "bernoulli",
    "beta",
    "beta_prime",
    "binomial",
    "bivariate_normal",
    "categorical",
    "cauchy",
    "chi2",
    "dirichlet",
    "exponential_rate",
    "frechet",
    "gamma",
    "generalized_gamma",
    "generalized_pareto",
    "geometric",
    "gev",
    "gumbel",
    "half_normal",
    "inverse_gamma",
    "inverse_gaussian",
    "isotropic_normal2",
    "kumaraswamy",
    "laplace",
    "levy",
    "log_logistic",
    "logistic",
    "logistic_regression",
    "lognormal",
    "lomax",
    "maxwell",
    "mckay_bivariate_gamma",
    "multinomial",
    "multivariate_normal",
    "nakagami",
    "names",
    "negbin",
    "normal",
    "normal_mixture2",
    "normal_natural",
    "poisson",
    "power_function",
    "rayleigh",
    "skew_normal",
    "student_t",
    "von_mises",
    "weibull",
    "zip",
]


def names() -> tuple[str, ...]:
    """The names of the catalogue's families, sorted.

    Examples
    --------
    >>> import statmani as sm
    >>> "weibull" in sm.families.names()
    True
    """
    return tuple(name for name in __all__ if name != "names")
