"""What lanes compute accelerations from: Christoffel symbols, or the metric to be solved.

Christoffel symbols of the second kind, as ring elements in unconstrained coordinates, need no
division by the metric at run time. They are taken where their code adds numbers of one sign only,
so that nothing can cancel in it; else the field of :mod:`statmani.kernels.contract` is solved.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

from sympy import Dummy, oo

from statmani.domain import Axis, Domain
from statmani.errors import CertificateError, InvalidManifold
from statmani.geometry import linear
from statmani.geometry.chart import pulled_tensors
from statmani.geometry.curvature import Geometry
from statmani.geometry.manifold import StatisticalManifold
from statmani.kernels.fields import field_source
from statmani.kernels.forms import improved
from statmani.kernels.straight import element_source, has_opaque

__all__ = ["keeps_digits", "lane_fields"]

# Inverting larger dense blocks, or longer entries, may take longer than compiling saves.
_LARGEST_BLOCK = 3
_MOST_TERMS = 60
# Signs of what is accurate; 0 may have any sign.
_SIGNS = {
    "math.cosh": 1, "math.exp": 1, "math.expm1": 0, "math.sinh": 0, "math.sqrt": 1,
    "math.tanh": 0, "pentagamma": 1, "tetragamma": -1, "trigamma": 1,
}  # fmt: skip
# Their relative errors are those of the argument times its size.
_EXPONENTIAL = ("math.exp", "math.expm1", "math.cosh", "math.sinh", "math.tanh")
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def lane_fields(manifold: StatisticalManifold, levi_civita: bool) -> tuple[str, str]:
    """Sources of (a field that begins with the metric, Christoffel symbols or nothing).

    The symbols Gamma^k_ij, i <= j, by k, of the Levi-Civita connection are followed by T^k_ij
    alike, unless `levi_civita`.
    """
    found = _symbols(manifold, levi_civita)
    if found is not None and keeps_digits(found[1]):
        return found
    return field_source(manifold, 1, True), ""


def _symbols(manifold: StatisticalManifold, levi_civita: bool) -> tuple[str, str] | None:
    n, geometry = manifold.dim, manifold.geometry
    given = [e for row in geometry.metric for e in row]
    if not levi_civita:
        given += geometry.skewness.values()
    numerator = manifold.ring.polynomials.numerator
    if (
        sum(len(numerator(e).to_dict()) for e in given if e) > _MOST_TERMS * n
        or max(map(len, linear.blocks(geometry.metric))) > _LARGEST_BLOCK
        or has_opaque(manifold.ring, given)
    ):
        return None
    u = tuple(Dummy(f"u{k}", real=True) for k in range(n))
    point = manifold.domain.from_unconstrained(u)
    chart = Domain(tuple(Axis(symbol, -oo, oo) for symbol in u))
    pairs = list(combinations_with_replacement(range(n), 2))
    try:
        ring, g, t = pulled_tensors(
            manifold, chart, dict(zip(manifold.coordinates, point, strict=True))
        )
        made = Geometry(ring, g, t)
        inverse, dot = made.inverse, ring.polynomials.dot
        symbols = [
            dot((inverse[k][m], made.first(i, j, m)) for m in range(n))
            for k in range(n)
            for i, j in pairs
        ]
        if not levi_civita:
            symbols += [
                dot((inverse[k][m], made.t(i, j, m)) for m in range(n))
                for k in range(n)
                for i, j in pairs
            ]
        metric = element_source("field", ring, [g[i][j] for i, j in pairs])
        return improved(metric), improved(element_source("symbols", ring, symbols))
    except (CertificateError, InvalidManifold):
        # What the ring of the chart cannot hold.
        return None


def keeps_digits(source: str) -> bool:
    """Whether straight code adds numbers of one sign only, apart from constants.

    Examples
    --------
    >>> keeps_digits("def f(x, out):\\n    t = math.exp(x[0])\\n    out[0] = 1.0 + 2.0*t\\n")
    True
    >>> keeps_digits("def f(x, out):\\n    t = math.exp(x[0])\\n    out[0] = 1.0 - 2.0*t\\n")
    False
    """
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    known: dict[str, _Known] = {}
    try:
        for statement in function.body:
            if isinstance(statement, ast.Assign):
                (target,) = statement.targets
                found = _read(statement.value, known)
                if isinstance(target, ast.Name):
                    known[target.id] = found
    except _MayCancel:
        return False
    return True


class _MayCancel(Exception):
    """A sum of numbers of different signs, or something without a rule."""


class _Known(NamedTuple):
    """A constant, or the sign of what is none."""

    number: float | None
    sign: int


def _read(node: ast.expr, known: dict[str, _Known]) -> _Known:
    match node:
        case ast.Constant():
            number = float(node.value)  # type: ignore[arg-type]
            return _Known(number, (number > 0) - (number < 0))
        case ast.Name():
            return known[node.id]
        case ast.Subscript():
            return _Known(None, 0)
        case ast.UnaryOp(op=ast.USub()):
            inner = _read(node.operand, known)
            return _Known(None if inner.number is None else -inner.number, -inner.sign)
        case ast.Call():
            name = ast.unparse(node.func)
            if name in _SIGNS:
                if name not in _EXPONENTIAL:
                    _read(node.args[0], known)
                return _Known(None, _SIGNS[name])
        case ast.BinOp(op=ast.Pow()):
            base, exponent = _read(node.left, known), ast.literal_eval(node.right)
            if base.number is not None:
                return _joined(ast.Mult(), _Known(base.number**exponent, 0), _Known(1.0, 1), False)
            return _Known(None, 1 if exponent % 2 == 0 else base.sign)
        case ast.BinOp():
            same = ast.dump(node.left) == ast.dump(node.right)
            return _joined(node.op, _read(node.left, known), _read(node.right, known), same)
    raise _MayCancel


def _joined(sign: ast.operator, a: _Known, b: _Known, same: bool) -> _Known:
    number = None
    if a.number is not None and b.number is not None:
        number = float(_OPERATORS[type(sign)](a.number, b.number))
        return _Known(number, (number > 0) - (number < 0))
    if isinstance(sign, (ast.Mult, ast.Div)):
        return _Known(None, 1 if same else a.sign * b.sign)
    second = -b.sign if isinstance(sign, ast.Sub) else b.sign
    if a.sign != second or a.sign == 0:
        raise _MayCancel
    return _Known(None, a.sign)
