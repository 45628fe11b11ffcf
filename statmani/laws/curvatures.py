"""Laws of the curvature of alpha-connections."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product

from statmani.laws.judge import SAMPLES, Clock, Sides, compare, describe_order, first_difference
from statmani.laws.record import Law, Witness
from statmani.laws.view import Poly, View

__all__ = ["LAWS", "curvature_duality", "definition", "first_bianchi", "second_bianchi"]


def definition(view: View, name: str, statement: str, clock: Clock) -> Law:
    """The published tensors, in both index positions, against symbols of the second kind."""
    n = range(view.n)

    def sides() -> Sides:
        for i, j in combinations(n, 2):
            for l, k in product(n, n):
                clock.tick()
                own = view.curvature(l, k, i, j)
                yield (l, k, i, j), view.own("riemann", l, k, i, j), own
                yield (l, k, j, i), view.own("riemann", l, k, j, i), tuple(-e for e in own)
            for l, k in product(n, n):
                own = view.lowered(l, k, i, j)
                yield (l, k, i, j), view.own("riemann_lower", l, k, i, j), own

    return compare(view, name, statement, sides(), clock, describe_order(view))


def curvature_duality(view: View, name: str, statement: str, clock: Clock) -> Law:
    """g(R^(a)(X,Y)Z, W) = -g(R^(-a)(X,Y)W, Z) for curvatures from their definition."""
    n = range(view.n)

    def dual(l: int, k: int, i: int, j: int) -> Poly:
        if view.is_symbolic:
            parts = view.lowered(l, k, i, j)
            return tuple(-e if order % 2 else e for order, e in enumerate(parts))
        return other.lowered(l, k, i, j)

    other = view if view.is_symbolic else View(view.connection.dual)

    def sides() -> Sides:
        for i, j in combinations(n, 2):
            for l, k in product(n, n):
                clock.tick()
                negative = tuple(-e for e in dual(k, l, i, j))
                yield (l, k, i, j), view.lowered(l, k, i, j), negative
                published = tuple(-e for e in view.mirror("riemann_lower", k, l, i, j))
                yield (l, k, i, j), view.own("riemann_lower", l, k, i, j), published

    return compare(view, name, statement, sides(), clock, describe_order(view))


def first_bianchi(view: View, name: str, statement: str, clock: Clock) -> Law:
    """The cyclic sum over k, i, j of the published tensor."""
    n = range(view.n)

    def sides() -> Sides:
        for l in n:
            for k, i, j in combinations(n, 3):
                turns = ((k, i, j), (i, j, k), (j, k, i))
                yield (
                    (l, k, i, j),
                    view.total(view.own("riemann", l, *turn) for turn in turns),
                    (view.zero,),
                )
            for k, i in product(n, n):
                # With two equal indices it is antisymmetry in the last two.
                pair = [view.own("riemann", l, i, i, k), view.own("riemann", l, i, k, i)]
                yield (l, i, i, k), view.total(pair), (view.zero,)

    return compare(view, name, statement, sides(), clock, describe_order(view))


def second_bianchi(view: View, name: str, statement: str, clock: Clock) -> Law:
    """The exterior covariant derivative of the published curvature."""
    n = range(view.n)
    if view.n < 3:
        text = "it has three antisymmetric indices, so it is empty below dimension 3"
        return Law(name, statement, "not applicable", explanation=text)

    def moved(l: int, k: int, m: int, i: int, j: int) -> Poly:
        r = view.own("riemann", l, k, i, j)
        up = view.dot((view.second(l, m, s), view.own("riemann", s, k, i, j)) for s in n)
        down = view.dot((view.second(s, m, k), view.own("riemann", l, s, i, j)) for s in n)
        return view.total([view.derivative(r, m), up], [down])

    def sides() -> Sides:
        for m, i, j in combinations(n, 3):
            for l, k in product(n, n):
                clock.tick()
                turns = ((m, i, j), (i, j, m), (j, m, i))
                total = view.total(moved(l, k, *turn) for turn in turns)
                yield (l, k, m, i, j), total, (view.zero,)

    return compare(view, name, statement, sides(), clock, describe_order(view))


def contractions(view: View, name: str, statement: str, clock: Clock) -> Law:
    """Ricci and scalar curvature against traces of the published tensor."""
    n = range(view.n)
    geometry, read = view.manifold.geometry, view.read

    def sides() -> Sides:
        for k, j in product(n, n):
            trace = view.total(view.own("riemann", l, k, l, j) for l in n)
            yield (k, j), read(geometry.ricci(k, j)), trace
        scalar = view.dot(
            ((view.inverse(k, j),), view.own("riemann", l, k, l, j))
            for k in n
            for j in n
            for l in n
        )
        yield (), read(geometry.scalar()), scalar

    return compare(view, name, statement, sides(), clock, describe_order(view))


def scalar_in_alpha(view: View, name: str, statement: str, clock: Clock) -> Law:
    """The published scalar curvature against the norms of T and of its trace."""
    geometry = view.manifold.geometry
    clock.tick()
    square, norm = view.trace_products()
    gap = (square - norm).scale(Fraction(1, 4))
    scalar = geometry.scalar()
    expected = (scalar[0], view.zero, gap)
    return compare(view, name, statement, [((), view.read(scalar), view.read(expected))], clock)


def skewness_part(view: View, name: str, statement: str, clock: Clock) -> Law:
    """The part odd in alpha against the Levi-Civita derivative of T."""
    n = range(view.n)
    levi_civita = View(view.manifold.levi_civita)
    ring = view.ring

    def slope(i: int, j: int, k: int, l: int) -> Poly:
        """(D_i T)_jkl without the terms that cancel when i and j are exchanged."""
        gamma = levi_civita.second
        return view.total(
            [(ring.derivative(view.t(j, k, l), i),)],
            [
                view.dot((gamma(m, i, k), (view.t(j, m, l),)) for m in n),
                view.dot((gamma(m, i, l), (view.t(j, k, m),)) for m in n),
            ],
        )

    def sides() -> Sides:
        for i, j in combinations(n, 2):
            for l, k in product(n, n):
                clock.tick()
                gap = view.total(
                    [view.own("riemann_lower", l, k, i, j)],
                    [view.mirror("riemann_lower", l, k, i, j)],
                )
                turned = view.total([slope(j, i, k, l)], [slope(i, j, k, l)])
                yield (l, k, i, j), gap, view.dot([(view.order(), turned)])

    return compare(view, name, statement, sides(), clock, describe_order(view))


def conjugate_symmetry(view: View, name: str, statement: str, clock: Clock) -> Law:
    """A property, not a law: where it fails, the witness says so."""
    n, digits = range(view.n), None
    for i, j in combinations(n, 2):
        for l, k in product(n, n):
            clock.tick()
            own = view.lowered(l, k, i, j)
            other = (
                tuple(-e if order % 2 else e for order, e in enumerate(own))
                if view.is_symbolic
                else view.mirror("riemann_lower", l, k, i, j)
            )
            found = first_difference(view, (l, k, i, j), own, other)
            if found is not None and found.witness is not None:
                return Law(
                    name, statement, "not applicable", witness=found.witness,
                    explanation="a property that it does not have: not conjugate symmetric",
                )  # fmt: skip
            if found is not None:
                digits = min(found.digits, digits or found.digits)
    if digits is not None:
        return Law(name, statement, "verified", digits, SAMPLES)
    return Law(name, statement, "proved", explanation=describe_order(view))


def dual_flatness(view: View, name: str, statement: str, clock: Clock) -> Law:
    """Both curvatures from their definitions: they vanish together."""
    n = range(view.n)
    flat: dict[int, Witness | None] = {}
    for order in (1, -1):
        side = View(view.manifold.connection(order))
        flat[order] = None
        for i, j in combinations(n, 2):
            for l, k in product(n, n):
                clock.tick()
                gap = first_difference(side, (l, k, i, j), side.curvature(l, k, i, j), (view.zero,))
                if gap is not None and gap.witness is not None:
                    flat[order] = flat[order] or gap.witness
            if flat[order] is not None:
                break
    if (flat[1] is None) != (flat[-1] is None):
        return Law(name, statement, "violated", witness=flat[1] or flat[-1])
    text = "both are flat: dually flat" if flat[1] is None else "neither is flat"
    return Law(name, statement, "proved", explanation=text)


#: name, statement and function, in the order of a report.
LAWS = (
    ("curvature", "R^l_kij = d_i Gamma^l_jk - d_j Gamma^l_ik + [Gamma_i, Gamma_j]^l_k", definition),
    ("curvature duality", "g(R^(a)(X,Y)Z, W) = -g(R^(-a)(X,Y)W, Z)", curvature_duality),
    ("first Bianchi identity", "R^l_kij + R^l_ijk + R^l_jki = 0", first_bianchi),
    ("second Bianchi identity", "D_m R^l_kij + D_i R^l_kjm + D_j R^l_kmi = 0", second_bianchi),
    ("contractions", "Ric_kj = R^l_klj, s = g^kj Ric_kj", contractions),
    ("scalar curvature in alpha", "s^(a) = s^(0) + a^2/4 (|tau|^2 - |T|^2)", scalar_in_alpha),
    (
        "skewness part of the curvature",
        "R^(a)_lkij - R^(-a)_lkij = a ((D_j T)_ikl - (D_i T)_jkl)",
        skewness_part,
    ),
    ("conjugate symmetry", "R^(a) = R^(-a)", conjugate_symmetry),
    ("dual flatness", "R^(1) = 0 exactly if R^(-1) = 0", dual_flatness),
)
