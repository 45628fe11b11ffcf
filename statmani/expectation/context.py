"""Private mpmath contexts."""

from __future__ import annotations

import threading
from typing import Any

__all__ = ["new_context", "thread_context"]


def new_context(digits: int) -> Any:
    """Return a private mpmath context: the global one is never touched."""
    from mpmath import MPContext

    context = MPContext()
    context.dps = digits
    return context


_LOCAL = threading.local()
_MOST = 16


def thread_context(digits: int = 30) -> Any:
    """This thread's context of so many digits; making one costs as much as many nodes.

    For work that never changes the precision itself.
    """
    contexts: dict[int, Any] = _LOCAL.__dict__.setdefault("contexts", {})
    context = contexts.get(digits)
    if context is None:
        if len(contexts) >= _MOST:
            contexts.clear()
        context = contexts[digits] = new_context(digits)
    # A computation that was cut inside a function of mpmath may have left another one.
    context.dps = digits
    return context
