"""The reference distribution against simulation of what it stands for."""

from __future__ import annotations

import numpy as np
import pytest

from statmani.inference.calibration import (
    fourth_cumulants,
    reference_ratios,
    smallest_ratio,
    whitened_covariances,
)


def test_fourth_cumulants_of_independent_exponentials():
    rng = np.random.default_rng(1)
    scores = rng.exponential(size=(400000, 2)) @ np.array([[2.0, 0.0], [0.0, 0.1]])
    found = fourth_cumulants(scores)  # pairs (0,0), (0,1), (1,1)
    assert np.allclose(found, np.diag([6.0, 0.0, 6.0]), atol=0.35)


def test_covariance_of_draws_is_that_of_simulated_sample_covariances():
    # Sums of 3 scores, each a pair (e1, e2) of centred exponentials mixed by a rotation.
    rng = np.random.default_rng(2)
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    singles = (rng.exponential(size=(200000, 2)) - 1) @ turn
    size, replications = 3, 60
    draws = whitened_covariances(fourth_cumulants(singles), size, replications, 20000, rng)
    z = ((rng.exponential(size=(4000, replications, size, 2)) - 1) @ turn).sum(axis=2)
    z /= np.sqrt(size)
    z -= z.mean(axis=1, keepdims=True)
    simulated = np.einsum("kra,krb->kab", z, z) / (replications - 1)
    # The cumulants are in the basis whitened by Cholesky, here nearly the identity.
    for i, j in ((0, 0), (0, 1), (1, 1)):
        assert draws[:, i, j].mean() == pytest.approx(float(i == j), abs=0.02)
        assert draws[:, i, j].var() == pytest.approx(simulated[:, i, j].var(), rel=0.12)
    largest = np.linalg.eigvalsh(simulated)[:, -1]
    assert np.quantile(np.linalg.eigvalsh(draws)[:, -1], 0.95) == pytest.approx(
        np.quantile(largest, 0.95), rel=0.03
    )


def test_gaussian_scores_give_the_wishart_law():
    rng = np.random.default_rng(3)
    draws = whitened_covariances(np.zeros((1, 1)), 50, 200, 20000, rng)[:, 0, 0]
    from scipy import stats

    assert stats.kstest(draws * 199, stats.chi2(199).cdf).pvalue > 1e-3


def test_ratio_is_the_smallest_generalised_eigenvalue():
    rng = np.random.default_rng(4)
    dim, replications = 3, 200
    s = rng.standard_normal((replications, dim)) @ rng.standard_normal((dim, dim))
    e = s @ rng.standard_normal((dim, dim)) + rng.standard_normal((replications, dim))
    information = np.cov(rng.standard_normal((dim, 50)))
    s -= s.mean(0)
    e -= e.mean(0)
    shat, cross, cov = (a / (replications - 1) for a in (s.T @ s, e.T @ s, e.T @ e))
    bound = cross @ np.linalg.inv(information) @ cross.T
    direct = np.linalg.eigvals(np.linalg.solve(bound, cov)).real.min()
    root = np.linalg.cholesky(information)
    white = np.linalg.solve(root, np.linalg.solve(root, shat).T)
    slope = cross @ np.linalg.inv(shat)
    residual = cov - slope @ shat @ slope.T
    back = np.linalg.inv(slope @ root)
    assert smallest_ratio(white, back @ residual @ back.T) == pytest.approx(direct, rel=1e-9)


def test_residual_raises_the_reference():
    draws = whitened_covariances(np.zeros((1, 1)), 1, 100, 100, np.random.default_rng(5))
    efficient = reference_ratios(draws, np.zeros((1, 1)))
    assert np.allclose(np.sort(1 / draws[:, 0, 0]), efficient)
    inefficient = reference_ratios(draws, np.ones((1, 1)))
    assert np.allclose(np.sort(1 / draws[:, 0, 0] + 1 / draws[:, 0, 0] ** 2), inefficient)
