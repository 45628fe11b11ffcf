"""Polygammas in compiled kernels beside scipy: processor time per argument, and the errors of both.

Prints the table of docs/special_functions_speed.md: ``python tests/benchmarks/special.py``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import mpmath
import numba
import numpy as np
import scipy
import scipy.special

from statmani.kernels.cache import load

_COUNT, _ROUNDS = 20_000, 15
_CASES = {
    "trigamma and tetragamma": ("polygamma_12", (1, 2)),
    "trigamma to pentagamma": ("polygamma_123", (1, 2, 3)),
}
_SIGNATURE = "types.void(VECTOR, ROWS)"


def _compiled(function: str, count: int) -> ModuleType:
    names = ", ".join(f"y{k}" for k in range(count))
    lines = [f"            out[i, {k}] = y{k}" for k in range(count)]
    body = "\n".join(
        [
            "def sweep(x, out):",
            "    for i in range(x.shape[0]):",
            f"        {names} = {function}(x[i])",
            *[line[4:] for line in lines],
        ]
    )
    return load(f"benchmark {body}", ("special.py",), lambda: body + "\n", [("sweep", _SIGNATURE)])


def _least(run: Callable[[], Any], rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best


def _worst(values: Any, x: Any, orders: tuple[int, ...]) -> float:
    context = mpmath.MPContext()
    context.dps = 40
    worst = 0.0
    for i in random.Random(0).sample(range(len(x)), 200):
        for k, order in enumerate(orders):
            exact = context.polygamma(order, context.mpf(float(x[i])))
            worst = max(worst, abs(float(context.mpf(float(values[i, k])) / exact - 1)))
    return worst


def main() -> None:
    """Print the table."""
    x = 10 ** np.random.default_rng(0).uniform(-8, 8, _COUNT)
    print("| functions of one argument | statmani | scipy | ratio | error | error of scipy |")
    print("|---|---|---|---|---|---|")
    for title, (function, orders) in _CASES.items():
        sweep = _compiled(function, len(orders)).sweep
        out = np.empty((_COUNT, len(orders)))

        def scipy_values(orders: tuple[int, ...] = orders) -> Any:
            return np.stack([scipy.special.polygamma(k, x) for k in orders], axis=1)

        own = _least(lambda sweep=sweep, out=out: sweep(x, out), _ROUNDS) / _COUNT
        peer = _least(scipy_values, 3) / _COUNT
        errors = f"{_worst(out, x, orders):.0e} | {_worst(scipy_values(), x, orders):.0e}"
        times = f"{own * 1e9:.0f} ns | {peer * 1e9:.0f} ns | {peer / own:.0f}"
        print(f"| {title} | {times} | {errors} |")
    print(f"\nscipy {scipy.__version__}, numba {numba.__version__}.")


if __name__ == "__main__":
    main()
