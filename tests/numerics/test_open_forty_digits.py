"""Families without closed forms against sums of their definitions, with 40 digits."""

import numpy as np
import precise_solver
import pytest
import sympy as sp
from precise_solver import mp

import statmani as sm

# The trapezoidal rule on a line: densities are analytic in a strip, so its error is below 1e-20.
_WIDTH = mp.mpf(1) / 6


def negative_binomial():
    """Log-density with its first two derivatives by (r, q), at all places where there is mass."""
    r, q = sp.symbols("r q")
    k = sp.Symbol("k", integer=True, nonnegative=True)
    family = sm.Family(
        log_density=sp.loggamma(k + r) - sp.loggamma(r) - sp.loggamma(k + 1)
        + r * sp.log(q) + k * sp.log(1 - q),
        sample={k: sp.S.Naturals0},
        parameters={r: sp.Interval.open(0, sp.oo), q: sp.Interval.open(0, 1)},
    )  # fmt: skip

    def places(point):
        r, q = point
        level, rise, bend = r * mp.log(q), mp.zero, mp.zero
        for k in range(100_000):
            yield (
                mp.exp(level),
                [rise + mp.log(q), r / q - k / (1 - q)],
                [[bend, 1 / q], [1 / q, -r / q**2 - k / (1 - q) ** 2]],
            )
            if k > 40 and level < -75:
                return
            # Gamma(k + 1 + r) = (k + r) Gamma(k + r)
            level += mp.log((k + r) / (k + 1) * (1 - q))
            rise, bend = rise + 1 / (k + r), bend - 1 / (k + r) ** 2

    return family, places


def skew_normal():
    family = sm.families.skew_normal()
    root = mp.sqrt(2)

    def places(point):
        _, omega, a = point
        for step in range(-62, 67):
            z = step * _WIDTH
            u = -a * z / root
            mills = mp.sqrt(2 / mp.pi) * mp.exp(-u * u) / mp.erfc(u)
            level = -z * z / 2 - mp.log(2 * mp.pi) / 2 + mp.log(mp.erfc(u))
            # log Phi(w) by w = a z: slope m and curvature -m (w + m)
            w = a * z
            bend = -mills * (w + mills)
            by_z = -z + a * mills
            by_zz = -1 + a * a * bend
            by_za = mills + a * z * bend
            s = [-by_z / omega, (-z * by_z - 1) / omega, z * mills]
            d = [[mp.zero] * 3 for _ in range(3)]
            d[0][0] = by_zz / omega**2
            d[0][1] = d[1][0] = (by_z + z * by_zz) / omega**2
            d[1][1] = (1 + 2 * z * by_z + z * z * by_zz) / omega**2
            d[0][2] = d[2][0] = -by_za / omega
            d[1][2] = d[2][1] = -z * by_za / omega
            d[2][2] = z * z * bend
            yield mp.exp(level) * _WIDTH, s, d

    return family, places


def mixture():
    family = sm.families.normal_mixture2()

    def places(point):
        w, m = point
        for step in range(-66, 78):
            x = step * _WIDTH
            one, two = mp.exp(-x * x / 2), mp.exp(-((x - m) ** 2) / 2)
            p = w * one + (1 - w) * two
            s = [(one - two) / p, (1 - w) * (x - m) * two / p]
            d = [[-(s[0] ** 2), -(x - m) * two / p - s[0] * s[1]], [mp.zero, mp.zero]]
            d[1][0] = d[0][1]
            d[1][1] = (1 - w) * ((x - m) ** 2 - 1) * two / p - s[1] ** 2
            yield p / mp.sqrt(2 * mp.pi) * _WIDTH, s, d

    return family, places


def tensors(places, point, alpha):
    """(g, Gamma^(alpha)_{ij,k}) by the definitions E[s s] and E[(dd + (1 - alpha)/2 s s) s]."""
    n = len(point)
    half = (1 - mp.mpf(alpha)) / 2
    g = mp.matrix(n, n)
    first = [[[mp.zero] * n for _ in range(n)] for _ in range(n)]
    for weight, s, d in places(point):
        for i in range(n):
            for j in range(i + 1):
                g[i, j] += weight * s[i] * s[j]
                own = weight * (d[i][j] + half * s[i] * s[j])
                for k in range(n):
                    first[i][j][k] += own * s[k]
    for i in range(n):
        for j in range(i):
            g[j, i], first[j][i] = g[i, j], first[i][j]
    return g, first


def reference(places, p, v, alpha, steps, columns):
    n = len(p)

    def slope(state):
        u = state[n:]
        g, first = tensors(places, state[:n], alpha)
        pairs = [(i, j) for i in range(n) for j in range(n)]
        force = [-mp.fsum(first[i][j][k] * u[i] * u[j] for i, j in pairs) for k in range(n)]
        return [*u, *mp.lu_solve(g, mp.matrix(force))]

    start = [mp.mpf(float(c)) for c in (*p, *v)]
    return precise_solver.extrapolated(slope, start, steps, columns)[-1]


CASES = [
    (negative_binomial, [2.5, 0.3], [0.5, 0.05], 0, 2, 5),
    (negative_binomial, [0.4, 0.6], [0.1, -0.1], 0.5, 2, 5),
    (negative_binomial, [40.0, 0.5], [3.0, 0.02], 0, 2, 5),
    (skew_normal, [0.3, 1.2, 2.0], [0.1, -0.1, 0.2], 0, 2, 5),
    (mixture, [0.4, 1.8], [0.05, 0.1], 0, 2, 5),
    (mixture, [0.4, 1.8], [0.05, 0.1], -1, 2, 5),
]


@pytest.mark.slow
@pytest.mark.parametrize(("declared", "p", "v", "alpha", "steps", "columns"), CASES)
def test_open_families_against_forty_digits(declared, p, v, alpha, steps, columns):
    family, places = declared()
    M, n = family.manifold(), len(p)
    point = [mp.mpf(c) for c in p]
    assert abs(mp.fsum(weight for weight, _, _ in places(point)) - 1) < 1e-20
    g, first = tensors(places, point, alpha)
    metric = np.array(g.tolist(), dtype=float)
    assert sm.evaluate(M, "metric", p) == pytest.approx(metric, rel=1e-12, abs=1e-13)
    symbols = np.array(first, dtype=float)
    found = sm.evaluate(M, "christoffel_first", p, alpha=alpha)
    assert found == pytest.approx(symbols, rel=1e-11, abs=1e-12 * np.abs(symbols).max())
    end = reference(places, p, v, alpha, steps, columns)
    # Far above what the extrapolation itself leaves.
    rough = reference(places, p, v, alpha, steps, columns - 1)
    assert max(abs(a - b) for a, b in zip(end, rough, strict=True)) < 1e-10
    exact = np.array([float(c) for c in end])
    path = sm.geodesic(M, p, v, alpha=alpha, rtol=1e-12)
    assert path(1.0) == pytest.approx(exact[:n], rel=1e-10)
    assert path.velocity(1.0) == pytest.approx(exact[n:], rel=1e-9)
    assert sm.exp(M, p, v, alpha=alpha, rtol=1e-12) == pytest.approx(exact[:n], rel=1e-10)
    if alpha == 0:
        velocity = mp.matrix([mp.mpf(c) for c in v])
        length = float(mp.sqrt((velocity.T * g * velocity)[0]))
        assert path.length == pytest.approx(length, rel=1e-10)
        back = sm.log(M, p, exact[:n])
        assert back == pytest.approx(v, rel=1e-8)
        assert sm.distance(M, p, exact[:n]) == pytest.approx(length, rel=1e-9)
