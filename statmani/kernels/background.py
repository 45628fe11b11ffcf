"""The solvers that every manifold needs, compiled in child processes meanwhile.

Their machine code reaches the caller through the cache folder. A child that cannot start, or that
fails, costs nothing but the time that it was meant to save: the caller then compiles by itself.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from statmani.kernels.cache import expect, fulfil, is_stored
from statmani.kernels.compiled import REQUESTS
from statmani.storage import cache_directory

__all__ = ["compiling"]

# One child each, about equally long.
_SHARES = (("boundary",), ("charts", "lanes", "noise", "initial"))


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
def compiling() -> Iterator[None]:
    """Have missing solvers compiled while the body runs; loading one waits for it.

    Children are ended when the body is left, by an exception too.
    """
    children: list[subprocess.Popen[bytes]] = []
    possible = bool(sys.executable) and not getattr(sys, "frozen", False)
    try:
        if possible and cache_directory() is not None:
            for share in _SHARES:
                missing = [name for name in share if not is_stored(REQUESTS[name])]
                child = _start(missing) if missing else None
                if child is not None:
                    children.append(child)
                    for name in missing:
                        expect(REQUESTS[name], partial(_runs, child))
        yield
    finally:
        for child in children:
            if _runs(child):
                child.terminate()
            child.wait()


if __name__ == "__main__":
    for _name in sys.argv[1:]:
        fulfil(REQUESTS[_name])
