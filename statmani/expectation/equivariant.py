"""Location and scale families whose base density no strategy integrates.

When x -> m + c x carries the family into itself with the location m and the scale tau, the law
of z = (x - m) / tau is free of both, and (Lehmann and Casella 1998, section 3.1)

    g_ij = tau^-a sigma^-b C_ij,   T_ijk = tau^-a sigma^-b C_ijk,

where a counts the index of the location and b that of a scale sigma = tau^c. The constants C are
integrals free of parameters: they are identified from 80 digits, or stay unevaluated as numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import sympy as sp

from statmani.declaration import Declaration
from statmani.derivatives import derivative
from statmani.errors import StatmaniError
from statmani.expectation.context import thread_context
from statmani.expectation.evaluate import Program
from statmani.expectation.expectation import Expectation, unevaluated
from statmani.expectation.identify import CHECKED, SEARCHED, identify
from statmani.expectation.normalise import Signs, expand_shallow, normalise, sample_points
from statmani.expectation.quadrature import Integrator
from statmani.expectation.tidy import is_zero

__all__ = ["IDENTIFIED", "Orbit", "identified_mean", "orbit_entries", "orbit_of"]

Index = tuple[int, ...]

#: Strategy of an entry whose constant was recognised from its digits.
IDENTIFIED = (
    f"location and scale, constants identified from {SEARCHED} digits and compared to {CHECKED}, "
    "not proved"
)
_SYMMETRY = "location and scale, zero by symmetry"
_NUMBER = "location and scale, constants as unevaluated expectations"


@final
@dataclass(frozen=True)
class Orbit:
    """How location and scale act on a family.

    Attributes
    ----------
    location, scale : Symbol or None
        Parameters.
    tau : Expr
        The scale of the sample; a power or an exponential of ``scale``.
    unit : Expr
        Value of ``scale`` where tau = 1.
    base : Declaration
        The density of z = (x - location) / tau.
    """

    location: sp.Symbol | None
    scale: sp.Symbol | None
    tau: sp.Expr
    unit: sp.Expr
    base: Declaration

    @property
    def origin(self) -> dict[sp.Symbol, sp.Expr]:
        """Values of location and scale at the base density."""
        values: dict[sp.Symbol, sp.Expr] = {}
        if self.location is not None:
            values[self.location] = sp.Integer(0)
        if self.scale is not None:
            values[self.scale] = self.unit
        return values

    def factor(self, indices: Sequence[sp.Symbol]) -> sp.Expr:
        """What multiplies the constant of an entry."""
        result: sp.Expr = sp.Integer(1)
        for symbol in indices:
            if symbol == self.location:
                result /= self.tau
            elif symbol == self.scale and self.unit == 1:
                result /= symbol
        return result


def orbit_of(declaration: Declaration) -> Orbit | None:
    """The action, when location and scale are all the parameters and there are no constants.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.expectation.equivariant import orbit_of
    >>> orbit = orbit_of(sm.families.logistic().declaration)
    >>> orbit.location, orbit.tau, orbit.base.domain.dim
    (t0, t1, 0)
    """
    if len(declaration.variables) != 1 or declaration.constants or declaration.region:
        return None
    variable, parameters = declaration.variables[0], declaration.parameters
    if variable.discrete or len(parameters) > 2 or declaration.domain.constraints:
        return None
    whole = variable.lower is -sp.oo and variable.upper is sp.oo
    half = (variable.lower, variable.upper) in ((0, sp.oo), (-sp.oo, 0))
    if not (whole or half):
        return None
    x, ell = variable.symbol, declaration.log_density
    points = sample_points(declaration)
    slope = derivative(ell, x)
    axes = {a.symbol: a for a in declaration.domain.axes if not a.periodic}

    def is_line(symbol: sp.Symbol) -> bool:
        return symbol in axes and axes[symbol].lower is -sp.oo and axes[symbol].upper is sp.oo

    location = next(
        (
            p
            for p in parameters
            if whole and is_line(p) and is_zero(slope + derivative(ell, p), points)
        ),
        None,
    )
    rest = [p for p in parameters if p != location]
    if len(rest) > 1 or (not rest and location is None):
        return None
    scale, tau, unit = (rest[0] if rest else None), sp.Integer(1), sp.Integer(1)
    if scale is not None:
        centred = 1 + (x - location if location is not None else x) * slope
        linear = is_line(scale)
        if not linear and (
            scale not in axes or axes[scale].lower != 0 or axes[scale].upper is not sp.oo
        ):
            return None
        generator = derivative(ell, scale) * (1 if linear else scale)
        weight = _weight(centred, generator, points)
        if weight is None:
            return None
        tau = sp.exp(scale / weight) if linear else scale ** (1 / weight)
        unit = sp.Integer(0) if linear else sp.Integer(1)
    origin = {s: v for s, v in ((location, sp.Integer(0)), (scale, unit)) if s is not None}
    return Orbit(location, scale, tau, unit, declaration.substitute(origin))


def _weight(
    centred: sp.Expr, generator: sp.Expr, points: list[dict[sp.Symbol, sp.Expr]]
) -> sp.Rational | None:
    """The rational c with centred + c generator = 0 everywhere."""
    context = thread_context(30)
    a, b = Program([centred, generator], []).bind(context, points[0])([])
    if not (context.isfinite(a) and context.isfinite(b)) or a == 0 or b == 0:
        return None
    ratio = -a / b
    for q in range(1, 7):
        p = context.nint(ratio.real * q)
        if p != 0 and abs(p) <= 12 and abs(ratio * q - p) < context.mpf(10) ** -20:
            weight = sp.Rational(int(p), q)
            return weight if is_zero(centred + weight * generator, points) else None
    return None


def orbit_entries(
    declaration: Declaration, entries: Sequence[Index], report: Callable[[str], None]
) -> dict[Index, tuple[sp.Expr, str]]:
    """Entries of g and T by location and scale, each with its strategy; empty when that fails."""
    orbit = orbit_of(declaration)
    if orbit is None:
        return {}
    ell, parameters = declaration.log_density, declaration.parameters
    scores = [derivative(ell, p).xreplace(orbit.origin) for p in parameters]
    if any(s.has(sp.zoo, sp.nan) for s in scores):
        return {}
    report("location and scale")
    constants = _constants(orbit.base, [sp.Mul(*(scores[i] for i in e)) for e in entries])
    report("constants")
    return {
        entry: (
            orbit.factor([parameters[i] for i in entry]) * c,
            _NUMBER if c.has(Expectation) else _SYMMETRY if c == 0 else IDENTIFIED,
        )
        for entry, c in zip(entries, constants, strict=True)
    }


def _constants(base: Declaration, functions: Sequence[sp.Expr]) -> list[sp.Expr]:
    """E[f] under a density without parameters: zero by symmetry, identified, or unevaluated."""
    odd = [_is_odd(base, f) for f in functions]
    numbers = _numbers(base, [f for f, zero in zip(functions, odd, strict=True) if not zero])
    scales = _scales(base)
    results: list[sp.Expr] = []
    remaining = iter(numbers)
    for function, zero in zip(functions, odd, strict=True):
        number = None if zero else next(remaining)
        found = sp.Integer(0) if zero else None if number is None else identify(number, scales)
        results.append(unevaluated(base, function) if found is None else found)
    return results


def _is_odd(base: Declaration, function: sp.Expr) -> bool:
    variable = base.variables[0]
    x = variable.symbol
    if variable.lower is not -sp.oo or variable.upper is not sp.oo:
        return False
    mirrored = {x: -x}
    points = sample_points(base)
    return is_zero(base.log_density - base.log_density.xreplace(mirrored), points) and is_zero(
        function + function.xreplace(mirrored), points
    )


def _numbers(base: Declaration, functions: Sequence[sp.Expr]) -> list[Any]:
    """Values that are right to all digits that identification compares; None where they are not."""
    if base.log_density.has(sp.Float):
        return [None] * len(functions)
    found = Integrator(base, functions).precise({}, CHECKED + 5)
    # The error of the fine sum is about the square of the change between two steps.
    if found is None or not found[1] < 10.0 ** -(CHECKED // 2 + 2):
        return [None] * len(functions)
    values, _ = found
    if not abs(values[0] - 1) < 10.0 ** -(CHECKED - 5):
        return [None] * len(functions)
    return list(values[1:])


def _scales(base: Declaration) -> list[sp.Expr]:
    """The normaliser of the base density, which divides its integrals."""
    x = base.variables[0].symbol
    ell = normalise(base.log_density, base, Signs(base))
    free = [t for t in sp.Add.make_args(ell) if not t.has(x)]
    constant = sp.powsimp(sp.exp(sp.Add(*free)).doit())
    constant = sp.Mul(*(f for f in sp.Mul.make_args(constant) if not f.is_Rational))
    return [] if constant == 1 else [constant]


def identified_mean(declaration: Declaration, function: sp.Expr) -> sp.Expr | None:
    """E[f] as a sum of identified constants with factors of the parameters, or None."""
    orbit = orbit_of(declaration)
    if orbit is None:
        return None
    x = declaration.variables[0].symbol
    shift = sp.Integer(0) if orbit.location is None else orbit.location
    moved = function.xreplace({x: shift + orbit.tau * x})
    opened = expand_shallow(normalise(moved, declaration, Signs(declaration)))
    total: sp.Expr = sp.Integer(0)
    parts: dict[sp.Expr, sp.Expr] = {}
    for term in sp.Add.make_args(opened):
        factor, rest = term.as_independent(x, as_Add=False)
        if rest == 1:
            total += factor
        else:
            parts[rest] = parts.get(rest, sp.Integer(0)) + factor
    if any(rest.free_symbols - {x} for rest in parts):
        return None
    try:
        constants = _constants(orbit.base, list(parts))
    except StatmaniError:
        return None
    if any(c.has(Expectation) for c in constants):
        return None
    return sp.Add(total, *(f * c for f, c in zip(parts.values(), constants, strict=True)))
