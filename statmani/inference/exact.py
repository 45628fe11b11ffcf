"""Exact samplers: one variable given the earlier ones, from normal, gamma and beta variables.

The last variable is matched with a kernel while the others are held fixed; its integral is the
density of the others, and so on. Devroye (1986), *Non-Uniform Random Variate Generation*, ch. XI.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Add, Dummy, Expr, Integer, Symbol, exp, log, oo, pi, sqrt

from statmani.declaration import Declaration
from statmani.domain import Axis, Domain
from statmani.errors import NoConvergence
from statmani.expectation.kernels import match_kernels
from statmani.expectation.masses import log_mass
from statmani.expectation.normalise import Signs, normalise
from statmani.expectation.tidy import tidy
from statmani.inference.density import numeric_function

__all__ = ["exact_sampler"]

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Array]

_MASS_TOLERANCE = 1e-8


@dataclass(frozen=True)
class _Piece:
    """x = transform(u) with probability proportional to exp(log_mass)."""

    log_mass: Expr
    kernel: str
    shapes: tuple[Expr, ...]
    variable: Symbol
    transform: Expr


def exact_sampler(declaration: Declaration, theta: tuple[float, ...]) -> Draw | None:
    """A function (rng, count) -> array of shape (count, m), or None when a variable has no kernel.

    Raises
    ------
    NoConvergence
        The density does not integrate to one at theta.

    Examples
    --------
    >>> import numpy as np, statmani as sm
    >>> from statmani.inference.exact import exact_sampler
    >>> draw = exact_sampler(sm.families.dirichlet(3).declaration, (1.0, 2.0, 3.0))
    >>> draw(np.random.default_rng(1), 5).shape
    (5, 2)
    """
    steps = _steps(declaration)
    if steps is None:
        return None
    compiled, total = steps
    mass = float(np.exp(total(*theta)))
    if not abs(mass - 1) < _MASS_TOLERANCE:
        name = declaration.name or "the density"
        raise NoConvergence(
            f"sample: {name} has mass {mass:.9g} instead of 1 at theta = {theta}. The density is "
            "not normalised there."
        )

    def draw(rng: np.random.Generator, count: int) -> Array:
        columns: list[Array] = []
        for step in compiled:
            columns.append(step(rng, count, columns, theta))
        return np.stack(columns, axis=1)

    return draw


@lru_cache(maxsize=64)
def _steps(declaration: Declaration) -> tuple[list[Any], Any] | None:
    if declaration.region or any(v.discrete for v in declaration.variables):
        return None
    parameters = declaration.parameters
    steps: list[Any] = []
    ell = declaration.log_density
    for index in reversed(range(len(declaration.variables))):
        found = _conditional(declaration, ell, index)
        if found is None:
            return None
        pieces, ell = found
        earlier = tuple(v.symbol for v in declaration.variables[:index])
        steps.insert(0, _compiled(pieces, (*earlier, *parameters)))
    return steps, numeric_function(ell, parameters)


def _conditional(
    declaration: Declaration, ell: Expr, index: int
) -> tuple[tuple[_Piece, ...], Expr] | None:
    """Pieces of one variable given the earlier ones, and the log density of the earlier ones."""
    variable = declaration.variables[index]
    earlier = declaration.variables[:index]
    working = replace(
        declaration,
        log_density=ell,
        variables=(variable,),
        domain=Domain(
            (
                *declaration.domain.axes,
                *(Axis(v.symbol, v.lower, v.upper) for v in earlier),
            ),
            declaration.domain.constraints,
        ),
    )
    signs = Signs(working)
    form = normalise(ell, working, signs)
    normal = _normal(form, working, signs)
    if normal is not None:
        return normal
    branches = match_kernels(form, working, signs)
    if branches is None:
        return None
    masses = [log_mass(form, b, working, signs) for b in branches]
    pieces = tuple(
        _Piece(m, b.kernel.name, b.kernel.shapes, b.variable, b.transform)
        for m, b in zip(masses, branches, strict=True)
    )
    total = masses[0]
    if len(masses) > 1:
        total = log(Add(*(exp(m) for m in masses)))
    return pieces, total


def _normal(
    form: Expr, working: Declaration, signs: Signs
) -> tuple[tuple[_Piece, ...], Expr] | None:
    variable = working.variables[0]
    x = variable.symbol
    if variable.lower is not -oo or variable.upper is not oo:
        return None
    moving = Add(*(t for t in Add.make_args(form) if t.has(x)))
    polynomial = moving.as_poly(x)
    if polynomial is None or polynomial.degree() != 2:
        return None
    c2, c1, c0 = (tidy(polynomial.coeff_monomial(x**k)) for k in (2, 1, 0))
    if signs.of(-c2) <= 0:
        return None
    z = Dummy("z", real=True)
    rest = Add(*(t for t in Add.make_args(form) if not t.has(x)))
    total = rest + c0 + tidy(-(c1**2) / (4 * c2)) + normalise(log(-pi / c2), working, signs) / 2
    mean = tidy(-c1 / (2 * c2))
    return (_Piece(Integer(0), "normal", (), z, mean + z / sqrt(tidy(-2 * c2))),), total


def _compiled(pieces: tuple[_Piece, ...], symbols: tuple[Symbol, ...]) -> Any:
    kernels = [p.kernel for p in pieces]
    shapes = [numeric_function(p.shapes, symbols) if p.shapes else None for p in pieces]
    transforms = [numeric_function(p.transform, (p.variable, *symbols)) for p in pieces]
    masses = [numeric_function(p.log_mass, symbols) for p in pieces]

    def step(
        rng: np.random.Generator, count: int, columns: list[Array], theta: tuple[float, ...]
    ) -> Array:
        values = (*columns, *theta)
        drawn = []
        chosen: Array | None = None
        if len(pieces) == 2:
            first, second = (np.broadcast_to(m(*values), (count,)) for m in masses)
            chosen = rng.random(count) < 1 / (1 + np.exp(second - first))
        for kernel, shape, transform in zip(kernels, shapes, transforms, strict=True):
            u = _standard(rng, kernel, () if shape is None else shape(*values), count)
            drawn.append(np.broadcast_to(np.asarray(transform(u, *values), dtype=float), (count,)))
        return drawn[0] if chosen is None else np.where(chosen, drawn[0], drawn[1])

    return step


def _standard(rng: np.random.Generator, kernel: str, shapes: Any, count: int) -> Array:
    if kernel == "normal":
        return rng.standard_normal(count)
    if kernel == "gamma":
        return rng.standard_gamma(np.broadcast_to(shapes[0], (count,)))
    if kernel == "beta":
        return rng.beta(*(np.broadcast_to(s, (count,)) for s in shapes))
    a, b = (rng.standard_gamma(np.broadcast_to(s, (count,))) for s in shapes)
    return a / b
