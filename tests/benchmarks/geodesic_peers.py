"""Peers of :mod:`geodesics`: other libraries on the same tensors, in an interpreter of their own.

``geodesics.py --peers PYTHON`` starts ``PYTHON geodesic_peers.py JOB.pickle``, which prints one
line of JSON. Nothing of statmani is imported here: the job holds the generated source of the
tensors, and every library computes the same acceleration from it.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import numpy as np

PEERS = ("numbalsoda", "heyoka", "diffrax")
# heyoka has no polygammas, and compiling those of diffrax takes minutes beyond these.
DIFFRAX_FAMILIES = ("normal", "beta")
WIDTHS = (8, 16, 32)


def fastest(work: Callable[[], object], rounds: int) -> float:
    """Least processor time of a call."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def loosest(
    run: Callable[[float], np.ndarray], exact: np.ndarray, error: float, step: float = 0.25
):
    """The largest tolerance, in steps of 10**step, with a median error below the one asked for."""
    for exponent in np.arange(-2.0, -14.1, -step):
        found = np.abs(run(10.0**exponent) - exact).max(axis=1)
        if np.median(found) < error:
            return float(10.0**exponent)
    return 1e-14


# -- the acceleration, for numbers of any library ------------------------------------------


def acceleration(job: dict[str, Any], x: Sequence[Any], v: Sequence[Any], names: dict[str, Any]):
    """Components of the acceleration from the source of tensors, in any kind of numbers."""
    n = len(x)
    pairs = list(itertools.combinations_with_replacement(range(n), 2))
    scope = dict(names)
    exec(job["symbols"] or job["field"], scope)  # noqa: S102 - it is our own
    products = {(i, j): v[i] * v[j] for i, j in pairs}
    if job["symbols"]:
        out = [0.0] * (n * len(pairs))
        scope["symbols"](x, out)
        return [
            _sum(
                (-1.0 if i == j else -2.0) * out[at] * products[i, j]
                for at, (i, j) in enumerate(pairs, k * len(pairs))
                if not _is_zero(out[at])
            )
            for k in range(n)
        ]
    out = [0.0] * (len(pairs) * (1 + n) + math.comb(n + 2, 3))
    scope["field"](x, out)
    g = {pair: out[at] for at, pair in enumerate(pairs)}

    def slope(k: int, i: int, j: int) -> Any:
        return out[len(pairs) * (1 + k) + pairs.index((min(i, j), max(i, j)))]

    forces = []
    for k in range(n):
        terms = []
        for i, j in pairs:
            parts = ((1, slope(i, j, k)), (1, slope(j, i, k)), (-1, slope(k, i, j)))
            both = _sum(sign * part for sign, part in parts if not _is_zero(part))
            if not _is_zero(both):
                terms.append((-0.5 if i == j else -1.0) * both * products[i, j])
        forces.append(_sum(terms))
    return _solved(g, forces)


def _is_zero(value: Any) -> bool:
    return isinstance(value, float) and value == 0.0


def _sum(terms: Iterator[Any] | list[Any]) -> Any:
    total: Any = 0.0
    for term in terms:
        total = term if _is_zero(total) else total + term
    return total


def _solved(g: dict[tuple[int, int], Any], right: list[Any]) -> list[Any]:
    """Elimination without exchanges, for a positive definite g."""
    n = len(right)
    a = [[g[min(i, j), max(i, j)] for j in range(n)] for i in range(n)]
    for k in range(n):
        for i in range(k + 1, n):
            factor = a[i][k] / a[k][k]
            for j in range(k + 1, n):
                a[i][j] = a[i][j] - factor * a[k][j]
            right[i] = right[i] - factor * right[k]
    for k in reversed(range(n)):
        for i in range(k + 1, n):
            right[k] = right[k] - a[k][i] * right[i]
        right[k] = right[k] / a[k][k]
    return right


# -- as the text of a function of floats ---------------------------------------------------


class Text:
    """A number that writes down what is done to it."""

    def __init__(self, lines: list[str], text: str) -> None:
        self.lines, self.text = lines, text

    def _bound(self, text: str) -> Text:
        self.lines.append(f"q{len(self.lines)} = {text}")
        return Text(self.lines, f"q{len(self.lines) - 1}")

    def __neg__(self) -> Text:
        return self._bound(f"-{self.text}")

    def __pow__(self, power: float) -> Text:
        return self._bound(f"{self.text}**{power!r}")


def _operator(sign: str, swapped: bool) -> Callable[[Text, Any], Text]:
    def apply(self: Text, other: Any) -> Text:
        text = other.text if isinstance(other, Text) else f"({other!r})"
        first, second = (text, self.text) if swapped else (self.text, text)
        return self._bound(f"{first} {sign} {second}")

    return apply


for _sign, _name in (("+", "add"), ("-", "sub"), ("*", "mul"), ("/", "truediv")):
    setattr(Text, f"__{_name}__", _operator(_sign, False))
    setattr(Text, f"__r{_name}__", _operator(_sign, True))


def flat_source(job: dict[str, Any]) -> str:
    """Source of ``slope(t, y)`` returning a tuple, straight code on floats."""
    n = job["n"]
    lines: list[str] = []

    def call(name: str) -> Callable[..., Text]:
        return lambda *given: Text(lines, "")._bound(
            f"{name}({', '.join(g.text if isinstance(g, Text) else repr(g) for g in given)})"
        )

    functions = ("exp", "expm1", "log", "log1p", "cosh", "sinh", "tanh", "sqrt", "sin", "cos")
    names: dict[str, Any] = {"math": SimpleNamespace(**{f: call(f"math.{f}") for f in functions})}
    names |= polygammas(call("trigamma"), call("tetragamma"))

    def sweep(argument: Text) -> tuple[Text, Text]:
        both = call("polygamma_12")(argument)
        return both._bound(f"{both.text}[0]"), both._bound(f"{both.text}[1]")

    names["polygamma_12"] = sweep
    x = [Text(lines, f"y[{k}]") for k in range(n)]
    v = [Text(lines, f"y[{n + k}]") for k in range(n)]
    found = acceleration(job, x, v, names)
    result = [value.text if isinstance(value, Text) else repr(value) for value in (*v, *found)]
    body = "".join(f"    {line}\n" for line in lines)
    return f"def slope(t, y):\n{body}    return ({', '.join(result)},)\n"


def polygammas(trigamma: Callable[[Any], Any], tetragamma: Callable[[Any], Any]) -> dict[str, Any]:
    """Names that generated sources use, from two functions."""
    return {
        "trigamma": trigamma,
        "tetragamma": tetragamma,
        "polygamma_12": lambda x: (trigamma(x), tetragamma(x)),
        "polygamma_fall": lambda order, x, y, d, at_x, at_y: at_x - at_y,
    }


# -- libraries -----------------------------------------------------------------------------


def with_heyoka(job: dict[str, Any], error: float) -> tuple[float, str] | None:
    """Microseconds for one trajectory by the fastest batch width."""
    import heyoka as hy

    if "gamma" in (job["symbols"] or job["field"]):
        return None
    n, x, v, exact = job["n"], job["x"], job["v"], job["exact"]
    names = hy.make_vars(*(f"s{k:02}" for k in range(2 * n)))
    scope = {"math": SimpleNamespace(exp=hy.exp, expm1=lambda z: hy.exp(z) - 1.0)}
    found = acceleration(job, names[:n], names[n:], scope)
    system = list(zip(names, [*names[n:], *found], strict=True))
    starts = np.concatenate([x, v], axis=1)
    zero = np.concatenate([x, np.zeros_like(v)], axis=1)

    def solver(tolerance: float, width: int) -> Callable[[], np.ndarray]:
        made = hy.taylor_adaptive_batch(system, state=np.zeros((2 * n, width)), tol=tolerance)

        def run() -> np.ndarray:
            ends = np.empty_like(starts)
            for k in range(0, len(starts), width):
                made.set_time(0.0)
                made.state[:] = starts[k : k + width].T
                made.propagate_until(1.0)
                ends[k : k + width] = made.state.T
            return ends - zero

        return run

    at = loosest(lambda tolerance: solver(tolerance, 8)(), exact, error, 0.5)
    times = {width: fastest(solver(at, width), 7) for width in WIDTHS}
    best = min(times, key=times.__getitem__)
    return times[best] / len(x) * 1e6, f"width {best}"


def with_numbalsoda(job: dict[str, Any], error: float) -> tuple[float, str] | None:
    """Microseconds for one trajectory by dop853, called from compiled code."""
    from numba import carray, cfunc, njit
    from numbalsoda import dop853, lsoda_sig

    n, x, v, exact = job["n"], job["x"], job["v"], job["exact"]
    scope: dict[str, Any] = {}
    exec(job["module"].replace("cache=True", "cache=False"), scope)  # noqa: S102 - it is our own
    _, *lines, last = flat_source(job).splitlines()
    result = last.strip()[len("return (") : -2].split(", ")
    stores = [f"    slope[{k}] = {text}" for k, text in enumerate(result)]
    head = f"def slope(t, state, slope, data):\n    y = carray(state, ({2 * n},))"
    scope |= {"carray": carray}
    exec("\n".join([head, *lines, *stores]), scope)  # noqa: S102 - it is our own
    pointer = cfunc(lsoda_sig, error_model="numpy")(scope["slope"]).address
    times = np.array([0.0, 1.0])
    starts = np.concatenate([x, v], axis=1)

    @njit
    def follow(rtol, atol):
        ends = np.empty_like(starts)
        for k in range(len(starts)):
            found, _ = dop853(pointer, starts[k].copy(), times, rtol=rtol, atol=atol)
            ends[k] = found[-1]
        return ends

    zero = np.concatenate([x, np.zeros_like(v)], axis=1)
    at = loosest(lambda rtol: follow(rtol, 0.1 * rtol) - zero, exact, error)
    return fastest(lambda: follow(at, 0.1 * at), 5) / len(x) * 1e6, ""


def with_diffrax(job: dict[str, Any], error: float) -> tuple[float, str] | None:
    """Microseconds for one trajectory of vmap over all, Dopri8."""
    if job["name"] not in DIFFRAX_FAMILIES:
        return None
    import jax

    jax.config.update("jax_enable_x64", True)
    import diffrax
    import jax.numpy as jnp
    from jax.scipy.special import polygamma

    n, x, v, exact = job["n"], job["x"], job["v"], job["exact"]
    names: dict[str, Any] = {"math": jnp}
    names |= polygammas(lambda z: polygamma(1, z), lambda z: polygamma(2, z))

    def slope(t, y, _):
        found = acceleration(job, list(y[:n]), list(y[n:]), names)
        return jnp.concatenate([y[n:], jnp.stack([jnp.asarray(a) for a in found])])

    term, method = diffrax.ODETerm(slope), diffrax.Dopri8()

    def one(start, rtol):
        control = diffrax.PIDController(rtol=rtol, atol=0.1 * rtol)
        saved = diffrax.SaveAt(t1=True)
        done = diffrax.diffeqsolve(
            term, method, 0.0, 1.0, None, start, stepsize_controller=control, saveat=saved
        )
        return done.ys[0]

    follow = jax.jit(jax.vmap(one, in_axes=(0, None)))
    starts = jnp.asarray(np.concatenate([x, v], axis=1))
    zero = np.concatenate([x, np.zeros_like(v)], axis=1)
    at = loosest(lambda rtol: np.asarray(follow(starts, rtol)) - zero, exact, error, 0.5)
    rounds = 3 if job["name"] == "normal" else 1
    return fastest(lambda: follow(starts, at).block_until_ready(), rounds) / len(x) * 1e6, ""


def version(name: str) -> str:
    """The version of an installed library, or an empty string."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def main() -> None:
    """Run every peer on every family of a job."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with open(sys.argv[1], "rb") as stream:
        jobs = pickle.load(stream)
    libraries = (with_numbalsoda, with_heyoka, with_diffrax)
    for name, measure in zip(PEERS, libraries, strict=True):
        print(json.dumps({"peer": name, "version": version(name)}), flush=True)
        if not version(name):
            continue
        for job in jobs:
            for error in job["errors"]:
                found = measure(job, error)
                if found is not None:
                    line = {"peer": name, "family": job["name"], "error": error}
                    print(json.dumps({**line, "us": found[0], "how": found[1]}), flush=True)


if __name__ == "__main__":
    main()
