"""One normal form of log p, whatever the spelling: sums of products of few kinds of atoms."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import final

import numpy as np
import sympy as sp

from statmani.declaration import Declaration
from statmani.errors import StatmaniError
from statmani.expectation.evaluate import Program
from statmani.expectation.nodes import without_max
from statmani.signs import Bounded, is_positive_on

__all__ = ["Signs", "expand_shallow", "normalise", "sample_points"]

_SMALL = 80
_DENSE = 300
_HYPERBOLIC = (sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch)


def sample_points(declaration: Declaration, count: int = 6) -> list[dict[sp.Symbol, sp.Expr]]:
    """Deterministic exact points (parameters, constants, sample) inside domain and support."""
    table: list[dict[sp.Symbol, sp.Expr]] = []
    fractions = [sp.Rational(*q) for q in ((3, 7), (1, 9), (5, 6), (2, 3), (1, 4), (7, 11))]
    domain = declaration.whole or declaration.domain
    for index, point in enumerate(domain.interior_points(count)):
        values: dict[sp.Symbol, sp.Expr] = dict(declaration.sample_values())
        values.update(zip(domain.symbols, point, strict=True))
        for shift, variable in enumerate(declaration.variables):
            fraction = fractions[(index + 2 * shift) % len(fractions)]
            lower = variable.lower.xreplace(values)
            upper = variable.upper.xreplace(values)
            if variable.values is not None:
                values[variable.symbol] = variable.values[index % len(variable.values)]
            elif variable.discrete:
                start = lower if lower.is_finite else sp.Integer(0)
                room = int(upper - start) if upper.is_finite else 7
                values[variable.symbol] = start + index % (room + 1)
            elif lower.is_finite and upper.is_finite:
                values[variable.symbol] = lower + fraction * (upper - lower)
            else:
                odds = fraction / (1 - fraction)
                values[variable.symbol] = (
                    lower + odds
                    if lower.is_finite
                    else upper - odds
                    if upper.is_finite
                    else odds - 1 / odds
                )
        table.append(values)
    return table


@final
class Signs:
    """Signs of real expressions on the domain: proved on boxes, or seen at every sample."""

    def __init__(
        self,
        declaration: Declaration,
        points: list[dict[sp.Symbol, sp.Expr]] | None = None,
    ) -> None:
        self._box: tuple[Bounded, ...] = (
            *(declaration.whole or declaration.domain).axes,
            *(v for v in declaration.variables if not v.discrete),
        )
        self._points = sample_points(declaration) if points is None else points

    def with_symbol(self, symbol: sp.Symbol, values: Iterable[sp.Expr]) -> Signs:
        """The same with one more symbol, which takes the given sample values."""
        other = object.__new__(Signs)
        other._box = self._box
        other._points = [{**point, symbol: value} for value in values for point in self._points]
        return other

    def proves(self, expr: sp.Expr) -> bool:
        """Whether the expression is proved positive on the whole domain."""
        return bool(expr.is_positive) or is_positive_on(expr, self._box)

    def of(self, expr: sp.Expr) -> int:
        """+1, -1, or 0 when the sign is not constant or not known."""
        if expr.is_positive:
            return 1
        if expr.is_negative:
            return -1
        if expr.is_zero:
            return 0
        if is_positive_on(expr, self._box):
            return 1
        if is_positive_on(-expr, self._box):
            return -1
        seen = set()
        program = Program([expr], [])
        try:
            for point in self._points:
                value = program.arrays(point, [])[0]
                if np.iscomplexobj(value) or not np.isfinite(value):
                    return 0
                seen.add(int(np.sign(value)))
        except (StatmaniError, ValueError, ZeroDivisionError, OverflowError):
            return 0
        return seen.pop() if len(seen) == 1 else 0


def normalise(expr: sp.Expr, declaration: Declaration, signs: Signs) -> sp.Expr:
    """Return log p in the normal form that the strategies read.

    One special function (loggamma), logarithms of products opened where that is real on the
    domain, hyperbolic functions as exponentials, trigonometric functions of sums opened,
    Kronecker deltas as Piecewise.
    """
    variables = {v.symbol for v in declaration.variables}
    return expand_shallow(_walk(expr, variables, signs, {}))


def _walk(
    expr: sp.Expr, variables: set[sp.Symbol], signs: Signs, memo: dict[sp.Expr, sp.Expr]
) -> sp.Expr:
    if not expr.args or isinstance(expr, (sp.Sum, sp.Integral)):
        return expr
    if expr in memo:
        return memo[expr]
    if isinstance(expr, sp.Piecewise):
        result: sp.Expr = sp.Piecewise(
            *((_walk(value, variables, signs, memo), c) for value, c in expr.args)
        )
    else:
        arguments = [_walk(a, variables, signs, memo) for a in expr.args]
        result = _node(expr.func(*arguments), variables, signs, memo)
    memo[expr] = result
    return result


def _node(
    expr: sp.Expr, variables: set[sp.Symbol], signs: Signs, memo: dict[sp.Expr, sp.Expr]
) -> sp.Expr:
    lg = sp.loggamma
    a = expr.args
    if isinstance(expr, sp.gamma):
        return sp.exp(lg(a[0]))
    if isinstance(expr, sp.factorial):
        return sp.exp(lg(a[0] + 1))
    if isinstance(expr, sp.binomial):
        return sp.exp(lg(a[0] + 1) - lg(a[1] + 1) - lg(a[0] - a[1] + 1))
    if isinstance(expr, sp.beta):
        return sp.exp(lg(a[0]) + lg(a[1]) - lg(a[0] + a[1]))
    if isinstance(expr, _HYPERBOLIC):
        return _walk(sp.powsimp(expr.rewrite(sp.exp)), variables, signs, memo)
    if isinstance(expr, sp.KroneckerDelta):
        return sp.Piecewise((1, sp.Eq(a[0], a[1])), (0, True))
    if isinstance(expr, sp.Abs):
        sign = signs.of(a[0])
        return sign * a[0] if sign else expr
    if isinstance(expr, sp.Heaviside):
        sign = signs.of(a[0])
        return sp.Integer((sign + 1) // 2) if sign else expr
    if isinstance(expr, sp.log):
        return _log(expr.args[0], signs)
    if isinstance(expr, sp.exp) and isinstance(a[0], (sp.Add, sp.Mul)) and a[0].has(sp.log):
        return _exp_of_sum(a[0])
    if isinstance(expr, (sp.Max, sp.Min)):
        return _walk(without_max(expr), variables, signs, memo)
    if isinstance(expr, (sp.sin, sp.cos)) and _mixed(a[0], variables):
        return sp.expand_trig(expr.func(sp.expand_mul(a[0])))
    if isinstance(expr, sp.Pow):
        return _power(expr, signs)
    return expr


def _exp_of_sum(argument: sp.Expr) -> sp.Expr:
    """exp(c log b + r) = b^c exp(r)."""
    product: sp.Expr = sp.Integer(1)
    rest: sp.Expr = sp.Integer(0)
    for term in sp.Add.make_args(expand_shallow(argument)):
        logs = [f for f in sp.Mul.make_args(term) if isinstance(f, sp.log)]
        if len(logs) == 1:
            product *= logs[0].args[0] ** (term / logs[0])
        else:
            rest += term
    return product * sp.exp(rest)


def _mixed(expr: sp.Expr, variables: set[sp.Symbol]) -> bool:
    free = expr.free_symbols
    return bool(free & variables) and bool(free - variables)


def _power(expr: sp.Expr, signs: Signs) -> sp.Expr:
    base, power = expr.as_base_exp()
    if isinstance(base, sp.Mul) and not power.is_integer:
        factors = _signed_factors(base, signs)
        if factors is not None:
            return sp.Mul(*(f**power for f in factors))
    if isinstance(base, sp.Pow) and signs.of(base.base) > 0:
        return base.base ** (base.exp * power)
    return expr


def _signed_factors(product: sp.Expr, signs: Signs) -> list[sp.Expr] | None:
    """Positive factors with the same product, or None when a sign is not known."""
    factors: list[sp.Expr] = []
    negative = 0
    for factor in sp.Mul.make_args(product):
        sign = signs.of(factor)
        if sign == 0:
            return None
        negative += sign < 0
        factors.append(sign * factor)
    return factors if negative % 2 == 0 else None


def _is_small(expr: sp.Expr) -> bool:
    """Whether the numerator has few terms as a dense polynomial, which factoring works with."""
    try:
        polynomial = sp.Poly(sp.fraction(expr)[0])
    except (sp.PolynomialError, sp.GeneratorsNeeded):
        # It is no polynomial, or a number once it is multiplied out.
        return False
    return bool(math.prod(degree + 1 for degree in polynomial.degree_list()) <= _DENSE)


def _log(argument: sp.Expr, signs: Signs) -> sp.Expr:
    if isinstance(argument, sp.Add):
        joined = sp.factor_terms(argument)
        if isinstance(joined, sp.Add):
            joined = sp.together(argument)
        opens = argument.has(sp.exp) or any(p.exp.free_symbols for p in argument.atoms(sp.Pow))
        if isinstance(joined, (sp.Mul, sp.Add)) and opens and joined.count_ops() < _SMALL:
            # Such as 1 - tanh(z)^2: the numerator only becomes one product when expanded.
            factored = sp.factor(joined) if _is_small(joined) else joined
            if factored.count_ops() < joined.count_ops():
                joined = factored
        if isinstance(joined, sp.Mul) and len(sp.Add.make_args(sp.fraction(joined)[0])) <= len(
            argument.args
        ):
            argument = joined
    if isinstance(argument, sp.Mul):
        factors = _signed_factors(argument, signs)
        if factors is not None:
            parts = [f for f in factors if f != 1]
            if len(parts) == 1:
                return sp.log(argument)
            return sp.Add(*(_log(f, signs) for f in parts))
        numerator, denominator = sp.fraction(argument)
        if denominator != 1 and signs.of(denominator) > 0:
            return _log(numerator, signs) - _log(denominator, signs)
        return sp.log(argument)
    if isinstance(argument, sp.exp):
        return argument.args[0]
    if isinstance(argument, sp.Pow):
        base, power = argument.as_base_exp()
        if signs.of(base) > 0 or not power.is_integer:
            return power * _log(base, signs)
        if power.is_even:
            return power * _log(sp.Abs(base), signs)
    if isinstance(argument, sp.Piecewise):
        return sp.Piecewise(*((_log(value, signs), c) for value, c in argument.args))
    if isinstance(argument, sp.Rational) and argument.is_positive:
        return sp.expand_log(sp.log(argument))
    return sp.log(argument)


def expand_shallow(expr: sp.Expr) -> sp.Expr:
    """Distribute products over sums at the top level; functions' arguments stay as they are."""
    masks: dict[sp.Expr, sp.Symbol] = {}

    def mask(node: sp.Expr) -> sp.Expr:
        if not node.args:
            return node
        if isinstance(node, (sp.Add, sp.Mul)):
            return node.func(*(mask(a) for a in node.args))
        if isinstance(node, sp.exp) and isinstance(node.args[0], sp.Add):
            return sp.Mul(*(mask(sp.exp(t)) for t in expand_shallow(node.args[0]).args))
        if isinstance(node, sp.Pow) and node.exp.is_Integer:
            if node.exp > 0:
                return mask(node.base) ** node.exp
            inner = node.base
            if isinstance(inner, sp.Mul):
                return sp.Mul(*(mask(f**node.exp) for f in inner.args))
            return masks.setdefault(inner, sp.Dummy()) ** node.exp
        return masks.setdefault(node, sp.Dummy())

    masked = mask(expr)
    expanded = sp.expand(masked, power_base=False, power_exp=False)
    return expanded.xreplace({dummy: original for original, dummy in masks.items()})
