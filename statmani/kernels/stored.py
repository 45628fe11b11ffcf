"""Functions of generated modules, loaded from machine code without what only compiling needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from numba import njit
from numba.core.caching import FunctionCache
from numba.core.runtime.nrt import rtsys

__all__ = ["stored"]


@final
class _Stored(FunctionCache):
    """A cache that reads without numba's rules of types, half a second in each process.

    numba loads them when it compiles anything, and otherwise before it reads, though machine code
    needs no more than the memory for its arrays.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return super()._load_overload(sig, target_context)  # type: ignore[no-untyped-call]


def stored(signature: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorator: numba's ``njit(signature, cache=True, **options)``, sooner where code is stored.

    Parameters
    ----------
    signature : numba signature
    **options
        Options of `numba.njit`.

    Returns
    -------
    callable
        Turns a function into one that is compiled for the signature alone.

    Examples
    --------
    Modules of the cache use it; it needs a function that is written in a file.

    >>> callable(stored("float64(float64)"))
    True
    """

    def compiled(function: Callable[..., Any]) -> Any:
        dispatcher = njit(**options)(function)
        new: Any = _Stored
        dispatcher._cache = new(function)
        dispatcher.compile(signature)
        dispatcher.disable_compile()
        return dispatcher

    return compiled
