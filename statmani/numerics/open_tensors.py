"""Tensors of manifolds whose components contain unevaluated expectations.

The components of g, T, Gamma^(0) and of the derivative part of the curvature are linear in
expectations of products of derivatives of log p. All of them come from one sweep over quadrature
nodes at each point, and g is never differentiated numerically: in the antisymmetric combination
of the curvature third derivatives of log p cancel, which leaves
R_ijkl = E[h_jk h_il] - E[h_ik h_jl] - g^{mn} (Gamma_jk,m Gamma'_il,n - Gamma_ik,m Gamma'_jl,n)
with h = d d l + (1 - alpha)/2 s s (Amari and Nagaoka 2000, section 2.3).
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations_with_replacement, product
from typing import Any, final

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from statmani.algebra.numeric import NotEvaluable
from statmani.errors import NoConvergence
from statmani.expectation.expectation import Expectation
from statmani.geometry.manifold import StatisticalManifold
from statmani.numerics.arguments import warn_failures
from statmani.numerics.open_functions import OpenFunctions
from statmani.numerics.open_precise import inverse, precise_outputs

__all__ = ["has_expectations", "open_tensor"]

Floats = NDArray[np.float64]
_TRIALS = 4
# Quadrature whose relative error is estimated above this has failed.
_WORST = 1e-6
_EPS = 2.0**-52
# Digits grow until the tensor no longer changes; the last change is the error estimate.
_DIGITS = (24, 44, 88)
_SETTLED = 1e-12
_KEPT: OrderedDict[tuple[int, bool], OpenTensors] = OrderedDict()
_LOCK = threading.Lock()
_CAPACITY = 32


def has_expectations(manifold: StatisticalManifold) -> bool:
    """Whether g or T contain unevaluated expectations, other than numbers."""
    return any(
        isinstance(a.expr, Expectation) and not a.expr.is_number for a in manifold.ring.atoms
    )


def open_tensor(
    manifold: StatisticalManifold, quantity: str, rows: Floats, alpha: float, single: bool
) -> tuple[Floats, Floats]:
    """Values of a tensor at rows of points, and estimates of their absolute errors.

    Raises
    ------
    NoConvergence
        The single point has no value; in a batch it becomes NaN, with one warning.
    """
    curved = quantity in ("riemann", "scalar_curvature")
    with _LOCK:
        kernel = _KEPT.get((id(manifold), curved))
        if kernel is None:
            kernel = _KEPT[id(manifold), curved] = OpenTensors(manifold, curved)
            while len(_KEPT) > _CAPACITY:
                _KEPT.popitem(last=False)
        else:
            _KEPT.move_to_end((id(manifold), curved))
    values, errors = kernel.at(rows, quantity, alpha)
    for row in np.flatnonzero(~_good(values, errors)):
        try:
            values[row], errors[row] = kernel.precisely(rows[row], quantity, alpha)
        except NotEvaluable:
            continue
    count, good = len(rows), _good(values, errors)
    if good.all():
        return values, errors
    bad = int(np.flatnonzero(~good)[0])
    if single:
        raise NoConvergence(
            f"{quantity}: quadrature gives no digits at {rows[bad].tolist()} (estimated error "
            f"{errors[bad].max():.1e}). The tensor may be infinite there, or the metric nearly "
            "singular; use evalf of the exact expression for more digits."
        )
    warn_failures(int((~good).sum()), count, "points gave no digits in quadrature", "")
    values[~good] = np.nan
    return values, errors


def _good(values: Floats, errors: Floats) -> NDArray[np.bool_]:
    """Rows with digits."""
    count = len(values)
    size = np.abs(values.reshape(count, -1)).max(axis=1)
    worst = errors.reshape(count, -1).max(axis=1)
    good: NDArray[np.bool_] = worst <= _WORST * np.maximum(size, _WORST)
    return good


def _inverted(matrices: Floats) -> Floats:
    """Inverses; NaN where there is none, so that one row never stops the others."""
    result = np.full_like(matrices, np.nan)
    for at, matrix in enumerate(matrices):
        with contextlib.suppress(np.linalg.LinAlgError):
            result[at] = np.linalg.inv(matrix)
    return result


@final
class OpenTensors:
    """Components of one manifold at points.

    Parameters
    ----------
    manifold : StatisticalManifold
    curved : bool
        Whether the curvature is wanted too.
    """

    def __init__(self, manifold: StatisticalManifold, curved: bool) -> None:
        # Keeps the manifold alive, so that its id stays its own.
        self._manifold = manifold
        self._n = n = manifold.dim
        geometry = manifold.geometry
        ring = manifold.ring
        pairs = list(combinations_with_replacement(range(n), 2))
        elements = [geometry.metric[i][j] for i, j in pairs]
        elements += [geometry.t(*ijk) for ijk in combinations_with_replacement(range(n), 3)]
        elements += [geometry.first(i, j, k) for i, j in pairs for k in range(n)]
        if curved:
            d, dt = geometry.ddg, geometry.half_dt
            total = ring.polynomials.total
            for m, k, i, j in _planes(n):
                second = [d(j, m, i, k), -d(j, k, i, m), -d(i, m, j, k), d(i, k, j, m)]
                elements.append(total(second).scale(Fraction(1, 2)))
                elements.append(total([dt(i, k, m, j), -dt(j, k, m, i)]))
        with ring.polynomials.lock:
            outputs = [ring.shown(e) if e else sp.Integer(0) for e in elements]
        self._shown = outputs
        self._functions = OpenFunctions(outputs, manifold.coordinates)

    def at(self, rows: Floats, quantity: str, alpha: float) -> tuple[Floats, Floats]:
        """The tensor at rows of points and estimates of its errors.

        The tensor is computed again from expectations moved by their own error estimates; the
        largest change is the estimate.
        """
        outputs, good = self._functions.rows(rows, _TRIALS)
        shape = (-1, outputs.shape[-1])
        flat = self._contract(outputs.reshape(shape).T, quantity, alpha)
        tensors = flat.reshape(*outputs.shape[:2], *flat.shape[1:])
        values: Floats = tensors[:, 0]
        change = np.abs(tensors[:, 1:] - tensors[:, :1]).max(axis=1)
        error = 2.0 * change + 8.0 * _EPS * np.abs(values)
        # Nodes that miss mass can agree with each other on wrong values.
        error[~good] = np.inf
        return values, error

    def precisely(self, row: Floats, quantity: str, alpha: float) -> tuple[Any, Any]:
        """The tensor at one point with an error estimate, from sums in many digits.

        Raises
        ------
        NotEvaluable
            The sums do not converge, or miss a part of the density.
        """
        last: Any = None
        for digits in _DIGITS:
            coordinates = self._manifold.coordinates
            outputs = precise_outputs(self._shown, coordinates, row.tolist(), digits)
            value = self._contract(outputs, quantity, alpha, inverse).astype(float)[0]
            change = np.inf if last is None else np.abs(value - last)
            last = value
            if np.max(change) <= _SETTLED * np.max(np.abs(value)):
                break
        return last, change + 2.0 * _EPS * np.abs(last)

    def _contract(
        self,
        outputs: Any,
        quantity: str,
        alpha: float,
        invert: Callable[[Any], Any] = _inverted,
    ) -> Any:
        n, count, kind = self._n, outputs.shape[1], outputs.dtype
        pieces = iter(outputs)
        pairs = list(combinations_with_replacement(range(n), 2))
        g = np.empty((count, n, n), kind)
        for i, j in pairs:
            g[:, i, j] = g[:, j, i] = next(pieces)
        t = np.empty((count, n, n, n), kind)
        for i, j, k in combinations_with_replacement(range(n), 3):
            entry = next(pieces)
            for a, b, c in {(i, j, k), (i, k, j), (j, i, k), (j, k, i), (k, i, j), (k, j, i)}:
                t[:, a, b, c] = entry
        first = np.empty((count, n, n, n), kind)
        for i, j in pairs:
            for k in range(n):
                first[:, i, j, k] = first[:, j, i, k] = next(pieces)
        if quantity == "metric":
            return g
        if quantity == "skewness":
            return t
        dual = first + 0.5 * alpha * t
        own: Floats = first - 0.5 * alpha * t
        if quantity == "christoffel_first":
            return own
        raising = invert(g)
        if quantity == "christoffel":
            raised: Floats = np.einsum("xkm,xijm->xkij", raising, own)
            return raised
        lowered = np.zeros((count, n, n, n, n), kind)
        for m, k, i, j in _planes(n):
            even, odd = next(pieces), alpha * next(pieces)
            lowered[:, m, k, i, j], lowered[:, m, k, j, i] = even + odd, -even - odd
            lowered[:, k, m, i, j], lowered[:, k, m, j, i] = odd - even, even - odd
        mixed = np.einsum("xjkm,xmn,xiln->xlkij", own, raising, dual)
        lowered -= mixed - mixed.swapaxes(3, 4)
        riemann: Floats = np.einsum("xlm,xmkij->xlkij", raising, lowered)
        if quantity == "riemann":
            return riemann
        scalar: Floats = np.einsum("xkj,xlklj->x", raising, riemann)
        return scalar


def _planes(n: int) -> list[tuple[int, int, int, int]]:
    """(m, k, i, j) with m <= k and i < j."""
    return [(m, k, i, j) for m, k, i, j in product(range(n), repeat=4) if m <= k and i < j]
