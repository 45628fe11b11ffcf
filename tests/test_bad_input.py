"""Bad input raises a typed error that names what, where, the value and the remedy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp
from sympy.stats import Die, Normal

import statmani as sm
from statmani.errors import (
    CertificateError,
    InvalidArgument,
    InvalidFamily,
    InvalidManifold,
    OutsideDomain,
    RegularityError,
)

x, y, mu, sigma, k, lam, p, p1, p2 = sp.symbols("x y mu sigma k lam p p1 p2")
POSITIVE = sp.Interval.open(0, sp.oo)
UNIT = sp.Interval.open(0, 1)
GAUSS = sp.exp(-((x - mu) ** 2) / (2 * sigma**2)) / (sigma * sp.sqrt(2 * sp.pi))


def gauss(**changes: object) -> sm.Family:
    arguments: dict[str, object] = {
        "density": GAUSS,
        "sample": {x: sp.S.Reals},
        "parameters": {mu: sp.S.Reals, sigma: POSITIVE},
    }
    arguments.update(changes)
    return sm.Family(**arguments)


def exponential(**changes: object) -> sm.Family:
    arguments: dict[str, object] = {
        "density": lam * sp.exp(-lam * x),
        "sample": {x: POSITIVE},
        "parameters": {lam: POSITIVE},
    }
    arguments.update(changes)
    return sm.Family(**arguments)


def half_plane() -> sm.StatisticalManifold:
    return sm.StatisticalManifold({x: sp.S.Reals, y: POSITIVE}, sp.eye(2) / y**2)


DECLARATIONS: list[tuple[str, Callable[[], object], list[str]]] = [
    # The density does not integrate to one.
    (
        "twice",
        lambda: gauss(density=2 * GAUSS),
        ["density", "integral over the support is 2, not 1", "sigma =", "Divide"],
    ),
    (
        "unnormalised",
        lambda: exponential(density=sp.exp(-lam * x)),
        ["density", "integral over the support is", "lam =", "Divide"],
    ),
    (
        "mass",
        lambda: sm.Family(
            lam**x * sp.exp(-2 * lam) / sp.factorial(x),
            sample={x: sp.S.Naturals0},
            parameters={lam: POSITIVE},
        ),
        ["density", "sum over the support is", "lam =", "Divide"],
    ),
    ("divergent", lambda: exponential(density=lam * sp.exp(lam * x)), ["density", "lam"]),
    # A symbol looks like a typo.
    (
        "typo",
        lambda: exponential(
            density=sp.Symbol("lambd") * sp.exp(-x * sp.Symbol("lambd")),
            parameters={sp.Symbol("lambda"): POSITIVE},
        ),
        ["lambd is not declared and looks like lambda", "constants=[lambd]"],
    ),
    (
        "assumptions",
        lambda: exponential(parameters=sp.Symbol("lam", positive=True)),
        ["lam", "same Symbol object", "other assumptions", "constants=[lam]"],
    ),
    # The domain makes the density negative or undefined.
    (
        "negative",
        lambda: sm.Family(
            p**x * (1 - p) ** (1 - x), sample={x: sp.Range(0, 2)}, parameters={p: POSITIVE}
        ),
        ["density", "not a positive real number", "p ="],
    ),
    (
        "undefined",
        lambda: exponential(parameters={lam: sp.S.Reals}),
        ["density", "not a positive real number", "lam ="],
    ),
    (
        "negative near an end",
        lambda: sm.Family(
            p**x * (1 - p) ** (1 - x),
            sample={x: sp.Range(0, 2)},
            parameters={p: sp.Interval.open(0, sp.Rational(11, 10))},
        ),
        ["density", "not a positive real number", "p ="],
    ),
    (
        "undefined near an end",
        lambda: gauss(parameters={mu: sp.S.Reals, sigma: sp.Interval(-sp.Rational(1, 100), 9)}),
        ["density", "not a positive real number", "sigma = -"],
    ),
    (
        "circle of a sample",
        lambda: gauss(sample={x: sm.Circle}),
        ["sample", "x", "Circle", "Interval(-pi, pi)"],
    ),
    (
        "rounded constants",
        lambda: gauss(
            density=sp.exp(-((x - mu) ** 2) / (2 * sigma**2)) / sigma / 2.5066283
        ).manifold(),
        ["density", "its integral is 1 ", "rounded numbers", "write constants exactly"],
    ),
    (
        "negative far out",
        lambda: sm.Family(
            (1 + k * x) / 2, sample={x: sp.Interval(-1, 1)}, parameters={k: sp.S.Reals}
        ),
        ["density", "not a positive real number", "x =", "k ="],
    ),
    (
        "sample in the constraint",
        lambda: exponential(constraint=x < lam),
        ["constraint", "sample variable x", "`support`"],
    ),
    (
        "imaginary",
        lambda: gauss(density=sp.I * GAUSS),
        ["density", "undefined or complex"],
    ),
    # Empty and malformed declarations.
    ("no parameters", lambda: gauss(parameters={}), ["parameters: empty", "at least one Symbol"]),
    ("no parameter list", lambda: gauss(parameters=()), ["parameters: empty"]),
    ("no sample", lambda: gauss(sample={}), ["sample: empty"]),
    ("no density", lambda: gauss(density=None), ["neither of `density` and `log_density`"]),
    (
        "two densities",
        lambda: gauss(log_density=sp.log(GAUSS)),
        ["both of `density` and `log_density`", "exactly one"],
    ),
    ("string", lambda: gauss(density="exp(-x)"), ["density", "str", "strings are not parsed"]),
    ("not a symbol", lambda: gauss(parameters={"mu": sp.S.Reals}), ["'mu'", "not a sympy Symbol"]),
    ("no domain", lambda: gauss(parameters=(mu, sigma)), ["mu has neither a domain nor"]),
    (
        "contradiction",
        lambda: exponential(
            density=sp.Symbol("r", positive=True) * sp.exp(-x * sp.Symbol("r", positive=True)),
            parameters={sp.Symbol("r", positive=True): sp.S.Reals},
        ),
        ["domain Reals of r", "contradicts", "positive"],
    ),
    (
        "not real",
        lambda: exponential(
            density=sp.Symbol("r", imaginary=True) * sp.exp(-x * sp.Symbol("r", imaginary=True)),
            parameters={sp.Symbol("r", imaginary=True): POSITIVE},
        ),
        ["r is assumed not real"],
    ),
    (
        "no interval",
        lambda: gauss(parameters={mu: sp.S.Complexes, sigma: POSITIVE}),
        ["domain Complexes of mu", "not an interval"],
    ),
    ("no set", lambda: gauss(parameters={mu: "real", sigma: POSITIVE}), ["'real'", "sympy Set"]),
    (
        "discrete parameter",
        lambda: gauss(parameters={mu: sp.S.Integers, sigma: POSITIVE}),
        ["domain of mu is discrete", "constant"],
    ),
    (
        "unused",
        lambda: gauss(parameters={mu: sp.S.Reals, sigma: POSITIVE, k: POSITIVE}),
        ["k does not occur", "Remove it"],
    ),
    (
        "both",
        lambda: gauss(parameters={mu: sp.S.Reals, sigma: POSITIVE, x: sp.S.Reals}),
        ["x is declared both as sample and as parameter"],
    ),
    (
        "order",
        lambda: sm.Family(2, sample={x: sp.Interval(0, y), y: UNIT}, parameters={lam: POSITIVE}),
        ["bound of x uses y", "not declared before it"],
    ),
    (
        "equation",
        lambda: gauss(constraint=sp.Eq(mu, sigma)),
        ["constraint", "is an equation", "inequalities"],
    ),
    (
        "empty interval",
        lambda: gauss(sample={x: sp.Interval(3, 3)}),
        ["domain {3} of x", "single value"],
    ),
    ("name", lambda: gauss(name=3), ["name: expected a string, got 3"]),
    ("random variable", lambda: sm.Family.from_sympy(x), ["from_sympy", "not a random variable"]),
    (
        "transformed variable",
        lambda: sm.Family.from_sympy(Normal("X", 0, 1) + 1),
        ["from_sympy", "not a random variable", "declare its density"],
    ),
    ("no free symbol", lambda: sm.Family.from_sympy(Die("D", 6)), ["no free real symbol"]),
]


@pytest.mark.parametrize(
    ("action", "words"), [case[1:] for case in DECLARATIONS], ids=[case[0] for case in DECLARATIONS]
)
def test_declaration_is_refused(action: Callable[[], object], words: list[str]) -> None:
    with pytest.raises(InvalidFamily) as caught:
        action()
    message = str(caught.value)
    for word in words:
        assert word in message


ARGUMENTS: list[tuple[str, Callable[[], object], type[Exception], list[str]]] = [
    # Points outside the domain.
    (
        "outside",
        lambda: sm.distance(sm.families.normal(), [0.0, -1.0], [0.0, 1.0]),
        OutsideDomain,
        ["sigma = -1.0", "sigma > 0", "inside"],
    ),
    (
        "first of a batch",
        lambda: sm.evaluate(half_plane(), "metric", [[0.0, 1.0], [0.0, 0.0], [0.0, -1.0]]),
        OutsideDomain,
        ["[1]", "y = 0.0 breaks y > 0"],
    ),
    (
        "coupled",
        lambda: sm.evaluate(sm.families.categorical(3), "metric", [0.5, 0.6]),
        OutsideDomain,
        ["p2 = 0.6", "1 - p1"],
    ),
    # Wrong shapes.
    (
        "too short",
        lambda: sm.distance(half_plane(), [1.0], [0.0, 1.0]),
        InvalidArgument,
        ["shape (1,)", "(x, y)"],
    ),
    (
        "scalar",
        lambda: sm.evaluate(half_plane(), "metric", 1.0),
        InvalidArgument,
        ["shape ()", "(2,) or (..., 2)"],
    ),
    (
        "velocity",
        lambda: sm.exp(half_plane(), [0.0, 1.0], [1.0, 2.0, 3.0]),
        InvalidArgument,
        ["v", "(3,)"],
    ),
    (
        "batches",
        lambda: sm.distance(half_plane(), np.ones((2, 2)), np.ones((3, 2))),
        InvalidArgument,
        ["(2, 2)", "(3, 2)"],
    ),
    (
        "not finite",
        lambda: sm.log(half_plane(), [0.0, np.nan], [0.0, 1.0]),
        InvalidArgument,
        ["[1]", "nan", "not a finite number"],
    ),
    (
        "text",
        lambda: sm.distance(half_plane(), ["a", "b"], [0.0, 1.0]),
        InvalidArgument,
        ["real numbers", "['a', 'b']"],
    ),
    # Alpha.
    (
        "complex alpha",
        lambda: half_plane().connection(1j),
        InvalidArgument,
        ["alpha", "1j", "real"],
    ),
    (
        "imaginary alpha",
        lambda: half_plane().connection(sp.Symbol("a", imaginary=True)),
        InvalidArgument,
        ["alpha", "a", "real"],
    ),
    ("nan alpha", lambda: half_plane().connection(np.nan), InvalidArgument, ["alpha", "nan"]),
    (
        "coordinate alpha",
        lambda: half_plane().connection(x),
        InvalidArgument,
        ["alpha", "x", "coordinate"],
    ),
    (
        "alpha of a geodesic",
        lambda: sm.exp(half_plane(), [0.0, 1.0], [0.0, 1.0], alpha="one"),
        InvalidArgument,
        ["alpha", "'one'"],
    ),
    # Other arguments.
    (
        "quantity",
        lambda: sm.evaluate(half_plane(), "torsion", [0.0, 1.0]),
        InvalidArgument,
        ["'torsion'", "metric", "scalar_curvature"],
    ),
    (
        "tolerance",
        lambda: sm.exp(half_plane(), [0.0, 1.0], [0.0, 1.0], rtol=-1.0),
        InvalidArgument,
        ["rtol", "-1.0"],
    ),
    (
        "velocity and end",
        lambda: sm.geodesic(half_plane(), [0.0, 1.0], [0.0, 1.0], end=[1.0, 1.0]),
        InvalidArgument,
        ["velocity", "end"],
    ),
    (
        "not a manifold",
        lambda: sm.distance(3, [0.0], [1.0]),
        InvalidArgument,
        ["got 3 (int)", "StatisticalManifold or a Family"],
    ),
    (
        "fix an unknown symbol",
        lambda: gauss().fix({k: 1}),
        InvalidArgument,
        ["k is neither a parameter nor a constant", "mu, sigma"],
    ),
    ("fix by a number", lambda: gauss().fix(3), InvalidArgument, ["mapping", "got 3"]),
    ("fix outside", lambda: gauss().fix({sigma: -1}), InvalidArgument, ["sigma = -1", "outside"]),
    ("fix nan", lambda: gauss().fix({sigma: sp.nan}), InvalidArgument, ["nan of sigma", "finite"]),
    ("fix infinite", lambda: gauss().fix({mu: sp.oo}), InvalidArgument, ["oo of mu", "finite"]),
    (
        "effort",
        lambda: gauss().manifold(effort=-1),
        InvalidArgument,
        ["effort", "-1", "at least 0"],
    ),
    (
        "effort text",
        lambda: gauss().manifold(effort="a"),
        InvalidArgument,
        ["effort", "'a'", "at least 0"],
    ),
    ("progress", lambda: gauss().manifold(progress=3), InvalidArgument, ["progress", "3", "print"]),
    (
        "expect a condition",
        lambda: gauss().expect(x > 1),
        InvalidArgument,
        ["x > 1 is a condition", "Piecewise((1, x > 1), (0, True))"],
    ),
    (
        "expect a matrix",
        lambda: gauss().expect(sp.MatrixSymbol("A", 2, 2)),
        InvalidArgument,
        ["expect", "expression", "A"],
    ),
    (
        "expect another symbol of the same name",
        lambda: gauss().expect(sp.Symbol("x", positive=True)),
        InvalidArgument,
        ["symbol x", "other assumptions", "family.sample"],
    ),
    (
        "expect an undefined function",
        lambda: gauss().expect(sp.Function("f")(x)),
        InvalidArgument,
        ["function f", "not defined"],
    ),
    ("fix all", lambda: gauss().fix({mu: 0, sigma: 1}), InvalidArgument, ["no parameter"]),
    (
        "constants unset",
        lambda: sm.distance(
            sm.StatisticalManifold({y: POSITIVE}, sp.Matrix([[k / y**2]])), [1.0], [2.0]
        ),
        InvalidArgument,
        ["k", "fix"],
    ),
    ("cells", lambda: sm.families.categorical(1), InvalidArgument, ["cells", "1"]),
    # Manifolds.
    (
        "asymmetric",
        lambda: sm.StatisticalManifold({x: sp.S.Reals, y: POSITIVE}, [[1, x], [y, 1]]),
        InvalidManifold,
        ["metric", "symmetric"],
    ),
    (
        "degenerate",
        lambda: sm.StatisticalManifold({x: sp.S.Reals, y: POSITIVE}, [[1, y], [y, y**2]]),
        InvalidManifold,
        ["metric", "degenerate"],
    ),
    (
        "skewness",
        lambda: sm.StatisticalManifold(
            {x: sp.S.Reals, y: POSITIVE}, sp.eye(2), [[[0, 1], [0, 0]], [[0, 0], [0, 0]]]
        ),
        InvalidManifold,
        ["skewness", "symmetric"],
    ),
    (
        "shape of the metric",
        lambda: sm.StatisticalManifold({x: sp.S.Reals, y: POSITIVE}, sp.eye(3)),
        InvalidManifold,
        ["metric", "3"],
    ),
    (
        "indefinite distance",
        lambda: sm.distance(
            sm.StatisticalManifold({x: sp.S.Reals, y: sp.S.Reals}, sp.diag(1, -1)),
            [0.0, 0.0],
            [1.0, 1.0],
        ),
        InvalidManifold,
        ["positive definite"],
    ),
    # Cramer-Rao.
    (
        "sample size",
        lambda: sm.cramer_rao(sm.families.poisson(), [2.0], n=0, replications=100),
        InvalidArgument,
        ["n", "0"],
    ),
    (
        "replications",
        lambda: sm.cramer_rao(sm.families.poisson(), [2.0], n=10, replications=1),
        InvalidArgument,
        ["replications", "1"],
    ),
    (
        "estimator",
        lambda: sm.cramer_rao(
            sm.families.poisson(), [2.0], n=10, replications=100, estimator="median"
        ),
        InvalidArgument,
        ["estimator", "'median'", "mle"],
    ),
    (
        "constant estimate",
        lambda: sm.cramer_rao(
            sm.families.normal(),
            [0.0, 1.0],
            n=20,
            replications=50,
            estimator=lambda data: [float(np.mean(data)), 2.0],
        ),
        InvalidArgument,
        ["estimate of sigma", "same number in every replication", "family.fix"],
    ),
    (
        "true parameter",
        lambda: sm.cramer_rao(sm.families.poisson(), [-2.0], n=10, replications=100),
        OutsideDomain,
        ["lam = -2.0", "lam > 0"],
    ),
]


@pytest.mark.parametrize(
    ("action", "error", "words"),
    [case[1:] for case in ARGUMENTS],
    ids=[case[0] for case in ARGUMENTS],
)
def test_argument_is_refused(
    action: Callable[[], object], error: type[Exception], words: list[str]
) -> None:
    with pytest.raises(error) as caught:
        action()
    message = str(caught.value)
    for word in words:
        assert word in message


def test_a_kink_with_an_infinite_score_is_refused() -> None:
    family = sm.Family(
        sp.exp(-sp.sqrt(sp.Abs(x - mu))) / 4, sample={x: sp.S.Reals}, parameters={mu: sp.S.Reals}
    )
    with pytest.raises(CertificateError, match=r"do not converge numerically at mu = .*Restrict"):
        family.manifold()


def test_moving_support_warns_with_its_consequence() -> None:
    with pytest.warns(sm.StatmaniWarning, match="support of x depends on the parameter.*mu"):
        family = sm.Family(
            sp.exp(-(x - mu)), sample={x: sp.Interval.open(mu, sp.oo)}, parameters={mu: sp.S.Reals}
        )
    with pytest.raises(RegularityError, match="mu"):
        family.manifold()


def test_uniform_on_a_moving_interval_is_not_regular() -> None:
    with pytest.warns(sm.StatmaniWarning, match="Cramer-Rao"):
        family = sm.Family(1 / lam, sample={x: sp.Interval(0, lam)}, parameters={lam: POSITIVE})
    with pytest.raises(RegularityError, match="lam"):
        family.manifold()


def test_each_error_is_also_the_natural_builtin() -> None:
    for error in (InvalidFamily, InvalidManifold, InvalidArgument, OutsideDomain, RegularityError):
        assert issubclass(error, sm.StatmaniError)
        assert issubclass(error, ValueError)
    assert issubclass(sm.IntractableExpectation, NotImplementedError)
    assert issubclass(sm.CertificateError, ArithmeticError)
    assert issubclass(sm.NoConvergence, ArithmeticError)
