"""Values of sums and integrals over a bound symbol, such as normalisers without closed form."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, final

import sympy as sp

from statmani.errors import IntractableExpectation

__all__ = ["BoundTotal"]

_MOST_TERMS = 4000
_QUIET = 12
_KEPT: OrderedDict[Any, Any] = OrderedDict()
_CAPACITY = 512


@final
class BoundTotal:
    """A sum or an integral with free symbols, as a step of a numeric program.

    Parameters
    ----------
    expr : Sum or Integral

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.expectation.context import new_context
    >>> from statmani.expectation.bound_totals import BoundTotal
    >>> n, a = sp.symbols("n a")
    >>> total = BoundTotal(sp.Sum(a**n / sp.factorial(n), (n, 0, sp.oo)))
    >>> context = new_context(15)
    >>> print(total.numeric_value(context, [context.mpf(1)]))
    2.71828182845905
    """

    def __init__(self, expr: Any) -> None:
        self._expr = expr
        self.numeric_arguments = tuple(sorted(expr.free_symbols, key=str))

    def numeric_value(self, context: Any, arguments: list[Any]) -> Any:
        """The value where the free symbols, in order, are the arguments.

        Raises
        ------
        IntractableExpectation
            Several bound symbols, or terms that decay too slowly.
        """
        key = (self._expr, context.dps, *(str(a) for a in arguments))
        found = _KEPT.get(key)
        if found is None:
            found = _KEPT[key] = self._value(context, arguments)
            while len(_KEPT) > _CAPACITY:
                _KEPT.popitem(last=False)
        return context.convert(found)

    def _value(self, context: Any, arguments: list[Any]) -> Any:
        from statmani.expectation.evaluate import Program

        if len(self._expr.limits) > 1 or len(self._expr.limits[0]) != 3:
            raise self._refused("it has several bound symbols or no bounds")
        ((bound, lower, upper),) = self._expr.limits
        table = dict(zip(self.numeric_arguments, arguments, strict=True))
        low, high = Program([lower, upper], []).bind(context, table)([])
        at = Program([self._expr.function], [bound]).bind(context, table)

        def term(place: Any) -> Any:
            return at([place])[0]

        if isinstance(self._expr, sp.Integral):
            return self._integral(context, term, low, high)
        if low == -context.inf and high == context.inf:
            return self._side(context, term, context.mpf(0), high, 1) + self._side(
                context, term, context.mpf(-1), low, -1
            )
        if low == -context.inf:
            return self._side(context, term, high, low, -1)
        return self._side(context, term, low, high, 1)

    def _side(self, context: Any, term: Any, start: Any, end: Any, step: int) -> Any:
        """Terms from ``start`` towards ``end``, until they stay negligible and fall."""
        total, largest, quiet, place = context.mpf(0), context.mpf(0), 0, start
        for _ in range(_MOST_TERMS):
            if (end - place) * step < 0:
                return total
            value = term(place)
            if not context.isfinite(value):
                raise self._refused(f"its term at {int(place)} is not finite")
            total += value
            largest = max(largest, abs(value))
            small = abs(value) <= context.eps * largest * context.mpf(10) ** -4
            quiet = quiet + 1 if small else 0
            if quiet >= _QUIET and largest > 0:
                return total
            place += step
        raise self._refused(f"its terms have not become negligible after {_MOST_TERMS} of them")

    def _integral(self, context: Any, term: Any, low: Any, high: Any) -> Any:
        ends = [low, *(context.mpf(c) for c in (-8, -2, 0, 2, 8) if low < c < high), high]
        value, error = context.quad(term, ends, error=True)
        if not context.isfinite(value) or error > abs(value) * context.mpf(10) ** (
            -context.dps / 2
        ):
            raise self._refused(f"its error is {context.nstr(error, 2)}")
        return value

    def _refused(self, why: str) -> IntractableExpectation:
        kind = type(self._expr).__name__
        return IntractableExpectation(
            f"no numeric value of {self._expr}: {why}. Write the {kind} in closed form, by .doit() "
            "or with a special function."
        )
