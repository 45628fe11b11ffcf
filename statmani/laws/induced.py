"""Families made from others: of a statistic, of transformed and of joint samples."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sympy as sp

from statmani.declaration import Declaration, Variable
from statmani.declare import declare
from statmani.domain import Domain
from statmani.errors import InvalidArgument, StatmaniWarning
from statmani.expectation.positivity import checked
from statmani.expectation.store import derive_or_load
from statmani.geometry.manifold import StatisticalManifold

__all__ = ["declared", "joint", "manifold_of", "read_family", "transformed"]


def read_family(family: object, what: str) -> Declaration:
    """The declaration of a family.

    Raises
    ------
    InvalidArgument
    """
    declaration = getattr(family, "declaration", None)
    if not isinstance(declaration, Declaration):
        raise InvalidArgument(
            f"{what}: expected a family, got {family!r} ({type(family).__name__}). Declare one "
            "with sm.Family(...) or take one of sm.families."
        )
    return declaration


def manifold_of(
    declaration: Declaration, effort: float, progress: Callable[[str], None] | None = None
) -> StatisticalManifold:
    """The manifold of a declaration, derived by the same door as a family's."""
    external = declaration.external
    derived = derive_or_load(declaration, effort=effort, progress=progress)
    return StatisticalManifold(
        external(declaration.domain),
        external(derived.metric),
        {index: external(value) for index, value in derived.skewness.items()},
        certificate=derived.certificate,
    )


def declared(
    log_density: sp.Expr, sample: Mapping[Any, Any], like: Declaration, constraint: object = None
) -> Declaration:
    """A declaration in the user's symbols with the parameters of another."""
    domain: Domain = like.external(like.domain)
    constants = like.external(list(like.constants))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StatmaniWarning)
        made = declare(
            None,
            log_density,
            sample,
            domain.specification(),
            constraint,
            list(domain.constraints) or None,
            constants,
            like.name,
        )
        return checked(made)


def transformed(
    declaration: Declaration, mapping: Mapping[Any, Any], sample: object, what: str
) -> Declaration:
    """The family of y where x = x(y): the density with the Jacobian's determinant.

    Raises
    ------
    InvalidArgument
        Sample variables missing, or a map that depends on a parameter.
    """
    external = declaration.external
    old = [external(v.symbol) for v in declaration.variables]
    if not isinstance(mapping, Mapping) or set(mapping) != set(old):
        names = ", ".join(map(str, old))
        raise InvalidArgument(
            f"{what}: mapping must give an expression in the new sample variables for each of "
            f"{names}, got {mapping!r}. Write for example {{x: exp(y)}}."
        )
    specification = _specification(sample, what)
    new = list(specification)
    if len(new) != len(old):
        raise InvalidArgument(
            f"{what}: {len(new)} new sample variable(s) for {len(old)} old one(s). Give as many."
        )
    table = {s: sp.sympify(mapping[s], strict=True) for s in old}
    moving = set().union(*(e.free_symbols for e in table.values())) - set(new)
    if moving:
        names = ", ".join(sorted(map(str, moving)))
        raise InvalidArgument(
            f"{what}: the map contains {names}, which is no new sample variable. A change of the "
            "sample that moves with the parameters changes the model; leave them out."
        )
    if any(v.discrete for v in declaration.variables):
        volume: sp.Expr = sp.S.One
    else:
        volume = sp.Matrix(len(old), len(new), lambda i, j: table[old[i]].diff(new[j])).det()
    ell = external(declaration.log_density).xreplace(table)
    if volume != 1:
        ell += sp.log(_positive(volume, specification))
    return declared(ell, specification, declaration)


def _specification(sample: object, what: str) -> dict[Any, Any]:
    if isinstance(sample, Mapping):
        return dict(sample)
    symbols = [sample] if isinstance(sample, sp.Symbol) else sample
    if not isinstance(symbols, Sequence) or not all(isinstance(s, sp.Symbol) for s in symbols):
        raise InvalidArgument(
            f"{what}: sample must be a Symbol, a sequence of Symbols or a mapping Symbol -> Set, "
            f"got {sample!r}."
        )
    return {s: _of_assumptions(s) for s in symbols}


def _of_assumptions(symbol: sp.Symbol) -> sp.Set:
    if symbol.is_positive:
        return sp.Interval.open(0, sp.oo)
    if symbol.is_negative:
        return sp.Interval.open(-sp.oo, 0)
    return sp.S.Reals


def _positive(volume: sp.Expr, specification: Mapping[Any, Any]) -> sp.Expr:
    """The determinant or its negative, by its value inside the new sample space."""
    point = {s: _inside(space) for s, space in specification.items()}
    return -volume if volume.xreplace(point).evalf() < 0 else volume


def _inside(space: sp.Set) -> sp.Expr:
    low, high = space.inf, space.sup
    if low.is_finite and high.is_finite:
        return low + (high - low) * sp.Rational(3, 7)
    if low.is_finite:
        return low + sp.Rational(4, 5)
    return high - sp.Rational(4, 5) if high.is_finite else sp.Rational(3, 5)


def joint(parts: Sequence[Declaration], what: str) -> Declaration:
    """Independent samples side by side, written out as one density.

    Parameters with the same symbol are shared.

    Raises
    ------
    InvalidArgument
        A shared parameter with different domains, or repetitions that are not written out.
    """
    axes: dict[sp.Symbol, Any] = {}
    table: list[tuple[sp.Symbol, sp.Symbol]] = []
    densities: list[sp.Expr] = []
    variables: list[Variable] = []
    region: list[Any] = []
    constraints: dict[Any, None] = {}
    constants: dict[sp.Symbol, sp.Symbol] = {}
    own: dict[sp.Symbol, sp.Symbol] = {}
    for number, part in enumerate(parts):
        if not part.repetitions.is_Integer:
            raise InvalidArgument(
                f"{what}: the number of observations {part.external(part.repetitions)} has no "
                "value. Give it one first: family.fix({symbol: value})."
            )
        rename: dict[Any, Any] = {}
        for axis in part.domain.axes:
            user = part.external(axis.symbol)
            if user not in own:
                own[user] = sp.Symbol(f"t{len(own)}", **axis.symbol.assumptions0)
                table.append((own[user], user))
            rename[axis.symbol] = own[user]
            moved = replace(
                axis,
                symbol=own[user],
                lower=axis.lower.xreplace(rename),
                upper=axis.upper.xreplace(rename),
            )
            if axes.setdefault(own[user], moved) != moved:
                raise InvalidArgument(
                    f"{what}: the parameter {user} has different domains in the two families. "
                    "Declare both with the same one, or use another symbol."
                )
        for constant in part.constants:
            user = part.external(constant)
            if user not in constants:
                constants[user] = sp.Symbol(f"c{len(constants)}", **constant.assumptions0)
                table.append((constants[user], user))
            rename[constant] = constants[user]
        for v in part.variables:
            rename[v.symbol] = sp.Symbol(f"x{len(variables)}", **v.symbol.assumptions0)
            user = part.external(v.symbol)
            table.append((rename[v.symbol], sp.Symbol(f"{user.name}_{number + 1}")))
            variables.append(
                replace(
                    v,
                    symbol=rename[v.symbol],
                    lower=v.lower.xreplace(rename),
                    upper=v.upper.xreplace(rename),
                )
            )
        densities.append(part.log_density.xreplace(rename))
        region += [r.xreplace(rename) for r in part.region]
        constraints |= dict.fromkeys(c.xreplace(rename) for c in part.domain.constraints)
    return Declaration(
        sp.Add(*itertools.chain(densities)),
        tuple(variables),
        Domain(tuple(axes.values()), tuple(constraints)),
        tuple(constants.values()),
        tuple(region),
        tuple(table),
    )
