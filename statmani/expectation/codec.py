"""Plain data of what an unevaluated expectation averages, for files."""

from __future__ import annotations

from typing import Any

import sympy as sp

from statmani.algebra.expression_json import from_json, to_json
from statmani.declaration import Declaration, Variable
from statmani.domain import Axis, Domain
from statmani.errors import InvalidArgument
from statmani.expectation.law import Monomial

__all__ = ["read_integrand", "write_integrand"]

Parts = tuple[Declaration, sp.Expr, Monomial]


def write_integrand(declaration: Declaration, function: sp.Expr, monomial: Monomial) -> Any:
    """JSON data of a density without names, a function and a product of derivatives.

    Raises
    ------
    InvalidArgument
        An expression without JSON form, or one that would not read back the same.
    """
    own = tuple(v.symbol for v in declaration.variables)
    symbols = (*own, *declaration.parameters, *declaration.constants)

    def pack(expr: Any) -> Any:
        return to_json(expr, symbols)

    data = {
        "symbols": [[s.name, dict(sorted(s.assumptions0.items()))] for s in symbols],
        "variables": [
            [pack(v.lower), pack(v.upper), v.discrete,
             None if v.values is None else [pack(e) for e in v.values]]
            for v in declaration.variables
        ],
        "axes": [[pack(a.lower), pack(a.upper), a.periodic] for a in declaration.domain.axes],
        "constraints": [pack(r) for r in declaration.domain.constraints],
        "region": [pack(r) for r in declaration.region],
        "log_density": pack(declaration.log_density),
        "function": pack(function),
        "monomial": [list(index) for index in monomial],
    }  # fmt: skip
    if read_integrand(data) != (declaration, function, monomial):
        raise InvalidArgument("an expectation would not read back from JSON unchanged")
    return data


def read_integrand(data: Any) -> Parts:
    """The inverse of :func:`write_integrand`.

    Raises
    ------
    InvalidArgument
        Anything that it does not write.
    """
    try:
        return _read(data)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InvalidArgument(f"malformed data of an expectation: {error!r}") from None


def _read(data: Any) -> Parts:
    symbols = tuple(sp.Symbol(str(name), **facts) for name, facts in data["symbols"])

    def unpack(part: Any) -> Any:
        return from_json(part, symbols)

    count = len(data["variables"])
    axes = [
        Axis(symbol, unpack(low), unpack(high), bool(periodic))
        for symbol, (low, high, periodic) in zip(symbols[count:], data["axes"], strict=False)
    ]
    variables = tuple(
        Variable(symbol, unpack(low), unpack(high), bool(discrete),
                 None if values is None else tuple(unpack(e) for e in values))
        for symbol, (low, high, discrete, values) in zip(symbols, data["variables"], strict=False)
    )  # fmt: skip
    declaration = Declaration(
        unpack(data["log_density"]),
        variables,
        Domain(tuple(axes), tuple(unpack(r) for r in data["constraints"])),
        symbols[count + len(axes) :],
        tuple(unpack(r) for r in data["region"]),
        (),
        None,
    )
    known = range(len(symbols) - count)
    monomial = tuple(tuple(int(k) for k in index) for index in data["monomial"])
    if any(k not in known for index in monomial for k in index):
        raise InvalidArgument("malformed data of an expectation: an index without symbol")
    return declaration, unpack(data["function"]), monomial
