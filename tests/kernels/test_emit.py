"""Generated source: only our own names, only known heads, right values."""

import math

import numpy as np
import pytest
import sympy as sp

import statmani as sm
from statmani.algebra.numeric import known_value, new_context
from statmani.kernels import special
from statmani.kernels.cache import load
from statmani.kernels.compiled import _request
from statmani.kernels.emit import function_source
from statmani.kernels.fields import Chart, field_outputs, field_source


@pytest.mark.parametrize("name", ["__import__", "lambda", "π", "x; import os", "a" * 200])
def test_user_names_never_reach_source(name):
    symbol = sp.Symbol(name, positive=True)
    source = field_source(sm.StatisticalManifold((symbol,), [[sp.polygamma(1, symbol)]]), 2, True)
    assert name not in source
    for word in ("import", "lambda", "_statmani_"):
        assert word not in source


def test_unknown_function_is_refused_by_name():
    x = sp.Symbol("x", positive=True)
    with pytest.raises(sm.InvalidManifold, match=r"airyai\(\.\.\.\) has no compiled form"):
        function_source("f", [x], {}, [sp.airyai(x)])


def test_free_symbol_is_refused():
    x, c = sp.symbols("x c")
    with pytest.raises(sm.InvalidManifold, match="contains c, which is neither a coordinate"):
        function_source("f", [x], {}, [x + c])


def test_infinite_constant_is_refused():
    x = sp.Symbol("x")
    with pytest.raises(sm.InvalidManifold, match="no finite real number"):
        function_source("f", [x], {}, [sp.zoo])


def test_complement_of_a_probability_is_no_difference():
    p = sp.Symbol("p")
    M = sm.StatisticalManifold({p: sp.Interval.open(0, 1)}, [[1 / (p * (1 - p))]])
    chart = Chart(M, True)
    (e,) = chart.exponentials
    (g,) = chart.pull_back({(0, 0): M.metric[0, 0]}, 2)
    assert sp.simplify(g - e / (1 + e) ** 2) == 0
    # At u = 40, p rounds to 1 and a difference 1 - p to 0; the metric is e^-u/(1 + e^-u)^2.
    source = function_source("f", chart.inputs, chart.exponentials, [g])
    signature = "types.void(VECTOR, VECTOR)"
    out = np.empty(1)
    load("complement " + source, (), lambda: source, [("f", signature)]).f(np.array([40.0]), out)
    exact = float(sp.exp(-40).evalf(30) / (1 + sp.exp(-40).evalf(30)) ** 2)
    assert math.isclose(out[0], exact, rel_tol=1e-14)


def test_values_of_every_head():
    x = sp.Symbol("x", positive=True)
    heads = [
        sp.exp(-x),
        sp.log(x),
        sp.sqrt(x),
        x ** sp.Rational(5, 3),
        1 / sp.sqrt(x),
        sp.gamma(x),
        sp.loggamma(x),
        sp.erf(x),
        sp.erfc(x),
        sp.polygamma(5, x),
        sp.beta(x, 3),
        sp.zeta(3) * x,
        sp.pi * x,
        sp.EulerGamma + x,
        sp.atan2(x, 2),
        sp.besseli(1, x),
        sp.besselk(sp.Rational(1, 3), x),
        sp.tanh(x),
        sp.Abs(x - 3),
        sp.Piecewise((x, x < 1), (x**2, sp.Or(x > 2, x > 3)), (0, True)),
        sp.sinh(x) / x**3,
    ]
    source = function_source("f", [x], {}, heads)
    module = load(
        "heads " + source, ("special.py",), lambda: source, [("f", "types.void(VECTOR, VECTOR)")]
    )
    for value in (0.3, 1.7, 6.1):
        out = np.empty(len(heads))
        module.f(np.array([value]), out)
        for head, found in zip(heads, out, strict=True):
            exact = float(head.subs(x, sp.Float(value, 30)).evalf(25))
            assert math.isclose(found, exact, rel_tol=3e-14, abs_tol=1e-300), head


def _filled(source, x, count):
    """Outputs of a field's source, run as plain Python."""
    space = {**vars(special), "math": math}
    exec(source, space)  # noqa: S102 - it is our own
    out = np.full(count, math.nan)
    space["field"](np.array(x), out)
    return out


def _at_forty_digits(M, order, unconstrained, x):
    """The same outputs by sympy's derivatives of the shown tensors, at 60 digits."""
    inputs, exponentials, outputs = field_outputs(M, order, unconstrained)
    context = new_context(60)
    values = {s: context.mpf(v) for s, v in zip(inputs, x, strict=True)}
    values.update({s: context.exp(context.mpf(x[k])) for s, k in exponentials.items()})
    return [known_value(e, values, context) for e in outputs]


def _assert_field(M, order, unconstrained, x, tolerance):
    exact = _at_forty_digits(M, order, unconstrained, x)
    found = _filled(field_source(M, order, unconstrained), x, len(exact))
    largest = max(abs(v) for v in exact)
    for k, (a, b) in enumerate(zip(found, exact, strict=True)):
        # Sums of the reference that vanish do so to its own rounding.
        size = abs(b) if abs(b) > largest * 1e-40 else largest
        assert abs(a - b) <= tolerance * size, (k, a, b)


a, b, p, q = sp.symbols("a b p q")
HALF, UNIT = sp.Interval.open(0, sp.oo), sp.Interval.open(0, 1)
SYMMETRIC = sp.Interval.open(-1, 1)
BELOW = sp.Interval.open(-sp.oo, 2)
# Domains, metric and one entry of T.
CASES = {
    "half-lines": ({a: HALF, b: BELOW}, [[b**2 / a**3, 0], [0, a / (2 - b)]], 1 / (a + 3)),
    "unit interval": ({p: UNIT, a: HALF}, [[a / (p * (1 - p)), p], [p, 1 / a + p**2]], a - p),
    "roots": ({a: HALF, b: HALF}, [[sp.sqrt(a + b), 0], [0, sp.sqrt(a) / b]], a**2 * b),
    "powers": ({a: HALF, b: HALF}, [[a**b, 0], [0, sp.exp(-2 * a) + b]], sp.log(a * b + 1)),
    "circle": ({a: HALF, b: sp.S.Reals}, [[1 / a, 0], [0, a * (2 + sp.cos(b))]], sp.sin(b)),
    "polygammas": (
        {a: HALF, b: HALF},
        [[sp.polygamma(1, a), -sp.polygamma(1, a + b) / 3], [-sp.polygamma(1, a + b) / 3, 9 / b]],
        sp.polygamma(2, b),
    ),
    "symmetric": ({p: SYMMETRIC, q: sp.S.Reals}, [[2 / (1 - p**2), p], [p, 3 + q**2]], p * q),
    "triangular": (
        {p: UNIT, q: sp.Interval.open(0, 1 - p)},
        [[1 / p + 1 / (1 - p - q), 1 / (1 - p - q)], [1 / (1 - p - q), 1 / q + 1 / (1 - p - q)]],
        1 / q**2,
    ),
    "pieces": ({a: HALF, b: HALF}, [[sp.Piecewise((a, a < b), (b, True)), 0], [0, 3 / a]], a),
}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_fields_at_forty_digits(case, order):
    domain, metric, t = CASES[case]
    M = sm.StatisticalManifold(domain, metric, {(0, 0, 1): t})
    for u in ([0.3, -0.4], [-1.25, 2.0], [1.5, 0.75]):
        _assert_field(M, order, True, u, 2e-13)
        symbols = sp.symbols("u0 u1", real=True)
        at = dict(zip(symbols, u, strict=True))
        own = [float(e.subs(at)) for e in M.domain.from_unconstrained(symbols)]
        _assert_field(M, order, False, own, 2e-13)


@pytest.mark.parametrize("u", [[5.0, -12.0], [-9.0, 14.0], [-15.0, -3.0]])
def test_fields_keep_their_digits_near_the_boundary(u):
    domain, metric, t = CASES["triangular"]
    _assert_field(sm.StatisticalManifold(domain, metric, {(1, 1, 1): t}), 2, True, u, 1e-14)


def test_small_angles_and_small_exponents_do_not_cancel():
    x = sp.Symbol("x", positive=True)
    y = sp.Symbol("y", real=True)
    M = sm.StatisticalManifold((x, y), [[1, 0], [0, sp.sin(x) ** 2]])
    out = _filled(field_source(M, 1, False), [1e-9, 0.0], 13)
    assert math.isclose(out[2], 1e-18, rel_tol=1e-14)
    M = sm.StatisticalManifold((x, y), [[1, 0], [0, 1 - sp.cos(x)]])
    out = _filled(field_source(M, 1, False), [1e-9, 0.0], 13)
    assert math.isclose(out[2], 5e-19, rel_tol=1e-14)
    M = sm.StatisticalManifold((y, x), [[1 + (sp.exp(y) - 1) ** 2, 0], [0, (sp.exp(x) - 1) ** 2]])
    out = _filled(field_source(M, 1, False), [0.0, 1e-9], 13)
    assert math.isclose(out[2], math.expm1(1e-9) ** 2, rel_tol=1e-14)


def test_request_does_not_depend_on_names_or_on_what_was_computed_before():
    def request(names):
        k, r = sp.symbols(names, positive=True)
        M = sm.StatisticalManifold((k, r), [[sp.polygamma(1, k), 1 / r], [1 / r, k / r**2]])
        before = _request("field", M), field_source(M, 2, True)
        assert M.levi_civita.riemann.nonzero()
        assert (_request("field", M), field_source(M, 2, True)) == before
        return before

    assert request("k r") == request("z a")
