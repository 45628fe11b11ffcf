"""Sums with many digits: maps that fit the tails, and steps that are halved until they agree."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import sympy as sp

from statmani.declaration import Declaration
from statmani.declare import declare
from statmani.expectation import precise
from statmani.expectation.context import thread_context
from statmani.expectation.quadrature import Integrator
from statmani.expectation.tail_maps import TailMap, fit_tails

X, S = sp.symbols("x s", real=True)
REALS, HALF = sp.S.Reals, sp.Interval.open(0, sp.oo)


def declared(log_density: sp.Expr, support: sp.Set) -> Declaration:
    """A density with a parameter s at 1, which does nothing but scale x."""
    shifted = log_density.subs(X, X * S) + sp.log(S)
    return declare(None, shifted, {X: support}, {S: HALF}, None, None, [], "test")


# Log densities, supports and E[x^2] in closed form.
LAWS = {
    "Gaussian": (-(X**2) / 2 - sp.log(2 * sp.pi) / 2, REALS, sp.Integer(1)),
    "two exponential tails": (-X - 2 * sp.log(1 + sp.exp(-X)), REALS, sp.pi**2 / 3),
    "one double exponential tail": (
        -X - sp.exp(-X), REALS, sp.pi**2 / 6 + sp.EulerGamma**2
    ),
    "mirrored": (X - sp.exp(X), REALS, sp.pi**2 / 6 + sp.EulerGamma**2),
    "heavy": (sp.log(3) / 2 * 3 - 2 * sp.log(3 + X**2) + sp.log(2 / sp.pi), REALS, sp.Integer(3)),
    "half line": (-X, HALF, sp.Integer(2)),
    "singular end": (-X - sp.log(X) / 2 - sp.log(sp.pi) / 2, HALF, sp.Rational(3, 4)),
    "light at both ends": (
        -sp.log(X) - sp.log(X) ** 2 / 2 - sp.log(2 * sp.pi) / 2, HALF, sp.exp(2)
    ),
    "heavy half line": (sp.log(6) - 7 * sp.log(1 + X), HALF, sp.Rational(1, 10)),
}  # fmt: skip


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("digits", [30, 60])
def test_second_moments_to_all_digits(name: str, digits: int) -> None:
    log_density, support, expected = LAWS[name]
    declaration = declared(log_density, support)
    x, s = declaration.variables[0].symbol, declaration.parameters[0]
    found = Integrator(declaration, [x], [(0,), (0, 0)]).precise({s: sp.Integer(1)}, digits)
    assert found is not None
    (total, _, second), change = found
    context = mpmath.MPContext()
    context.dps = digits + 5
    exact = context.mpf(sp.N(expected, digits + 5)._mpf_)
    assert abs(total - 1) < context.mpf(10) ** -digits
    assert abs(second - exact) < exact * context.mpf(10) ** -digits
    # What is told is the change between two steps, about the root of the error.
    assert change < 10.0 ** -(digits // 2)


def counted(monkeypatch: pytest.MonkeyPatch, log_density: sp.Expr, support: sp.Set) -> int:
    """How many nodes a sum with 30 digits takes."""
    nodes = []
    weighted = precise._weighted
    monkeypatch.setattr(
        precise, "_weighted", lambda node, places, *rest: (
            nodes.extend(places), weighted(node, places, *rest)
        )[1]
    )  # fmt: skip
    declaration = declared(log_density, support)
    Integrator(declaration).precise({declaration.parameters[0]: sp.Integer(1)}, 30)
    assert len(nodes) == len(set(nodes))
    return len(nodes)


@pytest.mark.parametrize(("name", "most"), [("Gaussian", 200), ("half line", 220)])
def test_few_nodes_are_enough(monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> None:
    log_density, support, _ = LAWS[name]
    assert counted(monkeypatch, log_density, support) < most


def test_a_spike_between_few_nodes_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two coarse sums agree that a narrow part is not there; all nodes in doubles do not."""
    narrow = sp.exp(-((X - sp.Rational(27, 10)) ** 2) * 2000) * sp.sqrt(2000 / sp.pi)
    wide = sp.exp(-(X**2) / 2) / sp.sqrt(2 * sp.pi)
    log_density = sp.log(99 * wide / 100 + narrow / 100)
    declaration = declared(log_density, REALS)
    found = Integrator(declaration).precise({declaration.parameters[0]: sp.Integer(1)}, 30)
    assert found is not None
    (total,), _ = found
    assert abs(total - 1) < 1e-4
    assert counted(monkeypatch, log_density, REALS) > 800


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("kind", ["line", "half"])
@pytest.mark.parametrize("deep", [False, True])
def test_slopes_of_maps(left: bool, right: bool, kind: str, deep: bool) -> None:
    if deep and not (left and right):
        pytest.skip("heavy tails stretch both sides")
    tails = TailMap(kind, 0.3, 1.7, -3.0, 3.0, left, right, deep)
    context = thread_context(40)
    for t in (-1.7, 0.0, 0.4, 1.1):
        y, slope = tails.nodes(np.array([t]))
        exact, exact_slope = tails.at(context, context.mpf(t))
        step = context.mpf(10) ** -15
        difference = (tails.at(context, t + step)[0] - tails.at(context, t - step)[0]) / (2 * step)
        assert math.isclose(float(exact), y[0], rel_tol=1e-13, abs_tol=1e-14)
        assert math.isclose(float(exact_slope), slope[0], rel_tol=1e-13)
        assert abs(difference - exact_slope) < abs(exact_slope) * 1e-20


def test_ranges_hold_all_that_matters() -> None:
    for level in (
        lambda y: -(np.minimum(np.abs(y), 1e100) ** 2) / 2,
        lambda y: -np.abs(y),
        lambda y: -y - np.exp(np.minimum(-y, 600.0)),
        lambda y: y - np.exp(np.minimum(y, 600.0)),
        lambda y: -np.abs(y) / 20 - np.exp(np.minimum(4 * y, 600.0)),
    ):
        tails = fit_tails("line", 0.0, 1.0, level, 80.0)
        assert not tails.deep
        ends, _ = tails.nodes(np.array([tails.low, tails.high]))
        assert (level(ends) < -75).all()
        # A little farther than needed at most.
        assert (level(ends / 2) > -80).all() or (np.abs(ends) < 60).any()


def test_modes_apart_are_not_cut_off() -> None:
    def level(y: np.ndarray) -> np.ndarray:
        y = np.clip(y, -1e100, 1e100)
        return np.logaddexp(-(y**2) / 2, -((y - 60) ** 2) / 2)

    tails = fit_tails("line", 0.0, 1.0, level, 80.0)
    ends, _ = tails.nodes(np.array([tails.low, tails.high]))
    assert ends[0] < -12 and ends[1] > 72


def test_a_context_of_a_thread_gets_its_digits_back() -> None:
    context = thread_context(37)
    context.dps = 99
    assert thread_context(37) is context
    assert context.dps == 37
