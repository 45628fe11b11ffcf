"""Results that are made once for each object, under the lock of its ring."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, final

__all__ = ["kept", "once"]

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


@final
class once(Generic[R]):
    """An attribute that is computed at its first use, under the lock of ``self.ring``."""

    def __init__(self, function: Callable[[Any], R]) -> None:
        self._function = function
        self._name = function.__name__
        self.__doc__ = function.__doc__

    def __get__(self, owner: Any, kind: type) -> R:
        # The attribute of the object, once it is there, is found before this one.
        with owner.ring.polynomials.lock:
            known = owner.__dict__
            if self._name not in known:
                known[self._name] = self._function(owner)
            found: R = known[self._name]
            return found
