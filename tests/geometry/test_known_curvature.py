"""Published scalar curvatures print as constants in every chart and spelling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp
from sympy import Interval, Matrix, Rational, S, cos, exp, oo, pi, sin, symbols

import statmani as sm
from statmani.geometry.manifold import StatisticalManifold

POSITIVE, REAL = Interval.open(0, oo), S.Reals
A = symbols("a1:4", positive=True)
L = symbols("l1:4", real=True)
Z = symbols("z1:4", real=True)
X = sp.Symbol("x", real=True)


def in_chart(name: str, images: tuple[Any, ...], coordinates: Any) -> StatisticalManifold:
    M = getattr(sm.families, name)().manifold()
    return M.reparametrize(dict(zip(M.coordinates, images, strict=True)), coordinates)


EXTREMES: dict[str, Callable[[], StatisticalManifold]] = {
    # Oller (1987), Sankhya A 49: these three families are one hyperbolic plane.
    "gumbel": lambda: sm.families.gumbel().manifold(),
    "gumbel, logarithmic scale": lambda: in_chart("gumbel", (X, exp(Z[0])), (X, Z[0])),
    "weibull": lambda: sm.families.weibull().manifold(),
    "weibull, rate": lambda: in_chart("weibull", (A[0], A[1] ** (-1 / A[0])), (A[0], A[1])),
    "weibull, as a Gumbel": lambda: in_chart("weibull", (1 / A[0], exp(X)), (A[0], X)),
    "frechet": lambda: sm.families.frechet().manifold(),
    "frechet, powers": lambda: in_chart("frechet", (A[0], A[1] ** (1 / A[0])), (A[0], A[1])),
    "frechet, logarithms": lambda: in_chart("frechet", (exp(X), exp(Z[0])), (X, Z[0])),
    "least extremes, declared": lambda: sm.Family(
        log_density=(X - Z[0]) / A[0] - exp((X - Z[0]) / A[0]) - sp.log(A[0]),
        sample={X: REAL},
        parameters={Z[0]: REAL, A[0]: POSITIVE},
    ).manifold(),
}


@pytest.mark.parametrize("name", EXTREMES)
def test_extreme_value_families(name: str) -> None:
    assert EXTREMES[name]().levi_civita.scalar_curvature == -12 / pi**2


def normal(covariance: Any, own: Any, **options: Any) -> StatisticalManifold:
    """The normal family in dimension n, its covariance a function of other coordinates."""
    n = covariance.rows
    M = sm.families.multivariate_normal(n).manifold()
    mapping = {s: s for s in M.coordinates[:n]}
    for s in M.coordinates[n:]:
        i, j = (int(c) - 1 for c in str(s)[1:])
        mapping[s] = covariance[i, j]
    box = {**dict.fromkeys(M.coordinates[:n], REAL), **own}
    return M.reparametrize(mapping, box, **options)


def precision(n: int) -> StatisticalManifold:
    entries = {(i, j): sp.Symbol(f"k{i}{j}", real=True) for i in range(n) for j in range(i, n)}
    k = Matrix(n, n, lambda i, j: entries[min(i, j), max(i, j)])
    minors = [k[:m, :m].det() > 0 for m in range(1, n + 1)]
    inverse = (k.adjugate() / k.det()).applyfunc(sp.cancel)
    return normal(inverse, dict.fromkeys(entries.values(), REAL), constraint=minors)


def natural_bivariate() -> StatisticalManifold:
    """theta = (P mu, -P/2): the natural parameters of the exponential family."""
    M = sm.families.multivariate_normal(2).manifold()
    u, v, h11, h12, h22 = symbols("u v h11 h12 h22", real=True)
    covariance = (-2 * Matrix([[h11, h12], [h12, h22]])).inv().applyfunc(sp.cancel)
    mean = covariance * Matrix([u, v])
    names = {str(s): s for s in M.coordinates}
    images = {"mu1": mean[0], "mu2": mean[1], "s11": covariance[0, 0]}
    images |= {"s12": covariance[0, 1], "s22": covariance[1, 1]}
    return M.reparametrize(
        {names[k]: sp.cancel(e) for k, e in images.items()},
        dict.fromkeys((u, v, h11, h12, h22), REAL),
        constraint=[h11 < 0, h11 * h22 - h12**2 > 0],
    )


CHOLESKY = Matrix([[A[0], 0, 0], [L[0], A[1], 0], [L[1], L[2], A[2]]])
LOG_CHOLESKY = Matrix([[exp(Z[0]), 0, 0], [L[0], exp(Z[1]), 0], [L[1], L[2], exp(Z[2])]])
UNIT = Matrix([[1, 0, 0], [L[0], 1, 0], [L[1], L[2], 1]])
POSITIVES, REALS = dict.fromkeys(A, POSITIVE), dict.fromkeys(L, REAL)
NORMALS: dict[str, tuple[Callable[[], StatisticalManifold], int]] = {
    "bivariate, precision": (lambda: precision(2), 2),
    "bivariate, natural": (natural_bivariate, 2),
    "bivariate, rotated axes": (
        lambda: normal(
            Matrix([
                [A[0] + A[1] * cos(X) ** 2, A[1] * sin(X) * cos(X)],
                [A[1] * sin(X) * cos(X), A[0] + A[1] * sin(X) ** 2],
            ]),
            {A[0]: POSITIVE, A[1]: POSITIVE, X: Interval.open(0, pi)},
        ),
        2,
    ),
    "trivariate, covariance": (lambda: sm.families.multivariate_normal(3).manifold(), 3),
    "trivariate, Cholesky": (
        lambda: normal(CHOLESKY * CHOLESKY.T, {**POSITIVES, **REALS}), 3
    ),
    "trivariate, log-Cholesky": (
        lambda: normal(LOG_CHOLESKY * LOG_CHOLESKY.T, dict.fromkeys((*Z, *L), REAL)), 3
    ),
    "trivariate, LDL": (
        lambda: normal(UNIT * sp.diag(*A) * UNIT.T, {**POSITIVES, **REALS}), 3
    ),
    "trivariate, precision": (lambda: precision(3), 3),
}  # fmt: skip
SLOW = ("trivariate, precision", "trivariate, log-Cholesky")
SLOWLY = pytest.mark.slow


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in NORMALS]
)
def test_multivariate_normal_families(name: str) -> None:
    """Skovgaard (1984), Scandinavian Journal of Statistics 11, 211: the same in every chart."""
    build, d = NORMALS[name]
    assert build().levi_civita.scalar_curvature == {2: Rational(-9, 2), 3: -12}[d]


@pytest.mark.parametrize("k", [2, 3, pytest.param(4, marks=SLOWLY), pytest.param(5, marks=SLOWLY)])
def test_multinomial_families_with_symbolic_trials(k: int) -> None:
    """A sphere of radius 2 sqrt(N) in dimension k: R = k (k - 1) / (4 N)."""
    N = sp.Symbol("N", positive=True, integer=True)
    M = sm.families.categorical(k + 1).iid(N).manifold()
    assert M.levi_civita.scalar_curvature == Rational(k * (k - 1), 4) / N
    assert M.levi_civita.constant_curvature == 1 / (4 * N)
    fixed = sm.families.multinomial(k + 3, k + 1).manifold()
    assert fixed.levi_civita.scalar_curvature == Rational(k * (k - 1), 4 * (k + 3))


def test_a_declared_trinomial_with_symbolic_trials() -> None:
    N = sp.Symbol("N", positive=True, integer=True)
    x, y = symbols("x y", integer=True, nonnegative=True)
    p, q = symbols("p q", positive=True)
    z = N - x - y
    ways = sp.factorial(N) / sp.factorial(x) / sp.factorial(y) / sp.factorial(z)
    family = sm.Family(
        ways * p**x * q**y * (1 - p - q) ** z,
        sample={x: sp.Range(0, N + 1), y: sp.Range(0, N - x + 1)},
        parameters={p: Interval.open(0, 1), q: Interval.open(0, 1)},
        constraint=p + q < 1,
    )
    assert family.manifold().levi_civita.scalar_curvature == 1 / (2 * N)


def kerr(chart: str) -> StatisticalManifold:
    """Boyer-Lindquist with theta, with an inverted radius, and ingoing coordinates."""
    t, v, theta, phi, w = symbols("t v theta phi w", real=True)
    r = sp.Symbol("r", positive=True)
    m, a = symbols("M a", positive=True)
    sphere = {theta: Interval.open(0, pi), phi: REAL}
    s2 = sin(theta) ** 2
    rho2 = r**2 + a**2 * cos(theta) ** 2
    if chart == "ingoing":
        # Kerr (1963), Physical Review Letters 11, 237.
        g = sp.zeros(4, 4)
        g[0, 0] = -(1 - 2 * m * r / rho2)
        g[0, 1] = g[1, 0] = 1
        g[0, 3] = g[3, 0] = -2 * m * a * r * s2 / rho2
        g[1, 3] = g[3, 1] = -a * s2
        g[2, 2] = rho2
        g[3, 3] = s2 * (r**2 + a**2 + 2 * m * r * a**2 * s2 / rho2)
        return StatisticalManifold({v: REAL, r: POSITIVE, **sphere}, g)
    delta = r**2 - 2 * m * r + a**2
    g = sp.zeros(4, 4)
    g[0, 0] = -(1 - 2 * m * r / rho2)
    g[0, 3] = g[3, 0] = -2 * m * a * r * s2 / rho2
    g[1, 1], g[2, 2] = rho2 / delta, rho2
    g[3, 3] = (r**2 + a**2 + 2 * m * a**2 * r * s2 / rho2) * s2
    M = StatisticalManifold({t: REAL, r: POSITIVE, **sphere}, g)
    if chart == "angles":
        return M
    if chart == "inverse radius":
        return M.reparametrize({t: t, r: 1 / A[0], theta: theta, phi: phi}, {
            t: REAL, A[0]: POSITIVE, **sphere
        })  # fmt: skip
    return M.reparametrize({t: t, r: exp(w), theta: theta, phi: phi + t}, {
        t: REAL, w: REAL, **sphere
    })  # fmt: skip


@pytest.mark.parametrize("chart", ["angles", "inverse radius", "rotating, logarithmic", "ingoing"])
def test_kerr_has_no_ricci_curvature(chart: str) -> None:
    connection = kerr(chart).levi_civita
    assert connection.ricci == sp.zeros(4, 4)
    assert connection.scalar_curvature == 0
    assert not connection.is_flat
