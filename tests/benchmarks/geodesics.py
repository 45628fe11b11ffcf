"""Geodesics per second beside other libraries: ``python tests/benchmarks/geodesics.py``.

The end points of random geodesics of metric length 1, in unconstrained coordinates, by lanes, by
the single-geodesic integrator, and by ``scipy.integrate.solve_ivp`` (DOP853) with a right-hand
side in Python or compiled by numba. ``--peers PYTHON`` adds what is installed for another
interpreter (numbalsoda, heyoka, diffrax), see :mod:`geodesic_peers`; ``--write`` writes the page
of the documentation. Every method gets the loosest tolerance that reaches the error asked for;
the reference is the single-geodesic integrator at 1e-14. Processor time of one core, best of
several rounds, after a first call.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import pickle
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from geodesic_peers import PEERS, fastest, flat_source, loosest, polygammas
from numba import njit
from scipy.integrate import solve_ivp
from scipy.special import polygamma

import statmani as sm
from statmani.kernels import compiled
from statmani.kernels.lane_fields import lane_fields
from statmani.numerics import batch, threads
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
ERRORS = (1e-8, 1e-12)
FEW, MANY = 40, 4000
HEADER = f"""# Speed of geodesics

End points of random geodesics of metric length 1 at equal achieved error (the median over the
batch): microseconds of processor time for one trajectory in a batch of {MANY}, on one core, all in
one run. *Lanes* is what `exp` uses for batches, *single* follows one geodesic at a time. The
columns of other libraries have their times and, in brackets, how many times longer than lanes
they take. All compute the same acceleration, in the same coordinates, from the same generated
tensors, and each has the loosest tolerance that reaches the error:

- `scipy.integrate.solve_ivp`, DOP853, scipy {scipy.__version__}, with a right-hand side of straight
  Python code and one compiled by numba;
- `numbalsoda.dop853`, called from compiled code;
- `heyoka.taylor_adaptive_batch` with the fastest of the widths 8, 16 and 32 (it has no polygammas,
  hence no gamma, beta or Dirichlet family);
- `diffrax.diffeqsolve`, Dopri8, under `vmap` and `jit`, for the normal and the beta family.

Absolute times depend on the machine and its load. Made by
`python tests/benchmarks/geodesics.py --write --peers PYTHON`, where PYTHON has the last three.
"""


def sample(kernels, count: int):
    """Random starts with velocities of metric length 1, whose geodesics stay in the domain."""
    rng = np.random.default_rng(7)
    x = 0.5 * rng.normal(size=(2 * count, kernels.dim))
    v = rng.normal(size=x.shape)
    g = kernels.metric(x)
    v /= np.sqrt(np.einsum("ki,kij,kj->k", v, g, v))[:, None]
    stays = batch.end_states(kernels, x, 1.02 * v, 1.0, 0.0, 1e-8, 100_000)[0] == 0
    return x[stays][:count], v[stays][:count]


def slope_of(job: dict[str, Any]):
    """The right-hand side compiled by numba."""
    kernels = job["kernels"]
    if "gamma" not in (job["symbols"] or job["field"]):
        scope: dict[str, Any] = {"math": math}
        exec(flat_source(job), scope)  # noqa: S102 - it is our own
        return njit(error_model="numpy")(scope["slope"])
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


def plain_slope(job: dict[str, Any]) -> Callable[..., tuple[float, ...]]:
    """The right-hand side in Python."""
    scope: dict[str, Any] = {"math": math}
    scope |= polygammas(lambda z: float(polygamma(1, z)), lambda z: float(polygamma(2, z)))
    exec(flat_source(job), scope)  # noqa: S102 - it is our own
    slope: Callable[..., tuple[float, ...]] = scope["slope"]
    return slope


def job_of(name: str) -> dict[str, Any]:
    """What a peer needs of a family."""
    manifold = FAMILIES[name]().manifold()
    kernels = prepared(manifold)
    x, v = sample(kernels, MANY)
    field, symbols = lane_fields(manifold, True)
    module = compiled.compiled_field(manifold, 1, True)
    text = module.__loader__.get_source(module.__name__)
    exact = singles(kernels, x, v, 1e-14)
    return {
        "name": name, "n": manifold.dim, "x": x, "v": v, "exact": exact, "errors": ERRORS,
        "field": field, "symbols": symbols, "module": text, "kernels": kernels,
    }  # fmt: skip


def singles(kernels, x, v, rtol: float) -> np.ndarray:
    """End states by the single-geodesic integrator."""
    solver = compiled.initial_solver()
    ends: np.ndarray = solver.integrate_many(
        solver.integrate, solver.acceleration, kernels.first, x, v, 1.0, 0.0, rtol, 100_000
    )[2]
    return ends


def with_scipy(job: dict[str, Any], slope: Callable[..., Any], error: float) -> float:
    """Microseconds for one trajectory."""
    n, x, v, exact = job["n"], job["x"], job["v"], job["exact"]
    slope(0.0, np.concatenate([x[0], v[0]]))

    def run(rtol: float) -> np.ndarray:
        ends = []
        for k in range(FEW):
            start = np.concatenate([x[k], v[k]])
            done = solve_ivp(slope, (0, 1), start, "DOP853", rtol=rtol, atol=0.1 * rtol)
            ends.append(done.y[:, -1] - np.concatenate([x[k], np.zeros(n)]))
        return np.array(ends)

    at = loosest(run, exact[:FEW], error)
    return fastest(lambda: run(at), 3) / FEW * 1e6


def with_lanes(job: dict[str, Any], error: float) -> Callable[[], float]:
    """A function that measures microseconds for one trajectory."""
    kernels, x, v = job["kernels"], job["x"], job["v"]

    def run(rtol: float) -> np.ndarray:
        return batch.end_states(kernels, x, v, 1.0, 0.0, rtol, 100_000)[2]

    at = loosest(run, job["exact"], error)
    return lambda: fastest(lambda: run(at), 15) / MANY * 1e6


def measure(job: dict[str, Any], error: float) -> dict[str, float]:
    """Microseconds for one trajectory by what runs here."""
    kernels, x, v, exact = job["kernels"], job["x"], job["v"], job["exact"]
    single_at = loosest(lambda rtol: singles(kernels, x[:FEW], v[:FEW], rtol), exact[:FEW], error)
    return {
        "lanes": with_lanes(job, error)(),
        "single": fastest(lambda: singles(kernels, x, v, single_at), 3) / MANY * 1e6,
        "scipy, Python": with_scipy(job, plain_slope(job), error),
        "scipy, numba": with_scipy(job, slope_of(job), error),
    }


def ask_peers(python: str, jobs: list[dict[str, Any]]):
    """Versions, and microseconds by (peer, family, error), from another interpreter."""
    versions: dict[str, str] = dict.fromkeys(PEERS, "")
    times: dict[tuple[str, str, float], str | float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.pickle"
        bare = [{k: e for k, e in job.items() if k != "kernels"} for job in jobs]
        path.write_bytes(pickle.dumps(bare))
        script = Path(__file__).with_name("geodesic_peers.py")
        flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        environment = {**os.environ, "XLA_FLAGS": flags, "OMP_NUM_THREADS": "1"}
        command = [python, str(script), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as run:
            assert run.stdout is not None
            for line in run.stdout:
                print("#", line.strip(), flush=True)
                found = json.loads(line)
                if "version" in found:
                    versions[found["peer"]] = found["version"]
                else:
                    times[found["peer"], found["family"], found["error"]] = found["us"]
        if run.returncode:
            raise SystemExit("the other interpreter failed: it needs statmani on its path")
    return versions, times


def shown(number: float) -> str:
    """Three digits, without exponents."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def main() -> None:
    """Print the table, and write it for the documentation when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--peers", metavar="PYTHON", help="interpreter that has the peers")
    parser.add_argument("families", nargs="*", default=list(FAMILIES))
    options = parser.parse_args()
    # One core, as the table says.
    threads._PER_THREAD = 10**12
    jobs = [job_of(name) for name in options.families]
    rows: dict[tuple[str, float], dict[str, float]] = {}
    for job in jobs:
        for error in ERRORS:
            rows[job["name"], error] = measure(job, error)
            print("#", job["name"], error, rows[job["name"], error], flush=True)
    versions: dict[str, str] = dict.fromkeys(PEERS, "")
    if options.peers:
        versions, times = ask_peers(options.peers, jobs)
        for (peer, name, error), us in times.items():
            rows[name, error][peer] = us
        # Once more, since the load of the machine may have changed.
        for job in jobs:
            for error in ERRORS:
                row = rows[job["name"], error]
                row["lanes"] = min(row["lanes"], with_lanes(job, error)())
    others = ["scipy, Python", "scipy, numba", *PEERS]
    titles = [f"{p} {versions.get(p) or '(not installed)'}" if p in PEERS else p for p in others]
    lines = [
        "| family | error | lanes | single | " + " | ".join(titles) + " |",
        "|---" * (4 + len(others)) + "|",
    ]
    for (name, error), row in rows.items():
        ours = row["lanes"]
        cells = [f"{shown(row[o])} ({shown(row[o] / ours)})" if o in row else "" for o in others]
        texts = [name, f"{error:.0e}", f"{ours:.3f}", f"{row['single']:.2f}", *cells]
        lines.append("| " + " | ".join(texts) + " |")
    print(*lines, sep="\n")
    if options.write:
        PAGE.write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
