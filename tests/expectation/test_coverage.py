"""Families beyond the reference file: closed forms against published formulas."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import beyond
import pytest
import sympy as sp

import statmani as sm
from statmani.declaration import Declaration
from statmani.errors import CertificateError, IntractableExpectation
from statmani.expectation import periodic, strategies, sum_of_parts
from statmani.expectation.derive import Derivation, derive
from statmani.expectation.quadrature import Integrator

OPEN = ("birnbaum_saunders", "generalised_inverse_gaussian", "gompertz", "johnson_su",
        "mixture_fixed_components")  # fmt: skip
CLOSED = [name for name in beyond.FAMILIES if name not in OPEN]


def derived(name: str) -> tuple[Declaration, Derivation]:
    declaration = beyond.FAMILIES[name]().declaration
    return declaration, derive(declaration, effort=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLOSED)
def test_closed_form_with_certificate(name: str) -> None:
    _, derivation = derived(name)
    assert derivation.certificate.residual < 1e-5
    assert all(strategy for _, strategy in derivation.certificate.strategies)


# Johnson, Kotz and Balakrishnan (1994, 1995); Mardia and Jupp (2000), section 3.5.
PUBLISHED: dict[str, Callable[..., sp.Expr]] = {
    "maxwell": lambda a: 6 / a**2,
    "levy": lambda c: 1 / (2 * c**2),
    "lindley": lambda t: (t**2 + 4 * t + 2) / (t**2 * (t + 1) ** 2),
    "chi": lambda k: sp.polygamma(1, k / 2) / 4,
    "normal_mean_is_deviation": lambda m: 3 / m**2,
    "wrapped_cauchy": lambda m, r: 2 * r**2 / (1 - r**2) ** 2,
    "cardioid": lambda m, r: 1 - sp.sqrt(1 - 4 * r**2),
    "hyperbolic_secant": lambda m, s: sp.pi**2 / (8 * s**2),
    "binomial_symbolic": lambda p: 5 / (p * (1 - p)),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_first_entry_against_published_formula(name: str) -> None:
    declaration, derivation = derived(name)
    point = declaration.domain.interior_points(1, seed=42)[0]
    values = {
        **declaration.sample_values(),
        **dict(zip(declaration.parameters, point, strict=True)),
    }
    expected = sp.N(PUBLISHED[name](*point), 30)
    assert abs(sp.N(derivation.metric[0, 0].xreplace(values), 30) - expected) < 1e-25


def test_trivariate_normal_against_matrix_formulas() -> None:
    """g of the mean is Sigma^-1; of Sigma it is tr(Sigma^-1 E Sigma^-1 F) / 2 (Skovgaard 1984)."""
    declaration, derivation = derived("trivariate_normal")
    point = declaration.domain.interior_points(1, seed=42)[0]
    values = dict(zip(declaration.parameters, point, strict=True))
    places = [(i, j) for i in range(3) for j in range(i, 3)]
    sigma = sp.zeros(3, 3)
    for (i, j), v in zip(places, point[3:], strict=True):
        sigma[i, j] = sigma[j, i] = v
    inverse = sigma.inv()
    assert derivation.metric[:3, :3].xreplace(values) == inverse
    assert derivation.metric[:3, 3:] == sp.zeros(3, 6)
    units = []
    for i, j in places:
        unit = sp.zeros(3, 3)
        unit[i, j] = unit[j, i] = 1
        units.append(inverse * unit)
    for (r, a), (c, b) in itertools.product(enumerate(units), repeat=2):
        assert derivation.metric[3 + r, 3 + c].xreplace(values) == (a * b).trace() / 2
    # E[z_i z_j] of third order: T_mu_mu_Sigma = Sigma^-1 E Sigma^-1.
    assert derivation.skewness[0, 1, 3].xreplace(values) == (units[0] * inverse)[0, 1]


def test_regressions_against_the_weighted_design() -> None:
    """g = X^T W X with the variances of the responses (McCullagh and Nelder 1989)."""
    design = sp.Matrix(beyond.DESIGN)
    for name, variance in (
        ("poisson_regression", sp.exp),
        ("logistic_regression", lambda e: sp.exp(e) / (1 + sp.exp(e)) ** 2),
    ):
        declaration, derivation = derived(name)
        a, b = declaration.parameters
        at = {a: sp.Rational(1, 3), b: sp.Rational(-2, 5)}
        weights = sp.diag(
            *(variance((row[0] * a + row[1] * b).xreplace(at)) for row in beyond.DESIGN)
        )
        expected = design.T * weights * design
        difference = derivation.metric.xreplace(at) - expected
        assert max(abs(sp.N(e, 30)) for e in difference) < 1e-25


@pytest.mark.parametrize("b", [1, 2, 3])
def test_removable_singularities(b: int, declared: Callable[..., Declaration]) -> None:
    """Kumaraswamy at integer b, value and slope: the formulas there read 0/0."""
    declaration = declared("kumaraswamy")
    derivation = derive(declaration, effort=0)
    shape, power = declaration.parameters
    ell = declaration.log_density
    scores = [ell.diff(t) for t in declaration.parameters]
    pairs = [(0, 0), (0, 1), (1, 1), (0, 0, 0), (0, 0, 1), (0, 1, 1)]
    at = {shape: sp.Rational(7, 5), power: sp.Integer(b)}
    exact = Integrator(declaration, scores, pairs).precise(at, 30)
    assert exact is not None
    closed = [derivation.metric[p] if len(p) == 2 else derivation.skewness[p] for p in pairs]
    for form, value in zip(closed, exact[0][1:], strict=True):
        assert abs(sp.N(form.subs(at), 30) - sp.Float(str(value), 30)) < 1e-26
    # d_b E[s s] = E[ds s] + E[s ds] + E[s s s].
    second = [s.diff(power) for s in scores]
    slope = Integrator(declaration, [*scores, *second], [(2, 0), (0, 0, 1)]).precise(at, 30)
    assert slope is not None
    expected = 2 * slope[0][1] + slope[0][2]
    value = sp.N(derivation.metric[0, 0].diff(power).subs(at), 30)
    assert abs(value - sp.Float(str(expected), 30)) < 1e-25


def test_independent_parts_add() -> None:
    x, y, a, b = sp.symbols("x y a b")
    positive = sp.Interval.open(0, sp.oo)
    weibull = b * a * (a * x) ** (b - 1) * sp.exp(-((a * x) ** b))
    lomax = b * (1 + y) ** (-b - 1)
    family = sm.Family(
        weibull * lomax, sample={x: positive, y: positive}, parameters={a: positive, b: positive}
    )
    alone = sm.Family(weibull, sample={x: positive}, parameters={a: positive, b: positive})
    both, one = derive(family.declaration), derive(alone.declaration)
    assert both.certificate.strategies[0][1] == "independent parts"
    t = family.declaration.parameters[1]
    gain = {(0, 0): 0, (0, 1): 0, (1, 1): 1 / t**2}
    for index, value in gain.items():
        assert sp.simplify(both.metric[index] - one.metric[index] - value) == 0
    difference = both.skewness[1, 1, 1] - one.skewness[1, 1, 1]
    # l = log b - (b + 1) log(1 + y): T = E[(1/b - log(1 + y))^3] = -2/b^3.
    assert sp.simplify(difference + 2 / t**3) == 0


def test_support_with_a_curved_edge() -> None:
    x, y, a = sp.symbols("x y a")
    family = sm.Family(
        (a + 1) / sp.pi * (1 - x**2 - y**2) ** a,
        sample={x: sp.S.Reals, y: sp.S.Reals},
        parameters={a: sp.Interval.open(0, sp.oo)},
        support=[x**2 + y**2 < 1],
    )
    (t,) = family.declaration.parameters
    derivation = derive(family.declaration)
    assert derivation.metric[0, 0] == 1 / (t + 1) ** 2
    assert derivation.certificate.residual < 1e-9


@pytest.mark.parametrize(
    ("name", "where", "function"),
    [
        ("cardioid", periodic.Turn, "mean"),
        ("poisson_regression", strategies, "solve_means"),
        ("mixed", sum_of_parts, "moments_of"),
    ],
)
def test_faults_in_the_strategies(
    name: str, where: Any, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = getattr(where, function)

    def wrong(*args: Any) -> Any:
        found = right(*args)
        if isinstance(found, list):
            return [found[0] * 2, *found[1:]]
        return found if args[-1] == () or args[2:3] == ((),) else found * 2

    if name == "mixed":
        x, y, a = sp.symbols("x y a")
        positive = sp.Interval.open(0, sp.oo)
        density = a * x ** (a - 1) * sp.exp(-(x**a)) * a * (1 + y) ** (-a - 1)
        declaration = sm.Family(
            density, sample={x: positive, y: positive}, parameters={a: positive}
        ).declaration
    else:
        declaration = beyond.FAMILIES[name]().declaration
    monkeypatch.setattr(where, function, wrong)
    with pytest.raises(CertificateError, match="was derived as"):
        derive(declaration, effort=0)


def test_effort_bounds_the_whole_derivation() -> None:
    stages: list[str] = []
    declaration = beyond.FAMILIES["dagum"]().declaration
    with pytest.raises(IntractableExpectation, match=r"stopped after .* stage that ended was"):
        derive(declaration, effort=1e-9, progress=stages.append)
    assert stages in ([], ["normal form"])


def test_progress_names_the_entries() -> None:
    stages: list[str] = []
    derive(beyond.FAMILIES["maxwell"]().declaration, progress=stages.append)
    assert stages == ["normal form", "means", "g[0,0]", "T[0,0,0]", "certificate"]


def test_interruption_leaves_no_process_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(stage: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        derive(beyond.FAMILIES["maxwell"]().declaration, progress=interrupted)
