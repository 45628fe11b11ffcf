"""First look at all expressions: root degree, lattices of exponents, shifted arguments.

Related exponents such as x, x/2 and x + y must share generators; seeing all of them first
makes the choice independent of the order in which they are converted.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy import Expr

from statmani.algebra.element import Element
from statmani.algebra.exponential import lattice_part, new_basis
from statmani.algebra.roots import signed_factors
from statmani.algebra.special import note_argument
from statmani.errors import StatmaniError

if TYPE_CHECKING:
    from statmani.algebra.ring import Ring

__all__ = ["prepare"]

_EXP = (sp.exp, sp.sinh, sp.cosh, sp.sech, sp.csch)
_TANH = (sp.tanh, sp.coth)
_BESSEL = (sp.besseli, sp.besselk)
_TRIG = (sp.sin, sp.cos, sp.tan, sp.cot, sp.sec, sp.csc)


class _Finder:
    """Collects exponents by nesting depth."""

    def __init__(self) -> None:
        self.found: dict[int, dict[tuple[str, Expr], None]] = {}
        self.degrees: list[int] = [2]
        self.shifted: dict[Expr, None] = {}
        self.positive: dict[int, dict[Expr, None]] = {}
        self._depth: dict[Expr, int] = {}

    def walk(self, expr: Any) -> int:
        known = self._depth.get(expr)
        if known is not None:
            return known
        depth = 0
        if expr is sp.E:
            self.found.setdefault(0, {})["exp", sp.S.One] = None
        if expr.args and (expr.is_Add or expr.is_Mul or expr.is_Pow or expr.is_Function):
            depth = max(self.walk(a) for a in expr.args)
            argument: tuple[str, Expr] | None = None
            if expr.is_Pow and not expr.exp.is_number:
                argument = ("exp", expr.exp * sp.log(expr.base))
                self._note_positive(expr.base)
            elif expr.is_Pow and expr.exp.is_Rational:
                self.degrees.append(int(expr.exp.q))
                if not expr.exp.is_Integer:
                    self._note_positive(expr.base)
            elif isinstance(expr, sp.log):
                self._note_positive(expr.args[0])
            elif isinstance(expr, _EXP):
                argument = ("exp", expr.args[0])
            elif isinstance(expr, _TANH):
                argument = ("exp", 2 * expr.args[0])
            elif isinstance(expr, _TRIG):
                argument = ("trig", expr.args[0])
            elif isinstance(expr, _BESSEL) and (2 * expr.args[0]).is_odd:
                argument = ("exp", expr.args[1])
            elif isinstance(expr, (sp.polygamma, sp.gamma, sp.loggamma)):
                self.shifted[expr.args[-1]] = None
            if argument is not None:
                self.found.setdefault(depth, {})[argument] = None
                depth += 1
        self._depth[expr] = depth
        return depth

    def _note_positive(self, expr: Expr) -> None:
        if not expr.is_number:
            self.positive.setdefault(self._depth.get(expr, 0), {})[expr] = None


def _note_signs(ring: Ring, arguments: Sequence[Expr]) -> None:
    """Learn which factors must be positive for the entries to be real.

    log(f) says that f is positive, and then log(f**2) is 2 log(f), whichever comes first.
    """
    for _ in arguments:
        known = ring.assumed
        for argument in arguments:
            try:
                element = ring.convert_internal(argument)
            except StatmaniError:
                # Reading the entry itself raises again, and says which entry it is.
                continue
            if element:
                signed_factors(ring, element)
        if ring.assumed == known:
            return


def prepare(ring: Ring, expressions: Sequence[Expr]) -> None:
    """Fix the ring's root degree and the first bases of its exponent lattices."""
    finder = _Finder()
    for expr in expressions:
        finder.walk(expr)
    ring.root_degree = lcm(*finder.degrees)
    for depth in sorted(finder.found.keys() | finder.positive.keys()):
        _note_signs(ring, list(finder.positive.get(depth, ())))
        for kind in ("exp", "trig"):
            arguments: list[Element] = []
            for what, argument in finder.found.get(depth, ()):
                if what == kind:
                    arguments.append(lattice_part(ring, kind, ring.convert_internal(argument)))
            new_basis(ring, kind, arguments)
    for argument in finder.shifted:
        note_argument(ring, ring.convert_internal(argument))
