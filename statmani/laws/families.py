"""The laws of a family: its score, its tensors against their definitions, then its manifold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations_with_replacement, product
from typing import Any

import sympy as sp

from statmani.declaration import Declaration
from statmani.errors import InvalidArgument, StatmaniError
from statmani.geometry.manifold import StatisticalManifold
from statmani.laws import charted, connections, curvatures, tensors
from statmani.laws.closed import ClosedMoments
from statmani.laws.divergences import kl_connections, kl_metric
from statmani.laws.judge import Clock, run
from statmani.laws.masses import normalisation
from statmani.laws.natural import expectation_flatness, full_rank, natural_flatness
from statmani.laws.numbers import Numbers
from statmani.laws.published import Published, natural_scale
from statmani.laws.record import Law
from statmani.laws.scores import Equation, Scores

__all__ = ["family_laws", "tensor_laws"]

_POINTS = 2


def score_laws(scores: Scores, clock: Clock) -> list[Law]:
    """Zero mean, and Bartlett's identities."""
    n = range(len(scores.one.parameters))
    pairs = list(combinations_with_replacement(n, 2))
    triples = list(combinations_with_replacement(n, 3))

    def first(i: int) -> Equation:
        return Equation(
            (i,),
            lambda c: (c.score(i), sp.S.Zero),
            lambda m: (m.scores[i,], 0, natural_scale(m, i)),
        )

    def second(i: int, j: int) -> Equation:
        return Equation(
            (i, j),
            lambda c: (c.second(i, j), -c.product(i, j)),
            lambda m: (m.slopes[i, j], -m.products[i, j], natural_scale(m, i, j)),
        )

    def third(i: int, j: int, k: int) -> Equation:
        turns = ((i, j, k), (i, k, j), (j, k, i))

        def closed(c: ClosedMoments) -> tuple[sp.Expr, sp.Expr]:
            return c.third(i, j, k) + sp.Add(*(c.mixed(*t) for t in turns)), -c.product(i, j, k)

        def numeric(m: Numbers) -> tuple[Any, Any, Any]:
            parts = [m.slopes[i, j, k], *(m.mixed[t] for t in turns)]
            size = sum(abs(p) for p in parts) + natural_scale(m, i, j, k)
            return sum(parts[1:], parts[0]), -m.products[i, j, k], size

        return Equation((i, j, k), closed, numeric)

    rows: list[tuple[str, str, list[Equation], bool]] = [
        ("zero-mean score", "E[s_i] = 0", [first(i) for i in n], False),
        (
            "second Bartlett identity",
            "E[d_ij l] = -E[s_i s_j]",
            [second(*p) for p in pairs],
            True,
        ),
        (
            "third Bartlett identity",
            "E[d_ijk l + d_ij l s_k + d_ik l s_j + d_jk l s_i] = -E[s_i s_j s_k]",
            [third(*t) for t in triples],
            True,
        ),
    ]
    return [
        run(clock, name, statement, _law(scores, name, statement, equations, smooth))
        for name, statement, equations, smooth in rows
    ]


def _law(
    scores: Scores, name: str, statement: str, equations: list[Equation], smooth: bool
) -> Callable[[Clock], Law]:
    return lambda clock: scores.law(name, statement, equations, clock, smooth=smooth)


def definition_laws(published: Published, scores: Scores, clock: Clock) -> list[Law]:
    """Metric, skewness and the two connections against their definitions."""
    n = range(len(scores.one.parameters))
    pairs = list(combinations_with_replacement(n, 2))
    triples = list(combinations_with_replacement(n, 3))
    mixed = [(i, j, k) for (i, j), k in product(pairs, n)]
    rows: list[tuple[str, str, list[Equation], bool]] = [
        ("Fisher metric", "g_ij = E[s_i s_j]", [published.metric(*p) for p in pairs], False),
        ("expected Hessian", "g_ij = -E[d_ij l]", [published.hessian(*p) for p in pairs], True),
        (
            "skewness tensor",
            "T_ijk = E[s_i s_j s_k]",
            [published.skewness(*t) for t in triples],
            False,
        ),
        (
            "exponential connection",
            "Gamma^(1)_ij,k = E[d_ij l s_k]",
            [published.exponential(*m) for m in mixed],
            True,
        ),
        (
            "mixture connection",
            "Gamma^(-1)_ij,k = E[(d_ij l + s_i s_j) s_k]",
            [published.mixture(*m) for m in mixed],
            True,
        ),
    ]
    return [
        run(clock, name, statement, _law(scores, name, statement, equations, smooth))
        for name, statement, equations, smooth in rows
    ]


def _scores(declaration: Declaration, effort: float) -> Scores:
    return Scores(declaration, max(1, round(_POINTS * effort)))


def tensor_laws(
    manifold: StatisticalManifold, declaration: Declaration, clock: Clock, effort: float
) -> list[Law]:
    """Hand-written g and T against the definitions of a family.

    Raises
    ------
    InvalidArgument
        The coordinates are not the family's parameters.
    """
    names = tuple(declaration.external(list(declaration.parameters)))
    if manifold.coordinates != names:
        raise InvalidArgument(
            f"check: the manifold has the coordinates {manifold.coordinates}, the family the "
            f"parameters {names}. Write the metric in the symbols family.parameters, in order."
        )
    scores = _scores(declaration, effort)
    return definition_laws(Published(manifold, scores), scores, clock)


def family_laws(family: Any, clock: Clock, effort: float) -> list[Law]:
    """All laws of a family; those of its manifold do not apply where it has none."""
    from statmani.laws.checking import manifold_laws

    scores = _scores(family.declaration, effort)
    found = [normalisation(scores, clock), *score_laws(scores, clock)]
    try:
        manifold = family.manifold()
    except StatmaniError as failure:
        return found + [
            Law(name, statement, "not applicable", explanation=f"no manifold: {failure}")
            for name, statement in _geometric_names()
        ]
    published = Published(manifold, scores)
    found += definition_laws(published, scores, clock)
    found += [
        kl_metric(family, published, scores, clock),
        kl_connections(family, published, scores, clock),
        natural_flatness(manifold, scores, clock),
        expectation_flatness(manifold, scores, clock),
    ]
    for law in manifold_laws(manifold, clock):
        if law.name == "metric positivity" and law.status == "verified":
            law = full_rank(law, manifold, scores, clock)
        found.append(law)
    return found


def _geometric_names() -> Iterator[tuple[str, str]]:
    for table in (tensors.LAWS, connections.LAWS, curvatures.LAWS):
        for name, statement, _ in table:
            yield name, statement
    yield charted.JEFFREYS[:2]
