"""Closed forms of users' own expectations E_theta[f], with conditions and a certificate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import sympy as sp

from statmani.declaration import Declaration
from statmani.domain import Axis, Domain
from statmani.errors import CertificateError, IntractableExpectation, InvalidArgument
from statmani.expectation.certificate import Certificate, Check
from statmani.expectation.closed_moments import closed_form
from statmani.expectation.context import thread_context
from statmani.expectation.deltas import split_deltas
from statmani.expectation.engine import Closed
from statmani.expectation.evaluate import Program
from statmani.expectation.expectation import Expectation, unevaluated
from statmani.expectation.further import varied
from statmani.expectation.nodes import without_max
from statmani.expectation.numeric_moments import numeric_mean
from statmani.expectation.open_forms import OPEN
from statmani.expectation.plain import generating_bases, in_plain_forms
from statmani.expectation.reflection import SYMMETRY, mean_is_zero
from statmani.expectation.tails import converges
from statmani.expectation.together import Together
from statmani.signs import Bounded, is_positive_on

__all__ = ["Moment", "expect", "moment"]

# Extra symbols are analytic parameters; closed forms are sought and checked next to zero.
_NARROW = sp.Rational(1, 20)


@dataclass(frozen=True)
class Moment:
    """The closed form of an expectation.

    Attributes
    ----------
    value : Expr
        E[f]; valid where all conditions hold.
    conditions : tuple of relational
        Where the expectation converges, as far as that does not follow from the domain.
    certificate : Certificate
        The strategy, and the comparison with quadrature of the definition.
    """

    value: sp.Expr
    conditions: tuple[sp.Basic, ...]
    certificate: Certificate

    def __str__(self) -> str:
        lines = [str(self.value)]
        if self.conditions:
            lines.append("  where " + ", ".join(map(str, self.conditions)))
        return "\n".join([*lines, str(self.certificate)])

    __repr__ = __str__


def expect(declaration: Declaration, expr: sp.Expr, *, effort: float = 1.0) -> sp.Expr:
    """E[expr] in closed form; see :func:`moment`.

    Returns
    -------
    Expr
        Where convergence is a condition on the parameters, a Piecewise whose other branch is oo
        (a nonnegative single power) or nan (infinite or not existing).
    """
    found = moment(declaration, expr, effort=effort)
    external = set(declaration.external(list(declaration.parameters)))
    needed = [c for c in found.conditions if c.free_symbols and c.free_symbols <= external]
    if not needed:
        return declaration.internal(found.value)
    beyond = sp.oo if found.certificate.notes == (_INFINITE,) else sp.nan
    return declaration.internal(sp.Piecewise((found.value, sp.And(*needed)), (beyond, True)))


_INFINITE = "infinite where a condition fails"
_SOMEWHERE = "the expectation does not converge at every point of the domain"


def moment(
    declaration: Declaration,
    expr: sp.Expr,
    *,
    effort: float = 1.0,
    axes: Sequence[Axis] = (),
) -> Moment:
    """E[expr] in closed form, compared with quadrature of its definition at two points.

    Parameters
    ----------
    declaration : Declaration
    expr : Expr
        In internal symbols. Symbols that the declaration does not know are real constants with
        the assumptions that they carry.
    effort : float
        Scales the time that integration as a last resort may take (4 s at 1).
    axes : sequence of Axis
        Domains of further symbols of ``expr``, such as a second set of parameters; then only a
        closed form is returned.

    Returns
    -------
    Moment

    Raises
    ------
    InvalidArgument
        ``expr`` is not real.
    IntractableExpectation
        The expectation does not exist, or cannot be checked numerically.
    CertificateError
        The closed form disagrees with quadrature.
    """
    expr = sp.sympify(expr, strict=True)
    if expr.has(sp.Derivative):
        expr = expr.doit()
    if expr.has(sp.I, sp.nan, sp.zoo):
        raise InvalidArgument(
            f"expect: {declaration.external(expr)} is not a real function of the sample. "
            "Take real and imaginary parts apart."
        )
    expr = in_plain_forms(expr, declaration)
    if (series := _generating(declaration, expr, effort, axes)) is not None:
        return series
    working, inner, back = _with_extras(declaration, expr, axes)
    samples = {v.symbol for v in declaration.variables}
    peaks, inner = split_deltas(working, inner)

    def external(value: sp.Expr) -> sp.Expr:
        result: sp.Expr = declaration.external(value.xreplace(back))
        return result

    if not inner.free_symbols & samples:
        empty = Certificate((("E[f]", "free of the sample"),), (), (), ())
        return Moment(external(peaks + inner), (), empty)
    if declaration.observation is not None and len(declaration.variables) > len(
        declaration.observation.variables
    ):
        return _of_repetitions(declaration, declaration.observation, expr, effort, axes)
    found = closed_form(declaration, working, inner, effort)
    if found is None:
        if not _converges_somewhere(working, inner):
            raise _diverges(declaration, expr, "every point tried")
        if axes:
            raise _without_closed_form(declaration, expr, effort)
        return _unevaluated(declaration, working, inner, peaks, external)
    if found.value.has(sp.nan, sp.zoo, sp.oo):
        raise _diverges(declaration, expr, "every point")
    box: tuple[Bounded, ...] = working.domain.axes
    narrow = set(working.parameters) - set(declaration.parameters) - {a.symbol for a in axes}
    conditions = [
        c for c in found.conditions if c.free_symbols & narrow or not is_positive_on(c, box)
    ]
    try:
        certificate = _certify(declaration, working, inner, found, conditions, external)
    except CertificateError:
        if found.strategy != "sympy.integrate":
            raise
        # A wrong integral of another program is no closed form, and no defect of ours.
        if axes:
            raise _without_closed_form(declaration, expr, effort) from None
        return _unevaluated(declaration, working, inner, peaks, external)
    return Moment(
        external(found.value + peaks),
        tuple(external(c) > 0 for c in dict.fromkeys(conditions)),
        certificate,
    )


def _generating(
    declaration: Declaration, expr: sp.Expr, effort: float, axes: Sequence[Axis]
) -> Moment | None:
    """The moment of powers s^k of any sign from exp(t k), at t = log s; None when that fails."""
    series, bases = generating_bases(expr, declaration)
    if not bases or series.free_symbols & set(bases.values()):
        return None
    try:
        found = moment(declaration, series, effort=effort, axes=axes)
    except (IntractableExpectation, CertificateError):
        return None
    value = found.value.subs({t: sp.log(base) for t, base in bases.items()})
    size = {t: sp.log(sp.Abs(base)) for t, base in bases.items()}
    conditions = [c.subs(size) for c in found.conditions]
    if value.has(Expectation, sp.I, *(sp.log(base) for base in bases.values())):
        return None
    if sp.false in conditions:
        raise _diverges(declaration, expr, "every point")
    box: tuple[Bounded, ...] = declaration.domain.axes
    open_ones = [c for c in conditions if c != sp.true]
    needed = (c for c in open_ones if not is_positive_on(declaration.internal(c.lhs), box))
    return Moment(value, tuple(needed), found.certificate)


def _unevaluated(
    declaration: Declaration,
    working: Declaration,
    expr: sp.Expr,
    peaks: sp.Expr,
    external: Callable[[sp.Expr], sp.Expr],
) -> Moment:
    """E[expr] as an unevaluated expectation, by symmetry zero, with a numeric check."""
    law = _with_constants(declaration, working)
    reflected = mean_is_zero(working, without_max(working.log_density), expr)
    value = sp.Integer(0) if reflected else unevaluated(law, expr)
    strategy = SYMMETRY if reflected else OPEN
    certificate = _certify(
        declaration, working, expr, Closed(value, (), strategy), (), external, partial=True
    )
    return Moment(external(value + peaks), (), certificate)


def _with_constants(declaration: Declaration, working: Declaration) -> Declaration:
    """The declaration, with further symbols as constants that may take any value."""
    known = {*declaration.parameters, *declaration.constants}
    further = (*working.parameters, *working.constants)
    return replace(
        declaration,
        constants=(*declaration.constants, *(s for s in further if s not in known)),
    )


def _of_repetitions(
    declaration: Declaration,
    one: Declaration,
    expr: sp.Expr,
    effort: float,
    axes: Sequence[Axis],
) -> Moment:
    """Sums of products of functions of one observation each."""
    size = len(one.variables)
    owner = {v.symbol: i // size for i, v in enumerate(declaration.variables)}
    back = {v.symbol: one.variables[i % size].symbol for i, v in enumerate(declaration.variables)}
    total: sp.Expr = sp.Integer(0)
    conditions: list[sp.Basic] = []
    checks: list[Check] = []
    for term in sp.Add.make_args(sp.expand(expr)):
        factors: dict[int, sp.Expr] = {}
        for factor in sp.Mul.make_args(term):
            owners = {owner[s] for s in factor.free_symbols if s in owner}
            if len(owners) > 1:
                raise _without_closed_form(declaration, expr, effort)
            number = owners.pop() if owners else -1
            factors[number] = factors.get(number, sp.Integer(1)) * factor
        product = declaration.external(factors.pop(-1, sp.Integer(1)))
        for factor in factors.values():
            part = moment(one, factor.xreplace(back), effort=effort, axes=axes)
            product *= part.value
            conditions += part.conditions
            checks += part.certificate.checks
        total += product
    certificate = Certificate(
        (("E[f]", "products over independent observations"),), (), (), tuple(checks)
    )
    return Moment(total, tuple(dict.fromkeys(conditions)), certificate)


def _without_closed_form(
    declaration: Declaration, expr: sp.Expr, effort: float
) -> IntractableExpectation:
    return IntractableExpectation(
        f"E[{declaration.external(expr)}]: no closed form found. Tried: moments of sufficient "
        "statistics, Gaussian moments, canonical kernels, finite sums; sympy.integrate for "
        f"{4.0 * effort:g} s. Raise `effort`, or evaluate it numerically."
    )


def _diverges(declaration: Declaration, expr: sp.Expr, place: str) -> IntractableExpectation:
    return IntractableExpectation(
        f"E[{declaration.external(expr)}]: does not converge at {place}; it is infinite or does "
        "not exist there. Restrict the domain of the parameters."
    )


def _converges_somewhere(working: Declaration, expr: sp.Expr) -> bool:
    points = working.domain.interior_points(6, seed=3)
    return any(
        converges(working, expr, dict(zip(working.parameters, point, strict=True)))
        for point in points
    )


def _with_extras(
    declaration: Declaration, expr: sp.Expr, axes: Sequence[Axis]
) -> tuple[Declaration, sp.Expr, dict[sp.Symbol, sp.Symbol]]:
    """A declaration that knows the further symbols of expr: as narrow axes, or as constants."""
    known = {v.symbol for v in declaration.variables} | set(declaration.parameters)
    known |= set(declaration.constants) | {a.symbol for a in axes}
    switches = (
        sp.Abs, sp.sign, sp.Heaviside, sp.Max, sp.Min, sp.Piecewise, sp.core.relational.Relational,
        sp.floor, sp.ceiling,
    )  # fmt: skip
    fixed = set().union(*(a.free_symbols for a in expr.atoms(*switches)))
    # A characteristic function is tested far from zero, where a wrong branch would show.
    waves = {w: sp.Dummy() for w in expr.atoms(sp.sin, sp.cos)}
    analytic = expr.xreplace(waves).free_symbols
    table: dict[sp.Symbol, sp.Symbol] = {}
    extra_axes, constants = list(axes), list(declaration.constants)
    for index, symbol in enumerate(sorted(expr.free_symbols - known, key=sp.default_sort_key)):
        if symbol.is_real is False:
            raise InvalidArgument(
                f"expect: the symbol {symbol} is not real. Drop the assumption or rename it."
            )
        facts = {
            fact: True
            for fact in ("integer", "positive", "negative", "nonnegative", "nonpositive", "nonzero")
            if symbol.assumptions0.get(fact)
        }
        own = table[symbol] = sp.Symbol(f"e{index}", real=True, **facts)
        if symbol in fixed or symbol.is_integer:
            constants.append(own)
        else:
            width = sp.Integer(3) if symbol not in analytic else _NARROW
            low = sp.Integer(0) if symbol.is_nonnegative else -width
            high = sp.Integer(0) if symbol.is_nonpositive else width
            extra_axes.append(Axis(own, low, high))
    domain = declaration.domain
    working = Declaration(
        declaration.log_density,
        declaration.variables,
        Domain((*domain.axes, *extra_axes), domain.constraints),
        tuple(constants),
        declaration.region,
        declaration.table,
        declaration.name,
    )
    return working, expr.xreplace(table), {own: user for user, own in table.items()}


def _trial_points(working: Declaration) -> Iterator[tuple[sp.Rational, ...]]:
    """Moderate points, then wider ones, for conditions that hold far out only."""
    yield from working.domain.interior_points(24, seed=3)
    yield from working.domain.interior_points(40, seed=4, spread=2.0)


def _certify(
    declaration: Declaration,
    working: Declaration,
    expr: sp.Expr,
    found: Closed,
    conditions: Sequence[sp.Expr],
    external: Callable[[sp.Expr], sp.Expr],
    *,
    partial: bool = False,
) -> Certificate:
    """Compare with quadrature at two points where the conditions hold.

    With ``partial`` points where the expectation does not converge are left out and noted.
    """
    closed, holds = Together([found.value]), Program(conditions, [])
    beyond = False
    used: list[tuple[tuple[sp.Symbol, sp.Expr], ...]] = []
    checks: list[Check] = []
    place = "every point"
    needed = 4 if len(working.constants) > len(declaration.constants) else 2
    context = thread_context(30)
    for trial, point in enumerate(_trial_points(working)):
        values: dict[sp.Symbol, sp.Expr] = {**working.sample_values()}
        values.update(varied(declaration, working, trial))
        values.update(zip(working.parameters, point, strict=True))
        allowed = all(c.imag == 0 and c.real > 0 for c in holds.bind(context, values)([]))
        place = ", ".join(f"{external(t)} = {v}" for t, v in values.items())
        if not allowed or not converges(working, expr, values):
            if not conditions and not partial:
                raise _diverges(declaration, external(expr), place)
            beyond = True
            continue
        number, size, error = numeric_mean(working, expr, values)
        (here,), own_error = closed.at(values)
        error = max(error, own_error)
        if not error < 1e-3:
            if not conditions and not partial:
                raise _diverges(declaration, external(expr), place)
            beyond = True
            continue
        tolerance = max(1e-8, 100 * error)
        residual = float(abs(here - number)) / max(size, 1e-300)
        if not residual <= tolerance:
            raise CertificateError(
                f"certificate: E[{external(expr)}] was derived as {float(here.real):.15g} but "
                f"quadrature gives {number:.15g} at {place}. This is a defect of the derivation; "
                "please report it."
            )
        checks.append(Check("E[f]", len(used), residual, tolerance))
        used.append(tuple((external(t), v) for t, v in values.items()))
        if len(used) == needed:
            break
    if not used:
        raise _diverges(declaration, external(expr), place)
    notes = (_INFINITE,) if found.nonnegative and conditions else ()
    if partial and beyond:
        notes = (_SOMEWHERE,)
    return Certificate(
        (("E[f]", found.strategy),), tuple(used), (15,) * len(used), tuple(checks), notes
    )
