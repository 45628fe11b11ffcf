"""Rows of a batch on all cores, in consecutive parts."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["in_parts"]

Result = TypeVar("Result")
# Fewer end points of geodesics are found sooner than a thread starts.
_PER_THREAD = 2048


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not every platform tells
        return os.cpu_count() or 1


def in_parts(count: int, work: float, function: Callable[[slice], Result]) -> list[Result]:
    """What a function returns for parts of `count` rows, in order.

    Parameters
    ----------
    count : int
    work : float
        Work of a row beside that of following a geodesic to its end.
    function : callable
        Takes a slice; compiled code inside lets other threads run.
    """
    threads = max(1, min(_cores(), -int(-count * work // _PER_THREAD)))
    if threads == 1:
        return [function(slice(0, count))]
    cuts = [count * k // threads for k in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, map(slice, cuts, cuts[1:])))
