"""Compiled likelihoods of declarations, found again on disk by later processes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import final

import numpy as np
from numpy.typing import NDArray
from sympy import Dummy, Float, Symbol, srepr

from statmani.declaration import Declaration
from statmani.inference.likelihood import likelihood_form
from statmani.inference.likelihood_source import likelihood_source
from statmani.kernels.cache import load

__all__ = ["LikelihoodKernel", "likelihood_kernel"]

Array = NDArray[np.float64]

_FUNCTIONS = (
    ("statistics", "types.void(ROWS, VECTOR)"),
    ("total", "types.void(VECTOR, VECTOR, ROWS, VECTOR)"),
    ("point", "types.void(VECTOR, VECTOR)"),
    ("derivative", "types.void(VECTOR, ROWS)"),
)
_POINTERS = [f"types.FunctionType({signature})" for _, signature in _FUNCTIONS]
_ENGINE = (
    (
        "maximise",
        f"types.void({', '.join(_POINTERS)}, BLOCK, VECTOR, types.int64, types.float64, "
        "types.int64, ROWS, ROWS, types.int64[::1])",
    ),
    ("evaluate", f"types.void({', '.join(_POINTERS[:2])}, BLOCK, VECTOR, types.int64, ROWS)"),
)
_GENERATORS = ("likelihood.py", "likelihood_source.py")
_TOLERANCE = 1e-13
_ITERATIONS = 200


@final
@dataclass(frozen=True)
class LikelihoodKernel:
    """The compiled likelihood of one declaration without open constants.

    Attributes
    ----------
    declaration : Declaration
    module : module
        The family's own functions.
    """

    declaration: Declaration
    module: ModuleType

    def unconstrained(self, point: Array) -> Array:
        """Unconstrained coordinates of a point inside the domain."""
        domain = self.declaration.domain
        values = dict(zip(domain.symbols, (Float(float(v), 30) for v in point), strict=True))
        return np.array([float(e.xreplace(values)) for e in domain.to_unconstrained()])

    def points(self, unconstrained: Array) -> Array:
        """Points of the domain from unconstrained coordinates of shape (K, n)."""
        result = np.empty_like(unconstrained)
        for row, target in zip(np.ascontiguousarray(unconstrained), result, strict=True):
            self.module.point(row, target)
        return result

    def evaluate(self, data: Array, point: Array) -> Array:
        """Log-likelihood, score and Hessian of each sample at one point.

        Parameters
        ----------
        data : array of shape (R, N, m)
        point : array of shape (n,)

        Returns
        -------
        array of shape (R, 1 + n + n (n+1) / 2)
            The log-likelihood leaves out terms without parameters; the Hessian is its upper
            triangle, row by row.
        """
        n = self.declaration.domain.dim
        outcomes = np.empty((len(data), 1 + n + n * (n + 1) // 2))
        own = self.module
        _engine().evaluate(
            own.statistics,
            own.total,
            np.ascontiguousarray(data, dtype=np.float64),
            np.array(point, dtype=np.float64),
            own.COUNT,
            outcomes,
        )
        return outcomes

    def maximise(self, data: Array, start: Array) -> tuple[Array, Array, NDArray[np.int64]]:
        """Maximum likelihood of each sample, from one start.

        Parameters
        ----------
        data : array of shape (R, N, m)
        start : array of shape (n,)
            Unconstrained coordinates.

        Returns
        -------
        estimates : array of shape (R, n)
        outcomes : array
            As :meth:`evaluate`, at the estimates.
        status : array of shape (R,)
            0 converged, 1 too many iterations, 2 no ascent direction.
        """
        n = self.declaration.domain.dim
        estimates = np.empty((len(data), n))
        outcomes = np.empty((len(data), 1 + n + n * (n + 1) // 2))
        status = np.empty(len(data), dtype=np.int64)
        own = self.module
        _engine().maximise(
            own.statistics,
            own.total,
            own.point,
            own.derivative,
            np.ascontiguousarray(data, dtype=np.float64),
            np.array(start, dtype=np.float64),
            own.COUNT,
            _TOLERANCE,
            _ITERATIONS,
            estimates,
            outcomes,
            status,
        )
        return estimates, outcomes, status


@lru_cache(maxsize=64)
def likelihood_kernel(declaration: Declaration, *, expanded: bool = True) -> LikelihoodKernel:
    """The compiled likelihood of a declaration, from the cache when it was made before.

    Parameters
    ----------
    declaration : Declaration
        Without open constants.
    expanded : bool
        As in :func:`statmani.inference.likelihood.likelihood_form`.
    """
    u: list[Symbol] = [
        Dummy(f"u{i}", dummy_index=i, real=True) for i in range(declaration.domain.dim)
    ]
    chart = declaration.domain.from_unconstrained(u)

    def body() -> str:
        return likelihood_source(likelihood_form(declaration, expanded=expanded), u, chart)

    request = "\n".join(
        (f"likelihood {_generation()} {expanded} {declaration.key}", *map(srepr, chart))
    )
    return LikelihoodKernel(declaration, load(request, ("special.py",), body, _FUNCTIONS))


@lru_cache(maxsize=1)
def _generation() -> str:
    """Hash of the files that write the source, so that an edit there makes new kernels."""
    folder = Path(__file__).parent
    content = b"".join((folder / name).read_bytes() for name in _GENERATORS)
    return hashlib.sha256(content).hexdigest()


def _engine() -> ModuleType:
    return load(
        "likelihood engine",
        ("likelihood.py",),
        str,
        _ENGINE,
        "statmani: compiling the maximiser (once per installation, a few seconds) ...",
    )
