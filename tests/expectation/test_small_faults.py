"""How small a fault a certificate sees, for every strategy that it can name."""

from __future__ import annotations

import functools
from collections.abc import Callable

import beyond
import pytest
import sympy as sp

import statmani as sm
from statmani.declaration import Declaration
from statmani.errors import CertificateError, InvalidFamily
from statmani.expectation import closed_moments, equivariant, expect, removable
from statmani.expectation import derive as module
from statmani.expectation.certificate import certify
from statmani.expectation.derive import Derivation, derive
from statmani.expectation.expect import moment
from statmani.expectation.expectation import Expectation
from statmani.expectation.open_certificate import certify_open

Index = tuple[int, ...]
x, mu = sp.symbols("x mu", real=True)
y, s, a, b = sp.symbols("y s a b", positive=True)


def mixed_parts() -> sm.Family:
    z = sp.Symbol("z", positive=True)
    density = a * z ** (a - 1) * sp.exp(-(z**a)) * a * (1 + y) ** (-a - 1)
    return sm.Family(density, sample=[z, y], parameters=a)


def fermi() -> sm.Family:
    ell = sp.log(12) - 2 * sp.log(sp.pi) + sp.log(y / s) - sp.log(sp.exp(y / s) + 1) - sp.log(s)
    return sm.Family(log_density=ell, sample=y, parameters=s)


def cosh() -> sm.Family:
    ell = -sp.cosh((x - mu) / s) - sp.log(2 * sp.besselk(0, 1)) - sp.log(s)
    return sm.Family(log_density=ell, sample=x, parameters=[mu, s])


def affine_gamma() -> sm.Family:
    shape, scale = a + 2 * b, b
    ell = (shape - 1) * sp.log(y) - y / scale - sp.loggamma(shape) - shape * sp.log(scale)
    return sm.Family(log_density=ell, sample=y, parameters=[a, b])


def mixture() -> sm.Family:
    w = sp.Symbol("w")
    density = (w * sp.exp(-(x**2) / 2) + (1 - w) * sp.exp(-((x - 1) ** 2) / 8) / 2) / sp.sqrt(
        2 * sp.pi
    )
    return sm.Family(density, sample=x, parameters={w: sp.Interval.open(0, 1)})


FAMILIES: dict[str, tuple[str, Callable[[], sm.Family]]] = {
    "full": ("full exponential family", sm.families.gamma),
    "gaussian": ("Gaussian moments", sm.families.normal),
    "kernel gamma": ("canonical kernel Gamma", sm.families.weibull),
    "kernel beta": ("canonical kernel Beta", sm.families.kumaraswamy),
    "kernel beta prime": ("canonical kernel Beta-prime", sm.families.lomax),
    "kink": ("canonical kernel Gamma", sm.families.laplace),
    "angle": ("rational function of an angle", beyond.FAMILIES["cardioid"]),
    "parts": ("independent parts", mixed_parts),
    "affine": ("in linear combinations", affine_gamma),
    "identified": ("identified from 80 digits", fermi),
    "number": ("unevaluated expectations", cosh),
    "open": ("expectation", mixture),
    "series": ("full exponential family", sm.families.poisson),
    "several variables": (
        "exponential family",
        functools.partial(sm.families.multivariate_normal, 2),
    ),
}


# Slow to derive or to compare.
NIGHTLY = {"kernel beta", "open", "angle", "several variables", "kink"}
NAMES = [pytest.param(n, marks=pytest.mark.slow) if n in NIGHTLY else n for n in FAMILIES]


@functools.cache
def derived(name: str) -> tuple[Declaration, Derivation]:
    declaration = FAMILIES[name][1]().declaration
    return declaration, derive(declaration, effort=0)


def checked(name: str, metric: sp.Matrix, skewness: dict[tuple[int, int, int], sp.Expr]) -> None:
    declaration, derivation = derived(name)
    is_open = any(e.has(Expectation) for e in (*derivation.metric, *derivation.skewness.values()))
    proof = certify_open if is_open else certify
    proof(declaration, sp.ImmutableMatrix(metric), skewness, derivation.certificate.strategies)


@pytest.mark.parametrize("name", NAMES)
def test_the_strategy_is_the_one_meant(name: str) -> None:
    _, derivation = derived(name)
    assert any(FAMILIES[name][0] in label for _, label in derivation.certificate.strategies)


@pytest.mark.parametrize("name", NAMES)
def test_a_millionth_of_one_entry_of_the_metric(name: str) -> None:
    _, derivation = derived(name)
    n = derivation.metric.shape[0]
    metric = sp.Matrix(derivation.metric)
    metric[n - 1, n - 1] *= 1 + sp.Rational(1, 10**6)
    with pytest.raises(CertificateError, match=rf"g\[{n - 1},{n - 1}\]"):
        checked(name, metric, derivation.skewness)


@pytest.mark.parametrize("name", NAMES)
def test_a_millionth_of_one_entry_of_the_skewness(name: str) -> None:
    _, derivation = derived(name)
    index = max(derivation.skewness)
    wrong = {**derivation.skewness, index: derivation.skewness[index] * (1 + sp.Rational(1, 10**6))}
    with pytest.raises(CertificateError, match=r"certificate: (T|Gamma)"):
        checked(name, derivation.metric, wrong)


@pytest.mark.parametrize("name", NAMES)
def test_the_sign_of_one_entry_of_the_skewness(name: str) -> None:
    _, derivation = derived(name)
    index = min(i for i, v in derivation.skewness.items() if v != 0)
    wrong = {**derivation.skewness, index: -derivation.skewness[index]}
    with pytest.raises(CertificateError, match=r"certificate: T\["):
        checked(name, derivation.metric, wrong)


@pytest.mark.parametrize("name", ["kernel gamma", "full", "identified", "series"])
def test_digits_that_double_precision_cannot_see(name: str) -> None:
    _, derivation = derived(name)
    metric = sp.Matrix(derivation.metric)
    metric[0, 0] *= 1 + sp.Rational(1, 10**20)
    with pytest.raises(CertificateError, match=r"g\[0,0\]"):
        checked(name, metric, derivation.skewness)


@pytest.mark.parametrize("name", ["kernel gamma", "full", "kernel beta prime", "identified"])
@pytest.mark.parametrize("upper", [True, False])
def test_a_fault_in_a_part_of_the_domain(name: str, upper: bool) -> None:
    """Wrong only beyond one value of the last parameter, on either side."""
    declaration, derivation = derived(name)
    t = declaration.parameters[-1]
    n = derivation.metric.shape[0]
    metric = sp.Matrix(derivation.metric)
    where = t > sp.Rational(6, 5) if upper else t < sp.Rational(4, 5)
    metric[n - 1, n - 1] *= sp.Piecewise((1 + sp.Rational(1, 10**6), where), (1, True))
    with pytest.raises(CertificateError, match=rf"g\[{n - 1},{n - 1}\]"):
        checked(name, metric, derivation.skewness)


def test_a_density_that_misses_one_by_a_millionth() -> None:
    with pytest.raises(InvalidFamily, match="not 1"):
        sm.Family(
            (1 + sp.Rational(1, 10**6)) * s * sp.exp(-s * y), sample=y, parameters=s
        ).manifold()


def test_fault_in_an_identified_constant(monkeypatch: pytest.MonkeyPatch) -> None:
    right = equivariant.identify
    monkeypatch.setattr(
        equivariant, "identify", lambda *v: right(*v) + sp.Rational(1, 10**6) * sp.zeta(3)
    )
    with pytest.raises(CertificateError, match=r"g\[0,0\]"):
        derive(fermi().declaration, effort=0)


@pytest.mark.slow
def test_fault_in_the_power_of_the_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    right = equivariant.Orbit.factor
    monkeypatch.setattr(
        equivariant.Orbit, "factor", lambda self, i: right(self, i) * self.tau ** (len(i) - 2)
    )
    with pytest.raises(CertificateError, match="T"):
        derive(fermi().declaration, effort=0)


def test_fault_in_a_zero_by_symmetry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(equivariant, "_is_odd", lambda *_: True)
    with pytest.raises((CertificateError, InvalidFamily)):
        derive(cosh().declaration, effort=0)


def test_fault_in_the_linear_combinations(monkeypatch: pytest.MonkeyPatch) -> None:
    right = module.pull_back

    def wrong(metric, skewness, reduction):  # type: ignore[no-untyped-def]
        g, t = right(metric, skewness, reduction)
        return g.T.applyfunc(lambda e: e) + sp.diag(*[1] * g.rows) * g[0, 0] / 10**6, t

    monkeypatch.setattr(module, "pull_back", wrong)
    with pytest.raises(CertificateError, match=r"g\["):
        derive(affine_gamma().declaration)


def test_fault_in_the_filling_of_a_removable_singularity(monkeypatch: pytest.MonkeyPatch) -> None:
    declaration = sm.families.gamma().declaration
    shape, _ = declaration.parameters
    entry = (sp.log(shape) - shape + 1) / (shape - 1)
    right = removable._taylor
    assert removable.fill(entry, declaration).subs(shape, 1) == 0
    monkeypatch.setattr(removable, "_taylor", lambda *v: right(*v) + sp.Rational(1, 10**9))
    with pytest.raises(CertificateError, match="removable singularity was filled"):
        removable.fill(entry, declaration)


@pytest.mark.parametrize(
    ("family", "function"),
    [
        pytest.param(sm.families.gamma, lambda v: sp.log(v), marks=pytest.mark.slow),
        (sm.families.weibull, lambda v: v**2),
        (sm.families.normal, lambda v: v**4),
        (sm.families.poisson, lambda v: v**3),
        (sm.families.normal, lambda v: sp.Abs(v)),
    ],
)
def test_faults_in_moments(
    family: Callable[[], sm.Family],
    function: Callable[[sp.Expr], sp.Expr],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    declaration = family().declaration
    right = expect.closed_form

    def wrong(*args, **kwargs):  # type: ignore[no-untyped-def]
        found = right(*args, **kwargs)
        return closed_moments.Closed(
            found.value * (1 + sp.Rational(1, 10**6)), found.conditions, found.strategy
        )

    monkeypatch.setattr(expect, "closed_form", wrong)
    with pytest.raises(CertificateError, match="was derived as"):
        moment(declaration, function(declaration.variables[0].symbol), effort=0)


@pytest.mark.slow
def test_fault_in_an_unevaluated_entry() -> None:
    declaration, derivation = derived("open")
    metric = derivation.metric * (1 + sp.Rational(1, 10**7))
    with pytest.raises(CertificateError, match="second rule"):
        certify_open(declaration, metric, derivation.skewness, derivation.certificate.strategies)
