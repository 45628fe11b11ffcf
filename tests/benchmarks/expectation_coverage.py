"""Coverage of the expectation engine.

``python tests/benchmarks/expectation_coverage.py [--naive SECONDS]``:

For every reference family and every family of tests/expectation/beyond.py, in a fresh process:
the strategy, CPU seconds after import from the declared density to certified g, T and the
Christoffel symbols for a symbolic alpha, the largest residual of the certificate, and, with
``--naive``, whether ``sympy.integrate`` finds one Fisher entry within that many seconds. Writes
docs/coverage.md with ``--write``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
DERIVE = """
import json, sys, time
sys.path.insert(0, "tests/expectation")
import beyond, conftest
import sympy as sp
from statmani.errors import StatmaniError
from statmani.family import Family
name = sys.argv[1]
start = time.process_time()
try:
    if name in beyond.FAMILIES:
        family = beyond.FAMILIES[name]()
    else:
        from statmani.expectation.positivity import checked
        family = Family._of(checked(conftest.declare_reference(name)))
    M = family.manifold()
    # A dummy, since families may have a parameter called alpha.
    first = M.connection(sp.Dummy("alpha", real=True)).christoffel_first
    n = M.dim
    [first[i, j, k] for i in range(n) for j in range(i, n) for k in range(n)]
    entries = [M.metric[i, j] for i in range(n) for j in range(i, n)]
    entries += [M.skewness[i, j, k] for i in range(n) for j in range(i, n) for k in range(j, n)]
    seconds = time.process_time() - start
    from statmani.expectation.expectation import Expectation
    certificate = M.certificate
    used = sorted({strategy for _, strategy in certificate.strategies})
    entries = [e for e in entries if e != 0]
    unevaluated = sum(e.has(Expectation) for e in entries)
    row = {"strategy": "; ".join(used), "residual": certificate.residual}
    if unevaluated:
        kind = "open" if unevaluated == len(entries) else "partly closed"
        closed = f"{kind} ({len(entries) - unevaluated} of {len(entries)})"
        row["strategy"] = f"{closed}: {row['strategy']}"
except StatmaniError as error:
    seconds = time.process_time() - start
    row = {"strategy": f"none ({type(error).__name__})", "residual": None}
print(json.dumps(row | {"seconds": seconds}))
"""
NAIVE = """
import sys
sys.path.insert(0, "tests/expectation")
import sympy as sp
import beyond, conftest
name = sys.argv[1]
if name in beyond.FAMILIES:
    d = beyond.FAMILIES[name]().declaration
else:
    d = conftest.declare_reference(name)
score = d.log_density.diff(d.parameters[0])
value = sp.exp(d.log_density) * score**2
for v in reversed(d.variables):
    operation = sp.summation if v.discrete else sp.integrate
    value = operation(value, (v.symbol, v.lower, v.upper))
print("yes" if not value.has(sp.Integral, sp.Sum) else "no")
"""


def reference_names() -> list[str]:
    """The families of the reference file."""
    return list(json.loads((ROOT / "tests" / "references" / "acceptance.json").read_text("utf-8")))


def names() -> list[str]:
    """Reference families first, then the others."""
    reference = reference_names()
    listing = "import sys; sys.path.insert(0, 'tests/expectation'); import beyond"
    code = f"{listing}; print(*beyond.FAMILIES)"
    return [*reference, *run(code, "", 60.0).split()]


def run(code: str, name: str, seconds: float) -> str:
    """Output of a fresh process; empty when it fails or takes longer than ``seconds``.

    Its cache is empty, so that nothing is loaded that should be derived; modules come from their
    bytecode, as for any installed package.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as cache:
        try:
            done = subprocess.run(
                [sys.executable, "-c", code, name],
                capture_output=True, text=True, timeout=seconds, cwd=ROOT, check=False,
                env=environment | {"STATMANI_CACHE_DIR": cache},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return ""
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def main() -> None:
    """Print the table, and write it for the documentation when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--naive", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("families", nargs="*")
    options = parser.parse_args()
    head = f"`sympy.integrate`, {options.naive:g} s" if options.naive else "`sympy.integrate`"
    lines = [f"| family | strategy | CPU s | residual | {head} |", "|---|---|---|---|---|"]
    print(*lines, sep="\n")
    times: dict[str, float] = {}
    for name in options.families or names():
        row = json.loads(run(DERIVE, name, 120.0) or '{"strategy": "none (time)"}')
        naive = (run(NAIVE, name, options.naive) or "no") if options.naive else ""
        seconds, residual = row.get("seconds"), row.get("residual")
        times[name] = float("inf") if seconds is None else seconds
        lines.append(
            f"| {name} | {row['strategy']} | {'' if seconds is None else f'{seconds:.2f}'} | "
            f"{'' if residual is None else f'{residual:.0e}'} | {naive} |"
        )
        print(lines[-1], flush=True)
    reference = set(reference_names())
    groups = {
        "reference families": [t for name, t in times.items() if name in reference],
        "other families": [t for name, t in times.items() if name not in reference],
    }
    summary = "\n".join(
        f"{len(part)} {label}: median {statistics.median(part):.2f} s, largest {max(part):.2f} s."
        for label, part in groups.items()
        if part
    )
    print(summary)
    if options.write:
        text = "\n".join([HEADER, *lines, "", summary, ""])
        (ROOT / "docs" / "coverage.md").write_text(text, encoding="utf-8")


HEADER = """# Coverage of the expectation engine

Declared density to certified Fisher metric, skewness tensor and Christoffel symbols of the first
kind for a symbolic alpha, in a fresh process with an empty cache for each family.
Where not all entries have a closed form, the strategy says how many have; the others are
unevaluated expectations, whose residual is that of their quadrature. *CPU s* is processor time
after `import statmani`. *Residual* is the largest relative difference between an entry and
quadrature of its definition. The last column says whether `sympy.integrate` (or `summation`) alone
finds one entry of the Fisher metric within the time given. Made by
`python tests/benchmarks/expectation_coverage.py --naive 3 --write`.
"""

if __name__ == "__main__":
    main()
