"""The catalogue: named families, declared through the same door as a user's own.

Each function returns a :class:`statmani.Family`; none contains a hand-written tensor.
"""

from __future__ import annotations

from statmani.families.continuous import (
    beta,
    cauchy,
    gamma,
    inverse_gaussian,
    normal,
    weibull,
)
from statmani.families.discrete import categorical, poisson

__all__ = [
    "beta",
    "categorical",
    "cauchy",
    "gamma",
    "inverse_gaussian",
    "names",
    "normal",
    "poisson",
    "weibull",
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
