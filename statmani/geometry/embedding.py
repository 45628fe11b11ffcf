"""How a submanifold bends in its ambient manifold: the second fundamental forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Any, final

from sympy import Expr

from statmani.algebra.element import Element
from statmani.errors import InvalidArgument
from statmani.geometry.alpha import express, read_alpha
from statmani.geometry.chart import Homomorphism
from statmani.geometry.covariant import add_up
from statmani.geometry.tensor import Exact, Tensor

if TYPE_CHECKING:
    from statmani.geometry.manifold import StatisticalManifold

__all__ = ["Embedding", "embedding_curvature", "mean_curvature", "second_fundamental_form"]


@final
@dataclass(frozen=True)
class Embedding:
    """A submanifold's map into its ambient manifold.

    Attributes
    ----------
    ambient : StatisticalManifold
    mapping : mapping
        {ambient coordinate: expression in the submanifold's coordinates}.
    jacobian : sequence of sequences of Element
        ``[k][a]``, in the submanifold's ring.
    """

    ambient: StatisticalManifold
    mapping: Mapping[Expr, Expr]
    carry: Homomorphism
    jacobian: Sequence[Sequence[Element]]
    kept: dict[Any, Any] = field(default_factory=dict, compare=False)


def _embedding(submanifold: StatisticalManifold) -> Embedding:
    found = submanifold.embedding
    if found is None:
        raise InvalidArgument(
            "this manifold is not embedded in another one, so it has no second fundamental form. "
            "Make it by ambient.submanifold(mapping, coordinates)."
        )
    return found


def _pushed(embedding: Embedding, k: int, part: int) -> list[list[Element]]:
    """``[i][j]``: Gamma^k_ij (part 0) or T^k_ij / 2 (part 1) along the submanifold."""
    key = ("ambient", k, part)
    if key not in embedding.kept:
        geometry, n = embedding.ambient.geometry, embedding.ambient.dim
        source = geometry.second if part == 0 else geometry.raised_t
        carried = {(i, j): embedding.carry(source(k, i, j)) for i in range(n) for j in range(i, n)}
        embedding.kept[key] = [[carried[min(i, j), max(i, j)] for j in range(n)] for i in range(n)]
    rows: list[list[Element]] = embedding.kept[key]
    return rows


def _form(submanifold: StatisticalManifold, k: int, a: int, b: int) -> list[Element]:
    """Coefficients of 1 and alpha in H^k_ab = d_ab x^k + G^k_ij B^i_a B^j_b - G^c_ab B^k_c."""
    embedding = _embedding(submanifold)
    a, b = min(a, b), max(a, b)
    key = ("form", k, a, b)
    if key not in embedding.kept:
        ring, own = submanifold.ring, submanifold.geometry
        jacobian, n, m = embedding.jacobian, embedding.ambient.dim, submanifold.dim
        dot = ring.polynomials.dot
        parts = []
        for part in (0, 1):
            rows = _pushed(embedding, k, part)
            half = [dot((rows[i][j], jacobian[j][b]) for j in range(n)) for i in range(n)]
            pairs = [(half[i], jacobian[i][a]) for i in range(n)]
            symbols = own.second if part == 0 else own.raised_t
            pairs += [(-symbols(c, a, b), jacobian[k][c]) for c in range(m)]
            if part == 0:
                pairs.append((ring.derivative(jacobian[k][a], b), ring.polynomials.one))
            parts.append(dot(pairs))
        embedding.kept[key] = [parts[0], -parts[1]]
    form: list[Element] = embedding.kept[key]
    return form


def second_fundamental_form(submanifold: StatisticalManifold, alpha: object) -> Tensor:
    """``[k, a, b]``: the normal part of D^(alpha)_{d_a} d_b, in ambient coordinates k.

    alpha = 1 gives the e-embedding, alpha = -1 the m-embedding curvature (Amari 1985, Differential-
    Geometrical Methods in Statistics, section 2.6, there with normal index lowered).

    Parameters
    ----------
    submanifold : StatisticalManifold
        Made by ``ambient.submanifold``.
    alpha : real number or Symbol

    Returns
    -------
    Tensor
        Of shape (n, m, m): n the ambient dimension, m the submanifold's.

    Raises
    ------
    InvalidArgument
        The manifold is not embedded, or alpha is no real number.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> M = sm.families.normal().manifold()
    >>> mu, sigma = M.coordinates
    >>> t = sp.Symbol("t", positive=True)
    >>> line = M.submanifold({mu: t, sigma: t}, t)
    >>> second_fundamental_form(line, 1).nonzero()
    {(0, 0, 0): -2/(3*t), (1, 0, 0): 1/(3*t)}
    """
    order = read_alpha(alpha, submanifold.coordinates)
    ring, m = submanifold.ring, submanifold.dim
    n = _embedding(submanifold).ambient.dim

    def coefficients(index: tuple[int, ...]) -> list[Element]:
        with ring.polynomials.lock:
            return _form(submanifold, *index)

    return Exact(ring, order, coefficients).tensor((n, m, m))


def mean_curvature(submanifold: StatisticalManifold, alpha: object) -> tuple[Expr, ...]:
    """The mean curvature vector (1/m) g^{ab} H^k_ab in ambient coordinates.

    m is the submanifold's dimension (do Carmo 1992, section 6.2).
    """
    order = read_alpha(alpha, submanifold.coordinates)
    ring, inverse = submanifold.ring, submanifold.geometry.inverse
    n, m = _embedding(submanifold).ambient.dim, submanifold.dim
    with ring.polynomials.lock:
        result = []
        for k in range(n):
            total = add_up(
                ring,
                [
                    (_form(submanifold, k, a, b), (inverse[a][b].scale(Fraction(1, m)),))
                    for a, b in product(range(m), repeat=2)
                ],
            )
            result.append(express(ring, order, total))
        return tuple(result)


def embedding_curvature(submanifold: StatisticalManifold, alpha: object = 1) -> Expr:
    """g^{ac} g^{bd} g_kl H^k_ab H^l_cd, the squared length of the second fundamental form.

    For a curve in an exponential family and alpha = 1 this is Efron's squared statistical
    curvature (Efron 1975, Annals of Statistics 3, 1189, eq. 3.10; Amari 1985, eq. 4.12).
    """
    order = read_alpha(alpha, submanifold.coordinates)
    embedding = _embedding(submanifold)
    ring, inverse = submanifold.ring, submanifold.geometry.inverse
    n, m = embedding.ambient.dim, submanifold.dim
    pairs = list(product(range(m), repeat=2))
    with ring.polynomials.lock:
        dot = ring.polynomials.dot
        metric = [[embedding.carry(e) for e in row] for row in embedding.ambient.geometry.metric]
        forms = {(k, p): _form(submanifold, k, *p) for k in range(n) for p in pairs}
        lowered = {
            (k, p): [dot((metric[k][l], forms[l, p][o]) for l in range(n)) for o in (0, 1)]
            for k in range(n)
            for p in pairs
        }
        raised = {
            (k, p): [
                dot((inverse[p[0]][q[0]] * inverse[p[1]][q[1]], forms[k, q][o]) for q in pairs)
                for o in (0, 1)
            ]
            for k in range(n)
            for p in pairs
        }
        return express(ring, order, add_up(ring, [(lowered[key], raised[key]) for key in forms]))
