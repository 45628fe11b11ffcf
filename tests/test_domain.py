"""Domains: membership, the unconstrained chart, coupled constraints."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from statmani.domain import Axis, Circle, Domain
from statmani.errors import InvalidArgument, InvalidFamily, InvalidManifold
from statmani.reading import domain_of
from statmani.signs import is_positive_on

a, b, c = sp.symbols("a b c")
UNIT = sp.Interval(0, 1)
POSITIVE = sp.Interval(0, sp.oo)

DOMAINS = {
    "plane": domain_of({a: sp.S.Reals, b: Circle}),
    "half-lines": domain_of({a: sp.Interval(2, sp.oo), b: sp.Interval(-sp.oo, -1)}),
    "intervals": domain_of({a: sp.Interval(-1, 1), b: sp.Interval(1, 4)}),
    "simplex": domain_of({a: UNIT, b: UNIT, c: UNIT}, a + b + c < 1),
    "cone": domain_of({a: POSITIVE, c: POSITIVE, b: sp.S.Reals}, a * c - b**2 > 0),
    "cone, other order": domain_of({a: POSITIVE, b: sp.S.Reals, c: POSITIVE}, a * c > b**2),
    "ordered": domain_of({a: sp.S.Reals, b: sp.S.Reals}, a < b),
}


@pytest.mark.parametrize("name", DOMAINS)
@given(u=st.lists(st.floats(-3, 3), min_size=3, max_size=3))
@settings(max_examples=40, deadline=None)
def test_unconstrained_chart_fills_the_domain_and_inverts(name: str, u: list[float]) -> None:
    domain = DOMAINS[name]
    free = sp.symbols(f"u:{domain.dim}", real=True)
    values = dict(zip(free, map(sp.Float, u), strict=False))
    point = [e.subs(values).evalf(30) for e in domain.from_unconstrained(free)]
    assert domain.contains([float(v) for v in point])
    back = [
        e.subs(dict(zip(domain.symbols, point, strict=True))).evalf(30)
        for e in domain.to_unconstrained()
    ]
    assert np.allclose([float(v) for v in back], u[: domain.dim], atol=1e-9)


@given(st.lists(st.floats(0.001, 0.999), min_size=3, max_size=3))
def test_simplex_is_the_simplex(p: list[float]) -> None:
    inside = bool(DOMAINS["simplex"].contains(p))
    if abs(sum(p) - 1) > 1e-12:
        assert inside == (sum(p) < 1)


@given(st.floats(0.1, 5), st.floats(-5, 5), st.floats(0.1, 5))
def test_cone_does_not_depend_on_the_order_of_coordinates(x: float, y: float, z: float) -> None:
    if abs(x * z - y * y) > 1e-9:
        expected = x * z > y * y
        assert bool(DOMAINS["cone"].contains([x, z, y])) == expected
        assert bool(DOMAINS["cone, other order"].contains([x, y, z])) == expected


@pytest.mark.parametrize("name", DOMAINS)
def test_interior_points_are_inside_distinct_and_reproducible(name: str) -> None:
    domain = DOMAINS[name]
    points = domain.interior_points(5, seed=3)
    assert domain.contains([[float(x) for x in p] for p in points]).all()
    assert len(set(points)) == 5
    assert points == domain.interior_points(5, seed=3)


def test_empty_constraints_are_named() -> None:
    domain = domain_of({a: UNIT, b: UNIT}, sp.sin(a) > 2 + b)
    with pytest.raises(InvalidManifold, match="no interior point"):
        domain.interior_points(1)


def test_bounds_follow_assumptions_and_sets() -> None:
    r = sp.Symbol("r", negative=True)
    s = sp.Symbol("s", nonnegative=True)
    t = sp.Symbol("t", real=True)
    domain = domain_of([r, s, t])
    assert domain.axes == (
        Axis(r, -sp.oo, sp.Integer(0)),
        Axis(s, sp.Integer(0), sp.oo),
        Axis(t, -sp.oo, sp.oo),
    )
    assert domain_of({t: sp.Interval(0, 1)}).axes[0].upper == 1


def test_constants_must_have_values_before_numbers() -> None:
    domain = domain_of({a: sp.Interval(0, c)})
    assert domain.constants == (c,)
    with pytest.raises(InvalidArgument, match=r"constant\(s\) c have no value.*fix"):
        domain.contains([1.0])
    assert domain.subs({c: sp.Integer(2)}).contains([1.5])
    assert not domain.subs({c: sp.Integer(1)}).contains([1.5])


def test_coordinates_are_continuous() -> None:
    with pytest.raises(InvalidFamily, match="domain of a is discrete"):
        domain_of({a: sp.Range(0, 5)})


def test_domains_pickle_and_compare() -> None:
    for domain in DOMAINS.values():
        again = pickle.loads(pickle.dumps(domain))
        assert again == domain
        assert hash(again) == hash(domain)
    assert pickle.loads(pickle.dumps(Circle)) is Circle


def test_colliding_names_are_no_code() -> None:
    odd = [sp.Symbol(n) for n in ("lambda", "__import__", "x; import os", "π", "S")]
    domain = domain_of({odd[0]: UNIT, odd[1]: UNIT, odd[2]: POSITIVE, odd[3]: UNIT, odd[4]: UNIT})
    assert domain.contains([0.5] * 5)


@given(st.integers(1, 4), st.floats(0.01, 0.99))
def test_signs_are_proved_not_guessed(n: int, value: float) -> None:
    domain = DOMAINS["simplex"]
    assert is_positive_on(1 - a - b - c, domain.axes)
    assert is_positive_on(1 - a, domain.axes)
    assert not is_positive_on(sp.Rational(n, 5) - a, domain.axes)
    assert not is_positive_on(a - sp.Float(value), domain.axes)


def test_specification_rebuilds_the_domain() -> None:
    for domain in DOMAINS.values():
        assert domain_of(domain.specification(), list(domain.constraints)) == domain
        assert isinstance(domain, Domain)


def test_extreme_points_are_inside_by_exact_arithmetic() -> None:
    # In floating point 3*a - b + 1 rounds to a positive number at points where it is zero.
    oblique = domain_of({a: sp.S.Reals, b: sp.S.Reals}, [3 * a - b + 1 > 0, b - 2 * a + 2 > 0])
    for domain in (oblique, *DOMAINS.values()):
        for point in domain.extreme_points():
            values = dict(zip(domain.symbols, point, strict=True))
            for axis in domain.axes:
                assert (axis.symbol - axis.lower).subs(values).is_extended_positive
                assert (axis.upper - axis.symbol).subs(values).is_extended_positive
            assert all(c.subs(values) == True for c in domain.constraints)  # noqa: E712
