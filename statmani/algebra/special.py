"""Special functions with recurrences in their argument or order."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil, factorial, floor
from typing import TYPE_CHECKING

import sympy as sp
from sympy import Expr

from statmani.algebra.element import Element
from statmani.errors import InvalidManifold

if TYPE_CHECKING:
    from statmani.algebra.ring import Ring

__all__ = [
    *("bessel_i", "bessel_k", "gamma_function", "lambert", "log_gamma", "note_argument"),
    "polygamma",
]

_LONGEST_SHIFT = 200
_MOST_HALVINGS = 3


def integer_shift(ring: Ring, argument: Element) -> tuple[Element, int]:
    """(base, m) with argument = base + m, m an integer, the base depending on the class only.

    The coefficient that an integer would change, that of the denominator's leading monomial,
    is brought to [0, 1), or to (0, 1] for constants and when all other terms are negative
    (so that 1 - p stays).
    """
    ring_ = ring.polynomials
    num = ring_.numerator(argument)
    if len(num) == 1 and not argument.den and num.total_degree() and num.coefficient(0) > 0:
        return argument, 0
    den = ring_.expand_denominator(argument.den)
    monomial = den.monoms()[0]
    terms = num.to_dict()
    c = terms.get(monomial)
    unit = den.to_dict()[monomial]
    value = Fraction(0) if c is None else Fraction(int((c / unit).p), int((c / unit).q))
    others = [k for m, k in terms.items() if m != monomial]
    shift = ceil(value) - 1 if all(k < 0 for k in others) else floor(value)
    if abs(shift) > _LONGEST_SHIFT:
        return argument, 0
    return argument - ring.number(shift), shift


def anchored(ring: Ring, argument: Element) -> tuple[Element, int]:
    """(base, m) with argument = base + m, the base an argument that the expressions contain.

    A shift away from every argument that occurs would bring in poles where the expressions
    are regular: polygamma(1, k + 1) written in polygamma(1, k) is 0/0-like at k = 0.
    """
    base, shift = integer_shift(ring, argument)
    if base.constant is not None:
        return base, shift
    anchor = ring.anchors.setdefault(ring.to_internal_expr(base), shift)
    return base + ring.number(anchor), shift - anchor


def note_argument(ring: Ring, argument: Element) -> None:
    """Let the least of the arguments that differ by integers be the base of its class."""
    base, shift = integer_shift(ring, argument)
    if base.constant is None:
        key = ring.to_internal_expr(base)
        ring.anchors[key] = min(shift, ring.anchors.get(key, shift))


def _as_integer(element: Element) -> int | None:
    value = element.constant
    return int(value) if value is not None and value.denominator == 1 else None


def polygamma(ring: Ring, order: Element, argument: Element) -> Element:
    """polygamma(n, argument), the argument reduced modulo integers."""
    n = _as_integer(order)
    if n is None or n < 0:
        raise InvalidManifold("polygamma needs a fixed order 0, 1, 2, ...; rewrite the entry.")
    base, shift = anchored(ring, argument)
    return ring.polynomials.total(
        [_reduced_polygamma(ring, n, base), _shift_terms(ring, n, base, shift)]
    )


def _shift_terms(ring: Ring, n: int, base: Element, shift: int) -> Element:
    """polygamma(n, base + shift) - polygamma(n, base)."""
    if shift >= 0:
        steps, sign = range(shift), 1
    else:
        steps, sign = range(shift, 0), -1
    terms = [ring.polynomials.inverse(base + ring.number(k)) ** (n + 1) for k in steps]
    return ring.polynomials.total(terms).scale(sign * (-1) ** n * factorial(n))


def _reduced_polygamma(ring: Ring, n: int, base: Element, expr: Expr | None = None) -> Element:
    if expr is None:
        expr = ring.to_internal_expr(base)
    if expr not in ring.polygamma_rules:
        ring.polygamma_rules[expr] = _duplication(ring, base)
    rule = ring.polygamma_rules[expr]
    if rule is not None:
        return rule(n)
    key = ("polygamma", n, expr)
    if ring.has_atom(key):
        return ring.known_atom(key)
    value: Expr = sp.polygamma(n, expr)
    if not isinstance(value, sp.polygamma):
        return ring.convert_internal(value)

    def derive(i: int) -> Element:
        inner = ring.derivative(base, i)
        return _reduced_polygamma(ring, n + 1, base, expr) * inner if inner else inner

    return ring.atom(key, value, derive)


def _duplication(ring: Ring, base: Element) -> Callable[[int], Element] | None:
    """A rule for polygamma(n, base) when the others of b, b + 1/2, 2b occur.

    psi_n(2b) = 2^(-n-1) (psi_n(b) + psi_n(b + 1/2)) + [n = 0] log 2 (DLMF 5.15.7).
    """
    if len(ring.anchors) < 2 or base.constant is not None:
        return None
    half = ring.number(Fraction(1, 2))

    def known(argument: Element) -> bool:
        base, shift = integer_shift(ring, argument)
        anchor = ring.anchors.get(ring.to_internal_expr(base), shift)
        reduced = ring.to_internal_expr(base + ring.number(anchor))
        return reduced in ring.polygamma_rules and ring.polygamma_rules[reduced] is None

    def occurs(argument: Element, depth: int = 0) -> bool:
        """Whether the argument, or the two that stand for it, are in the expressions."""
        if ring.to_internal_expr(integer_shift(ring, argument)[0]) in ring.anchors:
            return True
        if depth == _MOST_HALVINGS:
            return False
        lower = argument.scale(Fraction(1, 2))
        return occurs(lower, depth + 1) and occurs(lower + half, depth + 1)

    def at(n: int, argument: Element) -> Element:
        return polygamma(ring, ring.number(n), argument)

    def log2(n: int) -> Element:
        return ring.convert_internal(sp.log(2)) if n == 0 else ring.polynomials.zero

    lower, upper = base.scale(Fraction(1, 2)), base.scale(Fraction(1, 2)) + half
    if occurs(lower) and occurs(upper):
        # Always this one of the three, in whatever order they are met.
        return lambda n: (at(n, lower) + at(n, upper)).scale(Fraction(1, 2 ** (n + 1))) + log2(n)
    double, partner = base.scale(2), base + half
    if known(double) and known(partner):
        return lambda n: (at(n, double) - log2(n)).scale(2 ** (n + 1)) - at(n, partner)
    return None


def gamma_function(ring: Ring, argument: Element) -> Element:
    """gamma(argument), the argument reduced modulo integers."""
    base, shift = anchored(ring, argument)
    expr = ring.to_internal_expr(base)
    value = sp.gamma(expr)
    if not isinstance(value, sp.gamma):
        return ring.convert_internal(sp.gamma(ring.to_internal_expr(argument)))
    key = ("gamma", expr)

    def derive(i: int) -> Element:
        digamma = polygamma(ring, ring.polynomials.zero, base)
        return ring.known_atom(key) * digamma * ring.derivative(base, i)

    result = ring.atom(key, value, derive, "gamma", base)
    for k in range(shift):
        result = result * (base + ring.number(k))
    for k in range(shift, 0):
        result = result / (base + ring.number(k))
    return result


def log_gamma(ring: Ring, argument: Element) -> Element:
    """log(gamma(argument)), the argument reduced modulo integers."""
    from statmani.algebra.exponential import logarithm

    base, shift = anchored(ring, argument)
    expr = ring.to_internal_expr(base)
    # For an integer n sympy makes log(gamma(n)) of it.
    value = sp.loggamma(expr)
    if not expr.free_symbols and not isinstance(value, sp.loggamma):
        return ring.convert_internal(value)

    def derive(i: int) -> Element:
        return polygamma(ring, ring.polynomials.zero, base) * ring.derivative(base, i)

    terms = [ring.atom(("loggamma", value), value, derive, "loggamma", base)]
    terms += [logarithm(ring, base + ring.number(k)) for k in range(shift)]
    terms += [-logarithm(ring, base + ring.number(k)) for k in range(shift, 0)]
    return ring.polynomials.total(terms)


def lambert(ring: Ring, argument: Element) -> Element:
    """The principal branch of W exp(W) = argument; exp(W) is written as argument / W."""
    expr = sp.LambertW(ring.to_internal_expr(argument))
    if not isinstance(expr, sp.LambertW):
        return ring.convert_internal(expr)

    def derive(i: int) -> Element:
        itself, one = ring.known_atom(expr), ring.polynomials.one
        return itself / (argument * (one + itself)) * ring.derivative(argument, i)

    return ring.atom(expr, expr, derive, "lambert", argument)


def _half_bessel(ring: Ring, kind: str, order: Fraction, argument: Element) -> Element:
    """Orders 1/2, 3/2, ... are elementary (DLMF 10.39.1, 10.39.2)."""
    x, e = ring.to_internal_expr(argument), -1 if kind == "i" else 1
    if kind == "i":
        closed = [sp.sqrt(2 / (sp.pi * x)) * f(x) for f in (sp.cosh, sp.sinh)]
    else:
        closed = [sp.sqrt(sp.pi / (2 * x)) * sp.exp(-x)] * 2
    lower, upper = (ring.convert_internal(f) for f in closed)
    half, steps = Fraction(1, 2), int(order - Fraction(1, 2))
    for k in range(steps):
        lower, upper = upper, lower + (upper / argument).scale(2 * e * (k + half))
    for k in range(0, steps, -1):
        lower, upper = upper - (lower / argument).scale(2 * e * (k - half)), lower
    return upper


def _bessel(ring: Ring, kind: str, order: Element, argument: Element) -> Element:
    """besseli or besselk by the recurrence in the order, from two neighbouring orders.

    With e = -1 for I and e = +1 for K: F_{v+1} = F_{v-1} + e 2v/z F_v and
    F_v' = -e F_{v+1} + (v/z) F_v (DLMF 10.29).
    """
    function, e = (sp.besseli, -1) if kind == "i" else (sp.besselk, 1)
    if any(ring.derivative(order, i) for i in range(ring.dim)):
        raise InvalidManifold(
            f"the order of {function.__name__} depends on a coordinate. Make it a constant."
        )
    whole, fixed = _as_integer(order), order.constant
    if whole is not None:
        order = ring.number(abs(whole))
    elif fixed is not None and fixed.denominator == 2:
        return _half_bessel(ring, kind, abs(fixed) if kind == "k" else fixed, argument)
    elif kind == "k" and ring.to_internal_expr(order).could_extract_minus_sign():
        # K is even in its order.
        order = -order
    base, shift = integer_shift(ring, order)
    if whole is not None:
        base, shift = ring.number(0), abs(whole)
    x = ring.to_internal_expr(argument)

    def neighbour(step: int) -> Element:
        v = base + ring.number(step)

        def derive(i: int) -> Element:
            here = _bessel(ring, kind, v, argument)
            above = _bessel(ring, kind, v + ring.number(1), argument)
            return (above.scale(-e) + v / argument * here) * ring.derivative(argument, i)

        value = function(ring.to_internal_expr(v), x)
        return ring.atom(("bessel", kind, ring.to_internal_expr(v), x), value, derive)

    lower, upper = neighbour(0), neighbour(1)
    for k in range(1, shift):
        v = base + ring.number(k)
        lower, upper = upper, lower + (v / argument * upper).scale(2 * e)
    for k in range(0, shift, -1):
        v = base + ring.number(k)
        lower, upper = upper - (v / argument * lower).scale(2 * e), lower
    return lower if shift <= 0 else upper


def bessel_i(ring: Ring, order: Element, argument: Element) -> Element:
    """Modified Bessel function of the first kind."""
    return _bessel(ring, "i", order, argument)


def bessel_k(ring: Ring, order: Element, argument: Element) -> Element:
    """Modified Bessel function of the second kind."""
    return _bessel(ring, "k", order, argument)
