"""Functions of two cached modules joined in memory: sums that average what a law computes.

Machine code that calls a function of another module cannot be kept on disk, and compiling the
sums again for every law would take long. So only a few calls through addresses are compiled anew
in each process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["joined_expectations", "joined_field", "joined_sums"]

Vector = NDArray[np.float64]
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}
# A field has no error estimate of its own, so what solvers see must be good.
_WORST_FIELD = 1e-10


def _constant(dispatcher: Any) -> Any:
    """A compiled function with one signature as a constant of other compiled functions."""
    from numba import types

    (result,) = dispatcher.overloads.values()
    address = result.library.get_pointer_to_function(result.fndesc.llvm_cfunc_wrapper_name)
    own_signature = result.signature

    class Constant(types.WrapperAddressProtocol):
        # Keeps the machine code alive.
        owner = dispatcher

        def __wrapper_address__(self) -> int:
            return int(address)

        def signature(self) -> Any:
            return own_signature

    return Constant()


def joined_sums(
    add_rows: Any, functions: Sequence[Any], tables: Sequence[Any], target: float
) -> Callable[..., None]:
    """``sums(thetas, values, sizes, errors, good)`` for one law."""
    from numba import njit

    run, nodes, prepare = _constant(add_rows), _constant(functions[0]), _constant(functions[-1])
    kinds, tree, checks, wanted, widths = tables
    if len(functions) == 2:

        def sums(thetas: Any, values: Any, sizes: Any, errors: Any, good: Any) -> None:
            run(
                nodes, prepare, thetas, kinds.copy(), tree.copy(), checks.copy(), wanted.copy(),
                widths.copy(), target, values, sizes, errors, good,
            )  # fmt: skip
    else:
        support = _constant(functions[1])

        def sums(thetas: Any, values: Any, sizes: Any, errors: Any, good: Any) -> None:
            run(
                nodes, support, prepare, thetas, kinds.copy(), tree.copy(), checks.copy(),
                wanted.copy(), widths.copy(), target, values, sizes, errors, good,
            )  # fmt: skip

    result: Callable[..., None] = njit(**_OPTIONS)(sums)
    return result


def _nothing(thetas: Any, values: Any, sizes: Any, errors: Any, good: Any) -> None:
    good[:] = True


def _appended(before: Any, own: Any, theta: int, first: int, length: int, count: int) -> Any:
    """Sums of the laws so far and of one more, whose symbols and expectations come next."""
    from numba import njit

    def both(thetas: Any, values: Any, sizes: Any, errors: Any, good: Any) -> None:
        before(thetas, values, sizes, errors, good)
        rows = thetas.shape[0]
        fine = np.empty(rows, np.bool_)
        found = np.empty((rows, count))
        found_sizes = np.empty((rows, count))
        found_errors = np.empty((rows, count))
        symbols = thetas[:, theta : theta + length].copy()
        own(symbols, found, found_sizes, found_errors, fine)
        for row in range(rows):
            good[row] = good[row] and fine[row]
            for k in range(count):
                values[row, first + k] = found[row, k]
                sizes[row, first + k] = found_sizes[row, k]
                errors[row, first + k] = found_errors[row, k]

    return njit(**_OPTIONS)(both)


def joined_expectations(
    arguments: Any, laws: Sequence[tuple[Callable[..., None], int, int]]
) -> Callable[..., None]:
    """``expectations(points, values, sizes, errors, good)`` for rows of points.

    ``laws`` holds sums with the numbers of symbols and of expectations.
    """
    from numba import njit

    to_symbols = _constant(arguments)
    chained: Any = njit(**_OPTIONS)(_nothing)
    width, first = 0, 0
    for sums, length, count in laws:
        chained = _appended(chained, sums, width, first, length, count)
        width, first = width + length, first + count
    symbols = max(1, width)

    def expectations(points: Any, values: Any, sizes: Any, errors: Any, good: Any) -> None:
        thetas = np.empty((points.shape[0], symbols))
        for row in range(points.shape[0]):
            to_symbols(points[row], thetas[row])
        chained(thetas, values, sizes, errors, good)

    result: Callable[..., None] = njit(**_OPTIONS)(expectations)
    return result


def joined_field(expectations: Any, combine: Any, n: int, count: int) -> Any:
    """``field(x, out)``; the output is NaN where an expectation is not good enough."""
    from numba import njit, types

    outputs = _constant(combine)
    vector = types.float64[::1]

    def field(x: Any, out: Any) -> None:
        points = np.empty((1, n))
        values, sizes, errors = np.empty((1, count)), np.empty((1, count)), np.empty((1, count))
        good = np.empty(1, np.bool_)
        for i in range(n):
            points[0, i] = x[i]
        expectations(points, values, sizes, errors, good)
        fine = good[0]
        for k in range(count):
            fine = fine and errors[0, k] <= _WORST_FIELD * sizes[0, k]
        if fine:
            full = np.empty(n + count)
            full[:n] = points[0]
            full[n:] = values[0]
            outputs(full, out)
        else:
            out[:] = np.nan

    return njit(types.void(vector, vector), **_OPTIONS)(field)
