"""Positivity of g from scores that are linearly independent functions at every parameter point.

v^i v^j g_ij = E[(v^i s_i)^2] vanishes only if v^i s_i = 0 on the support. On one branch of a
kernel's variable u the scores are sums of c(theta) u^p log^m u (1 + r u)^q log^n(1 + r u). For
fixed (m, n) and a common power of 1 + r u they are polynomials in a root of u, and the logarithms
are algebraically independent of u; so the scores are independent where a minor of the matrix of
coefficients does not vanish.
"""

from __future__ import annotations

from itertools import combinations, islice
from typing import Any

import sympy as sp

from statmani.expectation.sparse import Sparse
from statmani.geometry import linear
from statmani.laws.closed import ClosedMoments
from statmani.laws.tensors import proved_sign
from statmani.laws.view import View

__all__ = ["independent_scores"]

_MOST_MINORS = 60
Place = tuple[int, int, sp.Expr]


def independent_scores(view: View, closed: ClosedMoments) -> bool:
    """Whether a minor of the coefficients of the scores has one sign on the domain.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.laws.closed import ClosedMoments
    >>> from statmani.laws.independence import independent_scores
    >>> from statmani.laws.view import View
    >>> family = sm.families.generalized_gamma()
    >>> view = View(family.manifold().levi_civita)
    >>> independent_scores(view, ClosedMoments(family.declaration))
    True
    """
    branches = closed.scores_on_branches()
    external = closed.declaration.external
    for ratio, scores in branches:
        rows = _coefficients(scores, ratio)
        if rows is None:
            continue
        places = sorted({place for row in rows for place in row}, key=sp.default_sort_key)
        table = {
            place: [view.ring.convert(external(row.get(place, sp.S.Zero))) for row in rows]
            for place in places
        }
        # Short columns first: their minors factor into signs.
        ordered = sorted(places, key=lambda place: sum(len(e.num) for e in table[place]))
        for chosen in islice(combinations(ordered, view.n), _MOST_MINORS):
            matrix = [[table[place][i] for place in chosen] for i in range(view.n)]
            if proved_sign(view, linear.determinant(view.ring, matrix)):
                return True
    return False


def _coefficients(scores: list[Sparse], ratio: int) -> list[dict[Place, sp.Expr]] | None:
    """By (m, n, power of u) after multiplication by a common power of 1 + ratio u."""
    least: dict[tuple[int, int], Any] = {}
    for score in scores:
        for p, m, q, n in score:
            if not (p.is_Rational and q.is_Integer):
                return None
            least[m, n] = min(least.get((m, n), sp.S.Zero), q)
    rows = []
    for score in scores:
        row: dict[Place, sp.Expr] = {}
        for (p, m, q, n), c in score.items():
            power = int(q - least[m, n])
            for k in range(power + 1):
                place = (m, n, p + k)
                row[place] = row.get(place, sp.S.Zero) + c * sp.binomial(power, k) * ratio**k
        rows.append(row)
    return rows
