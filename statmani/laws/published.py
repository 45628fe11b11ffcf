"""Published tensors of a manifold beside the expectations that define them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any, final

import sympy as sp

from statmani.expectation.context import thread_context
from statmani.expectation.evaluate import Program
from statmani.expectation.expectation import Expectation
from statmani.expectation.together import Together
from statmani.geometry.manifold import StatisticalManifold
from statmani.laws.closed import ClosedMoments
from statmani.laws.numbers import Numbers
from statmani.laws.scores import Equation, Scores

__all__ = ["Published", "natural_scale"]

#: How well values of unevaluated expectations are known at best.
_OPEN = 1e-8
#: Errors are estimates.
_CAUTION = 100.0


@final
class Published:
    """The tensors of a manifold as functions of a family's internal symbols."""

    def __init__(self, manifold: StatisticalManifold, scores: Scores) -> None:
        self.manifold, self._scores = manifold, scores
        self._known: dict[tuple[Any, ...], list[Any]] = {}
        scores.floor = _OPEN if self.is_open else 0.0

    @cached_property
    def is_open(self) -> bool:
        """Whether an entry contains an unevaluated expectation."""
        n = range(self.manifold.dim)
        g, t = self.manifold.metric, self.manifold.skewness
        entries = [g[i, j] for i in n for j in n[i:]]
        entries += [t[index] for index in combinations_with_replacement(n, 3)]
        return any(e.has(Expectation) for e in entries)

    def closed(self, name: str, index: tuple[int, ...]) -> sp.Expr:
        """One component in internal symbols."""
        M = self.manifold
        if name == "metric":
            value = M.metric[index]
        elif name == "skewness":
            value = M.skewness[index]
        else:
            value = M.connection(1 if name == "exponential" else -1).christoffel_first[index]
        found: sp.Expr = self._scores.whole.internal(value)
        return found

    def numeric(self, name: str, index: tuple[int, ...], numbers: Numbers) -> Any:
        """One component at a point."""
        key = (name, index, numbers.point)
        if key not in self._known:
            expression, values = self.closed(name, index), dict(numbers.point)
            if expression.has(Expectation):
                self._known[key], error = Together([expression]).at(values)
                self._scores.floor = max(self._scores.floor, _CAUTION * error)
            else:
                self._known[key] = Program([expression], []).bind(thread_context(40), values)([])
        return self._known[key][0]

    def entry(
        self,
        name: str,
        index: tuple[int, ...],
        closed: Callable[[ClosedMoments], sp.Expr],
        numeric: Callable[[Numbers], Any],
    ) -> Equation:
        """A component against an expectation of one observation."""
        count = self._scores.count

        def both(m: Numbers) -> tuple[Any, Any, Any]:
            times = count.xreplace(dict(m.point))
            factor = thread_context(40).mpf(int(times.p)) / int(times.q)
            left = self.numeric(name, index, m)
            return left, numeric(m) * factor, natural_scale(m, *index) * factor

        return Equation(index, lambda c: (self.closed(name, index), count * closed(c)), both)

    def metric(self, i: int, j: int) -> Equation:
        """g_ij = E[s_i s_j]."""
        return self.entry("metric", (i, j), lambda c: c.product(i, j), lambda m: m.products[i, j])

    def hessian(self, i: int, j: int) -> Equation:
        """g_ij = -E[d_ij l]."""
        return self.entry("metric", (i, j), lambda c: -c.second(i, j), lambda m: -m.slopes[i, j])

    def skewness(self, i: int, j: int, k: int) -> Equation:
        """T_ijk = E[s_i s_j s_k]."""
        return self.entry(
            "skewness", (i, j, k), lambda c: c.product(i, j, k), lambda m: m.products[i, j, k]
        )

    def exponential(self, i: int, j: int, k: int) -> Equation:
        """Gamma^(1)_ij,k = E[d_ij l s_k]."""
        return self.entry(
            "exponential", (i, j, k), lambda c: c.mixed(i, j, k), lambda m: m.mixed[i, j, k]
        )

    def mixture(self, i: int, j: int, k: int) -> Equation:
        """Gamma^(-1)_ij,k = E[(d_ij l + s_i s_j) s_k]."""
        a, b, d = sorted((i, j, k))
        return self.entry(
            "mixture",
            (i, j, k),
            lambda c: c.mixed(i, j, k) + c.product(a, b, d),
            lambda m: m.mixed[i, j, k] + m.products[a, b, d],
        )


def natural_scale(numbers: Numbers, *index: int) -> Any:
    """The product of the roots of the diagonal of E[s s]."""
    size: Any = 1
    for i in index:
        size = size * abs(numbers.products[i, i]) ** 0.5
    return size
