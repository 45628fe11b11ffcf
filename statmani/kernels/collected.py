"""What sweeps hand to solvers and tensors: checked values of expectations with their errors.

Plain Python in the subset that numba compiles; conventions as in
:mod:`statmani.kernels.quadrature`.
"""

from collections.abc import Callable

import numpy as np

from statmani.kernels.lattice import Support, add_series
from statmani.kernels.quadrature import Nodes, Table, Vector, integrate

__all__ = ["add_integrals", "add_serieses", "collect", "finish", "no_laws"]

Fill = Callable[[Vector, Vector], None]

_ROUNDING = 16.0 * 2.0**-52
# Mass or mean score that is off by more means nodes that miss a part of the density.
_WORST_DEFECT = 1e-7
# Mass that is off by more than this, while the sums have settled, is a mode that no node met: what
# it adds to an expectation may be any multiple of its mass.
_MISSED = 1e-11
_WORST_FIELD = 1e-10


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


def no_laws(x: Vector, found: Vector) -> None:
    """What :func:`add_integrals` starts from: no expectations, all good."""
    found[found.shape[0] - 1] = 1.0


def keep(
    good: bool, tree: Table, checks: Table, wanted: Table, numbers: Table, values: Vector,
    sizes: Vector, errors: Vector, found: Vector,
) -> None:  # fmt: skip
    """Collect the sums of one law into what was found: values, sizes and errors, and a verdict."""
    first, total, count = numbers[1], numbers[2], wanted.shape[0]
    own, own_sizes, own_errors = np.empty(count), np.empty(count), np.empty(count)
    if not collect(
        good, tree, checks, wanted, values, sizes, errors, own, own_sizes, own_errors
    ):  # fmt: skip
        found[3 * total] = 0.0
    for k in range(count):
        found[first + k] = own[k]
        found[total + first + k] = own_sizes[k]
        found[2 * total + first + k] = own_errors[k]


def add_integrals(
    before: Fill, arguments: Fill, nodes: Nodes, prepare: Fill, kinds: Table, tree: Table,
    checks: Table, wanted: Table, widths: Table, numbers: Table, target: float, x: Vector,
    found: Vector,
) -> None:  # fmt: skip
    """Expectations of one law over continuous variables at a point, after those of other laws.

    ``widths`` holds the lengths of aux, f and the sample; ``numbers`` the first argument that
    belongs to this law, the place of its first expectation, the number of all expectations, and
    that of all arguments.
    """
    before(x, found)
    symbols = np.empty(numbers[3])
    arguments(x, symbols)
    aux, f, place = np.empty(widths[0]), np.empty(widths[1]), np.zeros(widths[2])
    count = tree.shape[0] + 1
    values, sizes, errors = np.zeros(count), np.zeros(count), np.zeros(count)
    prepare(symbols[numbers[0] :], aux)
    good = integrate(nodes, kinds, place, 0, tree, target, values, sizes, errors, aux, f)
    keep(good, tree, checks, wanted, numbers, values, sizes, errors, found)


def add_serieses(
    before: Fill, arguments: Fill, nodes: Nodes, prepare: Fill, support: Support, kinds: Table,
    tree: Table, checks: Table, wanted: Table, widths: Table, numbers: Table, target: float,
    x: Vector, found: Vector,
) -> None:  # fmt: skip
    """Expectations of one law over one discrete variable, as :func:`add_integrals`."""
    before(x, found)
    symbols = np.empty(numbers[3])
    arguments(x, symbols)
    aux, f, place = np.empty(widths[0]), np.empty(widths[1]), np.zeros(widths[2])
    ends = np.empty(2)
    count = tree.shape[0] + 1
    values, sizes, errors = np.zeros(count), np.zeros(count), np.zeros(count)
    prepare(symbols[numbers[0] :], aux)
    support(0, place, aux, ends)
    good = add_series(
        nodes, ends[0], ends[1], place, tree, target, values, sizes, errors, aux, f
    )  # fmt: skip
    keep(good, tree, checks, wanted, numbers, values, sizes, errors, found)


def finish(expectations: Fill, combine: Fill, total: int, x: Vector, out: Vector) -> None:
    """Outputs at a point; NaN where an expectation is not good enough for a solver."""
    found = np.empty(3 * total + 1)
    expectations(x, found)
    good = found[3 * total] != 0.0
    for k in range(total):
        # A field has no error estimate of its own, so what solvers see must be good.
        good = good and found[2 * total + k] <= _WORST_FIELD * found[total + k]
    if not good:
        for k in range(out.shape[0]):
            out[k] = np.nan
        return
    n = x.shape[0]
    full = np.empty(n + total)
    for i in range(n):
        full[i] = x[i]
    for k in range(total):
        full[n + k] = found[k]
    combine(full, out)
