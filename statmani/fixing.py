"""Fixing constants and parameters of a declaration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Expr, Symbol, nan, oo, sympify, zoo

from statmani.declaration import Declaration
from statmani.errors import InvalidArgument
from statmani.repetition import repeated

__all__ = ["fixed"]


def fixed(declaration: Declaration, values: Mapping[Symbol, Any]) -> Declaration:
    """The declaration with user's symbols fixed; see :meth:`statmani.Family.fix`."""
    if not isinstance(values, Mapping):
        raise InvalidArgument(
            f"fix: expected a mapping Symbol -> value, got {values!r}. Write for example {{n: 5}}."
        )
    known = {user: own for own, user in declaration.table}
    table: dict[Symbol, Expr] = {}
    for symbol, value in values.items():
        own = known.get(symbol)
        if own is None or own not in (*declaration.parameters, *declaration.constants):
            known_names = (*declaration.parameters, *declaration.constants)
            names = ", ".join(str(declaration.external(s)) for s in known_names)
            raise InvalidArgument(
                f"fix: {symbol} is neither a parameter nor a constant of the family. "
                f"Use one of: {names}."
            )
        try:
            number = sympify(value, strict=True)
        except (TypeError, ValueError):
            raise InvalidArgument(
                f"fix: the value {value!r} of {symbol} is not a number or sympy expression. "
                "Pass for example an int, a Rational or a Symbol."
            ) from None
        if number.has(nan, zoo, oo, -oo):
            raise InvalidArgument(
                f"fix: the value {value} of {symbol} is not finite. Choose a finite value."
            )
        number = declaration.internal(number)
        if own.is_integer and number.is_integer is False:
            raise InvalidArgument(f"fix: {symbol} is an integer, got {value}. Pass an integer.")
        if own.is_positive and number.is_positive is False and own in declaration.constants:
            raise InvalidArgument(f"fix: {symbol} is positive, got {value}. Pass a positive value.")
        table[own] = number
    if all(p in table for p in declaration.parameters):
        raise InvalidArgument("fix: no parameter would be left. Keep at least one parameter free.")
    _check_fixed_parameters(declaration, table)
    result = declaration.substitute(table)
    if result.observation is None or declaration.repetitions == result.repetitions:
        return result
    # The number of observations has a value now; they can be written out.
    return repeated(result.observation, _count(result.repetitions))


def _count(repetitions: Expr) -> Expr:
    return int(repetitions) if repetitions.is_Integer else repetitions


def _check_fixed_parameters(declaration: Declaration, table: Mapping[Symbol, Expr]) -> None:
    for axis in declaration.domain.axes:
        value = table.get(axis.symbol)
        if value is None or not value.is_number:
            continue
        low, high = axis.lower.xreplace(dict(table)), axis.upper.xreplace(dict(table))
        if (value - low).is_nonpositive or (high - value).is_nonpositive:
            raise InvalidArgument(
                f"fix: {declaration.external(axis.symbol)} = {value} lies outside its domain "
                f"{declaration.external(low)} < {declaration.external(axis.symbol)} < "
                f"{declaration.external(high)}. Choose a value inside."
            )
