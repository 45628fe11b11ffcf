"""Tensors written by hand from moments, and an independent numeric route to curvature."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import combinations_with_replacement, product
from pathlib import Path
from typing import Any

import mpmath
import pytest
import sympy as sp
from sympy import Interval, Matrix, S, polygamma, symbols

from statmani.geometry.manifold import StatisticalManifold

Model = tuple[Any, Any, Any]


def _symmetric(n: int, entry: Callable[[int, int, int], Any]) -> dict[tuple[int, int, int], Any]:
    return {i: entry(*i) for i in combinations_with_replacement(range(n), 3)}


def normal() -> Model:
    mu, sigma = symbols("mu sigma")
    g = [[1 / sigma**2, 0], [0, 2 / sigma**2]]
    t = {(0, 0, 1): 2 / sigma**3, (1, 1, 1): 8 / sigma**3}
    return {mu: S.Reals, sigma: Interval(0, sp.oo)}, g, t


def gamma_scale() -> Model:
    k, theta = symbols("k theta", positive=True)
    g = [[polygamma(1, k), 1 / theta], [1 / theta, k / theta**2]]
    t = {(0, 0, 0): polygamma(2, k), (0, 1, 1): 1 / theta**2, (1, 1, 1): 2 * k / theta**3}
    return (k, theta), g, t


def inverse_gaussian() -> Model:
    mu, lam = symbols("mu lam", positive=True)
    g = [[lam / mu**3, 0], [0, 1 / (2 * lam**2)]]
    t = {(0, 0, 0): 3 * lam / mu**4, (0, 0, 1): -1 / mu**3, (1, 1, 1): -1 / lam**3}
    return (mu, lam), g, t


def dirichlet(n: int) -> Model:
    a = symbols(f"a1:{n + 1}", positive=True)
    total = sum(a)
    g = [
        [(polygamma(1, a[i]) if i == j else 0) - polygamma(1, total) for j in range(n)]
        for i in range(n)
    ]
    t = _symmetric(
        n, lambda i, j, k: (polygamma(2, a[i]) if i == j == k else 0) - polygamma(2, total)
    )
    return a, g, t


def beta() -> Model:
    (a1, a2), g, t = dirichlet(2)
    names = {a1: sp.Symbol("a", positive=True), a2: sp.Symbol("b", positive=True)}
    return (
        tuple(names.values()),
        Matrix(g).xreplace(names),
        {k: v.xreplace(names) for k, v in t.items()},
    )


def cauchy() -> Model:
    mu = sp.Symbol("mu", real=True)
    gam = sp.Symbol("gam", positive=True)
    return (mu, gam), sp.eye(2) / (2 * gam**2), None


def categorical(n: int) -> Model:
    p = symbols(f"p1:{n + 1}")
    last = 1 - sum(p)
    g = [[(1 / p[i] if i == j else 0) + 1 / last for j in range(n)] for i in range(n)]
    t = _symmetric(n, lambda i, j, k: (1 / p[i] ** 2 if i == j == k else 0) - 1 / last**2)
    box = {x: Interval(0, 1 - sum(p[:i])) for i, x in enumerate(p)}
    return box, g, t


def weibull() -> Model:
    """Scores k/lam (Z - 1) and (1 + L - L Z)/k with Z standard exponential, L = log Z."""
    k, lam = symbols("k lam", positive=True)
    z, log_z, s = symbols("Z L s")
    scores = [(1 + log_z - log_z * z) / k, k / lam * (z - 1)]

    def mean(f: Any) -> Any:
        total = 0
        for (p, m), c in sp.Poly(sp.expand(f), z, log_z).terms():
            moment = sp.diff(sp.gamma(1 + s), s, m).subs(s, p) if m else sp.gamma(1 + p)
            total += c * moment
        return sp.expand(total)

    g = [[mean(a * b) for b in scores] for a in scores]
    return (k, lam), g, _symmetric(2, lambda i, j, m: mean(scores[i] * scores[j] * scores[m]))


def gaussian(coordinates: Any, mean: Any, covariance: Any) -> Model:
    """g and T of a normal family with mean(theta) and covariance(theta)."""
    theta = list(coordinates)
    mean, covariance = Matrix(mean), Matrix(covariance)
    inverse = covariance.adjugate() / covariance.det()
    dm = [mean.diff(x) for x in theta]
    dc = [inverse * covariance.diff(x) for x in theta]
    n = len(theta)
    g = [
        [(dm[i].T * inverse * dm[j])[0] + (dc[i] * dc[j]).trace() / 2 for j in range(n)]
        for i in range(n)
    ]

    def entry(i: int, j: int, k: int) -> Any:
        total = (dc[i] * dc[j] * dc[k]).trace()
        for a, b, c in ((i, j, k), (j, k, i), (k, i, j)):
            total += (dm[a].T * dc[c] * inverse * dm[b])[0]
        return total

    return coordinates, g, _symmetric(n, entry)


def bivariate_normal() -> Model:
    m1, m2 = symbols("mu1 mu2", real=True)
    s1, s2 = symbols("s1 s2", positive=True)
    rho = sp.Symbol("rho")
    box = {m1: S.Reals, m2: S.Reals, s1: Interval(0, sp.oo), s2: Interval(0, sp.oo)}
    box[rho] = Interval(-1, 1)
    return gaussian(box, [m1, m2], [[s1**2, rho * s1 * s2], [rho * s1 * s2, s2**2]])


def rough() -> Model:
    """Two coordinates without any symmetry, many kinds of atoms, and a constant."""
    x, y = symbols("x y", positive=True)
    c = sp.Symbol("c", positive=True)
    g = [
        [2 + x**2 + sp.exp(-x), sp.sin(y) / 3],
        [sp.sin(y) / 3, 3 + y**c + polygamma(1, x + 2)],
    ]
    t = _symmetric(2, lambda i, j, k: (i + 1) * sp.sqrt(x) / (1 + y) + k * sp.exp(-x / 2) + j * y)
    return (x, y), g, t


def rational() -> Model:
    """Three coordinates without any symmetry."""
    x, y, z = symbols("x y z", positive=True)
    g = [[2 + x * y, z, 1], [z, 3 + x**2, 0], [1, 0, 4 + y / (1 + z)]]
    t = _symmetric(3, lambda i, j, k: (i + 1) * x + (j + 2) * y * z + k / (1 + y) + i * j)
    return (x, y, z), g, t


def conformal() -> Model:
    """Three coordinates where Gamma^k_ij has fewer terms than Gamma_ij,k; T brings new atoms."""
    x, y, z = symbols("x y z", positive=True)
    scale = (x + y**2 + polygamma(1, z)) ** 2
    shape = ((2, 1, 0), (1, 3, 0), (0, 0, 1))
    g = [[scale * e for e in line] for line in shape]
    t = _symmetric(3, lambda i, j, k: k * y + j * sp.exp(-z) + i * sp.log(1 + x))
    return (x, y, z), g, t


MODELS: dict[str, Callable[[], Model]] = {
    "normal": normal,
    "gamma_scale": gamma_scale,
    "inverse_gaussian": inverse_gaussian,
    "beta": beta,
    "cauchy": cauchy,
    "categorical3": lambda: categorical(2),
    "weibull": weibull,
    "bivariate_normal": bivariate_normal,
    "dirichlet3": lambda: dirichlet(3),
}


@pytest.fixture(scope="session")
def models() -> dict[str, StatisticalManifold]:
    return {name: StatisticalManifold(*make()) for name, make in MODELS.items()}


@pytest.fixture(scope="session")
def gaussian_model() -> Callable[..., Model]:
    return gaussian


@pytest.fixture(scope="session")
def rough_models() -> dict[str, StatisticalManifold]:
    return {make.__name__: StatisticalManifold(*make()) for make in (rough, rational, conformal)}


@pytest.fixture(scope="session")
def acceptance() -> dict[str, Any]:
    path = Path(__file__).parents[1] / "references" / "acceptance.json"
    data: dict[str, Any] = json.loads(path.read_text())
    return data


class NumericGeometry:
    """R = d Gamma + Gamma Gamma from g and T as functions, by differences at 90 digits."""

    def __init__(self, symbols_: Any, metric: Any, skewness: Any, point: Any, alpha: Any) -> None:
        self.n = len(symbols_)
        self.context = mpmath.mp.clone()
        self.context.dps = 90
        self.step = self.context.mpf(10) ** -20
        self.alpha = self.context.mpf(sp.Rational(alpha).p) / sp.Rational(alpha).q
        self.point = [self.context.mpf(sp.Rational(v).p) / sp.Rational(v).q for v in point]
        n = range(self.n)
        entries = [metric[i, j] for i in n for j in n]
        self._g = sp.lambdify(symbols_, entries, [_namespace(self.context), "mpmath"], cse=True)
        entries = [skewness[i, j, k] for i in n for j in n for k in n]
        self._t = sp.lambdify(symbols_, entries, [_namespace(self.context), "mpmath"], cse=True)

    def g(self, x: Any) -> Any:
        values = self._g(*x)
        rows = [values[i * self.n : (i + 1) * self.n] for i in range(self.n)]
        return self.context.matrix(rows)

    def derivative(self, f: Callable[[Any], Any], x: Any, i: int) -> Any:
        """Central differences of order 4."""
        h = self.step

        def at(k: int) -> Any:
            return f([v + (k * h if j == i else 0) for j, v in enumerate(x)])

        return [
            (8 * (p1 - m1) - (p2 - m2)) / (12 * h)
            for p1, m1, p2, m2 in zip(at(1), at(-1), at(2), at(-2), strict=True)
        ]

    def first(self, x: Any) -> dict[Any, Any]:
        n = range(self.n)
        dg = [self.derivative(lambda y: self._g(*y), x, i) for i in n]
        t = self._t(*x)

        def d(i: int, j: int, k: int) -> Any:
            return dg[k][i * self.n + j]

        return {
            (i, j, k): (d(j, k, i) + d(i, k, j) - d(i, j, k)) / 2
            - self.alpha / 2 * t[(i * self.n + j) * self.n + k]
            for i, j, k in product(n, n, n)
        }

    def second(self, x: Any) -> list[Any]:
        """Gamma^k_ij, flat."""
        n = range(self.n)
        inverse = self.g(x) ** -1
        first = self.first(x)
        return [
            self.context.fsum(inverse[k, m] * first[i, j, m] for m in n)
            for k, i, j in product(n, n, n)
        ]

    def riemann(self) -> dict[Any, Any]:
        n, x = range(self.n), self.point
        gamma = self.second(x)
        slope = [self.derivative(self.second, x, i) for i in n]

        def at(values: Any, k: int, i: int, j: int) -> Any:
            return values[(k * self.n + i) * self.n + j]

        return {
            (l, k, i, j): at(slope[i], l, j, k)
            - at(slope[j], l, i, k)
            + self.context.fsum(
                at(gamma, l, i, m) * at(gamma, m, j, k) - at(gamma, l, j, m) * at(gamma, m, i, k)
                for m in n
            )
            for l, k, i, j in product(n, n, n, n)
        }


def _namespace(context: Any) -> dict[str, Any]:
    names = {name: getattr(context, name) for name in ("exp", "log", "sqrt", "sin", "cos", "zeta")}
    names["mpf"] = context.mpf
    names["psi"] = lambda n, x: context.psi(int(n), x)
    names["polygamma"] = lambda n, x: context.psi(int(n), x)
    names["pi"] = +context.pi
    names["EulerGamma"] = names["euler"] = +context.euler
    return names


@pytest.fixture(scope="session")
def numeric_geometry() -> type[NumericGeometry]:
    return NumericGeometry
