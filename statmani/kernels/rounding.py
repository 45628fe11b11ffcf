"""Running bounds of the rounding errors of generated functions.

Every operation of a generated straight-line function is repeated with numpy on pairs of a value
and a bound of its error (Wilkinson 1963, chapter 1; Higham 2002, section 3.3): what an operation
does to the errors of its arguments, to first order, plus its own rounding. Closed forms with
removable singularities lose their digits without any other sign.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rounding"]

Floats = NDArray[np.float64]
_UNIT = 2.0**-53
_TINY, _LEAST = 2.3e-308, 5e-324
# Rows at a time, so that intermediate results stay in the cache.
_ROWS = 2048


class _Pair(NamedTuple):
    """Values with bounds of their absolute errors."""

    value: Any
    error: Any


class _UnknownForm(Exception):
    """A construct without a rule; its error is taken for infinite."""


@final
class Rounding:
    """Error bounds of ``field(x, out)`` of a generated module.

    Parameters
    ----------
    module : module
        A module of :mod:`statmani.kernels.cache`.
    """

    def __init__(self, module: ModuleType) -> None:
        loader: Any = module.__loader__
        tree = ast.parse(loader.get_source(module.__name__))
        (function,) = (
            node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "field"
        )
        self._statements: list[tuple[str | int, ast.expr, set[str]]] = []
        self._known = True
        for node in function.body:
            if isinstance(node, ast.Return):
                continue
            zeros = _zeros(node)
            if zeros is not None:
                nothing = ast.Constant(0.0)
                self._statements += [(k, nothing, set()) for k in range(zeros)]
                continue
            if not isinstance(node, ast.Assign) or len(node.targets) != 1:
                self._known = False
                continue
            target = node.targets[0]
            names = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
            if isinstance(target, ast.Name):
                self._statements.append((target.id, node.value, names))
            elif isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                self._statements.append((int(str(target.slice.value)), node.value, names))
            else:
                self._known = False

    def errors(self, points: Floats, count: int) -> Floats:
        """Bounds for the first `count` outputs at rows of points, shape (N, count).

        Infinite or NaN where no bound is known.
        """
        result = np.full((len(points), count), np.inf)
        if not self._known:
            return result
        plan = self._plan(count)
        with np.errstate(all="ignore"):
            for start in range(0, len(points), _ROWS):
                rows = slice(start, start + _ROWS)
                self._run(plan, points[rows], result[rows])
        return result

    def _plan(self, count: int) -> list[tuple[str | int, ast.expr, set[str]]]:
        """The statements that the outputs need, each with the names that it uses last."""
        plan: list[tuple[str | int, ast.expr, set[str]]] = []
        needed: set[str] = set()
        for target, value, names in reversed(self._statements):
            if target in needed or (isinstance(target, int) and target < count):
                plan.append((target, value, names - needed))
                needed |= names
        return plan[::-1]

    @staticmethod
    def _run(plan: list[tuple[str | int, ast.expr, set[str]]], points: Floats, out: Floats) -> None:
        known: dict[str, _Pair] = {}
        for target, value, last in plan:
            try:
                pair = _bounded(value, known, points)
            except _UnknownForm:
                pair = _Pair(np.float64(np.nan), np.float64(np.inf))
            if isinstance(target, int):
                out[:, target] = pair.error
            else:
                known[target] = pair
            for name in last:
                known.pop(name, None)


def _zeros(node: ast.stmt) -> int | None:
    """How many outputs a loop ``for k in range(count): out[k] = 0.0`` sets."""
    if not isinstance(node, ast.For) or len(node.body) != 1 or node.orelse:
        return None
    matched = re.fullmatch(r"for (\w+) in range\((\d+)\):\n    out\[\1\] = 0\.0", ast.unparse(node))
    return int(matched[2]) if matched else None


def _bounded(node: ast.expr, known: dict[str, _Pair], points: Floats) -> _Pair:
    if isinstance(node, ast.Name):
        return known[node.id]
    if isinstance(node, ast.Constant):
        return _constant(node.value)
    if isinstance(node, ast.BinOp):
        left = _bounded(node.left, known, points)
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
            exponent: Any = node.right.value
            if isinstance(exponent, int):
                return _whole_power(left, exponent)
        rule = _OPERATORS.get(type(node.op))
        if rule is not None:
            return rule(left, _bounded(node.right, known, points))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value, error = _bounded(node.operand, known, points)
        return _Pair(-value, error)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return _Pair(points[:, int(str(node.slice.value))], np.float64(0.0))
    if isinstance(node, ast.IfExp):
        truth, unsure = _decided(node.test, known, points)
        one = _bounded(node.body, known, points)
        other = _bounded(node.orelse, known, points)
        error = np.where(truth, one.error, other.error)
        return _Pair(np.where(truth, one.value, other.value), np.where(unsure, np.inf, error))
    if isinstance(node, ast.Attribute) and node.attr == "nan":
        return _Pair(np.float64(np.nan), np.float64(np.inf))
    if isinstance(node, ast.Call):
        function = _FUNCTIONS.get(ast.unparse(node.func))
        if function is not None:
            return function(*(_bounded(a, known, points) for a in node.args))
    raise _UnknownForm


def _decided(node: ast.expr, known: dict[str, _Pair], points: Floats) -> tuple[Any, Any]:
    """Truth of a condition, and whether rounding may have changed it."""
    if isinstance(node, ast.Constant):
        return np.bool_(node.value), np.bool_(False)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        truth, unsure = _decided(node.operand, known, points)
        return ~truth, unsure
    if isinstance(node, ast.BoolOp):
        parts = [_decided(value, known, points) for value in node.values]
        combine = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        truth, unsure = parts[0]
        for other, doubt in parts[1:]:
            truth, unsure = combine(truth, other), unsure | doubt
        return truth, unsure
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        a = _bounded(node.left, known, points)
        b = _bounded(node.comparators[0], known, points)
        slack = a.error + b.error
        unsure = (slack > 0) & ~(np.abs(a.value - b.value) > slack)
        return _COMPARISONS[type(node.ops[0])](a.value, b.value), unsure
    raise _UnknownForm


def _constant(value: Any) -> _Pair:
    number = np.float64(value)
    # Halves, quarters and whole numbers are meant; of others the nearest double is printed.
    exact = abs(number) < 2.0**53 and float(number * 1024.0).is_integer()
    return _Pair(number, np.float64(0.0 if exact else _UNIT * abs(number)))


def _plus(a: _Pair, b: _Pair) -> _Pair:
    value = a.value + b.value
    return _Pair(value, a.error + b.error + _UNIT * np.abs(value))


def _minus(a: _Pair, b: _Pair) -> _Pair:
    value = a.value - b.value
    return _Pair(value, a.error + b.error + _UNIT * np.abs(value))


def _covered(value: Any, error: Any, *factors: Any) -> _Pair:
    """Adds the error of underflow to that of a product of factors."""
    under = np.abs(value) < _TINY
    if np.any(under):
        for factor in factors:
            under = under & (factor != 0)
        error = error + np.where(under, _LEAST, 0.0)
    return _Pair(value, error)


def _times(a: _Pair, b: _Pair) -> _Pair:
    value = a.value * b.value
    error = (
        np.abs(a.value) * b.error + (np.abs(b.value) + b.error) * a.error + _UNIT * np.abs(value)
    )
    return _covered(value, error, a.value, b.value)


def _over(a: _Pair, b: _Pair) -> _Pair:
    value = a.value / b.value
    size = np.abs(value)
    left = np.maximum(np.abs(b.value) - b.error, 0.0)
    return _covered(value, (a.error + size * b.error) / left + _UNIT * size, a.value)


def _whole_power(a: _Pair, exponent: int) -> _Pair:
    k = abs(exponent)
    value = a.value**exponent
    size = np.abs(a.value)
    # The last factor covers errors that are not small beside the base.
    slope = k * size ** (k - 1) if exponent > 0 else k * np.abs(value) / size
    growth = (1.0 + a.error / size) ** k if k > 1 else 1.0
    spread = np.where(a.error > 0, slope * growth * a.error, 0.0)
    return _covered(value, spread + k * _UNIT * np.abs(value), a.value)


def _power(a: _Pair, b: _Pair) -> _Pair:
    value = np.power(a.value, b.value)
    relative = np.abs(b.value) * _log_error(a) + np.where(
        b.error > 0, np.abs(np.log(np.abs(a.value))) * b.error, 0.0
    )
    return _covered(value, np.abs(value) * (np.expm1(relative) + 2 * _UNIT), a.value)


def _log_error(a: _Pair) -> Any:
    share = a.error / np.abs(a.value)
    return np.where(a.error > 0, -np.log1p(-np.minimum(share, 1.0)), 0.0)


def _exp(a: _Pair) -> _Pair:
    value = np.exp(a.value)
    return _covered(value, value * (np.expm1(a.error) + 2 * _UNIT))


def _log(a: _Pair) -> _Pair:
    value = np.log(a.value)
    return _Pair(value, _log_error(a) + 2 * _UNIT * np.abs(value))


def _sqrt(a: _Pair) -> _Pair:
    value = np.sqrt(a.value)
    spread = np.where(a.error > 0, a.error / value, 0.0)
    return _Pair(value, spread + _UNIT * value)


def _sign(a: _Pair) -> _Pair:
    unsure = (a.error > 0) & ~(np.abs(a.value) > a.error)
    return _Pair(np.sign(a.value), np.where(unsure, np.inf, 0.0))


def _smooth(
    function: Callable[[Any], Any],
    slope: Callable[[Any, Any], Any],
    units: float,
    a: _Pair,
) -> _Pair:
    """A function with derivative slope(x, f(x)), and an error of its own of some units."""
    value = function(a.value)
    spread = np.abs(slope(a.value, value)) * a.error + a.error * a.error
    return _Pair(value, np.where(a.error > 0, spread, 0.0) + units * _UNIT * np.abs(value))


def _atan2(a: _Pair, b: _Pair) -> _Pair:
    value = np.arctan2(a.value, b.value)
    spread = np.abs(b.value) * a.error + np.abs(a.value) * b.error
    left = a.value**2 + b.value**2
    return _Pair(value, spread / left + 2 * _UNIT * np.abs(value))


def _special(name: str) -> Callable[..., Any]:
    import scipy.special

    function: Callable[..., Any] = getattr(scipy.special, name)
    return function


def _gamma(a: _Pair) -> _Pair:
    value = _special("gamma")(a.value)
    relative = np.where(a.error > 0, np.abs(_special("digamma")(a.value)) * a.error, 0.0)
    return _covered(value, np.abs(value) * (np.expm1(1.1 * relative) + 20 * _UNIT))


def _log_gamma(a: _Pair) -> _Pair:
    value = _special("gammaln")(a.value)
    spread = np.where(a.error > 0, 1.1 * np.abs(_special("digamma")(a.value)) * a.error, 0.0)
    return _Pair(value, spread + 10 * _UNIT * (1.0 + np.abs(value)))


def _erf(complementary: bool, a: _Pair) -> _Pair:
    value = _special("erfc" if complementary else "erf")(a.value)
    far = np.maximum(np.abs(a.value) - a.error, 0.0)
    spread = np.where(a.error > 0, 1.13 * np.exp(-far * far) * a.error, 0.0)
    # exp(-x^2) inside multiplies the rounding of x^2.
    units = 20.0 + (2.0 * a.value * a.value if complementary else 0.0)
    return _covered(value, spread + units * _UNIT * np.abs(value))


def _polygamma(order: int, units: float, a: _Pair) -> _Pair:
    x = a.value
    if order == 0:
        value = _special("digamma")(x)
        near = np.maximum(x - a.error, 0.0)
        spread = (1.0 + 1.0 / near) / near * a.error
    else:
        size = _special("gamma")(order + 1.0) * _special("zeta")(order + 1.0, x)
        value = size if order % 2 else -size
        # |x psi_n'(x) / psi_n(x)| <= n + 1.
        spread = size * np.expm1((order + 1) * _log_error(a))
    error = np.where(a.error > 0, spread, 0.0) + units * _UNIT * np.abs(value)
    return _Pair(value, np.where(x > 0, error, np.inf))


def _any_polygamma(order: _Pair, a: _Pair) -> _Pair:
    return _polygamma(int(order.value), 100, a)


def _bessel(order: _Pair, a: _Pair) -> _Pair:
    value = _special("iv")(order.value, a.value)
    # x I'(x) / I(x) <= x + order.
    relative = (np.abs(a.value) + np.abs(order.value)) * _log_error(a)
    return _covered(value, np.abs(value) * (np.expm1(relative) + 100 * _UNIT))


def _bessel_k(order: _Pair, a: _Pair) -> _Pair:
    value = _special("kv")(order.value, a.value)
    # |x K'(x) / K(x)| <= x + order + 1.
    relative = (np.abs(a.value) + np.abs(order.value) + 1.0) * _log_error(a)
    return _covered(value, np.abs(value) * (np.expm1(relative) + 1000 * _UNIT))


_OPERATORS: dict[type[ast.operator], Callable[[_Pair, _Pair], _Pair]] = {
    ast.Add: _plus,
    ast.Sub: _minus,
    ast.Mult: _times,
    ast.Div: _over,
    ast.Pow: _power,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
_FUNCTIONS: dict[str, Callable[..., _Pair]] = {
    "abs": lambda a: _Pair(np.abs(a.value), a.error),
    "np.sign": _sign,
    "math.exp": _exp,
    "math.expm1": partial(_smooth, np.expm1, lambda _, v: np.abs(1.0 + v), 4),
    "math.log": _log,
    "math.log1p": partial(_smooth, np.log1p, lambda x, _: 1.0 / np.abs(1.0 + x), 4),
    "math.sqrt": _sqrt,
    "math.sin": partial(_smooth, np.sin, lambda x, _: np.cos(x), 2),
    "math.cos": partial(_smooth, np.cos, lambda x, _: np.sin(x), 2),
    "math.tan": partial(_smooth, np.tan, lambda _, v: 1.0 + v * v, 4),
    "math.sinh": partial(_smooth, np.sinh, lambda x, _: np.cosh(x), 4),
    "math.cosh": partial(_smooth, np.cosh, lambda x, _: np.sinh(x), 4),
    "math.tanh": partial(_smooth, np.tanh, lambda _, v: 1.0 - v * v, 4),
    "math.asinh": partial(_smooth, np.arcsinh, lambda x, _: 1.0 / np.hypot(1.0, x), 4),
    "math.acosh": partial(_smooth, np.arccosh, lambda x, _: 1.0 / np.sqrt(x * x - 1.0), 4),
    "math.atanh": partial(_smooth, np.arctanh, lambda x, _: 1.0 / (1.0 - x * x), 4),
    "math.asin": partial(_smooth, np.arcsin, lambda x, _: 1.0 / np.sqrt(1.0 - x * x), 4),
    "math.acos": partial(_smooth, np.arccos, lambda x, _: 1.0 / np.sqrt(1.0 - x * x), 4),
    "math.atan": partial(_smooth, np.arctan, lambda x, _: 1.0 / (1.0 + x * x), 4),
    "math.atan2": _atan2,
    "math.gamma": _gamma,
    "math.lgamma": _log_gamma,
    "math.erf": partial(_erf, False),
    "math.erfc": partial(_erf, True),
    "digamma": partial(_polygamma, 0, 20),
    "trigamma": partial(_polygamma, 1, 9),
    "tetragamma": partial(_polygamma, 2, 9),
    "pentagamma": partial(_polygamma, 3, 9),
    "polygamma": _any_polygamma,
    "besseli": _bessel,
    "besselk": _bessel_k,
}
