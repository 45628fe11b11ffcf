"""Results that are made once for each object, under the lock of its ring."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

__all__ = ["kept"]

Owner = TypeVar("Owner")
P = ParamSpec("P")
R = TypeVar("R")


def kept(function: Callable[Concatenate[Owner, P], R]) -> Callable[Concatenate[Owner, P], R]:
    """Remember results in ``self.kept``, and compute under the lock of ``self.ring``."""
    name = function.__name__

    @wraps(function)
    def wrapper(self: Owner, /, *args: P.args, **kwargs: P.kwargs) -> R:
        owner: Any = self
        key = (name, args)
        found = owner.kept.get(key)
        if found is None:
            with owner.ring.polynomials.lock:
                found = owner.kept.get(key)
                if found is None:
                    found = owner.kept[key] = function(self, *args, **kwargs)
        result: R = found
        return result

    wrapped: Callable[Concatenate[Owner, P], R] = wrapper
    return wrapped
