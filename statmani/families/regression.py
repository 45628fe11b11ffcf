"""Regression families with a fixed design."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Add, Expr, Range, S, Symbol, exp, log, sympify

from statmani.errors import InvalidArgument
from statmani.family import Family

__all__ = ["logistic_regression"]


def logistic_regression(design: Sequence[int | Expr] = (-1, 0, 2)) -> Family:
    """Logistic regression of 0/1 responses on one covariate, intercept b0 and slope b1.

    Parameters
    ----------
    design : sequence of exact numbers
        Values of the covariate, one per response; at least two different ones.

    Raises
    ------
    InvalidArgument
        The design does not identify intercept and slope, or has an entry that is no exact number.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> family = sm.families.logistic_regression([-1, 1])
    >>> family.manifold().metric.subs({s: 0 for s in family.parameters}).tolist()
    [[1/2, 0], [0, 1/2]]
    """
    entries = design if isinstance(design, Sequence) else ()
    values = [sympify(v) if isinstance(v, (int, Expr)) else None for v in entries]
    if any(v is None or not v.is_Rational for v in values) or len(set(values)) < 2:
        raise InvalidArgument(
            f"logistic_regression: design must hold at least two different exact numbers, got "
            f"{design!r}. Pass for example (-1, 0, 2)."
        )
    b0, b1 = Symbol("b0"), Symbol("b1")
    ys = [Symbol(f"y{i}") for i in range(1, len(values) + 1)]
    predictors = [b0 + b1 * v for v in values]
    return Family(
        log_density=Add(*(y * t - log(1 + exp(t)) for y, t in zip(ys, predictors, strict=True))),
        sample=dict.fromkeys(ys, Range(0, 2)),
        parameters={b0: S.Reals, b1: S.Reals},
        name="logistic_regression",
    )
