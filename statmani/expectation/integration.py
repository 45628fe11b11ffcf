"""sympy.integrate as a last resort, in one warm child process with a budget of wall-clock time."""

from __future__ import annotations

import atexit
import json
import queue
import subprocess
import sys
import threading
import time
from typing import final

import sympy as sp

from statmani.algebra.expression_json import from_json, to_json
from statmani.declaration import Declaration
from statmani.errors import StatmaniError
from statmani.expectation.worker import facts_of
from statmani.signs import Bounded, is_positive_on

__all__ = ["Budget", "integrate"]

# Importing sympy in the child takes seconds on a busy machine; the child itself stops in time.
_STARTUP = 15.0


@final
class Budget:
    """Seconds that the integrals of one derivation may take together."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that remain."""
        return max(0.0, self._end - time.monotonic())


@final
class _Worker:
    """The child process; started at first use, replaced after a timeout."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()
        atexit.register(self.stop)

    def ask(self, request: str, seconds: float) -> str | None:
        with self._lock:
            process = self._process
            if process is None or process.poll() is not None:
                process = self._start()
                seconds += _STARTUP
            try:
                assert process.stdin is not None
                process.stdin.write(request + "\n")
                process.stdin.flush()
                reply = self._lines.get(timeout=seconds)
            except (queue.Empty, BrokenPipeError):
                self.stop()
                return None
            except BaseException:
                # An interrupt or the end of the time: the child must not go on alone.
                self.stop()
                raise
            return reply or None

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "statmani.expectation.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        lines: queue.Queue[str] = queue.Queue()

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                lines.put(line)
            lines.put("")

        threading.Thread(target=read, daemon=True).start()
        self._process, self._lines = process, lines
        return process

    def stop(self) -> None:
        """End the child process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


_worker = _Worker()


def integrate(declaration: Declaration, function: sp.Expr, budget: Budget) -> sp.Expr | None:
    """E[function] by sympy.integrate or summation, or None when it fails or time runs out."""
    if declaration.region or any(v.values is not None for v in declaration.variables):
        return None
    if budget.left <= 0:
        return None
    variables = declaration.variables
    integrand = sp.exp(declaration.log_density) * function
    bounds = [e for v in variables for e in (v.lower, v.upper)]
    free = set().union(*(e.free_symbols for e in (integrand, *bounds)))
    free |= {v.symbol for v in variables}
    symbols = sorted(free, key=lambda s: s.name)
    try:
        request = {
            "seconds": budget.left,
            "symbols": [facts_of(s) for s in symbols],
            "integrand": to_json(integrand, symbols),
            "ranges": [
                [
                    symbols.index(v.symbol),
                    to_json(v.lower, symbols),
                    to_json(v.upper, symbols),
                    v.discrete,
                ]
                for v in variables
            ],
        }  # fmt: skip
        reply = _worker.ask(json.dumps(request), budget.left)
        if reply is None:
            return None
        data = json.loads(reply)
        if "value" not in data:
            return None
        value = from_json(data["value"], symbols)
    except StatmaniError:
        return None
    if value.free_symbols & {v.symbol for v in variables}:
        return None
    return _with_real_logs(value, declaration)


def _with_real_logs(value: sp.Expr, declaration: Declaration) -> sp.Expr:
    """Antiderivatives come with logarithms of negative numbers, whose imaginary parts cancel."""
    box: tuple[Bounded, ...] = declaration.domain.axes
    negative = [e for e in value.atoms(sp.log) if is_positive_on(-e.args[0], box)]
    real = value.xreplace({e: sp.log(-e.args[0]) + sp.I * sp.pi for e in negative})
    if real.has(sp.I):
        real = sp.expand(real)
    return value if real.has(sp.I) else real
