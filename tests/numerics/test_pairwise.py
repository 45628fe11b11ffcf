"""Matrices of distances: values, executors, interruption."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

import statmani as sm
from statmani.numerics import pairwise


def _points(count, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([rng.uniform(-5, 5, count), np.exp(rng.uniform(-2, 2, count))], axis=1)


def _half_plane(p, q):
    square = (p[:, None, 0] - q[None, :, 0]) ** 2 / 2 + (p[:, None, 1] - q[None, :, 1]) ** 2
    return 2 * np.sqrt(2) * np.arcsinh(np.sqrt(square / (4 * p[:, None, 1] * q[None, :, 1])))


@contextmanager
def _loky():
    from joblib.externals.loky import get_reusable_executor

    executor = get_reusable_executor(max_workers=2)
    yield executor
    executor.shutdown(wait=True)


@contextmanager
def _dask():
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client.get_executor()


EXECUTORS = {
    "threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: ProcessPoolExecutor(2),
    "loky": _loky,
    "dask": _dask,
}


def test_values(manifolds):
    x, y = _points(30), _points(20, 1)
    M = manifolds["normal"]
    square = sm.pairwise_distances(M, x)
    np.testing.assert_allclose(square, _half_plane(x, x), rtol=1e-10, atol=1e-14)
    assert (square == square.T).all()
    np.testing.assert_allclose(sm.pairwise_distances(M, x, y), _half_plane(x, y), rtol=1e-10)


@pytest.mark.parametrize("name", EXECUTORS)
def test_same_bits_from_every_executor(name, manifolds, monkeypatch):
    monkeypatch.setattr(pairwise, "_BLOCK", 50)
    x = np.exp(np.random.default_rng(2).uniform(-1.5, 3.5, (24, 2)))
    monkeypatch.setattr(pairwise, "_CLOSED_BLOCK", 60)
    with EXECUTORS[name]() as executor:
        for M in (manifolds["gamma"], manifolds["weibull"]):
            alone = sm.pairwise_distances(M, x)
            assert (sm.pairwise_distances(M, x, executor=executor) == alone).all()


def test_an_interrupt_keeps_what_is_done(manifolds, monkeypatch):
    # Closed forms have blocks of their own.
    monkeypatch.setattr(pairwise, "_CLOSED_BLOCK", 40)
    x, told = _points(30), []

    def stop(done, total):
        told.append((done, total))
        if done >= 80:
            raise KeyboardInterrupt

    out = np.full((30, 30), np.nan)
    with pytest.raises(KeyboardInterrupt):
        sm.pairwise_distances(manifolds["normal"], x, out=out, progress=stop)
    assert told == [(40, 435), (80, 435)]
    assert np.isfinite(out[np.triu_indices(30, 1)]).sum() == 80
    computed = []
    again = sm.pairwise_distances(
        manifolds["normal"], x, out=out, progress=lambda done, _: computed.append(done)
    )
    assert again is out
    assert computed[0] == 120
    np.testing.assert_allclose(out, _half_plane(x, x), rtol=1e-10, atol=1e-14)


def test_scipy_takes_the_matrix(manifolds):
    x = np.concatenate([_points(8) * [0.1, 1], _points(8, 1) * [0.1, 1] + [200, 0]])
    matrix = sm.pairwise_distances(manifolds["normal"], x)
    groups = fcluster(linkage(squareform(matrix), "average"), 2, "maxclust")
    assert len(set(groups[:8])) == len(set(groups[8:])) == 1
    assert groups[0] != groups[8]


def test_bad_arguments(manifolds):
    M, x = manifolds["normal"], _points(3)
    with pytest.raises(sm.InvalidArgument, match=r"X must have shape \(N, 2\), got \(2,\)"):
        sm.pairwise_distances(M, x[0])
    with pytest.raises(sm.OutsideDomain, match=r"Y \[0\]: sigma = -1.0 breaks sigma > 0"):
        sm.pairwise_distances(M, x, [[0, -1]])
    with pytest.raises(
        sm.InvalidArgument, match=r"out must be an array of floats of shape \(3, 3\)"
    ):
        sm.pairwise_distances(M, x, out=np.zeros((2, 2)))
