"""Discrete families."""

from __future__ import annotations

from sympy import Add, Integer, Interval, Range, S, Symbol, log, loggamma, oo, symbols

from statmani.errors import InvalidArgument
from statmani.family import Family

__all__ = ["categorical", "poisson"]


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
        parameters={lam: Interval.open(0, oo)},
        name="poisson",
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
    if not isinstance(cells, int) or isinstance(cells, bool) or cells < 2:
        raise InvalidArgument(
            f"categorical: cells must be an integer of at least 2, got {cells!r}. "
            "Pass for example categorical(3)."
        )
    xs = [Symbol(f"x{i}") for i in range(1, cells)]
    ps = [Symbol(f"p{i}") for i in range(1, cells)]
    return Family(
        log_density=Add(*(x * log(p) for x, p in zip(xs, ps, strict=True)))
        + (1 - Add(*xs)) * log(1 - Add(*ps)),
        sample={x: Range(0, 2 - Add(*xs[:i])) for i, x in enumerate(xs)},
        parameters={p: Interval.open(Integer(0), 1 - Add(*ps[:i])) for i, p in enumerate(ps)},
        name="categorical",
    )
