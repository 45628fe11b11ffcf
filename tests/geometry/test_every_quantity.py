"""Every quantity of a manifold against its definition in numbers, at 40 digits.

The numeric side knows g and T as functions only: derivatives are differences with 90 digits, and
every tensor is summed up from its definition with all indices, without any symmetry.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import sympy as sp
from sympy import Rational, S, exp, symbols

import statmani as sm
from statmani.algebra.numeric import new_context, value_of
from statmani.geometry.manifold import StatisticalManifold

ALPHA = symbols("order")
CONTEXT = new_context(60)
CLOSE = CONTEXT.mpf(10) ** -40


def catalogue(name: str, *sizes: int, **fixed: Any) -> StatisticalManifold:
    family = getattr(sm.families, name)(*sizes)
    given = {s: fixed[str(s)] for s in family.parameters if str(s) in fixed}
    return (family.fix(given) if given else family).manifold()


def curved_normal() -> StatisticalManifold:
    """Pairs of independent N(a, b^2) and N(a b, a^2): a surface in an exponential family."""
    a, b = symbols("a b", positive=True)
    ambient = sm.families.multivariate_normal(2).manifold()
    names = {str(s): s for s in ambient.coordinates}
    images = {"mu1": a, "mu2": a * b, "s11": b**2, "s12": S.Zero, "s22": a**2}
    box = {a: sp.Interval.open(0, sp.oo), b: sp.Interval.open(0, sp.oo)}
    return ambient.submanifold({names[k]: v for k, v in images.items()}, box)


def random_polynomial() -> StatisticalManifold:
    """A cubic tensor of polynomials that no family has."""
    x, y, z = symbols("x y z", real=True)
    g = [[1, y / 4, 0], [y / 4, 4 + exp(x), 0], [0, 0, 2]]
    t = {(0, 0, 1): z**3 - 1, (0, 1, 2): 7 * z, (1, 1, 1): y**2 * z, (2, 2, 2): x * z}
    return StatisticalManifold((x, y, z), g, t)


def de_sitter() -> StatisticalManifold:
    """An indefinite metric, with a cubic tensor that breaks conjugate symmetry."""
    t, x, y, z = symbols("t x y z", real=True)
    g = sp.diag(-1, *[exp(t)] * 3)
    return StatisticalManifold((t, x, y, z), g, {(0, 1, 1): x, (2, 3, 3): t * y, (1, 2, 3): 2})


NOT_CONJUGATE_SYMMETRIC = {
    "weibull": lambda: catalogue("weibull"),
    "generalised extreme values": lambda: catalogue("gev", xi=Rational(1, 5)),
    "curved normal": curved_normal,
    "random cubic tensor": random_polynomial,
    "indefinite": de_sitter,
}
CONJUGATE_SYMMETRIC = {
    "categorical": lambda: catalogue("categorical", 3),
}
NIGHTLY = {
    name: lambda spec=spec: catalogue(*spec)
    for name, *spec in (
        ("beta", "beta"),
        ("bivariate normal", "bivariate_normal"),
        ("cauchy", "cauchy"),
        ("dirichlet", "dirichlet", 3),
        ("frechet", "frechet"),
        ("gamma", "gamma"),
        ("gumbel", "gumbel"),
        ("inverse gamma", "inverse_gamma"),
        ("inverse Gaussian", "inverse_gaussian"),
        ("log-logistic", "log_logistic"),
        ("logistic", "logistic"),
        ("lognormal", "lognormal"),
        ("lomax", "lomax"),
        ("multinomial", "multinomial", 5, 3),
        ("nakagami", "nakagami"),
        ("normal", "normal"),
        ("normal, natural", "normal_natural"),
        ("Student", "student_t"),
    )
}
MODELS = {**NOT_CONJUGATE_SYMMETRIC, **CONJUGATE_SYMMETRIC, **NIGHTLY}
DAILY = ("weibull", "curved normal", "random cubic tensor", "categorical")
POINTS = (Rational(7, 6), Rational(8, 5), Rational(12, 5), Rational(9, 7), Rational(1, 6))
INSIDE = (Rational(1, 7), Rational(2, 9), Rational(1, 5))


def number(expr: Any, at: Any) -> Any:
    return value_of(sp.sympify(expr), at, CONTEXT)


def inverse_of(rows: Any) -> Any:
    n = range(len(rows))
    matrix = CONTEXT.matrix([[rows[i][j] for j in n] for i in n]) ** -1
    return [[matrix[i, j] for j in n] for i in n]


class Expected:
    """All quantities at one point for one order, from g, T and their numeric derivatives."""

    def __init__(self, numeric: Any) -> None:
        self.n = n = range(numeric.n)
        width, x = numeric.n, numeric.point
        self.g = [[numeric.g(x)[i, j] for j in n] for i in n]
        self.h = inverse_of(self.g)
        slopes = [numeric.derivative(lambda y: numeric._g(*y), x, k) for k in n]
        self.dg = {(i, j, k): slopes[k][i * width + j] for i, j, k in product(n, n, n)}
        values = numeric._t(*x)
        self.t = {(i, j, k): values[(i * width + j) * width + k] for i, j, k in product(n, n, n)}
        self.first = numeric.first(x)
        second = numeric.second(x)
        self.second = {
            (k, i, j): second[(k * width + i) * width + j] for k, i, j in product(n, n, n)
        }
        self.mixed = numeric.riemann()
        self.low = {
            (l, k, i, j): sum(self.g[l][m] * self.mixed[m, k, i, j] for m in n)
            for l, k, i, j in product(n, n, n, n)
        }
        self.ricci = {(k, j): sum(self.mixed[l, k, l, j] for l in n) for k, j in product(n, n)}
        self.scalar = sum(self.h[k][j] * self.ricci[k, j] for k, j in product(n, n))

    def raised(self) -> dict[Any, Any]:
        """R^{lkij}, one index after the other."""
        table, n = self.low, self.n
        for place in range(4):
            moved = {}
            for index in product(n, n, n, n):
                rest = [(*index[:place], m, *index[place + 1 :]) for m in n]
                moved[index] = sum(self.h[index[place]][m] * table[rest[m]] for m in n)
            table = moved
        return table

    def weyl(self, l: int, k: int, i: int, j: int) -> Any:
        """The Ricci decomposition (Besse 1987, 1.116) of a Levi-Civita curvature."""
        n, g, ricci = len(self.n), self.g, self.ricci
        trace = g[l][i] * ricci[k, j] - g[l][j] * ricci[k, i]
        trace += g[k][j] * ricci[l, i] - g[k][i] * ricci[l, j]
        whole = self.scalar * (g[l][i] * g[k][j] - g[l][j] * g[k][i])
        return self.low[l, k, i, j] - trace / (n - 2) + whole / ((n - 1) * (n - 2))


def same(found: Any, expected: Any, what: object) -> None:
    assert abs(found - expected) <= CLOSE * (1 + abs(expected)), (what, found, expected)


def check_tensors(connection: Any, at: Any, e: Expected) -> None:
    n = e.n
    for name, rank, table in (
        ("christoffel_first", 3, e.first),
        ("christoffel", 3, e.second),
        ("riemann", 4, e.mixed),
        ("riemann_lower", 4, e.low),
    ):
        tensor = getattr(connection, name)
        for index in product(n, repeat=rank):
            same(number(tensor[index], at), table[index], (name, index))
    for k, j in product(n, n):
        same(number(connection.ricci[k, j], at), e.ricci[k, j], ("ricci", k, j))
        einstein = (e.ricci[k, j] + e.ricci[j, k]) / 2 - e.scalar / 2 * e.g[k][j]
        found = (connection.einstein[k, j] + connection.einstein[j, k]) / 2
        same(number(found, at), einstein, ("einstein", k, j))
    same(number(connection.scalar_curvature, at), e.scalar, "scalar")
    up = e.raised()
    same(number(connection.kretschmann, at), sum(up[p] * e.low[p] for p in up), "kretschmann")
    u, v = [i + 1 for i in n], [2 - 3 * i * i for i in n]
    top = sum(e.low[l, k, i, j] * u[l] * v[k] * u[i] * v[j] for l, k, i, j in product(n, n, n, n))
    uu, vv, uv = (
        sum(e.g[i][j] * a[i] * b[j] for i, j in product(n, n)) for a, b in ((u, u), (v, v), (u, v))
    )
    same(number(connection.sectional_curvature(u, v), at), top / (uu * vv - uv**2), "sectional")
    found = connection.geodesic_equations
    time = next(iter(found[0].lhs.atoms(sp.Derivative))).variables[0]
    names = connection.manifold.coordinates
    path = {str(s): s for s in names}
    functions = {
        f: path[f.func.__name__] for q in found for f in q.lhs.atoms(sp.core.function.AppliedUndef)
    }
    speed = {s: Rational(2 * i - 3, 4) for i, s in enumerate(names)}
    for k in n:
        lhs = found[k].lhs - found[k].rhs
        for f, s in functions.items():
            lhs = lhs.subs(f.diff(time, 2), 0).subs(f.diff(time), speed[s])
        lhs = lhs.xreplace(functions)
        bend = sum(
            e.second[k, i, j] * CONTEXT.mpf(speed[names[i]].p) / speed[names[i]].q
            * CONTEXT.mpf(speed[names[j]].p) / speed[names[j]].q
            for i, j in product(n, n)
        )  # fmt: skip
        same(number(lhs, at), bend, ("geodesic", k))


def check_derivatives(connection: Any, at: Any, e: Expected, alpha: Any) -> None:
    """D of a mixed tensor of rank three, and D g = alpha T."""
    n, x = e.n, connection.manifold.coordinates
    size = len(n)
    entries = [[[(i + 1) * x[j] * x[k] + x[i] ** 2 * (j - 2 * k) for k in n] for j in n] for i in n]
    derived = connection.covariant_derivative(entries, "ulu")
    value = {(i, j, k): number(entries[i][j][k], at) for i, j, k in product(n, n, n)}
    picks = [(0, size - 1, 0, size - 1), (size - 1, 0, 1, 0), (1, 1, 0, 1), (0, 1, 1, 0)]
    for i, j, k, d in picks:
        total = number(sp.diff(entries[i][j][k], x[d]), at)
        for m in n:
            total += e.second[i, d, m] * value[m, j, k] + e.second[k, d, m] * value[i, j, m]
            total -= e.second[m, d, j] * value[i, m, k]
        same(number(derived[i, j, k, d], at), total, ("D", i, j, k, d))
    of_metric = connection.covariant_derivative(connection.manifold.metric, "ll")
    for i, j, k in product(n, n, n):
        same(number(of_metric[i, j, k], at), alpha * e.t[i, j, k], ("D g", i, j, k))


@pytest.mark.parametrize(
    "name",
    [
        *DAILY,
        *(pytest.param(name, marks=pytest.mark.slow) for name in MODELS if name not in DAILY),
    ],
)
def test_every_quantity(name: str, numeric_geometry: Any) -> None:
    M = MODELS[name]()
    n, x = range(M.dim), M.coordinates
    values = INSIDE if name in ("categorical", "multinomial") else POINTS
    point = {
        axis.symbol: -value if axis.upper.is_nonpositive else value
        for axis, value in zip(M.domain.axes, values, strict=False)
    }
    at = {s: CONTEXT.mpf(int(v.p)) / int(v.q) for s, v in point.items()}

    def expected(order: Any) -> Expected:
        numeric = numeric_geometry(x, M.metric, M.skewness, [point[s] for s in x], order)
        return Expected(numeric)

    plain, order = expected(0), Rational(2, 3)
    e, dual = expected(order), expected(-order)
    exact = CONTEXT.mpf(int(order.p)) / int(order.q)
    for i, j in product(n, n):
        same(number(M.inverse_metric[i, j], at), plain.h[i][j], ("inverse", i, j))
    det = CONTEXT.det(CONTEXT.matrix(plain.g))
    same(number(M.volume_element, at) ** 2, abs(det), "volume")
    symbolic = M.connection(ALPHA)
    with_order = {**at, ALPHA: exact}
    check_tensors(M.connection(order), at, e)
    check_tensors(symbolic, with_order, e)
    check_derivatives(symbolic, with_order, e, exact)
    # d_k g_ij = Gamma_ki,j + Gamma*_kj,i says what the dual is.
    other = M.connection(order).dual.christoffel_first
    for i, j, k in product(n, n, n):
        expected_dual = e.dg[i, j, k] - e.first[k, i, j]
        same(number(other[k, j, i], at), expected_dual, ("dual", k, j, i))
    if M.dim > 3:
        weyl = M.levi_civita.weyl
        for index in product(n, n, n, n):
            same(number(weyl[index], at), plain.weyl(*index), ("weyl", index))
    elif M.dim == 3:
        assert M.levi_civita.weyl.nonzero() == {}
    # Conjugate symmetry: R(alpha) = R(-alpha).
    odd = max(abs(e.low[p] - dual.low[p]) for p in e.low)
    assert (odd > CLOSE) is (name in NOT_CONJUGATE_SYMMETRIC or not M.conjugate_symmetry.holds)
    assert M.conjugate_symmetry.holds is bool(odd < CLOSE)
    # Flatness for given and for all orders.
    flat_orders = M.flat_orders
    known = {0: plain, order: e, 1: expected(1)}
    for alpha, values_there in known.items():
        size = max(abs(v) for v in values_there.mixed.values())
        assert M.connection(alpha).is_flat is bool(size < CLOSE)
        assert (alpha in flat_orders) is bool(size < CLOSE)
    assert symbolic.is_flat is (flat_orders == S.Reals)
    # (L_X g)_ij = X^k d_k g_ij + g_kj d_i X^k + g_ik d_j X^k.
    field = [x[(i + 1) % M.dim] ** 2 + i * x[0] for i in n]
    lie = M.killing(field).lie_derivative
    slope = [[number(sp.diff(f, s), at) for s in x] for f in field]
    along = [number(f, at) for f in field]
    for i, j in product(n, n):
        total = sum(along[k] * plain.dg[i, j, k] for k in n)
        total += sum(plain.g[k][j] * slope[k][i] + plain.g[i][k] * slope[k][j] for k in n)
        same(number(lie[i, j], at), total, ("Lie", i, j))
