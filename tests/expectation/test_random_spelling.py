"""Random rewritings of one density, by identities that hold on its support, give one geometry."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

import pytest
import sympy as sp

import statmani as sm

x, a, b, c = sp.symbols("x a b c")
REAL, POSITIVE, UNIT = sp.S.Reals, sp.Interval.open(0, sp.oo), sp.Interval.open(0, 1)
Z = (x - a) / b

# name: density, sample, parameters
FAMILIES: dict[str, tuple[sp.Expr, dict, dict]] = {
    "normal": (sp.exp(-(Z**2) / 2) / (b * sp.sqrt(2 * sp.pi)), {x: REAL}, {a: REAL, b: POSITIVE}),
    "gamma": (x ** (a - 1) * sp.exp(-x / b) / (b**a * sp.gamma(a)), {x: POSITIVE},
              {a: POSITIVE, b: POSITIVE}),
    "inverse_gamma": (b**a / sp.gamma(a) * x ** (-a - 1) * sp.exp(-b / x), {x: POSITIVE},
                      {a: POSITIVE, b: POSITIVE}),
    "beta": (x ** (a - 1) * (1 - x) ** (b - 1) * sp.gamma(a + b) / sp.gamma(a) / sp.gamma(b),
             {x: UNIT}, {a: POSITIVE, b: POSITIVE}),
    "weibull": (a / b * (x / b) ** (a - 1) * sp.exp(-((x / b) ** a)), {x: POSITIVE},
                {a: POSITIVE, b: POSITIVE}),
    "frechet": (a / b * (x / b) ** (-1 - a) * sp.exp(-((x / b) ** -a)), {x: POSITIVE},
                {a: POSITIVE, b: POSITIVE}),
    "gumbel": (sp.exp(-Z - sp.exp(-Z)) / b, {x: REAL}, {a: REAL, b: POSITIVE}),
    "logistic": (sp.exp(-Z) / (b * (1 + sp.exp(-Z)) ** 2), {x: REAL}, {a: REAL, b: POSITIVE}),
    "laplace": (sp.exp(-sp.Abs(x - a) / b) / (2 * b), {x: REAL}, {a: REAL, b: POSITIVE}),
    "cauchy": (1 / (sp.pi * b * (1 + Z**2)), {x: REAL}, {a: REAL, b: POSITIVE}),
    "student_t": (sp.gamma((c + 1) / 2) / (sp.sqrt(c * sp.pi) * b * sp.gamma(c / 2))
                  * (1 + Z**2 / c) ** (-(c + 1) / 2), {x: REAL},
                  {a: REAL, b: POSITIVE, c: POSITIVE}),
    "lomax": (a / b * (1 + x / b) ** (-a - 1), {x: POSITIVE}, {a: POSITIVE, b: POSITIVE}),
    "log_logistic": ((b / a) * (x / a) ** (b - 1) / (1 + (x / a) ** b) ** 2, {x: POSITIVE},
                     {a: POSITIVE, b: POSITIVE}),
    "kumaraswamy": (a * b * x ** (a - 1) * (1 - x**a) ** (b - 1), {x: UNIT},
                    {a: POSITIVE, b: POSITIVE}),
    "lognormal": (sp.exp(-((sp.log(x) - a) ** 2) / (2 * b**2)) / (x * b * sp.sqrt(2 * sp.pi)),
                  {x: POSITIVE}, {a: REAL, b: POSITIVE}),
    "inverse_gaussian": (sp.sqrt(b / (2 * sp.pi * x**3))
                         * sp.exp(-b * (x - a) ** 2 / (2 * a**2 * x)), {x: POSITIVE},
                         {a: POSITIVE, b: POSITIVE}),
    "rayleigh": (x / a**2 * sp.exp(-(x**2) / (2 * a**2)), {x: POSITIVE}, {a: POSITIVE}),
    "poisson": (a**x * sp.exp(-a) / sp.factorial(x), {x: sp.S.Naturals0}, {a: POSITIVE}),
    "binomial": (sp.binomial(7, x) * a**x * (1 - a) ** (7 - x), {x: sp.Range(0, 8)}, {a: UNIT}),
    "negative_binomial": (sp.gamma(x + 3) / (sp.gamma(3) * sp.factorial(x)) * a**3 * (1 - a) ** x,
                          {x: sp.S.Naturals0}, {a: UNIT}),
    "geometric": (a * (1 - a) ** x, {x: sp.S.Naturals0}, {a: UNIT}),
    "half_normal": (sp.sqrt(2 / sp.pi) / a * sp.exp(-(x**2) / (2 * a**2)), {x: POSITIVE},
                    {a: POSITIVE}),
    "truncated_normal_scale": (sp.exp(-(x**2) / (2 * a**2)) / (a * sp.sqrt(2 * sp.pi))
                               * 2 / (1 + sp.erf(0)), {x: POSITIVE}, {a: POSITIVE}),
    "hyperbolic_secant": (sp.sech(sp.pi * Z / 2) / (2 * b), {x: REAL}, {a: REAL, b: POSITIVE}),
}  # fmt: skip


def positive(symbol: sp.Symbol, where: dict) -> bool:
    return where.get(symbol) in (POSITIVE, UNIT)


def rewritten_powers(e: sp.Expr, rng: random.Random, where: dict) -> sp.Expr:
    """Positive symbols as square roots of squares, absolute values or exponentials of logs."""
    symbol = rng.choice([s for s in e.free_symbols if positive(s, where)] or [None])
    if symbol is None:
        return e
    form = rng.choice([sp.sqrt(symbol**2), sp.Abs(symbol), sp.exp(sp.log(symbol)),
                       1 / (1 / symbol), sp.sqrt(symbol) * sp.sqrt(symbol), sp.exp(-sp.log(1 / symbol))])  # fmt: skip  # noqa: E501
    return e.subs(symbol, form)


def gammas(e: sp.Expr, rng: random.Random, where: dict) -> sp.Expr:
    forms = [
        lambda z: sp.factorial(z - 1),
        lambda z: sp.exp(sp.loggamma(z)),
        lambda z: sp.gamma(z + 1) / z,
        lambda z: sp.factorial(z) / z,
    ]
    form = rng.choice(forms)
    e = e.replace(sp.factorial, lambda z: sp.gamma(z + 1))
    return e.replace(sp.gamma, form)


def exponentials(e: sp.Expr, rng: random.Random, where: dict) -> sp.Expr:
    form = rng.choice([
        lambda z: sp.cosh(z) + sp.sinh(z),
        lambda z: 1 / sp.exp(-z),
        lambda z: sp.exp(z / 2) ** 2,
        lambda z: sp.E ** sp.expand(z),
    ])  # fmt: skip
    return e.replace(sp.exp, form)


def logistic_forms(e: sp.Expr, rng: random.Random, where: dict) -> sp.Expr:
    """1 + exp(z) as 2 exp(z/2) cosh(z/2), or by tanh."""

    def change(p: sp.Expr) -> sp.Expr:
        inner = p - 1
        if isinstance(inner, sp.exp):
            z = inner.args[0]
            return rng.choice([2 * sp.exp(z / 2) * sp.cosh(z / 2), 2 / (1 - sp.tanh(z / 2))])
        return p

    return e.replace(lambda p: isinstance(p, sp.Add) and len(p.args) == 2 and 1 in p.args, change)


REWRITES: list[Callable[[sp.Expr, random.Random, dict], sp.Expr]] = [
    lambda e, rng, where: sp.expand(e),
    lambda e, rng, where: sp.factor(e),
    lambda e, rng, where: sp.powsimp(e, force=True),
    lambda e, rng, where: sp.expand_power_base(e, force=True),
    lambda e, rng, where: sp.together(e),
    lambda e, rng, where: sp.exp(-sp.log(1 / e)),
    lambda e, rng, where: sp.sqrt(e) ** 2 if rng.random() < 0.5 else sp.sqrt(e**2),
    lambda e, rng, where: 1 / (1 / e),
    lambda e, rng, where: sp.Abs(e),
    gammas,
    exponentials,
    logistic_forms,
    rewritten_powers,
]


def wrapped(e: sp.Expr, rng: random.Random, where: dict) -> sp.Expr:
    """Indicators of the support."""
    if where[x] == POSITIVE:
        return rng.choice([e * sp.Heaviside(x), sp.Piecewise((e, x > 0), (0, True)), e])
    if where[x] == UNIT:
        return rng.choice([sp.Piecewise((e, (x > 0) & (x < 1)), (0, True)),
                           e * sp.Heaviside(x) * sp.Heaviside(1 - x), e])  # fmt: skip
    return e


def log_forms(e: sp.Expr, rng: random.Random) -> sp.Expr:
    return rng.choice([
        sp.log(e),
        sp.expand_log(sp.log(e), force=True),
        sp.logcombine(sp.expand_log(sp.log(e), force=True), force=True),
        sp.expand(sp.expand_log(sp.log(e), force=True)),
        -sp.log(1 / e),
    ])  # fmt: skip


def spelled(name: str, seed: int) -> tuple[dict, str]:
    """Arguments of Family for one random spelling, and its text."""
    density, sample, parameters = FAMILIES[name]
    rng, where = random.Random(f"{name} {seed}"), {**sample, **parameters}
    for rewrite in rng.sample(REWRITES, rng.choice([1, 2, 2, 3])):
        density = rewrite(density, rng, where)
    arguments: dict = {"sample": sample, "parameters": parameters}
    if rng.random() < 0.5:
        arguments["log_density"] = log_forms(density, rng)
    else:
        arguments["density"] = wrapped(density, rng, where)
    if rng.random() < 0.3:
        table = {
            s: sp.Symbol(s.name, positive=True)
            if positive(s, where)
            else sp.Symbol(s.name, real=True)
            for s in where
        }
        for key in ("density", "log_density"):
            if key in arguments:
                arguments[key] = arguments[key].xreplace(table)
        arguments["sample"] = {table[s]: w for s, w in sample.items()}
        arguments["parameters"] = {table[s]: w for s, w in parameters.items()}
    return arguments, str(arguments.get("density", arguments.get("log_density")))


@cache
def tensors(name: str) -> list[sp.Expr]:
    density, sample, parameters = FAMILIES[name]
    return entries(sm.Family(density, sample=sample, parameters=parameters))


def entries(family: sm.Family) -> list[sp.Expr]:
    M = family.manifold()
    n = M.dim
    flat = [M.metric[i, j] for i in range(n) for j in range(i, n)]
    flat += [M.skewness[i, j, k] for i in range(n) for j in range(i, n) for k in range(j, n)]
    return [sp.sympify(e).xreplace({s: sp.Symbol(s.name) for s in e.free_symbols}) for e in flat]


def check(name: str, seed: int) -> None:
    arguments, text = spelled(name, seed)
    found = entries(sm.Family(**arguments))
    at = {a: sp.Rational(3, 7), b: sp.Rational(4, 5), c: sp.Rational(19, 3)}
    for one, other in zip(tensors(name), found, strict=True):
        assert not other.has(sm.Expectation), text
        if one != other:
            assert abs(sp.N((one - other).subs(at), 30)) < 1e-24, text


@pytest.mark.parametrize("name", FAMILIES)
def test_a_random_spelling_gives_the_same_tensors(name: str) -> None:
    check(name, 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
@pytest.mark.parametrize("name", FAMILIES)
def test_many_random_spellings(name: str, seed: int) -> None:
    check(name, seed)
