"""Laws of g and T alone: symmetry, positivity, the inverse and the volume element."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

from sympy import Float, Rational
from sympy.combinatorics.permutations import Permutation

from statmani.algebra.element import Element
from statmani.geometry import linear
from statmani.laws.judge import Clock, Sides, compare
from statmani.laws.record import Law, Witness
from statmani.laws.view import View

__all__ = [
    "LAWS",
    "inverse",
    "metric_symmetry",
    "positivity",
    "proved_sign",
    "skewness_symmetry",
    "volume",
]

_MOST_EXPANDED = 5
_POINTS = 12
_DIGITS = 40


def metric_symmetry(view: View, name: str, statement: str, clock: Clock) -> Law:
    """Every entry against the one across the diagonal."""
    n = range(view.n)
    sides = (((i, j), (view.g(i, j),), (view.g(j, i),)) for i in n for j in range(i))
    return compare(view, name, statement, sides, clock)


def inverse(view: View, name: str, statement: str, clock: Clock) -> Law:
    """The product of the two published matrices."""
    n, one = range(view.n), view.ring.polynomials.one

    def sides() -> Sides:
        for i, j in product(n, n):
            entry = view.matrix_dot((view.g(i, m), view.inverse(m, j)) for m in n)
            yield (i, j), (entry,), (one if i == j else view.zero,)

    return compare(view, name, statement, sides(), clock)


def skewness_symmetry(view: View, name: str, statement: str, clock: Clock) -> Law:
    """Every order of indices, each also from the two connections of orders 1 and -1."""
    n = range(view.n)
    e = View(view.manifold.connection(1))
    m = View(view.manifold.connection(-1))

    def sides() -> Sides:
        for index in product(n, n, n):
            i, j, k = sorted(index)
            known = (view.t(i, j, k),)
            yield index, (view.t(*index),), known
            apart = view.total(
                [m.own("christoffel_first", *index)], [e.own("christoffel_first", *index)]
            )
            yield index, apart, known

    return compare(
        view, name, statement, sides(), clock,
        "T = Gamma^(-1) - Gamma^(1) in every order of the indices",
    )  # fmt: skip


def positivity(view: View, name: str, statement: str, clock: Clock) -> Law:
    """Signs of the leading minors, proved on the domain or seen at points."""
    minors = []
    for size in range(1, view.n + 1):
        clock.tick()
        block = [[view.g(i, j) for j in range(size)] for i in range(size)]
        minors.append(linear.determinant(view.ring, block))
    signs = [proved_sign(view, minor) for minor in minors]
    if all(sign > 0 for sign in signs):
        text = "all leading minors are positive on the domain"
        return Law(name, statement, "proved", explanation=text)
    tried = _POINTS
    for size, minor in enumerate(minors):
        seen = 0
        for point, value in view.ring.guard.each_sample(minor, _POINTS):
            if value == value:
                seen += 1
            if value <= 0:
                place = tuple(sorted(point.items(), key=lambda pair: str(pair[0])))
                found = Witness(place, (size, size), Float(str(value), 15), Rational(0))
                text = "this leading minor is not positive; the geometry may still be Lorentzian"
                return Law(name, statement, "violated", witness=found, explanation=text)
            if clock.is_over and seen:
                break
        tried = min(tried, seen)
    if not tried:
        text = "not decided: a leading minor has no value at the points tried"
        return Law(name, statement, "not applicable", explanation=text)
    return Law(
        name, statement, "verified", _DIGITS, tried,
        explanation="leading minors; their signs are not known on all of the domain",
    )  # fmt: skip


def proved_sign(view: View, element: Element) -> int:
    """+1 or -1 for a sign that is proved on the domain, else 0."""
    ring, polynomials = view.ring, view.ring.polynomials
    if not element:
        return 0
    related = {r.generator for r in polynomials.relations}
    num = _without_roots(view, polynomials.numerator(element))
    circular = {i for i, atom in enumerate(ring.atoms) if atom.kind in ("sin", "cos")}
    if (related | circular) & set(polynomials.used(num)):
        return 0
    content, factors = polynomials.factored(num)
    sign = 1 if content > 0 else -1
    factors += [(f, e) for f, e in zip(polynomials.factors, element.den, strict=False) if e]
    for factor, exponent in factors:
        known = ring.sign(factor)
        if not known:
            return 0
        sign *= known if exponent % 2 else 1
    return sign


def _without_roots(view: View, num: Any) -> Any:
    """The polynomial without what all its terms share of roots of positive elements."""
    polynomials = view.ring.polynomials
    terms = num.to_dict()
    for relation in polynomials.relations:
        place, atom = relation.generator, view.ring.atoms[relation.generator]
        shared = min(exponents[place] for exponents in terms)
        # The root of a square may vanish.
        base = atom.argument if atom.kind == "root" else None
        if shared and base is not None and proved_sign(view, base) > 0:
            terms = {(*e[:place], e[place] - shared, *e[place + 1 :]): c for e, c in terms.items()}
    return polynomials.context.from_dict(terms)


def volume(view: View, name: str, statement: str, clock: Clock) -> Law:
    """The square of the volume element against Leibniz' formula for the determinant."""
    ring, n = view.ring, view.n
    if n <= _MOST_EXPANDED:
        total = view.zero
        for order in permutations(range(n)):
            clock.tick()
            term = ring.number(Permutation(list(order)).signature())
            for i, j in enumerate(order):
                term = term * view.g(i, j)
            total = total + term
    else:
        total = linear.determinant(ring, [[view.g(i, j) for j in range(n)] for i in range(n)])
    clock.tick()
    published = view.manifold.volume_element
    clock.tick()
    square = ring.convert(published**2)
    if ring.guard.value(total) < 0:
        total = -total
    return compare(view, name, statement, [((), (square,), (total,))], clock)


#: name, statement and function, in the order of a report.
LAWS = (
    ("metric symmetry", "g_ij = g_ji", metric_symmetry),
    ("metric positivity", "g_ij v^i v^j > 0", positivity),
    ("inverse metric", "g_im g^mj = delta_i^j", inverse),
    ("skewness symmetry", "T_ijk = T_jik = T_ikj", skewness_symmetry),
    ("volume element", "dV^2 = |det g|", volume),
)
