"""The catalogue against values from quadrature, and invariance under spelling and charts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import statmani as sm
from examples.log_logistic import family as log_logistic

REFERENCES = json.loads(
    (Path(__file__).parent / "references" / "acceptance.json").read_text(encoding="utf-8")
)
FAMILIES: dict[str, Callable[[], sm.Family]] = {
    "normal": sm.families.normal,
    "gamma_scale": sm.families.gamma,
    "weibull": sm.families.weibull,
    "inverse_gaussian": sm.families.inverse_gaussian,
    "beta": sm.families.beta,
    "poisson": sm.families.poisson,
    "categorical3": lambda: sm.families.categorical(3),
    "cauchy": sm.families.cauchy,
    "log_logistic": lambda: log_logistic,
}
ALPHAS = ["-1", "0", "1/2", "1"]
DIGITS = 30


@cache
def manifold(name: str) -> sm.StatisticalManifold:
    return FAMILIES[name]().manifold()


def agree(found: sp.Expr, expected: str | sp.Expr, tolerance: float = 1e-15) -> bool:
    reference = sp.Float(expected, 25) if isinstance(expected, str) else expected
    error = abs(sp.N(found, DIGITS) - reference)
    return bool(error <= tolerance * (abs(reference) if reference != 0 else 1))


@pytest.mark.parametrize("name", FAMILIES)
def test_tensors_agree_with_quadrature_of_the_definitions(name: str) -> None:
    reference, M = REFERENCES[name], manifold(name)
    assert [str(s) for s in M.coordinates] == [p for p, _ in reference["parameters"]]
    at = {s: sp.Rational(reference["at"][str(s)]) for s in M.coordinates}
    for i, j in itertools.product(range(M.dim), repeat=2):
        assert agree(M.metric[i, j].subs(at), reference["metric"][i][j])
    for i, j, k in itertools.product(range(M.dim), repeat=3):
        assert agree(M.skewness[i, j, k].subs(at), reference["skewness"][i][j][k])
        for alpha in ALPHAS:
            symbol = M.connection(sp.Rational(alpha)).christoffel_first[i, j, k]
            assert agree(symbol.subs(at), reference["christoffel_first"][alpha][i][j][k])
    if M.dim > 1:
        for alpha in ALPHAS:
            curvature = M.connection(sp.Rational(alpha)).scalar_curvature
            assert agree(curvature.subs(at), reference["scalar_curvature"][alpha])


def at_point(family: sm.Family, at: dict[sp.Symbol, sp.Expr]) -> dict[tuple[int, ...], sp.Expr]:
    M = family.manifold()
    n = M.dim
    entries: dict[tuple[int, ...], sp.Expr] = {}
    for i, j in itertools.product(range(n), repeat=2):
        entries[i, j] = sp.N(M.metric[i, j].subs(at), DIGITS)
    for i, j, k in itertools.product(range(n), repeat=3):
        entries[i, j, k] = sp.N(M.skewness[i, j, k].subs(at), DIGITS)
    return entries


def redeclared(
    family: sm.Family,
    order: list[int],
    table: dict[sp.Symbol, sp.Expr],
    parameters: dict[sp.Symbol, object],
) -> sm.Family:
    """The family with parameters in another order and symbols replaced."""
    sample, old = [], family.manifold().domain
    for symbol, variable in zip(family.sample, family.declaration.variables, strict=True):
        lower, upper = (
            family.declaration.external(e).subs(table) for e in (variable.lower, variable.upper)
        )
        domain = sp.Range(lower, upper + 1) if variable.discrete else sp.Interval(lower, upper)
        sample.append((table.get(symbol, symbol), domain))
    assert len(order) == old.dim
    return sm.Family(
        log_density=family.log_density.subs(table, simultaneous=True),
        sample=dict(sample),
        parameters={s: parameters[s] for s in (list(parameters)[i] for i in order)},
        constraint=[
            r
            for axis in old.axes
            for r in (
                axis.symbol.subs(table, simultaneous=True)
                > axis.lower.subs(table, simultaneous=True),
                axis.symbol.subs(table, simultaneous=True)
                < axis.upper.subs(table, simultaneous=True),
            )
            if isinstance(r, sp.core.relational.Relational)
        ],
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_renaming_and_permuting(name: str) -> None:
    family = FAMILIES[name]()
    odd = [sp.Symbol(n) for n in ("S", "beta", "lambda_", "E", "Q", "zeta", "I", "N")]
    symbols = [*family.sample, *family.parameters]
    table = dict(zip(symbols, odd, strict=False))
    n = len(family.parameters)
    order = list(reversed(range(n)))
    renamed = redeclared(family, order, table, {table[s]: sp.S.Reals for s in family.parameters})
    point = {s: sp.Rational(REFERENCES[name]["at"][str(s)]) for s in family.parameters}
    here = at_point(family, point)
    there = at_point(renamed, {table[s]: v for s, v in point.items()})
    for index, value in here.items():
        moved = tuple(order.index(i) for i in index)
        assert agree(there[moved], value, 1e-25)


@pytest.mark.parametrize("name", FAMILIES)
@given(data=st.data())
@settings(max_examples=2, deadline=None)
def test_affine_reparametrization(name: str, data: st.DataObject) -> None:
    """g and T of the family declared in new parameters follow the tensor law."""
    family = FAMILIES[name]()
    n = len(family.parameters)
    entry = st.integers(-2, 2)
    upper = [[data.draw(entry) if j > i else int(i == j) for j in range(n)] for i in range(n)]
    lower = [[data.draw(entry) if j < i else int(i == j) for j in range(n)] for i in range(n)]
    matrix = sp.Matrix(upper) * sp.Matrix(lower)
    shift = [data.draw(entry) for _ in range(n)]
    new = sp.symbols(f"v0:{n}")
    old = {
        s: sum((matrix[i, j] * new[j] for j in range(n)), sp.Integer(shift[i]))
        for i, s in enumerate(family.parameters)
    }
    moved = redeclared(family, list(range(n)), old, dict.fromkeys(new, sp.S.Reals))
    point = {s: sp.Rational(REFERENCES[name]["at"][str(s)]) for s in family.parameters}
    image = matrix.inv() * sp.Matrix([point[s] - c for s, c in zip(point, shift, strict=True)])
    here = at_point(family, point)
    there = at_point(moved, dict(zip(new, image, strict=True)))
    for index, value in there.items():
        expected = sum(
            (
                here[source] * sp.prod([matrix[a, i] for a, i in zip(source, index, strict=True)])
                for source in itertools.product(range(n), repeat=len(index))
            ),
            sp.Integer(0),
        )
        assert abs(value - expected) <= 1e-22 * (1 + sum(abs(v) for v in here.values()))
