"""Tensors from packed fields: g, dg, T, and for curvature ddg and dT.

One text for plain floats, floats with error bounds, and numbers of many digits.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from statmani.numerics.bounded import Bounded, contracted, inverse

__all__ = ["ORDERS", "RANKS", "Fields", "bounded_tensor", "packed_width", "tensor", "unpacked"]

Floats = NDArray[np.float64]
#: Derivatives of g that a quantity needs.
ORDERS = {
    "metric": 0,
    "skewness": 0,
    "christoffel_first": 1,
    "christoffel": 1,
    "riemann": 2,
    "scalar_curvature": 2,
}
#: Upper and lower indices of a quantity, upper ones first.
RANKS = {
    "metric": (0, 2),
    "skewness": (0, 3),
    "christoffel_first": (0, 3),
    "christoffel": (1, 2),
    "riemann": (1, 3),
    "scalar_curvature": (0, 0),
}
# Components below this part of the natural scale count as zero beside their errors.
_SMALL = 0.1
_ACCEPTED = 1e-11
# Where the fields themselves are right to 13 digits, bounds that pass through nearly singular
# metrics are measured to be at least a thousand times too large.
_CLEAN, _LOOSE = 1e-13, 1e-8
# How often g^-1 multiplies the rounding errors of the fields.
_INVERSIONS = {"christoffel": 1, "riemann": 2, "scalar_curvature": 2}


class Fields(NamedTuple):
    """g[i, j], dg[k, i, j], T[i, j, k], ddg[k, m, i, j] and dT[m, i, j, k] after the row index."""

    g: Any
    dg: Any
    t: Any
    ddg: Any
    dt: Any


def packed_width(n: int, order: int) -> int:
    """Length of a packed row."""
    pairs, triples = n * (n + 1) // 2, n * (n + 1) * (n + 2) // 6
    return pairs * (1 + n) + triples + (pairs * pairs + n * triples if order == 2 else 0)


def _places(n: int, rank: int) -> NDArray[np.int64]:
    """Positions of the components of a symmetric tensor among the packed ones."""
    at = {key: k for k, key in enumerate(combinations_with_replacement(range(n), rank))}
    result = np.empty((n,) * rank, dtype=np.int64)
    for index in np.ndindex(*result.shape):
        key: Any = tuple(sorted(index))
        result[index] = at[key]
    return result


def unpacked(packed: Any, n: int, order: int) -> Fields:
    """Full tensors from packed rows."""
    pairs, triples = n * (n + 1) // 2, n * (n + 1) * (n + 2) // 6
    two, three, axes = _places(n, 2), _places(n, 3), np.arange(n)
    at = pairs * (1 + n)
    g = packed[:, two]
    dg = packed[:, pairs + pairs * axes[:, None, None] + two]
    t = packed[:, at + three]
    if order < 2:
        return Fields(g, dg, t, None, None)
    at += triples
    ddg = packed[:, at + pairs * two[:, :, None, None] + two]
    at += pairs * pairs
    return Fields(g, dg, t, ddg, packed[:, at + triples * axes[:, None, None, None] + three])


def tensor(quantity: str, fields: Fields, half_alpha: Any, inverted: Callable[[Any], Any]) -> Any:
    """Components of a quantity at every row; ``half_alpha`` is alpha / 2."""
    g, dg, t, ddg, dt = fields
    if quantity == "metric":
        return g
    if quantity == "skewness":
        return t
    # first[i, j, k] = (d_i g_jk + d_j g_ik - d_k g_ij) / 2 - alpha / 2 T_ijk
    first = (dg + dg.transpose((0, 2, 1, 3)) - dg.transpose((0, 2, 3, 1))) * 0.5 - t * half_alpha
    if quantity == "christoffel_first":
        return first
    upper = inverted(g)
    second = contracted("xkl,xijl->xkij", upper, first)
    if quantity == "christoffel":
        return second
    # d_first[m, i, j, k] = d_m first[i, j, k]; lowered curvature, last index lowered.
    slope = ddg + ddg.transpose((0, 1, 3, 2, 4)) - ddg.transpose((0, 1, 3, 4, 2))
    d_first = slope * 0.5 - dt * half_alpha
    change = d_first - contracted("xikp,xpjm->xijmk", dg, second)
    lowered = (
        change.transpose((0, 4, 3, 1, 2))
        - change.transpose((0, 4, 3, 2, 1))
        + contracted("ximl,xmjk->xlkij", first, second)
        - contracted("xjml,xmik->xlkij", first, second)
    )
    riemann = contracted("xlm,xmkij->xlkij", upper, lowered)
    if quantity == "riemann":
        return riemann
    return contracted("xkj,xkj->x", upper, contracted("xlklj->xkj", riemann))


def _shifted(array: Bounded, exponents: NDArray[np.int64], rank: tuple[int, int]) -> Bounded:
    """Scaled by 2^exponent for every lower index, and by 2^-exponent for every upper one."""
    total = np.zeros(array.value.shape, dtype=np.int64)
    upper, lower = rank
    for axis in range(upper + lower):
        shape = [len(exponents)] + [1] * (upper + lower)
        shape[1 + axis] = exponents.shape[1]
        total += (exponents if axis >= upper else -exponents).reshape(shape)
    return array.shifted(total)


def bounded_tensor(
    quantity: str, packed: Bounded, n: int, alpha: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Values at every row, and whether rounding may have spoilt them by more than 1e-11.

    The unit of each coordinate is the power of two next to 1 / sqrt(g_ii), so that all components
    have sizes near 1. Components of g and T are measured by themselves, components that the
    connection adds up from many terms by those terms too, as many of them vanish.
    """
    order = ORDERS[quantity]
    fields = unpacked(packed, n, order)
    diagonal = np.abs(np.diagonal(fields.g.value, axis1=1, axis2=2))
    usable = np.isfinite(diagonal) & (diagonal > 0)
    exponents = np.where(usable, np.frexp(diagonal)[1] // 2, 0).astype(np.int64)
    ranks = (2, 3, 3, 4, 4)
    scaled = Fields(
        *(
            None if f is None else _shifted(f, -exponents, (0, rank))
            for f, rank in zip(fields, ranks, strict=True)
        )
    )
    found = tensor(quantity, scaled, 0.5 * alpha, inverse)
    size = np.abs(found.value)
    accepted = np.full(len(size), _ACCEPTED)
    if order:
        slopes = np.maximum(_largest(scaled.dg.value), _largest(scaled.t.value))
        scale = slopes
        if order == 2:
            further = np.maximum(_largest(scaled.ddg.value), _largest(scaled.dt.value))
            scale = np.maximum(slopes * slopes, further)
        floor = _SMALL * np.minimum(1.0, scale)
        size = np.maximum(size, _column(floor, size.ndim))
        clean = _condition(scaled.g.value, _INVERSIONS.get(quantity, 0)) <= _ACCEPTED
        for field in scaled:
            if field is not None:
                clean &= _largest(field.error) <= _CLEAN * _largest(field.value)
        accepted[clean] = _LOOSE
    fine = found.error <= _column(accepted, size.ndim) * size
    result = _shifted(found, exponents, RANKS[quantity]).value
    fine &= np.isfinite(result)
    return result, ~fine.reshape(len(result), -1).all(axis=1)


def _condition(metrics: Floats, power: int) -> Floats:
    """Relative rounding error after `power` solutions with each scaled metric."""
    worst = np.full(len(metrics), np.inf)
    usable = np.isfinite(metrics).all(axis=(1, 2))
    smallest = np.abs(np.linalg.eigvalsh(metrics[usable])).min(axis=1)
    worst[usable] = np.finfo(float).eps / smallest**power
    return worst


def _column(rows: Floats, ndim: int) -> Floats:
    return rows.reshape(-1, *([1] * (ndim - 1)))


def _largest(array: Floats) -> Floats:
    result: Floats = np.abs(array).reshape(len(array), -1).max(axis=1)
    return result
