"""Generated source: only our own names, only known heads, right values."""

import math

import numpy as np
import pytest
import sympy as sp

import statmani as sm
from statmani.kernels.cache import load
from statmani.kernels.emit import function_source
from statmani.kernels.fields import Chart, field_source


@pytest.mark.parametrize("name", ["__import__", "lambda", "π", "x; import os", "a" * 200])
def test_user_names_never_reach_source(name):
    symbol = sp.Symbol(name, positive=True)
    source = field_source(sm.StatisticalManifold((symbol,), [[sp.polygamma(1, symbol)]]), 2, True)
    assert name not in source
    for word in ("import", "lambda", "_statmani_"):
        assert word not in source


def test_unknown_function_is_refused_by_name():
    x = sp.Symbol("x", positive=True)
    with pytest.raises(sm.InvalidManifold, match=r"LambertW\(\.\.\.\) has no compiled form"):
        function_source("f", [x], {}, [sp.LambertW(x)])


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
