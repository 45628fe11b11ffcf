"""Functions of a point that contain unevaluated expectations, compiled where possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from statmani.errors import InvalidManifold, OutsideDomain
from statmani.expectation.evaluate import Program
from statmani.expectation.sweep import Sweep
from statmani.kernels.expectations import Kernel, grouped

__all__ = ["OpenFunctions"]

Floats = NDArray[np.float64]
Found = tuple[Floats, Floats, Floats, NDArray[np.bool_]]
_LOST_MASS = 1e-7
# A field has no error estimate of its own, so what solvers see must be good.
_WORST_FIELD = 1e-10


@final
class _Arrays:
    """What :class:`Kernel` does, in numpy, for functions without compiled form."""

    def __init__(
        self,
        outputs: Sequence[sp.Expr],
        inputs: Sequence[sp.Symbol],
        exponentials: Mapping[sp.Symbol, int],
    ) -> None:
        back = {s: sp.exp(inputs[at]) for s, at in exponentials.items()}
        own_outputs = [e.xreplace(back) for e in outputs]
        self._groups = grouped(own_outputs)
        atoms = [a for _, _, own in self._groups for a in own]
        dummies = [sp.Dummy(f"e{i}", real=True) for i in range(len(atoms))]
        table = dict(zip(atoms, dummies, strict=True))
        self._values = Program([v for _, values, _ in self._groups for v in values], inputs)
        self._outputs = Program([e.xreplace(table) for e in own_outputs], (*inputs, *dummies))
        self._sweeps = [
            Sweep(law, [(a.integrand.function, a.integrand.monomial) for a in own])
            for law, _, own in self._groups
        ]

    def expectations(self, points: Floats) -> Found:
        rows = [self._at(point) for point in points]
        values, sizes, errors = (np.array([r[k] for r in rows]) for k in range(3))
        return values, sizes, errors, np.array([r[3] for r in rows])

    def _at(self, point: Floats) -> tuple[Floats, Floats, Floats, bool]:
        flat = [float(v[0]) for v in self._values.arrays({}, [np.array([x]) for x in point])]
        parts, good = [], True
        for (law, values, _), sweep in zip(self._groups, self._sweeps, strict=True):
            own, flat = flat[: len(values)], flat[len(values) :]
            result = sweep.at(dict(zip(law.symbols, own, strict=True)))
            parts.append((result.values, result.sizes, result.errors))
            good = good and abs(result.total - 1.0) <= _LOST_MASS
        found, sizes, errors = (np.concatenate([p[k] for p in parts]) for k in range(3))
        return found, sizes, errors, good

    def combine(self, points: Floats, values: Floats) -> Floats:
        columns = [*points.T, *values.T]
        return np.stack(self._outputs.arrays({}, columns), axis=-1)


@final
class OpenFunctions:
    """Functions of a point that contain expectations, all from shared sweeps.

    Parameters
    ----------
    outputs : sequence of Expr
    inputs : sequence of Symbol
    exponentials : mapping, optional
        Symbols that stand for exp of an input.
    """

    def __init__(
        self,
        outputs: Sequence[sp.Expr],
        inputs: Sequence[sp.Symbol],
        exponentials: Mapping[sp.Symbol, int] | None = None,
    ) -> None:
        self._groups = grouped(outputs)
        self._values = Program([v for _, values, _ in self._groups for v in values], inputs)
        self._kernel: Kernel | _Arrays
        try:
            self._kernel = Kernel(outputs, inputs, exponentials or {})
        except InvalidManifold:
            self._kernel = _Arrays(outputs, inputs, exponentials or {})

    @property
    def field(self) -> Any:
        """The field for compiled solvers, None when the sums are in numpy."""
        return self._kernel.field if isinstance(self._kernel, Kernel) else None

    def rows(self, points: Floats, trials: int) -> tuple[Floats, NDArray[np.bool_]]:
        """Outputs at rows of points, then with expectations moved by their errors.

        Returns
        -------
        outputs : ndarray, shape (number of points, 1 + trials, number of outputs)
        good : ndarray of bool
            Whether the densities integrate to one as computed, so that no mass was missed.

        Raises
        ------
        OutsideDomain
            A density is needed outside its domain.
        """
        own = np.ascontiguousarray(points)
        self._require_inside(own)
        values, _, errors, good = self._kernel.expectations(own)
        signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(trials, values.shape[1]))
        moved = values[:, None] + np.vstack([np.zeros(values.shape[1]), signs]) * errors[:, None]
        # What is not known at all must not make what is known infinite.
        moved = np.where(np.isfinite(moved), moved, values[:, None])
        flat = moved.reshape(-1, values.shape[1])
        outputs = self._kernel.combine(np.repeat(own, 1 + trials, axis=0), flat)
        return outputs.reshape(len(own), 1 + trials, -1), good

    def fill(self, x: Floats, out: Floats) -> None:
        """Outputs at one point for a solver; NaN where an expectation is not good enough."""
        point = np.array(x)[None, :]
        values, sizes, errors, good = self._kernel.expectations(point)
        if good[0] and (errors <= _WORST_FIELD * sizes).all():
            out[:] = self._kernel.combine(point, values)[0]
        else:
            out[:] = np.nan

    def _require_inside(self, points: Floats) -> None:
        arguments = np.stack(self._values.arrays({}, list(points.T)), axis=-1)
        start = 0
        for law, values, _ in self._groups:
            own = arguments[:, start : start + len(values)]
            start += len(values)
            domain = law.declaration.domain
            if domain.constants:
                continue
            own = own[:, : len(law.declaration.parameters)]
            outside = ~np.atleast_1d(domain.contains(own))
            if outside.any():
                raise OutsideDomain(
                    f"an expectation is needed at {own[int(np.argmax(outside))].tolist()}, outside "
                    "the domain of its density. Choose a point inside."
                )
