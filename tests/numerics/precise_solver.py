"""Geodesics and transport at 40 digits from the symbolic tensors of any manifold, in mpmath.

Metric and skewness are read as expressions, differentiated by sympy and evaluated by mpmath;
nothing of the kernels is used. The extrapolated midpoint rule (Gragg 1965) follows the geodesic
in the manifold's own coordinates.
"""

from functools import lru_cache

import mpmath
import sympy as sp

mp = mpmath.MPContext()
mp.dps = 40


def _polygamma(order, x):
    # mpmath's own takes seconds at 1e6; recurrence and asymptotic series (DLMF 5.11 and 5.15).
    order, x = int(order), mp.mpf(x)
    low = mp.zero
    while x < 30 + order:
        low += x ** (-order - 1)
        x += 1
    terms = [
        mp.bernoulli(2 * k) * mp.factorial(2 * k + order - 1) / mp.factorial(2 * k)
        / x ** (2 * k + order)
        for k in range(1, 30)
    ]  # fmt: skip
    head = mp.factorial(order - 1) / x**order if order else -mp.log(x)
    rest = mp.factorial(order) * (low + 1 / (2 * x ** (order + 1)))
    return (-1) ** (order + 1) * (head + rest + mp.fsum(terms))


@lru_cache
def tensors(M):
    """A function of a point that lists g, then its derivatives by coordinate, then T."""
    n, g = M.dim, M.metric
    wanted = [g[i, j] for i in range(n) for j in range(n)]
    wanted += [sp.diff(e, c) for c in M.coordinates for e in wanted[: n * n]]
    wanted += [M.skewness[i, j, k] for i in range(n) for j in range(n) for k in range(n)]
    names = {
        name: getattr(mp, name) for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "cosh")
    }
    names |= {"polygamma": _polygamma, "zeta": mp.zeta, "besseli": mp.besseli, "gamma": mp.gamma}
    names |= {"sinh": mp.sinh, "tanh": mp.tanh, "digamma": lambda x: _polygamma(0, x), "pi": +mp.pi}
    names |= {"EulerGamma": +mp.euler, "beta": mp.beta, "coth": mp.coth, "csch": mp.csch}
    return sp.lambdify(M.coordinates, wanted, [names, mp], cse=True)


def symbols(M, point, alpha):
    """(g, Gamma_{ij,k} as [i][j][k]) at a point."""
    n = M.dim
    flat = [mp.mpmathify(c) for c in tensors(M)(*point)]
    g = mp.matrix(n, n)
    for i in range(n):
        for j in range(n):
            g[i, j] = flat[i * n + j]

    def dg(k, i, j):
        return flat[n * n + (k * n + i) * n + j]

    def t(i, j, k):
        return flat[n * n + n**3 + (i * n + j) * n + k]

    first = [
        [
            [(dg(i, j, k) + dg(j, i, k) - dg(k, i, j) - alpha * t(i, j, k)) / 2 for k in range(n)]
            for j in range(n)
        ]
        for i in range(n)
    ]
    return g, first


def acceleration(M, point, velocity, alpha):
    n = M.dim
    g, first = symbols(M, point, alpha)
    force = mp.matrix(
        [
            -mp.fsum(first[i][j][k] * velocity[i] * velocity[j] for i in range(n) for j in range(n))
            for k in range(n)
        ]
    )
    units = [mp.sqrt(abs(g[k, k])) for k in range(n)]
    scaled = mp.matrix([[g[i, j] / (units[i] * units[j]) for j in range(n)] for i in range(n)])
    force = mp.matrix([force[k] / units[k] for k in range(n)])
    return [a / u for a, u in zip(mp.lu_solve(scaled, force), units, strict=True)]


def extrapolated(slope, state, steps, columns):
    """States of an autonomous system at equal steps to time 1, its start left out."""

    def midpoint(state, parts, width):
        before, at = state, [a + width * b for a, b in zip(state, slope(state), strict=True)]
        for _ in range(parts - 1):
            after = [a + 2 * width * b for a, b in zip(before, slope(at), strict=True)]
            before, at = at, after
        last = slope(at)
        return [(a + b + width * c) / 2 for a, b, c in zip(at, before, last, strict=True)]

    states = []
    for _ in range(steps):
        above = []
        for k in range(1, columns + 1):
            row = [midpoint(state, 2 * k, mp.mpf(1) / (2 * k * steps))]
            for j in range(1, k):
                weight = 1 / ((mp.mpf(k) / (k - j)) ** 2 - 1)
                pairs = zip(row[j - 1], above[j - 1], strict=True)
                row.append([a + weight * (a - b) for a, b in pairs])
            above = row
        state = above[-1]
        states.append(state)
    return states


def geodesic(M, point, velocity, alpha=0, steps=6, columns=9):
    """Points and velocities at times 1/steps, 2/steps, ..., 1."""
    n = M.dim

    def slope(state):
        return [*state[n:], *acceleration(M, state[:n], state[n:], alpha)]

    start = [mp.mpf(float(c)) for c in (*point, *velocity)]
    states = extrapolated(slope, start, steps, columns)
    return [(state[:n], state[n:]) for state in states]


def length(M, point, vector):
    """Length of a vector at a point."""
    g, _ = symbols(M, [mp.mpf(c) for c in point], 0)
    v = mp.matrix([mp.mpf(c) for c in vector])
    return mp.sqrt((v.T * g * v)[0])
