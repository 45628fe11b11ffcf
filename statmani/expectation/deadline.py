"""A bound on the time of a computation, which cuts it wherever it is."""

from __future__ import annotations

import contextlib
import ctypes
import math
import threading
import time
from collections.abc import Callable
from typing import TypeVar, final

from statmani.errors import IntractableExpectation

__all__ = ["CHECKING", "OutOfTime", "Progress", "run_bounded"]

Progress = Callable[[str], None]
Clock = Callable[[], float]
T = TypeVar("T")

#: Name of the stage that may take as long again as everything before it.
CHECKING = "checking"
_HEARTBEAT = 3.0
_AGAIN = 0.25


class OutOfTime(IntractableExpectation):
    """The time of a computation is over; no further strategy is tried."""


class _TimeOver(BaseException):
    """Raised inside the bounded thread; no handler for errors of the computation catches it."""


@final
class _Watch:
    """Reports stages and long waits, and raises in the watched thread when the time is over."""

    def __init__(self, seconds: float, progress: Progress | None, now: Clock) -> None:
        self._now = now
        self._progress = progress
        self._seconds = seconds
        self._start = self._since = now()
        self._end = self._start + seconds
        self._thread = threading.get_ident()
        # Bare locks: an exception that arrives inside an Event would leave its lock taken.
        self._sending, self._running = threading.Lock(), threading.Lock()
        self.over = False
        self._running.acquire()
        self.stage = "start"

    def begin(self) -> None:
        """From now on the exception may arrive, also while this runs."""
        threading.Thread(target=self._watch, daemon=True, name="statmani-deadline").start()

    def report(self, stage: str) -> None:
        """A stage has ended (or, for CHECKING, begins)."""
        self._since = self._now()
        if stage == CHECKING:
            self._end = self._since + self._seconds
            return
        self.stage = stage
        if self._progress is not None:
            self._progress(stage)
        if self._since > self._end:
            raise _TimeOver

    def stop(self) -> None:
        """No exception arrives after this, once `over` is set."""
        waiting = True
        while waiting:
            try:
                with self._sending:
                    waiting = False
            except _TimeOver:
                continue
        # One that was sent before arrives at the next jump backwards. Taking it back instead
        # leaves the interpreter (CPython 3.11) looking for it at every call, and in a loop without
        # end as soon as a profiler or debugger traces the thread.
        with contextlib.suppress(_TimeOver):
            for _ in range(4):
                pass
        if self._running.locked():
            self._running.release()

    def _watch(self) -> None:
        told = self._start
        while not self._running.acquire(timeout=min(_AGAIN, max(self._end - self._now(), 0.02))):
            now = self._now()
            if now > self._end:
                with self._sending:
                    if self.over:
                        return
                    _raise_in(self._thread, _TimeOver)
                # Code that swallowed it meets it again.
                if self._running.acquire(timeout=_AGAIN):
                    return
            elif self._progress is not None and now - max(told, self._since) > _HEARTBEAT:
                told = now
                self._progress(f"after {self.stage}: {now - self._start:.0f} s")


def _raise_in(thread: int, exception: type[BaseException]) -> None:
    """Let a thread meet an exception at its next call or jump backwards."""
    waiting = ctypes.py_object(exception)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), waiting)


def _processor() -> Clock:
    """Processor time of this thread, also when read by another one; else the wall clock."""
    clock_of = getattr(time, "pthread_getcpuclockid", None)
    if clock_of is None:
        return time.monotonic
    clock = clock_of(threading.get_ident())

    def now() -> float:
        try:
            return time.clock_gettime(clock)
        except OSError:  # the thread has ended
            return math.inf

    return now


def run_bounded(
    work: Callable[[Progress], T],
    seconds: float,
    progress: Progress | None,
    *,
    processor: bool = False,
) -> T:
    """The result of ``work(report)``, or an error when its time is over.

    Parameters
    ----------
    work : callable
        Gets a function that it calls with the name of each stage that ends. When it reports
        :data:`CHECKING`, the clock starts again: checks may take as long as the rest.
    seconds : float
        Wall-clock time by default. Python code is cut at once; a single call into compiled code
        ends first.
    progress : callable, optional
        Called with the stages and, from a helper thread, every few seconds in between.
    processor : bool, optional
        Processor time of the thread instead, where the platform can tell it: then what is found
        does not depend on what else the machine does.

    Raises
    ------
    OutOfTime
        The time is over; names the last stage that ended.

    Examples
    --------
    >>> from statmani.expectation.deadline import run_bounded
    >>> run_bounded(lambda report: 7, 1.0, None)
    7
    """
    watch = _Watch(seconds, progress, _processor() if processor else time.monotonic)
    try:
        try:
            watch.begin()
            return work(watch.report)
        finally:
            # No exception can arrive before this is set; after it one at most, in one of the stops.
            watch.over = True
            watch.stop()
    except _TimeOver:
        watch.stop()
        raise OutOfTime(
            f"derivation: stopped after {seconds:g} s; the last stage that ended was "
            f"'{watch.stage}'. Raise effort, as in manifold(effort=4), declare the density in "
            "simpler coordinates, or fix a parameter as a constant."
        ) from None
