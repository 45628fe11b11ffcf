"""Sums over the integers to many digits, of few terms or of smooth ones.

A long sum of smooth terms is cut into blocks, and each block is summed by the Gauss rule of its
counting measure, whose orthogonal polynomials are those of Gram (Szego 1975, section 2.8):
monic, about the centre of L points, p_(n+1) = x p_n - n^2 (L^2 - n^2) / (4 (4 n^2 - 1)) p_(n-1).
A rule of m nodes sums polynomials of degree 2 m - 1 over any number of integers exactly.
"""

from __future__ import annotations

from typing import Any, final

import numpy as np
import sympy as sp

from statmani.errors import IntractableExpectation
from statmani.expectation.evaluate import Program
from statmani.expectation.law import Law, Monomial
from statmani.expectation.precise_nodes import Nodes
from statmani.expectation.quadrature import Integrator
from statmani.expectation.sums import lattice

__all__ = ["LatticeSum", "gram_rule"]

_LATTICES = (2048, 16384, 131072, 1 << 20)
#: Terms that are summed one by one when they are smooth, and when they are not.
_SHORT = 3000
_MOST_TERMS = 20000
# Blocks: terms near an end of the support that stay single, and how blocks grow with distance.
_SINGLE = 256
_PARTS = 24
_ROUGH = (
    sp.Abs, sp.sign, sp.Heaviside, sp.Piecewise, sp.Max, sp.Min, sp.floor, sp.ceiling, sp.Mod,
    sp.KroneckerDelta, sp.DiracDelta, sp.sin, sp.cos, sp.tan, sp.cot, sp.sec, sp.csc, sp.frac,
)  # fmt: skip


@final
class LatticeSum:
    """Expectations under a law of one discrete variable, at one point of its symbols."""

    def __init__(self, law: Law, table: dict[sp.Symbol, Any], digits: int, context: Any) -> None:
        self._law, self._table, self._digits, self._context = law, table, digits, context
        (self._variable,) = law.declaration.variables
        self._log_p = Program([law.derivative(())], [self._variable.symbol])
        self._places, self._ends, self._heavy = self._useful()
        self.known: dict[Any, Any] = {}
        self._single: Nodes | None = None
        self._blocks: tuple[Nodes, list[int]] | None = None

    def value(self, function: sp.Expr, monomial: Monomial) -> Any:
        """The expectation.

        Raises
        ------
        IntractableExpectation
            There are too many terms, and they are not smooth.
        """
        if self._heavy:
            return self._with_tail(function, monomial)
        if self._places.size > _SHORT and self._smooth(function):
            found = self._by_blocks(function, monomial)
            if found is not None:
                return found
        if self._places.size > _MOST_TERMS:
            raise IntractableExpectation(
                f"expectation: the sum over the sample has {self._places.size} terms that matter "
                f"for {self._digits} digits, and they are not smooth enough to be summed in "
                "blocks. Ask for fewer digits or another point."
            )
        if self._single is None:
            self._single = self._nodes()
            self._add(self._single, [(self._context.mpf(float(k)), 1) for k in self._places])
        return self._single.sum(function, monomial, 0, len(self._single.places))[0]

    def _with_tail(self, function: sp.Expr, monomial: Monomial) -> Any:
        """A series that decays slowly: terms, and an integral for those beyond."""
        factors = [function, *(self._law.derivative(i) for i in monomial)]
        integrator = Integrator(self._law.declaration, factors, [tuple(range(len(factors)))])
        found = integrator.precise(self._table, self._digits)
        if found is None or found[1] > 10.0**-self._digits:
            raise IntractableExpectation(
                f"expectation: the sum over the sample has more than {_LATTICES[-1]} terms that "
                f"matter for {self._digits} digits. Ask for fewer digits or another point."
            )
        return self._context.make_mpf(found[0][1].real._mpf_)

    def _useful(self) -> tuple[np.ndarray, tuple[float, float], bool]:
        """Integers with terms that matter, the ends of the support, and whether more matter."""
        variable = self._variable
        for limit in _LATTICES:
            nodes = lattice([variable], self._table, limit)[0]
            log_p = np.asarray(self._log_p.arrays(self._table, [nodes])[0]).real
            finite = np.where(np.isfinite(log_p), log_p, -np.inf)
            useful = np.flatnonzero(finite > finite.max() - 2.3 * self._digits - 40)
            # Nothing is known of a tail that has not been reached.
            infinite = variable.upper is sp.S.Infinity and useful[-1] == nodes.size - 1
            infinite |= variable.lower is sp.S.NegativeInfinity and useful[0] == 0
            if not infinite:
                break
        low = -np.inf if variable.lower is sp.S.NegativeInfinity else float(nodes[0])
        high = np.inf if variable.upper is sp.S.Infinity else float(nodes[-1])
        return nodes[useful], (low, high), infinite

    def _smooth(self, function: sp.Expr) -> bool:
        """Whether terms may extend analytically between the integers; the sums then tell."""
        places = self._places
        symbol = self._variable.symbol
        if self._variable.values is not None or places[-1] - places[0] + 1 != places.size:
            return False
        for expr in (self._law.derivative(()), function):
            if expr.has(*_ROUGH):
                return False
            if any(p.base.is_positive is not True for p in expr.atoms(sp.Pow) if p.exp.has(symbol)):
                return False
        return True

    def _nodes(self) -> Nodes:
        symbol = self._variable.symbol
        return Nodes(self._law, self._table, self._context, {}, [symbol])

    def _add(self, nodes: Nodes, rule: list[tuple[Any, Any]]) -> None:
        at = self._log_p.bind(self._context, self._table)
        for place, weight in rule:
            nodes.places.append((place,))
            nodes.weights.append(weight * self._context.exp(at([place])[0].real))

    def _by_blocks(self, function: sp.Expr, monomial: Monomial) -> Any:
        """The sum by two rules per block, None where they differ."""
        if self._blocks is None:
            self._blocks = self._block_nodes()
        nodes, (single, first, second) = self._blocks
        head, near = nodes.sum(function, monomial, 0, single)
        fine, size = nodes.sum(function, monomial, single, first)
        other, _ = nodes.sum(function, monomial, first, second)
        goal = self._context.mpf(10) ** -(self._digits + 2) * (near + size)
        return head + fine if abs(fine - other) <= goal else None

    def _block_nodes(self) -> tuple[Nodes, list[int]]:
        context = self._context
        order = 24 + self._digits // 2
        single, blocks = self._cut(order)
        nodes = self._nodes()
        self._add(nodes, [(context.mpf(k), 1) for k in single])
        marks = [len(nodes.places)]
        for count in (order, order - 7):
            rules: dict[int, list[tuple[Any, Any]]] = {}
            for start, length in blocks:
                if length not in rules:
                    rules[length] = gram_rule(length, count, context)
                centre = context.mpf(2 * start + length - 1) / 2
                self._add(nodes, [(centre + x, w) for x, w in rules[length]])
            marks.append(len(nodes.places))
        return nodes, marks

    def _cut(self, order: int) -> tuple[list[int], list[tuple[int, int]]]:
        """Single integers, and blocks (start, length) that keep their distance from the ends."""
        at, last = int(self._places[0]), int(self._places[-1])
        low, high = self._ends
        longest = max((last - at) // _PARTS, 2 * order)
        single: list[int] = []
        blocks: list[tuple[int, int]] = []
        while at <= last:
            # The terms may be singular just outside the support.
            room = min(at - low, (high - at) / 1.5)
            length = int(min(room / 2, longest, last - at + 1))
            if length < 2 * order or room < _SINGLE:
                single.append(at)
                at += 1
            else:
                blocks.append((at, length))
                at += length
        return single, blocks


def gram_rule(length: int, count: int, context: Any) -> list[tuple[Any, Any]]:
    """Nodes about the centre and weights that sum polynomials over so many integers.

    Parameters
    ----------
    length : int
        Number of integers; at least twice the number of nodes.
    count : int
        Number of nodes; degrees below twice as many are exact.
    context : MPContext

    Examples
    --------
    >>> from statmani.expectation.evaluate import new_context
    >>> from statmani.expectation.lattice_sums import gram_rule
    >>> rule = gram_rule(101, 3, new_context(20))
    >>> print(sum(w * x**4 for x, w in rule), sum(k**4 for k in range(-50, 51)))
    131333330.0 131333330
    """
    roots = [context.sqrt(_beta(n, length, context)) for n in range(count + 1)]
    off = np.array([float(r) for r in roots[1:count]])
    start = np.linalg.eigvalsh(np.diag(off, 1) + np.diag(off, -1))
    rule = []
    # Rules are symmetric: the nodes from the centre on decide.
    for guess in start[count // 2 :]:
        x = context.mpf(float(guess))
        # Newton from double precision, doubling the digits each time.
        for _ in range(max(2, int(np.ceil(np.log2(context.dps / 12))))):
            value, slope, _ = _polynomials(x, roots, count, length, context)
            x -= value / slope
        _, _, squares = _polynomials(x, roots, count, length, context)
        rule.append((x, 1 / squares))
    return [(-x, w) for x, w in rule[::-1][: count // 2]] + rule


def _beta(n: int, length: int, context: Any) -> Any:
    return context.mpf(n * n * (length * length - n * n)) / (4 * (4 * n * n - 1)) if n else 0


def _polynomials(
    x: Any, roots: list[Any], count: int, length: int, context: Any
) -> tuple[Any, Any, Any]:
    """The last orthonormal polynomial, its slope, and the sum of squares of those before."""
    before, value = context.mpf(0), 1 / context.sqrt(length)
    slope_before, slope = context.mpf(0), context.mpf(0)
    squares = context.mpf(0)
    for n in range(count):
        squares += value * value
        following = (x * value - roots[n] * before) / roots[n + 1]
        slope_following = (value + x * slope - roots[n] * slope_before) / roots[n + 1]
        before, value = value, following
        slope_before, slope = slope, slope_following
    return value, slope, squares
