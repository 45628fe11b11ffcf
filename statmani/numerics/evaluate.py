"""Numeric values of tensors at points."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import ArrayLike, NDArray

from statmani.errors import InvalidArgument
from statmani.numerics.arguments import manifold_of, read_alpha
from statmani.numerics.exact import repaired
from statmani.numerics.prepared import prepared, unpack_symmetric

__all__ = ["QUANTITIES", "evaluate", "second_kind"]

Floats = NDArray[np.float64]
#: Names that :func:`evaluate` knows.
QUANTITIES = (
    "metric",
    "skewness",
    "christoffel_first",
    "christoffel",
    "riemann",
    "scalar_curvature",
)


def evaluate(M: object, quantity: str, points: ArrayLike, *, alpha: float = 0) -> Floats | float:
    """Values of a tensor at one or many points, by compiled kernels.

    Parameters
    ----------
    M : StatisticalManifold or Family
    quantity : str
        "metric" g_ij, "skewness" T_ijk, "christoffel_first" Gamma_{ij,k} as [i, j, k],
        "christoffel" Gamma^k_ij as [k, i, j], "riemann" R^l_kij as [l, k, i, j],
        "scalar_curvature".
    points : array_like, shape (n,) or (..., n)
    alpha : real number, default 0
        The connection; metric and skewness do not depend on it.

    Returns
    -------
    float or ndarray, shape (...) + tensor shape

    Raises
    ------
    InvalidArgument
        Unknown quantity, wrong shape, alpha not real, constants without value.
    OutsideDomain
        A point is not strictly inside; the first index is named.
    NoConvergence
        The tensor has no finite value at a single point; in a batch it is NaN there, and one
        warning counts such points.

    Notes
    -----
    Where the metric is so nearly singular that double precision would lose the result, the exact
    expressions are evaluated with more digits: right, but milliseconds a point.
    Gamma^(alpha) = Gamma^(0) - (alpha/2) T in first kind (Amari and Nagaoka 2000, section 2.3);
    R(d_i, d_j) d_k = R^l_kij d_l.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> mu, sigma = sp.Symbol("mu", real=True), sp.Symbol("sigma", positive=True)
    >>> M = sm.StatisticalManifold((mu, sigma), sp.diag(1, 2) / sigma**2)
    >>> sm.evaluate(M, "metric", [0.0, 2.0])
    array([[0.25, 0.  ],
           [0.  , 0.5 ]])
    >>> round(sm.evaluate(M, "scalar_curvature", [0.0, 2.0]), 12)
    -1.0
    """
    manifold = manifold_of(M)
    if quantity not in QUANTITIES:
        raise InvalidArgument(
            f"quantity {quantity!r} is unknown. Choose one of {', '.join(QUANTITIES)}."
        )
    a = read_alpha(alpha)
    n = manifold.dim
    array = manifold.domain.require(points, "points")
    shape = array.shape[:-1]
    rows = np.array(array, order="C").reshape(-1, n)
    order = 2 if quantity in ("riemann", "scalar_curvature") else 1
    kernels = prepared(manifold)
    packed = kernels.packed(kernels.own(order), rows, order)
    with np.errstate(all="ignore"):
        values = _tensor(quantity, packed, n, a)
    metrics = unpack_symmetric(packed[:, : n * (n + 1) // 2], n)
    values = repaired(manifold, quantity, rows, values, metrics, a, shape == ())
    result = values.reshape(shape + values.shape[1:])
    if result.ndim == 0:
        return float(result)
    return result


def _tensor(quantity: str, packed: Floats, n: int, alpha: float) -> Floats:
    pairs, triples = n * (n + 1) // 2, n * (n + 1) * (n + 2) // 6
    count = packed.shape[0]
    g = unpack_symmetric(packed[:, :pairs], n)
    if quantity == "metric":
        return g
    at = pairs * (1 + n)
    dg = unpack_symmetric(packed[:, pairs:at].reshape(count, n, pairs), n)
    t = _unpack_cubic(packed[:, at : at + triples], n)
    if quantity == "skewness":
        return t
    # first[i, j, k] = (d_i g_jk + d_j g_ik - d_k g_ij) / 2 - alpha / 2 T_ijk
    first = _first_kind(dg) - 0.5 * alpha * t
    if quantity == "christoffel_first":
        return first
    flat = first.transpose(0, 3, 1, 2).reshape(count, n, n * n)
    second: Floats = np.asarray(np.linalg.solve(g, flat)).reshape(count, n, n, n)
    if quantity == "christoffel":
        return second
    at += triples
    square = unpack_symmetric(packed[:, at : at + pairs * pairs].reshape(count, pairs, pairs), n)
    ddg = np.empty((count, n, n, n, n))
    for position, (k, m) in enumerate(combinations_with_replacement(range(n), 2)):
        ddg[:, k, m] = ddg[:, m, k] = square[:, position]
    at += pairs * pairs
    dt = _unpack_cubic(packed[:, at:].reshape(count, n, triples), n)
    # d_first[m, i, j, k] = d_m first[i, j, k]; lowered curvature, last index lowered.
    d_first = np.stack([_first_kind(ddg[:, m]) - 0.5 * alpha * dt[:, m] for m in range(n)], 1)
    change = d_first - np.einsum("xikp,xpjm->xijmk", dg, second)
    lowered = (
        np.einsum("xijkl->xlkij", change)
        - np.einsum("xjikl->xlkij", change)
        + np.einsum("ximl,xmjk->xlkij", first, second)
        - np.einsum("xjml,xmik->xlkij", first, second)
    )
    riemann: Floats = np.linalg.solve(g, lowered.reshape(count, n, n**3)).reshape(count, n, n, n, n)
    if quantity == "riemann":
        return riemann
    ricci = np.einsum("xlklj->xkj", riemann)
    scalar: Floats = np.einsum("xkj,xkj->x", np.linalg.inv(g), ricci)
    return scalar


def second_kind(packed: Floats, n: int, alpha: float) -> Floats:
    """Christoffel symbols [k, i, j] from rows of packed first-order fields in any chart."""
    return _tensor("christoffel", packed, n, alpha)


def _first_kind(dg: Floats) -> Floats:
    half: Floats = 0.5 * (dg + dg.swapaxes(1, 2) - np.moveaxis(dg, 1, 3))
    return half


def _unpack_cubic(packed: Floats, n: int) -> Floats:
    result = np.empty((*packed.shape[:-1], n, n, n))
    for at, (i, j, k) in enumerate(combinations_with_replacement(range(n), 3)):
        for a, b, c in {(i, j, k), (i, k, j), (j, i, k), (j, k, i), (k, i, j), (k, j, i)}:
            result[..., a, b, c] = packed[..., at]
    return result
