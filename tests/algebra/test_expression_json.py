"""Round trips and refusals of the JSON form of expressions."""

from __future__ import annotations

import json

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from statmani.algebra.expression_json import from_json, to_json
from statmani.errors import InvalidArgument

A = sp.Symbol("a", positive=True)
B = sp.Symbol("b", real=True)
C = sp.Symbol("c")
SYMBOLS = (A, B, C)

leaves = st.one_of(
    st.sampled_from([A, B, C, sp.pi, sp.E, sp.EulerGamma, sp.Catalan]),
    st.integers(-9, 9).map(sp.Integer),
    st.fractions(-3, 3, max_denominator=9).map(lambda q: sp.Rational(q.numerator, q.denominator)),
)


def grow(children: st.SearchStrategy[sp.Expr]) -> st.SearchStrategy[sp.Expr]:
    unary = st.sampled_from([sp.exp, sp.sin, sp.cosh, sp.erf, sp.erfc, sp.Abs, sp.sqrt, sp.cos])
    small = st.integers(-3, 3).map(sp.Integer)
    return st.one_of(
        st.tuples(unary, children).map(lambda pair: pair[0](pair[1])),
        st.tuples(children, children).map(lambda pair: pair[0] + pair[1]),
        st.tuples(children, children).map(lambda pair: pair[0] * pair[1]),
        st.tuples(children, small).map(lambda pair: (pair[0] + A) ** pair[1]),
        st.tuples(st.integers(0, 3), children).map(lambda pair: sp.polygamma(pair[0], A + pair[1])),
        children.map(lambda c: sp.log(A + sp.exp(c))),
        children.map(lambda c: sp.Piecewise((c, B > 0), (c + 1, sp.And(B > -1, A < 2)), (A, True))),
        children.map(lambda c: sp.besselk(C, A + c)),
    )


expressions = st.recursive(leaves, grow, max_leaves=12)


@settings(max_examples=150, deadline=None)
@given(expressions)
def test_an_evaluated_expression_comes_back_equal(expr: sp.Expr) -> None:
    if expr.has(sp.nan, sp.zoo):
        return
    text = json.dumps(to_json(expr, SYMBOLS))
    assert from_json(json.loads(text), SYMBOLS) == expr


@pytest.mark.parametrize(
    "expr",
    [
        sp.factor(2 * A * B + 2 * A, deep=True),
        sp.factor(2 * A + 2 * B),
        sp.Rational(10**40, 3),
        sp.Float("0.1", 40) * B,
        sp.Float(-1.5e-300),
        sp.Float(0.0) + B,
        sp.oo,
        -sp.oo,
        sp.I * A,
        sp.Max(A, B) + sp.Min(1, C),
        sp.Eq(A, B),
        sp.Ne(A, C),
        sp.And(A > 1, sp.Or(B < 0, B > 3)),
        sp.loggamma(A) + sp.beta(A, 2) + sp.zeta(3) + sp.factorial(C) + sp.binomial(C, 2),
        sp.true,
    ],
)
def test_particular_expressions_come_back_equal(expr: sp.Basic) -> None:
    text = json.dumps(to_json(expr, SYMBOLS))
    back = from_json(json.loads(text), SYMBOLS)
    assert back == expr
    assert sp.srepr(back) == sp.srepr(expr)


def test_integers_beyond_decimal_conversion_come_back_equal() -> None:
    expr = sp.Integer(-(7**6000)) * A
    assert from_json(json.loads(json.dumps(to_json(expr, SYMBOLS))), SYMBOLS) == expr


def test_shared_parts_are_stored_once() -> None:
    expr = A
    for _ in range(60):
        expr = sp.sin(expr) + sp.cos(expr)
    rows = to_json(expr, SYMBOLS)
    assert len(rows) == 1 + 3 * 60
    assert from_json(rows, SYMBOLS) == expr


def test_symbols_are_stored_by_position() -> None:
    rows = to_json(A / B, (A, B))
    assert from_json(rows, (B, C)) == B / C


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "expected a non-empty list of rows"),
        ([], "expected a non-empty list of rows"),
        ("x + 1", "expected a non-empty list of rows"),
        ([5], "must be a list that starts with the name"),
        ([["symbol", 7]], "no symbol number 7"),
        ([["symbol", -1]], "no symbol number -1"),
        ([["symbol", "a"]], "is not an integer"),
        ([["integer", 1.5]], "is not an integer"),
        ([["integer", True]], "is not an integer"),
        ([["integer", "0xzz"]], "invalid literal"),
        ([["integer", 1, 2]], "integer takes 1 values, not 2"),
        ([["rational", 1, 0]], "denominator 0 is not positive"),
        ([["constant", "__import__"]], "unknown constant '__import__'"),
        ([["constant", ["pi"]]], "unknown constant"),
        ([["Lambda", 0]], "unknown head 'Lambda'"),
        ([["exp", 0]], "is not the number of an earlier row"),
        ([["integer", 0], ["integer", -1], ["pow", 0, 1]], "the value is zoo"),
        ([["integer", 10], ["integer", 10**9], ["pow", 0, 1]], "would be expanded"),
        ([["integer", 10**9], ["factorial", 0]], "would be expanded"),
        ([["symbol", 0], ["pow", 0]], "pow takes 2 arguments"),
        ([["symbol", 0], ["polygamma", 0]], "row 1"),
        ([["symbol", 0], ["piecewise", 0]], "pairs of a value and a condition"),
        ([["constant", "true"], ["exp", 0]], "takes expressions, not conditions"),
        ([["symbol", 0], ["And", 0, 0]], "takes conditions, not expressions"),
        ([["symbol", 0], *(["sin", n] for n in range(1000))], "nested more than 150 deep"),
    ],
)
def test_malformed_data_is_refused(data: object, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message.replace("[", r"\[")):
        from_json(data, SYMBOLS)


def test_unknown_heads_and_symbols_are_not_written() -> None:
    with pytest.raises(InvalidArgument, match="Integral is not in the whitelist"):
        to_json(sp.Integral(sp.sin(A) / A, A), SYMBOLS)
    with pytest.raises(InvalidArgument, match="symbol d as JSON: it is not among"):
        to_json(sp.Symbol("d") + 1, SYMBOLS)
    with pytest.raises(InvalidArgument, match="not in the whitelist"):
        to_json(sp.nan, SYMBOLS)
