"""Peak memory of the full geometry of each family of the catalogue.

Run by hand: ``python tests/benchmarks/memory.py [names]``. Each family has a process of its own,
which derives g and T, and then every component of Christoffel symbols, Riemann (mixed and lowered)
and Ricci tensor and the scalar curvature for a symbolic alpha, as sympy expressions. Families
with sizes take the largest that the acceptance values have. The bound is 1 GiB.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time

BOUND = 1024.0
SIZES: dict[str, tuple[int, ...]] = {
    "dirichlet": (4,), "categorical": (5,), "multinomial": (5, 5), "binomial": (10,),
    "multivariate_normal": (3,),
}  # fmt: skip
LIMIT = 1200


def one(name: str) -> None:
    """Derive one family and print seconds and peak megabytes."""
    import sympy as sp

    import statmani as sm

    start = time.perf_counter()
    manifold = getattr(sm.families, name)(*SIZES.get(name, ())).manifold()
    derived = time.perf_counter() - start
    connection = manifold.connection(sp.Symbol("order"))
    for tensor in ("christoffel_first", "christoffel", "riemann_lower", "riemann"):
        getattr(connection, tensor).nonzero()
    connection.ricci  # noqa: B018
    connection.scalar_curvature  # noqa: B018
    total = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{manifold.dim} {derived:.2f} {total:.2f} {peak:.0f}")


def main(names: list[str]) -> int:
    """Print the table; return 1 when a family is above the bound or fails."""
    import statmani as sm

    failed = 0
    print(f"{'family':<28}{'dim':>4}{'derive s':>10}{'all s':>9}{'peak MB':>9}", flush=True)
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "STATMANI_CACHE_DIR": cache}
        for name in names or sm.families.names():
            command = [sys.executable, __file__, "--one", name]
            try:
                run = subprocess.run(
                    command, capture_output=True, text=True, timeout=LIMIT, env=environment
                )
            except subprocess.TimeoutExpired:
                print(f"{name:<28}  more than {LIMIT} s", flush=True)
                failed = 1
                continue
            if run.returncode:
                print(f"{name:<28}  failed: {run.stderr.strip().splitlines()[-1:]}", flush=True)
                failed = 1
                continue
            dim, derived, total, peak = run.stdout.split()
            failed |= float(peak) > BOUND
            print(f"{name:<28}{dim:>4}{derived:>10}{total:>9}{peak:>9}", flush=True)
    return int(failed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2])
    else:
        sys.exit(main(sys.argv[1:]))
