"""Charts and nodes of double-exponential quadrature on the support of a declaration.

Takahasi and Mori (1974). Each continuous variable is written as an end point (or kink) plus or
minus a positive z, symbolically, so that no digit is lost next to a singular end point.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp

from statmani.declaration import Declaration, Variable

__all__ = [
    "AxisChart",
    "Chart",
    "axis_nodes",
    "charts_of",
    "clean",
    "fractions_joined",
    "in_order",
    "kinks",
    "to_chart",
    "without_max",
]


@dataclass(frozen=True)
class AxisChart:
    """x = sample(z) with z on a line, a half-line or (0, width / 2)."""

    symbol: sp.Symbol
    z: sp.Symbol
    sample: sp.Expr
    kind: str
    width: sp.Expr | None = None


Chart = tuple[AxisChart, ...]
_FEW_TERMS = 4


def kinks(expr: sp.Basic, x: sp.Symbol) -> list[sp.Expr]:
    """Roots in x of the arguments of Abs, sign, Heaviside and of inequalities."""
    inner = [a.args[0] for a in expr.atoms(sp.Abs, sp.sign, sp.Heaviside)]
    inner += [
        r.lhs - r.rhs
        for r in expr.atoms(sp.core.relational.Relational)
        if not isinstance(r, (sp.Equality, sp.Unequality))
    ]
    roots = set()
    for argument in itertools.chain.from_iterable(_unfolded(a) for a in inner):
        slope = sp.expand(argument.diff(x)) if argument.has(x) else sp.Integer(0)
        if slope != 0 and not slope.has(x):
            roots.add(sp.expand(-(argument - slope * x).expand() / slope))
    return sorted(roots, key=sp.default_sort_key)


def _unfolded(argument: sp.Expr) -> list[sp.Expr]:
    """The argument with each absolute value opened to both sides, as in Abs(x - m) < s."""
    found = [argument]
    for _ in range(3):
        nested = [(e, a) for e in found for a in e.atoms(sp.Abs)]
        if not nested:
            break
        expr, node = nested[0]
        found.remove(expr)
        found += [expr.xreplace({node: sign * node.args[0]}) for sign in (1, -1)]
    return found


def without_max(expr: sp.Expr) -> sp.Expr:
    """Max and Min of two terms through Abs, so that kinks are seen in one form only."""

    def rewritten(node: sp.Expr) -> sp.Expr:
        sign = 1 if isinstance(node, sp.Max) else -1
        total = node.args[0]
        for other in node.args[1:]:
            total = (total + other + sign * sp.Abs(total - other)) / 2
        return total

    if not expr.has(sp.Max, sp.Min):
        return expr
    return expr.replace(lambda e: isinstance(e, (sp.Max, sp.Min)), rewritten)


def clean(expr: sp.Expr) -> sp.Expr:
    """Collect the sums inside functions so that end points cancel exactly, and decide kinks."""
    table = {
        node: node.func(*(sp.expand_mul(a) for a in node.args))
        for node in expr.atoms(sp.Abs, sp.sign, sp.Heaviside)
    }
    for relation in expr.atoms(sp.core.relational.Relational):
        if not isinstance(relation, (sp.Equality, sp.Unequality)):
            table[relation] = relation.func(sp.expand_mul(relation.lhs - relation.rhs), 0)
    expr = expr.xreplace(table) if table else expr
    sums = [a for a in expr.atoms(sp.Add) if any(t.is_Mul or t.is_Add for t in a.args)]
    if len(sums) > 200:
        return expr
    return expr.replace(lambda e: isinstance(e, sp.Add), _collected)


def _collected(total: sp.Add) -> sp.Expr:
    """The sum with its products opened, and powers of sums too where terms cancel then."""
    total = one_fraction(total)
    plain = sp.expand_mul(total)
    if not any(p.exp.is_Integer and p.base.is_Add for p in total.atoms(sp.Pow)):
        return plain
    opened = sp.expand(
        total, power_base=False, power_exp=False, log=False, basic=False, multinomial=True
    )
    # Such as 9 - (3 - z)^2; without a constant nothing is lost next to z = 0.
    terms = sp.Add.make_args(opened)
    constant = sp.Add(*(t for t in terms if t.is_number))
    fewer = len(terms) < len(sp.Add.make_args(plain))
    return opened if fewer or (constant == 0 and len(terms) < 16) else plain


def fractions_joined(expr: sp.Expr) -> sp.Expr:
    """The expression with each of its sums as by :func:`one_fraction`."""
    return expr.replace(lambda e: isinstance(e, sp.Add), one_fraction)


def one_fraction(total: sp.Expr) -> sp.Expr:
    """A sum of few fractions such as 1 - x/(1 + x) as one, where its terms cancel then."""
    if not total.is_Add or len(total.args) > _FEW_TERMS:
        return total
    if not any(p.exp.is_negative and p.base.is_Add for t in total.args for p in _powers(t)):
        return total
    top, bottom = sp.fraction(sp.together(total))
    top = sp.expand(top)
    return top / bottom if len(sp.Add.make_args(top)) < len(total.args) else total


def _powers(term: sp.Expr) -> list[sp.Expr]:
    return [f for f in sp.Mul.make_args(term) if f.is_Pow]


def charts_of(
    declaration: Declaration,
    variables: Sequence[Variable],
    functions: Sequence[sp.Expr] = (),
    number: Callable[[sp.Expr], float] | None = None,
) -> list[Chart]:
    """All combinations of charts of the continuous variables, in nested order.

    Pieces end at kinks of the density and of ``functions``; at one of them, unless their order is
    known or ``number`` gives places their values.
    """
    charts: list[Chart] = [()]
    density = sp.Tuple(*(without_max(e) for e in (declaration.log_density, *functions)))
    for position, variable in enumerate(variables):
        grown: list[Chart] = []
        for chart in charts:
            earlier = {c.symbol: c.sample for c in chart}
            lower = sp.expand(variable.lower.xreplace(earlier))
            upper = sp.expand(variable.upper.xreplace(earlier))
            breaks = (
                [k.xreplace(earlier) for k in kinks(density, variable.symbol)]
                if len(variables) == 1 or position == len(variables) - 1
                else []
            )
            breaks = [b for b in breaks if b not in (lower, upper)]
            order = number
            if order is None and all(e.is_number for e in (*breaks, lower, upper)):
                order = float
            if order is None:
                breaks = in_order(breaks) or breaks[:1]
            else:
                places = {order(b): b for b in breaks}
                inside = (p for p in places if order(lower) < p < order(upper))
                breaks = [places[p] for p in sorted(inside)]
            ends = [lower, *breaks, upper]
            for low, high in itertools.pairwise(ends):
                grown += [(*chart, piece) for piece in _pieces(variable.symbol, low, high)]
        charts = grown
    return charts


def in_order(places: Sequence[sp.Expr]) -> list[sp.Expr] | None:
    """The places from left to right, when their order is the same everywhere."""
    ordered: list[sp.Expr] = []
    for place in places:
        at = 0
        for other in ordered:
            difference = sp.expand(place - other)
            if difference.is_positive:
                at += 1
            elif not difference.is_negative:
                return None
        ordered.insert(at, place)
    return ordered


def _pieces(symbol: sp.Symbol, low: sp.Expr, high: sp.Expr) -> list[AxisChart]:
    if low is sp.S.NegativeInfinity and high is sp.S.Infinity:
        z = sp.Dummy("z", real=True)
        return [AxisChart(symbol, z, z, "line")]
    z = sp.Dummy("z", positive=True)
    if high is sp.S.Infinity:
        return [AxisChart(symbol, z, low + z, "half")]
    if low is sp.S.NegativeInfinity:
        return [AxisChart(symbol, z, high - z, "half")]
    width = sp.expand(high - low)
    return [
        AxisChart(symbol, z, low + z, "finite", width),
        AxisChart(symbol, z, high - z, "finite", width),
    ]


def axis_nodes(
    kind: str, t: np.ndarray, centre: float, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Unconstrained y and dy/dt: exponential in t at both ends, heavier on a line."""
    y = np.pi / 2 * np.sinh(t)
    slope = np.pi / 2 * np.cosh(t)
    if kind == "line":
        return centre + scale * np.sinh(y), scale * np.cosh(y) * slope
    return centre + scale * y, scale * slope


def to_chart(
    kind: str, y: np.ndarray, half_width: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """z and log dz/dy of an unconstrained y."""
    if kind == "line":
        return y, np.zeros_like(y)
    if kind == "half":
        return np.exp(y), y
    tail = np.logaddexp(0.0, -y)
    return half_width * np.exp(-tail), np.log(half_width) - tail - np.logaddexp(0.0, y)
