"""Straight-line programs of :mod:`statmani.expectation.evaluate` as source of compiled functions.

What does not depend on the sample is computed once per point into ``aux``; the rest becomes
straight-line code in the order in which it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import sympy as sp

from statmani.errors import InvalidManifold
from statmani.expectation.evaluate import Program, evaluate_exact
from statmani.kernels.emit import PLAIN_CALLS

__all__ = ["FixedPart", "MovingPart"]

_CALLS = PLAIN_CALLS | {
    "ceiling": "math.ceil",
    "expm1": "math.expm1",
    "floor": "math.floor",
    "InverseMills": "inverse_mills",
    "LogErfc": "log_erfc",
    "log1p": "math.log1p",
    # Logarithms of densities need no more than an absolute error.
    "loggamma": "math.lgamma",
    "LogGammaRatio": "log_gamma_ratio",
}
_RELATIONS = {
    "Equality": "==",
    "Unequality": "!=",
    "StrictLessThan": "<",
    "LessThan": "<=",
    "StrictGreaterThan": ">",
    "GreaterThan": ">=",
}
_LOGIC = {*_RELATIONS, "And", "Or", "Not"}
_POLYGAMMAS = ("digamma", "trigamma", "tetragamma", "pentagamma")


@final
class FixedPart:
    """Lines that compute what depends on parameters alone, for any number of programs."""

    def __init__(self, symbols: Mapping[sp.Symbol, str]) -> None:
        self.lines: list[str] = []
        self.width = 0
        self._symbols = symbols
        self._count = 0

    def fresh(self) -> str:
        """A new local name."""
        self._count += 1
        return f"s{self._count}"

    def symbol(self, symbol: sp.Symbol) -> str:
        """Where the value of a parameter stands."""
        return self._symbols[symbol]

    def store(self, name: str, logical: bool) -> str:
        """Hand a local value on to the nodes; returns how they read it."""
        at = self.width
        self.width += 1
        self.lines.append(f"aux[{at}] = {f'float({name})' if logical else name}")
        return f"(aux[{at}] != 0.0)" if logical else f"aux[{at}]"


@final
class MovingPart:
    """One program as lines of a function of the node.

    Parameters
    ----------
    program : Program
    fixed : FixedPart
        Shared with the other programs of the module.
    names : mapping
        How the variables of the program are read.
    """

    def __init__(self, program: Program, fixed: FixedPart, names: Mapping[sp.Symbol, str]) -> None:
        self.lines: list[str] = []
        self._steps = program.steps
        self._outputs = program.outputs
        self._variables = program.variables
        self._fixed = fixed
        self._names = names
        self._local: dict[int, str] = {}
        self._read: dict[int, str] = {}
        self._count = 0

    def output(self, number: int) -> str:
        """Name of an output, after the lines that it needs."""
        return self._moving(self._outputs[number])

    def _moving(self, position: int) -> str:
        step = self._steps[position]
        found = self._read.get(position)
        if found is not None:
            return found
        if not step.moving:
            literal = _literal(step)
            if literal is None:
                own = self._fixed_local(position)
                literal = self._fixed.store(own, step.kind in _LOGIC)
            self._read[position] = literal
            return literal
        if step.kind == "variable":
            name = self._names[self._variables[step.payload]]
        else:
            text = self._text(position, self._moving)
            self._count += 1
            name = f"m{self._count}"
            self.lines.append(f"{name} = {text}")
        self._read[position] = name
        return name

    def _fixed_local(self, position: int) -> str:
        found = self._local.get(position)
        if found is not None:
            return found
        step = self._steps[position]
        literal = _literal(step)
        if literal is not None:
            name = literal
        elif step.kind == "symbol":
            name = self._fixed.symbol(step.payload)
        else:
            text = self._text(position, self._fixed_local)
            name = self._fixed.fresh()
            self._fixed.lines.append(f"{name} = {text}")
        self._local[position] = name
        return name

    def _constant(self, position: int) -> sp.Expr | None:
        step = self._steps[position]
        return step.payload if step.kind == "constant" else None

    def _text(self, position: int, show: Callable[[int], str]) -> str:
        step = self._steps[position]
        kind, at = step.kind, step.arguments
        if kind == "Pow":
            return self._power(at, show)
        if kind == "polygamma":
            order = self._constant(at[0])
            if order is None or not order.is_Integer or order < 0:
                raise _no_form(f"polygamma of order {order}")
            if order < len(_POLYGAMMAS):
                return f"{_POLYGAMMAS[int(order)]}({show(at[1])})"
            return f"polygamma({int(order)}, {show(at[1])})"
        if kind == "ZetaDerivative":
            s, a = (*(show(i) for i in at[1:]), "1.0")[:2]
            return f"zeta_derivative({int(self._constant(at[0]) or 0)}, {s}, {a})"
        if kind == "Softmax":
            own = show(at[1 + int(self._constant(at[0]) or 0)])
            terms = (f"math.exp({show(i)} - {own})" for i in at[1:])
            return f"1.0/({' + '.join(terms)})"
        return _apply(kind, [show(i) for i in at])

    def _power(self, at: Sequence[int], show: Callable[[int], str]) -> str:
        base, exponent = show(at[0]), self._constant(at[1])
        if exponent is None or not exponent.is_Rational:
            return f"{base}**{show(at[1])}"
        size = abs(exponent)
        if size.is_Integer and size <= 64:
            text = base if size == 1 else f"{base}**{int(size)}"
        elif (2 * size).is_Integer and size <= 64:
            whole = int(size)
            text = f"math.sqrt({base})" + (f"*{base}**{whole}" if whole else "")
        else:
            return f"{base}**{show(at[1])}"
        return f"1.0/({text})" if exponent < 0 else text


def _apply(kind: str, a: list[str]) -> str:
    if kind == "Add":
        return " + ".join(a)
    if kind == "Mul":
        return "*".join(a)
    if kind in _RELATIONS:
        return f"({a[0]} {_RELATIONS[kind]} {a[1]})"
    if kind in ("And", "Or"):
        return "(" + f" {kind.lower()} ".join(a) + ")"
    if kind == "Not":
        return f"(not {a[0]})"
    if kind == "piecewise":
        text = "np.nan"
        for value, condition in reversed(list(zip(a[::2], a[1::2], strict=True))):
            text = f"({value} if {condition} else {text})"
        return text
    if kind in ("Max", "Min"):
        text = a[0]
        for other in a[1:]:
            text = f"{kind.lower()}({text}, {other})"
        return text
    if kind == "LogSumExp":
        return f"log_sum_exp(({', '.join(a)},))"
    if kind == "one_minus_exp":
        return f"-math.expm1({a[0]})"
    if kind == "Heaviside":
        half = a[1] if len(a) > 1 else "0.5"
        return f"(1.0 if {a[0]} > 0.0 else ({half} if {a[0]} == 0.0 else 0.0))"
    if kind == "DiracDelta":
        return "0.0"
    if kind == "KroneckerDelta":
        return f"(1.0 if {a[0]} == {a[1]} else 0.0)"
    if kind == "factorial":
        return f"math.gamma({a[0]} + 1.0)"
    if kind == "binomial":
        n, k = a
        return (
            f"math.exp(math.lgamma({n} + 1.0) - math.lgamma({k} + 1.0) "
            f"- math.lgamma({n} - {k} + 1.0))"
        )
    if kind == "beta":
        x, y = a
        return f"math.exp(math.lgamma({x}) + math.lgamma({y}) - math.lgamma({x} + {y}))"
    if kind in _CALLS:
        return f"{_CALLS[kind]}({', '.join(a)})"
    raise _no_form(kind)


def _literal(step: Any) -> str | None:
    if step.kind != "constant":
        return None
    if step.payload is sp.true or step.payload is sp.false:
        return str(bool(step.payload))
    if step.payload in (sp.S.Infinity, sp.S.NegativeInfinity):
        return "np.inf" if step.payload is sp.S.Infinity else "(-np.inf)"
    value = evaluate_exact(step.payload, {})
    if getattr(value, "imag", 0) != 0 or not math.isfinite(float(value.real)):
        raise _no_form(f"the constant {step.payload}")
    number = float(value.real)
    return repr(number) if number >= 0 else f"({number!r})"


def _no_form(what: str) -> InvalidManifold:
    return InvalidManifold(
        f"{what} has no compiled form inside an expectation; it is evaluated by numpy instead."
    )
