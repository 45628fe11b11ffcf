"""Whether E[f] converges: the power with which p |f| falls towards each end of the sample."""

from __future__ import annotations

import sympy as sp

from statmani.declaration import Declaration
from statmani.expectation.evaluate import Program, new_context
from statmani.expectation.nodes import charts_of, clean, without_max
from statmani.expectation.sums import Point

__all__ = ["converges"]

# Logs of the distances to the end between which the power is measured: log factors bend it by
# 1/400 far out; where a double exponential overflows, closer in.
_DISTANCES = ((400, 800), (10, 12))
_LEAST = 0.02


def converges(declaration: Declaration, function: sp.Expr, values: Point) -> bool:
    """Whether the integral (or sum) of p |f| over a one-dimensional sample converges at a point.

    The density is assumed to be bounded away from the ends. With several variables nothing is
    checked and the answer is True.

    Parameters
    ----------
    declaration : Declaration
    function : Expr
        In internal symbols.
    values : mapping
        Values of all parameters, constants and other symbols.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.expectation.tails import converges
    >>> cauchy = sm.families.cauchy().declaration
    >>> at = dict(zip(cauchy.parameters, (0, 1)))
    >>> x = cauchy.variables[0].symbol
    >>> converges(cauchy, x, at), converges(cauchy, abs(x)**0.5, at)
    (False, True)
    """
    if len(declaration.variables) != 1 or declaration.variables[0].values is not None:
        return True
    variable = declaration.variables[0]
    point = {**declaration.sample_values(), **values}
    log_size = sp.log(sp.Abs(function))
    outputs = (without_max(declaration.log_density), log_size)
    if variable.discrete:
        ends = [
            (sign * variable.symbol, True)
            for sign, end in ((1, variable.upper), (-1, variable.lower))
            if end.is_infinite
        ]
        return all(
            _falls(Program([e.xreplace({variable.symbol: side}) for e in outputs],
                           [variable.symbol]), point, 1)
            for side, _ in ends
        )  # fmt: skip
    for (axis,) in charts_of(declaration, (variable,)):
        moved = [clean(e.xreplace({axis.symbol: axis.sample})) for e in outputs]
        directions = {"line": ((1, 1), (-1, 1)), "half": ((1, 1), (1, -1)), "finite": ((1, -1),)}
        for side, far in directions[axis.kind]:
            sides = moved if side > 0 else [e.xreplace({axis.z: -axis.z}) for e in moved]
            if not _falls(Program(sides, [axis.z]), point, far):
                return False
    return True


def _falls(program: Program, point: Point, far: int) -> bool:
    """Whether z p |f| falls like a power of z as z goes to infinity (far = 1) or to zero (-1)."""
    context = new_context(800)
    at = program.bind(context, point)
    for distances in _DISTANCES:
        levels = []
        for distance in distances:
            z = context.exp(far * distance)
            try:
                log_p, log_size = at([context.floor(z) if far > 0 else z])
            except (OverflowError, ValueError, ZeroDivisionError):
                break
            levels.append(context.re(log_p) + context.re(log_size) + far * distance)
        if len(levels) < 2:
            continue
        if levels[1] == -context.inf:
            return True
        if all(context.isfinite(v) for v in levels):
            return bool(levels[1] - levels[0] < -_LEAST * (distances[1] - distances[0]))
    return False
