"""Better forms of generated code: the same numbers, with the digits that the plain forms lose."""

import math

import mpmath
import numpy as np
import pytest
import sympy as sp

import statmani as sm
from statmani.kernels import special
from statmani.kernels.emit import function_source
from statmani.kernels.fields import field_source
from statmani.kernels.forms import improved

MP = mpmath.MPContext()
MP.dps = 80
a, b, c = sp.symbols("a b c", positive=True)


def _run(source, x, count):
    """Outputs of our own source, run as plain Python."""
    space = {**vars(special), "math": math}
    exec(source, space)  # noqa: S102 - it is our own
    out = np.full(count, math.nan)
    space["f"](np.array(x), out)
    return out


def _source(outputs):
    return improved(function_source("f", [a, b, c], {}, outputs))


@pytest.mark.parametrize("point", [(1e8, 1e-7, 3.0), (2.0, 1e-9, 1e6), (0.3, 1.7, 2.5)])
def test_differences_of_polygammas_in_printed_expressions(point):
    psi = sp.polygamma
    outputs = [
        psi(0, a) - psi(0, a + b),
        3 * psi(1, a + b + c) - 3 * psi(1, a + c) + 0 * b,
        b * (psi(2, a) - psi(2, a + b)),
        psi(5, a + 2 * b) / 7 - psi(5, a + b) / 7,
        2 * psi(1, a) - psi(1, a + b) - psi(1, a + 2 * b),
    ]
    values = [MP.mpf(p) for p in point]
    x, y, z = values
    psi = MP.polygamma
    exact = [
        psi(0, x) - psi(0, x + y),
        3 * (psi(1, x + y + z) - psi(1, x + z)),
        y * (psi(2, x) - psi(2, x + y)),
        (psi(5, x + 2 * y) - psi(5, x + y)) / 7,
        2 * psi(1, x) - psi(1, x + y) - psi(1, x + 2 * y),
    ]
    for found, value in zip(_run(_source(outputs), point, 5), exact, strict=True):
        assert abs(found / float(value) - 1) < 1e-13


def test_polygammas_of_one_argument_come_from_one_sweep():
    source = _source([sp.polygamma(1, a), sp.polygamma(3, a), sp.polygamma(2, b)])
    assert source.count("polygamma_123(x0)") == 1
    assert "trigamma(x0)" not in source
    assert "tetragamma(x1)" in source


def test_a_branch_that_is_not_taken_is_not_evaluated_before():
    source = _source([sp.Piecewise((sp.polygamma(1, a - 1), a > 1), (0, True))])
    assert source.count("trigamma") == 1
    assert "h0" not in source


def test_growing_bessel_functions_stay_where_growth_matters():
    assert "besseli_scaled" not in _source([sp.besseli(0, a)])
    assert "besseli_scaled" not in _source([sp.besseli(0, a) + 1])
    assert "besseli_scaled" not in _source([sp.besseli(1, a) / sp.besseli(0, b)])
    assert "besseli_scaled" not in _source([sp.log(sp.besseli(0, a))])
    assert "besseli_scaled" in _source([sp.besseli(1, a) / sp.besseli(0, a)])
    source = _source([sp.besselk(1, a) * sp.besseli(0, a)])
    assert "besselk_scaled" in source
    exact = MP.besselk(1, 800) * MP.besseli(0, 800)
    assert math.isclose(_run(source, [800.0, 1.0, 1.0], 1)[0], float(exact), rel_tol=1e-14)


@pytest.mark.parametrize("order", [0, sp.Rational(1, 3)])
@pytest.mark.parametrize("kappa", [1e-2, 0.7, 5.0, 40.0, 701.0, 1e5, 1e8])
def test_products_of_neighbouring_bessel_functions(order, kappa):
    k, m = sp.Symbol("k", positive=True), sp.Symbol("m", real=True)
    ratio = sp.besseli(order + 1, k) / sp.besseli(order, k)
    slope = 1 - ratio**2 - (2 * order + 1) * ratio / k
    M = sm.StatisticalManifold((m, k), [[k * ratio, 0], [0, slope]])
    out = _run(field_source(M, 1, False).replace("def field", "def f"), [0.0, kappa], 13)
    y, v = MP.mpf(kappa), MP.mpf(sp.Rational(order).p) / sp.Rational(order).q
    at = MP.besseli(v + 1, y) / MP.besseli(v, y)
    first = 1 - at**2 - (2 * v + 1) * at / y
    second = -2 * at * first - (2 * v + 1) * (first / y - at / y**2)
    # g_mm, g_kk and their derivatives by k
    for found, exact in ((out[0], y * at), (out[2], first), (out[8], second)):
        assert abs(found / float(exact) - 1) < 2e-14
    assert abs(out[6] / float(at + y * first) - 1) < 2e-14
