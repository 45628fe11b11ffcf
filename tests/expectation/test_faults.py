"""Injected faults: a derivation with a wrong term raises, whatever strategy made the term."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp

from statmani.declaration import Declaration
from statmani.errors import CertificateError
from statmani.expectation import closing
from statmani.expectation import derive as derivation
from statmani.expectation import strategies as module
from statmani.expectation.certificate import certify
from statmani.expectation.derive import derive

Tensors = tuple[sp.ImmutableMatrix, dict[tuple[int, int, int], sp.Expr]]


def halved(tensors: Tensors) -> Tensors:
    g = sp.Matrix(tensors[0])
    g[1, 1] = g[1, 1] / 2
    return sp.ImmutableMatrix(g), tensors[1]


def wrong_index(tensors: Tensors) -> Tensors:
    g = sp.Matrix(tensors[0])
    g[0, 0], g[1, 1] = g[1, 1], g[0, 0]
    return sp.ImmutableMatrix(g), tensors[1]


def wrong_skewness(tensors: Tensors) -> Tensors:
    g, t = tensors
    return g, {**t, (1, 1, 1): -t.get((1, 1, 1), sp.Integer(0)) + g[1, 1]}


STRATEGIES = {
    "full": ("_from_exponential", "beta"),
    "gaussian": ("_from_exponential", "normal"),
    "indicators": ("_from_exponential", "zip"),
    "kernel_gamma": ("_from_kernels", "weibull"),
    "kernel_beta": ("_from_kernels", "kumaraswamy"),
    "kernel_beta_prime": ("_from_kernels", "cauchy"),
    "kernel_with_kink": ("_from_kernels", "laplace"),
}


@pytest.mark.parametrize("fault", [halved, wrong_index, wrong_skewness])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_fault_in_each_strategy(
    strategy: str,
    fault: Callable[[Tensors], Tensors],
    declared: Callable[..., Declaration],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, family = STRATEGIES[strategy]
    if fault is wrong_index and family in ("cauchy", "laplace"):
        pytest.skip("both diagonal entries are equal")
    right = getattr(module, name)

    def wrong(*args: Any) -> Any:
        found = right(*args)
        return None if found is None else (fault(found[0]), found[1])

    monkeypatch.setattr(module, name, wrong)
    with pytest.raises(CertificateError, match=r"was derived as .* but quadrature .* gives .* at"):
        derive(declared(family), effort=0)


def test_fault_in_the_finite_sum(
    declared: Callable[..., Declaration], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_from_exponential", lambda *_: None)
    assert derive(declared("bernoulli")).certificate.strategies[0][1] == "finite sum"
    right = module.sum_finite
    monkeypatch.setattr(module, "sum_finite", lambda *args: right(*args) * 2)
    with pytest.raises(CertificateError, match=r"g\[0,0\]"):
        derive(declared("bernoulli"))


def test_wrong_integrals_of_another_program_are_not_used(
    declared: Callable[..., Declaration], monkeypatch: pytest.MonkeyPatch
) -> None:
    declaration = declared("exponential_rate")
    monkeypatch.setattr(module, "_from_exponential", lambda *_: None)
    monkeypatch.setattr(derivation, "match_kernels", lambda *_: None)
    monkeypatch.setattr(closing._Entries, "by_identities", lambda *_: None)
    monkeypatch.setattr(closing._Entries, "by_moments", lambda *_: None)
    t = declaration.parameters[0]
    right = closing.integrate
    monkeypatch.setattr(closing, "product_of_scores", lambda *_: sp.Symbol("nothing"))
    assert derive(declaration, effort=4).certificate.strategies[0] == ("g[0,0]", "sympy.integrate")
    monkeypatch.undo()
    monkeypatch.setattr(closing, "integrate", lambda *args: right(*args) and 3 / t**2)
    found = derive(declaration)
    assert "sympy.integrate" not in dict(found.certificate.strategies).values()
    assert abs(found.metric[0, 0].subs(t, 2).evalf(15) - sp.Rational(1, 4)) < 1e-14


def test_metric_of_a_rescaled_parameter_with_matching_skewness(
    declared: Callable[..., Declaration],
) -> None:
    """g and T of another model agree with each other; only the definition tells them apart."""
    declaration = declared("exponential_rate")
    (t,) = declaration.parameters
    metric = sp.ImmutableMatrix([[4 / t**2]])
    with pytest.raises(CertificateError, match=r"g\[0,0\] was derived as"):
        certify(declaration, metric, {(0, 0, 0): -16 / t**3}, (("g[0,0]", "by hand"),))


def test_certificate_prints_what_was_checked(declared: Callable[..., Declaration]) -> None:
    certificate = derive(declared("gamma_scale")).certificate
    text = str(certificate)
    assert "full exponential family, means from the potential: g[0,0], g[0,1]" in text
    assert "(30 digits)" in text and "(15 digits)" in text
    assert "E[s_i s_j s_k] at point 2: residual" in text
    assert certificate.residual < 1e-12
    assert {check.point for check in certificate.checks} == {0, 1, 2, 3}


def test_certificate_says_why_a_kink_is_not_differentiated(
    declared: Callable[..., Declaration],
) -> None:
    derivation = derive(declared("laplace"))
    assert "second derivatives contain a delta" in str(derivation.certificate)
    (mu, b), g = declared("laplace").parameters, derivation.metric
    gamma_mu_mu_b = -g[0, 0].diff(b) / 2
    assert gamma_mu_mu_b == 1 / b**3
    assert g[0, 0].diff(mu) == 0
