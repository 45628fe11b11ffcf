"""Tensors without closed form: unevaluated expectations where no identity gives more."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sympy as sp

from statmani.declaration import Declaration
from statmani.errors import IntractableExpectation
from statmani.expectation.expectation import Expectation, unevaluated
from statmani.expectation.exponential import Tensors
from statmani.expectation.law import law_of

__all__ = [
    "IDENTITIES",
    "OPEN",
    "entry_strategies",
    "is_open",
    "open_tensors",
    "product_of_scores",
    "refuse_kinks",
    "working_digits",
]

#: Strategy of an entry that contains unevaluated expectations.
OPEN = "expectation"
#: Strategy of an entry that identities between expectations give.
IDENTITIES = "identities of Bartlett"


def refuse_kinks(declaration: Declaration, failure: IntractableExpectation) -> None:
    """Refuse unevaluated expectations whose derivatives would lack delta terms.

    Parameters
    ----------
    declaration : Declaration
    failure : IntractableExpectation
        Why there is no closed form; its text is part of the refusal.

    Raises
    ------
    IntractableExpectation
    """
    law = law_of(declaration)
    scores = [law.derivative((i,)) for i in range(len(declaration.parameters))]
    if law.jumps(sp.Tuple(*scores)):
        raise IntractableExpectation(
            f"{failure} An unevaluated expectation is refused too: the score has a kink whose "
            "place moves with a parameter, so derivatives of the tensors contain delta terms that "
            "the almost-everywhere derivatives of the density lack."
        ) from failure


def open_tensors(declaration: Declaration, failure: IntractableExpectation) -> Tensors:
    """g and T from expectations of products of scores alone.

    Parameters
    ----------
    declaration : Declaration
    failure : IntractableExpectation
        Part of the refusal when a moving kink forbids them.

    Raises
    ------
    IntractableExpectation
    """
    refuse_kinks(declaration, failure)
    n = len(declaration.parameters)
    metric = sp.zeros(n, n)
    for i, j in itertools.combinations_with_replacement(range(n), 2):
        metric[i, j] = metric[j, i] = product_of_scores(declaration, (i, j))
    skewness = {
        index: product_of_scores(declaration, index)
        for index in itertools.combinations_with_replacement(range(n), 3)
    }
    return sp.ImmutableMatrix(metric), skewness


def product_of_scores(declaration: Declaration, index: Sequence[int]) -> sp.Expr:
    """E[s_i s_j ...], unevaluated where no identity gives more."""
    return unevaluated(declaration, sp.Integer(1), tuple((i,) for i in index))


def is_open(expressions: Iterable[sp.Expr]) -> bool:
    """Whether an unevaluated expectation occurs."""
    return any(e.has(Expectation) for e in expressions)


def working_digits(expressions: Iterable[sp.Expr], default: int) -> int:
    """Digits for numeric checks that do not ask too much of quadrature."""
    atoms = set().union(*(sp.sympify(e).atoms(Expectation) for e in expressions))
    return min((a.guard_digits for a in atoms), default=default)


def entry_strategies(
    strategies: Mapping[tuple[int, ...], str],
    metric: sp.ImmutableMatrix,
    skewness: Mapping[Any, sp.Expr],
    jacobian: sp.ImmutableMatrix | None = None,
) -> tuple[tuple[str, str], ...]:
    """Pairs (entry, strategy) for a certificate.

    Parameters
    ----------
    strategies : mapping
        Of the entries that were derived.
    metric, skewness
        The entries that are returned.
    jacobian : ImmutableMatrix, optional
        When those come from linear combinations of the parameters.
    """
    n = metric.shape[0]
    pairs = []
    for order, label in ((2, "g"), (3, "T")):
        for index in itertools.combinations_with_replacement(range(n), order):
            value = metric[index] if order == 2 else skewness.get(index, sp.Integer(0))
            used = [strategies[index]]
            if jacobian is not None:
                used = [
                    strategies[tuple(sorted(rows))]
                    for rows in itertools.product(range(n), repeat=order)
                    if all(jacobian[a, i] != 0 for a, i in zip(rows, index, strict=True))
                ]
            if value.has(Expectation):
                text = next((s for s in used if OPEN in s), OPEN)
            else:
                text = "; ".join(dict.fromkeys(s for s in used if s != OPEN)) or IDENTITIES
            if jacobian is not None:
                text += ", in linear combinations of the parameters"
            pairs.append((f"{label}[{','.join(map(str, index))}]", text))
    return tuple(pairs)
