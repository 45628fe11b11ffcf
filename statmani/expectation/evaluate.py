"""Numeric evaluation of expressions as straight-line programs, without generated source.

Shared subexpressions are evaluated once; subexpressions free of the sample are evaluated once per
parameter point at high precision, so that a node of a quadrature costs only what depends on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from statmani.errors import IntractableExpectation
from statmani.expectation.bound_totals import BoundTotal
from statmani.expectation.context import new_context, thread_context
from statmani.expectation.gamma_ratios import RATIO_ARRAY_RULES, paired
from statmani.expectation.precise_steps import RELATIONS, apply_mp, bound_step
from statmani.expectation.stable import ARRAY_RULES
from statmani.expectation.steps import (
    SPECIAL_ARRAY_RULES,
    Step,
    factored,
    special_step,
    stable_step,
)

__all__ = ["Program", "Step", "evaluate_exact", "new_context"]


class Program:
    """Several expressions of parameters and sample variables, compiled to one list of steps.

    Parameters
    ----------
    outputs : sequence of sympy expressions
    variables : sequence of Symbol
        The symbols that vary from node to node; all others are fixed at a point.

    Examples
    --------
    >>> import numpy as np, sympy as sp
    >>> from statmani.expectation.evaluate import Program
    >>> x, a = sp.symbols("x a", positive=True)
    >>> program = Program([a * sp.log(x)], [x])
    >>> program.arrays({a: sp.Integer(2)}, [np.array([1.0, 1.0])])[0].tolist()
    [0.0, 0.0]
    """

    def __init__(self, outputs: Sequence[sp.Basic], variables: Sequence[sp.Symbol]) -> None:
        self.variables = tuple(variables)
        self._steps: list[Step] = []
        self._index: dict[sp.Basic, int] = {}
        # Doubles of what does not move, at the point of the last call.
        self._last: tuple[dict[sp.Symbol, Any], list[Any]] | None = None
        self.outputs = tuple(self._compile(sp.sympify(e)) for e in outputs)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The list of steps, for kernels that translate it."""
        return tuple(self._steps)

    def _push(self, expr: sp.Basic, kind: str, payload: Any = None) -> int:
        arguments = tuple(self._compile(a) for a in expr.args)
        moving = any(self._steps[i].moving for i in arguments)
        self._steps.append(Step(kind, arguments, payload, moving))
        return len(self._steps) - 1

    def _compile(self, expr: sp.Basic) -> int:
        found = self._index.get(expr)
        if found is not None:
            return found
        if expr in self.variables:
            self._steps.append(Step("variable", (), self.variables.index(expr), True))
            position = len(self._steps) - 1
        elif isinstance(expr, sp.Symbol):
            self._steps.append(Step("symbol", (), expr, False))
            position = len(self._steps) - 1
        elif hasattr(expr, "numeric_value"):
            # An object that knows its value, such as an unevaluated expectation.
            arguments = tuple(self._compile(a) for a in expr.numeric_arguments)
            if any(self._steps[i].moving for i in arguments):
                raise IntractableExpectation(f"{expr} depends on the sample")
            self._steps.append(Step("object", arguments, expr, False))
            position = len(self._steps) - 1
        elif not expr.args:
            self._steps.append(Step("constant", (), expr, False))
            position = len(self._steps) - 1
        elif isinstance(expr, (sp.Sum, sp.Integral)):
            total = BoundTotal(expr)
            arguments = tuple(self._compile(a) for a in total.numeric_arguments)
            if any(self._steps[i].moving for i in arguments):
                raise IntractableExpectation(
                    f"{expr} depends on the sample. Write it in closed form, by .doit() or with "
                    "a special function."
                )
            self._steps.append(Step("object", arguments, total, False))
            position = len(self._steps) - 1
        elif (stable := stable_step(expr)) is not None:
            kind, inner_expr = stable
            inner = self._compile(inner_expr)
            if kind == "same":
                return self._index.setdefault(expr, inner)
            self._steps.append(Step(kind, (inner,), None, self._steps[inner].moving))
            position = len(self._steps) - 1
        elif (special := special_step(expr)) is not None:
            places = tuple(self._compile(a) for a in special[1])
            moving = any(self._steps[i].moving for i in places)
            self._steps.append(Step(special[0], places, None, moving))
            position = len(self._steps) - 1
        elif isinstance(expr, sp.Piecewise):
            parts: list[int] = []
            for value, condition in expr.args:
                parts += [self._compile(value), self._compile(condition)]
            moving = any(self._steps[i].moving for i in parts)
            self._steps.append(Step("piecewise", tuple(parts), None, moving))
            position = len(self._steps) - 1
        elif isinstance(expr, sp.Add) and (ratio := paired(expr, self.variables)) is not None:
            position = self._compile(ratio)
        elif (joined := factored(expr)) is not None:
            position = self._compile(joined)
        else:
            position = self._push(expr, expr.func.__name__)
        self._index[expr] = position
        return position

    def _fixed(self, context: Any, theta: Mapping[sp.Symbol, Any]) -> list[Any]:
        values: list[Any] = [None] * len(self._steps)
        for position, step in enumerate(self._steps):
            if step.moving:
                continue
            if step.kind == "symbol":
                if step.payload not in theta:
                    raise IntractableExpectation(
                        f"no value for the symbol {step.payload} in a numeric expectation"
                    )
                values[position] = _number(context, theta[step.payload])
            elif step.kind == "constant":
                values[position] = _number(context, step.payload)
            elif step.kind == "object":
                arguments = [values[i] for i in step.arguments]
                values[position] = step.payload.numeric_value(context, arguments)
            else:
                arguments = [values[i] for i in step.arguments]
                values[position] = apply_mp(context, step.kind, arguments)
        return values

    def arrays(
        self,
        theta: Mapping[sp.Symbol, Any],
        columns: Sequence[np.ndarray],
        count: int | None = None,
    ) -> list[np.ndarray]:
        """Evaluate (the first ``count`` outputs) at many nodes in double precision."""
        outputs = self.outputs if count is None else self.outputs[:count]
        needed = None if count is None else self._needed(outputs)
        last = self._last
        if last is None or last[0] != theta:
            fixed = self._fixed(thread_context(), theta)
            pairs = zip(self._steps, fixed, strict=True)
            doubles = [None if step.moving else _to_double(v) for step, v in pairs]
            last = self._last = (dict(theta), doubles)
        values = list(last[1])
        with np.errstate(all="ignore"):
            for position, step in enumerate(self._steps):
                if not step.moving or (needed is not None and position not in needed):
                    continue
                if step.kind == "variable":
                    values[position] = columns[step.payload]
                else:
                    values[position] = _apply_np(step.kind, [values[i] for i in step.arguments])
        shape = np.broadcast_shapes(*(np.shape(c) for c in columns)) if columns else ()
        return [np.broadcast_to(np.asarray(values[i]), shape) for i in outputs]

    def _needed(self, outputs: Sequence[int]) -> set[int]:
        found: set[int] = set()
        waiting = list(outputs)
        while waiting:
            position = waiting.pop()
            if position not in found:
                found.add(position)
                waiting += self._steps[position].arguments
        return found

    def bind(
        self, context: Any, theta: Mapping[sp.Symbol, Any]
    ) -> Callable[[Sequence[Any]], list[Any]]:
        """Return a function of one node, in the precision of ``context``."""
        fixed = self._fixed(context, theta)
        moving = [(i, step) for i, step in enumerate(self._steps) if step.moving]
        places = [(i, step.payload) for i, step in moving if step.kind == "variable"]
        operations = [
            (i, bound_step(context, step, fixed)) for i, step in moving if step.kind != "variable"
        ]

        def at(node: Sequence[Any]) -> list[Any]:
            values = list(fixed)
            for position, place in places:
                values[position] = node[place]
            for position, operation in operations:
                values[position] = operation(values)
            return [values[i] for i in self.outputs]

        return at


def evaluate_exact(expr: sp.Expr, theta: Mapping[sp.Symbol, Any], digits: int = 30) -> Any:
    """Value of an expression of parameters, as an mpmath number of a private context."""
    context = new_context(digits)
    return Program([expr], []).bind(context, theta)([])[0]


def _number(context: Any, value: Any) -> Any:
    if isinstance(value, sp.Basic):
        if value is sp.true or value is sp.false:
            return bool(value)
        if value is sp.S.Infinity:
            return context.inf
        if value is sp.S.NegativeInfinity:
            return -context.inf
        if value is sp.S.ComplexInfinity or value is sp.S.NaN:
            return context.nan
        if value is sp.S.ImaginaryUnit:
            return context.mpc(0, 1)
        if isinstance(value, sp.Integer):
            return context.mpf(int(value))
        if isinstance(value, sp.Rational):
            return context.mpf(int(value.p)) / int(value.q)
        return context.mpf(sp.N(value, context.dps + 5)._mpf_)
    return context.mpf(value)


def _to_double(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if getattr(value, "imag", 0) != 0:
        return complex(value)
    return float(value.real) if hasattr(value, "real") else float(value)


def _apply_np(kind: str, a: list[Any]) -> Any:
    if kind == "Add":
        total = a[0]
        for item in a[1:]:
            total = total + item
        return total
    if kind == "Mul":
        total = a[0]
        for item in a[1:]:
            total = total * item
        return total
    if kind == "Pow":
        base, power = a
        if np.isscalar(power) and isinstance(power, float) and power.is_integer():
            small = int(power)
            return 1.0 / np.power(base, -small) if small < 0 else np.power(base, small)
        return np.power(base, power)
    if kind in RELATIONS:
        return RELATIONS[kind](a[0], a[1])
    if kind == "piecewise":
        result = np.where(a[1], a[0], np.nan)
        if len(a) > 2:
            result = np.where(a[1], a[0], _apply_np("piecewise", a[2:]))
        return result
    direct = _NUMPY.get(kind)
    if direct is not None:
        return direct(*a)
    if kind == "loggamma" and np.size(a[0]) <= _FEW and np.isrealobj(a[0]):
        return np.asarray(_LOGGAMMA(a[0]), dtype=float)
    special = _special(kind)
    if special is not None:
        return special(*a)
    context = thread_context(20)
    table = np.frompyfunc(lambda *v: float(apply_mp(context, kind, list(v))), len(a), 1)
    return np.asarray(table(*a), dtype=float)


def _logical(op: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def fold(*a: Any) -> Any:
        total = a[0]
        for item in a[1:]:
            total = op(total, item)
        return total

    return fold


_NUMPY: dict[str, Callable[..., Any]] = {
    "exp": np.exp, "log": np.log, "log1p": np.log1p, "expm1": np.expm1,
    "one_minus_exp": lambda x: -np.expm1(x), "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh,
    "acosh": np.arccosh, "atanh": np.arctanh, "atan": np.arctan, "asin": np.arcsin,
    "acos": np.arccos, "Abs": np.abs, "sign": np.sign, "floor": np.floor, "ceiling": np.ceil,
    "Heaviside": lambda x, half=0.5: np.heaviside(x, half),
    "DiracDelta": lambda x, *_: np.zeros_like(x),
    "KroneckerDelta": lambda x, y, *_: np.equal(x, y).astype(float),
    "Max": _logical(np.maximum), "Min": _logical(np.minimum),
    "And": _logical(np.logical_and), "Or": _logical(np.logical_or), "Not": np.logical_not,
    **ARRAY_RULES, **SPECIAL_ARRAY_RULES, **RATIO_ARRAY_RULES,
}  # fmt: skip

_SPECIAL = {
    "loggamma": "gammaln", "gamma": "gamma", "erf": "erf", "erfc": "erfc", "besseli": "iv",
    "besselj": "jv", "besselk": "kv", "beta": "beta", "binomial": "binom",
    "factorial": "factorial", "LambertW": "lambertw",
}  # fmt: skip


#: Up to so many arguments the standard library is done before scipy.special is imported.
_FEW = 4096


def _log_gamma(x: float) -> float:
    """log|Gamma(x)| as scipy.special.gammaln has it."""
    try:
        return math.lgamma(x)
    except (ValueError, OverflowError):
        return math.inf


_LOGGAMMA = np.frompyfunc(_log_gamma, 1, 1)


def _special(kind: str) -> Callable[..., Any] | None:
    if kind == "polygamma":
        from scipy.special import polygamma

        return lambda n, x: polygamma(int(n), x)
    if kind not in _SPECIAL:
        return None
    import scipy.special

    return getattr(scipy.special, _SPECIAL[kind])  # type: ignore[no-any-return]
