"""What every manifold needs, compiled in child processes meanwhile.

Their machine code reaches the caller through the cache folder. A child that cannot start, or that
fails, costs nothing but the time that it was meant to save: the caller then compiles by itself.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path

from statmani.kernels.cache import Request, expect, fulfil, is_stored
from statmani.kernels.compiled import REQUESTS
from statmani.kernels.library import request
from statmani.storage import cache_directory

__all__ = ["compiling", "install"]

# One child each.
_SOLVERS = (("boundary",), ("initial", "charts", "noise"), ("lanes", "precise", "transport"))
# What geodesics of most families need, beside the integrator itself.
_OTHERS = (
    "charts",
    "noise",
    "lanes",
    "polygammas.py polygamma_12",
    "polygammas.py polygamma_fall",
    "polygammas.py polygamma_123",
    "polygammas.py digamma",
)


def _known(name: str) -> Request:
    return REQUESTS[name] if name in REQUESTS else request(*name.split())


def _start(names: Sequence[str]) -> subprocess.Popen[bytes] | None:
    # The same package as here, and never a module of the current folder (-P).
    path = os.pathsep.join(
        [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "statmani.kernels.background", *names],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
        )
    except OSError:
        return None


def _runs(child: subprocess.Popen[bytes]) -> bool:
    return child.poll() is None


@contextlib.contextmanager
def compiling(shares: Sequence[Sequence[str]] = _SOLVERS) -> Iterator[int]:
    """Have what is missing compiled while the body runs; loading it waits for it.

    Children, whose number is given, are ended when the body is left, by an exception too.
    """
    children: list[subprocess.Popen[bytes]] = []
    possible = bool(sys.executable) and not getattr(sys, "frozen", False)
    try:
        if possible and cache_directory() is not None:
            for share in shares:
                missing = [name for name in share if not is_stored(_known(name))]
                child = _start(missing) if missing else None
                if child is not None:
                    children.append(child)
                    for name in missing:
                        expect(_known(name), partial(_runs, child))
        yield len(children)
    finally:
        for child in children:
            if _runs(child):
                child.terminate()
            child.wait()


@lru_cache(maxsize=1)
def install() -> None:
    """Compile what geodesics need, once per installation; two processes share the work.

    Looks only once in a process: what is missing later is compiled when it is used.
    """
    if is_stored(REQUESTS["initial"]):
        return
    with compiling((_OTHERS,)) as children:
        fulfil(REQUESTS["initial"])
        if children:
            for name in _OTHERS:
                fulfil(_known(name))


if __name__ == "__main__":
    for _name in sys.argv[1:]:
        fulfil(_known(_name))
