"""Ratio of uniforms in two and three dimensions."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Dummy, Expr, Symbol, exp, log, oo

from statmani.declaration import Declaration
from statmani.errors import NoConvergence
from statmani.inference.density import numeric_function, real_values

__all__ = ["rejection"]

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Array]

_TRIALS = 40000
_DEVIATIONS = 5.0


@lru_cache(maxsize=64)
def _functions(declaration: Declaration) -> tuple[Any, Any]:
    """The sample as functions of unconstrained coordinates, and the log-density there."""
    inner = [Dummy(f"y{i}", real=True) for i in range(len(declaration.variables))]
    values: dict[Symbol, Expr] = {}
    slope: Expr = Dummy("zero") * 0
    for variable, y in zip(declaration.variables, inner, strict=True):
        lower, upper = variable.lower.xreplace(values), variable.upper.xreplace(values)
        if lower is -oo and upper is oo:
            value: Expr = y
        elif upper is oo:
            value, slope = lower + exp(y), slope + y
        elif lower is -oo:
            value, slope = upper - exp(y), slope + y
        else:
            value = lower + (upper - lower) / (1 + exp(-y))
            slope = slope + log(upper - lower) - y - 2 * log(1 + exp(-y))
        values[variable.symbol] = value
    symbols = (*inner, *declaration.parameters)
    density = declaration.log_density.xreplace(values) + slope
    inside = tuple(r.gts.xreplace(values) - r.lts.xreplace(values) for r in declaration.region)
    return (
        numeric_function(tuple(values[v.symbol] for v in declaration.variables), symbols),
        numeric_function((density, *inside), symbols),
    )


def rejection(declaration: Declaration, theta: tuple[float, ...], name: str) -> Draw:
    """Sampler of a continuous density in a few dimensions.

    The density f is standardised at its mode in unconstrained coordinates z of dimension d; a
    point (u, v) uniform on ``0 < u^(d+1) <= f(v / u)`` gives ``z = v / u`` with density f
    (Wakefield, Gelfand and Smith 1991, Stat. Comput. 1, 129). The area of that region is known
    because f integrates to one, so the rate of acceptance shows whether the box holds all of it.

    Parameters
    ----------
    declaration : Declaration
        With two or three continuous variables.
    theta : tuple of float
    name : str
        For messages.

    Raises
    ------
    NoConvergence
        No mode is found, the tails are too heavy, or the rate of acceptance is not as it must be.
    """
    chart, density = _functions(declaration)
    dim = len(declaration.variables)

    def log_density(points: Array) -> Array:
        columns = [points[..., i] for i in range(dim)]
        with np.errstate(all="ignore"):
            parts = density(*columns, *theta)
            value = real_values(parts[0], columns[0])
            for test in parts[1:]:
                value = np.where(np.asarray(test) > 0, value, -np.inf)
        return np.where(np.isfinite(value), value, -np.inf)

    centre, root = _standardise(log_density, dim, name)
    top = float(log_density(centre[None])[0])
    power = 1.0 / (dim + 1)

    def height(z: Array) -> Array:
        return np.asarray(power * (log_density(centre + z @ root.T) - top))

    low, high = _box(height, dim)
    volume = float(np.prod(high - low))
    mass = float(np.exp(-top) / abs(np.linalg.det(root)))
    expected = mass * power / volume

    def attempt(rng: np.random.Generator, count: int) -> Array:
        u = 1.0 - rng.random(count)
        z = (low + (high - low) * rng.random((count, dim))) / u[:, None]
        return np.asarray(z[np.log(u) <= height(z)])

    accepted = len(attempt(np.random.default_rng(0), _TRIALS))
    spread = np.sqrt(max(expected * (1 - expected), 1e-12) * _TRIALS)
    if expected < 1e-3 or abs(accepted - expected * _TRIALS) > _DEVIATIONS * spread:
        raise NoConvergence(
            f"sample: the ratio of uniforms does not cover {name} at theta = {theta}: rate of "
            f"acceptance {accepted / _TRIALS:.4f} instead of {expected:.4f}. The density has "
            "several far modes or very heavy tails; draw the variables in turn."
        )

    def draw(rng: np.random.Generator, count: int) -> Array:
        parts: list[Array] = []
        missing = count
        while missing > 0:
            z = attempt(rng, int(missing / expected * 1.1) + 16)[:missing]
            parts.append(z)
            missing -= len(z)
        points = centre + np.concatenate([np.empty((0, dim)), *parts]) @ root.T
        columns = [points[:, i] for i in range(dim)]
        values = chart(*columns, *theta)
        return np.stack([real_values(v, columns[0]) for v in values], axis=1)

    return draw


def _standardise(log_density: Callable[[Array], Array], dim: int, name: str) -> tuple[Array, Array]:
    """The mode and a square root of the inverse of minus the Hessian there."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(0)
    starts = np.concatenate([rng.standard_normal((200, dim)) * s for s in (1.0, 4.0, 16.0)])
    values = log_density(starts)

    def objective(y: Array) -> float:
        return min(-float(log_density(np.asarray(y)[None])[0]), 1e300)

    found = [
        minimize(objective, starts[i], method="Nelder-Mead", options={"maxiter": 600 * dim})
        for i in np.argsort(values)[:-4:-1]
    ]
    best = min(found, key=lambda r: float(r.fun))
    if not best.fun < 1e299:
        raise NoConvergence(
            f"sample: no point of positive density of {name} was found. Check the support."
        )
    polished = minimize(
        objective, best.x, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10}
    )
    centre = np.asarray(polished.x, dtype=np.float64)
    eye = np.eye(dim)
    step = 1e-3
    hessian = np.empty((dim, dim))
    for _ in range(6):
        for i in range(dim):
            for j in range(dim):
                corners = centre + step * np.array(
                    [a * eye[i] + b * eye[j] for a in (1, -1) for b in (1, -1)]
                )
                value = log_density(corners)
                hessian[i, j] = (value[0] - value[1] - value[2] + value[3]) / (4 * step * step)
        scale = np.sqrt(np.abs(np.diag(hessian)).max())
        if np.isfinite(scale) and 1e-3 < step * scale < 0.3:
            break
        step = 0.05 / scale if np.isfinite(scale) and scale > 0 else step * 0.1
    eigenvalues, vectors = np.linalg.eigh(-hessian)
    if not (np.isfinite(eigenvalues).all() and eigenvalues.min() > 1e-10 * eigenvalues.max()):
        eigenvalues = np.ones(dim)
    return centre, np.asarray(vectors / np.sqrt(eigenvalues))


def _box(height: Callable[[Array], Array], dim: int) -> tuple[Array, Array]:
    """Bounds of v_i = z_i f^(1/(d+1)), by search on the whole space and local refinement."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(1)
    directions = rng.standard_normal((400, dim))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    radii = np.geomspace(1e-2, 1e3, 60)
    cloud = (directions[:, None, :] * radii[None, :, None]).reshape(-1, dim)
    heights = np.exp(height(cloud))
    bounds = np.empty((2, dim))
    for i in range(dim):
        for row, sign in enumerate((-1.0, 1.0)):
            values = sign * cloud[:, i] * heights

            def objective(z: Array, i: int = i, sign: float = sign) -> float:
                return -float(sign * z[i] * np.exp(height(np.asarray(z)[None])[0]))

            start = cloud[int(np.argmax(values))]
            found = minimize(objective, start, method="Nelder-Mead")
            bounds[row, i] = sign * max(-float(found.fun), float(values.max())) * 1.001
    return bounds[0], bounds[1]
