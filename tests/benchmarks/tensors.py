"""Tensors side by side with Maxima's ctensor: ``python tests/benchmarks/tensors.py [--write]``.

Both start from the same metric and compute its inverse, the Christoffel symbols of both kinds, the
lowered and the mixed Riemann tensor, the Ricci tensor and the scalar curvature. For statmani the
time runs from a sympy metric to sympy: it holds the construction of the manifold with all its
checks and the conversion of the Ricci tensor and of the scalar curvature; that of both full
Riemann tensors is a column of its own, and so is the whole work for the connections of a symbolic
alpha. Processor time, warm loops, the two programs in turns. Needs ``maxima`` and its share
packages on the path.
"""

from __future__ import annotations

import argparse
import gc
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sympy as sp
from sympy import Matrix, polygamma, symbols

from statmani.geometry.manifold import StatisticalManifold

ROOT = Path(__file__).parents[2]
Skewness = dict[tuple[int, int, int], Any]
Model = tuple[Any, Any, Skewness]


def normal() -> Model:
    """Mean and standard deviation."""
    mu, s = symbols("mu", real=True), symbols("sigma", positive=True)
    return (mu, s), sp.diag(1 / s**2, 2 / s**2), {(0, 0, 1): 2 / s**3, (1, 1, 1): 8 / s**3}


def inverse_gaussian() -> Model:
    """Mean and shape."""
    mu, la = symbols("mu lambda", positive=True)
    skewness = {(0, 0, 0): 3 * la / mu**4, (0, 0, 1): -1 / mu**3, (1, 1, 1): -1 / la**3}
    return (mu, la), sp.diag(la / mu**3, 1 / (2 * la**2)), skewness


def gamma() -> Model:
    """Shape and scale."""
    k, t = symbols("k theta", positive=True)
    skewness = {
        (0, 0, 0): polygamma(2, k), (0, 1, 1): 1 / t**2, (1, 1, 1): 2 * k / t**3,
    }  # fmt: skip
    return (k, t), Matrix([[polygamma(1, k), 1 / t], [1 / t, k / t**2]]), skewness


def dirichlet(n: int) -> Model:
    """Concentrations; two of them are the beta family."""
    a = symbols(f"a1:{n + 1}", positive=True)
    shared = [polygamma(m, sum(a)) for m in (1, 2)]
    g = Matrix(n, n, lambda i, j: (polygamma(1, a[i]) if i == j else 0) - shared[0])
    skewness = {
        (i, j, k): (polygamma(2, a[i]) if i == k else 0) - shared[1]
        for i in range(n) for j in range(i, n) for k in range(j, n)
    }  # fmt: skip
    return a, g, skewness


def multinomial(free: int, trials: int) -> Model:
    """Probabilities of all cells but the last."""
    p = symbols(f"p1:{free + 1}", positive=True)
    q = 1 - sum(p)
    g = Matrix(free, free, lambda i, j: trials * ((1 / p[i] if i == j else 0) + 1 / q))
    skewness = {
        (i, j, k): trials * ((1 / p[i] ** 2 if i == k else 0) - 1 / q**2)
        for i in range(free) for j in range(i, free) for k in range(j, free)
    }  # fmt: skip
    return p, g, skewness


def multivariate_normal(d: int) -> Model:
    """Mean and covariance."""
    mu = symbols(f"mu1:{d + 1}", real=True)
    pairs = [(i, j) for j in range(d) for i in range(j + 1)]
    names = {
        (i, j): sp.Symbol(f"s{i + 1}{j + 1}", **({"positive": True} if i == j else {"real": True}))
        for i, j in pairs
    }
    covariance = Matrix(d, d, lambda i, j: names[min(i, j), max(i, j)])
    precision = covariance.adjugate() / covariance.det()
    units = [Matrix(d, d, lambda i, j, p=p: int(p in ((i, j), (j, i)))) for p in pairs]
    weighted = [precision * u for u in units]
    n = d + len(pairs)
    g = sp.zeros(n, n)
    g[:d, :d] = precision
    skewness: Skewness = {}
    for i, a in enumerate(weighted):
        middle = a * precision
        skewness |= {(r, c, d + i): middle[r, c] for r in range(d) for c in range(r, d)}
        for j in range(i, len(pairs)):
            product = a * weighted[j]
            g[d + i, d + j] = g[d + j, d + i] = product.trace() / 2
            for k in range(j, len(pairs)):
                skewness[d + i, d + j, d + k] = (product * weighted[k]).trace()
    if d < 4:
        g = g.applyfunc(sp.factor)
        skewness = {key: sp.factor(value) for key, value in skewness.items()}
    return (*mu, *names.values()), g, {key: value for key, value in skewness.items() if value}


def kerr() -> Model:
    """Kerr's metric with u = cos(theta)."""
    t, r, u, phi, m, a = symbols("t r u phi m a", real=True)
    sigma, delta = r**2 + a**2 * u**2, r**2 - 2 * m * r + a**2
    s2 = 1 - u**2
    g = sp.zeros(4, 4)
    g[0, 0] = -(1 - 2 * m * r / sigma)
    g[0, 3] = g[3, 0] = -2 * m * a * r * s2 / sigma
    g[1, 1], g[2, 2] = sigma / delta, sigma / s2
    g[3, 3] = (r**2 + a**2 + 2 * m * a**2 * r * s2 / sigma) * s2
    domain = {t: sp.Reals, r: sp.Interval.open(3, sp.oo), u: sp.Interval.open(-1, 1), phi: sp.Reals}
    return domain, g, {}


# Name: model and ratio wanted; 0 where one cold round is timed without the peer.
CASES: dict[str, tuple[Callable[[], Model], float]] = {
    "normal": (normal, 3),
    "inverse Gaussian": (inverse_gaussian, 3),
    "gamma": (gamma, 3),
    "beta": (lambda: dirichlet(2), 3),
    "multinomial, 4 free": (lambda: multinomial(4, 7), 12),
    "bivariate normal": (lambda: multivariate_normal(2), 12),
    "Kerr, u = cos θ": (kerr, 12),
    "Dirichlet(4)": (lambda: dirichlet(4), 60),
    "Dirichlet(6)": (lambda: dirichlet(6), 500),
    "trivariate normal": (lambda: multivariate_normal(3), 500),
    "4-variate normal": (lambda: multivariate_normal(4), 0),
}


def run(
    model: Model, symbolic: bool, convert: bool = True
) -> tuple[StatisticalManifold, float, float]:
    """The manifold, and CPU seconds to the scalar curvature and of converting Riemann."""
    coordinates, metric, skewness = model
    start = time.process_time()
    M = StatisticalManifold(coordinates, metric, skewness if symbolic else None)
    D = M.connection(sp.Symbol("alpha", real=True)) if symbolic else M.levi_civita
    geometry, n = M.geometry, M.dim
    assert len(geometry.inverse) == n
    for i in range(n):
        for j in range(i, n):
            for k in range(n):
                geometry.christoffel_first(i, j, k)
                geometry.christoffel(k, i, j)
            if i == j:
                continue
            for k in range(n):
                for m in range(n):
                    if m < k or symbolic:
                        geometry.riemann_lower(m, k, i, j)
                    geometry.riemann(m, k, i, j)
    assert D.ricci.shape == (n, n)
    assert D.scalar_curvature is not None
    middle = time.process_time()
    if convert:
        D.riemann.nonzero()
        D.riemann_lower.nonzero()
    return M, middle - start, time.process_time() - middle


MAXIMA = """
load(ctensor)$ ratfac:true$
ct_coords:[{names}]$ dim:{n}$ lg:matrix({rows})$
clock():=?get\\-internal\\-run\\-time()/?internal\\-time\\-units\\-per\\-second$
tensors():=(cmetric(false), christof(false), riemann(false), lriemann(false), ricci(false),
  scurvature())$
sink:{warm}$
for round:1 thru {rounds} do block([start:clock()],
  for i:1 thru {repeats} do tensors(), print("seconds", float((clock()-start)/{repeats})))$
"""


def maxima_source(model: Model, repeats: int, rounds: int, warm: bool) -> str:
    """The peer's program; functions get Maxima's names."""
    coordinates, metric, _ = model
    names = {s: sp.Symbol(f"x{i}") for i, s in enumerate(coordinates)}

    def text(expr: Any) -> str:
        psi = sp.Function("psi")
        shown = str(expr.xreplace(names).replace(polygamma, psi)).replace("**", "^")
        return shown.replace("psi(1, ", "psi[1](")

    rows = ", ".join(
        "[" + ", ".join(text(e) for e in metric.row(i)) + "]" for i in range(len(names))
    )
    return MAXIMA.format(
        names=", ".join(map(str, names.values())), n=len(names), rows=rows,
        repeats=repeats, rounds=rounds, warm="tensors()" if warm else "0",
    )  # fmt: skip


def maxima(model: Model, seconds: float) -> float:
    """CPU seconds of one round of the peer, the best of its rounds."""

    def call(repeats: int, rounds: int, warm: bool) -> list[float]:
        done = subprocess.run(
            ["maxima", "--very-quiet"], input=maxima_source(model, repeats, rounds, warm),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        lines = [line.split() for line in done.stdout.splitlines() if "seconds" in line.split()]
        times = [float(words[-1]) for words in lines if words[-1] != "seconds"]
        if len(times) != rounds:
            raise SystemExit(f"maxima failed:\n{done.stdout[-2000:]}")
        return times

    (first,) = call(1, 1, False)
    if first > seconds:
        return first
    # Its clock ticks in hundredths of a second, so a round lasts at least a fifth of one.
    if first < 0.2:
        (first,) = call(20, 1, True)
    repeats = max(1, int(0.2 / max(first, 0.0005)))
    rounds = max(3, min(9, int(seconds / max(first * repeats, 0.05))))
    return min(call(repeats, rounds, True))


def statmani(model: Model, symbolic: bool, seconds: float) -> tuple[float, float]:
    """CPU seconds to the scalar curvature, as for the peer: the best of warm rounds of many
    repeats; and the median of converting Riemann."""
    run(model, symbolic)
    _, first, _ = run(model, symbolic)
    repeats = max(1, int(0.1 / first))
    rounds: list[float] = []
    while len(rounds) < 3 or sum(rounds) * repeats < seconds:
        gc.collect()
        rounds.append(sum(run(model, symbolic, False)[1] for _ in range(repeats)) / repeats)
    conversions = [run(model, symbolic)[2] for _ in range(3 if first > 0.1 else 15)]
    return min(rounds), statistics.median(conversions)


def peer_version() -> str:
    """Version and Lisp of Maxima."""
    done = subprocess.run(
        ["maxima", "--very-quiet"], input="build_info();", capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    facts = dict(line.split(": ", 1) for line in done.stdout.splitlines() if line.count(": ") == 1)
    number, lisp, which = (
        facts[f"{key}"].strip(' "')
        for key in ("Maxima version", "Lisp implementation type", "Lisp implementation version")
    )
    return f"Maxima {number} ({lisp}, {which})"


def seconds(value: float) -> str:
    """Three significant digits with a unit."""
    if value < 1:
        return f"{value * 1e3:.3g} ms"
    return f"{value:.3g} s"


def row(name: str, budget: float, peer: bool) -> str:
    """One line of the table."""
    build, wanted = CASES[name]
    model = build()
    if not wanted:
        _, work, _ = run(model, False, convert=False)
        return f"| {name} | {len(model[0])} | {seconds(work)} | | | | | | |"
    other = maxima(model, budget) if peer else None
    own, conversion = statmani(model, False, budget / 4)
    full = statmani(model, True, budget / 4)[0] if model[2] else None
    cells = [
        name, str(len(model[0])), seconds(own), seconds(other) if other else "",
        f"{other / own:.3g}" if other else "", f"{wanted:g}",
        seconds(conversion), seconds(full) if full else "", f"{full / own:.2f}" if full else "",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


HEAD = (
    "| metric | n | statmani | Maxima | ratio | wanted | Riemann to sympy | symbolic α | α / LC |",
    "|---|---|---|---|---|---|---|---|---|",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, and write it for the documentation when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=float, default=4.0, help="seconds for one measurement")
    parser.add_argument("--alone", action="store_true", help="without the peer")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("cases", nargs="*", metavar="case")
    options = parser.parse_args(arguments)
    peer = not options.alone
    if peer and shutil.which("maxima") is None:
        raise SystemExit("maxima is not on the path: install maxima and maxima-share, or --alone")
    versions = [f"{name} {version(name)}" for name in ("statmani", "sympy", "python-flint")]
    versions.append(f"Python {platform.python_version()}")
    versions += [peer_version()] if peer else []
    lines = [*HEAD]
    print(", ".join(versions), *lines, sep="\n", flush=True)
    for name in options.cases or CASES:
        lines.append(row(name, options.budget, peer))
        print(lines[-1], flush=True)
    if options.write:
        text = "\n".join([INTRODUCTION, *lines, "", ", ".join(versions) + ".", ""])
        (ROOT / "docs" / "benchmarks.md").write_text(text, encoding="utf-8")


INTRODUCTION = """# Speed of the tensors

From a sympy metric to the inverse metric, the Christoffel symbols of both kinds, the lowered and
the mixed Riemann tensor, the Ricci tensor and the scalar curvature, the last two converted back to
sympy; next to Maxima's package `ctensor` with `ratfac: true`, which starts from the same metric in
its own form. Processor time of one round in a warm loop, the best of several; *wanted* is the
ratio that the project set itself. *Riemann to sympy* is the conversion of all components of both
Riemann tensors, which otherwise happens component by component when one is asked for. *Symbolic α*
is the same work for the connections of a symbolic α, from metric and skewness tensor; every result
is then a polynomial in α.

Absolute times depend on the machine and its load, and n is the number of coordinates. The last row
is one cold round without the peer. Made by
`python tests/benchmarks/tensors.py --write`.
"""

if __name__ == "__main__":
    sys.exit(main())
