"""Unevaluated expectations: values, derivatives, substitution, text and files."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import mpmath
import pytest
import sympy as sp

import statmani as sm
from statmani.algebra.expression_json import from_json, to_json
from statmani.declaration import Declaration
from statmani.errors import CertificateError, IntractableExpectation, InvalidArgument, OutsideDomain
from statmani.expectation.derive import Derivation, derive
from statmani.expectation.expectation import unevaluated
from statmani.expectation.open_certificate import certify_open
from statmani.expectation.open_forms import is_open
from statmani.expectation.store import load, save

OPEN = ("skew_normal", "normal_mixture2", "negbin")
ONE = sp.Integer(1)
X = sp.Symbol("x", real=True)
W = sp.Symbol("w")
M = sp.Symbol("m", real=True)


def mixture(weight: sp.Symbol = W, mean: sp.Symbol = M, sample: sp.Symbol = X) -> sm.Family:
    density = weight * sp.exp(-(sample**2) / 2) + (1 - weight) * sp.exp(-((sample - mean) ** 2) / 2)
    return sm.Family(
        density / sp.sqrt(2 * sp.pi),
        sample=sample,
        parameters={weight: sp.Interval.open(0, 1), mean: sp.S.Reals},
    )


def definition(family: sm.Family, function: sp.Expr, at: dict[sp.Symbol, Any], digits: int) -> Any:
    """Integral of density times function over the line, by an own context's quadrature."""
    context = mpmath.MPContext()
    context.dps = digits + 5
    x = family.sample[0]
    text = sp.lambdify(x, (family.density * function).subs(at), modules=[context])
    return context.quad(text, [-30, -12, -6, -3, 0, 1, 3, 6, 12, 30])


@pytest.fixture(scope="module")
def derivations(declared: Callable[..., Declaration]) -> dict[str, Derivation]:
    return {name: derive(declared(name), effort=0) for name in OPEN}


@pytest.mark.parametrize("name", OPEN)
def test_tensors_have_the_reference_values(
    name: str,
    declared: Callable[..., Declaration],
    derivations: dict[str, Derivation],
    reference: dict[str, Any],
) -> None:
    data, derivation = reference[name], derivations[name]
    at = dict(
        zip(
            declared(name).parameters,
            (sp.Rational(data["at"][p]) for p, _ in data["parameters"]),
            strict=True,
        )
    )
    assert is_open(derivation.metric)
    for i, row in enumerate(data["metric"]):
        for j, expected in enumerate(row):
            value = derivation.metric[i, j].subs(at).evalf(28)
            assert abs(value - sp.Float(expected, 30)) < 1e-22 * abs(value)
    for index, component in derivation.skewness.items():
        i, j, k = index
        value = component.subs(at).evalf(28)
        assert abs(value - sp.Float(data["skewness"][i][j][k], 30)) < 1e-22 * abs(value)


def test_closed_entries_stay_closed(
    declared: Callable[..., Declaration], derivations: dict[str, Derivation]
) -> None:
    r, p = declared("negbin").parameters
    derivation = derivations["negbin"]
    assert derivation.metric[0, 1] == -1 / p
    assert sp.cancel(derivation.metric[1, 1] - r / (p**2 * (1 - p))) == 0
    assert sp.cancel(derivation.skewness[0, 1, 1] - 1 / (p**2 * (1 - p))) == 0
    strategies = dict(derivation.certificate.strategies)
    assert strategies["g[0,0]"] == "expectation"
    assert strategies["g[1,1]"] == "identities of Bartlett"


def test_certificate_comes_from_a_second_rule(derivations: dict[str, Derivation]) -> None:
    for derivation in derivations.values():
        names = {check.name for check in derivation.certificate.checks}
        assert {"normalisation", "E[s_i s_j]", "E[s_i s_j s_k]"} <= names
        assert 0 < derivation.certificate.residual < 1e-12
        assert "expectation: g[0,0]" in str(derivation.certificate)


def test_value_agrees_with_quadrature_of_the_definition() -> None:
    family = mixture()
    at = {W: sp.Rational(1, 4), M: sp.Rational(3, 2)}
    for function in (family.score[0] * family.score[1], X**3, sp.Abs(X) ** 3):
        expression = sm.Expectation.of(family, function)
        value = expression.subs(at).evalf(25)
        # The integrand is evaluated by lambdify and mpmath alone.
        assert abs(value - sp.Float(definition(family, function, at, 25), 30)) < 1e-20


def test_every_precision_agrees_and_works_inside_larger_expressions() -> None:
    family = mixture()
    g = sm.Expectation.of(family, family.score[1] ** 2)
    at = {W: sp.Rational(1, 4), M: 1}
    long = g.subs(at).evalf(70)
    assert abs(g.subs(at).evalf(12) - long) < 1e-12
    inside = sp.N(sp.sqrt(1 + g.subs(at)) - sp.sqrt(1 + long), 30)
    assert abs(inside) < 1e-60


def test_derivative_agrees_with_finite_differences_of_the_integral() -> None:
    family = mixture()
    function = family.score[0] * family.score[1]
    expression = sm.Expectation.of(family, function)
    at = {W: sp.Rational(2, 5), M: sp.Rational(5, 4)}
    step = sp.Rational(1, 10**5)
    for symbol in (W, M):
        ahead, behind = ({**at, symbol: at[symbol] + s} for s in (step, -step))
        slope = definition(family, function.subs(symbol, ahead[symbol]), ahead, 20)
        slope -= definition(family, function.subs(symbol, behind[symbol]), behind, 20)
        value = expression.diff(symbol).subs(at).evalf(25)
        assert abs(value - sp.Float(slope, 25) / (2 * step)) < 1e-8


def test_chain_rule_and_reparametrization() -> None:
    family = mixture()
    g = sm.Expectation.of(family, family.score[1] ** 2)
    t = sp.Symbol("t", positive=True)
    moved = g.subs({M: sp.log(t), W: sp.Rational(1, 3)})
    assert moved.free_symbols == {t}
    plain = g.diff(M).subs({M: sp.log(2), W: sp.Rational(1, 3)}).evalf(20) / 2
    assert abs(moved.diff(t).subs(t, 2).evalf(20) - plain) < 1e-19
    assert g.xreplace({M: t}).free_symbols == {W, t}


def test_values_are_functions_of_time_and_symbols_of_any_name() -> None:
    """As in geodesic equations, and where a chart's symbols have names of the density's."""
    family = mixture()
    g = sm.Expectation.of(family, family.score[1] ** 2)
    t = sp.Symbol("t", real=True)
    path, namesake = sp.Function("m", real=True), sp.Symbol("m", positive=True)
    at = {W: sp.Rational(1, 3), M: sp.Rational(5, 4)}
    exact = g.subs(at).evalf(20)
    assert abs(g.subs(at | {M: path(t)}).subs(path(t), at[M]).evalf(20) - exact) < 1e-18
    assert abs(g.subs(at | {M: namesake}).subs(namesake, at[M]).evalf(20) - exact) < 1e-18
    equations = family.manifold().levi_civita.geodesic_equations
    assert all(equation.has(sm.Expectation) for equation in equations)


def test_names_do_not_matter() -> None:
    a, b, c = sp.Symbol("a", real=True), sp.Symbol("b"), sp.Symbol("c", real=True)
    one, two = mixture(), mixture(b, c, a)
    first = sm.Expectation.of(one, one.score[0] ** 3)
    second = sm.Expectation.of(two, two.score[0] ** 3)
    assert first != second
    assert first.xreplace({W: b, M: c}) == second
    assert hash(first.xreplace({W: b, M: c})) == hash(second)


def test_what_is_free_of_the_sample_is_pulled_out() -> None:
    family = mixture()
    bare = sm.Expectation.of(family, X**3)
    assert sm.Expectation.of(family, 3 * M * X**3 + W) == 3 * M * bare + W
    assert sm.Expectation.of(family, W + M) == W + M
    assert sm.Expectation.of(family, family.score[0]).subs({W: 0.5, M: 1}).evalf(12) < 1e-12


def test_identities_of_bartlett_hold_exactly(declared: Callable[..., Declaration]) -> None:
    declaration = declared("skew_normal")
    for i, j in ((0, 0), (0, 2), (1, 2)):
        second = unevaluated(declaration, ONE, ((i, j),))
        assert second + unevaluated(declaration, ONE, ((i,), (j,))) == 0
        assert unevaluated(declaration, ONE, ((i,),)) == 0
    # d_k E[l_ij] in two ways.
    t = declaration.parameters
    one = unevaluated(declaration, ONE, ((0, 1),)).diff(t[2])
    two = unevaluated(declaration, ONE, ((0, 1, 2),))
    two += unevaluated(declaration, ONE, ((0, 1), (2,)))
    assert sp.expand(one - two) == 0


def test_pickle_and_json(declared: Callable[..., Declaration]) -> None:
    for name in OPEN:
        declaration = declared(name)
        symbols = list(declaration.parameters)
        component = unevaluated(declaration, ONE, ((0,), (0,), (0,)))
        component = component.subs(symbols[0], 2 * symbols[0]) + component**2
        data = json.loads(json.dumps(to_json(component, symbols)))
        assert from_json(data, symbols) == component
        assert pickle.loads(pickle.dumps(component)) == component


def test_malformed_json_is_refused(declared: Callable[..., Declaration]) -> None:
    declaration = declared("negbin")
    symbols = list(declaration.parameters)
    data = to_json(unevaluated(declaration, ONE, ((0,), (0,))), symbols)
    (row,) = (r for r in data if r[0] == "object")
    for key, value in (("monomial", [[7]]), ("axes", 3), ("log_density", [["eval", 0]])):
        broken = [[*row[:2], {**row[2], key: value}] if r is row else r for r in data]
        with pytest.raises(InvalidArgument, match="malformed"):
            from_json(broken, symbols)


def test_stored_derivations_come_back(
    declared: Callable[..., Declaration],
    derivations: dict[str, Derivation],
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STATMANI_CACHE_DIR", str(tmp_path))
    for name in OPEN:
        assert save(declared(name), derivations[name])
        again = load(declared(name, prefix="other_"))
        assert again is not None
        assert again.metric == derivations[name].metric
        assert again.skewness == derivations[name].skewness


def test_text_and_latex() -> None:
    family = mixture()
    g = sm.Expectation.of(family, X * sp.Symbol("m", real=True))
    assert str(g) == "m*E[x]"
    manifold_entry = family.declaration.external(
        unevaluated(family.declaration, ONE, ((0,), (0, 1)))
    )
    assert str(manifold_entry) == "E[l_w*l_w_m]"
    tex = r"\operatorname{E}\left[\left(\partial_{w} \ell\right) \, "
    tex += r"\left(\partial_{w}\, \partial_{m} \ell\right)\right]"
    assert sp.latex(manifold_entry) == tex
    assert sm.latex(manifold_entry) == tex
    assert sp.latex(manifold_entry**2) == tex + "^{2}"
    assert str(manifold_entry.subs({W: sp.Rational(1, 2), M: 3})) == "E(1/2, 3)[l_0*l_0_1]"


def test_bad_values_and_moving_jumps_are_refused() -> None:
    family = mixture()
    g = sm.Expectation.of(family, X**3)
    with pytest.raises(OutsideDomain, match=r"parameter 0 is 1.5, outside \(0, 1\)"):
        g.subs({W: sp.Rational(3, 2), M: 1}).evalf()
    with pytest.raises(InvalidArgument, match="typo_symbol is no symbol of the family"):
        sm.Expectation.of(family, sp.Symbol("typo_symbol"))
    step = sm.Expectation.of(family, sp.Heaviside(X - M))
    with pytest.raises(IntractableExpectation, match="almost-everywhere derivative"):
        step.diff(M)
    # A fixed jump does not move.
    fixed = sm.Expectation.of(family, sp.Heaviside(X))
    at = {W: sp.Rational(1, 3), M: 1}
    expected = (1 - W) * sp.exp(-(M**2) / 2) / sp.sqrt(2 * sp.pi)
    assert abs(fixed.diff(M).subs(at).evalf(15) - expected.subs(at).evalf(15)) < 1e-12
    assert g.evalf() == g


def test_infinite_expectations_are_refused() -> None:
    x = sp.Symbol("x", real=True)
    m = sp.Symbol("m", real=True)
    density = (1 / (1 + x**2) + 1 / (1 + (x - m) ** 2)) / (2 * sp.pi)
    family = sm.Family(density, sample=x, parameters=m)
    with pytest.raises(IntractableExpectation, match="does not converge"):
        sm.Expectation.of(family, x**2).subs(m, 1).evalf()


def test_a_wrong_term_is_caught(
    declared: Callable[..., Declaration], derivations: dict[str, Derivation]
) -> None:
    declaration, found = declared("normal_mixture2"), derivations["normal_mixture2"]
    strategies = found.certificate.strategies
    wrong = found.metric.as_mutable()
    wrong[0, 1] = wrong[1, 0] = wrong[0, 1] + sp.Rational(1, 10**6)
    with pytest.raises(CertificateError, match=r"g\[0,1\] evaluates to .* second rule"):
        certify_open(declaration, wrong, found.skewness, strategies)
    skewness = {**found.skewness, (0, 0, 1): -found.skewness[0, 0, 1]}
    with pytest.raises(CertificateError, match=r"T\[0,0,1\] evaluates to .* second rule"):
        certify_open(declaration, found.metric, skewness, strategies)


def test_expressions_are_never_read_from_text() -> None:
    family = sm.families.skew_normal()
    with pytest.raises(InvalidArgument, match=r"Expectation\.of: expected a sympy expression"):
        sm.Expectation.of(family, "1 + 1")
    (atom, *_) = sm.Expectation.of(family, sp.sin(family.sample[0])).atoms(sm.Expectation)
    with pytest.raises(InvalidArgument, match="Expectation: expected a sympy expression, got '1'"):
        sm.Expectation(atom.args[0], *("1" for _ in atom.args[1:]))
