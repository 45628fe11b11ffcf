"""Expectations to many digits: nested double-exponential sums, shared by all products.

One sweep belongs to one density, one point of its symbols and one precision; it keeps the values
of the derivatives of log p at the nodes, so that a further expectation costs only products.
"""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, final

import numpy as np
import sympy as sp

from statmani.errors import IntractableExpectation, OutsideDomain, StatmaniWarning
from statmani.expectation.context import new_context, thread_context
from statmani.expectation.evaluate import Program
from statmani.expectation.lattice_sums import LatticeSum
from statmani.expectation.law import Law, Monomial
from statmani.expectation.nodes import Chart, axis_nodes, charts_of, clean
from statmani.expectation.precise_gauss import GaussSums
from statmani.expectation.precise_nodes import Nodes, place_and_slope, unit_node
from statmani.expectation.precise_several import SeveralSums
from statmani.expectation.sums import mode, transform

__all__ = ["expectation_value", "ladder"]

_FIRST_STEP = 8
_LAST_STEP = 2048
_PATIENCE = 3
_GUARD = 12
_LADDER = 16
# Several variables: with fewer digits there is no value.
_FEWEST = 6
_DOUBLE, _LAST_DIGITS = 17, 5e-15
_KEPT: OrderedDict[Any, Any] = OrderedDict()
_CAPACITY = 12
_LOCK = threading.RLock()
_KINKS = (sp.Abs, sp.sign, sp.Heaviside, sp.Piecewise, sp.Max, sp.Min)


def expectation_value(
    law: Law, function: sp.Expr, monomial: Monomial, values: tuple[Any, ...], context: Any
) -> Any:
    """E[f l_I l_J ...] in the precision of ``context``.

    Raises
    ------
    OutsideDomain
        A parameter is not inside its domain.
    IntractableExpectation
        The sums do not converge to the digits asked for.
    """
    for k, v in enumerate(values):
        # What is only rounding of a real value passes.
        if abs(v.imag) > abs(v) * context.mpf(10) ** -(context.dps // 2):
            raise OutsideDomain(
                f"expectation: parameter {k} is {complex(v):.6g}, which is not real. Substitute "
                "a value inside the domain of the parameter."
            )
    # Over several variables digits are dear, so that no more are asked for than needed.
    one = len(law.declaration.variables) == 1
    digits = ladder(context.dps) if one else context.dps
    # A function with kinks needs charts of its own.
    own_charts = function if function.has(*_KINKS) else None
    key = (law.key, digits, tuple(v.real._mpf_ for v in values), own_charts)
    with _LOCK:
        sweep = _KEPT.get(key)
        if sweep is None:
            own = new_context(digits + _GUARD)
            exact = tuple(+own.make_mpf(v.real._mpf_) for v in values)
            _require_inside(law, exact)
            sweep = _KEPT[key] = _sweep(law, exact, digits, own, own_charts)
            while len(_KEPT) > _CAPACITY:
                _KEPT.popitem(last=False)
        else:
            _KEPT.move_to_end(key)
        value = sweep.known.get((function, monomial))
        if value is None:
            value = sweep.known[function, monomial] = sweep.value(function, monomial)
    return context.make_mpf(value._mpf_) + 0


def ladder(digits: int) -> int:
    """Digits that are carried when so many are asked for.

    Larger expressions ask with slowly growing precision; a ladder lets them share sweeps.
    """
    return -(-digits // _LADDER) * _LADDER


def _require_inside(law: Law, values: tuple[Any, ...]) -> None:
    program = None
    table = dict(zip(law.symbols, values, strict=True))
    for axis in law.declaration.domain.axes:
        program = Program([axis.lower, axis.upper], [])
        low, high = program.bind(thread_context(30), table)([])
        if not low < table[axis.symbol] < high:
            raise OutsideDomain(
                f"expectation: parameter {law.symbols.index(axis.symbol)} is "
                f"{float(table[axis.symbol]):.6g}, outside ({float(low):.6g}, {float(high):.6g}). "
                "Substitute a value inside the domain of the parameter."
            )
    for relation in law.declaration.domain.constraints:
        exact = {s: sp.Rational(str(v)) for s, v in table.items()}
        if relation.xreplace(exact) == False:  # noqa: E712
            raise OutsideDomain(
                f"expectation: the parameters violate {relation}. Substitute values inside the "
                "domain of the parameters."
            )


def _sweep(
    law: Law, values: tuple[Any, ...], digits: int, context: Any, function: sp.Expr | None
) -> Any:
    variables = law.declaration.variables
    table = dict(zip(law.symbols, values, strict=True))
    if len(variables) == 1 and not law.declaration.region:
        if variables[0].discrete:
            return LatticeSum(law, table, digits, context)
        return _Integral(law, table, digits, context, function)
    return _Several(law, table, digits, context, function)


@final
class _Integral:
    """One continuous variable: steps are halved until the value of each product is settled."""

    def __init__(
        self, law: Law, table: dict[sp.Symbol, Any], digits: int, context: Any,
        function: sp.Expr | None,
    ) -> None:  # fmt: skip
        self._digits, self._context = digits, context
        self.known: dict[Any, Any] = {}
        functions = () if function is None else (function,)

        def number(place: sp.Expr) -> float:
            return float(Program([place], []).bind(context, table)([])[0])

        self._pieces = [
            _Piece(law, chart, table, digits, context)
            for chart in charts_of(law.declaration, law.declaration.variables, functions, number)
        ]
        self._sums: dict[Any, list[tuple[Any, Any]]] = {}

    def value(self, function: sp.Expr, monomial: Monomial) -> Any:
        """The expectation; the relative change between two steps bounds its error."""
        goal = self._context.mpf(10) ** -(self._digits + 2)
        levels = self._sums.setdefault((function, monomial), [])
        previous: Any = None
        last_change: Any = None
        level = 0
        while _FIRST_STEP << level <= _LAST_STEP:
            if level == len(levels):
                levels.append(self._level(function, monomial, level))
            total = self._context.fsum(t for t, _ in levels[: level + 1])
            size = self._context.fsum(s for _, s in levels[: level + 1])
            step = _FIRST_STEP << level
            total, size = total / step, size / step
            if previous is not None:
                # Digits of the value count, unless nearly all of them cancel.
                floor = max(abs(total), size * self._context.mpf(10) ** -6)
                change = abs(total - previous) / floor if size else self._context.mpf(0)
                # Analytic integrands converge quadratically; that must be seen, not assumed.
                quadratic = last_change is not None and change <= last_change**1.5
                if change <= goal or (quadratic and change**1.5 <= goal):
                    return total
                if level > _PATIENCE and change > last_change / 2:
                    last_change = change
                    break
                last_change = change
            previous = total
            level += 1
        raise IntractableExpectation(
            f"expectation: its integral does not converge to {self._digits} digits (relative "
            f"change {float(last_change):.1e}). It may be infinite at this point, or the "
            "integrand has a kink; ask for fewer digits or another point."
        )

    def _level(self, function: sp.Expr, monomial: Monomial, level: int) -> tuple[Any, Any]:
        total, size = self._context.mpf(0), self._context.mpf(0)
        for piece in self._pieces:
            t, s = piece.level(function, monomial, level)
            total, size = total + t, size + s
        return total, size


@final
class _Piece:
    """One chart with its nodes by level."""

    def __init__(
        self, law: Law, chart: Chart, table: dict[sp.Symbol, Any], digits: int, context: Any
    ) -> None:
        (self._axis,) = chart
        self._law, self._table, self._digits, self._context = law, table, digits, context
        back = {self._axis.symbol: self._axis.sample}
        self._chart = chart
        self._program = Program([clean(law.derivative(()).xreplace(back))], [self._axis.z])
        (self._centre,), (self._scale,) = mode(chart, self._program, table)
        self._at = self._program.bind(context, table)
        self._half: Any = None
        if self._axis.width is not None:
            self._half = Program([self._axis.width], []).bind(context, table)([])[0] / 2
        self._nodes = Nodes(law, table, context, back, [self._axis.z])
        self._starts = [0]
        self._top = -np.inf

    def level(self, function: sp.Expr, monomial: Monomial, level: int) -> tuple[Any, Any]:
        """Contribution of the nodes that are new at this level."""
        while len(self._starts) <= level + 1:
            self._refine(len(self._starts) - 1)
        start, end = self._starts[level : level + 2]
        return self._nodes.sum(function, monomial, start, end)

    def _refine(self, level: int) -> None:
        context, axis = self._context, self._axis
        step = _FIRST_STEP << level
        reach = 6.4
        ticks = np.arange(-round(reach * step), round(reach * step) + 1)
        if level:
            ticks = ticks[ticks % 2 != 0]
        y, slope = axis_nodes(axis.kind, ticks / step, self._centre, self._scale)
        _, jacobian, outputs = transform(self._chart, self._program, self._table, [y])
        with np.errstate(all="ignore"):
            size = np.asarray(outputs[0]).real + jacobian + np.log(slope)
        size = np.where(np.isfinite(size), size, -np.inf)
        self._top = max(self._top, float(size.max(initial=-np.inf)))
        # Double precision decides only which nodes cannot matter; a margin covers growing scores.
        useful = np.flatnonzero(size > self._top - 2.3 * self._digits - 45)
        for index in useful:
            t = context.mpf(int(ticks[index])) / step
            z, dz = place_and_slope(
                axis.kind,
                unit_node(axis.kind, t, context),
                self._centre,
                self._scale,
                self._half,
                context,
            )
            log_p = self._at([z])[0]
            if log_p == -context.inf or not context.isfinite(log_p):
                continue
            self._nodes.places.append((z,))
            self._nodes.weights.append(context.exp(log_p.real) * dz)
        self._starts.append(len(self._nodes.places))


@final
class _Several:
    """Several variables: double precision first, then nested sums for more digits."""

    def __init__(
        self, law: Law, table: dict[sp.Symbol, Any], digits: int, context: Any,
        function: sp.Expr | None,
    ) -> None:  # fmt: skip
        self._law, self._digits, self._context = law, digits, context
        self.known: dict[Any, Any] = {}
        self._exact, self._own = table, function
        self._table = {s: sp.Rational(context.nstr(v, 25)) for s, v in table.items()}
        self._gauss: GaussSums | None = None
        self._sums: SeveralSums | None = None

    def value(self, function: sp.Expr, monomial: Monomial) -> Any:
        """The expectation, with a warning where fewer digits are reached."""
        value, error = self._in_doubles(function, monomial)
        goal = 10.0 ** -min(self._digits, 300)
        if self._digits <= _DOUBLE:
            # Floats ask for all digits of a double; its last ones are noise anyway.
            goal = max(goal, _LAST_DIGITS)
        if not error <= goal:
            for sums in self._finer():
                finer, own_error = sums.value(function, monomial)
                if own_error < error or not np.isfinite(error):
                    value, error = finer, own_error
                if error <= goal:
                    break
        if not error <= goal:
            self._warn(error)
        return value

    def _finer(self) -> Iterator[GaussSums | SeveralSums]:
        """Sums in many digits, each made once and only when needed."""
        law, table, digits, context = self._law, self._exact, self._digits, self._context
        if self._gauss is None:
            self._gauss = GaussSums(law, table, digits, context)
        yield self._gauss
        if self._sums is None:
            self._sums = SeveralSums(law, table, digits, context, self._own)
        yield self._sums

    def _in_doubles(self, function: sp.Expr, monomial: Monomial) -> tuple[Any, float]:
        """The better of two rules in double precision, and its error."""
        from statmani.expectation.quadrature import Integrator
        from statmani.expectation.sweep import Sweep

        swept = Sweep(self._law, [(function, monomial)]).at(self._table)
        rules = [(swept.values[0], swept.errors[0], swept.sizes[0])]
        if len(self._law.declaration.variables) > 2 and swept.errors[0] > 1e-13 * swept.sizes[0]:
            whole = sp.Mul(function, *(self._law.derivative(i) for i in monomial))
            found = Integrator(self._law.declaration, [whole]).at(self._table)
            error = (found.error + 2.0**-48) * found.sizes[0]
            rules.append((found.values[0], error, found.sizes[0]))
        value, error, size = min(rules, key=lambda rule: float(rule[1]))
        # A value that is small by cancellation is measured against a part of its size.
        return self._context.mpf(float(value)), float(error / max(abs(value), size * 1e-6, 1e-300))

    def _warn(self, error: float) -> None:
        reached = max(0, int(-np.log10(error))) if error < 1 else 0
        text = (
            f"expectation: with several sample variables about {reached} digits are reached, not "
            f"{self._digits}"
        )
        if reached < _FEWEST:
            raise IntractableExpectation(f"{text}. Ask for fewer digits or another point.")
        warnings.warn(
            f"{text}; the digits beyond are noise. Ask for fewer.", StatmaniWarning, stacklevel=2
        )
