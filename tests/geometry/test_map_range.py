"""Maps that leave the old domain, have a pole or a kink, or meet themselves far from zero."""

from __future__ import annotations

import pytest
import sympy as sp
from sympy import Abs, Interval, Max, Piecewise, Rational, S, cos, exp, oo, pi, sign, sin, symbols

import statmani as sm
from statmani.errors import InvalidManifold
from statmani.geometry.injectivity import same_image
from statmani.reading import domain_of

a, b, t = symbols("a b t")
HALF = Interval.open(0, oo)
N = sm.families.normal().manifold()
MU, SIGMA = N.coordinates
C = sm.families.categorical(3).manifold()


def _refused(manifold, images, coordinates) -> str:
    mapping = dict(zip(manifold.coordinates, images, strict=True))
    domain = domain_of(coordinates)
    change = manifold.reparametrize if domain.dim == manifold.dim else manifold.submanifold
    with pytest.raises(InvalidManifold) as caught:
        change(mapping, coordinates)
    return str(caught.value)


@pytest.mark.parametrize(
    ("images", "coordinates", "words"),
    [
        ((t, 1 - t**2), {t: S.Reals}, "at t = -2 it gives mu = -2, sigma = -3, which breaks sigma"),
        ((t, (t - Rational(1, 3)) ** 2), {t: S.Reals}, "at t = 1/3 it gives mu = 1/3, sigma = 0"),
        ((t, 1 + 10 * (t - 1000) * (t - 1001)), {t: S.Reals}, "at t = 1000."),
        ((t, 2 - exp(t / 100)), {t: S.Reals}, "at t = 70 it gives mu = 70, sigma = -0.0137527"),
        ((t, t - Rational(1, 10**5)), {t: Interval.open(0, 5)}, "which breaks sigma > 0"),
        ((a, a + b), {a: S.Reals, b: HALF}, "which breaks sigma > 0"),
    ],
)
def test_leaving_the_old_domain(images, coordinates, words) -> None:
    message = _refused(N, images, coordinates)
    assert "leaves the domain (mu real, sigma > 0)" in message
    assert words in message


def test_leaving_with_a_constant() -> None:
    """The constant has no value of its own: points where it is given one decide."""
    scales = sm.StatisticalManifold({a: HALF}, [[1 / a**2]])
    with pytest.raises(InvalidManifold, match=r"domain \(a > 0\): at (t = |b = ).* gives a = -"):
        scales.reparametrize({a: t - b}, {t: S.Reals})


def test_leaving_the_simplex() -> None:
    """Each probability is in (0, 1) at t < 3/4, only their sum is too large."""
    message = _refused(C, (t, t / 3), {t: Interval.open(0, Rational(9, 10))})
    assert "leaves the domain" in message
    inside = dict(zip(C.coordinates, (t, t / 3), strict=True))
    curve = C.submanifold(inside, {t: Interval.open(0, Rational(3, 4))})
    p = curve.coordinates[0]
    expected = 1 / p + 1 / (3 * p) + Rational(16, 9) / (1 - 4 * p / 3)
    assert sp.cancel(curve.metric[0, 0] - expected) == 0


@pytest.mark.parametrize(
    ("images", "coordinates", "words"),
    [
        ((1 / a, b), {a: S.Reals, b: HALF}, "mu = 1/a has no finite real value at a = 0"),
        ((t, (t - Rational(1, 3)) ** -2), {t: S.Reals}, "no finite real value at t = 1/3"),
        ((sp.tan(t), 1 + t**2), {t: Interval.open(0, 2)}, "no finite real value at t = pi/2"),
        ((sp.log(t), 1 + t**2), {t: S.Reals}, "no finite real value at t = 0"),
        ((1 / (a - b), b), {a: HALF, b: HALF}, "no finite real value at a = "),
    ],
)
def test_poles_inside(images, coordinates, words) -> None:
    assert words in _refused(N, images, coordinates)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (Abs(a), "not one-to-one: a = -1, b = 0 and a = 1, b = 0 have the same image"),
        (a + Max(a, 0), "contains Max(0, a), which is not smooth at a = 0"),
        (a + sign(a - 2), "contains sign(a - 2), which is not smooth at a = 2"),
        (Piecewise((a, a > 1), (2 * a - 1, True)), "which is not smooth at a = 1"),
        (2 * a + Abs(a), "contains Abs(a), which is not smooth at a = 0"),
    ],
)
def test_kinks(image, words) -> None:
    message = _refused(N, (image, exp(b)), {a: S.Reals, b: S.Reals})
    assert words in message


def test_kinks_outside_the_domain_are_harmless() -> None:
    curve = N.submanifold({MU: Abs(t - 2), SIGMA: 1 + t}, {t: Interval.open(3, oo)})
    (s,) = curve.coordinates
    assert sp.cancel(curve.metric[0, 0].subs(s, 5) - Rational(3, 36)) == 0


SELF_MEETING = {
    "far crossing": ((t * (t - 100) * (t - 101), 1 + (t - Rational(201, 2)) ** 2), S.Reals),
    "very far crossing": ((t * (t - 10**5) * (t - 10**5 - 1), (2 * t - 200001) ** 2), S.Reals),
    "small loop": ((t**2, t**3 - t / 10**6), S.Reals),
    "even": ((t**2, t**4 + t**2), S.Reals),
    "tiny overlap": ((sin(t), 2 + cos(t)), Interval.open(0, 2 * pi + Rational(1, 1000))),
    "common period": (
        (sin(2 * t / 3) + cos(t), sin(t) + cos(t / 3)),
        Interval.open(-1, 6 * pi - 1 + Rational(1, 10**6)),
    ),
    "far loop that is no polynomial": ((exp(-t) + (t - 40) ** 2, (t - 40) ** 3 - t + 40), HALF),
}


@pytest.mark.parametrize("name", SELF_MEETING)
def test_curves_that_meet_themselves(name) -> None:
    images, where = SELF_MEETING[name]
    domain = domain_of({t: where})
    pair = same_image(domain, images, [False, False])
    assert pair is not None
    first, second = pair[0][t], pair[1][t]
    assert abs((first - second).evalf()) > 1e-6
    for point in (first, second):
        assert where.contains(point) == True  # noqa: E712
    for image in images:
        assert abs((image.subs(t, first) - image.subs(t, second)).evalf(50)) < 1e-30


@pytest.mark.parametrize(
    ("images", "where"),
    [
        ((sin(t), 2 + cos(t)), Interval.open(0, 2 * pi)),
        ((t**2, t**3), HALF),
        ((t**2, t**3 + t), S.Reals),
        ((t * (t - 100) * (t - 101), 1 + (t - Rational(201, 2)) ** 2), Interval.open(-50, 101)),
        ((t**2 - 1, t**3 - t), Interval.open(-1, 1)),
        ((sp.tanh(t), 2 + sp.atan(t)), S.Reals),
        ((exp(t) * cos(t), exp(t) * sin(t)), S.Reals),
    ],
)
def test_curves_that_only_touch_at_the_ends(images, where) -> None:
    assert same_image(domain_of({t: where}), images, [False, False]) is None


def test_steep_growth_is_no_singular_point() -> None:
    """The Jacobian's square is 1 + ..., and grows like exp(4 t)."""
    curve = N.submanifold({MU: t, SIGMA: 1 + (exp(t) - 1) ** 2 / t**2}, {t: S.Reals})
    (s,) = curve.coordinates
    sigma = 1 + (exp(s) - 1) ** 2 / s**2
    expected = (1 + 2 * sigma.diff(s) ** 2) / sigma**2
    assert abs((curve.metric[0, 0] - expected).subs(s, Rational(3, 2)).evalf(30)) < 1e-25
