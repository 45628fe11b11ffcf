"""Declarations from random variables of ``sympy.stats``."""

from __future__ import annotations

from typing import Any

from sympy import (
    Add,
    Eq,
    Expr,
    FiniteSet,
    Integer,
    Piecewise,
    ProductSet,
    Set,
    Symbol,
    preorder_traversal,
)

from statmani.errors import InvalidFamily

__all__ = ["declaration_arguments"]


def declaration_arguments(rv: Any, parameters: Any) -> dict[str, Any]:
    """Keyword arguments of :class:`statmani.Family` for a random variable.

    Raises
    ------
    InvalidFamily
        `rv` is no random symbol with a density, or its distribution has no free symbol.
    """
    from sympy.stats.rv import RandomSymbol

    distribution = getattr(getattr(rv, "pspace", None), "distribution", None)
    if not isinstance(rv, RandomSymbol) or distribution is None:
        raise InvalidFamily(
            f"from_sympy: {rv!r} is not a random variable with a distribution. Pass the result "
            "of, for example, sympy.stats.Normal('X', mu, sigma); for a function of random "
            "variables, declare its density with Family(...)."
        )
    if parameters is None:
        parameters = tuple(
            dict.fromkeys(
                node
                for argument in distribution.args
                for node in preorder_traversal(argument)
                if isinstance(node, Symbol) and not node.is_integer
            )
        )
        if not parameters:
            raise InvalidFamily(
                f"from_sympy: the distribution of {rv} has no free real symbol, so there is no "
                "parameter. Use Symbols for the parameters."
            )
    support = _support(distribution, rv)
    if isinstance(support, ProductSet):
        sets = list(support.args)
        names = [Symbol(f"{rv.symbol.name}{i + 1}") for i in range(len(sets))]
    else:
        sets = [support]
        names = [Symbol(rv.symbol.name)]
    used = {str(s) for s in parameters}
    names = [Symbol(f"{s.name}_") if s.name in used else s for s in names]
    density, relation = _density(distribution, names)
    if not isinstance(density, Expr):
        raise InvalidFamily(
            f"from_sympy: sympy gives no density of {rv}. Declare it with Family(...)."
        )
    if relation is not None:
        names, sets = names[:-1], sets[:-1]
    return {
        "density": density,
        "sample": dict(zip(names, sets, strict=True)),
        "support": relation,
        "parameters": parameters,
        "name": type(distribution).__name__.removesuffix("Distribution"),
    }


def _density(distribution: Any, names: list[Symbol]) -> tuple[Any, Any]:
    """p at `names`; for vectors of fixed sum, in all but the last and with their condition."""
    kind = type(distribution).__name__
    if kind == "FiniteDistributionHandmade":
        table = dict(distribution.args[0])
        return Piecewise(*((p, Eq(names[0], value)) for value, p in table.items())), None
    probability = getattr(distribution, "pdf", None) or distribution.pmf
    if kind in ("MultinomialDistribution", "MultivariateBetaDistribution"):
        # sympy's support is the whole product set, although the components have a fixed sum.
        whole = distribution.args[0] if kind == "MultinomialDistribution" else Integer(1)
        rest = Add(*names[:-1])
        density = probability(*names[:-1], whole - rest)
        if isinstance(density, Piecewise):
            density = density.args[0][0]
        return density, (rest <= whole if kind == "MultinomialDistribution" else rest < whole)
    return probability(*names), None


def _support(distribution: Any, rv: Any) -> Set:
    support = getattr(distribution, "set", None)
    if isinstance(support, (set, frozenset)):
        return FiniteSet(*support)
    if isinstance(support, Set):
        return support
    whole: Set = rv.pspace.domain.set
    return whole
