"""Metric and skewness with their derivatives as packed fields, in either chart.

In unconstrained coordinates u the tensors are elements of a ring over exp(u): rational in
E = exp(u) wherever they are rational in theta, so that 1 - p is 1/(1 + E), not a difference.
What that ring cannot hold goes through sympy, where every axis that maps through exp gets its
own positive symbol E, with d/du = d/du + E d/dE.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import Any

from sympy import Dummy, Expr, Float, Integer, PolynomialError, Symbol, exp, factor, oo

from statmani.algebra.element import Element
from statmani.algebra.ring import Ring
from statmani.domain import Axis, Domain
from statmani.errors import CertificateError, InvalidManifold
from statmani.geometry.chart import pulled_tensors
from statmani.geometry.manifold import StatisticalManifold
from statmani.kernels.emit import function_source
from statmani.kernels.forms import improved
from statmani.kernels.straight import element_source, has_opaque

__all__ = ["Chart", "field_outputs", "field_source", "map_source"]

_FACTOR_LIMIT = 300


def _tidy(expr: Expr) -> Expr:
    if expr.is_number or expr.has(Float) or expr.count_ops() > _FACTOR_LIMIT:
        return expr
    try:
        return factor(expr)
    except PolynomialError:
        return expr


class Chart:
    """Symbols and maps of one chart; `unconstrained` False keeps the manifold's coordinates."""

    def __init__(self, manifold: StatisticalManifold, unconstrained: bool) -> None:
        n = manifold.dim
        self.theta = tuple(manifold.coordinates)
        self.u = tuple(Dummy(f"u{k}", real=True) for k in range(n))
        self.exponentials: dict[Symbol, int] = {}
        if not unconstrained:
            self.inputs: tuple[Symbol, ...] = self.theta
            self.point: tuple[Expr, ...] = self.theta
            self.jacobian = [[Integer(int(i == a)) for a in range(n)] for i in range(n)]
            return
        self.inputs = self.u
        symbols = [Dummy(f"e{k}", positive=True) for k in range(n)]

        def short(argument: Expr) -> Expr:
            coefficient, rest = argument.as_coeff_Mul()
            if coefficient.is_Rational and rest in self.u:
                at = self.u.index(rest)
                self.exponentials[symbols[at]] = at
                return symbols[at] ** coefficient
            return exp(argument)

        raw = manifold.domain.from_unconstrained(self.u)
        self.point = tuple(_tidy(e.rewrite(exp).replace(exp, short)) for e in raw)
        self.jacobian = [[_tidy(self.derivative(e, a)) for a in range(n)] for e in self.point]

    def derivative(self, expr: Expr, axis: int) -> Expr:
        """Total derivative along one coordinate of the chart."""
        result: Any = expr.diff(self.inputs[axis])
        for symbol, at in self.exponentials.items():
            if at == axis:
                result += symbol * expr.diff(symbol)
        return result

    def pull_back(self, components: dict[tuple[int, ...], Expr], rank: int) -> list[Expr]:
        """Packed components of a symmetric covariant tensor in this chart."""
        n = len(self.theta)
        at = dict(zip(self.theta, self.point, strict=True))
        current = {key: value.xreplace(at) for key, value in components.items() if value != 0}
        # One index at a time: n**(rank + 1) products instead of n**(2 rank).
        for slot in range(rank):
            pulled: dict[tuple[int, ...], Any] = {}
            for key, value in current.items():
                for a in range(n):
                    weight = self.jacobian[key[slot]][a]
                    if weight != 0:
                        target = (*key[:slot], a, *key[slot + 1 :])
                        pulled[target] = pulled.get(target, Integer(0)) + weight * value
            current = pulled
        return [
            _tidy(current.get(key, Integer(0)))
            for key in combinations_with_replacement(range(n), rank)
        ]


def _components(manifold: StatisticalManifold) -> tuple[dict[Any, Expr], dict[Any, Expr]]:
    n = manifold.dim
    g = {(i, j): manifold.metric[i, j] for i in range(n) for j in range(n)}
    t = {
        (i, j, k): manifold.skewness[i, j, k] for i in range(n) for j in range(n) for k in range(n)
    }
    return g, t


def field_outputs(
    manifold: StatisticalManifold, order: int, unconstrained: bool
) -> tuple[tuple[Symbol, ...], dict[Symbol, int], list[Expr]]:
    """Inputs, symbols that stand for exp of an input, and packed outputs of a field."""
    n = manifold.dim
    chart = Chart(manifold, unconstrained)
    g_all, t_all = _components(manifold)
    g = chart.pull_back(g_all, 2)
    t = chart.pull_back(t_all, 3)
    dg = [[_tidy(chart.derivative(e, k)) for e in g] for k in range(n)]
    outputs = g + [e for row in dg for e in row] + t
    if order == 2:
        for k, m in combinations_with_replacement(range(n), 2):
            outputs += [chart.derivative(e, m) for e in dg[k]]
        for k in range(n):
            outputs += [chart.derivative(e, k) for e in t]
    return chart.inputs, chart.exponentials, outputs


def _field_elements(
    manifold: StatisticalManifold, order: int, unconstrained: bool
) -> tuple[Ring, list[Element]]:
    """Packed outputs of a field as ring elements; derivatives are taken in the ring."""
    n = manifold.dim
    ring, g, t = manifold.ring, manifold.geometry.metric, manifold.geometry.skewness
    if unconstrained:
        u = tuple(Dummy(f"u{k}", real=True) for k in range(n))
        point = manifold.domain.from_unconstrained(u)
        chart = Domain(tuple(Axis(symbol, -oo, oo) for symbol in u))
        at = dict(zip(manifold.coordinates, point, strict=True))
        ring, g, t = pulled_tensors(manifold, chart, at)
    derivative, zero = ring.derivative, ring.polynomials.zero
    pairs = [g[i][j] for i, j in combinations_with_replacement(range(n), 2)]
    triples = [t.get(key, zero) for key in combinations_with_replacement(range(n), 3)]
    first = [[derivative(e, k) for e in pairs] for k in range(n)]
    outputs = pairs + [e for row in first for e in row] + triples
    if order == 2:
        for k, m in combinations_with_replacement(range(n), 2):
            outputs += [derivative(e, m) for e in first[k]]
        for k in range(n):
            outputs += [derivative(e, k) for e in triples]
    return ring, outputs


def field_source(manifold: StatisticalManifold, order: int, unconstrained: bool) -> str:
    """Source of ``field(x, out)`` with derivatives of g up to `order` (1 or 2)."""
    geometry = manifold.geometry
    given = [e for row in geometry.metric for e in row] + list(geometry.skewness.values())
    if has_opaque(manifold.ring, given):
        return _printed_field(manifold, order, unconstrained)
    try:
        return improved(element_source("field", *_field_elements(manifold, order, unconstrained)))
    except (CertificateError, InvalidManifold):
        # What the ring of the chart cannot hold; errors of the user's making come up again.
        return _printed_field(manifold, order, unconstrained)


def _printed_field(manifold: StatisticalManifold, order: int, unconstrained: bool) -> str:
    inputs, exponentials, outputs = field_outputs(manifold, order, unconstrained)
    return improved(function_source("field", inputs, exponentials, outputs))


def map_source(manifold: StatisticalManifold) -> str:
    """Source of ``chart(u, out)`` and ``inverse(theta, out)``."""
    chart = Chart(manifold, True)
    outputs = list(chart.point) + [e for row in chart.jacobian for e in row]
    forward = function_source("chart", chart.inputs, chart.exponentials, outputs)
    inverse = manifold.domain.to_unconstrained()
    return forward + "\n\n" + function_source("inverse", chart.theta, {}, inverse)
