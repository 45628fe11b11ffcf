"""What a family says of itself, and the checks of what it is asked."""

from __future__ import annotations

import warnings

from sympy import Expr, Symbol, sympify

from statmani.declaration import Declaration
from statmani.errors import InvalidArgument, StatmaniWarning

__all__ = ["described", "require_expression", "warn_moving_support"]


def described(declaration: Declaration) -> str:
    """Name, parameters and sample with their domains.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.describing import described
    >>> described(sm.families.beta().declaration)
    'beta(a > 0, b > 0) on 0 < x < 1'
    """
    domain = declaration.external(declaration.domain)
    parts = []
    for variable in declaration.variables:
        symbol, lower, upper = (
            declaration.external(e) for e in (variable.symbol, variable.lower, variable.upper)
        )
        if variable.values is not None:
            parts.append(f"{symbol} in {{{', '.join(map(str, variable.values))}}}")
        elif variable.discrete:
            parts.append(f"{symbol} in {{{lower}, ..., {upper}}}")
        elif lower.is_infinite and upper.is_infinite:
            parts.append(f"{symbol} real")
        elif upper.is_infinite:
            parts.append(f"{symbol} > {lower}")
        else:
            parts.append(f"{lower} < {symbol} < {upper}")
    parts += [str(declaration.external(r)) for r in declaration.region]
    return f"{declaration.name or 'Family'}({domain}) on {', '.join(parts)}"


def require_expression(expression: object, sample: tuple[Symbol, ...], what: str) -> Expr:
    """A sympy expression of an argument, never read from text, or InvalidArgument."""
    try:
        found = sympify(expression, strict=True)
    except (TypeError, ValueError):
        found = None
    if not isinstance(found, Expr):
        raise InvalidArgument(
            f"{what}: expected a sympy expression, got {expression!r}. "
            f"Build it from the sample variables {sample}."
        )
    return found


def warn_moving_support(declaration: Declaration) -> None:
    """Warn when the support depends on a parameter."""
    parameters = set(declaration.parameters)
    for variable in declaration.variables:
        moving = (variable.lower.free_symbols | variable.upper.free_symbols) & parameters
        if moving:
            names = ", ".join(sorted(str(declaration.external(s)) for s in moving))
            warnings.warn(
                f"sample: the support of {declaration.external(variable.symbol)} depends on the "
                f"parameter(s) {names}. Differentiation under the integral, and with it the "
                "Fisher metric and the Cramer-Rao bound, hold only if the density vanishes fast "
                "enough at the moving edge; the derivation checks this and refuses otherwise.",
                StatmaniWarning,
                stacklevel=3,
            )
