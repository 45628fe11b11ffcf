"""How long a first geodesic takes from derived geometry on, in fresh processes.

Prints the table of docs/latency.md, and writes it there with ``--write``. Run by hand on a machine
that does nothing else: ``python tests/benchmarks/latency.py --write``. It takes two minutes.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "latency.md"
CASES = {
    "normal": ("normal", [1.0, 2.0], [0.1, 0.2], 1.5),
    "inverse Gaussian": ("inverse_gaussian", [2.0, 3.0], [0.3, -0.2], 1.5),
    "gamma": ("gamma", [2.0, 3.0], [0.3, -0.2], 2.5),
    "beta": ("beta", [2.0, 3.0], [0.3, -0.2], 2.5),
    "bivariate normal": ("bivariate_normal", [0, 0, 1, 2, 0.1], [0.1, 0.2, 0.1, -0.1, 0.1], 1.5),
}
CACHED, WARM, RUNS = 0.1, "weibull", 3
PROGRAM = """
import json, sys, time
import statmani as sm

def waited(name, start, velocity):
    M = getattr(sm.families, name)().manifold()
    M.metric, M.skewness, M.levi_civita.christoffel
    began = time.perf_counter()
    sm.geodesic(M, start, velocity)(0.5)
    return time.perf_counter() - began

if sys.argv[1] == "after":
    waited("weibull", [1.0, 2.0], [0.1, 0.2])
start, velocity = json.loads(sys.argv[3])
print(waited(sys.argv[2], start, velocity))
"""
INTRODUCTION = """# Time to a first geodesic

Seconds on the clock from derived tensors to a point of the first geodesic, each in a fresh process
that has imported statmani. *New* families are compiled, in an installation that has integrated
before; *stored* ones come from the cache folder; *stored, later* is a stored family in a process
that has integrated another one, so that numba and the integrator are loaded. *Wanted* are 1.5 s
for rational and 2.5 s for polygamma metrics when new, and 0.1 s when stored. What a fresh process
needs for a stored family is mostly numba, {numba:.2f} s of `import numba` alone. The very first
geodesic of this installation, with the integrators, took {first:.0f} s.

Absolute times depend on the machine and its load. Made by
`python tests/benchmarks/latency.py --write`.
"""


def _seconds(folder: str, *arguments: str, program: str = PROGRAM) -> float:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "STATMANI_CACHE_DIR": folder},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main() -> int:
    """Measure, print the table and write it where asked; 1 when a target is missed."""
    rows, missed = [], False
    with tempfile.TemporaryDirectory() as folder:
        first = _seconds(folder, "alone", WARM, "[[1.0, 2.0], [0.1, 0.2]]")
        program = (
            "import time; t = time.perf_counter(); import numba; print(time.perf_counter() - t)"
        )
        numba = min(_seconds(folder, program=program) for _ in range(RUNS))
        for label, (name, start, velocity, wanted) in CASES.items():
            arguments = name, json.dumps([start, velocity])
            new = _seconds(folder, "alone", *arguments)
            stored = min(_seconds(folder, "alone", *arguments) for _ in range(RUNS))
            later = min(_seconds(folder, "after", *arguments) for _ in range(RUNS))
            rows.append(
                f"| {label} | {new:.2f} | {wanted} | {stored:.2f} | {later:.3f} | {CACHED} |"
            )
            missed |= new > wanted or stored > CACHED
    text = "\n".join(
        [
            INTRODUCTION.format(numba=numba, first=first),
            "| family | new | wanted | stored | stored, later | wanted |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            f"numba {version('numba')}, Python {platform.python_version()}.",
        ]
    )
    print(text)
    if "--write" in sys.argv[1:]:
        PAGE.write_text(text + "\n", "utf-8")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
