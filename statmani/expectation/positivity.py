"""Is the density a positive number on all of the declared domain?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import sympy as sp

from statmani.declaration import Declaration, Variable
from statmani.domain import Axis, Domain
from statmani.errors import IntractableExpectation, InvalidFamily
from statmani.expectation.context import thread_context
from statmani.expectation.evaluate import Program
from statmani.expectation.hyperbolic import in_exponentials
from statmani.expectation.normalise import Signs, normalise
from statmani.expectation.quadrature import check_density

__all__ = ["check_positive", "checked"]

_POINTS = 8
_SAMPLES = 8


def checked(declaration: Declaration) -> Declaration:
    """The declaration, after checking that its density is positive and integrates to one.

    A difference like cosh(z) - sinh(z) loses all its digits; such a density comes back with
    exponentials. Real parts are dropped and absolute values of products opened.

    Raises
    ------
    InvalidFamily
        As :func:`check_positive` and :func:`statmani.expectation.quadrature.check_density`.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> x, a = sp.symbols("x a", positive=True)
    >>> density = 2*sp.sqrt(a/sp.pi)*(sp.cosh(a*x**2) - sp.sinh(a*x**2))
    >>> sm.Family(density, sample=x, parameters=a).log_density.has(sp.cosh)
    False
    """
    density = in_exponentials(_real(declaration.log_density))
    if density != declaration.log_density:
        declaration = replace(declaration, log_density=density)
    check_density(declaration)
    check_positive(declaration)
    return declaration


def _real(expr: sp.Expr) -> sp.Expr:
    """Real parts are the thing itself, and absolute values of products are opened.

    sympy writes them where it does not know that a parameter is real, and cannot differentiate
    what it wrote.
    """
    if not expr.has(sp.Abs, sp.re, sp.im, sp.conjugate):
        return expr

    def opened(argument: sp.Expr) -> sp.Expr:
        if isinstance(argument, sp.Mul):
            return sp.Mul(*(opened(a) for a in argument.args))
        if isinstance(argument, sp.exp):
            return argument
        if isinstance(argument, sp.Pow) and argument.exp.is_real:
            return opened(argument.base) ** argument.exp
        return sp.Abs(argument)

    plain = expr.replace(sp.re, lambda a: a).replace(sp.conjugate, lambda a: a)
    return plain.replace(sp.im, lambda a: sp.Integer(0)).replace(sp.Abs, opened)


def check_positive(declaration: Declaration) -> None:
    """Raise InvalidFamily where log p is no real number.

    Looks at parameters near each end of their ranges and far out, beyond the moderate points at
    which the density is integrated.

    Raises
    ------
    InvalidFamily
        Names the parameters and the sample at which the density is negative or undefined.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> x, p = sp.symbols("x p")
    >>> sm.Family((1 + p*x)/2, sample={x: sp.Interval(-1, 1)}, parameters={p: sp.S.Reals})
    Traceback (most recent call last):
    ...
    statmani.errors.InvalidFamily: density: not a positive real number at x = ..., p = ...
    """
    context, fine = thread_context(20), thread_context(200)
    # Bound to a point at most once per precision: that costs as much as several samples.
    program = Program(
        [declaration.log_density], [variable.symbol for variable in declaration.variables]
    )
    spelled_out: Program | None = None
    domain = declaration.domain.subs(declaration.sample_values())
    points = [
        *domain.interior_points(_POINTS, seed=11, spread=2.5),
        *domain.extreme_points(),
    ]
    for point in points:
        values: dict[sp.Symbol, sp.Expr] = {**declaration.sample_values()}
        values.update(zip(declaration.parameters, point, strict=True))
        bound: dict[int, Callable[[list[Any]], list[Any]] | None] = {}
        for sample in _samples(declaration, values):
            # Far in a tail 1 - F(x) may round to zero: more digits decide.
            if all(_unreal(program, c, values, sample, bound) for c in (context, fine)):
                if spelled_out is None:
                    # Products like exp(big) exp(-big) overflow; their logarithms do not.
                    form = normalise(declaration.log_density, declaration, Signs(declaration))
                    spelled_out = Program([form], program.variables)
                if _unreal(program, fine, values, sample, {}, infinite=False) or all(
                    _unreal(spelled_out, fine, values, place, {})
                    for place in _at_and_beside(declaration, sample)
                ):
                    _refuse(declaration, values, sample)


def _unreal(
    program: Program,
    context: Any,
    values: Mapping[sp.Symbol, sp.Expr],
    sample: tuple[sp.Rational, ...],
    bound: dict[int, Callable[[list[Any]], list[Any]] | None],
    infinite: bool = True,
) -> bool:
    """Whether log p is no real number; ``infinite``: undefined by overflow counts as well."""
    try:
        if context.prec not in bound:
            bound[context.prec] = None
            bound[context.prec] = program.bind(context, values)
        at = bound[context.prec]
        if at is None:
            return True
        (value,) = at([context.mpf(s.p) / s.q for s in sample])
    except IntractableExpectation:
        # A normaliser that is a sum has no value far out; that says nothing about its sign.
        bound[context.prec] = lambda _: [context.mpf(0)]
        return False
    except (ValueError, ZeroDivisionError):  # a pole
        return True
    if context.isnan(value):
        return infinite
    return bool(abs(getattr(value, "imag", 0)) > 1e-9)


def _at_and_beside(
    declaration: Declaration, sample: tuple[sp.Rational, ...]
) -> list[tuple[sp.Rational, ...]]:
    """The sample, and one beside it, where 0/0 at a removable singularity has a value."""
    moves = [0 if v.discrete else sp.Rational(1, 1 << 40) for v in declaration.variables]
    return [sample, tuple(x + m for x, m in zip(sample, moves, strict=True))]


def _samples(
    declaration: Declaration, values: Mapping[sp.Symbol, sp.Expr]
) -> list[tuple[sp.Rational, ...]]:
    table = dict(values)
    if any(v.discrete for v in declaration.variables):
        return _lattice(declaration.variables, table)
    axes = tuple(
        Axis(v.symbol, v.lower.xreplace(table), v.upper.xreplace(table))
        for v in declaration.variables
    )
    region = tuple(r.xreplace(table) for r in declaration.region)
    return Domain(axes, region).interior_points(_SAMPLES, seed=5, spread=1.2)


def _lattice(
    variables: tuple[Variable, ...], table: Mapping[sp.Symbol, sp.Expr]
) -> list[tuple[sp.Rational, ...]]:
    """A few points from both ends of each discrete range; continuous ones at a middle value."""
    found: list[tuple[sp.Rational, ...]] = [()]
    for variable in variables:
        longer: list[tuple[sp.Rational, ...]] = []
        for start in found:
            known = {**table, **dict(zip((v.symbol for v in variables), start, strict=False))}
            low, high = variable.lower.xreplace(known), variable.upper.xreplace(known)
            longer += [(*start, value) for value in _few(variable, low, high)]
        found = longer[:64]
    return found


def _few(variable: Variable, low: sp.Expr, high: sp.Expr) -> list[sp.Rational]:
    if variable.values is not None:
        return [sp.Rational(v) for v in variable.values[:8]]
    if not variable.discrete:
        return [p[0] for p in Domain((Axis(variable.symbol, low, high),)).interior_points(2)]
    if low is -sp.oo:
        low = sp.Integer(-3) if high is sp.oo else high - 4
    last = low + 4 if high is sp.oo else high
    middle = sp.floor((low + last) / 2)
    return sorted({v for v in (low, low + 1, middle, last) if low <= v <= last})


def _refuse(
    declaration: Declaration,
    values: Mapping[sp.Symbol, sp.Expr],
    sample: tuple[sp.Rational, ...],
) -> None:
    pairs = [
        *zip((v.symbol for v in declaration.variables), sample, strict=True),
        *values.items(),
    ]
    place = ", ".join(f"{declaration.external(s)} = {v}" for s, v in pairs)
    raise InvalidFamily(
        f"density: not a positive real number at {place}. "
        "Correct the density, the support or the domain of the parameters."
    )
