"""Spaces with published curvature, in charts with roots, exponentials, angles and functions."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp
from sympy import Interval, Matrix, Rational, S, cos, diag, exp, eye, oo, sin, sinh, sqrt, symbols

from statmani.geometry.manifold import StatisticalManifold

t, x, y, z, v, u, w = symbols("t x y z v u w", real=True)
r, theta, phi, psi = symbols("r theta phi psi", real=True)
m, a, b, n, k, h = symbols("M a b n k h", positive=True)
REAL, HALF = S.Reals, Interval.open(0, oo)
ANGLE = Interval.open(0, sp.pi)
BLACK_HOLE = {t: REAL, r: HALF, theta: ANGLE, phi: REAL}
f = 1 - 2 * m / r


def isotropic() -> Any:
    q = m / (2 * r)
    space = (1 + q) ** 4
    return diag(-(((1 - q) / (1 + q)) ** 2), space, space * r**2, space * r**2 * sin(theta) ** 2)


def painleve() -> Any:
    fall = sqrt(2 * m / r)
    g = diag(-f, 1, r**2, r**2 * sin(theta) ** 2)
    g[0, 1] = g[1, 0] = fall
    return g


def kruskal() -> Any:
    """M = 1: r = 2 (1 + W((x^2 - t^2)/e))."""
    radius = 2 * (1 + sp.LambertW((x**2 - t**2) / sp.E))
    side = 32 / radius * exp(-radius / 2)
    return diag(-side, side, radius**2, radius**2 * sin(theta) ** 2)


def taub_nut() -> Any:
    top, size = r**2 - 2 * m * r - n**2, r**2 + n**2
    g = diag(-top / size, size / top, size / (1 - u**2), 0)
    g[0, 3] = g[3, 0] = -2 * n * u * top / size
    g[3, 3] = -4 * n**2 * u**2 * top / size + size * (1 - u**2)
    return g


def goedel() -> Any:
    e = exp(a * x)
    return Matrix([[-1, 0, -e, 0], [0, 1, 0, 0], [-e, 0, -(e**2) / 2, 0], [0, 0, 0, 1]])


def berger() -> Any:
    """The three-sphere with its Hopf circles scaled by b."""
    g = diag(1, sin(theta) ** 2 + b**2 * cos(theta) ** 2, b**2)
    g[1, 2] = g[2, 1] = b**2 * cos(theta)
    return g / 4


BALL = symbols("x1:4", real=True)
INSIDE = {
    s: Interval.open(-sqrt(rest), sqrt(rest))
    for i, s in enumerate(BALL)
    for rest in [1 - sum(p**2 for p in BALL[:i])]
}
GAP, ROW = 1 - sum(s**2 for s in BALL), Matrix(BALL)
PLANE = symbols("y1:5", real=True)


def fubini_study() -> Any:
    """Holomorphic sectional curvature 4 (Kobayashi and Nomizu 1969, volume II, IX.6)."""
    turn = Matrix([[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, -1], [0, 0, 1, 0]])
    here, size = Matrix(PLANE), 1 + sum(s**2 for s in PLANE)
    there = turn * here
    return (eye(4) * size - here * here.T - there * there.T) / size**2


# name: domain, metric, scalar curvature, Kretschmann's scalar
SPACES: dict[str, tuple[Any, Any, Any, Any]] = {
    "Schwarzschild, isotropic": (
        BLACK_HOLE, isotropic(), 0, 48 * m**2 / (r * (1 + m / (2 * r)) ** 2) ** 6
    ),
    "Schwarzschild, falling": (BLACK_HOLE, painleve(), 0, 48 * m**2 / r**6),
    "Schwarzschild, Kruskal": (
        {t: REAL, x: HALF, theta: ANGLE, phi: REAL}, kruskal(), 0,
        Rational(48, 64) / (1 + sp.LambertW((x**2 - t**2) / sp.E)) ** 6,
    ),
    "Reissner-Nordstroem": (
        BLACK_HOLE,
        diag(-(f + a**2 / r**2), 1 / (f + a**2 / r**2), r**2, r**2 * sin(theta) ** 2),
        0,
        8 * (6 * m**2 * r**2 - 12 * m * a**2 * r + 7 * a**4) / r**8,
    ),
    "Taub-NUT": (
        {t: REAL, r: HALF, u: Interval.open(-1, 1), phi: REAL}, taub_nut(), 0, None
    ),
    "Goedel": (dict.fromkeys((t, x, y, z), REAL), goedel(), -(a**2), 3 * a**4),
    "anti-de Sitter, five dimensions": (
        {t: REAL, x: REAL, y: REAL, w: REAL, z: HALF}, h**2 / z**2 * diag(-1, 1, 1, 1, 1),
        -20 / h**2, 40 / h**4,
    ),
    "hyperbolic, half-space": ({x: REAL, y: REAL, z: HALF}, eye(3) / z**2, -6, 12),
    "hyperbolic, polar": (
        {r: HALF, theta: ANGLE, phi: REAL},
        diag(1, sinh(r) ** 2, sinh(r) ** 2 * sin(theta) ** 2), -6, 12,
    ),
    "hyperbolic, Poincare": (INSIDE, 4 * eye(3) / GAP**2, -6, 12),
    "hyperbolic, Klein": (INSIDE, eye(3) / GAP + ROW * ROW.T / GAP**2, -6, 12),
    "complex projective plane": (dict.fromkeys(PLANE, REAL), fubini_study(), 24, 192),
    "Berger sphere": (
        {theta: ANGLE, phi: REAL, psi: REAL}, berger(), 8 - 2 * b**2, 44 * b**4 - 96 * b**2 + 64
    ),
    "Heisenberg group": (
        dict.fromkeys((x, y, z), REAL), Matrix([[1, 0, 0], [0, 1 + x**2, -x], [0, -x, 1]]),
        -Rational(1, 2), Rational(11, 4),
    ),
    "Sol": (dict.fromkeys((x, y, z), REAL), diag(exp(2 * z), exp(-2 * z), 1), -2, 12),
    "Kasner": (
        {t: HALF, x: REAL, y: REAL, z: REAL},
        diag(-1, t ** Rational(-2, 3), t ** Rational(4, 3), t ** Rational(4, 3)),
        0, Rational(64, 27) / t**4,
    ),
    "torus": (
        {u: REAL, v: REAL}, diag((3 + cos(v)) ** 2, 1), 2 * cos(v) / (3 + cos(v)),
        4 * cos(v) ** 2 / (3 + cos(v)) ** 2,
    ),
}  # fmt: skip
FLAT_RICCI = ("Schwarzschild", "Taub-NUT", "Kasner")


@pytest.mark.parametrize("name", SPACES)
def test_published_curvature(name: str) -> None:
    """Equal to the published form at a point, and canonical: constants print as constants."""
    domain, metric, scalar, kretschmann = SPACES[name]
    connection = StatisticalManifold(domain, metric).levi_civita
    scalar, found = sp.sympify(scalar), connection.scalar_curvature
    if not scalar.free_symbols & set(domain):
        assert sp.expand(found - scalar) == 0
    places = {s: Rational(3 + i, 9) for i, s in enumerate(domain)}
    places |= dict(
        zip((m, a, b, n, k, h), (7, Rational(3, 2), 2, 3, 5, Rational(5, 3)), strict=True)
    )
    pairs = [(found, scalar), (connection.kretschmann, kretschmann)]
    for one, other in pairs if kretschmann is not None else pairs[:1]:
        expected = sp.sympify(other).subs(places).evalf(40)
        assert abs(one.subs(places).evalf(40) - expected) <= abs(expected) * sp.Float("1e-35")
    if name.startswith(FLAT_RICCI):
        assert connection.ricci == sp.zeros(len(domain))


def test_friedmann_with_curved_space() -> None:
    """6 (a''/a + (a'/a)^2 + K/a^2), K = k/4, with the scale factor left open (Wald 1984, 5.2)."""
    scale = sp.Function("A")(t)
    radial = 1 - k * r**2 / 4
    metric = diag(-1, scale**2 / radial, scale**2 * r**2, scale**2 * r**2 * sin(theta) ** 2)
    M = StatisticalManifold({t: REAL, r: Interval.open(0, 1), theta: ANGLE, phi: REAL}, metric)
    expected = 6 * (scale.diff(t, 2) / scale + (scale.diff(t) ** 2 + k / 4) / scale**2)
    assert sp.expand(M.levi_civita.scalar_curvature - expected) == 0
    assert M.levi_civita.weyl.nonzero() == {}
