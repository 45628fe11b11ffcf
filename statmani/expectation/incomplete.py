"""Expectations over parts of the sample under a canonical kernel: incomplete Gamma and Beta.

A cut may lie in any cell between the ends (and the centre) of the support; the result is then a
Piecewise over the cells.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import sympy as sp

from statmani.expectation.inversion import inverted
from statmani.expectation.kernels import Branch
from statmani.expectation.partial import Cases
from statmani.expectation.sparse import Kernel, Sparse
from statmani.expectation.tidy import tidy
from statmani.signs import Bounded, is_positive_on

__all__ = ["partial_moment"]

_MOST_STEPS = 16


@dataclass
class _Parts:
    """What one call of :func:`partial_moment` shares."""

    sums: list[list[Sparse]]
    cases: Cases
    branches: Sequence[Branch]
    directions: Sequence[int]
    breaks: Sequence[sp.Expr]
    conditions: list[sp.Expr] = field(default_factory=list)

    def total(self, cells: dict[sp.Expr, float]) -> sp.Expr | None:
        """The sum over cases and branches when each cut lies in its cell."""
        total: sp.Expr = sp.Integer(0)
        for sums, (_, low, high) in zip(self.sums, self.cases, strict=True):
            for number, branch in enumerate(self.branches):
                cell = _cell_of(branch, self.branches)
                first = -1.0 if low is -sp.oo else cells[low]
                last = float(len(self.breaks)) if high is sp.oo else cells[high]
                if first > cell or last < cell:
                    continue
                ends = [None if first < cell else low, None if last > cell else high]
                part = self._between(number, cell, ends, sums[number])
                if part is None:
                    return None
                total += branch.mass * part
        return total

    def _between(
        self, number: int, cell: int, ends: list[sp.Expr | None], sums: Sparse
    ) -> sp.Expr | None:
        branch = self.branches[number]
        marks: dict[sp.Expr, sp.Expr] = {}
        places: list[sp.Expr | None] = []
        for end in ends:
            if end is None:
                places.append(None)
                continue
            low, high = self.breaks[cell], self.breaks[cell + 1]
            gap = sp.Dummy("d", positive=True)
            if low is not -sp.oo:
                inside, marks[gap] = low + gap, end - low
            elif high is not sp.oo:
                inside, marks[gap] = high - gap, high - end
            else:
                inside = end
            place = inverted(branch.transform, branch.variable, inside)
            if place is None:
                return None
            places.append(place)
        if self.directions[number] < 0:
            places.reverse()
        value: sp.Expr = sp.Integer(0)
        for (p, m, q, n), c in sums.items():
            if m or n:
                return None
            part, needed = _incomplete(branch.kernel, p, q, places[0], places[1])
            self.conditions += needed
            value += c * part
        return value.xreplace(marks)


def _cell_of(branch: Branch, branches: Sequence[Branch]) -> int:
    if len(branches) == 1:
        return 0
    assert branch.folded is not None and branch.fold is not None
    return 1 if branch.folded.diff(branch.fold) == 1 else 0


def partial_moment(
    read: Callable[[sp.Expr], list[Sparse] | None],
    cases: Cases,
    branches: Sequence[Branch],
    support: tuple[sp.Expr, sp.Expr],
    directions: Sequence[int],
    box: Sequence[Bounded],
) -> tuple[sp.Expr, list[sp.Expr]] | None:
    """Sum over the cases of E[value; lower < x < upper], and what must be positive for it.

    Parameters
    ----------
    read : callable
        The sparse sums of a value, one for each branch.
    cases : list of (value, lower, upper)
    branches : sequence of Branch
        One, or two mirrored about a centre.
    support : pair of Expr
    directions : sequence of int
        Signs of the derivatives of the branches' transforms.
    box : sequence
        Domains of the symbols, to decide where a cut lies.
    """
    if any(d == 0 for d in directions):
        return None
    breaks = [support[0], support[1]]
    if len(branches) == 2:
        first = branches[0]
        if first.folded is None or first.fold is None or branches[1].folded is None:
            return None
        breaks.insert(1, sp.expand(first.folded.xreplace({first.fold: sp.Integer(0)})))
    kept = [case for case in cases if case[0] != 0]
    sums = [read(value) for value, _, _ in kept]
    if any(s is None for s in sums):
        return None
    parts = _Parts([s for s in sums if s is not None], kept, branches, directions, breaks)
    cuts = list(dict.fromkeys(e for _, a, b in kept for e in (a, b) if e.is_infinite is not True))
    options = [_cells(cut, breaks, box) for cut in cuts]
    pieces: list[tuple[sp.Expr, sp.Basic]] = []
    for cells in itertools.product(*options):
        if any(a > b for a, b in itertools.pairwise(cells)):
            continue
        value = parts.total(dict(zip(cuts, cells, strict=True)))
        if value is None:
            return None
        where = [
            cut <= breaks[int(cell) + 1]
            for cut, cell, allowed in zip(cuts, cells, options, strict=True)
            if cell != allowed[-1]
        ]
        pieces.append((tidy(value), sp.And(*where)))
    conditions = list(dict.fromkeys(parts.conditions))
    if len(pieces) == 1:
        return pieces[0][0], conditions
    return sp.Piecewise(*pieces), conditions


def _cells(cut: sp.Expr, breaks: Sequence[sp.Expr], box: Sequence[Bounded]) -> list[float]:
    """Each k with breaks[k] < cut <= breaks[k + 1] possible; -1 is below the support.

    A cut that is breaks[k] itself is at k - 1/2.
    """

    def above(one: sp.Expr, other: sp.Expr) -> bool:
        if one is sp.oo or other is -sp.oo:
            return True
        gap = sp.expand(one - other)
        return bool(gap.is_nonnegative) or is_positive_on(gap, box)

    for k, place in enumerate(breaks):
        if sp.expand(cut - place) == 0:
            return [k - 0.5]
    last = len(breaks) - 1
    return [
        float(k)
        for k in range(-1, last + 1)
        if not (k >= 0 and above(breaks[k], cut)) and not (k < last and above(cut, breaks[k + 1]))
    ]


def _incomplete(
    kernel: Kernel, p: sp.Expr, q: sp.Expr, low: sp.Expr | None, high: sp.Expr | None
) -> tuple[sp.Expr, list[sp.Expr]]:
    """(E[u^p v^q; low < u < high], what must be positive); None is an end of the range."""
    if kernel.name == "gamma":
        return _incomplete_gamma(sp.expand(kernel.shapes[0] + p), kernel.shapes[0], low, high)
    a, b = kernel.shapes
    top = sp.expand(a + p)
    rest = sp.expand(b + q if kernel.name == "beta" else b - p - q)
    scale = sp.gamma(a + b) / (sp.gamma(a) * sp.gamma(b))

    def place(u: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
        """The variable of the Beta kernel and its distance from 1."""
        if kernel.name == "beta":
            return u, 1 - u
        return tidy(u / (1 + u)), tidy(1 / (1 + u))

    needed = [top] if low is None else []
    needed += [rest] if high is None else []
    if low is None and high is None:
        return scale * sp.gamma(top) * sp.gamma(rest) / sp.gamma(top + rest), needed
    if low is None or high is None:
        if low is None:
            assert high is not None
            z, other = place(high)
            return scale * _incomplete_beta(top, rest, z, other), needed
        z, other = place(low)
        return scale * _incomplete_beta(rest, top, other, z), needed
    value = _incomplete_beta(top, rest, *place(high)) - _incomplete_beta(top, rest, *place(low))
    return scale * value, [top]


def _incomplete_gamma(
    order: sp.Expr, shape: sp.Expr, low: sp.Expr | None, high: sp.Expr | None
) -> tuple[sp.Expr, list[sp.Expr]]:
    whole = sp.gamma(shape)
    if low is None:
        value = sp.gamma(order) if high is None else sp.expand_func(sp.lowergamma(order, high))
        return value / whole, [order]
    value = sp.expand_func(sp.uppergamma(order, low))
    if high is not None:
        value -= sp.expand_func(sp.uppergamma(order, high))
    return value / whole, []


def _incomplete_beta(a: sp.Expr, b: sp.Expr, z: sp.Expr, other: sp.Expr) -> sp.Expr:
    """The integral of t^(a-1) (1-t)^(b-1) from 0 to z; other = 1 - z.

    Elementary for integers and half-integers, by DLMF 8.17.20 and 8.17.21.
    """
    for order, swap in ((b, False), (a, True)):
        lowers = order.is_Rational and 1 < order <= _MOST_STEPS and (2 * order).is_Integer
        if lowers and (order.is_Integer or (2 * (b if swap else a)).is_Integer):
            lower = order - 1
            pair = (lower, b) if swap else (a, lower)
            inner = _incomplete_beta(*pair, z, other)
            edge = z ** pair[0] * other ** pair[1]
            return (lower * inner + (-edge if swap else edge)) / (pair[0] + pair[1])
    half = sp.Rational(1, 2)
    if (a, b) == (half, half):
        ratio = sp.cancel(z / other)
        if sp.numer(ratio).has(sp.Dummy):
            return 2 * sp.atan(sp.sqrt(ratio))
        return sp.pi - 2 * sp.atan(sp.sqrt(1 / ratio))
    if b == 1:
        return z**a / a
    if a == 1:
        return (1 - other**b) / b
    return sp.betainc(a, b, 0, z)
