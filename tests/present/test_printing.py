"""Names, constants, line breaks and shortening of formulas."""

from __future__ import annotations

import re

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.parsing.sympy_parser import parse_expr

import statmani as sm
from statmani.errors import InvalidArgument
from statmani.present.layout import rows, shorten, width
from statmani.present.printer import Printer, escape_text, symbol_names

a, b, c, x = sp.symbols("a b c x")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("k", "k"),
        ("lam", r"\lambda"),
        ("lamda", r"\lambda"),
        ("lambda_", r"\lambda"),
        ("beta", r"\beta"),
        ("gamma", r"\gamma"),
        ("zeta", r"\zeta"),
        ("S", "S"),
        ("N", "N"),
        ("E", "E"),
        ("I", "I"),
        ("Q", "Q"),
        ("μ", r"\mu"),
        ("sigma2", r"\sigma_{2}"),
        ("mu_x", r"\mu_{x}"),
        ("p_1_2", "p_{1,2}"),
        ("shape", r"\mathit{shape}"),
        ("radical", r"\mathit{radical}"),
        ("mubar", r"\mathit{mubar}"),
        ("pi", r"\mathit{pi}"),
        ("π", r"\mathit{pi}"),
        ("a b", r"\mathit{a\ b}"),
        ("50%", r"\mathit{50\%}"),
        ("_", r"\mathit{\_}"),
    ],
)
def test_names_of_symbols(name: str, expected: str) -> None:
    assert sm.latex(sp.Symbol(name)) == expected


@pytest.mark.parametrize(
    "names", [("lam", "lambda_"), ("a1", "a_1"), ("pi", "π"), ("gamma", "γ"), ("x_", "x")]
)
def test_different_names_never_look_alike(names: tuple[str, str]) -> None:
    one, two = symbol_names(sp.Symbol(name) for name in names).values()
    assert one != two


@given(st.lists(st.text(min_size=1, max_size=6), min_size=2, max_size=4, unique=True))
def test_any_names_give_balanced_latex(names: list[str]) -> None:
    for text in symbol_names(sp.Symbol(name) for name in names).values():
        bare = re.sub(r"\\[{}$&#%_]", "", text)
        assert bare.isascii() and bare.isprintable()
        assert bare.count("{") == bare.count("}")
        assert not re.search(r"[$&#%~]", bare)


def test_constants_do_not_look_like_parameters() -> None:
    gamma, e, i = sp.symbols("gamma e i")
    assert sm.latex(sp.EulerGamma * gamma) == r"\gamma_{\mathrm{E}} \gamma"
    assert sm.latex(sp.EulerGamma**2) == r"\gamma_{\mathrm{E}}^{2}"
    assert sm.latex(sp.E + e) == r"e + \mathrm{e}"
    assert sm.latex(sp.I * i) == r"\mathrm{i} i"
    assert sm.latex(sp.exp(-x)) == r"\mathrm{e}^{- x}"
    assert sm.latex(sp.gamma(gamma)) == r"\Gamma\left(\gamma\right)"


def test_polygamma_has_its_usual_names() -> None:
    assert sm.latex(sp.polygamma(0, x)) == r"\psi\left(x\right)"
    assert sm.latex(sp.polygamma(1, x)) == r"\psi'\left(x\right)"
    assert sm.latex(sp.polygamma(1, x) ** 2) == r"\left(\psi'\left(x\right)\right)^{2}"
    assert sm.latex(sp.polygamma(3, x)) == r"\psi^{\left(3\right)}\left(x\right)"


class _Plain:
    """Prints Python, so that what was broken into lines can be read back."""

    def doprint(self, expr: sp.Expr) -> str:
        return str(expr)


def read_back(lines: list[str]) -> sp.Expr:
    text = " ".join(line.removeprefix("{}") for line in lines)
    text = text.replace(r"\times \Bigl(", "*(").replace(r"\Bigl(", "*(").replace(r"\Bigr)", ")")
    text = re.sub(r"(^|[-+(]\s*)\*\(", r"\1(", text)
    return parse_expr(text, {s.name: s for s in (a, b, c, x)})


terms = st.builds(
    lambda n, powers: n * sp.prod(s**p for s, p in zip((a, b, c), powers, strict=True)),
    st.integers(-30, 30).filter(bool),
    st.tuples(*[st.integers(-3, 4)] * 3),
)
sums = st.lists(terms, min_size=1, max_size=7).map(lambda items: sp.Add(*items))
formulas = st.one_of(
    sums,
    st.builds(lambda s, t: s * t, sums, sums),
    st.builds(lambda s, t, u: s * t / (u**2 + 1), sums, terms, sums),
    st.builds(lambda s, t, u: -s * t + u / a, sums, sums, sums),
    st.builds(lambda s, t: sp.log(1 + s**2) + t * sp.sin(x), sums, sums),
)


@settings(max_examples=150, deadline=None)
@given(formulas, st.integers(3, 60))
def test_breaking_lines_keeps_the_value(expr: sp.Expr, limit: int) -> None:
    back = read_back(rows(expr, _Plain(), limit))  # type: ignore[arg-type]
    point = {
        a: sp.Rational(7, 5),
        b: sp.Rational(-3, 7),
        c: sp.Rational(11, 3),
        x: sp.Rational(1, 3),
    }
    one, two = expr.subs(point).evalf(30), back.subs(point).evalf(30)
    assert abs(one - two) <= sp.Float("1e-25") * (1 + abs(one))


def test_lines_are_as_short_as_asked_where_sums_allow() -> None:
    expr = sp.Add(*((n + 2) * a**n * b ** (7 - n) for n in range(8)))
    lines = rows(expr, Printer(), limit=12)
    assert 3 <= len(lines) <= 8
    assert all(line.startswith("{} ") for line in lines[1:])
    assert width(expr) > 12


@settings(max_examples=60, deadline=None)
@given(formulas)
def test_shortening_keeps_the_value_and_never_lengthens(expr: sp.Expr) -> None:
    short = shorten(expr)
    assert width(short) <= width(expr)
    assert sp.cancel(sp.together(short - expr).rewrite(sp.exp)) == 0 or (short - expr).equals(0)


def test_objects_of_the_toolkit() -> None:
    family = sm.families.normal()
    manifold = family.manifold()
    text = sm.latex(manifold)
    assert r"g_{\mu \mu} &= \frac{1}{\sigma^{2}}" in text
    assert r"g_{\mu \sigma}" not in text
    assert r"T_{\mu \mu \sigma} &= \frac{2}{\sigma^{3}}" in text
    assert text.count("&=") == 4
    text = sm.latex(manifold.connection(sp.Rational(1, 2)))
    assert text.count("&=") == 3
    assert r"\Gamma^{{(\mathnormal{1/2})} \mu}_{\mu \sigma} &= - \frac{3}{2 \sigma}" in text
    assert sm.latex(manifold.connection(1).riemann) == "T = 0"
    assert sm.latex(family).startswith(r"\log p(x; \mu, \sigma) = ")
    assert r"\text{Certificate}" in sm.latex(manifold.certificate)
    assert sm.latex((a, b / 2)) == r"\left(a, \frac{b}{2}\right)"


def test_what_has_no_mathematical_form_is_refused() -> None:
    for bad in (object(), "x + 1", None):
        with pytest.raises(InvalidArgument, match="latex: cannot print"):
            sm.latex(bad)


def test_text_is_escaped() -> None:
    assert escape_text("a_1 & 5% {x}") == r"a\_1 \& 5\% \{x\}"
    assert escape_text("α ≤ ∞") == r"$\alpha$ $\le$ $\infty$"
    assert escape_text("日") == "?"


def test_notebooks_show_every_object_by_the_same_printer() -> None:
    M = sm.families.normal().manifold()
    for shown in (M, M.skewness, M.levi_civita, M.certificate, sm.families.normal()):
        assert shown._repr_latex_() == f"${sm.latex(shown)}$"
    assert r"T_{\sigma \sigma \sigma} &= \frac{8}{\sigma^{3}}" in M._repr_latex_()
