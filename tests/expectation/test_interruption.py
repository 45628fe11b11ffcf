"""Bounds of time and Ctrl-C, with real signals sent to real processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import sympy as sp

import statmani as sm
from statmani.errors import IntractableExpectation
from statmani.expectation import derive as module
from statmani.expectation.deadline import run_bounded
from statmani.expectation.derive import derive

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

ROOT = Path(sm.__file__).parent.parent

SCRIPT = """
import os, signal, sys, time
# Shells start what runs in the background without it.
signal.signal(signal.SIGINT, signal.default_int_handler)
import sympy as sp
import statmani as sm
from statmani.expectation import integration

def announce(stage):
    print("stage", stage, flush=True)

{family}

try:
    {work}
except KeyboardInterrupt:
    process = integration._worker._process
    print("worker", None if process is None else process.pid, flush=True)
    x, rate = sp.symbols("x rate", positive=True)
    later = sm.Family(log_density=sp.log(rate) - rate * x, sample=x, parameters=rate)
    y = later.sample[0]
    value = integration.integrate(later.declaration, later.declaration.variables[0].symbol,
                                  integration.Budget(30))
    print("later", later.manifold().metric[0, 0], value is not None, flush=True)
"""

# A second pair of coordinates keeps sympy busy for many seconds.
SLOW = "family = sm.families.multivariate_normal(4)"
NO_INTEGRAL = """
x, s = sp.symbols("x s", positive=True)
f = sp.exp(-x - x**3 - sp.log(1 + x) ** 2)
import mpmath
c = sp.Rational(mpmath.nstr(1 / mpmath.quad(
    lambda v: mpmath.exp(-v - v**3 - mpmath.log(1 + v) ** 2), [0, 1, 4]), 14))
family = sm.Family(log_density=sp.log(c) + sp.log(f.subs(x, x / s)) - sp.log(s),
                   sample=x, parameters=s)
"""


def start(tmp_path: Path, family: str, work: str) -> subprocess.Popen[str]:
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(SCRIPT).format(family=family, work=work))
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "STATMANI_CACHE_DIR": str(tmp_path / "cache"),
    }
    return subprocess.Popen(
        [sys.executable, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


def interrupt(process: subprocess.Popen[str], wanted: str, delay: float) -> tuple[float, str]:
    """Send SIGINT after the stage ``wanted``; seconds until the interrupt was handled."""
    assert process.stdout is not None and process.stderr is not None
    for line in process.stdout:
        if line.startswith(f"stage {wanted}"):
            break
    else:
        pytest.fail(f"never reached {wanted}: {process.stderr.read()[-2000:]}")
    time.sleep(delay)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    for line in process.stdout:
        if line.startswith("worker"):
            break
    else:
        pytest.fail(f"no KeyboardInterrupt: {process.stderr.read()[-2000:]}")
    took = time.monotonic() - sent
    rest = line + process.stdout.read()
    assert process.wait(timeout=60) == 0
    return took, rest


def children(session: int) -> list[str]:
    """Processes that still belong to the session of a script."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(entry.parent.name)
    return found


@pytest.mark.parametrize(
    ("family", "work", "stage", "delay"),
    [
        (SLOW, "family.manifold(progress=announce)", "normal form", 0.5),
        (NO_INTEGRAL, "family.manifold(effort=10, progress=announce)", "integral", 1.0),
    ],
    ids=["sympy", "integration"],
)
def test_ctrl_c_in_the_middle(
    tmp_path: Path, family: str, work: str, stage: str, delay: float
) -> None:
    process = start(tmp_path, family, work)
    took, rest = interrupt(process, stage, delay)
    assert took < 2.0
    assert rest.startswith("worker None")
    assert "later rate**(-2) True" in rest
    assert children(process.pid) == []


def test_ctrl_c_in_the_certificate(tmp_path: Path) -> None:
    process = start(
        tmp_path,
        "family = sm.families.multivariate_normal(3)",
        "family.manifold(progress=announce)",
    )
    took, rest = interrupt(process, "T[8,8,8]", 0.3)
    assert took < 2.0
    assert "later rate**(-2) True" in rest
    assert children(process.pid) == []


def test_a_worker_does_not_outlive_its_parent(tmp_path: Path) -> None:
    process = start(tmp_path, NO_INTEGRAL, "family.manifold(effort=4, progress=announce)")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("stage integral"):
            break
    time.sleep(1.0)
    assert len(children(process.pid)) == 2
    process.kill()
    process.wait()
    end = time.monotonic() + 25
    while children(process.pid) and time.monotonic() < end:
        time.sleep(0.2)
    assert children(process.pid) == []


def test_time_is_cut_inside_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_: object) -> sp.Expr:
        while True:
            sp.cancel(sp.Symbol("x") + 1)

    monkeypatch.setattr(module, "normalise", endless)
    start = time.monotonic()
    heard: list[str] = []
    with pytest.raises(IntractableExpectation, match=r"stopped after 3\.6 s; .* 'start'"):
        derive(sm.families.weibull().declaration, effort=0.06, progress=heard.append)
    assert time.monotonic() - start < 5
    assert heard and heard[0].startswith("after start: 3 s")


def test_time_is_cut_inside_the_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_: object) -> None:
        while True:
            time.sleep(0.01)

    monkeypatch.setattr(module, "certify", endless)
    start = time.monotonic()
    with pytest.raises(IntractableExpectation, match=r"stopped after 1\.2 s; .*T\["):
        derive(sm.families.weibull().declaration, effort=0.02)
    assert time.monotonic() - start < 3.6


def test_a_handler_that_swallows_meets_the_end_again() -> None:
    def stubborn(_: object) -> int:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            try:
                time.sleep(0.01)
            except BaseException:
                if time.monotonic() > end - 2:
                    raise
        return 1

    with pytest.raises(IntractableExpectation):
        run_bounded(stubborn, 0.3, None)


def test_nothing_is_raised_after_the_end() -> None:
    for _ in range(30):
        with contextlib.suppress(IntractableExpectation):
            run_bounded(lambda report: time.sleep(0.02), 0.02, None)
    time.sleep(0.6)


_BUSY = """
import contextlib, threading, time
from statmani.errors import IntractableExpectation
from statmani.expectation.deadline import run_bounded

def works():
    while True:
        sum(range(2000))

for _ in range(6):
    threading.Thread(target=works, daemon=True).start()
for _ in range(30):
    with contextlib.suppress(IntractableExpectation):
        run_bounded(lambda report: time.sleep(0.02), 0.02, None)
time.sleep(0.6)
print("done")
"""


def test_nothing_escapes_where_threads_wait_for_their_turn() -> None:
    """The time is over while the watch starts or ends."""
    done = subprocess.run(
        [sys.executable, "-c", _BUSY], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout.strip() == "done", done.stderr


_TRACED = """
import sys, time
from statmani.errors import IntractableExpectation
from statmani.expectation.deadline import run_bounded

def works(_):
    while True:
        sum(range(100))

calls = 0
def count(frame, event, argument):
    global calls
    calls += 1
    return count

sys.{}(count)
run_bounded(lambda report: [len(str(i)) for i in range(1000)], 5.0, None)
for _ in range(3):
    try:
        run_bounded(works, 0.05, None)
    except IntractableExpectation:
        pass
sys.{}(None)
print("done", calls > 0)
"""


@pytest.mark.parametrize("hook", ["setprofile", "settrace"])
def test_a_traced_thread_comes_back(hook: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _TRACED.format(hook, hook)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "done True", done.stderr


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="no clock of a thread")
def test_processor_time_stands_still_while_a_thread_waits() -> None:
    def waits(_: object) -> int:
        time.sleep(0.6)
        return 1

    def works(_: object) -> int:
        while True:
            pass

    assert run_bounded(waits, 0.2, None, processor=True) == 1
    with pytest.raises(IntractableExpectation, match=r"stopped after 0\.2 s"):
        run_bounded(works, 0.2, None, processor=True)
