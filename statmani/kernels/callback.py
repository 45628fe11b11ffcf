"""Fields whose values come from Python: the same pointers as compiled ones, only slower.

Quadrature of unevaluated expectations is vectorised over its nodes by numpy, so that the way
through the interpreter costs little beside it.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from statmani.errors import StatmaniError

__all__ = ["Source", "callback_field"]

Floats = NDArray[np.float64]


class Source(Protocol):
    """What fills the output of a field."""

    def fill(self, x: Floats, out: Floats) -> None:
        """Write the packed tensors at x."""


_SLOTS: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
_NUMBERS = itertools.count()


def _call(slot: int, x: Floats, out: Floats) -> None:
    try:
        _SLOTS[slot].fill(x, out)
    except (StatmaniError, ArithmeticError, np.linalg.LinAlgError):
        # A field has no way to raise; the solvers take NaN for a point without tensors.
        out[:] = np.nan


def callback_field(source: Source) -> Callable[[Floats, Floats], None]:
    """A field (see :mod:`statmani.kernels.contract`) that asks ``source``.

    The caller keeps ``source`` alive as long as the field is used.
    """
    from numba import njit, objmode, types

    slot = next(_NUMBERS)
    _SLOTS[slot] = source
    call = _call
    vector = types.float64[::1]

    @njit(types.void(vector, vector))
    def field(x: Any, out: Any) -> None:
        with objmode():
            call(slot, x, out)

    result: Callable[[Floats, Floats], None] = field
    return result
