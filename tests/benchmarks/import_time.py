"""What importing statmani costs: CPU time beside that of sympy and numpy, which it needs.

Run by hand: ``python tests/benchmarks/import_time.py``. The target is 0.25 s more.
"""

from __future__ import annotations

import subprocess
import sys

RUNS = 15
TARGET = 0.25
STATEMENTS = ("import sympy, numpy", "import statmani")
PROGRAM = "import time\n{}\nprint(time.process_time())"


def cpu(statement: str) -> float:
    """CPU seconds of a fresh interpreter that runs one statement."""
    command = [sys.executable, "-c", PROGRAM.format(statement)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> int:
    """Print the table; return 1 when the target is missed."""
    times: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    for statement in STATEMENTS:
        cpu(statement)  # fills the bytecode caches
    for _ in range(RUNS):
        for statement in STATEMENTS:
            times[statement].append(cpu(statement))
    print(f"{'statement':24} {'minimum':>9} {'median':>9}   CPU seconds, {RUNS} interleaved runs")
    for statement, values in times.items():
        print(f"{statement:24} {min(values):9.3f} {sorted(values)[RUNS // 2]:9.3f}")
    extra = min(times[STATEMENTS[1]]) - min(times[STATEMENTS[0]])
    verdict = "within" if extra <= TARGET else "ABOVE"
    print(f"{'difference of minima':24} {extra:9.3f}   {verdict} the target of {TARGET} s")
    return int(extra > TARGET)


if __name__ == "__main__":
    sys.exit(main())
