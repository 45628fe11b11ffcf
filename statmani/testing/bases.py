"""Densities that random families start from, and maps that push their samples forward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, final

import sympy as sp

__all__ = [
    "DIFFEOMORPHISMS",
    "EXPONENTIAL",
    "FINITE_SUPPORTS",
    "STANDARD",
    "STATISTICS",
    "TOO_FAR",
    "TWO_COMPONENTS",
    "Base",
    "Kind",
]

#: Where a variable lives: the line, the half-line, the unit interval, or the counts 0, 1, 2, ...
Kind = Literal["real", "positive", "unit", "counts"]

x = sp.Symbol("x")
a, b = sp.symbols("a b")


@final
@dataclass(frozen=True)
class Base:
    """A density with its parameters.

    Attributes
    ----------
    name : str
    log_density : Expr
        In the symbol x and the parameters.
    sample : Kind
    parameters : tuple of (Symbol, Kind)
    curves : tuple of dict
        Substitutions that leave one parameter, for curved subfamilies.
    heavy : bool
        Whether tails fall like powers.
    vanishing : bool
        Whether the density vanishes inside the support, where the score of a location has a pole
        and no third moment.
    """

    name: str
    log_density: sp.Expr
    sample: Kind
    parameters: tuple[tuple[sp.Symbol, Kind], ...] = ()
    curves: tuple[dict[sp.Symbol, sp.Expr], ...] = ()
    heavy: bool = False
    vanishing: bool = False


_HALF = sp.Rational(1, 2)
_LOG_ROOT = sp.log(2 * sp.pi) / 2

#: Standard densities of z = (x - location)/scale, simplest first.
STANDARD: tuple[Base, ...] = (
    Base("normal", -(x**2) / 2 - _LOG_ROOT, "real"),
    Base("exponential", -x, "positive"),
    Base("logistic", -x - 2 * sp.log(1 + sp.exp(-x)), "real"),
    Base("Gumbel", -x - sp.exp(-x), "real"),
    Base("Cauchy", -sp.log(sp.pi) - sp.log(1 + x**2), "real", heavy=True),
    Base("hyperbolic secant", -sp.log(sp.pi) - sp.log(sp.cosh(x)), "real"),
    Base("Student t(5)", sp.log(sp.Rational(8, 3)) - sp.log(sp.pi * sp.sqrt(5))
         - 3 * sp.log(1 + x**2 / 5), "real", heavy=True),
    Base("quartic", -(x**4) - sp.log(2 * sp.gamma(sp.Rational(5, 4))), "real"),
    Base("log-gamma(2)", 2 * x - sp.exp(x), "real"),
    Base("generalised logistic(2, 1)", sp.log(2) - x - 3 * sp.log(1 + sp.exp(-x)), "real"),
    Base("Rayleigh", sp.log(x) - x**2 / 2, "positive"),
    Base("gamma(5/2)", 3 * _HALF * sp.log(x) - x - sp.loggamma(5 * _HALF), "positive"),
    Base("beta prime(2, 3)", sp.log(12) + sp.log(x) - 5 * sp.log(1 + x), "positive", heavy=True),
    Base("half-logistic", sp.log(2) - x - 2 * sp.log(1 + sp.exp(-x)), "positive"),
    Base("squared normal", sp.log(x**2) - x**2 / 2 - _LOG_ROOT, "real", vanishing=True),
    Base("two bumps", sp.log((1 + x**2) / 2) - x**2 / 2 - _LOG_ROOT, "real"),
)  # fmt: skip

#: Exponential families with closed normalisers, simplest first.
EXPONENTIAL: tuple[Base, ...] = (
    Base("exponential", sp.log(a) - a * x, "positive", ((a, "positive"),)),
    Base("normal", -((x - a) ** 2) / (2 * b**2) - sp.log(b) - _LOG_ROOT, "real",
         ((a, "real"), (b, "positive")), ({a: b}, {a: b**2}, {a: 2 * b + 1}, {a: sp.log(b)})),
    Base("natural normal", a * x - b * x**2 - a**2 / (4 * b) + sp.log(b / sp.pi) / 2, "real",
         ((a, "real"), (b, "positive")), ({a: b}, {a: -b - 1 / b})),
    Base("gamma", a * sp.log(b) - sp.loggamma(a) + (a - 1) * sp.log(x) - b * x, "positive",
         ((a, "positive"), (b, "positive")), ({a: b}, {a: 1 / b}, {a: b**2})),
    Base("beta", (a - 1) * sp.log(x) + (b - 1) * sp.log(1 - x) + sp.loggamma(a + b)
         - sp.loggamma(a) - sp.loggamma(b), "unit",
         ((a, "positive"), (b, "positive")), ({a: b}, {a: 1 + b}, {a: 1 / b})),
    Base("inverse Gaussian", sp.log(b / (2 * sp.pi)) / 2 - 3 * _HALF * sp.log(x)
         - b * (x - a) ** 2 / (2 * a**2 * x), "positive",
         ((a, "positive"), (b, "positive")), ({a: b}, {a: 1 / b})),
    Base("Poisson", x * sp.log(a) - a - sp.loggamma(x + 1), "counts", ((a, "positive"),)),
    Base("geometric", sp.log(a) + x * sp.log(1 - a), "counts", ((a, "unit"),)),
    Base("negative binomial(3)", sp.log((x + 1) * (x + 2) / 2) + 3 * sp.log(a)
         + x * sp.log(1 - a), "counts", ((a, "unit"),)),
    Base("power", sp.log(a) + (a - 1) * sp.log(x), "unit", ((a, "positive"),)),
    Base("truncated exponential", sp.log(a) + a * x - sp.log(sp.exp(a) - 1), "unit",
         ((a, "positive"),)),
    Base("beta prime", (a - 1) * sp.log(x) - (a + b) * sp.log(1 + x) + sp.loggamma(a + b)
         - sp.loggamma(a) - sp.loggamma(b), "positive",
         ((a, "positive"), (b, "positive")), ({a: b}, {a: 2 * b}), heavy=True),
)  # fmt: skip

#: By the kind of the old sample: what it is as a function of the new one, the size of the
#: derivative, written so that logarithms of its factors are real, and the new one's kind.
DIFFEOMORPHISMS: dict[Kind, tuple[tuple[sp.Expr, sp.Expr, Kind], ...]] = {
    "real": (
        (sp.log(x), 1 / x, "positive"),
        (sp.sinh(x), sp.cosh(x), "real"),
        (2 * x + 1, sp.Integer(2), "real"),
        (sp.log(x / (1 - x)), 1 / (x * (1 - x)), "unit"),
        (-x, sp.S.One, "real"),
    ),
    "positive": (
        (x**2, 2 * x, "positive"),
        (1 / x, x**-2, "positive"),
        (sp.exp(x), sp.exp(x), "real"),
        (-sp.log(x), 1 / x, "unit"),
        (x / (1 - x), (1 - x) ** -2, "unit"),
        (3 * x, sp.Integer(3), "positive"),
    ),
    "unit": (
        (1 - x, sp.S.One, "unit"),
        (sp.exp(-x), sp.exp(-x), "positive"),
        (x / (1 + x), (1 + x) ** -2, "positive"),
        (x**2, 2 * x, "unit"),
        (1 / (1 + sp.exp(-x)), sp.exp(-x) / (1 + sp.exp(-x)) ** 2, "real"),
    ),
}

#: Maps that turn tails like powers into tails like powers of a logarithm, of which the doubles
#: hold only a part.
TOO_FAR: frozenset[sp.Expr] = frozenset({sp.sinh(x), sp.log(x / (1 - x)), -sp.log(x)})

FINITE_SUPPORTS: tuple[tuple[int, ...], ...] = (
    (0, 1),
    (0, 1, 2),
    (0, 1, 2, 3),
    (0, 1, 3),
    (1, 2, 3, 4),
    (0, 2, 3, 7),
)

Function = Callable[[Any], sp.Expr]

#: Statistics on finite supports of nonnegative integers, simplest first.
STATISTICS: tuple[Function, ...] = (
    lambda s: s,
    lambda s: s**2,
    lambda s: s * (s - 1),
    lambda s: 3 * s / (2 + s),
    lambda s: 1 / (1 + s),
    lambda s: sp.Rational(1, 2) ** s,
    lambda s: (s - 1) ** 2,
    lambda s: sp.log(1 + s),
)

#: Densities without parameters to mix, by kind: each of them is a density on that whole set.
TWO_COMPONENTS: tuple[tuple[Kind, sp.Expr, sp.Expr], ...] = (
    ("unit", sp.S.One, 2 * x),
    ("unit", 2 * x, 3 * x**2),
    ("unit", 6 * x * (1 - x), 2 * (1 - x)),
    ("positive", sp.exp(-x), 2 * sp.exp(-2 * x)),
    ("positive", sp.exp(-x), x * sp.exp(-x)),
    ("positive", 1 / (1 + x) ** 2, sp.exp(-x)),
)
