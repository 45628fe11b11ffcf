"""Tensors of manifolds whose components contain unevaluated expectations.

The components of g, T, Gamma^(0) and of the derivative part of the curvature are linear in
expectations of products of derivatives of log p. All of them come from one sweep over quadrature
nodes at each point, and g is never differentiated numerically: in the antisymmetric combination
of the curvature third derivatives of log p cancel, which leaves
R_ijkl = E[h_jk h_il] - E[h_ik h_jl] - g^{mn} (Gamma_jk,m Gamma'_il,n - Gamma_ik,m Gamma'_jl,n)
with h = d d l + (1 - alpha)/2 s s (Amari and Nagaoka 2000, section 2.3).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations_with_replacement, product
from typing import Any, final

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from statmani.errors import NoConvergence, OutsideDomain
from statmani.expectation.evaluate import Program
from statmani.expectation.expectation import Expectation
from statmani.expectation.law import Law
from statmani.expectation.sweep import Sweep
from statmani.geometry.manifold import StatisticalManifold
from statmani.numerics.arguments import warn_failures

__all__ = ["OpenFunctions", "has_expectations", "open_tensor"]

Floats = NDArray[np.float64]
_TRIALS = 4
_LOST_MASS = 1e-7
# Quadrature whose relative error is estimated above this has failed.
_WORST = 1e-6
_EPS = 2.0**-52
_KEPT: OrderedDict[tuple[int, bool], OpenTensors] = OrderedDict()
_LOCK = threading.Lock()
_CAPACITY = 32


def has_expectations(manifold: StatisticalManifold) -> bool:
    """Whether g or T contain unevaluated expectations."""
    return any(isinstance(a.expr, Expectation) for a in manifold.ring.atoms)


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
    found = [kernel.at(row, quantity, alpha) for row in rows]
    values, errors = np.stack([f[0] for f in found]), np.stack([f[1] for f in found])
    count = len(rows)
    size = np.abs(values.reshape(count, -1)).max(axis=1)
    good = errors.reshape(count, -1).max(axis=1) <= _WORST * np.maximum(size, _WORST)
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


@final
class _Group:
    """The expectations under one law at one set of values."""

    def __init__(self, law: Law, values: tuple[sp.Expr, ...], atoms: list[Expectation]) -> None:
        self.law = law
        self.atoms = atoms
        self.values = values
        self.sweep = Sweep(law, [(a.integrand.function, a.integrand.monomial) for a in atoms])


@final
class OpenFunctions:
    """Functions of a point that contain expectations, all from shared sweeps.

    Parameters
    ----------
    outputs : sequence of Expr
    inputs : sequence of Symbol
    """

    def __init__(self, outputs: Sequence[sp.Expr], inputs: Sequence[sp.Symbol]) -> None:
        atoms: set[Expectation] = set().union(*(e.atoms(Expectation) for e in outputs))
        groups: dict[Any, list[Expectation]] = {}
        for atom in sorted(atoms, key=sp.default_sort_key):
            groups.setdefault((atom.integrand.law, atom.values), []).append(atom)
        self._groups = [_Group(law, values, own) for (law, values), own in groups.items()]
        ordered = [a for g in self._groups for a in g.atoms]
        dummies = [sp.Dummy(f"e{i}", real=True) for i in range(len(ordered))]
        table = dict(zip(ordered, dummies, strict=True))
        self._values = Program([v for g in self._groups for v in g.values], inputs)
        self._outputs = Program([e.xreplace(table) for e in outputs], (*inputs, *dummies))

    def at(self, point: Floats, trials: int) -> tuple[Floats, Floats]:
        """Outputs as columns: at the point, then with expectations moved by their errors.

        Returns
        -------
        outputs : ndarray, shape (number of outputs, 1 + trials)
        total : ndarray
            Integrals of the densities.
        """
        flat = [float(v[0]) for v in self._values.arrays({}, [np.array([x]) for x in point])]
        found, errors, totals = [], [], []
        for group in self._groups:
            own, flat = flat[: len(group.values)], flat[len(group.values) :]
            _require_inside(group.law, own)
            result = group.sweep.at(dict(zip(group.law.symbols, own, strict=True)))
            found.append(result.values)
            errors.append(result.errors)
            totals.append(result.total)
        value, error = np.concatenate(found), np.concatenate(errors)
        signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(trials, value.size))
        batch = np.vstack([value, value + signs * error])
        inputs = [*(np.full(len(batch), x) for x in point), *batch.T]
        return np.stack(self._outputs.arrays({}, inputs)), np.array(totals)


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
        self._functions = OpenFunctions(outputs, manifold.coordinates)

    def at(self, row: Floats, quantity: str, alpha: float) -> tuple[Floats, Floats]:
        """The tensor at one point and an estimate of its error.

        The tensor is computed again from expectations moved by their own error estimates; the
        largest change is the estimate.
        """
        outputs, totals = self._functions.at(row, _TRIALS)
        tensors = self._contract(outputs, quantity, alpha)
        change = np.abs(tensors[1:] - tensors[0]).max(axis=0)
        error = 2.0 * change + 8.0 * _EPS * np.abs(tensors[0])
        if np.abs(totals - 1.0).max() > _LOST_MASS:
            # Nodes that miss mass can agree with each other on wrong values.
            error = np.full_like(error, np.inf)
        return tensors[0], error

    def _contract(self, outputs: Floats, quantity: str, alpha: float) -> Floats:
        n, count = self._n, outputs.shape[1]
        pieces = iter(outputs)
        pairs = list(combinations_with_replacement(range(n), 2))
        g = np.empty((count, n, n))
        for i, j in pairs:
            g[:, i, j] = g[:, j, i] = next(pieces)
        t = np.empty((count, n, n, n))
        for i, j, k in combinations_with_replacement(range(n), 3):
            entry = next(pieces)
            for a, b, c in {(i, j, k), (i, k, j), (j, i, k), (j, k, i), (k, i, j), (k, j, i)}:
                t[:, a, b, c] = entry
        first = np.empty((count, n, n, n))
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
        inverse = np.linalg.inv(g)
        if quantity == "christoffel":
            raised: Floats = np.einsum("xkm,xijm->xkij", inverse, own)
            return raised
        lowered = np.zeros((count, n, n, n, n))
        for m, k, i, j in _planes(n):
            even, odd = next(pieces), alpha * next(pieces)
            lowered[:, m, k, i, j], lowered[:, m, k, j, i] = even + odd, -even - odd
            lowered[:, k, m, i, j], lowered[:, k, m, j, i] = odd - even, even - odd
        mixed = np.einsum("xjkm,xmn,xiln->xlkij", own, inverse, dual)
        lowered -= mixed - mixed.swapaxes(3, 4)
        riemann: Floats = np.einsum("xlm,xmkij->xlkij", inverse, lowered)
        if quantity == "riemann":
            return riemann
        scalar: Floats = np.einsum("xkj,xlklj->x", inverse, riemann)
        return scalar


def _planes(n: int) -> list[tuple[int, int, int, int]]:
    """(m, k, i, j) with m <= k and i < j."""
    return [(m, k, i, j) for m, k, i, j in product(range(n), repeat=4) if m <= k and i < j]


def _require_inside(law: Law, values: list[float]) -> None:
    if law.declaration.domain.constants:
        return
    n = len(law.declaration.parameters)
    if not bool(law.declaration.domain.contains(values[:n])):
        raise OutsideDomain(
            f"an expectation is needed at {values[:n]}, outside the domain of its density. "
            "Choose a point inside."
        )
