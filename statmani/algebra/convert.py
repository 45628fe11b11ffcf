"""From sympy expressions in internal symbols to ring elements."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy import Expr
from sympy.core.function import AppliedUndef

from statmani.algebra.element import Element
from statmani.algebra.exponential import cosine, exponential, logarithm, sine
from statmani.algebra.roots import absolute, power
from statmani.algebra.special import (
    bessel_i,
    bessel_k,
    gamma_function,
    lambert,
    log_gamma,
    polygamma,
)
from statmani.errors import InvalidManifold
from statmani.zeta import open_zeta

if TYPE_CHECKING:
    from statmani.algebra.ring import Ring

__all__ = ["convert"]

Handler = Callable[..., Element]


def _tanh(ring: Ring, x: Element) -> Element:
    w, one = exponential(ring, x.scale(2)), ring.polynomials.one
    return (w - one) / (w + one)


def _sinh(ring: Ring, x: Element) -> Element:
    w = exponential(ring, x)
    return (w - ring.polynomials.inverse(w)).scale(Fraction(1, 2))


def _cosh(ring: Ring, x: Element) -> Element:
    w = exponential(ring, x)
    return (w + ring.polynomials.inverse(w)).scale(Fraction(1, 2))


def _inverted(function: Handler) -> Handler:
    return lambda ring, x: ring.polynomials.inverse(function(ring, x))


def _atanh(ring: Ring, x: Element) -> Element:
    one = ring.polynomials.one
    return logarithm(ring, (one + x) / (one - x)).scale(Fraction(1, 2))


_HANDLERS: dict[Any, Handler] = {
    sp.exp: exponential,
    sp.log: logarithm,
    sp.sin: sine,
    sp.cos: cosine,
    sp.tan: lambda ring, x: sine(ring, x) / cosine(ring, x),
    sp.cot: lambda ring, x: cosine(ring, x) / sine(ring, x),
    sp.sec: _inverted(cosine),
    sp.csc: _inverted(sine),
    sp.sinh: _sinh,
    sp.cosh: _cosh,
    sp.tanh: _tanh,
    sp.coth: _inverted(_tanh),
    sp.sech: _inverted(_cosh),
    sp.csch: _inverted(_sinh),
    sp.atanh: _atanh,
    sp.Abs: absolute,
    sp.polygamma: polygamma,
    sp.gamma: gamma_function,
    sp.loggamma: log_gamma,
    sp.besseli: bessel_i,
    sp.besselk: bessel_k,
}


def _harmonic(n: Expr, order: Expr = sp.S.One) -> Expr:
    if order == 1:
        return sp.polygamma(0, n + 1) + sp.EulerGamma
    # The orders 2, 3, ... are differences of zeta(order) and Hurwitz's function.
    return sp.zeta(order) - sp.zeta(order, n + 1)


_REWRITES: dict[Any, Callable[..., Expr]] = {
    sp.beta: lambda a, b: sp.gamma(a) * sp.gamma(b) / sp.gamma(a + b),
    sp.factorial: lambda n: sp.gamma(n + 1),
    sp.binomial: lambda n, k: sp.gamma(n + 1) / sp.gamma(k + 1) / sp.gamma(n - k + 1),
    sp.digamma: lambda a: sp.polygamma(0, a),
    sp.trigamma: lambda a: sp.polygamma(1, a),
    sp.harmonic: _harmonic,
}


def convert(ring: Ring, expr: Any) -> Element:
    """The element that equals a sympy expression (internal symbols, all real).

    Raises
    ------
    InvalidManifold
        Complex or infinite numbers, or objects that are no real expression.
    """
    if expr.is_Rational:
        return ring.number(Fraction(int(expr.p), int(expr.q)))
    if expr.is_Symbol:
        return _symbol(ring, expr)
    if expr.is_Add:
        return ring.polynomials.total([ring.convert_internal(a) for a in expr.args])
    if expr.is_Mul:
        return reduce(Element.__mul__, [ring.convert_internal(a) for a in expr.args])
    if expr.is_Pow:
        return _power(ring, expr.base, expr.exp)
    if expr.is_Float:
        # The shortest decimal is what was typed; the binary expansion is not.
        return ring.number(Fraction(repr(float(expr))))
    if expr is sp.E:
        return exponential(ring, ring.polynomials.one)
    if expr in (sp.I, sp.oo, -sp.oo, sp.nan, sp.zoo) or not isinstance(expr, Expr):
        raise InvalidManifold(f"{expr} occurs in an entry; entries are finite real expressions.")
    if expr is sp.GoldenRatio:
        return ring.convert_internal((1 + sp.sqrt(5)) / 2)
    if expr.is_number and not expr.args:
        return ring.constant_atom(expr)
    if isinstance(expr, sp.LambertW) and len(expr.args) == 1:
        return lambert(ring, ring.convert_internal(expr.args[0]))
    if isinstance(expr, sp.zeta) and len(expr.args) == 2 and expr.args[0].is_Integer:
        n, a = expr.args
        return ring.convert_internal(
            sp.Integer(-1) ** n * sp.polygamma(n - 1, a) / sp.factorial(n - 1)
        )
    if isinstance(expr, (sp.zeta, sp.Derivative, sp.Subs)) and (own := open_zeta(expr)) != expr:
        return ring.convert_internal(own)
    rewrite = _REWRITES.get(expr.func)
    if rewrite is not None:
        return ring.convert_internal(rewrite(*expr.args))
    handler = _HANDLERS.get(expr.func)
    if handler is not None:
        return handler(ring, *(ring.convert_internal(a) for a in expr.args))
    return opaque(ring, expr)


def _symbol(ring: Ring, symbol: Expr) -> Element:
    return ring.atom(symbol, symbol, lambda _: ring.polynomials.zero, "symbol")


def _power(ring: Ring, base: Expr, exponent: Expr) -> Element:
    if exponent.is_Integer:
        return ring.convert_internal(base) ** int(exponent)
    if base is sp.E:
        return exponential(ring, ring.convert_internal(exponent))
    if exponent.is_Rational:
        return power(ring, ring.convert_internal(base), Fraction(int(exponent.p), int(exponent.q)))
    return exponential(
        ring, ring.convert_internal(exponent) * logarithm(ring, ring.convert_internal(base))
    )


def opaque(ring: Ring, expr: Any) -> Element:
    """Any other function or object: an atom that sympy itself differentiates."""
    if _has_arguments(expr):
        arguments = [
            ring.to_internal_expr(ring.convert_internal(a)) if isinstance(a, Expr) else a
            for a in expr.args
        ]
        expr = expr.func(*arguments)
        if not _has_arguments(expr):
            return ring.convert_internal(expr)

    def derive(i: int) -> Element:
        return ring.convert_internal(sp.diff(expr, ring.domain.symbols[i]))

    return ring.atom(("opaque", expr), expr, derive)


def _has_arguments(expr: Any) -> bool:
    """Functions, and other objects whose arguments may be replaced by equal ones."""
    return isinstance(expr, (sp.Function, AppliedUndef)) or hasattr(expr, "is_opaque_atom")
