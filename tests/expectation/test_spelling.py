"""The same family in other spellings gives the same tensors."""

from __future__ import annotations

import pytest
import sympy as sp

from statmani.declare import declare
from statmani.expectation.derive import Derivation, derive

x = sp.Symbol("x")
a, b = sp.symbols("a b")
POSITIVE = sp.Interval.open(0, sp.oo)
UNIT = sp.Interval.open(0, 1)
GAMMA = x ** (a - 1) * sp.exp(-x / b) / (b**a * sp.gamma(a))
BETA = x ** (a - 1) * (1 - x) ** (b - 1)
WEIBULL = a / b * (x / b) ** (a - 1) * sp.exp(-((x / b) ** a))
LOGISTIC = sp.exp(-(x - a) / b) / (b * (1 + sp.exp(-(x - a) / b)) ** 2)
POISSON = a**x * sp.exp(-a)
NORMAL = sp.exp(-((x - a) ** 2) / (2 * b**2)) / (b * sp.sqrt(2 * sp.pi))
LOMAX = a / b * (1 + x / b) ** (-a - 1)

CASES = {
    "gamma": (
        {x: POSITIVE},
        {a: POSITIVE, b: POSITIVE},
        [
            (GAMMA, None),
            (None, (a - 1) * sp.log(x) - x / b - a * sp.log(b) - sp.loggamma(a)),
            (None, sp.log(GAMMA)),
            (sp.exp(-sp.log(b) - x / b) * (x / b) ** (a - 1) / sp.gamma(a), None),
            (a * x ** (a - 1) * sp.exp(-x / b) / (b**a * sp.factorial(a)), None),
            (GAMMA * sp.Heaviside(x), None),
        ],
    ),
    "beta": (
        {x: UNIT},
        {a: POSITIVE, b: POSITIVE},
        [
            (BETA / sp.beta(a, b), None),
            (BETA * sp.gamma(a + b) / (sp.gamma(a) * sp.gamma(b)), None),
            (None, sp.log(BETA) - sp.log(sp.beta(a, b))),
            (sp.Piecewise((BETA / sp.beta(a, b), (x > 0) & (x < 1)), (0, True)), None),
            (sp.exp(-sp.log(sp.beta(a, b) / BETA)), None),
            (x ** (a - 1) * sp.Abs(x - 1) ** (b - 1) * b * sp.binomial(a + b - 1, b), None),
        ],
    ),
    "weibull": (
        {x: POSITIVE},
        {a: POSITIVE, b: POSITIVE},
        [
            (WEIBULL, None),
            (None, sp.log(WEIBULL)),
            (a * b**-a * x ** (a - 1) * sp.exp(-sp.exp(a * sp.log(x / b))), None),
            (sp.exp(sp.log(a / x) + a * (sp.log(x) - sp.log(b)) - x**a * b**-a), None),
            (WEIBULL * sp.Heaviside(x), None),
            (None, sp.expand_log(sp.log(WEIBULL), force=True)),
        ],
    ),
    "logistic": (
        {x: sp.S.Reals},
        {a: sp.S.Reals, b: POSITIVE},
        [
            (LOGISTIC, None),
            (sp.sech((x - a) / (2 * b)) ** 2 / (4 * b), None),
            (1 / (4 * b * sp.cosh((x - a) / (2 * b)) ** 2), None),
            (None, (x - a) / b - sp.log(b) - 2 * sp.log(1 + sp.exp((x - a) / b))),
            (sp.exp(x / b) * sp.exp(a / b) / (b * (sp.exp(x / b) + sp.exp(a / b)) ** 2), None),
            ((1 - sp.tanh((x - a) / (2 * b)) ** 2) / (4 * b), None),
        ],
    ),
    "laplace": (
        {x: sp.S.Reals},
        {a: sp.S.Reals, b: POSITIVE},
        [
            (sp.exp(-sp.Abs(x - a) / b) / (2 * b), None),
            (None, -sp.log(2 * b) - sp.Piecewise(((x - a) / b, x > a), ((a - x) / b, True))),
            (None, -sp.log(2 * b) - sp.Max(x - a, a - x) / b),
            (sp.exp(-sp.sqrt((x - a) ** 2) / b) / (2 * b), None),
            (
                sp.Piecewise((sp.exp((a - x) / b), x >= a), (sp.exp((x - a) / b), True)) / (2 * b),
                None,
            ),
            (None, -sp.log(2 * b) - (x - a) * sp.sign(x - a) / b),
        ],
    ),
    "poisson": (
        {x: sp.S.Naturals0},
        {a: POSITIVE},
        [
            (POISSON / sp.factorial(x), None),
            (POISSON / sp.gamma(x + 1), None),
            (None, x * sp.log(a) - a - sp.loggamma(x + 1)),
            (None, -sp.log(sp.factorial(x) * sp.exp(a) / a**x)),
            (sp.exp(-sp.log(sp.factorial(x))) * sp.exp(x * sp.log(a)) / sp.exp(a), None),
        ],
    ),
    "bernoulli": (
        {x: sp.FiniteSet(0, 1)},
        {a: UNIT},
        [
            (a**x * (1 - a) ** (1 - x), None),
            (sp.Piecewise((a, sp.Eq(x, 1)), (1 - a, True)), None),
            (a * sp.KroneckerDelta(x, 1) + (1 - a) * sp.KroneckerDelta(x, 0), None),
            (sp.binomial(1, x) * a**x * (1 - a) ** (1 - x), None),
            (1 - a + (2 * a - 1) * x, None),
            (None, x * sp.log(a / (1 - a)) + sp.log(1 - a)),
        ],
    ),
    "normal": (
        {x: sp.S.Reals},
        {a: sp.S.Reals, b: POSITIVE},
        [
            (NORMAL, None),
            (None, sp.log(NORMAL)),
            (None, sp.expand(-((x - a) ** 2) / (2 * b**2)) - sp.log(2 * sp.pi * b**2) / 2),
            (sp.exp(-(sp.Abs(x - a) ** 2) / (2 * b**2)) / sp.sqrt(2 * sp.pi * b**2), None),
            (
                sp.exp(x * a / b**2)
                * sp.exp(-(x**2) / (2 * b**2))
                * sp.exp(-(a**2) / (2 * b**2))
                / sp.sqrt(2 * sp.pi)
                / b,
                None,
            ),
            (sp.exp(-sp.log(b * sp.sqrt(2 * sp.pi)) - ((x - a) / b) ** 2 / 2), None),
        ],
    ),
    "lomax": (
        {x: POSITIVE},
        {a: POSITIVE, b: POSITIVE},
        [
            (LOMAX, None),
            (a * b**a / (x + b) ** (a + 1), None),
            (None, sp.log(a) + a * sp.log(b) - (a + 1) * sp.log(b + x)),
            (a / (x + b) * (b / (x + b)) ** a, None),
            (sp.exp(-(a + 1) * sp.log(1 + x / b)) * a / b, None),
            (LOMAX * sp.Heaviside(x), None),
        ],
    ),
}


def derived(case: str, number: int) -> Derivation:
    sample, parameters, spellings = CASES[case]
    density, log_density = spellings[number]
    return derive(declare(density, log_density, sample, parameters, None, None, [], None))


def agree(first: Derivation, other: Derivation) -> None:
    n = first.metric.shape[0]
    at = {
        s: sp.Rational(3 + i, 7 + i)
        for i, s in enumerate(sorted(first.metric.free_symbols, key=str))
    }
    for i in range(n):
        for j in range(n):
            difference = first.metric[i, j] - other.metric[i, j]
            assert abs(sp.N(difference.xreplace(at), 30)) < 1e-24, (i, j)
    for index in first.skewness.keys() | other.skewness.keys():
        difference = first.skewness.get(index, sp.Integer(0)) - other.skewness.get(
            index, sp.Integer(0)
        )
        assert abs(sp.N(difference.xreplace(at), 30)) < 1e-24, index


@pytest.mark.parametrize(
    ("case", "number"),
    [(case, number) for case, (_, _, s) in CASES.items() for number in range(1, len(s))],
)
def test_spelling_does_not_matter(case: str, number: int) -> None:
    agree(derived(case, 0), derived(case, number))


@pytest.mark.parametrize("case", ["gamma", "lomax", "weibull"])
def test_assumptions_of_the_symbols_do_not_matter(case: str) -> None:
    sample, parameters, spellings = CASES[case]
    plain = (*sample, *parameters)
    table = {s: sp.Symbol(s.name, positive=True) for s in plain}
    renamed = [{table[s]: where for s, where in part.items()} for part in (sample, parameters)]
    density = spellings[0][0].subs(table)
    other = derive(declare(density, None, renamed[0], renamed[1], None, None, [], None))
    agree(derived(case, 0), other)


def test_at_least_eight_families_in_five_spellings() -> None:
    assert sum(len(spellings) >= 5 for _, _, spellings in CASES.values()) >= 8
