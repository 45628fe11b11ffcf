"""Geodesics per second beside scipy: ``python tests/benchmarks/geodesics.py [--write]``.

The end points of random geodesics of metric length 1, in unconstrained coordinates, by lanes, by
the single-geodesic integrator, and by ``scipy.integrate.solve_ivp`` (DOP853) with a right-hand
side compiled by numba from the same field. Every method gets the loosest tolerance that reaches
the error asked for; the reference is the single-geodesic integrator at 1e-14. Processor time of
one core, best of several rounds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy
from numba import njit
from scipy.integrate import solve_ivp

import statmani as sm
from statmani.kernels import compiled
from statmani.numerics import batch
from statmani.numerics.prepared import prepared

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "geodesic_speed.md"
FAMILIES = {
    "normal": sm.families.normal,
    "inverse Gaussian": sm.families.inverse_gaussian,
    "gamma": sm.families.gamma,
    "beta": sm.families.beta,
    "Dirichlet(3)": lambda: sm.families.dirichlet(3),
    "bivariate normal": sm.families.bivariate_normal,
}
HEADER = f"""# Speed of geodesics

End points of random geodesics of metric length 1 at equal achieved error (the median over the
batch), on one core: microseconds of processor time for one trajectory in a batch of 4000, next to
`scipy.integrate.solve_ivp` (DOP853, scipy {scipy.__version__}) with a right-hand side compiled by
numba from the same tensors. *Single* is the integrator that follows one geodesic at a time.
Absolute times depend on the machine and its load. Made by
`python tests/benchmarks/geodesics.py --write`.
"""


def fastest(work: Callable[[], object], rounds: int) -> float:
    """Least processor time of a call."""
    times = []
    for _ in range(rounds):
        start = time.thread_time()
        work()
        times.append(time.thread_time() - start)
    return min(times)


def sample(kernels, count: int):
    """Random starts with velocities of metric length 1."""
    rng = np.random.default_rng(7)
    x = 0.5 * rng.normal(size=(count, kernels.dim))
    v = rng.normal(size=x.shape)
    g = kernels.metric(x)
    return x, v / np.sqrt(np.einsum("ki,kij,kj->k", v, g, v))[:, None]


def loosest(run: Callable[[float], np.ndarray], exact: np.ndarray, error: float) -> float:
    """The largest tolerance, in steps of 10**0.25, with a median error below the one asked for."""
    for exponent in np.arange(-3.0, -14.1, -0.25):
        found = np.abs(run(10.0**exponent) - exact).max(axis=1)
        if np.median(found) < error:
            return float(10.0**exponent)
    return 1e-14


def slope_of(kernels):
    """The right-hand side of the geodesic equations for scipy."""
    solver, field, n = compiled.initial_solver(), kernels.first, kernels.dim
    acceleration = solver.acceleration
    width = n * (n + 1) // 2 * (1 + n) + n * (n + 1) * (n + 2) // 6

    @njit(error_model="numpy")
    def slope(t, state):
        packed, scratch, out = np.empty(width), np.empty((n, n)), np.empty((n, 1))
        g, dg, t3 = np.empty((n, n)), np.empty((n, n, n)), np.empty((n, n, n))
        result = np.empty(2 * n)
        result[:n] = state[n:]
        acceleration(field, state[:n], state[n:], 0.0, packed, g, dg, t3, scratch, out)
        result[n:] = out[:, 0]
        return result

    return slope


def measure(name: str, error: float, few: int = 40, many: int = 4000) -> str:
    """One row of the table."""
    kernels = prepared(FAMILIES[name]().manifold())
    n = kernels.dim
    x, v = sample(kernels, many)
    solver = compiled.initial_solver()
    slope = slope_of(kernels)

    def single(rtol: float, count: int = many):
        return solver.integrate_many(
            solver.integrate, solver.acceleration, kernels.first, x[:count], v[:count],
            1.0, 0.0, rtol, 100_000,
        )[2]  # fmt: skip

    def lanes(rtol: float):
        return batch.end_states(kernels, x, v, 1.0, 0.0, rtol, 100_000)[2]

    def peer(rtol: float):
        ends = []
        for k in range(few):
            start = np.concatenate([x[k], v[k]])
            done = solve_ivp(slope, (0, 1), start, "DOP853", rtol=rtol, atol=0.1 * rtol)
            ends.append(done.y[:, -1] - np.concatenate([x[k], np.zeros(n)]))
        return np.array(ends)

    exact = single(1e-14)
    slope(0.0, np.concatenate([x[0], v[0]]))
    at = loosest(lanes, exact, error)
    ours = fastest(lambda: lanes(at), 9) / many * 1e6
    alone_at = loosest(lambda rtol: single(rtol, few), exact[:few], error)
    alone = fastest(lambda: single(alone_at), 3) / many * 1e6
    peer_at = loosest(peer, exact[:few], error)
    theirs = fastest(lambda: peer(peer_at), 3) / few * 1e6
    return (
        f"| {name} | {error:.0e} | {ours:.3f} | {alone:.2f} | {theirs:.0f} | {theirs / ours:.0f} |"
    )


def main() -> None:
    """Print the table, and write it for the documentation when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("families", nargs="*", default=list(FAMILIES))
    options = parser.parse_args()
    # One core, as the table says.
    batch._PER_THREAD = 10**9
    lines = [
        "| family | error | lanes, µs | single, µs | scipy with numba, µs | scipy / lanes |",
        "|---|---|---|---|---|---|",
    ]
    print(*lines, sep="\n")
    for name in options.families:
        for error in (1e-8, 1e-12):
            lines.append(measure(name, error))
            print(lines[-1], flush=True)
    if options.write:
        PAGE.write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
