"""Random samples of a declared density."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sympy import Add, Dummy, Expr, Integer, Symbol, oo

from statmani.declaration import Declaration
from statmani.errors import IntractableExpectation, InvalidArgument, NoConvergence
from statmani.inference.density import (
    log_density_function,
    numeric_function,
    real_values,
    require_constants,
)
from statmani.inference.discrete import countable_table, finite_table
from statmani.inference.inversion import invert
from statmani.inference.likelihood import finite_support
from statmani.inference.rejection import rejection

__all__ = ["Draw", "sample", "sampler"]

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Array]

_MOST_POINTS = 20000
_MASS_TOLERANCE = 1e-5


def sample(
    declaration: Declaration,
    theta: ArrayLike,
    size: int | tuple[int, ...] | None = None,
    rng: np.random.Generator | int | None = None,
) -> NDArray[Any]:
    """Draw from a declared density.

    Densities on the line are inverted numerically (relative error of probabilities about 1e-10),
    finite supports are tabulated, infinite discrete ones inverted with a table and, beyond it, a
    continuous tail; two and three continuous variables use the ratio of uniforms.

    Parameters
    ----------
    declaration : Declaration
        Without open constants.
    theta : array_like of shape (n,)
        Parameters.
    size : int, tuple of int, or None
        Shape of the result; None for one draw.
    rng : numpy.random.Generator, int or None
        Source of randomness, or a seed.

    Returns
    -------
    ndarray of shape size, or size + (m,) for m > 1 sample variables
        Of dtype int64 when every variable is an integer, else float64.

    Raises
    ------
    InvalidArgument
        Wrong shapes, a bad size or rng, or a constant without a value.
    OutsideDomain
        theta is outside the domain.
    IntractableExpectation
        No sampler applies; the message names a remedy.

    Examples
    --------
    >>> from sympy import Symbol, exp, oo, S
    >>> from statmani.declare import declare
    >>> from statmani.inference.sampling import sample
    >>> x, b = Symbol("x", positive=True), Symbol("b", positive=True)
    >>> exponential = declare(b * exp(-b * x), None, x, b, None, None, (), None)
    >>> sample(exponential, [2.0], size=(2, 3), rng=1).shape
    (2, 3)
    """
    require_constants(declaration, "sample")
    point = declaration.external(declaration.domain).require(theta, "theta")
    if point.ndim != 1:
        raise InvalidArgument(
            f"sample: theta must be one point of shape ({declaration.domain.dim},), got shape "
            f"{point.shape}. Call it once per point."
        )
    shape = _shape(size)
    generator = _generator(rng)
    drawn = sampler(declaration, tuple(float(v) for v in point))(
        generator, int(np.prod(shape, dtype=np.int64))
    )
    dimension = len(declaration.variables)
    result = drawn.reshape(shape if dimension == 1 else (*shape, dimension))
    return result.astype(np.int64) if is_integer(declaration) else result


def is_integer(declaration: Declaration) -> bool:
    """Whether every sample variable takes integers only."""
    return all(
        v.discrete and (v.values is None or all(e.is_integer for e in v.values))
        for v in declaration.variables
    )


def _shape(size: int | tuple[int, ...] | None) -> tuple[int, ...]:
    if size is None:
        return ()
    entries = size if isinstance(size, tuple) else (size,)
    for entry in entries:
        if isinstance(entry, bool) or not isinstance(entry, (int, np.integer)) or entry < 0:
            raise InvalidArgument(
                f"sample: size must be a non-negative int or a tuple of them, got {size!r}."
            )
    return tuple(int(e) for e in entries)


def _generator(rng: object) -> np.random.Generator:
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng()
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0:
        return np.random.default_rng(int(rng))
    raise InvalidArgument(
        f"sample: rng must be a numpy Generator, a non-negative int seed or None, got {rng!r}. "
        "Use numpy.random.default_rng(seed)."
    )


@lru_cache(maxsize=256)
def sampler(declaration: Declaration, theta: tuple[float, ...]) -> Draw:
    """A function (rng, count) -> array of shape (count, m), deterministic for an rng state.

    Parameters
    ----------
    declaration : Declaration
        Without open constants.
    theta : tuple of float
        A point inside the domain.

    Raises
    ------
    IntractableExpectation
        No sampler applies; the message names a remedy.
    NoConvergence
        The density is not resolved, or does not integrate to one at this point.
    """
    name = declaration.name or "the density"
    if all(v.discrete for v in declaration.variables):
        return _discrete(declaration, theta, name)
    if any(v.discrete for v in declaration.variables) or (
        declaration.region and (len(declaration.variables) == 1)
    ):
        raise IntractableExpectation(
            f"sample: {name} mixes discrete and continuous variables or has a support that is no "
            "interval; no sampler applies. Pass your own estimates, or draw the variables in turn."
        )
    if len(declaration.variables) == 1:
        return _line(declaration, theta, name)
    if len(declaration.variables) <= 3:
        return rejection(declaration, theta, name)
    raise IntractableExpectation(
        f"sample: {name} has {len(declaration.variables)} continuous variables; the generic "
        "sampler handles at most 3. Declare independent blocks as families of their own."
    )


def _line(declaration: Declaration, theta: tuple[float, ...], name: str) -> Draw:
    from_lower, from_upper, bounds = _line_functions(declaration)
    lower, upper = (float(b) for b in bounds(*theta))
    table = invert(
        lambda x: real_values(from_lower(x, *theta), x),
        lambda x: real_values(from_upper(x, *theta), x),
        lower,
        upper,
        name,
    )
    _check_mass(table.mass, theta, name)
    return lambda rng, count: table(rng.random(count))[:, None]


def _check_mass(mass: float, theta: tuple[float, ...], name: str) -> None:
    if not abs(mass - 1.0) < _MASS_TOLERANCE:
        raise NoConvergence(
            f"sample: {name} has mass {mass:.9g} instead of 1 at theta = {theta}. The density is "
            "not normalised there, or has features that the panels miss."
        )


@lru_cache(maxsize=64)
def _line_functions(declaration: Declaration) -> tuple[Any, Any, Any]:
    variable = declaration.variables[0]
    offset = Dummy("w", real=True) if variable.lower is -oo else Dummy("w", positive=True)
    away = Dummy("w", positive=True)
    low = offset if variable.lower is -oo else variable.lower + offset
    high = away if variable.upper is oo else variable.upper - away
    density, parameters = declaration.log_density, declaration.parameters
    return (
        numeric_function(_moved(density, variable.symbol, low), (offset, *parameters)),
        numeric_function(_moved(density, variable.symbol, high), (away, *parameters)),
        numeric_function((variable.lower, variable.upper), parameters),
    )


def _moved(expression: Expr, symbol: Symbol, value: Expr) -> Expr:
    """Substitute and cancel constants in sums, so that 1 - (1 - w) is w."""
    moved = expression.xreplace({symbol: value})
    if not isinstance(value, Add):
        return moved
    return moved.replace(lambda e: isinstance(e, Add) and e.is_polynomial(), lambda e: e.expand())


def _discrete(declaration: Declaration, theta: tuple[float, ...], name: str) -> Draw:
    function = log_density_function(declaration)

    def log_mass(points: Array) -> Array:
        columns = [points[:, i] for i in range(points.shape[1])]
        return real_values(function(*columns, *theta), points[:, 0])

    points = _support_points(declaration)
    if points is not None:
        return finite_table(points, log_mass, theta, name)
    if len(declaration.variables) > 1:
        raise IntractableExpectation(
            f"sample: {name} has an infinite or very large discrete support in "
            f"{len(declaration.variables)} variables; no sampler applies. "
            "Declare independent blocks as families of their own."
        )
    variable = declaration.variables[0]
    bounds = numeric_function((variable.lower, variable.upper), declaration.parameters)
    lower, upper = (float(b) for b in bounds(*theta))
    return countable_table(log_mass, lower, upper, theta, name)


@lru_cache(maxsize=64)
def _support_points(declaration: Declaration) -> Array | None:
    variable = declaration.variables[0]
    single = len(declaration.variables) == 1 and not declaration.region
    if single and variable.values is None:
        if isinstance(variable.lower, Integer) and isinstance(variable.upper, Integer):
            lower, upper = int(variable.lower), int(variable.upper)
            if upper - lower < 2**20:
                return np.arange(lower, upper + 1, dtype=np.float64)[:, None]
        return None
    points = finite_support(declaration, _MOST_POINTS)
    return None if points is None else np.array(points, dtype=np.float64)
