"""Declarations: what users may write, and that names and spellings do not matter."""

from __future__ import annotations

import pickle

import pytest
import sympy as sp
from sympy.stats import (
    Bernoulli,
    Binomial,
    Exponential,
    FiniteRV,
    Multinomial,
    MultivariateBeta,
    Normal,
    Weibull,
)

from statmani.declaration import Declaration
from statmani.declare import declare
from statmani.errors import InvalidFamily
from statmani.from_sympy import declaration_arguments

x, y, mu, k, lam, p, n = sp.symbols("x y mu k lam p n")
POSITIVE = sp.Interval.open(0, sp.oo)
UNIT = sp.Interval.open(0, 1)


def read(density: object = None, log_density: object = None, **more: object) -> Declaration:
    options: dict[str, object] = {
        "support": None,
        "constraint": None,
        "constants": (),
        "name": None,
    }
    options.update(more)
    return declare(density, log_density, **options)


def value(declaration: Declaration, **numbers: object) -> sp.Expr:
    table = {sp.Symbol(name): sp.nsimplify(number) for name, number in numbers.items()}
    return sp.N(declaration.external(declaration.log_density).subs(table), 30)


WEIBULL = k / lam * (x / lam) ** (k - 1) * sp.exp(-((x / lam) ** k))


def weibull(density: sp.Expr = WEIBULL, **more: object) -> Declaration:
    return read(density, sample={x: POSITIVE}, parameters={k: POSITIVE, lam: POSITIVE}, **more)


def test_renaming_every_symbol_gives_the_same_internal_declaration() -> None:
    names = sp.symbols("beta gamma zeta")
    table = dict(zip((x, k, lam), names, strict=True))
    other = read(
        WEIBULL.subs(table, simultaneous=True),
        sample={names[0]: POSITIVE},
        parameters={names[1]: POSITIVE, names[2]: POSITIVE},
    )
    assert other.key == weibull().key
    assert other.log_density == weibull().log_density


@pytest.mark.parametrize(
    "names", [("S", "N", "E"), ("I", "Q", "zeta"), ("beta", "gamma", "lambda_")]
)
def test_names_that_sympy_uses_itself(names: tuple[str, str, str]) -> None:
    symbols = [sp.Symbol(name) for name in names]
    table = dict(zip((x, k, lam), symbols, strict=True))
    other = read(
        WEIBULL.subs(table, simultaneous=True),
        sample={symbols[0]: POSITIVE},
        parameters=dict.fromkeys(symbols[1:], POSITIVE),
    )
    assert other.key == weibull().key


def test_log_density_is_real_where_the_density_is_positive() -> None:
    # 1 - p is positive on the domain although sympy cannot know it.
    declaration = read(p**x * (1 - p) ** (1 - x), sample={x: sp.Range(0, 2)}, parameters={p: UNIT})
    assert value(declaration, p=0.25, x=0) == sp.log(sp.Rational(3, 4)).evalf(30)
    # An even power of an expression without a sign keeps its modulus.
    even = read(
        (x - mu) ** 2 * sp.exp(-((x - mu) ** 2) / 2) / sp.sqrt(2 * sp.pi),
        sample={x: sp.S.Reals},
        parameters={mu: sp.S.Reals},
    )
    expected = 2 * sp.log(3) - sp.Rational(9, 2) - sp.log(2 * sp.pi) / 2
    assert abs(value(even, mu=1, x=-2) - expected) < 1e-28


def test_two_negative_factors() -> None:
    t = sp.Symbol("t")
    declaration = read(
        (-t) * sp.exp(t * x), sample={x: POSITIVE}, parameters={t: sp.Interval.open(-sp.oo, 0)}
    )
    assert abs(value(declaration, t=-2, x=1) - (sp.log(2) - 2)) < 1e-28


def test_outer_condition_of_a_piecewise_becomes_the_support() -> None:
    declaration = read(
        sp.Piecewise((lam * sp.exp(-lam * x), x > 0), (0, True)),
        sample={x: sp.S.Reals},
        parameters={lam: POSITIVE},
    )
    variable = declaration.variables[0]
    assert (variable.lower, variable.upper) == (0, sp.oo)
    step = read(
        lam * sp.exp(-lam * x) * sp.Heaviside(x), sample={x: sp.S.Reals}, parameters={lam: POSITIVE}
    )
    assert step.key == declaration.key


def test_coupled_supports_become_bounds() -> None:
    declaration = read(
        lam**2 * sp.exp(-lam * y),
        sample={x: POSITIVE, y: POSITIVE},
        parameters={lam: POSITIVE},
        support=y > x,
    )
    first, second = declaration.variables
    assert second.lower == first.symbol
    assert second.upper == sp.oo
    cells = read(
        p**x * k**y * (1 - p - k) ** (1 - x - y),
        sample={x: sp.Range(0, 2), y: sp.Range(0, 2)},
        parameters={p: UNIT, k: UNIT},
        support=x + y <= 1,
        constraint=p + k < 1,
    )
    assert cells.variables[1].upper == 1 - cells.variables[0].symbol
    assert cells.domain.axes[1].upper == 1 - cells.parameters[0]


def test_a_range_may_shrink_to_one_value() -> None:
    cells = read(
        p**x * k**y * (1 - p - k) ** (1 - x - y),
        sample={x: sp.Range(0, 2), y: sp.Range(0, 2 - x)},
        parameters={p: UNIT, k: sp.Interval.open(0, 1 - p)},
    )
    first, second = cells.variables
    assert (first.lower, first.upper) == (0, 1)
    assert (second.lower, second.upper) == (0, 1 - first.symbol)


def test_strict_inequalities_of_integers_move_by_one() -> None:
    declaration = read(
        p * (1 - p) ** x * p * (1 - p) ** (y - x - 1),
        sample={x: sp.S.Naturals0, y: sp.S.Naturals0},
        parameters={p: UNIT},
        support=y > x,
    )
    assert declaration.variables[1].lower == declaration.variables[0].symbol + 1


def test_other_free_symbols_are_constants() -> None:
    declaration = read(
        sp.binomial(n, x) * p**x * (1 - p) ** (n - x),
        sample={x: sp.Range(0, n + 1)},
        parameters={p: UNIT},
    )
    (constant,) = declaration.constants
    assert constant.is_integer
    assert constant.is_positive
    assert declaration.external(constant) == n
    assert declaration.variables[0].upper == constant


def test_listed_constants_are_no_typos() -> None:
    rate, rates = sp.symbols("rate rates")
    with pytest.raises(InvalidFamily, match="rates is not declared and looks like rate"):
        read(rates * sp.exp(-rates * x), sample={x: POSITIVE}, parameters={rate: POSITIVE})
    declaration = read(
        rates * rate * sp.exp(-rates * rate * x),
        sample={x: POSITIVE},
        parameters={rate: POSITIVE},
        constants=[rates],
    )
    assert len(declaration.constants) == 1


def test_finite_sets() -> None:
    declaration = read(
        sp.Piecewise((p, sp.Eq(x, -1)), (1 - p, True)),
        sample={x: sp.FiniteSet(-1, 1)},
        parameters={p: UNIT},
    )
    assert declaration.variables[0].values == (-1, 1)
    dense = read(
        sp.Piecewise((p, sp.Eq(x, 0)), (1 - p, True)),
        sample={x: sp.FiniteSet(1, 0)},
        parameters={p: UNIT},
    )
    assert (dense.variables[0].lower, dense.variables[0].upper) == (0, 1)
    assert dense.variables[0].values is None


def test_declarations_are_values() -> None:
    declaration = weibull()
    again = pickle.loads(pickle.dumps(declaration))
    assert again == declaration
    assert hash(again) == hash(declaration)
    assert declaration.internal(declaration.external(declaration.log_density)) == (
        declaration.log_density
    )


a, b, m = sp.Symbol("a", positive=True), sp.Symbol("b", positive=True), sp.Symbol("m", real=True)


@pytest.mark.parametrize(
    ("rv", "names", "at", "expected"),
    [
        (
            Normal("X", m, a),
            "m a",
            {"X": 1, "m": 0, "a": 2},
            -sp.Rational(1, 8) - sp.log(8 * sp.pi) / 2,
        ),
        (Weibull("X", a, b), "a b", {"X": 1, "a": 2, "b": 1}, -sp.Rational(1, 2) - sp.log(2)),
        (Exponential("X", a), "a", {"X": 3, "a": 2}, sp.log(2) - 6),
        (Bernoulli("X", a), "a", {"X": 0, "a": sp.Rational(1, 4)}, sp.log(sp.Rational(3, 4))),
        (Binomial("X", 3, a), "a", {"X": 1, "a": sp.Rational(1, 4)}, sp.log(sp.Rational(27, 64))),
    ],
)
def test_random_variables_of_sympy(
    rv: object, names: str, at: dict[str, object], expected: sp.Expr
) -> None:
    arguments = declaration_arguments(rv, None)
    assert [str(s) for s in arguments["parameters"]] == names.split()
    declaration = read(
        arguments["density"], sample=arguments["sample"], parameters=arguments["parameters"]
    )
    table = {s: at[str(s)] for s in declaration.external(declaration.log_density).free_symbols}
    found = declaration.external(declaration.log_density).subs(table)
    assert abs(sp.N(found - expected, 30)) < 1e-25


def test_symbolic_binomial_of_sympy() -> None:
    size = sp.Symbol("n", integer=True, positive=True)
    arguments = declaration_arguments(Binomial("X", size, a), {a: UNIT})
    declaration = read(
        arguments["density"], sample=arguments["sample"], parameters=arguments["parameters"]
    )
    assert declaration.variables[0].lower == 0
    assert declaration.variables[0].upper == declaration.constants[0]


def test_vectors_of_fixed_sum_drop_the_last_component() -> None:
    q, r = sp.symbols("q r", positive=True)
    arguments = declaration_arguments(
        Multinomial("X", 3, [a, q, 1 - a - q]), {a: UNIT, q: sp.Interval.open(0, 1 - a)}
    )
    cells = read(**{k: v for k, v in arguments.items() if k != "name"})
    assert [str(v.upper) for v in cells.variables] == ["3", "3 - x0"]
    found = cells.external(cells.log_density).subs({"X1": 1, "X2": 1, a: "1/2", q: "1/4"})
    assert abs(sp.N(found - sp.log(6 * sp.Rational(1, 32)), 30)) < 1e-25
    arguments = declaration_arguments(MultivariateBeta("Y", [a, q, r]), None)
    simplex = read(**{k: v for k, v in arguments.items() if k != "name"})
    assert simplex.variables[1].upper == 1 - simplex.variables[0].symbol


def test_tables_of_sympy() -> None:
    arguments = declaration_arguments(FiniteRV("X", {0: a, 2: 1 - a}), {a: UNIT})
    table = read(**{k: v for k, v in arguments.items() if k != "name"})
    assert table.variables[0].values == (0, 2)
    found = table.external(table.log_density).subs({"X": 2, a: "1/4"})
    assert abs(sp.N(found - sp.log(sp.Rational(3, 4)), 30)) < 1e-25


def test_gamma_functions_of_half_integers_do_not_overflow() -> None:
    """sympy writes loggamma(n + 5/2) with an integer n as a logarithm of products."""
    declaration = read(
        log_density=sp.loggamma(x + sp.Rational(5, 2))
        - sp.loggamma(x + 1)
        - sp.loggamma(sp.Rational(5, 2))
        + sp.Rational(5, 2) * sp.log(p)
        + x * sp.log(1 - p),
        sample={x: sp.S.Naturals0},
        parameters={p: UNIT},
    )
    logs = declaration.log_density.atoms(sp.log)
    assert not any(e.args[0].is_Mul and e.args[0].has(sp.gamma) for e in logs)
    expected = sp.N(
        sp.loggamma(sp.Rational(2005, 2))
        - sp.loggamma(1001)
        - sp.loggamma(sp.Rational(5, 2))
        + sp.Rational(5, 2) * sp.log(sp.Rational(1, 4))
        + 1000 * sp.log(sp.Rational(3, 4)),
        30,
    )
    assert abs(value(declaration, x=1000, p=0.25) - expected) < 1e-20
