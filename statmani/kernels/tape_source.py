"""Programs for :mod:`statmani.kernels.tape` from the expressions of a manifold."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any, final

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy.simplify.cse_main import cse

from statmani.geometry.manifold import StatisticalManifold

__all__ = ["acceleration_tape"]

Floats = NDArray[np.float64]
_CONSTANT, _INPUT, _ADD, _MULTIPLY, _POWER, _EXP, _LOG, _SQRT, _POLYGAMMA, _COPY = range(10)
_CALLS = {sp.exp: _EXP, sp.log: _LOG}
_HYPERBOLIC = (sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch)
_DIGITS = 50


class _NoTape(Exception):
    """A function that 31 digits are not known of."""


@final
class _Tape:
    """Rows of a tape; equal values are computed once."""

    def __init__(self, inputs: Sequence[sp.Symbol]) -> None:
        self.rows: list[tuple[float, float, float, float, float]] = []
        self._made: dict[tuple[float, ...], int] = {}
        self._known: dict[sp.Expr, int] = {}
        for k, symbol in enumerate(inputs):
            self._known[symbol] = self._row(_INPUT, k)

    def _row(self, operation: int, a: int = 0, b: int = 0, high: float = 0, low: float = 0) -> int:
        row = (float(operation), float(a), float(b), high, low)
        if row not in self._made:
            self._made[row] = len(self.rows)
            self.rows.append(row)
        return self._made[row]

    def name(self, symbol: sp.Symbol, expr: sp.Expr) -> None:
        """A symbol stands for the value of an expression."""
        self._known[symbol] = self.value(expr)

    def _number(self, expr: Any) -> int:
        if expr.is_Rational:
            exact = Fraction(int(expr.p), int(expr.q))
        else:
            value = sp.Rational(sp.N(expr, _DIGITS)) if expr.is_real else sp.nan
            if not value.is_Rational:
                raise _NoTape
            exact = Fraction(int(value.p), int(value.q))
        try:
            high = float(exact)
        except OverflowError:
            raise _NoTape from None
        return self._row(_CONSTANT, high=high, low=float(exact - Fraction(high)))

    def value(self, expr: Any) -> int:
        """The row of an expression's value."""
        if expr not in self._known:
            self._known[expr] = self._made_value(expr)
        return self._known[expr]

    def _made_value(self, expr: Any) -> int:
        if expr.is_number:
            return self._number(expr)
        if expr.is_Add or expr.is_Mul:
            operation = _ADD if expr.is_Add else _MULTIPLY
            first, *others = (self.value(a) for a in expr.args)
            for other in others:
                first = self._row(operation, first, other)
            return first
        if expr.is_Pow:
            return self._power(expr.base, expr.exp)
        if expr.func in _CALLS:
            return self._row(_CALLS[expr.func], self.value(expr.args[0]))
        if isinstance(expr, _HYPERBOLIC):
            return self.value(expr.rewrite(sp.exp))
        if isinstance(expr, sp.polygamma) and expr.args[0].is_Integer and expr.args[0] >= 0:
            return self._row(_POLYGAMMA, self.value(expr.args[1]), int(expr.args[0]))
        raise _NoTape

    def _power(self, base: Any, exponent: Any) -> int:
        if exponent.is_Integer:
            return self._row(_POWER, self.value(base), int(exponent))
        if exponent.is_Rational and exponent.q == 2:
            return self._row(_POWER, self._row(_SQRT, self.value(base)), int(exponent.p))
        logarithm = self._row(_LOG, self.value(base))
        return self._row(_EXP, self._row(_MULTIPLY, logarithm, self.value(exponent)))


def acceleration_tape(manifold: StatisticalManifold) -> Floats | None:
    """The program of a manifold, None where it needs other functions than the tape has.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.geometry.manifold import StatisticalManifold
    >>> from statmani.kernels.tape_source import acceleration_tape
    >>> s = sp.Symbol("s", positive=True)
    >>> acceleration_tape(StatisticalManifold((s,), [[1 / s**2]])).shape[1]
    5
    >>> acceleration_tape(StatisticalManifold((s,), [[sp.besseli(0, s)]])) is None
    True
    """
    n = manifold.dim
    coordinates = manifold.coordinates
    u = tuple(sp.Dummy(f"u{k}", real=True) for k in range(n))
    point = manifold.domain.from_unconstrained(u)
    jacobian = [e.diff(a) for e in point for a in u]
    bend = [e.diff(b) for e in jacobian for b in u]
    metric = [manifold.metric[i, j] for i, j in product(range(n), repeat=2)]
    slopes = [e.diff(c) for c in coordinates for e in metric]
    skewness = [manifold.skewness[index] for index in product(range(n), repeat=3)]
    tape = _Tape(u)
    try:
        outputs = []
        for symbol, value in zip(coordinates, point, strict=True):
            tape.name(symbol, value)
        for expressions in ([*jacobian, *bend], [*metric, *slopes, *skewness]):
            shared, reduced = cse(expressions, sp.numbered_symbols(cls=sp.Dummy), order="none")
            for symbol, value in shared:
                tape.name(symbol, value)
            outputs += reduced
        # Outputs stand together at the end.
        copies = [(float(_COPY), float(tape.value(e)), 0.0, 0.0, 0.0) for e in outputs]
    except _NoTape:
        return None
    return np.array(tape.rows + copies)
