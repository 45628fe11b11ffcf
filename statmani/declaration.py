"""The frozen data of a declared density; every engine reads only this.

All expressions are in internal symbols (``t0, t1 ...`` parameters, ``x0 ...`` sample,
``c0 ...`` constants) whose assumptions follow from the declared domains. So no engine ever
sees a user's name, and renaming a family's symbols cannot change a result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from sympy import (
    Expr,
    Integer,
    Rational,
    S,
    Symbol,
    srepr,
)
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanTrue

from statmani.domain import Axis, Domain

__all__ = ["Declaration", "Variable"]


@final
@dataclass(frozen=True)
class Variable:
    """One sample variable.

    Attributes
    ----------
    symbol : Symbol
        Internal symbol.
    lower, upper : Expr
        Bounds; they may use earlier variables, parameters and constants. Inclusive when
        discrete.
    discrete : bool
    values : tuple of Expr or None
        The support when it is a finite set that is no range of integers.
    """

    symbol: Symbol
    lower: Expr
    upper: Expr
    discrete: bool = False
    values: tuple[Expr, ...] | None = None


@final
@dataclass(frozen=True)
class Declaration:
    """A declared family in internal symbols.

    Attributes
    ----------
    log_density : Expr
        log p(x; theta), real inside the support.
    variables : tuple of Variable
    domain : Domain
        Over the internal parameters, in order.
    constants : tuple of Symbol
    region : tuple of Relational
        Conditions of the support that are not bounds of a variable.
    table : tuple of (Symbol, Symbol)
        Pairs (internal, user's symbol).
    name : str or None
    repetitions : Expr
        Number of independent observations; tensors are that many times those of `observation`.
    observation : Declaration or None
        One observation, when there are repetitions. With a symbolic number of them, `log_density`
        and `variables` are those of one observation and the number is among `constants`.
    whole : Domain or None
        The domain of the parameters and of those constants that stand for further parameters;
        it supplies admissible values of both.
    """

    log_density: Expr
    variables: tuple[Variable, ...]
    domain: Domain
    constants: tuple[Symbol, ...]
    region: tuple[Relational, ...]
    table: tuple[tuple[Symbol, Symbol], ...]
    name: str | None = None
    repetitions: Expr = S.One
    observation: Declaration | None = None
    whole: Domain | None = None

    @property
    def parameters(self) -> tuple[Symbol, ...]:
        """The internal parameters in order."""
        return self.domain.symbols

    @property
    def key(self) -> str:
        """A hash of the content that does not depend on the user's names."""
        content = [
            srepr(self.log_density),
            *(
                srepr(part)
                for v in self.variables
                for part in (v.symbol, v.lower, v.upper, *(v.values or ()))
            ),
            *(str(v.discrete) for v in self.variables),
            *(srepr(part) for a in self.domain.axes for part in (a.symbol, a.lower, a.upper)),
            *(str(a.periodic) for a in self.domain.axes),
            *(srepr(r) for r in (*self.domain.constraints, *self.region)),
            *(srepr(c) for c in self.constants),
            srepr(self.repetitions),
        ]
        return hashlib.sha256("\n".join(content).encode()).hexdigest()

    def external(self, expression: Any) -> Any:
        """The expression (or Matrix, Domain ...) in the user's symbols."""
        return _replace(expression, dict(self.table))

    def internal(self, expression: Any) -> Any:
        """The expression in internal symbols."""
        return _replace(expression, {user: own for own, user in self.table})

    def sample_values(self) -> dict[Symbol, Expr]:
        """Admissible values for the constants, for numeric checks."""
        values: dict[Symbol, Expr] = {}
        for index, constant in enumerate(self.constants):
            if constant.is_integer:
                values[constant] = Integer(5 + index if not constant.is_negative else -3)
            else:
                value = Rational(7 + 2 * index, 5 + index)
                values[constant] = -value if constant.is_negative else value
        if self.whole is not None:
            inside = zip(self.whole.symbols, self.whole.interior_points(1)[0], strict=True)
            values |= {s: v for s, v in inside if s in values}
        return values

    def substitute(self, values: Mapping[Symbol, Expr]) -> Declaration:
        """The declaration with internal constants or parameters fixed to `values`."""
        table = dict(values)
        fixed = Domain(tuple(a for a in self.domain.axes if a.symbol not in table)).symbols
        axes = tuple(
            Axis(a.symbol, a.lower.xreplace(table), a.upper.xreplace(table), a.periodic)
            for a in self.domain.axes
            if a.symbol in fixed
        )
        constraints = tuple(
            r
            for r in (c.xreplace(table) for c in self.domain.constraints)
            if not isinstance(r, BooleanTrue)
        )
        variables = tuple(
            Variable(
                v.symbol, v.lower.xreplace(table), v.upper.xreplace(table), v.discrete, v.values
            )
            for v in self.variables
        )
        new = {s for e in table.values() for s in e.free_symbols}
        return Declaration(
            self.log_density.xreplace(table),
            variables,
            Domain(axes, constraints),
            tuple(c for c in self.constants if c not in table)
            + tuple(sorted(new - set(self.constants) - set(fixed), key=str)),
            tuple(r.xreplace(table) for r in self.region),
            tuple(pair for pair in self.table if pair[0] not in table),
            self.name,
            self.repetitions.xreplace(table),
            None if self.observation is None else self.observation.substitute(values),
        )


def _replace(expression: Any, table: dict[Symbol, Symbol]) -> Any:
    if isinstance(expression, Domain):
        return expression.subs(table)
    if isinstance(expression, (tuple, list)):
        return type(expression)(_replace(e, table) for e in expression)
    return expression.xreplace(table)
