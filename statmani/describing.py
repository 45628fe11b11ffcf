"""What a family says of itself, and the checks of what it is asked."""

from __future__ import annotations

import warnings
from numbers import Real

from sympy import Expr, MatrixExpr, Symbol, sympify
from sympy.core.function import AppliedUndef
from sympy.logic.boolalg import Boolean

from statmani.declaration import Declaration
from statmani.errors import InvalidArgument, StatmaniWarning

__all__ = [
    "described",
    "require_effort",
    "require_expression",
    "require_functional",
    "warn_moving_support",
]


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
    if isinstance(found, Boolean) and not isinstance(found, Expr):
        raise InvalidArgument(
            f"{what}: {expression} is a condition, not a number. "
            f"For its probability write Piecewise((1, {expression}), (0, True))."
        )
    if not isinstance(found, Expr) or isinstance(found, MatrixExpr):
        raise InvalidArgument(
            f"{what}: expected a sympy expression, got {expression!r}. "
            f"Build it from the sample variables {sample}."
        )
    return found


def require_functional(
    expression: object, sample: tuple[Symbol, ...], what: str, others: tuple[Symbol, ...] = ()
) -> Expr:
    """An expression whose expectation can be taken: of the family's own symbols, all defined."""
    found = require_expression(expression, sample, what)
    _require_own_symbols(found, (*sample, *others), what)
    unknown = sorted(str(f.func) for f in found.atoms(AppliedUndef))
    if unknown:
        raise InvalidArgument(
            f"{what}: the function {unknown[0]} is not defined, so it has no expectation. "
            "Write it out as an expression."
        )
    return found


def _require_own_symbols(expression: Expr, known: tuple[Symbol, ...], what: str) -> None:
    """A symbol of the same name with other assumptions would be taken for a constant."""
    names = {symbol.name: symbol for symbol in known}
    for symbol in sorted(expression.free_symbols - set(known), key=str):
        if symbol.name in names:
            raise InvalidArgument(
                f"{what}: the symbol {symbol} has the name of a symbol of the family but other "
                "assumptions. Take it from family.sample, family.parameters or family.constants."
            )


def require_effort(effort: object, progress: object) -> None:
    """InvalidArgument unless these can bound a derivation and report on it."""
    plain = isinstance(effort, Real) and not isinstance(effort, bool)
    if not plain or not 0 <= float(effort) < float("inf"):  # type: ignore[arg-type]
        raise InvalidArgument(
            f"effort: expected a finite number of at least 0, got {effort!r}. "
            "Leave it out, or pass for example 2 for twice the time."
        )
    if progress is not None and not callable(progress):
        raise InvalidArgument(
            f"progress: expected a function of one text, got {progress!r}. Pass for example print."
        )


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
