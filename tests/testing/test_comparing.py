"""Comparisons find the faults that are there, and only those."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp

import statmani as sm
from statmani.testing import (
    check_christoffel,
    check_distance,
    check_metric,
    check_scalar_curvature,
    default_points,
)

NORMAL = sm.families.normal()


def normal_metric(theta: np.ndarray) -> np.ndarray:
    return np.diag([1, 2]) / theta[1] ** 2


def normal_symbols(theta: np.ndarray, alpha: float = 0) -> np.ndarray:
    # Amari and Nagaoka (2000), section 2.3, in (mu, sigma).
    symbols = np.zeros((2, 2, 2))
    symbols[0, 0, 1] = symbols[0, 1, 0] = -(1 + alpha)
    symbols[1, 0, 0] = (1 - alpha) / 2
    symbols[1, 1, 1] = -(1 + 2 * alpha)
    return symbols / theta[1]


def normal_distance(p: np.ndarray, q: np.ndarray) -> float:
    # Atkinson and Mitchell (1981), through arcsinh so that near pairs keep their digits.
    square = (p[0] - q[0]) ** 2 / 2 + (p[1] - q[1]) ** 2
    return 2 * math.sqrt(2) * math.asinh(math.sqrt(square / (4 * p[1] * q[1])))


def test_right_implementations_agree_at_extreme_points_too():
    for found in (
        check_metric(normal_metric, NORMAL),
        check_christoffel(normal_symbols, NORMAL),
        check_christoffel(lambda theta: normal_symbols(theta, 1), NORMAL, 1),
        check_scalar_curvature(lambda theta: -1.0, NORMAL),
        check_distance(normal_distance, NORMAL),
    ):
        assert found.agrees and bool(found), found
        assert found.points > 12 and found.skipped == 0
        assert found.error < 1e-8


def test_points_reach_the_ends_of_the_domain():
    points = default_points(NORMAL)
    assert points[:, 1].min() == 1e-6 and points[:, 1].max() == 1e6
    assert points[:, 0].min() <= -1e6 + 1 and points[:, 0].max() >= 1e6 - 1
    cells = default_points(sm.families.categorical(4))
    rest = 1 - cells.sum(axis=1)
    assert (cells > 0).all() and (rest > 0).all()
    assert cells.min() < 2e-6 and rest.min() < 2e-6
    for family in (sm.families.von_mises(), sm.families.dirichlet(3)):
        assert family.manifold().domain.contains(default_points(family)).all()


def test_small_faults_are_found_with_component_and_values():
    def wrong(theta: np.ndarray) -> np.ndarray:
        g = normal_metric(theta)
        g[0, 1] = 1e-5 / theta[1] ** 2 if theta[1] > 100 else 0
        return g

    found = check_metric(wrong, NORMAL)
    assert found.status == "differs" and not found
    assert found.index == (0, 1) and found.point[1] > 100
    assert np.asarray(found.ours)[0, 1] == 0
    text = str(found)
    assert "component [0, 1]" in text and "theirs:" in text and "statmani:" in text
    # The sign of alpha, the other index order, and a lost square root.
    assert not check_christoffel(lambda theta: normal_symbols(theta, -1), NORMAL, 1)
    assert not check_christoffel(normal_symbols, NORMAL, kind="first")
    assert not check_distance(lambda p, q: normal_distance(p, q) ** 2, NORMAL)


def test_digits_lost_in_near_pairs_are_found():
    def cancelling(p: np.ndarray, q: np.ndarray) -> float:
        square = (p[0] - q[0]) ** 2 / 2 + (p[1] - q[1]) ** 2
        return math.sqrt(2) * math.acosh(1 + square / (2 * p[1] * q[1]))

    found = check_distance(cancelling, NORMAL)
    assert found.status == "differs"
    p, q = np.array(found.point).reshape(2, 2)
    assert np.abs(p - q).max() < 1e-4


def test_values_that_are_not_finite_differ():
    found = check_metric(lambda theta: np.full((2, 2), np.nan), NORMAL)
    assert found.status == "differs" and found.error == math.inf


def test_first_kind_and_hand_written_manifolds():
    # Gamma_{ij,k} of a surface of revolution, do Carmo (1976), section 4.3.
    u, v = sp.symbols("u v", positive=True)
    M = sm.StatisticalManifold((u, v), sp.diag(1, u**2))

    def first(theta: np.ndarray) -> np.ndarray:
        symbols = np.zeros((2, 2, 2))
        symbols[1, 1, 0] = -theta[0]
        symbols[0, 1, 1] = symbols[1, 0, 1] = theta[0]
        return symbols

    assert check_christoffel(first, M, kind="first")


def test_given_points_and_pairs():
    assert check_metric(normal_metric, NORMAL, points=[0, 2]).points == 1
    assert check_distance(normal_distance, NORMAL, pairs=[[[0, 1], [1, 1]]]).points == 1
    with pytest.raises(sm.OutsideDomain, match="sigma = -1"):
        check_metric(normal_metric, NORMAL, points=[[0, -1]])
    with pytest.raises(sm.InvalidArgument, match=r"pairs must have shape \(m, 2, 2\)"):
        check_distance(normal_distance, NORMAL, pairs=[[0, 1], [1, 1]])


def test_bad_implementations_are_named():
    with pytest.raises(sm.InvalidArgument, match=r"returned shape \(2,\) at .* expected \(2, 2\)"):
        check_metric(lambda theta: theta, NORMAL)
    with pytest.raises(sm.InvalidArgument, match="implementation must be callable"):
        check_metric(3, NORMAL)  # type: ignore[arg-type]
    with pytest.raises(sm.InvalidArgument, match="kind 'third' is unknown"):
        check_christoffel(normal_symbols, NORMAL, kind="third")  # type: ignore[arg-type]
    with pytest.raises(sm.InvalidArgument, match="rtol must be a positive number, got 0"):
        check_metric(normal_metric, NORMAL, rtol=0)

    def broken(theta: np.ndarray) -> np.ndarray:
        raise KeyError("nothing")

    with pytest.raises(KeyError) as caught:
        check_metric(broken, NORMAL, points=[0, 2])
    assert caught.value.__notes__ == ["check_metric: the implementation was called at (0.0, 2.0)"]


def test_open_families_are_compared_by_quadrature():
    # Location-scale family of a mixture: g of the location is a constant over s^2.
    x, s = sp.symbols("x s")
    density = (sp.exp(-x / s) + (x / s) * sp.exp(-x / s)) / (2 * s)
    half_line = sp.Interval.open(0, sp.oo)
    family = sm.Family(density, sample={x: half_line}, parameters={s: half_line})
    scale = float(sm.evaluate(family, "metric", [1.0])[0, 0])
    assert check_metric(lambda theta: [[scale / theta[0] ** 2]], family)
    assert not check_metric(lambda theta: [[scale / theta[0]]], family)
