"""Records of numeric results are values that survive pickling."""

from __future__ import annotations

import pickle

import numpy as np

import statmani as sm


def test_geodesics_pickle_and_still_evaluate() -> None:
    M = sm.families.normal().manifold()
    for path in (
        sm.geodesic(M, [0.0, 1.0], [1.0, 0.5]),
        sm.geodesic(M, [0.0, 1.0], end=[2.0, 3.0]),
    ):
        again = pickle.loads(pickle.dumps(path))
        times = np.linspace(0, 1, 7)
        assert np.array_equal(again(times), path(times))
        assert again.length == path.length
    result = sm.distance(M, [0.0, 1.0], [1.0, 1.0], full_output=True)
    assert pickle.loads(pickle.dumps(result)).value == result.value
