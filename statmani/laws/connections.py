"""Laws of an alpha-connection: torsion, duality, the cubic form, affinity in alpha."""

from __future__ import annotations

from itertools import product

from sympy import Integer, Rational

from statmani.laws.judge import Clock, Sides, compare, describe_order
from statmani.laws.record import Law
from statmani.laws.view import View

__all__ = ["LAWS", "affinity", "cubic_form", "metric_duality", "torsion"]

_HALVES = (Integer(1), Integer(-1), Integer(0), Rational(5, 3))


def torsion(view: View, name: str, statement: str, clock: Clock) -> Law:
    """Gamma^k_ij = Gamma^k_ji, where g_km Gamma^m_ij is Koszul's formula in both orders."""
    n = range(view.n)

    def sides() -> Sides:
        for i, j, k in product(n, n, n):
            lowered = view.dot(((view.g(k, m),), view.second(m, i, j)) for m in n)
            yield (k, i, j), lowered, view.koszul(j, i, k)
            yield (i, j, k), view.own("christoffel_first", i, j, k), view.koszul(j, i, k)

    return compare(
        view, name, statement, sides(), clock,
        f"{describe_order(view)}, from Koszul's formula with i and j exchanged",
    )  # fmt: skip


def metric_duality(view: View, name: str, statement: str, clock: Clock) -> Law:
    """d_k g_ij from the published symbols of both connections."""
    n = range(view.n)
    sides = (
        (
            (k, i, j),
            (view.ring.derivative(view.g(i, j), k),),
            view.total(
                [view.own("christoffel_first", k, i, j), view.mirror("christoffel_first", k, j, i)]
            ),
        )
        for k, i, j in product(n, n, n)
    )
    return compare(view, name, statement, sides, clock, describe_order(view))


def cubic_form(view: View, name: str, statement: str, clock: Clock) -> Law:
    """The covariant derivative of g from the symbols of the second kind."""
    n = range(view.n)

    def sides() -> Sides:
        for k, i, j in product(n, n, n):
            slope = (view.ring.derivative(view.g(i, j), k),)
            first = view.dot((view.second(m, k, i), (view.g(m, j),)) for m in n)
            second = view.dot((view.second(m, k, j), (view.g(i, m),)) for m in n)
            expected = view.dot([((view.t(i, j, k),), view.order())])
            yield (k, i, j), view.total([slope], [first, second]), expected

    return compare(view, name, statement, sides(), clock, describe_order(view))


def affinity(view: View, name: str, statement: str, clock: Clock) -> Law:
    """Symbols of the second kind at several orders against those of orders 1 and -1."""
    n = range(view.n)
    read = {a: View(view.manifold.connection(a)) for a in _HALVES}

    def sides() -> Sides:
        for a, numeric in read.items():
            weights = [view.ring.number((1 + sign * a) / 2) for sign in (1, -1)]
            for k, i, j in product(n, n, n):
                ends = [
                    (read[e].second(k, i, j), (w,))
                    for e, w in zip(_HALVES[:2], weights, strict=True)
                ]
                whole = view.second(k, i, j) if view.is_symbolic else numeric.second(k, i, j)
                yield (k, i, j), numeric.second(k, i, j), view.dot(ends)
                yield (k, i, j), (view.at(whole, a),), numeric.second(k, i, j)

    return compare(view, name, statement, sides(), clock, "at alpha = 1, -1, 0 and 5/3")


#: name, statement and function, in the order of a report.
LAWS = (
    ("torsion-freeness", "Gamma^(a)k_ij = Gamma^(a)k_ji", torsion),
    ("metric duality", "d_k g_ij = Gamma^(a)_ki,j + Gamma^(-a)_kj,i", metric_duality),
    ("cubic form", "(D^(a)_k g)_ij = a T_ijk", cubic_form),
    ("affinity in alpha", "Gamma^(a) = (1+a)/2 Gamma^(1) + (1-a)/2 Gamma^(-1)", affinity),
)
