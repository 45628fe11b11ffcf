"""Changes of chart and submanifolds: maps that are refused, with their witness points."""

from __future__ import annotations

import pytest
import sympy as sp
from sympy import Interval, S, cos, exp, oo, pi, sin, sqrt, symbols

import statmani as sm
from statmani.errors import InvalidManifold
from statmani.geometry.injectivity import same_image
from statmani.geometry.manifold import StatisticalManifold
from statmani.reading import domain_of

x, y, z, t, s, p = symbols("x y z t s p", real=True)
r, q = symbols("r q", positive=True)
LINE = StatisticalManifold((x,), [[1]])
PLANE = StatisticalManifold((x, y), sp.eye(2))
SPACE = StatisticalManifold((x, y, z), sp.eye(3))
HALF = Interval.open(0, oo)

NOT_ONE_TO_ONE = {
    "polar coordinates on the plane": ((r * cos(p), r * sin(p)), {r: HALF, p: S.Reals}),
    "one and a half turns": ((r * cos(p), r * sin(p)), {r: HALF, p: Interval.open(0, 3 * pi)}),
    "twice around a circle": ((r * cos(2 * p), r * sin(2 * p)), {r: HALF, p: sm.Circle}),
    "complex exponential": ((exp(t) * cos(s), exp(t) * sin(s)), (t, s)),
    "circle run through twice": ((cos(t), sin(t)), {t: Interval.open(0, 4 * pi)}),
    "figure eight": ((cos(t), sin(2 * t)), {t: Interval.open(-2, 2 * pi - 2)}),
    "nodal cubic": ((t**2 - 1, t * (t**2 - 1)), t),
    "loop with irrational node": ((t**3 - 3 * t, t**2), t),
    "closed curve in space": ((cos(t), sin(t), cos(3 * t)), t),
    "torus over several turns": (
        ((3 + cos(t)) * cos(s), (3 + cos(t)) * sin(s), sin(t)),
        (t, s),
    ),
}


@pytest.mark.parametrize("name", NOT_ONE_TO_ONE)
def test_maps_that_are_not_one_to_one(name) -> None:
    images, coordinates = NOT_ONE_TO_ONE[name]
    ambient = PLANE if len(images) == 2 else SPACE
    domain = domain_of(coordinates)
    pair = same_image(domain, images, [False] * len(images))
    assert pair is not None
    first, second = pair
    # Independently of the search: sympy's own numbers, 40 digits, and clearly different points.
    for image in images:
        assert abs(image.subs(first).evalf(50) - image.subs(second).evalf(50)) < 1e-38
    assert max(abs((first[u] - second[u]).evalf()) for u in domain.symbols) > 1e-3
    for point in pair:
        assert domain.contains([float(point[u]) for u in domain.symbols])
    mapping = dict(zip(ambient.coordinates, images, strict=True))
    change = ambient.reparametrize if domain.dim == ambient.dim else ambient.submanifold
    with pytest.raises(InvalidManifold, match=r"is not one-to-one: .* have the same image"):
        change(mapping, coordinates)


ONE_TO_ONE = {
    "orientation reversed": ((s, t), (t, s)),
    "reflection": ((t, -s), (t, s)),
    "polar with a circle": ((r * cos(p), r * sin(p)), {r: HALF, p: sm.Circle}),
    "polar on an interval": ((r * cos(p), r * sin(p)), {r: HALF, p: Interval.open(-pi, pi)}),
    "squares of a half-plane": ((q**2 - s**2, 2 * q * s), (q, s)),
    "cubic shear": ((t + s**3, s), (t, s)),
    "symmetric functions in order": ((t + s, t * s), (t, s)),
    "saturating": ((sp.tanh(t), sp.atan(t) + exp(s)), (t, s)),
    "circle once": ((cos(t), sin(t)), {t: Interval.open(0, 2 * pi)}),
    "circle with a circle": ((cos(t), sin(t)), {t: sm.Circle}),
    "spiral": ((exp(t) * cos(t), exp(t) * sin(t)), t),
    "helix": ((cos(t), sin(t), t), t),
    "torus": (
        ((3 + cos(t)) * cos(s), (3 + cos(t)) * sin(s), sin(t)),
        {t: sm.Circle, s: sm.Circle},
    ),
}


@pytest.mark.parametrize("name", ONE_TO_ONE)
def test_maps_that_are_accepted(name) -> None:
    images, coordinates = ONE_TO_ONE[name]
    ambient = PLANE if len(images) == 2 else SPACE
    mapping = dict(zip(ambient.coordinates, images, strict=True))
    constraint = t > s if name.startswith("symmetric") else None
    domain = domain_of(coordinates, constraint)
    change = ambient.reparametrize if domain.dim == ambient.dim else ambient.submanifold
    result = change(mapping, coordinates, constraint=constraint)
    at = dict(zip(domain.symbols, (sp.Rational(3, 4), sp.Rational(1, 3)), strict=False))
    jacobian = sp.Matrix(images).jacobian(list(domain.symbols)).subs(at)
    assert (result.metric.subs(at) - jacobian.T * jacobian).evalf(30).norm() < 1e-25


def require_refusal(images, coordinates, message) -> None:
    ambient = {1: LINE, 2: PLANE, 3: SPACE}[len(images)]
    domain = domain_of(coordinates)
    change = ambient.reparametrize if domain.dim == ambient.dim else ambient.submanifold
    with pytest.raises(InvalidManifold) as caught:
        change(dict(zip(ambient.coordinates, images, strict=True)), coordinates)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("images", "coordinates", "message"),
    [
        ((t**2,), t, "not one-to-one: t = 1 and t = -1 have the same image"),
        ((t**3,), t, "singular Jacobian at t = 0"),
        ((sqrt(t**2 + 1),), t, "have the same image"),
        ((t + sin(t),), t, "singular Jacobian at t = "),
        ((t**2, t**3), t, "singular Jacobian at t = 0"),
        ((t * s, t, s**2), (t, s), "singular Jacobian at t = 0, s = 0"),
        ((t**2 - s**2, 2 * t * s), (t, s), "singular Jacobian at t = 0, s = 0"),
        ((t + s, (t + s) ** 2), (t, s), "singular Jacobian everywhere"),
    ],
)
def test_singular_maps_are_refused_with_a_point(images, coordinates, message) -> None:
    require_refusal(images, coordinates, message)


def test_maps_with_constants_and_circles() -> None:
    c = sp.Symbol("c")
    assert LINE.reparametrize({x: c * t}, t).metric == sp.Matrix([[c**2]])
    with pytest.raises(InvalidManifold, match="have the same image"):
        LINE.reparametrize({x: t + c * sin(t)}, t)
    mises = sm.families.von_mises().manifold()
    mu, kappa = mises.coordinates
    box = {p: sm.Circle, kappa: HALF}
    turned = mises.reparametrize({mu: 1 - p, kappa: kappa}, box)
    assert turned.metric[1, 1] == mises.metric[1, 1]
    with pytest.raises(InvalidManifold, match="have the same image"):
        mises.reparametrize({mu: 2 * p, kappa: kappa}, box)


def test_charts_of_the_catalogue_stay_possible() -> None:
    """Usual reparametrizations are neither refused nor slow to accept."""
    gamma = sm.families.gamma().manifold()
    k, theta = gamma.coordinates
    new = gamma.reparametrize({k: r**2 / q, theta: q / r}, (r, q))
    assert new.flat_orders == sp.FiniteSet(-1, 1)
    beta = sm.families.beta().manifold()
    a, b = beta.coordinates
    u = sp.Symbol("u")
    by_mean = beta.reparametrize({a: u * q, b: (1 - u) * q}, {u: Interval.open(0, 1), q: HALF})
    assert by_mean.conjugate_symmetry.holds


FURTHER_REFUSALS = {
    "fold far out in two dimensions": (
        (t + s, (s - 300) ** 2 + t), (t, s), "singular Jacobian at"
    ),
    "double zero far out": (((t - 10**6) ** 3,), t, "singular Jacobian at t = 1000000"),
    "cubic with far folds": ((t**3 - 3 * 10**6 * t,), t, "singular Jacobian at t = -1000"),
    "odd square": ((t * sp.Abs(t),), t, "not smooth at t = 0"),
    "step": ((t - sp.floor(t),), t, "contains floor(t), which is not smooth at t = 0"),
    "sine on a long interval": ((sin(t),), {t: Interval.open(0, 10)}, "have the same image"),
    "a little more than a circle": (
        (cos(t), sin(t)), {t: Interval.open(0, sp.Rational(64, 10))}, "have the same image"
    ),
    "third power of the right half-plane": (
        (q**3 - 3 * q * s**2, 3 * q**2 * s - s**3), (q, s), "have the same image"
    ),
    "Whitney's cusp": ((t**3 + s * t, s), (t, s), "have the same image"),
    "unordered roots": ((t + s, t * s), (t, s), "have the same image"),
    "rational bump": ((t / (1 + t**2),), t, "singular Jacobian at t = -1"),
    "spherical angles too wide": (
        (r * sin(t) * cos(p), r * sin(t) * sin(p), r * cos(t)),
        {r: HALF, t: Interval.open(0, pi), p: Interval.open(0, 7)},
        "have the same image",
    ),
    "fold in space": ((t, s, p**2 - p), (t, s, p), "p = 1/2"),
    "power tower": ((q**q,), q, "singular Jacobian at q = 0.36787944"),
    "bump on a plateau": ((sp.tanh(t) + exp(-((t - 5) ** 2)),), t, "have the same image"),
}  # fmt: skip


@pytest.mark.parametrize("name", FURTHER_REFUSALS)
def test_further_maps_that_are_refused(name) -> None:
    images, coordinates, message = FURTHER_REFUSALS[name]
    require_refusal(images, coordinates, message)


FURTHER_CHARTS = {
    "nearly flat sine": ((t + sin(t) * sp.Rational(999, 1000),), t),
    "half a sine": ((t + sin(t) / 2,), t),
    "two sines": ((t + sin(s) / 3, s + sin(t) / 3), (t, s)),
    "Henon": ((1 - t**2 + s, t / 3), (t, s)),
    "polynomial automorphism": ((t + (s + t**2) ** 2, s + t**2), (t, s)),
    "third power of a sector": (
        (q**3 - 3 * q * s**2, 3 * q**2 * s - s**3),
        {q: HALF, s: Interval.open(-sqrt(3) * q / 3, sqrt(3) * q / 3)},
    ),
    "upper half of the cusp": ((t**3 + q * t, q), (t, q)),
    "elliptic": ((sp.cosh(r) * cos(p), sp.sinh(r) * sin(p)), {r: HALF, p: sm.Circle}),
    "bipolar": (
        (sp.sinh(t) / (sp.cosh(t) - cos(s)), sin(s) / (sp.cosh(t) - cos(s))),
        {t: S.Reals, s: Interval.open(0, pi)},
    ),
    "parabolic": ((t * q, (t**2 - q**2) / 2), (t, q)),
    "tangent": ((sp.tan(t),), {t: Interval.open(-pi / 2, pi / 2)}),
    "triangular in space": ((t, s + t**2, p + s * t), (t, s, p)),
    "complex exponential on a strip": (
        (exp(t) * cos(s), exp(t) * sin(s)), {t: S.Reals, s: Interval.open(-pi, pi)}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FURTHER_CHARTS)
def test_further_maps_that_are_accepted(name) -> None:
    images, coordinates = FURTHER_CHARTS[name]
    ambient = {1: LINE, 2: PLANE, 3: SPACE}[len(images)]
    mapping = dict(zip(ambient.coordinates, images, strict=True))
    result = ambient.reparametrize(mapping, coordinates)
    at = dict(zip(result.coordinates, (sp.Rational(3, 4), sp.Rational(1, 3), 2), strict=False))
    jacobian = sp.Matrix(images).jacobian(list(result.coordinates)).subs(at)
    assert (result.metric.subs(at) - jacobian.T * jacobian).evalf(30).norm() < 1e-25
    # A flat metric stays flat in every chart.
    assert result.levi_civita.is_flat
