"""The Kullback-Leibler divergence gives g and the connections of orders 1, -1 (Eguchi 1983)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations_with_replacement
from typing import Any

import sympy as sp

from statmani.errors import StatmaniError
from statmani.expectation.deadline import run_bounded
from statmani.expectation.equivariant import IDENTIFIED
from statmani.geometry.manifold import StatisticalManifold
from statmani.inference.divergence import kl_divergence
from statmani.laws.judge import Clock, TimeOver, compare, run
from statmani.laws.published import Published
from statmani.laws.record import Law
from statmani.laws.scores import Equation, Scores
from statmani.laws.view import View

__all__ = ["kl_connections", "kl_metric"]

_UNDER_THE_INTEGRAL = "derivatives of the divergence taken under the integral"
_CLOSED = "from the closed form of the divergence"
Component = tuple[tuple[int, ...], Any, sp.Expr]


def kl_metric(family: Any, published: Published, scores: Scores, clock: Clock) -> Law:
    """Second derivatives at p = q, in each pair of arguments."""
    name, statement = "divergence metric", "g_ij = d'_i d'_j KL = -d_i d'_j KL at p = q"
    manifold = published.manifold
    n = range(manifold.dim)

    def sides(kl: _Divergence) -> Iterator[Component]:
        for i, j in combinations_with_replacement(n, 2):
            g = manifold.geometry.metric[i][j]
            yield (i, j), (g,), kl.slope((), (i, j))
            yield (i, j), (g,), kl.slope((i, j), ())
            yield (i, j), (g,), -kl.slope((i,), (j,))
            yield (i, j), (g,), -kl.slope((j,), (i,))

    pairs = list(combinations_with_replacement(n, 2))
    equations = [e for p in pairs for e in (published.hessian(*p), published.metric(*p))]
    return _law(family, manifold, scores, clock, name, statement, sides, equations, third=False)


def kl_connections(family: Any, published: Published, scores: Scores, clock: Clock) -> Law:
    """Third derivatives: the connections of orders -1 and 1, and T as their difference."""
    name = "divergence connections"
    statement = "Gamma^(-1)_ij,k = -d_i d_j d'_k KL, Gamma^(1)_ij,k = -d'_i d'_j d_k KL at p = q"
    manifold = published.manifold
    n = range(manifold.dim)
    mixture, exponential = (View(manifold.connection(a)) for a in (-1, 1))
    indices = [(i, j, k) for i, j in combinations_with_replacement(n, 2) for k in n]

    def sides(kl: _Divergence) -> Iterator[Component]:
        for i, j, k in indices:
            one = mixture.own("christoffel_first", i, j, k)
            other = exponential.own("christoffel_first", i, j, k)
            yield (i, j, k), one, -kl.slope((i, j), (k,))
            yield (i, j, k), other, -kl.slope((k,), (i, j))
            yield (
                (i, j, k),
                mixture.total([one], [other]),
                (kl.slope((k,), (i, j)) - kl.slope((i, j), (k,))),
            )

    equations = [
        e for index in indices for e in (published.mixture(*index), published.exponential(*index))
    ]
    return _law(family, manifold, scores, clock, name, statement, sides, equations, third=True)


class _Divergence:
    """Derivatives of the closed form at p = q."""

    def __init__(self, family: Any) -> None:
        self._p = family.parameters
        self._q = tuple(s.as_dummy() for s in self._p)
        # Without integration as a last resort: derivatives under the integral do as well.
        found = kl_divergence(family, self._p, self._q, effort=0.0)
        #: Whether its constants were proved, not identified from their digits.
        self.is_proved = found.certificate is None or all(
            IDENTIFIED not in strategy for _, strategy in found.certificate.strategies
        )
        #: Whether one expression holds on both sides of p = q; a case p = q has no slopes there.
        self.is_one_piece = not found.value.has(sp.Piecewise)
        self._value = found.value
        self._back = dict(zip(self._q, self._p, strict=True))

    def slope(self, left: tuple[int, ...], right: tuple[int, ...]) -> sp.Expr:
        """The derivative by p of `left` and by q of `right`."""
        value = self._value
        for i in left:
            value = value.diff(self._p[i])
        for i in right:
            value = value.diff(self._q[i])
        return value.xreplace(self._back)


def _law(
    family: Any,
    manifold: StatisticalManifold,
    scores: Scores,
    clock: Clock,
    name: str,
    statement: str,
    sides: Callable[[_Divergence], Iterator[Component]],
    equations: list[Equation],
    *,
    third: bool,
) -> Law:
    view = View(manifold.levi_civita)

    def exact(clock: Clock) -> Law | None:
        try:
            kl = run_bounded(lambda _: _Divergence(family), clock.seconds, None, processor=True)
            if not (kl.is_proved and kl.is_one_piece):
                return None
            converted = []
            for index, poly, value in sides(kl):
                clock.tick()
                if not value.has(sp.nan, sp.zoo, sp.oo):
                    converted.append((index, poly, (view.ring.convert(value),)))
            if not converted:
                return None
            return compare(view, name, statement, converted, clock, _CLOSED)
        except (StatmaniError, TimeOver, ZeroDivisionError):
            return None

    def law(clock: Clock) -> Law:
        # At a kink the divergence has two derivatives, and of the third only one-sided ones.
        kinked = scores.quadratures.moving_kinks
        found = exact(clock) if not (kinked and third) else None
        if found is not None and (found.status == "proved" or not (found.holds or kinked)):
            return found
        found = scores.law(name, statement, equations, clock, smooth=True)
        if not found.holds:
            return found
        return replace(found, explanation=f"{_UNDER_THE_INTEGRAL}: {found.explanation}")

    return run(clock, name, statement, law)
