"""What users ask of E: a table of families and functions, against scipy's densities.

Every entry is compared with scipy's quadrature (or summation) of the function against scipy's own
density, at a point that the engine has not seen.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp
from scipy import integrate, stats

import statmani as sm

F = sm.families
s, t, cut = sp.symbols("power frequency cut")
EXTRA = {s: sp.Rational(3, 10), t: sp.Rational(2, 5), cut: sp.Rational(6, 5)}

LAWS: dict[str, tuple[Callable[[], sm.Family], list[str], object]] = {
    "normal": (F.normal, ["1/2", "3/4"], stats.norm(0.5, 0.75)),
    "laplace": (F.laplace, ["1/2", "3/4"], stats.laplace(0.5, 0.75)),
    "logistic": (F.logistic, ["1/2", "3/4"], stats.logistic(0.5, 0.75)),
    "gumbel": (F.gumbel, ["1/2", "3/4"], stats.gumbel_r(0.5, 0.75)),
    "skew_normal": (F.skew_normal, ["1/2", "3/4", "2"], stats.skewnorm(2, 0.5, 0.75)),
    "cauchy": (F.cauchy, ["1/2", "3/4"], stats.cauchy(0.5, 0.75)),
    "student_t": (F.student_t, ["1/2", "3/4", "13/2"], stats.t(6.5, 0.5, 0.75)),
    "gamma": (F.gamma, ["5/2", "3/4"], stats.gamma(2.5, scale=0.75)),
    "weibull": (F.weibull, ["3/2", "2"], stats.weibull_min(1.5, scale=2)),
    "lognormal": (F.lognormal, ["3/10", "7/10"], stats.lognorm(0.7, scale=np.exp(0.3))),
    "half_normal": (F.half_normal, ["7/5"], stats.halfnorm(scale=1.4)),
    "lomax": (F.lomax, ["9/2", "2"], stats.lomax(4.5, scale=2)),
    "frechet": (F.frechet, ["11/2", "3/2"], stats.invweibull(5.5, scale=1.5)),
    "log_logistic": (F.log_logistic, ["3/2", "11/2"], stats.fisk(5.5, scale=1.5)),
    "beta": (F.beta, ["3", "7/2"], stats.beta(3, 3.5)),
    "poisson": (F.poisson, ["5/2"], stats.poisson(2.5)),
    "geometric": (F.geometric, ["2/5"], stats.geom(0.4, loc=-1)),
    "negbin": (F.negbin, ["5/2", "2/5"], stats.nbinom(2.5, 0.4)),
    "binomial": (lambda: F.binomial(7), ["2/5"], stats.binom(7, 0.4)),
}

FUNCTIONS: dict[str, Callable[[sp.Symbol], sp.Expr]] = {
    "x": lambda x: x,
    "x^2": lambda x: x**2,
    "|x - c|": lambda x: sp.Abs(x - cut),
    "max(x, c)": lambda x: sp.Max(x, cut),
    "(x - c)+ x": lambda x: x * sp.Max(x - cut, 0),
    "P(x <= c)": lambda x: sp.Piecewise((1, x <= cut), (0, True)),
    "P(c < x < c + 1)": lambda x: sp.Piecewise((1, (x > cut) & (x < cut + 1)), (0, True)),
    "sign(x - c)": lambda x: sp.sign(x - cut),
    "exp(t x)": lambda x: sp.exp(t * x),
    "cos(t x)": lambda x: sp.cos(t * x),
    "x sin(t x)": lambda x: x * sp.sin(t * x),
    "log x": lambda x: sp.log(x),
    "x^s": lambda x: x**s,
    "x^s log x": lambda x: x**s * sp.log(x),
    "1/x": lambda x: 1 / x,
    "1/x; x > c": lambda x: sp.Piecewise((1 / x, x > cut), (0, True)),
    "factorial moment": lambda x: x * (x - 1) * (x - 2),
    "P(x <= 2)": lambda x: sp.Piecewise((1, x <= 2), (0, True)),
}

LINE = ["x", "x^2", "|x - c|", "max(x, c)", "(x - c)+ x", "P(x <= c)", "P(c < x < c + 1)",
        "sign(x - c)", "cos(t x)", "x sin(t x)", "exp(t x)"]  # fmt: skip
HALF = ["log x", "x^s", "x^s log x", "1/x", "1/x; x > c"]
LATTICE = ["x", "x^2", "exp(t x)", "cos(t x)", "x sin(t x)", "factorial moment", "P(x <= 2)"]
NONE = {
    "cauchy": {"x", "x^2", "|x - c|", "max(x, c)", "(x - c)+ x", "exp(t x)", "cos(t x)",
               "x sin(t x)"},
    "student_t": {"exp(t x)", "cos(t x)", "x sin(t x)"},
    "logistic": {"|x - c|", "max(x, c)", "(x - c)+ x"},
    "gumbel": {"|x - c|", "max(x, c)", "(x - c)+ x"},
    "skew_normal": {"|x - c|", "max(x, c)", "(x - c)+ x", "P(x <= c)", "P(c < x < c + 1)",
                    "sign(x - c)", "cos(t x)", "x sin(t x)"},
    "lognormal": {"exp(t x)", "cos(t x)", "x sin(t x)"},
    "weibull": {"exp(t x)", "cos(t x)", "x sin(t x)"},
    "half_normal": {"cos(t x)", "x sin(t x)", "1/x", "1/x; x > c"},
    "lomax": {"exp(t x)", "cos(t x)", "x sin(t x)", "1/x", "1/x; x > c"},
    "frechet": {"exp(t x)", "cos(t x)", "x sin(t x)"},
    "log_logistic": {"exp(t x)", "cos(t x)", "x sin(t x)"},
    "beta": {"exp(t x)", "cos(t x)", "x sin(t x)"},
}  # fmt: skip


def table() -> list[tuple[str, str]]:
    cells = []
    for name, (_, _, law) in LAWS.items():
        low, _ = law.support()
        lattice = hasattr(law.dist, "pmf")
        functions = LATTICE if lattice else LINE if np.isinf(low) else [*LINE, *HALF]
        cells += [(name, f) for f in functions if f not in NONE.get(name, set())]
    return cells


TABLE = table()
FAST = TABLE[::9]


@functools.cache
def direct(name: str, label: str) -> float:
    law = LAWS[name][2]
    x = sp.Symbol("x", real=True)
    function = sp.lambdify(x, FUNCTIONS[label](x).subs(EXTRA), "numpy")
    if hasattr(law.dist, "pmf"):
        grid = np.arange(0, 400)
        return float(sum(law.pmf(k) * function(float(k)) for k in grid))
    low, high = law.support()
    c = float(EXTRA[cut])
    inside = [p for p in (c, c + 1, float(law.median())) if low < p < high]
    ends = [low, *sorted(inside), high]
    return sum(
        integrate.quad(lambda u: law.pdf(u) * float(function(u)) if law.pdf(u) > 0 else 0.0,
                       a, b, limit=400, epsabs=1e-12, epsrel=1e-11)[0]
        for a, b in itertools.pairwise(ends)
    )  # fmt: skip


def check(name: str, label: str) -> None:
    make, at, _ = LAWS[name]
    family = make()
    (x,) = family.sample
    found = family.expect(FUNCTIONS[label](x))
    values = dict(zip(family.parameters, map(sp.Rational, at), strict=True)) | EXTRA
    number = complex(sp.N(found.subs(values), 20))
    expected = direct(name, label)
    assert abs(number - expected) < 1e-7 * (1 + abs(expected)), found


@pytest.mark.parametrize(("name", "label"), FAST)
def test_expectations(name: str, label: str) -> None:
    check(name, label)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "label"), TABLE)
def test_all_expectations(name: str, label: str) -> None:
    check(name, label)


@pytest.mark.parametrize("make", [F.exponential_rate, F.half_normal, F.beta, F.weibull, F.lomax])
def test_a_cut_outside_the_support(make: Callable[[], sm.Family]) -> None:
    """P(x <= c) is 0 below the support and not what its formula says there."""
    family = make()
    (x,) = family.sample
    below = family.expect(sp.Piecewise((1, x <= cut), (0, True))).subs(cut, -2)
    assert below == 0
    gap = family.expect(sp.Abs(x - cut)).subs(cut, -2) - family.expect(x) - 2
    at = {p: sp.Rational(7, 2) for p in family.parameters}
    assert abs(sp.N(gap.subs(at), 20)) < 1e-15


def test_mixtures_and_several_variables() -> None:
    mixture = F.normal_mixture2()
    (x,) = mixture.sample
    w, m = mixture.parameters
    assert sp.expand(mixture.expect(x) - (1 - w) * m) == 0
    normal = F.bivariate_normal()
    x = normal.sample[0]
    m1, s1 = normal.parameters[0], normal.parameters[2]
    found = normal.expect(sp.Abs(x - m1))
    assert sp.simplify(found - s1 * sp.sqrt(2 / sp.pi)) == 0
    dirichlet = F.dirichlet(3)
    x = dirichlet.sample[0]
    a, b, c = dirichlet.parameters
    assert sp.simplify(dirichlet.expect(1 / x) - (a + b + c - 1) / (a - 1)).subs(a, 3) == 0


def test_normal_gamma_by_conditioning() -> None:
    """Bernardo and Smith (1994), appendix A.2: x has variance b / (lambda (a - 1))."""
    x, y = sp.symbols("x y")
    mu = sp.Symbol("mu", real=True)
    lam, a, b = sp.symbols("lam a b", positive=True)
    log_density = (
        a * sp.log(b) - sp.loggamma(a) + (a - sp.Rational(1, 2)) * sp.log(y) - b * y
        + sp.log(lam / (2 * sp.pi)) / 2 - lam * y * (x - mu) ** 2 / 2
    )  # fmt: skip
    family = sm.Family(
        log_density=log_density,
        sample={x: sp.S.Reals, y: sp.Interval.open(0, sp.oo)},
        parameters=(mu, lam, a, b),
    )
    mean = family.expectation(x)  # x has a Student distribution of 2 a degrees of freedom
    assert mean.value == mu and [str(c) for c in mean.conditions] == ["a - 1/2 > 0"]
    record = family.expectation((x - mu) ** 2)
    assert sp.simplify(record.value - b / (lam * (a - 1))) == 0
    assert [str(c) for c in record.conditions] == ["a - 1 > 0"]


def test_scores_of_open_families() -> None:
    """Products of scores are the derived tensors, whatever their strategy."""
    x = sp.Symbol("x", positive=True)
    a, b = sp.symbols("a b", positive=True)
    family = sm.Family(a * b * sp.exp(b * x) * sp.exp(-a * (sp.exp(b * x) - 1)), sample=x,
                       parameters=(a, b))  # fmt: skip
    assert family.expect(family.score[0] ** 2) == 1 / a**2
