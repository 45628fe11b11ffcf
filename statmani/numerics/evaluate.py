"""Numeric values of tensors at points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from statmani.errors import InvalidArgument
from statmani.numerics.arguments import manifold_of, read_alpha
from statmani.numerics.bounded import Bounded
from statmani.numerics.exact import repaired
from statmani.numerics.open_tensors import has_expectations, open_tensor
from statmani.numerics.prepared import Prepared, prepared
from statmani.numerics.tensors import (
    ORDERS,
    RANKS,
    bounded_tensor,
    packed_width,
    tensor,
    unpacked,
)

__all__ = ["QUANTITIES", "Evaluation", "evaluate", "second_kind"]

Floats = NDArray[np.float64]
# Packed numbers at a time.
_BLOCK = 1 << 16
#: Names that :func:`evaluate` knows.
QUANTITIES = tuple(ORDERS)


@final
@dataclass(frozen=True, eq=False)
class Evaluation:
    """Values of a tensor with their errors.

    Attributes
    ----------
    value : float or ndarray
    error : float, ndarray or None
        Estimated absolute error of quadrature, like `value`; None for closed forms, which have
        rounding errors only.
    """

    value: Floats | float
    error: Floats | float | None


@overload
def evaluate(
    M: object,
    quantity: str,
    points: ArrayLike,
    *,
    alpha: float = 0,
    full_output: Literal[False] = False,
) -> Floats | float: ...
@overload
def evaluate(
    M: object, quantity: str, points: ArrayLike, *, alpha: float = 0, full_output: Literal[True]
) -> Evaluation: ...
def evaluate(
    M: object, quantity: str, points: ArrayLike, *, alpha: float = 0, full_output: bool = False
) -> Floats | float | Evaluation:
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
    full_output : bool
        Return a record with an error estimate too.

    Returns
    -------
    float or ndarray, shape (...) + tensor shape
        With `full_output` an :class:`Evaluation`.

    Warns
    -----
    StatmaniWarning
        Some points of a batch have no value: unevaluated expectations do not converge there, or
        the tensor is not finite. Their values are NaN.

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
    A bound of the rounding errors is carried beside every value. Where it exceeds 1e-11 of a
    component (near removable singularities of closed forms, for nearly singular metrics, at
    overflow), the exact expressions are evaluated with more digits until two precisions agree:
    right, but milliseconds a point. Components of connections and curvature that vanish are
    measured by the natural scale sqrt(g_ii g_jj ...) instead.
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
    if has_expectations(manifold):
        values, errors = open_tensor(manifold, quantity, rows, a, shape == ())
        full = shape + values.shape[1:]
        record = Evaluation(_scalar(values.reshape(full)), _scalar(errors.reshape(full)))
        return record if full_output else record.value
    kernels = prepared(manifold)
    values, doubtful = _by_kernels(kernels, quantity, rows, a)
    values = repaired(kernels.exact, quantity, rows, values, doubtful, a, shape == ())
    result = _scalar(values.reshape(shape + values.shape[1:]))
    return Evaluation(result, None) if full_output else result


def _scalar(values: Floats) -> Floats | float:
    return float(values) if values.ndim == 0 else values


def _by_kernels(
    kernels: Prepared, quantity: str, rows: Floats, alpha: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Values of compiled kernels, and at which rows their digits are in doubt."""
    n, order = kernels.dim, max(1, ORDERS[quantity])
    field, bounds = kernels.own(order), kernels.rounding_errors(order, False)
    width, wanted = packed_width(n, order), packed_width(n, order)
    if quantity == "metric":
        wanted = n * (n + 1) // 2
    values = np.empty((len(rows), *(n,) * sum(RANKS[quantity])))
    doubtful = np.empty(len(rows), dtype=bool)
    block = max(1, _BLOCK // width)
    for start in range(0, len(rows), block):
        at = slice(start, start + block)
        packed = kernels.packed(field, rows[at], order)
        errors = np.zeros_like(packed)
        errors[:, :wanted] = bounds.errors(rows[at], wanted)
        with np.errstate(all="ignore"):
            pair = bounded_tensor(quantity, Bounded(packed, errors), n, alpha)
        values[at], doubtful[at] = pair
    return values, doubtful


def second_kind(packed: Floats, n: int, alpha: float) -> Floats:
    """Christoffel symbols [k, i, j] from rows of packed first-order fields in any chart."""
    result: Floats = tensor("christoffel", unpacked(packed, n, 1), 0.5 * alpha, np.linalg.inv)
    return result
