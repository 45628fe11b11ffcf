"""exp, symbolic powers, log, sin and cos over lattices of their arguments."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy as sp
from sympy import Expr

from statmani.algebra.element import Element
from statmani.algebra.lattice import lattice_basis, rational_combination
from statmani.algebra.roots import power, signed_factors
from statmani.algebra.special import gamma_function, log_gamma
from statmani.errors import CertificateError, InvalidManifold

if TYPE_CHECKING:
    from statmani.algebra.ring import Ring

__all__ = ["cosine", "exponential", "lattice_part", "logarithm", "new_basis", "sine"]


def _split_logs(ring: Ring, exponent: Element) -> tuple[Element, list[tuple[Element, Fraction]]]:
    """Rational multiples of logarithms in an exponent, and the rest."""
    if exponent.den:
        return exponent, []
    logs: list[tuple[Element, Fraction]] = []
    rest = {}
    for exponents, c in ring.polynomials.numerator(exponent).to_dict().items():
        used = [i for i, e in enumerate(exponents) if e]
        kind = ring.atoms[used[0]].kind if len(used) == 1 and exponents[used[0]] == 1 else ""
        if kind in ("log", "lambert", "loggamma"):
            argument = ring.atoms[used[0]].argument
            assert argument is not None
            if kind == "lambert":
                argument = argument / ring.polynomials.generator(used[0])
            elif kind == "loggamma":
                argument = gamma_function(ring, argument)
            logs.append((argument, Fraction(int(c.p), int(c.q))))
        else:
            rest[exponents] = c
    num = ring.polynomials.context.from_dict(rest)
    return Element(ring.polynomials, num, ()), logs


def _split_pi(ring: Ring, angle: Element) -> tuple[Element, Fraction]:
    """The rational multiple of pi in an angle, and the rest."""
    if angle.den or not ring.has_atom(sp.pi):
        return angle, Fraction(0)
    index = ring.index_of(ring.constant_atom(sp.pi))
    rest = ring.polynomials.numerator(angle).to_dict()
    key = tuple(int(i == index) for i in range(ring.polynomials.width))
    c = rest.pop(key, None)
    num = ring.polynomials.context.from_dict(rest)
    turn = Fraction(0) if c is None else Fraction(int(c.p), int(c.q))
    if turn and sp.cos(sp.Rational(turn.numerator, turn.denominator) * sp.pi).has(sp.cos, sp.sin):
        # No roots are known for cos(pi/7): pi counts as any other angle.
        return angle, Fraction(0)
    return Element(ring.polynomials, num, ()), turn


def lattice_part(ring: Ring, kind: str, argument: Element) -> Element:
    """The part of an argument that needs generators of its own."""
    if kind == "exp":
        return _split_logs(ring, argument)[0]
    return _split_pi(ring, argument)[0]


def new_basis(ring: Ring, kind: str, arguments: Sequence[Element]) -> None:
    """Make generators for a basis of the lattice spanned by the arguments."""
    known = [b for b, _ in ring.lattices[kind]]
    fresh = [a for a in arguments if a and rational_combination(ring.polynomials, a, known) is None]

    def by_name(monomial: tuple[int, ...]) -> list[tuple[str, int]]:
        # Generators are numbered in order of appearance, which shall not show.
        return sorted((str(ring.atoms[i].expr), e) for i, e in enumerate(monomial) if e)

    for element in lattice_basis(ring.polynomials, fresh, by_name):
        if rational_combination(ring.polynomials, element, known) is not None:
            continue
        known.append(element)
        expr = ring.to_internal_expr(element)
        make = _exp_atom if kind == "exp" else _trig_atoms
        ring.lattices[kind].append((element, make(ring, element, expr)))


def _exp_atom(ring: Ring, argument: Element, expr: Expr) -> tuple[int, ...]:
    key = ("exp", expr)

    def derive(i: int) -> Element:
        return ring.atom(key, sp.S.Zero, derive) * ring.derivative(argument, i)

    return (ring.index_of(ring.atom(key, sp.exp(expr), derive, "exp", argument)),)


def _trig_atoms(ring: Ring, argument: Element, expr: Expr) -> tuple[int, ...]:
    keys = ("cos", expr), ("sin", expr)

    def derive_cos(i: int) -> Element:
        return -(ring.atom(keys[1], sp.S.Zero, derive_sin) * ring.derivative(argument, i))

    def derive_sin(i: int) -> Element:
        return ring.atom(keys[0], sp.S.Zero, derive_cos) * ring.derivative(argument, i)

    c = ring.atom(keys[0], sp.cos(expr), derive_cos, "cos", argument)
    s = ring.atom(keys[1], sp.sin(expr), derive_sin, "sin", argument)
    ring.polynomials.relate(ring.index_of(s), 2, ring.number(1) - c * c)
    return ring.index_of(c), ring.index_of(s)


def _coordinates(ring: Ring, kind: str, argument: Element) -> list[int]:
    """Integer coordinates of an argument in the lattice, extending the basis when needed."""
    if not argument:
        return []
    basis = [b for b, _ in ring.lattices[kind]]
    combination = rational_combination(ring.polynomials, argument, basis)
    if combination is None:
        new_basis(ring, kind, [argument])
        return _coordinates(ring, kind, argument)
    if any(q.denominator != 1 for q in combination):
        raise CertificateError(
            f"{kind}({ring.shown(argument)}) is a fraction of an argument that "
            "was fixed before. Give all tensors in terms of the smaller argument."
        )
    return [int(q) for q in combination]


def exponential(ring: Ring, exponent: Element) -> Element:
    """exp of an element."""
    rest, logs = _split_logs(ring, exponent)
    result = ring.polynomials.one
    for argument, q in logs:
        result = result * power(ring, argument, q)
    for n, (_, (index,)) in zip(
        _coordinates(ring, "exp", rest), ring.lattices["exp"], strict=False
    ):
        if n:
            result = result * ring.polynomials.generator(index) ** n
    return result


def _circular(ring: Ring, angle: Element) -> tuple[Element, Element]:
    """(cos, sin) of an element by the addition theorem over the lattice."""
    from statmani.algebra.convert import convert

    rest, turn = _split_pi(ring, angle)
    c = ring.polynomials.one
    s = ring.polynomials.zero
    if turn:
        exact = sp.Rational(turn.numerator, turn.denominator) * sp.pi
        c, s = convert(ring, sp.cos(exact)), convert(ring, sp.sin(exact))
    for n, (_, (ic, index)) in zip(
        _coordinates(ring, "trig", rest), ring.lattices["trig"], strict=False
    ):
        c1, s1 = ring.polynomials.generator(ic), ring.polynomials.generator(index)
        if n < 0:
            s1 = -s1
        for _ in range(abs(n)):
            c, s = c * c1 - s * s1, s * c1 + c * s1
    return c, s


def cosine(ring: Ring, angle: Element) -> Element:
    """cos of an element."""
    return _circular(ring, angle)[0]


def sine(ring: Ring, angle: Element) -> Element:
    """sin of an element."""
    return _circular(ring, angle)[1]


def _log_atom(ring: Ring, argument: Element) -> Element:
    expr = ring.to_internal_expr(argument)

    def derive(i: int) -> Element:
        return ring.derivative(argument, i) / argument

    return ring.atom(("log", expr), sp.log(expr), derive, "log", argument)


def logarithm(ring: Ring, element: Element) -> Element:
    """log of an element, as a sum over its irreducible factors.

    Raises
    ------
    InvalidManifold
        The element is negative or zero.
    """
    if not element:
        raise InvalidManifold("log(0) occurs in an entry. Check the entries.")
    parts = signed_factors(ring, element)
    if parts.sign < 0 and not parts.open:
        raise InvalidManifold(
            f"log of the negative {ring.shown(element)} is not real. Check the "
            "entries, or the signs in the coordinates' domain."
        )
    terms: list[Element] = [
        _log_atom(ring, ring.number(p)).scale(e) for p, e in parts.primes.items()
    ]
    for factor, exponent in parts.positive:
        known = ring.polynomials.used(factor.num)
        atom = ring.atoms[known[0]]
        is_generator = len(known) == 1 and factor == ring.polynomials.generator(known[0])
        if is_generator and atom.kind == "exp" and atom.argument is not None:
            terms.append(atom.argument.scale(exponent))
        elif is_generator and atom.kind == "gamma" and atom.argument is not None:
            terms.append(log_gamma(ring, atom.argument).scale(exponent))
        elif is_generator and atom.kind == "root" and atom.argument is not None:
            degree = next(r.degree for r in ring.polynomials.relations if r.generator == known[0])
            terms.append(logarithm(ring, atom.argument).scale(Fraction(exponent, degree)))
        else:
            terms.append(_log_atom(ring, factor).scale(exponent))
    for factor, half in parts.even:
        terms.append(_log_atom(ring, factor * factor).scale(half))
    if parts.open:
        product = ring.number(parts.sign)
        for factor in parts.open:
            product = product * factor
        terms.append(_log_atom(ring, product))
    return ring.polynomials.total(terms)
