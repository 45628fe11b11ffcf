"""Is a vector field an infinitesimal isometry, homothety or conformal map?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, final

from sympy import Expr, ImmutableMatrix, S

from statmani.algebra.element import Element
from statmani.geometry.fields import read_field

if TYPE_CHECKING:
    from statmani.geometry.manifold import StatisticalManifold

__all__ = ["KillingCheck", "killing"]


@final
@dataclass(frozen=True)
class KillingCheck:
    """The Lie derivative of the metric along a field, and what follows.

    Attributes
    ----------
    is_killing : bool
        L_X g = 0.
    is_conformal : bool
        L_X g = 2 phi g for a function phi; true for a Killing field.
    is_homothetic : bool
        The same with a constant phi.
    factor : Expr or None
        phi; None when the field is not conformal.
    preserves_skewness : bool
        L_X T = 0; with `is_killing`, the field preserves every alpha-connection.
    lie_derivative : Matrix
        ``[i, j]``: (L_X g)_ij = D_i X_j + D_j X_i.
    """

    is_killing: bool
    is_conformal: bool
    is_homothetic: bool
    factor: Expr | None
    preserves_skewness: bool
    lie_derivative: ImmutableMatrix

    def __bool__(self) -> bool:
        return self.is_killing

    def __str__(self) -> str:
        if self.is_killing:
            tail = "T is preserved" if self.preserves_skewness else "T is not preserved"
            return f"Killing field, L_X g = 0; {tail}"
        if self.is_conformal:
            kind = "homothetic" if self.is_homothetic else "conformal Killing"
            return f"{kind} field, L_X g = 2*({self.factor})*g"
        i, j = next(p for p in _pairs(self.lie_derivative.rows) if self.lie_derivative[p] != 0)
        return f"no Killing field: (L_X g)[{i}, {j}] = {self.lie_derivative[i, j]}"

    __repr__ = __str__


def _pairs(n: int) -> list[tuple[int, int]]:
    return list(combinations_with_replacement(range(n), 2))


def killing(manifold: StatisticalManifold, field: Sequence[object]) -> KillingCheck:
    """Check Killing's equation for a given vector field, exactly.

    (L_X g)_ij = X^k d_k g_ij + g_kj d_i X^k + g_ik d_j X^k (do Carmo 1992, exercise 3.5), and
    L_X T likewise.

    Parameters
    ----------
    manifold : StatisticalManifold
    field : sequence of n expressions
        Components X^i in coordinate order.

    Raises
    ------
    InvalidArgument
        Wrong length, or entries that are no finite real expressions.

    Examples
    --------
    >>> import statmani as sm
    >>> M = sm.families.normal().manifold()
    >>> mu, sigma = M.coordinates
    >>> killing(M, (mu, sigma))
    Killing field, L_X g = 0; T is preserved
    >>> killing(M, (mu**2 / 2 - sigma**2, mu * sigma))
    Killing field, L_X g = 0; T is not preserved
    >>> killing(M, (0, sigma)).is_killing
    False
    """
    place, x = read_field(manifold, field)
    ring, geometry, n = place.ring, place.geometry, place.dim
    dot, g = ring.polynomials.dot, geometry.metric
    with ring.polynomials.lock:
        slope = [[ring.derivative(c, i) for i in range(n)] for c in x]
        lie = {
            (i, j): dot(
                [(x[k], geometry.dg(i, j, k)) for k in range(n)]
                + [(g[k][j], slope[k][i]) for k in range(n)]
                + [(g[i][k], slope[k][j]) for k in range(n)]
            )
            for i, j in _pairs(n)
        }
        trace = dot(
            (lie[i, j] if i == j else lie[i, j].scale(2), geometry.inverse[i][j])
            for i, j in _pairs(n)
        )
        phi = trace.scale(Fraction(1, 2 * n))
        conformal = all(lie[i, j] == (phi * g[i][j]).scale(2) for i, j in _pairs(n))
        skewness = all(not _lie_skewness(place, x, slope, index) for index in _triples(n))
        shown = {key: ring.to_sympy(value) for key, value in lie.items()}
        is_killing = not any(lie.values())
        homothetic = conformal and not any(ring.derivative(phi, i) for i in range(n))
        return KillingCheck(
            is_killing,
            conformal,
            homothetic,
            (ring.to_sympy(phi) if phi else S.Zero) if conformal else None,
            skewness,
            ImmutableMatrix(n, n, lambda i, j: shown[min(i, j), max(i, j)]),
        )


def _triples(n: int) -> list[tuple[int, int, int]]:
    return list(combinations_with_replacement(range(n), 3))


def _lie_skewness(
    place: StatisticalManifold,
    x: Sequence[Element],
    slope: Sequence[Sequence[Element]],
    index: tuple[int, int, int],
) -> Element:
    geometry, ring = place.geometry, place.ring
    i, j, k = index
    t, n = geometry.t, range(place.dim)
    return ring.polynomials.dot(
        [(x[m], ring.derivative(t(i, j, k), m)) for m in n]
        + [(t(m, j, k), slope[m][i]) for m in n]
        + [(t(i, m, k), slope[m][j]) for m in n]
        + [(t(i, j, m), slope[m][k]) for m in n]
    )
