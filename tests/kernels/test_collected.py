"""What sweeps hand on: mass that settled sums miss is no small error."""

from __future__ import annotations

import numpy as np
import pytest

from statmani.kernels.collected import collect


@pytest.mark.parametrize(
    ("missing", "unsettled", "good"),
    [(0.0, 0.0, True), (1e-9, 0.0, False), (1e-9, 1e-9, True), (1e-6, 1e-6, False)],
)
def test_missing_mass(missing: float, unsettled: float, good: bool) -> None:
    # One product, then the mass.
    found, sizes = np.array([2.0, 1.0 - missing]), np.array([3.0, 1.0])
    errors = np.array([0.0, unsettled])
    values, own_sizes, own_errors = np.zeros(1), np.zeros(1), np.zeros(1)
    wanted, checks = np.array([0]), np.array([], dtype=np.int64)
    tree = np.zeros((1, 2), dtype=np.int64)
    fine = collect(True, tree, checks, wanted, found, sizes, errors, values, own_sizes, own_errors)
    assert fine is good
    assert values[0] == 2.0
    assert own_errors[0] >= 3.0 * missing
