"""An independent solver for gamma and beta: nothing of the package is used.

Boundary values: collocation of x'' = a(x, x') in logarithms of the parameters at Chebyshev
points of the whole interval, with nodal accelerations as unknowns and integration matrices
(Greengard 1991), Newton with derivatives from sympy, continuation in the end point, and
doubling of the points until nothing changes. Near pairs: the same equations at 40 digits by
fixed-point iteration. Initial values: DOP853 of scipy.
"""

from functools import lru_cache

import numpy as np
import sympy as sp
from numpy.polynomial import chebyshev
from precise_solver import extrapolated, mp
from scipy import integrate, special

_X = sp.symbols("x0:2", real=True)
_V = sp.symbols("v0:2", real=True)


def _trigamma(x):
    return sp.polygamma(1, x)


def metric(name, a, b):
    """gamma by shape and scale, beta by both shapes (Johnson, Kotz and Balakrishnan 1994)."""
    if name == "gamma":
        return sp.Matrix([[_trigamma(a), 1 / b], [1 / b, a / b**2]])
    both = _trigamma(a + b)
    return sp.Matrix([[_trigamma(a) - both, -both], [-both, _trigamma(b) - both]])


@lru_cache
def _symbolic(name):
    at = [sp.exp(x) for x in _X]
    g = metric(name, *at)
    g = sp.Matrix(2, 2, lambda i, j: g[i, j] * at[i] * at[j])
    force = [
        sum(
            _V[i] * _V[j] * (g[j, k].diff(_X[i]) - g[i, j].diff(_X[k]) / 2)
            for i in range(2)
            for j in range(2)
        )
        for k in range(2)
    ]
    det = g[0, 0] * g[1, 1] - g[0, 1] ** 2
    a = sp.Matrix(
        [
            -(g[1, 1] * force[0] - g[0, 1] * force[1]) / det,
            -(g[0, 0] * force[1] - g[0, 1] * force[0]) / det,
        ]
    )
    return g, a


@lru_cache
def _compiled(name):
    g, a = _symbolic(name)
    modules = [{"polygamma": special.polygamma}, "numpy"]
    arguments = (*_X, *_V)
    wanted = [*a, *a.jacobian(_X), *a.jacobian(_V), g[0, 0], g[0, 1], g[1, 1]]
    return sp.lambdify(arguments, wanted, modules, cse=True)


@lru_cache
def _acceleration(name):
    modules = [{"polygamma": special.polygamma}, "numpy"]
    return sp.lambdify((*_X, *_V), [*_symbolic(name)[1]], modules, cse=True)


@lru_cache
def _compiled_high(name):
    g, a = _symbolic(name)
    modules = [{"polygamma": mp.psi, "exp": mp.exp}]
    return sp.lambdify((*_X, *_V), [*a, g[0, 0], g[0, 1], g[1, 1]], modules, cse=True)


@lru_cache
def _tables(count):
    # Chebyshev points of [0, 1], and matrices of integrals from 0 of the interpolant.
    xi = chebyshev.chebpts1(count)
    values = np.linalg.inv(chebyshev.chebvander(xi, count - 1))
    once = 0.5 * chebyshev.chebint(np.eye(count), axis=0, lbnd=-1)
    twice = 0.5 * chebyshev.chebint(once, axis=0, lbnd=-1)
    at_end = np.append(xi, 1.0)
    first = chebyshev.chebvander(at_end, count) @ once @ values
    second = chebyshev.chebvander(at_end, count + 1) @ twice @ values
    return 0.5 * (xi + 1), values, first, second


def _newton(name, x0, w, acc):
    count = acc.shape[0]
    t, _, first, second = _tables(count)
    # x = x0 + t w + K acc vanishes at both ends, v its derivative.
    k = second[:-1] - t[:, None] * second[-1]
    kd = first[:-1] - second[-1]
    function = _compiled(name)
    size = np.inf
    for _ in range(30):
        x = x0 + t[:, None] * w + k @ acc
        v = w + kd @ acc
        with np.errstate(all="ignore"):  # a step too far; seen below
            out = np.array([np.broadcast_to(c, count) for c in function(*x.T, *v.T)])
        a = out[:2].T
        if not np.isfinite(out).all():
            return None
        by_x, by_v = out[2:6].reshape(2, 2, count), out[6:10].reshape(2, 2, count)
        matrix = np.eye(2 * count)
        for i in range(2):
            for j in range(2):
                block = by_x[i, j][:, None] * k + by_v[i, j][:, None] * kd
                matrix[i * count : (i + 1) * count, j * count : (j + 1) * count] -= block
        step = np.linalg.solve(matrix, (a - acc).T.ravel()).reshape(2, count).T
        acc = acc + step
        before, size = size, np.abs(step).max() / (1 + np.abs(acc).max())
        if size > 1e3:
            return None
        if size < 1e-13 or (size < 1e-9 and size > 0.3 * before):
            return acc
    return None


def distance_and_log(name, p, q):
    """Distance, and velocity at p of the geodesic that is at q at time 1."""
    x0, x1 = np.log(np.asarray(p, float)), np.log(np.asarray(q, float))
    count, reached, pace = 24, 0.0, 1.0
    acc = np.zeros((count, 2))
    while reached < 1.0:
        goal = min(1.0, reached + pace)
        found = _newton(name, x0, goal * (x1 - x0), acc)
        if found is None:
            pace *= 0.4
            if pace < 1e-4:
                raise RuntimeError(f"no reference for {name} {p} {q}")
        else:
            acc, reached, pace = found, goal, 1.7 * pace
    previous = np.inf
    while count < 400:
        _, values, _, _ = _tables(count)
        bigger = _tables(count * 2)[0]
        acc = chebyshev.chebvander(2 * bigger - 1, count - 1) @ values @ acc
        count *= 2
        acc = _newton(name, x0, x1 - x0, acc)
        if acc is None:
            raise RuntimeError(f"no reference for {name} {p} {q}")
        t, _, first, second = _tables(count)
        x = x0 + t[:, None] * (x1 - x0) + (second[:-1] - t[:, None] * second[-1]) @ acc
        v = (x1 - x0) + (first[:-1] - second[-1]) @ acc
        g = _compiled(name)(*x.T, *v.T)[10:]
        square = g[0] * v[:, 0] ** 2 + 2 * g[1] * v[:, 0] * v[:, 1] + g[2] * v[:, 1] ** 2
        # The speed of a geodesic is constant: the mean over the points has no bias.
        found = np.sqrt(first[-1] @ square)
        if abs(found - previous) < 1e-12 * found:
            return found, (x1 - x0 - second[-1] @ acc) * np.asarray(p, float)
        previous = found
    raise RuntimeError(f"no reference for {name} {p} {q}")


def near_distance_and_log(name, p, q, count=9):
    """The same for near pairs, by fixed-point iteration at 40 digits."""
    p, q = ([mp.mpf(float(c)) for c in point] for point in (p, q))
    x0 = [mp.log(c) for c in p]
    w = [mp.log(d / c) for c, d in zip(p, q, strict=True)]
    t, first, second = _exact_tables(count)
    k = [[second[r][c] - t[r] * second[-1][c] for c in range(count)] for r in range(count)]
    kd = [[first[r][c] - second[-1][c] for c in range(count)] for r in range(count)]
    function = _compiled_high(name)
    acc = [[mp.zero] * count for _ in range(2)]
    for _ in range(9):
        rows = []
        for r in range(count):
            x = [x0[i] + t[r] * w[i] + mp.fdot(k[r], acc[i]) for i in range(2)]
            v = [w[i] + mp.fdot(kd[r], acc[i]) for i in range(2)]
            rows.append((v, function(*x, *v)))
        acc = [[row[1][i] for row in rows] for i in range(2)]
    squares = [
        out[2] * v[0] ** 2 + 2 * out[3] * v[0] * v[1] + out[4] * v[1] ** 2 for v, out in rows
    ]
    start = [(w[i] - mp.fdot(second[-1], acc[i])) * p[i] for i in range(2)]
    return mp.sqrt(mp.fdot(first[-1], squares)), start


@lru_cache
def _exact_tables(count):
    # Integrals of the Lagrange polynomials of Chebyshev points, by exact linear algebra.
    t = [(1 - mp.cos(mp.pi * (2 * r + 1) / (2 * count))) / 2 for r in range(count)]
    vander = mp.matrix([[c**d for d in range(count)] for c in t])
    inverse = vander**-1
    at = [*t, mp.one]
    once = mp.matrix([[c ** (d + 1) / (d + 1) for d in range(count)] for c in at]) * inverse
    twice = (
        mp.matrix([[c ** (d + 2) / ((d + 1) * (d + 2)) for d in range(count)] for c in at])
        * inverse
    )
    return t, once.tolist(), twice.tolist()


def exp(name, p, v):
    """The point at time 1, by DOP853; the error is below 1e-11 for speeds of a few units."""
    function = _acceleration(name)

    def slope(_, state):
        return [*state[2:], *function(*state)]

    start = [*np.log(p), *(np.asarray(v) / np.asarray(p))]
    done = integrate.solve_ivp(slope, (0, 1), start, "DOP853", rtol=3e-14, atol=1e-15)
    return np.exp(done.y[:2, -1]) if done.success else None


def exp_in_digits(name, p, v, steps=24, columns=10):
    """The point at time 1 at 30 digits: the midpoint rule, extrapolated (Gragg 1965)."""
    function = _compiled_high(name)

    def slope(state):
        return [*state[2:], *function(*state)[:2]]

    p, v = [mp.mpf(float(c)) for c in p], [mp.mpf(float(c)) for c in v]
    state = [*map(mp.log, p), *(b / a for a, b in zip(p, v, strict=True))]
    (*_, state) = extrapolated(slope, state, steps, columns)
    return [mp.exp(c) for c in state[:2]]
