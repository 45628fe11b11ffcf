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


def thread_context() -> Any:
    """A context of 30 digits for this thread; making one costs as much as many nodes."""
    context = getattr(_LOCAL, "context", None)
    if context is None:
        context = _LOCAL.context = new_context(30)
    return context
