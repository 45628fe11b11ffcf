"""Geodesics round hills, which no small change of the way over them finds."""

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad
from scipy.optimize import brentq

import statmani as sm

X, Y = sp.symbols("x y", real=True)


def surface(height):
    """The graph of a function over the plane, with the metric of space."""
    slope = sp.Matrix([height.diff(X), height.diff(Y)])
    return sm.StatisticalManifold({X: sp.Reals, Y: sp.Reals}, sp.eye(2) + slope * slope.T)


def round_a_hill(slope, start, end, angle):
    """The shortest geodesic over a hill of revolution that turns at some radius (Clairaut)."""

    def swept(turn, weight):
        # r = sqrt(turn^2 + t^2) leaves no singular end.
        def integrand(t):
            r = np.hypot(turn, t)
            return np.sqrt(1 + slope(r) ** 2) * weight(r, turn)

        return sum(
            quad(integrand, 0, np.sqrt(max(r**2 - turn**2, 0.0)), epsabs=1e-12, limit=200)[0]
            for r in (start, end)
        )

    def angle_of(turn):
        return swept(turn, lambda r, c: c / r**2) - angle

    turns = np.linspace(1e-3, min(start, end) - 1e-9, 120)
    values = [angle_of(c) for c in turns]
    found = [
        brentq(angle_of, a, b, xtol=1e-13)
        for a, b, u, v in zip(turns, turns[1:], values, values[1:], strict=False)
        if u * v < 0
    ]
    # dL = r sqrt(1 + slope^2) dr / sqrt(r^2 - turn^2) = sqrt(1 + slope^2) dt.
    return min(swept(c, lambda r, c: 1.0) for c in found)


@pytest.mark.parametrize("top", [2, 3])
@pytest.mark.parametrize(("start", "end", "angle"), [(2, 2.5, 3.0), (1.5, 3, 2.9), (2.2, 2, 2.3)])
def test_a_hill_by_clairaut(top, start, end, angle):
    hill = surface(top * sp.exp(-(X**2) - Y**2))
    expected = round_a_hill(lambda r: -2 * top * r * np.exp(-(r**2)), start, end, angle)
    p = [start * np.cos(0.4), start * np.sin(0.4)]
    q = [end * np.cos(0.4 + angle), end * np.sin(0.4 + angle)]
    for a, b in ((p, q), (q, p)):
        assert sm.distance(hill, a, b) == pytest.approx(expected, rel=1e-9)
    path = sm.geodesic(hill, p, end=q)
    assert path.length == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("centre", [(0, 0), (30, -20)])
def test_two_hills_by_a_curve_that_anybody_can_draw(centre):
    x, y = X - centre[0], Y - centre[1]
    heights = (
        2 * sp.exp(-2 * (x - sp.Rational(1, 2)) ** 2 - y**2),
        2 * sp.exp(-((x + 1) ** 2) - 2 * (y - sp.Rational(1, 3)) ** 2),
    )
    M = surface(sum(heights))
    p, q = np.add(centre, [2.5, 0.1]), np.add(centre, [-2.5, 0.2])
    found = sm.distance(M, p, q, full_output=True)
    assert found.geodesics > 1
    slopes = sp.lambdify((X, Y), [sum(heights).diff(X), sum(heights).diff(Y)], "numpy")
    least = np.inf
    for bend in np.linspace(-3, 3, 25):
        # A parabola beside the hills, by the trapezoidal rule.
        t = np.linspace(0, 1, 4001)
        along = p + t[:, None] * (q - p) + 4 * (t * (1 - t))[:, None] * [0, bend]
        moves, middle = np.diff(along, axis=0), 0.5 * (along[1:] + along[:-1])
        rises = np.einsum("ki,ik->k", moves, slopes(*middle.T))
        least = min(least, np.sqrt((moves**2).sum(axis=1) + rises**2).sum())
    straight = np.linalg.norm(q - p)
    assert straight < found.value < least
