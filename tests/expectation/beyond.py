"""Families that users declare, beyond the reference file; each a declaration through the door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

import statmani as sm

x, y, z = sp.symbols("x y z")
a, b, c, d, p, q, m, s, n, r, t, u, v, w = sp.symbols("a b c d p q m s n r t u v w")
mu, kappa, theta, delta, xi, lam, nu = sp.symbols("mu kappa theta delta xi lambda nu")
POSITIVE = sp.Interval.open(0, sp.oo)
UNIT = sp.Interval.open(0, 1)
REAL = sp.S.Reals
LOG2PI = sp.log(2 * sp.pi)


def _family(log_density: Any, sample: Any, parameters: Any, **more: Any) -> sm.Family:
    return sm.Family(log_density=log_density, sample=sample, parameters=parameters, **more)


def burr_xii() -> sm.Family:
    density = sp.log(c * p) + (c - 1) * sp.log(x) - (p + 1) * sp.log(1 + x**c)
    return _family(density, {x: POSITIVE}, {c: POSITIVE, p: POSITIVE})


def burr_xii_scale() -> sm.Family:
    density = c * p / b * (x / b) ** (c - 1) * (1 + (x / b) ** c) ** (-p - 1)
    return sm.Family(density, sample={x: POSITIVE}, parameters=dict.fromkeys((c, p, b), POSITIVE))


def dagum() -> sm.Family:
    density = a * p / x * (x / b) ** (a * p) / ((x / b) ** a + 1) ** (p + 1)
    return sm.Family(density, sample={x: POSITIVE}, parameters=dict.fromkeys((a, p, b), POSITIVE))


def beta_prime() -> sm.Family:
    density = x ** (a - 1) * (1 + x) ** (-a - b) / sp.beta(a, b)
    return sm.Family(density, sample={x: POSITIVE}, parameters={a: POSITIVE, b: POSITIVE})


def birnbaum_saunders() -> sm.Family:
    density = (
        (sp.sqrt(x / b) + sp.sqrt(b / x))
        / (2 * a * x)
        / sp.sqrt(2 * sp.pi)
        * sp.exp(-((sp.sqrt(x / b) - sp.sqrt(b / x)) ** 2) / (2 * a**2))
    )
    return sm.Family(density, sample={x: POSITIVE}, parameters={a: POSITIVE, b: POSITIVE})


def maxwell() -> sm.Family:
    density = sp.sqrt(2 / sp.pi) * x**2 * sp.exp(-(x**2) / (2 * a**2)) / a**3
    return sm.Family(density, sample={x: POSITIVE}, parameters={a: POSITIVE})


def chi() -> sm.Family:
    density = x ** (k_() - 1) * sp.exp(-(x**2) / 2) / (2 ** (k_() / 2 - 1) * sp.gamma(k_() / 2))
    return sm.Family(density, sample={x: POSITIVE}, parameters={k_(): POSITIVE})


def k_() -> sp.Symbol:
    return sp.Symbol("k")


def levy() -> sm.Family:
    density = sp.sqrt(c / (2 * sp.pi)) * sp.exp(-c / (2 * x)) / x ** sp.Rational(3, 2)
    return sm.Family(density, sample={x: POSITIVE}, parameters={c: POSITIVE})


def lindley() -> sm.Family:
    density = theta**2 / (theta + 1) * (1 + x) * sp.exp(-theta * x)
    return sm.Family(density, sample={x: POSITIVE}, parameters={theta: POSITIVE})


def hyperbolic_secant() -> sm.Family:
    density = sp.sech(sp.pi * (x - mu) / (2 * s)) / (2 * s)
    return sm.Family(density, sample={x: REAL}, parameters={mu: REAL, s: POSITIVE})


def johnson_su() -> sm.Family:
    u = (x - xi) / lam
    density = (
        delta
        / (lam * sp.sqrt(2 * sp.pi))
        / sp.sqrt(1 + u**2)
        * sp.exp(-((c + delta * sp.asinh(u)) ** 2) / 2)
    )
    return sm.Family(
        density, sample={x: REAL}, parameters={c: REAL, delta: POSITIVE, xi: REAL, lam: POSITIVE}
    )


def johnson_su_shape() -> sm.Family:
    density = (
        delta
        / sp.sqrt(2 * sp.pi)
        / sp.sqrt(1 + x**2)
        * sp.exp(-((c + delta * sp.asinh(x)) ** 2) / 2)
    )
    return sm.Family(density, sample={x: REAL}, parameters={c: REAL, delta: POSITIVE})


def generalised_normal() -> sm.Family:
    density = b / (2 * a * sp.gamma(1 / b)) * sp.exp(-((sp.Abs(x - mu) / a) ** b))
    wide = sp.Interval.open(1, sp.oo)
    return sm.Family(density, sample={x: REAL}, parameters={mu: REAL, a: POSITIVE, b: wide})


def exponentiated_exponential() -> sm.Family:
    density = a * lam * (1 - sp.exp(-lam * x)) ** (a - 1) * sp.exp(-lam * x)
    return sm.Family(density, sample={x: POSITIVE}, parameters={a: POSITIVE, lam: POSITIVE})


def skew_logistic() -> sm.Family:
    e = sp.exp(-(x - mu) / s)
    density = a * e / (s * (1 + e) ** (a + 1))
    return sm.Family(density, sample={x: REAL}, parameters={mu: REAL, s: POSITIVE, a: POSITIVE})


def gompertz() -> sm.Family:
    density = a * b * sp.exp(b * x) * sp.exp(-a * (sp.exp(b * x) - 1))
    return sm.Family(density, sample={x: POSITIVE}, parameters={a: POSITIVE, b: POSITIVE})


def wrapped_cauchy() -> sm.Family:
    density = (1 - r**2) / (2 * sp.pi * (1 + r**2 - 2 * r * sp.cos(x - mu)))
    circle = sp.Interval.open(-sp.pi, sp.pi)
    return sm.Family(density, sample={x: circle}, parameters={mu: sm.Circle, r: UNIT})


def cardioid() -> sm.Family:
    density = (1 + 2 * r * sp.cos(x - mu)) / (2 * sp.pi)
    circle = sp.Interval.open(-sp.pi, sp.pi)
    half = sp.Interval.open(0, sp.Rational(1, 2))
    return sm.Family(density, sample={x: circle}, parameters={mu: sm.Circle, r: half})


def truncated_poisson() -> sm.Family:
    density = lam**x / (sp.factorial(x) * (sp.exp(lam) - 1))
    return sm.Family(density, sample={x: sp.S.Naturals}, parameters={lam: POSITIVE})


def logarithmic() -> sm.Family:
    density = -(p**x) / (x * sp.log(1 - p))
    return sm.Family(density, sample={x: sp.S.Naturals}, parameters={p: UNIT})


def beta_binomial() -> sm.Family:
    density = sp.binomial(5, x) * sp.beta(x + a, 5 - x + b) / sp.beta(a, b)
    return sm.Family(density, sample={x: sp.Range(6)}, parameters={a: POSITIVE, b: POSITIVE})


def negative_multinomial() -> sm.Family:
    density = (
        sp.gamma(3 + x + y)
        / (sp.gamma(3) * sp.factorial(x) * sp.factorial(y))
        * (1 - p - q) ** 3
        * p**x
        * q**y
    )
    return sm.Family(
        density,
        sample={x: sp.S.Naturals0, y: sp.S.Naturals0},
        parameters={p: UNIT, q: UNIT},
        constraint=p + q < 1,
    )


def freund() -> sm.Family:
    density = sp.Piecewise(
        (a * d * sp.exp(-d * y - (a + b - d) * x), x < y),
        (b * c * sp.exp(-c * x - (a + b - c) * y), True),
    )
    return sm.Family(
        density, sample={x: POSITIVE, y: POSITIVE}, parameters=dict.fromkeys((a, b, c, d), POSITIVE)
    )


def normal_gamma() -> sm.Family:
    density = (
        b**a
        * sp.sqrt(lam)
        / (sp.gamma(a) * sp.sqrt(2 * sp.pi))
        * t ** (a - sp.Rational(1, 2))
        * sp.exp(-b * t)
        * sp.exp(-lam * t * (x - mu) ** 2 / 2)
    )
    return sm.Family(
        density,
        sample={x: REAL, t: POSITIVE},
        parameters={mu: REAL, lam: POSITIVE, a: POSITIVE, b: POSITIVE},
    )


def generalised_inverse_gaussian() -> sm.Family:
    density = (
        (a / b) ** (p / 2)
        / (2 * sp.besselk(p, sp.sqrt(a * b)))
        * x ** (p - 1)
        * sp.exp(-(a * x + b / x) / 2)
    )
    return sm.Family(density, sample={x: POSITIVE}, parameters={a: POSITIVE, b: POSITIVE, p: REAL})


def von_mises_fisher() -> sm.Family:
    """On the sphere, in its polar angles, with its direction in polar angles too."""
    inner = sp.cos(x) * sp.cos(u) + sp.sin(x) * sp.sin(u) * sp.cos(y - v)
    density = kappa / (4 * sp.pi * sp.sinh(kappa)) * sp.exp(kappa * inner) * sp.sin(x)
    return sm.Family(
        density,
        sample={x: sp.Interval.open(0, sp.pi), y: sp.Interval.open(-sp.pi, sp.pi)},
        parameters={kappa: POSITIVE, u: sp.Interval.open(0, sp.pi), v: sm.Circle},
    )


def _normal(size: int, natural: bool) -> sm.Family:
    xs = sp.symbols(f"x1:{size + 1}")
    ms = sp.symbols(f"m1:{size + 1}")
    names = [[sp.Symbol(f"s{min(i, j)}{max(i, j)}") for j in range(size)] for i in range(size)]
    matrix = sp.Matrix(names)
    entries = [matrix[i, j] for i in range(size) for j in range(i, size)]
    centred = sp.Matrix(xs) - sp.Matrix(ms)
    minors = [matrix[:k, :k].det() for k in range(1, size + 1)]
    if natural:
        inverse = matrix.adjugate() / matrix.det()
        h = sp.Matrix(ms)
        quadratic = -(sp.Matrix(xs).T * matrix * sp.Matrix(xs))[0] / 2 + (h.T * sp.Matrix(xs))[0]
        ell = quadratic - (h.T * inverse * h)[0] / 2 + sp.log(matrix.det()) / 2
    else:
        ell = -(centred.T * matrix.adjugate() * centred)[0] / (2 * matrix.det())
        ell -= sp.log(matrix.det()) / 2
    parameters: dict[sp.Symbol, Any] = dict.fromkeys(ms, REAL)
    for e in entries:
        diagonal = any(e == matrix[i, i] for i in range(size))
        parameters[e] = POSITIVE if diagonal else REAL
    constraint = [k > 0 for k in minors[1:]]
    return _family(
        ell - size * LOG2PI / 2, dict.fromkeys(xs, REAL), parameters, constraint=constraint
    )


def bivariate_normal_covariance() -> sm.Family:
    return _normal(2, natural=False)


def bivariate_normal_natural() -> sm.Family:
    return _normal(2, natural=True)


def trivariate_normal() -> sm.Family:
    return _normal(3, natural=False)


def trivariate_normal_natural() -> sm.Family:
    return _normal(3, natural=True)


def wishart_2x2() -> sm.Family:
    """Degrees of freedom nu, scale matrix [[a, b], [b, c]]."""
    det_v, det_x = a * c - b**2, x * z - y**2
    ell = (
        (nu - 3) / 2 * sp.log(det_x)
        - (c * x - 2 * b * y + a * z) / (2 * det_v)
        - nu * sp.log(2)
        - nu / 2 * sp.log(det_v)
        - sp.log(sp.pi) / 2
        - sp.loggamma(nu / 2)
        - sp.loggamma((nu - 1) / 2)
    )
    return _family(
        ell,
        {x: POSITIVE, z: POSITIVE, y: REAL},
        {nu: sp.Interval.open(1, sp.oo), a: POSITIVE, c: POSITIVE, b: REAL},
        support=[y**2 < x * z],
        constraint=[a * c - b**2 > 0],
    )


def normal_mean_is_deviation() -> sm.Family:
    ell = -((x - mu) ** 2) / (2 * mu**2) - sp.log(mu) - LOG2PI / 2
    return _family(ell, {x: REAL}, {mu: POSITIVE})


def normal_mean_and_variance() -> sm.Family:
    variances = [a**2 + 1, b**2 + 1]
    ell = -LOG2PI - ((x - a) ** 2 / variances[0] + (y - b) ** 2 / variances[1]) / 2
    ell -= sp.log(variances[0]) / 2 + sp.log(variances[1]) / 2
    return _family(ell, {x: REAL, y: REAL}, {a: REAL, b: REAL})


def mixture_fixed_components() -> sm.Family:
    normal = sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)
    other = sp.exp(-((x - 3) ** 2) / 2) / sp.sqrt(2 * sp.pi)
    return sm.Family(p * normal + (1 - p) * other, sample={x: REAL}, parameters={p: UNIT})


DESIGN = ((1, -1), (1, 0), (1, 2), (1, 3))


def _regression(probability: Callable[[sp.Expr], sp.Expr]) -> sm.Family:
    ys = sp.symbols("y1:5")
    ell = sp.Integer(0)
    for response, row in zip(ys, DESIGN, strict=True):
        chance = probability(row[0] * a + row[1] * b)
        ell += response * sp.log(chance) + (1 - response) * sp.log(1 - chance)
    return _family(ell, dict.fromkeys(ys, sp.FiniteSet(0, 1)), {a: REAL, b: REAL})


def logistic_regression() -> sm.Family:
    return _regression(lambda e: 1 / (1 + sp.exp(-e)))


def probit_regression() -> sm.Family:
    return _regression(lambda e: (1 + sp.erf(e / sp.sqrt(2))) / 2)


def poisson_regression() -> sm.Family:
    ys = sp.symbols("y1:5")
    ell = sp.Integer(0)
    for response, row in zip(ys, DESIGN, strict=True):
        e = row[0] * a + row[1] * b
        ell += response * e - sp.exp(e) - sp.loggamma(response + 1)
    return _family(ell, dict.fromkeys(ys, sp.S.Naturals0), {a: REAL, b: REAL})


def softmax_regression() -> sm.Family:
    ys = sp.symbols("y1:4")
    ell = sp.Integer(0)
    for response, row in zip(ys, DESIGN, strict=False):
        e, f = row[0] * a + row[1] * b, row[0] * c + row[1] * d
        total = 1 + sp.exp(e) + sp.exp(f)
        ell += sp.log(
            sp.Piecewise(
                (1 / total, sp.Eq(response, 0)),
                (sp.exp(e) / total, sp.Eq(response, 1)),
                (sp.exp(f) / total, True),
            )
        )
    return _family(ell, dict.fromkeys(ys, sp.Range(3)), dict.fromkeys((a, b, c, d), REAL))


def table_2x2() -> sm.Family:
    """Two binary variables: marginals p, q and the log odds ratio through one cell."""
    cells = [r, p - r, q - r, 1 - p - q + r]
    density = cells[0] ** (x * y) * cells[1] ** (x * (1 - y))
    density *= cells[2] ** ((1 - x) * y) * cells[3] ** ((1 - x) * (1 - y))
    return sm.Family(
        density,
        sample={x: sp.FiniteSet(0, 1), y: sp.FiniteSet(0, 1)},
        parameters={p: UNIT, q: UNIT, r: UNIT},
        constraint=[r < p, r < q, p + q - r < 1],
    )


def binomial_symbolic() -> sm.Family:
    size = sp.Symbol("n", integer=True, positive=True)
    density = sp.binomial(size, x) * p**x * (1 - p) ** (size - x)
    return sm.Family(
        density, sample={x: sp.Range(0, size + 1)}, parameters={p: UNIT}, constants=[size]
    )


FAMILIES: dict[str, Callable[[], sm.Family]] = {
    f.__name__: f
    for f in (
        burr_xii, burr_xii_scale, dagum, beta_prime, birnbaum_saunders, maxwell, chi, levy,
        lindley, hyperbolic_secant, johnson_su, johnson_su_shape, generalised_normal,
        exponentiated_exponential, skew_logistic, gompertz, wrapped_cauchy, cardioid,
        truncated_poisson, logarithmic, beta_binomial, negative_multinomial, freund, normal_gamma,
        generalised_inverse_gaussian, von_mises_fisher, bivariate_normal_covariance,
        bivariate_normal_natural, trivariate_normal, trivariate_normal_natural, wishart_2x2,
        normal_mean_is_deviation, normal_mean_and_variance, mixture_fixed_components,
        logistic_regression, probit_regression, poisson_regression, softmax_regression, table_2x2,
        binomial_symbolic,
    )
}  # fmt: skip
