"""Discrete families.

Parametrizations follow Johnson, Kemp and Kotz, *Univariate Discrete Distributions* (2005), and
Johnson, Kotz and Balakrishnan, *Discrete Multivariate Distributions* (1997).
"""

from __future__ import annotations

from sympy import (
    Add,
    Eq,
    Expr,
    Integer,
    Interval,
    Piecewise,
    Range,
    S,
    Symbol,
    exp,
    factorial,
    log,
    loggamma,
    oo,
    symbols,
    sympify,
)
from sympy import (
    binomial as choose,
)

from statmani.errors import InvalidArgument
from statmani.families.sizes import require_size
from statmani.family import Family

__all__ = [
    "bernoulli",
    "binomial",
    "categorical",
    "geometric",
    "multinomial",
    "negbin",
    "poisson",
    "zip",
]

_POSITIVE = Interval.open(0, oo)
_UNIT = Interval.open(0, 1)


def bernoulli() -> Family:
    """Bernoulli family, probability p of one.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.bernoulli().manifold().metric.applyfunc(lambda e: e.factor())
    Matrix([[-1/(p*(p - 1))]])
    """
    x, p = symbols("x p")
    return Family(
        log_density=x * log(p) + (1 - x) * log(1 - p),
        sample={x: Range(0, 2)},
        parameters={p: _UNIT},
        name="bernoulli",
    )


def binomial(n: int | Symbol) -> Family:
    """Binomial family of n trials, probability p.

    Parameters
    ----------
    n : int or Symbol
        Number of trials, at least 1; a Symbol stays a constant of the family.

    Raises
    ------
    InvalidArgument
        `n` is neither a Symbol nor an integer of at least 1.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.binomial(7).manifold().metric.applyfunc(lambda e: e.factor())
    Matrix([[-7/(p*(p - 1))]])
    """
    trials = n if isinstance(n, Symbol) else Integer(require_size(n, 1, "binomial", "n"))
    x, p = symbols("x p")
    return Family(
        log_density=log(choose(trials, x)) + x * log(p) + (trials - x) * log(1 - p),
        sample={x: Range(0, trials + 1)},
        parameters={p: _UNIT},
        constants=[n] if isinstance(n, Symbol) else (),
        name="binomial" if isinstance(n, Symbol) else f"binomial({n})",
    )


def geometric() -> Family:
    """Geometric family: failures before the first success of probability p.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.geometric().manifold().metric.applyfunc(lambda e: e.factor())
    Matrix([[-1/(p**2*(p - 1))]])
    """
    x, p = symbols("x p")
    return Family(
        log_density=log(p) + x * log(1 - p),
        sample={x: S.Naturals0},
        parameters={p: _UNIT},
        name="geometric",
    )


def poisson() -> Family:
    """Poisson family, mean lam.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.poisson().manifold().metric
    Matrix([[1/lam]])
    """
    x, lam = symbols("x lam")
    return Family(
        log_density=x * log(lam) - lam - loggamma(x + 1),
        sample={x: S.Naturals0},
        parameters={lam: _POSITIVE},
        name="poisson",
    )


def negbin(r: int | Expr | None = None) -> Family:
    """Negative binomial family: failures before success number r, of probability p.

    Parameters
    ----------
    r : int or Rational, optional
        A fixed number of successes; left out, r is the first parameter.

    Raises
    ------
    InvalidArgument
        `r` is no positive exact number.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> sm.families.negbin(sp.Rational(5, 2)).manifold().metric.applyfunc(lambda e: e.factor())
    Matrix([[-5/(2*p**2*(p - 1))]])
    """
    x, free, p = symbols("x r p")
    size: Expr = free
    if r is not None:
        size = sympify(r) if isinstance(r, (int, Expr)) else Integer(0)
        if isinstance(r, bool) or not (size.is_Rational and size > 0):
            raise InvalidArgument(
                f"negbin: r must be a positive int or sympy Rational, got {r!r}. "
                "Leave it out to make r a parameter."
            )
    return Family(
        log_density=loggamma(x + size)
        - loggamma(x + 1)
        - loggamma(size)
        + size * log(p)
        + x * log(1 - p),
        sample={x: S.Naturals0},
        parameters={p: _UNIT} if r is not None else {free: _POSITIVE, p: _UNIT},
        name="negbin" if r is None else f"negbin({r})",
    )


def zip() -> Family:
    """Zero-inflated Poisson family, extra mass w at zero and mean lam (Lambert 1992).

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.zip().manifold().levi_civita.scalar_curvature
    1/2
    """
    x, w, lam = symbols("x w lam")
    return Family(
        log_density=Piecewise(
            (log(w + (1 - w) * exp(-lam)), Eq(x, 0)),
            (log(1 - w) + x * log(lam) - lam - loggamma(x + 1), True),
        ),
        sample={x: S.Naturals0},
        parameters={w: _UNIT, lam: _POSITIVE},
        name="zip",
    )


def categorical(cells: int) -> Family:
    """Categorical family, the probabilities of all cells but the last as parameters.

    The sample is the vector of indicators (x1, ..., x_{cells-1}).

    Parameters
    ----------
    cells : int
        At least 2.

    Raises
    ------
    InvalidArgument
        `cells` is no integer of at least 2.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.categorical(3).manifold().levi_civita.scalar_curvature
    1/2
    """
    require_size(cells, 2, "categorical", "cells")
    return _counts(1, cells, "categorical")


def multinomial(n: int, cells: int) -> Family:
    """Multinomial family of n trials, the probabilities of all cells but the last as parameters.

    The sample is the vector of counts (x1, ..., x_{cells-1}).

    Parameters
    ----------
    n : int
        Trials, at least 1.
    cells : int
        At least 2.

    Raises
    ------
    InvalidArgument
        A size is too small or no integer.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.families.multinomial(4, 3).manifold().levi_civita.scalar_curvature
    1/8
    """
    require_size(n, 1, "multinomial", "n")
    require_size(cells, 2, "multinomial", "cells")
    return _counts(n, cells, "multinomial")


def _counts(n: int, cells: int, name: str) -> Family:
    xs = [Symbol(f"x{i}") for i in range(1, cells)]
    ps = [Symbol(f"p{i}") for i in range(1, cells)]
    rest = n - Add(*xs)
    orders = Add(*(loggamma(x + 1) for x in (*xs, rest))) if n > 1 else Integer(0)
    cell_terms = Add(*(xs[i] * log(ps[i]) for i in range(cells - 1)))
    return Family(
        log_density=log(factorial(n)) - orders + cell_terms + rest * log(1 - Add(*ps)),
        sample={x: Range(0, n + 1 - Add(*xs[:i])) for i, x in enumerate(xs)},
        parameters={p: Interval.open(Integer(0), 1 - Add(*ps[:i])) for i, p in enumerate(ps)},
        name=name,
    )
