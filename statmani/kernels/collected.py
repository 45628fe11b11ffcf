"""What sweeps hand to solvers and tensors: checked values of expectations with their errors.

Plain Python in the subset that numba compiles; conventions as in
:mod:`statmani.kernels.quadrature`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from statmani.kernels.lattice import Support, add_series
from statmani.kernels.quadrature import Nodes, Table, Vector, integrate

__all__ = ["collect", "integral_rows", "series_rows"]

Prepare = Callable[[Vector, Vector], None]

_ROUNDING = 16.0 * 2.0**-52
# Mass or mean score that is off by more means nodes that miss a part of the density.
_WORST_DEFECT = 1e-7
# Mass that is off by more than this, while the sums have settled, is a mode that no node met: what
# it adds to an expectation may be any multiple of its mass.
_MISSED = 1e-11


def collect(
    good: bool, tree: Table, checks: Table, wanted: Table, found: Vector, found_sizes: Vector,
    found_errors: Vector, values: Vector, sizes: Vector, errors: Vector,
) -> bool:  # fmt: skip
    """Pick the wanted products; their errors cover that the mass is not 1 and E[score] not 0.

    Nodes that miss mass can agree with each other on wrong values, and rounding errors of what
    depends on the parameters alone are the same at all nodes: both show up here.
    """
    count = tree.shape[0]
    defect = abs(found[count] - 1.0)
    missed = defect > _MISSED and defect > 100.0 * found_errors[count]
    for k in range(checks.shape[0]):
        at = checks[k]
        if found_sizes[at] > 0.0:
            defect = max(defect, abs(found[at]) / found_sizes[at])
    for k in range(wanted.shape[0]):
        at = wanted[k]
        values[k] = found[at]
        sizes[k] = found_sizes[at]
        errors[k] = found_errors[at] + (_ROUNDING + defect) * found_sizes[at]
        good = good and errors[k] < np.inf
    return bool(good and not missed and defect < _WORST_DEFECT)


def integral_rows(
    nodes: Nodes, prepare: Prepare, thetas: Vector, kinds: Table, tree: Table, checks: Table,
    wanted: Table, widths: Table, target: float, values: Vector, sizes: Vector, errors: Vector,
    good: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Expectations over continuous variables at rows of values of a law's symbols.

    ``widths`` holds the lengths of aux, f and the sample, and the number of discrete variables.
    """
    aux, f, place = np.empty(widths[0]), np.empty(widths[1]), np.zeros(widths[2])
    count = tree.shape[0] + 1
    for row in range(thetas.shape[0]):
        found, found_sizes, found_errors = np.zeros(count), np.zeros(count), np.zeros(count)
        prepare(thetas[row], aux)
        whole = integrate(
            nodes, kinds, place, 0, tree, target, found, found_sizes, found_errors, aux, f
        )
        good[row] = collect(
            whole, tree, checks, wanted, found, found_sizes, found_errors, values[row], sizes[row],
            errors[row],
        )  # fmt: skip


def series_rows(
    nodes: Nodes, support: Support, prepare: Prepare, thetas: Vector, kinds: Table, tree: Table,
    checks: Table, wanted: Table, widths: Table, target: float, values: Vector, sizes: Vector,
    errors: Vector, good: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Expectations over one discrete variable, as :func:`integral_rows`."""
    aux, f, place = np.empty(widths[0]), np.empty(widths[1]), np.zeros(widths[2])
    count = tree.shape[0] + 1
    ends = np.empty(2)
    for row in range(thetas.shape[0]):
        found, found_sizes, found_errors = np.zeros(count), np.zeros(count), np.zeros(count)
        prepare(thetas[row], aux)
        support(0, place, aux, ends)
        whole = add_series(
            nodes, ends[0], ends[1], place, tree, target, found, found_sizes, found_errors, aux, f
        )
        good[row] = collect(
            whole, tree, checks, wanted, found, found_sizes, found_errors, values[row], sizes[row],
            errors[row],
        )  # fmt: skip
