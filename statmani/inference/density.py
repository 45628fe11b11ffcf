"""Densities as numpy functions."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ive
from sympy import (
    Abs,
    Add,
    Dummy,
    Expr,
    Function,
    Integral,
    Mul,
    Sum,
    Symbol,
    besseli,
    beta,
    binomial,
    exp,
    expand_log,
    factorial,
    gamma,
    lambdify,
    log,
    loggamma,
)

from statmani.declaration import Declaration
from statmani.errors import InvalidArgument
from statmani.expectation.evaluate import Program, new_context
from statmani.zeta import ZetaDerivative

__all__ = [
    "log_density_at",
    "log_density_function",
    "log_gammas",
    "numeric_function",
    "read_data",
    "real_values",
    "require_constants",
]

Array = NDArray[np.float64]


def require_constants(declaration: Declaration, what: str) -> None:
    """Raise InvalidArgument unless every constant of the declaration has a value."""
    if declaration.constants:
        names = ", ".join(str(declaration.external(c)) for c in declaration.constants)
        raise InvalidArgument(
            f"{what}: the constant(s) {names} of the family have no value. "
            "Give them one first: family.fix({symbol: value})."
        )


def real_values(value: Any, like: Array) -> Array:
    """Values as floats in the shape of `like`; complex ones, which are undefined here, as NaN."""
    array = np.asarray(value)
    if np.iscomplexobj(array):
        array = np.where(array.imag == 0, array.real, np.nan)
    return np.broadcast_to(np.asarray(array, dtype=np.float64), like.shape)


def numeric_function(expressions: Any, symbols: tuple[Symbol, ...]) -> Any:
    """A numpy function of the symbols; its argument names are our own."""
    own = {s: Dummy(f"a{i}", real=True) for i, s in enumerate(symbols)}
    # With symbols that are not known to be integers, loggamma stays what it is.
    totals: dict[str, Any] = {"ScaledBesselI": ive}

    def prepared(expression: Expr) -> Expr:
        return _scaled(log_gammas(_with_totals(expression.xreplace(own), totals)))

    if isinstance(expressions, tuple):
        expressions = tuple(prepared(e) for e in expressions)
    else:
        expressions = prepared(expressions)
    modules = [totals, "scipy", "numpy"]
    return lambdify(list(own.values()), expressions, modules, cse=True)


def _with_totals(expression: Expr, functions: dict[str, Any]) -> Expr:
    """Zeta functions, and sums and integrals over symbols of their own, as named functions.

    Those are added to ``functions``; numpy has none.
    """
    nodes = expression.atoms(ZetaDerivative, Sum, Integral)
    inner = {n for m in nodes for n in m.atoms(ZetaDerivative, Sum, Integral) if n != m}
    table: dict[Expr, Expr] = {}
    for node in sorted(nodes - inner, key=str):
        arguments = sorted(node.free_symbols, key=str)
        program = Program([node], [])

        def value(*at: float, program: Program = program, symbols: Any = arguments) -> float:
            point = dict(zip(symbols, at, strict=True))
            return float(program.bind(new_context(20), point)([])[0])

        name = f"total{len(functions)}"
        functions[name] = np.vectorize(value, otypes=[np.float64])
        table[node] = Function(name)(*arguments)
    return expression.xreplace(table)


@lru_cache(maxsize=64)
def log_density_function(declaration: Declaration) -> Any:
    """The log-density as a numpy function of the sample variables, then the parameters."""
    symbols = (*(v.symbol for v in declaration.variables), *declaration.parameters)
    return numeric_function(declaration.log_density, symbols)


def read_data(declaration: Declaration, data: ArrayLike, what: str) -> Array:
    """Data as floats of shape (N, m), checked for shape and finiteness.

    Parameters
    ----------
    declaration : Declaration
    data : array_like of shape (N,) for one sample variable, else (N, m)
    what : str
        Name of the caller for messages.

    Raises
    ------
    InvalidArgument
        Not real numbers, a wrong shape, or an entry that is not finite.
    """
    dimension = len(declaration.variables)
    expected = "(N,)" if dimension == 1 else f"(N, {dimension})"
    try:
        array = np.asarray(data)
        if array.dtype.kind not in "fiub":
            array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise InvalidArgument(
            f"{what}: data must be real numbers in an array of shape {expected}, got "
            f"{type(data).__name__}. Convert them with numpy.asarray(data, dtype=float)."
        ) from None
    array = array.astype(np.float64)
    if array.ndim != (1 if dimension == 1 else 2) or (
        dimension > 1 and array.shape[1] != dimension
    ):
        raise InvalidArgument(
            f"{what}: data must have shape {expected}, got {array.shape}. "
            "Put one observation in each row."
        )
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        raise InvalidArgument(
            f"{what}: data entry {[int(i) for i in bad[0]]} is {array[tuple(bad[0])]}, not a "
            "finite number. Replace or drop it."
        )
    return array.reshape(len(array), dimension)


@lru_cache(maxsize=64)
def _support_tests(declaration: Declaration) -> Any:
    """Expressions that are nonnegative on the support, as one numpy function."""
    tests = []
    for variable in declaration.variables:
        tests += [
            variable.symbol - variable.lower if variable.lower.is_finite is not False else None,
            variable.upper - variable.symbol if variable.upper.is_finite is not False else None,
        ]
    tests += [relation.gts - relation.lts for relation in declaration.region]
    symbols = (*(v.symbol for v in declaration.variables), *declaration.parameters)
    return numeric_function(tuple(t for t in tests if t is not None), symbols)


def log_density_at(declaration: Declaration, theta: ArrayLike, data: ArrayLike) -> Array:
    """Logarithm of the density at one parameter point for each observation.

    Parameters
    ----------
    declaration : Declaration
        Without open constants.
    theta : array_like of shape (n,)
    data : array_like of shape (N,) for one sample variable, else (N, m)

    Returns
    -------
    array of shape (N,)
        Minus infinity outside the support.

    Raises
    ------
    InvalidArgument, OutsideDomain
        Bad data, a bad point, or a constant without a value.

    Examples
    --------
    >>> from sympy import Symbol, exp
    >>> from statmani.declare import declare
    >>> from statmani.inference.density import log_density_at
    >>> x, b = Symbol("x", positive=True), Symbol("b", positive=True)
    >>> exponential = declare(b * exp(-b * x), None, x, b, None, None, (), None)
    >>> log_density_at(exponential, [1.0], [2.0, -1.0]).tolist()
    [-2.0, -inf]
    """
    require_constants(declaration, "log_density_at")
    point = declaration.external(declaration.domain).require(theta, "theta")
    if point.ndim != 1:
        raise InvalidArgument(
            f"log_density_at: theta must be one point of shape ({declaration.domain.dim},), got "
            f"shape {point.shape}. Call it once per point."
        )
    rows = read_data(declaration, data, "log_density_at")
    columns = [rows[:, i] for i in range(rows.shape[1])]
    with np.errstate(all="ignore"):
        values = real_values(log_density_function(declaration)(*columns, *point), rows[:, 0])
        inside = np.ones(len(rows), dtype=np.bool_)
        for test in _support_tests(declaration)(*columns, *point):
            inside &= np.asarray(test) >= 0
        for i, variable in enumerate(declaration.variables):
            if variable.values is not None:
                inside &= np.isin(columns[i], [float(v) for v in variable.values])
            elif variable.discrete:
                inside &= columns[i] == np.rint(columns[i])
    return np.where(inside, values, -np.inf)


def log_gammas(density: Expr) -> Expr:
    """Logarithms of gamma functions, factorials and the like as loggamma, which cannot overflow.

    sympy turns loggamma of an integer back, so the expression should contain no integer symbols.
    """

    def rewritten(argument: Expr) -> Expr:
        head, args = type(argument), argument.args
        if head is gamma:
            return loggamma(args[0])
        if head is factorial:
            return loggamma(args[0] + 1)
        if head is beta and len(args) == 2:
            return loggamma(args[0]) + loggamma(args[1]) - loggamma(args[0] + args[1])
        if head is binomial:
            total, part = args
            return loggamma(total + 1) - loggamma(part + 1) - loggamma(total - part + 1)
        return log(argument)

    return expand_log(density).replace(log, rewritten)


def _scaled(plain: Expr) -> Expr:
    """Bessel functions I with their exponential taken out: they overflow from 714 on."""
    if not plain.has(besseli):
        return plain
    scaled = plain.replace(besseli, lambda n, z: _ScaledBesselI(n, z) * exp(Abs(z)))
    return scaled.replace(
        lambda e: isinstance(e, log) and e.has(_ScaledBesselI), lambda e: _opened(e.args[0])
    )


class _ScaledBesselI(Function):  # type: ignore[misc]
    """exp(-|z|) I_n(z)."""

    def _numpycode(self, printer: object) -> str:
        order, argument = (printer._print(a) for a in self.args)  # type: ignore[attr-defined]
        return f"ScaledBesselI({order}, {argument})"

    _scipycode = _numpycode
    is_positive = True


def _opened(product: Expr) -> Expr:
    parts = []
    for factor in Mul.make_args(product):
        base, power = factor.as_base_exp()
        if isinstance(factor, exp):
            parts.append(factor.args[0])
        else:
            parts.append(power * log(base))
    return Add(*parts)
