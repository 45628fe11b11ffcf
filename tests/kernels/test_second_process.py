"""A second process compiles nothing, whatever it asks for; damage in between is survived."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
import sys
from numba.core import event

class Count(event.Listener):
    starts = 0
    def on_start(self, e):
        self.starts += 1
    def on_end(self, e):
        pass

count = Count()
event.register("numba:compile", count)
import numpy as np
import sympy as sp
import statmani as sm

x, m, s, w = sp.symbols("x m s w", real=True)
k, r, q = sp.symbols("k r q")
positive, unit = sp.Interval.open(0, sp.oo), sp.Interval.open(0, 1)
bell = sp.exp(-((x - m) ** 2) / 2), sp.exp(-((x / s) ** 2) / 2) / s
mixture = sm.Family(
    log_density=sp.log(w * bell[0] + (1 - w) * bell[1]) - sp.log(2 * sp.pi) / 2,
    sample=x, parameters={m: sp.Reals, s: positive, w: unit},
)
counts = sp.loggamma(k + r) - sp.loggamma(r) - sp.loggamma(k + 1)
negative_binomial = sm.Family(
    log_density=counts + r * sp.log(q) + k * sp.log(1 - q), sample={k: sp.S.Naturals0},
    parameters={r: positive, q: unit},
)
CASES = {
    "closed": [
        (sm.families.beta(), [2.0, 3.0], [0.3, -0.2]),
        (sm.families.von_mises(), [0.4, 1.5], [0.2, 0.1]),
        (sm.families.gamma(), [1e6, 1e-6], [300.0, -1e-10]),
    ],
    "open": [
        (mixture, [1.5, 0.8, 0.4], [0.1, 0.1, 0.05]),
        (negative_binomial, [2.5, 0.4], [0.3, 0.05]),
    ],
}
found = []
for family, p, v in CASES[sys.argv[1]]:
    M = family.manifold()
    q = np.add(p, v)
    path = sm.geodesic(M, p, v)
    found += [*path(0.5), *sm.exp(M, p, v), *np.ravel(sm.exp(M, [p, q], v, alpha=0.5))]
    found += [*sm.log(M, p, q), sm.distance(M, p, q), *sm.geodesic(M, p, end=q)(0.5)]
    found += [*sm.parallel_transport(M, path, v, alpha=0.5), *sm.frechet_mean(M, [p, q])]
    found += [*np.ravel(sm.pairwise_distances(M, [p, q, p]))]
    found += [*np.ravel(sm.evaluate(M, "metric", p))]
    found += [sm.evaluate(M, "scalar_curvature", p), *np.ravel(sm.evaluate(M, "christoffel", [p]))]
    data = family.rvs(p, 3, rng=1)
    found += [*np.ravel(data), *family.log_density_at(p, data)]
print(count.starts)
print(*[float(c).hex() for c in found])
"""


def _run(folder, which):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, which],
        env=dict(os.environ, STATMANI_CACHE_DIR=str(folder)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    return int(first), second


@pytest.mark.parametrize("which", ["closed", "open"])
def test_every_verb_is_found_again(which, tmp_path):
    compiled, values = _run(tmp_path, which)
    assert compiled > 10
    again, same = _run(tmp_path, which)
    assert again == 0
    assert same == values
    # Half of the files lost or cut: the same numbers.
    for at, path in enumerate(
        sorted(p for p in tmp_path.rglob("statmani_kernel_*") if p.is_file())
    ):
        if at % 4 == 0:
            path.write_bytes(path.read_bytes()[: 100 * (at % 3)])
        elif at % 4 == 2:
            path.unlink()
    compiled, same = _run(tmp_path, which)
    assert compiled > 0
    assert same == values
