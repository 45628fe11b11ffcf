"""Independent parts of a sample: their scores add, so each part is derived and checked alone.

With log p = sum_b l_b(x_b; theta) + c(theta) over disjoint groups x_b of the sample, and Z_b the
integral of exp(l_b), the scores are sums of independent centred terms. Therefore

    g_ij = sum_b Cov_b(d_i l_b, d_j l_b),   E[d_ij l s_k] = sum_b Cov_b(d_ij l_b, d_k l_b),

and T is the sum of the third central moments. No part needs to be normalised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
import sympy as sp

from statmani.declaration import Declaration
from statmani.derivatives import derivative
from statmani.expectation.context import thread_context
from statmani.expectation.evaluate import Program
from statmani.expectation.parts import independent_blocks
from statmani.expectation.quadrature import Integrator
from statmani.expectation.stable import stable_sums
from statmani.expectation.straight import straighten
from statmani.expectation.sums import Estimate, Point

__all__ = ["BlockQuadrature"]

Index = tuple[int, ...]


@final
class BlockQuadrature:
    """Numeric E[s_i], E[s_i s_j], E[s_i s_j s_k] and E[d_ij l s_k] from the definition.

    Parameters
    ----------
    declaration : Declaration
    ell : Expr
        log p.
    pairs, triples : sequence of sorted index tuples
    """

    def __init__(
        self,
        declaration: Declaration,
        ell: sp.Expr,
        pairs: Sequence[Index],
        triples: Sequence[Index],
    ) -> None:
        thetas = declaration.parameters
        straight, _ = straighten(declaration)
        if straight.variables != declaration.variables:
            declaration, ell = straight, straight.log_density
        n = len(thetas)
        self._n, self._pairs, self._triples = n, list(pairs), list(triples)
        blocks, rest = independent_blocks(ell, declaration)
        self._rest = Program([rest, *(derivative(rest, t) for t in thetas)], [])
        self._moments = [*((i,) for i in range(n)), *pairs, *triples]
        self._second = {pair: n + k for k, pair in enumerate(pairs)}
        self._connection = [
            *((m,) for m in self._second.values()),
            *((m, k) for m in self._second.values() for k in range(n)),
        ]
        self._parts: list[tuple[Integrator, Integrator]] = []
        for block in map(stable_sums, blocks):
            scores = [derivative(block.log_density, t) for t in thetas]
            second = [derivative(scores[i], thetas[j]) for i, j in pairs]
            self._parts.append(
                (
                    Integrator(block, scores, self._moments),
                    Integrator(block, [*scores, *second], [*self._moments, *self._connection]),
                )
            )
        self._dimension = max(len(b.variables) for b in blocks)

    def precise(
        self, values: Point, digits: int, mixed: Sequence[Index] = ()
    ) -> tuple[list[Any], float] | None:
        """[integral, E[s], E[ss], E[sss]] to many digits, and the change between two steps.

        Followed by E[d_ij l s_k] for (i, j, k) in ``mixed``. None where a part has several
        variables that are not discrete.
        """
        context = thread_context(digits + 12)
        rest = self._rest.bind(context, values)([])
        total, error = context.exp(rest[0]), 0.0
        wanted = [*self._moments, *((self._second[i, j], k) for i, j, k in mixed)]
        names = [*self._moments, *(self._connection if mixed else [])]
        numbers: list[Any] = [*rest[1:], *([0] * (len(wanted) - self._n))]
        for plain, full in self._parts:
            found = (full if mixed else plain).precise(values, digits)
            if found is None:
                return None
            mass = found[0][0]
            total = total * mass
            if len(self._parts) == 1:
                mass = 1
            table = dict(zip(names, (v / mass for v in found[0][1:]), strict=True))
            centred = self._centred(table, wanted)
            numbers = [a + b for a, b in zip(numbers, centred, strict=True)]
            error = max(error, found[1])
        return [total, *numbers], error

    def at(self, values: Point, mixed: Sequence[Index]) -> Estimate:
        """The same in double precision, followed by E[d_ij l s_k] for (i, j, k) in ``mixed``."""
        target = 1e-12
        wanted = [*self._moments, *((self._second[i, j], k) for i, j, k in mixed)]
        rest = [float(np.real(o)) for o in self._rest.arrays(values, [])]
        numbers = np.array([*rest[1:], *([0.0] * (len(wanted) - self._n))])
        sizes, total, error = np.abs(numbers), np.exp(rest[0]), 0.0
        random = False
        for plain, full in self._parts:
            found = (full if mixed else plain).at(values, target)
            mass = found.total
            total = total * mass
            if len(self._parts) == 1:
                mass = 1.0
            names = [*self._moments, *(self._connection if mixed else [])]
            table = dict(zip(names, found.values / mass, strict=True))
            magnitudes = dict(zip(names, found.sizes / mass, strict=True))
            numbers = numbers + np.array(self._centred(table, wanted))
            sizes = sizes + np.array([magnitudes[m] for m in wanted])
            error, random = max(error, found.error), random or found.random
        return Estimate(numbers, sizes, error, float(total), None, random)

    def _centred(self, table: dict[Index, Any], wanted: Sequence[Index]) -> list[Any]:
        """Means of single functions, central moments of products."""
        n = self._n

        def raw(*index: int) -> Any:
            return table[tuple(sorted(index)) if max(index) < n else index]

        result = []
        for index in wanted:
            if len(index) == 1:
                result.append(raw(*index))
            elif len(index) == 2:
                a, b = index
                result.append(raw(a, b) - raw(a) * raw(b))
            else:
                value = raw(*index) + 2 * raw(index[0]) * raw(index[1]) * raw(index[2])
                for a, b, c in ((0, 1, 2), (0, 2, 1), (1, 2, 0)):
                    value = value - raw(index[a], index[b]) * raw(index[c])
                result.append(value)
        return result
