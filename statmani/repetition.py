"""Independent repetitions of a declared family."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral

from sympy import Add, Expr, Integer, Symbol

from statmani.declaration import Declaration, Variable
from statmani.errors import InvalidArgument

__all__ = ["repeated"]

_MOST_VARIABLES = 4096


def repeated(declaration: Declaration, n: object) -> Declaration:
    """The declaration of n independent observations; see :meth:`statmani.Family.iid`.

    Raises
    ------
    InvalidArgument
        `n` is no integer of at least 1, too large to be written out, or a Symbol in use.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.repetition import repeated
    >>> len(repeated(sm.families.normal().declaration, 3).variables)
    3
    """
    observation = declaration.observation or declaration
    if isinstance(n, Symbol):
        return _symbolic(declaration, observation, n)
    if not isinstance(n, (Integral, Integer)) or isinstance(n, bool) or n < 1:
        raise InvalidArgument(
            f"iid: n must be an integer of at least 1 or a Symbol, got {n!r}. "
            "Pass for example iid(10)."
        )
    total = declaration.repetitions * int(n)
    if not total.is_Integer:
        return replace(declaration, repetitions=total)
    return _written_out(observation, int(total))


def _symbolic(declaration: Declaration, observation: Declaration, n: Symbol) -> Declaration:
    if n.is_integer is False or n.is_positive is False or n.is_real is False:
        raise InvalidArgument(
            f"iid: the symbol {n} cannot be a positive integer by its assumptions. "
            "Use Symbol('n', integer=True, positive=True) or drop the assumptions."
        )
    if any(n == user or n.name == user.name for _, user in declaration.table):
        raise InvalidArgument(
            f"iid: the symbol {n} is used by the family already. Choose another name."
        )
    own = Symbol(f"c{len(declaration.constants)}", integer=True, positive=True)
    return replace(
        observation,
        constants=(*declaration.constants, own),
        table=(*observation.table, (own, n)),
        repetitions=declaration.repetitions * own,
        observation=observation,
    )


def _written_out(observation: Declaration, n: int) -> Declaration:
    if n == 1:
        return observation
    count = len(observation.variables)
    if n * count > _MOST_VARIABLES:
        raise InvalidArgument(
            f"iid: {n} observations of {count} variable(s) are too many to be written out (at most "
            f"{_MOST_VARIABLES} variables). Use a symbolic n, and substitute in the tensors."
        )
    user = dict(observation.table)
    samples = {v.symbol for v in observation.variables}
    table = [pair for pair in observation.table if pair[0] not in samples]
    variables: list[Variable] = []
    densities: list[Expr] = []
    region = []
    for i in range(n):
        names = {
            v.symbol: Symbol(f"x{i * count + k}", **v.symbol.assumptions0)
            for k, v in enumerate(observation.variables)
        }
        for v in observation.variables:
            variables.append(
                Variable(
                    names[v.symbol],
                    v.lower.xreplace(names),
                    v.upper.xreplace(names),
                    v.discrete,
                    v.values,
                )
            )
            table.append((names[v.symbol], Symbol(f"{user[v.symbol].name}_{i + 1}")))
        densities.append(observation.log_density.xreplace(names))
        region += [r.xreplace(names) for r in observation.region]
    return replace(
        observation,
        log_density=Add(*densities),
        variables=tuple(variables),
        region=tuple(region),
        table=tuple(table),
        repetitions=Integer(n),
        observation=observation,
    )
