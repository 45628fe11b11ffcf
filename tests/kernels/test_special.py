"""Special functions against mpmath at 40 digits."""

import math
import random

import mpmath
import pytest

from statmani.kernels import special

MP = mpmath.MPContext()
MP.dps = 40
NAMED = {0: special.digamma, 1: special.trigamma, 2: special.tetragamma, 3: special.pentagamma}
ROOT = 1.4616321449683622


def _relative(value, exact):
    return abs(float((MP.mpf(value) - exact) / exact))


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4, 7, 15, 30])
def test_polygamma_over_sixteen_decades(order):
    rng = random.Random(order)
    points = [10 ** rng.uniform(-8, 8) for _ in range(60)]
    points += [rng.uniform(0.5, 30) for _ in range(60)]
    if order == 0:
        points += [
            ROOT + sign * 10 ** rng.uniform(-15, -0.3) for sign in (-1, 1) for _ in range(30)
        ]
    for x in points:
        exact = MP.polygamma(order, MP.mpf(x))
        if not 1e-300 < abs(exact) < 1e300:
            continue
        if order in NAMED:
            assert _relative(NAMED[order](x), exact) < 2e-15, x
        assert _relative(special.polygamma(order, x), exact) < 5e-15, x


def test_digamma_by_reflection():
    """Measured by the sizes of both terms, far from zero too, where pi x alone loses digits."""
    rng = random.Random(10)
    for x in [-(10 ** rng.uniform(-8, 6)) for _ in range(60)]:
        parts = MP.digamma(1 - MP.mpf(x)), MP.pi * MP.cot(MP.pi * MP.mpf(x))
        error = abs(MP.mpf(special.digamma(x)) - (parts[0] - parts[1]))
        assert error < 1e-14 * (abs(parts[0]) + abs(parts[1])), x


@pytest.mark.parametrize("order", [0, 1, 2, 5])
def test_polygamma_of_negative_arguments(order):
    for x in (-0.5, -2.25, -7.3):
        assert _relative(special.polygamma(order, x), MP.polygamma(order, MP.mpf(x))) < 1e-12
    assert math.isnan(special.polygamma(order, -3.0))
    assert math.isnan(special.polygamma(order, 0.0))


def test_bessel_k():
    rng = random.Random(6)
    for _ in range(150):
        order, x = rng.choice([0.0, 0.5, -1.0, 7 / 3, 12.0, 60.0]), 10 ** rng.uniform(-8, 2.8)
        exact = MP.besselk(order, MP.mpf(x))
        if exact < 1e300:
            assert _relative(special.besselk(order, x), exact) < 1e-13, (order, x)
    assert math.isnan(special.besselk(1.0, 0.0))


def test_bessel_i():
    rng = random.Random(5)
    for _ in range(150):
        order, x = rng.choice([0.0, 1.0, 2.0, 3.5]), 10 ** rng.uniform(-6, 2.8)
        assert _relative(special.besseli(order, x), MP.besseli(order, MP.mpf(x))) < 1e-14, (
            order,
            x,
        )
    assert special.besseli(0.0, 0.0) == 1.0


def test_bessel_functions_of_high_order():
    """Where the ascending series is long, and where the ratio of neighbours is close to one."""
    rng = random.Random(12)
    points = [(95.94911755432967, 432.8430203767964), (61.19471639949051, 618.5771641776746)]
    points += [(rng.uniform(0, 100), 10 ** rng.uniform(0, 2.84)) for _ in range(80)]
    for v, x in points:
        assert _relative(special.besseli(v, x), MP.besseli(v, x)) < 5e-15, (v, x)
    context = mpmath.MPContext()
    context.dps = 80
    for v, x in [(89.0, 23910.0), (78.3, 10760.0), (45.1, 6785.2), (1.0, 27.0), (99.3, 15100.0)]:
        order, y = context.mpf(v), context.mpf(x)
        ratio = context.besseli(order + 1, y) / context.besseli(order, y)
        slope = 1 - ratio**2 - (2 * order + 1) * ratio / y
        found = special.bessel_ratio_jet(v, x)
        for value, exact in zip(found, (1 - ratio, ratio, slope), strict=False):
            assert abs(float(context.mpf(value) / exact - 1)) < 1e-14, (v, x)


def test_logarithm_of_gamma_keeps_digits_at_its_zeros():
    rng = random.Random(13)
    points = [10 ** rng.uniform(-300, 300) for _ in range(60)]
    points += [10 ** rng.uniform(-2, 2) for _ in range(60)]
    points += [
        c + s * 10 ** rng.uniform(-15, -0.4) for c in (1, 2) for s in (-1, 1) for _ in "abcd"
    ]
    for x in points:
        assert _relative(special.loggamma(x), MP.loggamma(MP.mpf(x))) < 2e-15, x
    assert special.loggamma(1.0) == special.loggamma(2.0) == 0.0
    assert math.isnan(special.loggamma(-0.5))


def test_integrals_of_growing_exponentials():
    rng = random.Random(14)
    points = [10 ** rng.uniform(-300, 2.84) for _ in range(40)] + [40.0, 40.1, 0.25, 36.6]
    points += [-(10 ** rng.uniform(-20, 2.8)) for _ in range(30)]
    points += [0.37250741078136663 + s * 10 ** rng.uniform(-16, -0.7) for s in (-1, 1, -1, 1, 1)]
    for x in points:
        assert _relative(special.ei(x), MP.ei(MP.mpf(x))) < 5e-15, x
    for x in [rng.uniform(-26, 26) for _ in range(60)] + [1e-300, -1e-9, 6.4, 6.5, 6.02]:
        assert _relative(special.erfi(x), MP.erfi(MP.mpf(x))) < 5e-15, x
    assert math.isnan(special.ei(0.0))
    assert special.erfi(0.0) == 0.0


def test_lambert_w_from_its_branch_point_on():
    rng = random.Random(15)
    points = [10 ** rng.uniform(-300, 300) for _ in range(40)]
    points += [-(10 ** rng.uniform(-300, -0.5)) for _ in range(40)] + [math.e, -0.36785]
    points += [-0.36787944117144233 + 10 ** rng.uniform(-16, -0.5) for _ in range(60)]
    for x in points:
        assert _relative(special.lambert_w(x), MP.lambertw(MP.mpf(x))) < 1e-14, x
    assert special.lambert_w(0.0) == 0.0
    assert math.isnan(special.lambert_w(-0.4))


def _errors(function, exact, points):
    return [_relative(function(*p), exact(*(MP.mpf(e) for e in p))) for p in points]


def test_fused_polygammas_are_the_single_ones():
    rng = random.Random(8)
    for x in [10 ** rng.uniform(-8, 8) for _ in range(80)] + [
        rng.uniform(0.5, 12) for _ in range(60)
    ]:
        for values in (special.polygamma_12(x), special.polygamma_123(x)):
            for order, value in enumerate(values, 1):
                assert _relative(value, MP.polygamma(order, MP.mpf(x))) < 2e-15, x
    assert special.polygamma_12(-0.5) == (special.polygamma(1, -0.5), special.polygamma(2, -0.5))
    assert math.isnan(special.polygamma_123(-2.0)[2])


@pytest.mark.parametrize("order", [0, 1, 2, 3, 6, 20])
def test_differences_of_polygammas_keep_their_digits(order):
    rng = random.Random(order)
    context = mpmath.MPContext()
    context.dps = 90
    pairs = [(10 ** rng.uniform(-8, 8), 10 ** rng.uniform(-8, 8)) for _ in range(60)]
    pairs += [(x, -x * rng.uniform(0, 0.999)) for x, _ in pairs[:30]]
    pairs += [(1e8, 1e-8), (1e-8, 1e8), (1.0, 1e-16), (1.4616321449683622, 1e-12)]
    for x, d in pairs:
        p, q = context.mpf(x), context.mpf(x) + context.mpf(d)
        exact = context.polygamma(order, p) - context.polygamma(order, q)
        if not 1e-290 < abs(exact) < 1e290:
            continue
        at = special.polygamma(order, x), special.polygamma(order, x + d)
        found = special.polygamma_fall(order, x, x + d, d, *at)
        assert abs(float(context.mpf(found) / exact - 1)) < 1e-14, (x, d)


def test_beta_at_extreme_shapes():
    rng = random.Random(9)
    points = [(10 ** rng.uniform(-8, 8), 10 ** rng.uniform(-8, 8)) for _ in range(150)]
    points += [(10 ** rng.uniform(0, 2.6), 10 ** rng.uniform(0, 2.6)) for _ in range(80)]
    points += [(19.2, 7.4e7), (500.0, 500.0), (1e-8, 1e8)]
    for a, b in points:
        exact = MP.beta(MP.mpf(a), MP.mpf(b))
        if exact > 1e-300:
            assert _relative(special.beta(a, b), exact) < 1e-14, (a, b)


@pytest.mark.parametrize("order", [0.0, 0.5, 2.0])
def test_ratio_of_bessel_functions_and_its_derivatives(order):
    rng = random.Random(4)
    context = mpmath.MPContext()
    context.dps = 90
    for x in [10 ** rng.uniform(-3, 8) for _ in range(40)] + [29.9, 30.1, 36.1, 701.0, 1e8]:
        v, y = context.mpf(order), context.mpf(x)
        ratio = context.besseli(v + 1, y) / context.besseli(v, y)
        first = 1 - ratio**2 - (2 * v + 1) * ratio / y
        second = -2 * ratio * first - (2 * v + 1) * (first / y - ratio / y**2)
        found = special.bessel_ratio_jet(order, x)
        for value, exact in zip(found, (1 - ratio, ratio, first, second), strict=False):
            assert abs(float(context.mpf(value) / exact - 1)) < 1.5e-14, x
        assert special.bessel_ratio_derivative(1, order, x) == found[2]
        assert special.bessel_ratio_rest(order, x) == pytest.approx(found[0], rel=1e-14)
        assert special.bessel_ratio(order, x) == pytest.approx(found[1], rel=2e-15)


def test_scaled_bessel_functions_far_out():
    rng = random.Random(3)
    for order in (0.0, 1.0, 7 / 3, 40.0):
        for x in [10 ** rng.uniform(-1, 5) for _ in range(12)]:
            v, y = MP.mpf(order), MP.mpf(x)
            growth = MP.exp(y)
            assert _relative(special.besseli_scaled(order, x), MP.besseli(v, y) / growth) < 1e-14
            assert _relative(special.besselk_scaled(order, x), MP.besselk(v, y) * growth) < 1e-14
            quotient = MP.besselk(v + 1, y) / MP.besselk(v, y)
            assert _relative(special.besselk_ratio(order, x), quotient) < 1e-14
    assert math.isnan(special.besseli(0.0, 720.0))


def test_error_functions():
    rng = random.Random(2)
    points = [(rng.uniform(-25, 30),) for _ in range(120)] + [(1e-9,), (-1e-9,), (5.0,), (1e4,)]
    assert max(_errors(special.erfcx, lambda u: MP.exp(u * u) * MP.erfc(u), points)) < 3e-15
    points = [p for p in points if p[0] > -5.5]
    assert max(_errors(special.log_erfc, lambda u: MP.log(MP.erfc(u)), points)) < 3e-15
    exact = lambda u: MP.exp(-u * u) / MP.erfc(u)  # noqa: E731
    assert max(_errors(special.inverse_mills, exact, points)) < 3e-15


def test_quantiles_by_newton_steps():
    rng = random.Random(7)
    levels = [rng.random() for _ in range(60)] + [10 ** rng.uniform(-300, 0) for _ in range(40)]
    levels += [1 - 10 ** rng.uniform(-15, 0) for _ in range(20)] + [0.5 + 1e-9, 0.075, 0.925]
    for p in levels:
        found = special.normal_quantile(p)
        x = MP.mpf(found)
        for _ in range(3):
            density = MP.exp(-x * x / 2) / MP.sqrt(2 * MP.pi)
            x -= (MP.erfc(-x / MP.sqrt(2)) / 2 - MP.mpf(p)) / density
        assert _relative(found, x) < 3e-15, p
        # erfcinv(2 p) = -quantile(p) / sqrt(2)
        assert _relative(special.erfcinv(2 * p), -x / MP.sqrt(2)) < 3e-15, p
    for y in (1e-12, 0.3, -0.9, 0.999999):
        assert _relative(special.erfinv(y), MP.erfinv(MP.mpf(y))) < 3e-15
    assert special.normal_quantile(0.0) == -math.inf
    assert special.erfinv(1.0) == math.inf
    assert math.isnan(special.normal_quantile(1.5))


@pytest.mark.parametrize("order", [0, 1, 2, 5, 20])
def test_exponential_integral(order):
    rng = random.Random(order)
    context = mpmath.MPContext()
    context.dps = 150
    for x in [10 ** rng.uniform(-8, 2.8) for _ in range(40)] + [0.99999, 1.0, 1.00001]:
        exact = context.expint(order, context.mpf(x))
        assert abs(float(context.mpf(special.exponential_integral(order, x)) / exact - 1)) < 1e-14
    assert math.isnan(special.exponential_integral(1, -1.0))


@pytest.mark.parametrize("order", [0, 1, 3])
def test_zeta_and_its_derivatives(order):
    rng = random.Random(order)
    for s, a in [
        (1 + 10 ** rng.uniform(-6, 1.5), rng.choice([1.0, 0.02, 40.0])) for _ in range(12)
    ]:
        context = mpmath.MPContext()
        context.dps = 90
        exact = context.zeta(context.mpf(s), context.mpf(a), order)
        assert _relative(special.zeta_derivative(order, s, a), exact) < 1e-14, (s, a)
