"""Terms at the ends of a grid, which tell what lies beyond."""

import math

import numpy as np

from statmani.kernels.quadrature import add_grid


def edge_of(level, factor):
    """The ends of a grid on (-45, 45) for E[factor] under exp(level)."""

    def nodes(chart, place, aux, f, full):
        f[0] = factor(place[0])
        return level(place[0])

    tree, edge = np.array([[-1, 0]]), np.zeros(2)
    with np.errstate(invalid="ignore"):
        lost = add_grid(
            nodes, 0, np.zeros(1), 0, np.zeros(1), np.eye(1), np.zeros(1, np.int64),
            np.full((1, 2), 45.0), 4.0, False, tree, np.empty(1), np.zeros(2), np.zeros(2), edge,
            np.zeros(1), np.zeros(1),
        )  # fmt: skip
    return edge[0], lost


def test_a_tail_that_is_cut_counts_with_its_integrand():
    edge, _ = edge_of(lambda x: -x if 0 <= x <= 10 else -math.inf, lambda x: 1.0)
    assert abs(edge - (1 + math.exp(-10))) < 1e-12
    edge, _ = edge_of(lambda x: -(x**2) / 2, lambda x: 1.0)
    assert edge < 1e-300


def test_a_node_without_value_before_the_end_leaves_no_edge():
    edge, lost = edge_of(lambda x: -(x**2) / 2, lambda x: math.inf if abs(x) > 37 else 1.0)
    assert 0 < lost < 1e-290
    assert edge < 1e-290
