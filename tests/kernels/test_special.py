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
