"""Tensors without closed form: unevaluated expectations where no identity gives more."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import sympy as sp

from statmani.declaration import Declaration
from statmani.errors import IntractableExpectation
from statmani.expectation.expectation import Expectation, unevaluated
from statmani.expectation.exponential import Tensors
from statmani.expectation.law import law_of

__all__ = ["OPEN", "entry_strategies", "is_open", "open_tensors", "working_digits"]

#: Strategy of an entry that contains unevaluated expectations.
OPEN = "expectation"
_IDENTITIES = "identities of Bartlett"


def open_tensors(declaration: Declaration, failure: IntractableExpectation) -> Tensors:
    """g and T from expectations of products of scores.

    Parameters
    ----------
    declaration : Declaration
    failure : IntractableExpectation
        Why there is no closed form; raised again when the scores jump where a parameter moves
        the jump, because derivatives of the tensors would then lack delta terms.

    Raises
    ------
    IntractableExpectation
    """
    law = law_of(declaration)
    n = len(declaration.parameters)
    scores = [law.derivative((i,)) for i in range(n)]
    if law.jumps(sp.Tuple(*scores)):
        raise IntractableExpectation(
            f"{failure} An unevaluated expectation is refused too: the score has a kink whose "
            "place moves with a parameter, so derivatives of the tensors contain delta terms that "
            "the almost-everywhere derivatives of the density lack."
        ) from failure
    one = sp.Integer(1)
    metric = sp.zeros(n, n)
    for i, j in itertools.combinations_with_replacement(range(n), 2):
        metric[i, j] = metric[j, i] = unevaluated(declaration, one, ((i,), (j,)))
    skewness = {
        (i, j, k): unevaluated(declaration, one, ((i,), (j,), (k,)))
        for i, j, k in itertools.combinations_with_replacement(range(n), 3)
    }
    return sp.ImmutableMatrix(metric), skewness


def is_open(expressions: Iterable[sp.Expr]) -> bool:
    """Whether an unevaluated expectation occurs."""
    return any(e.has(Expectation) for e in expressions)


def working_digits(expressions: Iterable[sp.Expr], default: int) -> int:
    """Digits for numeric checks that do not ask too much of quadrature."""
    atoms = set().union(*(sp.sympify(e).atoms(Expectation) for e in expressions))
    return min((a.guard_digits for a in atoms), default=default)


def entry_strategies(
    strategies: tuple[tuple[str, str], ...],
    metric: sp.ImmutableMatrix,
    skewness: dict[tuple[int, int, int], sp.Expr],
) -> tuple[tuple[str, str], ...]:
    """The strategies of entries when some are unevaluated, entry by entry."""
    n = metric.shape[0]
    values = [metric[i, j] for i, j in itertools.combinations_with_replacement(range(n), 2)]
    values += [
        skewness.get((i, j, k), sp.Integer(0))
        for i, j, k in itertools.combinations_with_replacement(range(n), 3)
    ]
    if not is_open(values):
        return strategies
    return tuple(
        (entry, strategy.replace(OPEN, OPEN if value.has(Expectation) else _IDENTITIES, 1))
        for (entry, strategy), value in zip(strategies, values, strict=True)
    )
