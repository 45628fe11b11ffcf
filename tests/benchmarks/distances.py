"""Distances beside geomstats: ``python tests/benchmarks/distances.py --geomstats PYTHON``.

Random pairs of gamma, beta and Dirichlet(3) laws, parameters uniform on [0, 5] as geomstats draws
them, and log-uniform on [0.2, 50]. PYTHON has geomstats, which needs an older numpy. Processor
time of one core for one pair, in one run; ``--write`` writes the page of the documentation.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from pathlib import Path

import numpy as np

import statmani as sm
from statmani.numerics import threads

PAGE = Path(__file__).parents[2] / "docs" / "distance_speed.md"
FAMILIES = {
    "gamma": (sm.families.gamma, 2),
    "beta": (sm.families.beta, 2),
    "Dirichlet(3)": (lambda: sm.families.dirichlet(3), 3),
}
RANGES = ("uniform on (0, 5)", "log-uniform on (0.2, 50)")
MANY = 1000
HEADER = """# Speed of distances

Fisher-Rao distances of random pairs on one core: microseconds of processor time for one pair in a
batch of {many}, all of which were found to a relative error of 1e-10, and milliseconds of
geomstats for one of the first {pairs} of them, with, in brackets, how many times longer that is.
*Wrong* are the pairs for which geomstats is off by more than 1 % or has no value. The gamma
family is in shape and mean for both. Absolute times depend on the machine and its load. Made by
`python tests/benchmarks/distances.py --write --geomstats PYTHON`, where PYTHON has geomstats.

"""
# Parameters as both have them: the gamma family of geomstats has shape and mean.
PEER = r"""
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
from geomstats.information_geometry.beta import BetaDistributions
from geomstats.information_geometry.dirichlet import DirichletDistributions
from geomstats.information_geometry.gamma import GammaDistributions
SPACES = {"gamma": GammaDistributions, "beta": BetaDistributions,
          "Dirichlet(3)": lambda: DirichletDistributions(3)}
for line in sys.stdin:
    name, pairs = json.loads(line)
    space = SPACES[name]()
    values, times = [], []
    for p, q in pairs:
        start = time.process_time()
        try:
            value = float(np.ravel(space.metric.dist(np.array(p), np.array(q)))[0])
        except (ArithmeticError, RuntimeError, ValueError):
            value = float("nan")
        times.append(time.process_time() - start)
        values.append(value)
    print(json.dumps([values, times]), flush=True)
"""


def drawn(kind: str, count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Points p and q, shape (count, size)."""
    rng = np.random.default_rng(3)
    if kind == RANGES[0]:
        return rng.uniform(0, 5, (count, size)), rng.uniform(0, 5, (count, size))
    low, high = np.log(0.2), np.log(50.0)
    return np.exp(rng.uniform(low, high, (2, count, size)))


def own(name: str, p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, float]:
    """Distances and seconds for a pair, the best of three rounds."""
    M = FAMILIES[name][0]().manifold()
    if name == "gamma":
        # From shape and mean to shape and scale.
        p, q = (np.stack([a[:, 0], a[:, 1] / a[:, 0]], axis=1) for a in (p, q))
    sm.distance(M, p[0], q[0])
    best = np.inf
    for _ in range(3):
        start = time.process_time()
        values = sm.distance(M, p, q)
        best = min(best, time.process_time() - start)
    return values, best / len(p)


def line(python: str, name: str, kind: str, pairs: int) -> str:
    """One line of the table."""
    p, q = drawn(kind, MANY, FAMILIES[name][1])
    values, seconds = own(name, p, q)
    if np.isnan(values).any():
        raise SystemExit(f"{name}: {np.isnan(values).sum()} distances were not found")
    chosen = [[a.tolist(), b.tolist()] for a, b in zip(p[:pairs], q[:pairs], strict=True)]
    found = subprocess.run(
        [python, "-c", PEER], input=json.dumps([name, chosen]) + "\n",
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    theirs, times = (np.array(row) for row in json.loads(found.stdout.splitlines()[-1]))
    apart = np.abs(theirs / values[:pairs] - 1)
    wrong = 100 * np.mean(~(apart < 0.01))
    median, mean = np.median(times), np.mean(times)
    return (
        f"| {name} | {kind} | {seconds * 1e6:.0f} | {median * 1e3:.0f} ({median / seconds:.0f}) | "
        f"{mean * 1e3:.0f} ({mean / seconds:.0f}) | {wrong:.0f} % |"
    )


def main() -> None:
    """Print the table, and write it for the documentation when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--geomstats", metavar="PYTHON", required=True)
    parser.add_argument("--pairs", type=int, default=40, help="pairs for geomstats")
    options = parser.parse_args()
    # One core, as the table says.
    threads._PER_THREAD = 10**12
    version = subprocess.run(
        [options.geomstats, "-c", "import geomstats; print(geomstats.__version__)"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    lines = [
        f"| family | parameters | statmani, us | geomstats {version}, median | mean | wrong |",
        "|---|---|---|---|---|---|",
    ]
    for kind in RANGES:
        for name in FAMILIES:
            lines.append(line(options.geomstats, name, kind, options.pairs))
            print(lines[-1], flush=True)
    if options.write:
        PAGE.write_text(HEADER.format(many=MANY, pairs=options.pairs) + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
