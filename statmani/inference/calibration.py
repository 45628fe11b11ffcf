"""How far below the Cramér-Rao bound a sample covariance may fall by chance alone.

With R replications, let e be an estimate, S the total score at the true point, F its Fisher
information, and hats sample moments over the replications. Write ``e = A S + r`` for the sample
regression of e on S, so ``Cov(e, S)^ = A S^`` and ``Cov(e)^ = A S^ A' + Q`` exactly. The bound for
a biased estimator, ``C F^-1 C'`` with ``C = Cov(e, S)``, estimated from the same replications, is
``A S^ F^-1 S^ A'``. With ``W = F^-1/2 S^ F^-1/2`` the smallest eigenvalue of covariance against
bound is therefore a function of (W, A, Q) alone, and equals ``1 / max eig W`` for an efficient
estimator. When F is right, the mean of W is the identity and its covariance is that of a Wishart
matrix plus the fourth cumulants of the score over R n: the reference distribution below.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["fourth_cumulants", "reference_ratios", "smallest_ratio", "whitened_covariances"]

Array = NDArray[np.float64]


def _pairs(dim: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(dim)


def fourth_cumulants(scores: Array) -> Array:
    """Fourth cumulants of whitened single scores, over pairs of pairs of indices.

    Parameters
    ----------
    scores : array of shape (N, n)
        Scores of single observations at one point. They are whitened by their own covariance, so
        the result does not depend on any claimed metric.

    Returns
    -------
    array of shape (n (n+1) / 2, n (n+1) / 2)
        ``E[z_a z_b z_c z_d]`` less its Gaussian value, for pairs ``a <= b`` and ``c <= d`` in the
        order of ``numpy.triu_indices``.

    Examples
    --------
    >>> import numpy as np
    >>> from statmani.inference.calibration import fourth_cumulants
    >>> signs = np.array([[1.0], [-1.0]] * 50)
    >>> fourth_cumulants(signs).round(12).tolist()
    [[-2.0]]
    """
    dim = scores.shape[1]
    centred = scores - scores.mean(axis=0)
    covariance = centred.T @ centred / len(scores)
    root = np.linalg.cholesky(covariance)
    white = np.linalg.solve(root, centred.T).T
    first, second = _pairs(dim)
    products = white[:, first] * white[:, second]
    moments: Array = products.T @ products / len(scores)
    eye = np.eye(dim)
    gaussian = (
        eye[first, second][:, None] * eye[first, second][None, :]
        + eye[np.ix_(first, first)] * eye[np.ix_(second, second)]
        + eye[np.ix_(first, second)] * eye[np.ix_(second, first)]
    )
    return np.asarray(moments - gaussian)


def _wishart(dim: int, degrees: float, count: int, rng: np.random.Generator) -> Array:
    """Draws of Wishart(I, degrees) / degrees by Bartlett's decomposition (1933)."""
    lower = np.zeros((count, dim, dim))
    for i in range(dim):
        lower[:, i, i] = np.sqrt(rng.chisquare(degrees - i, count))
        for j in range(i):
            lower[:, i, j] = rng.standard_normal(count)
    return np.asarray(lower @ lower.transpose(0, 2, 1) / degrees)


def whitened_covariances(
    cumulants: Array,
    size: int,
    replications: int,
    count: int,
    rng: np.random.Generator,
) -> Array:
    """Draw sample covariances of the whitened total score under the true model.

    A Wishart matrix gives the right law for Gaussian scores. Its degrees of freedom are lowered
    so that the overall variance is right (this also lengthens the upper tail, as a positive
    kurtosis does), then a linear map of the distinct entries gives every covariance its value.

    Parameters
    ----------
    cumulants : array
        From :func:`fourth_cumulants`.
    size : int
        Observations per replication; cumulants of the total score are those of one score over it.
    replications : int
        Number of replications behind one sample covariance.
    count : int
        Number of draws.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    array of shape (count, n, n)
        Symmetric matrices with mean I.

    Examples
    --------
    >>> import numpy as np
    >>> from statmani.inference.calibration import whitened_covariances
    >>> draws = whitened_covariances(np.array([[6.0]]), 3, 200, 4000, np.random.default_rng(1))
    >>> bool(abs(draws.var() * 200 / (2 + 6 / 3) - 1) < 0.1)
    True
    """
    pairs = len(cumulants)
    dim = int((np.sqrt(8 * pairs + 1) - 1) / 2)
    first, second = _pairs(dim)
    gaussian = np.diag(np.where(first == second, 2.0, 1.0))
    target = gaussian + cumulants / size
    values, vectors = np.linalg.eigh(target)
    root_target = vectors * np.sqrt(np.maximum(values, 1e-12)) @ vectors.T
    inflation = max(float(np.trace(target) / np.trace(gaussian)), 1e-3)
    degrees = max((replications - 1) / inflation, dim + 1.0)
    draws = _wishart(dim, degrees, count, rng)
    deviation = draws[:, first, second] - np.eye(dim)[first, second]
    scale = np.sqrt(degrees / (replications - 1))
    mapped = deviation / np.sqrt(np.diag(gaussian)) @ root_target * scale
    result = np.zeros((count, dim, dim))
    result[:, first, second] = mapped
    result[:, second, first] = mapped
    return result + np.eye(dim)


def _ratios(white: Array, residual: Array) -> Array:
    values, vectors = np.linalg.eigh(white)
    # A linear map can push a draw out of the positive matrices when replications are very few.
    values = np.maximum(values, 1e-9)
    inverse = (vectors / values[..., None, :]) @ vectors.swapaxes(-1, -2)
    ratio = inverse + inverse @ residual @ inverse
    return np.asarray(np.linalg.eigvalsh(ratio)[..., 0])


def smallest_ratio(white: Array, residual: Array) -> float:
    """Smallest eigenvalue of the covariance of an estimator against its bound.

    Parameters
    ----------
    white : array of shape (n, n)
        Sample covariance W of the score, whitened by the claimed information.
    residual : array of shape (n, n)
        Covariance Q of the part of the estimate that is uncorrelated with the score, in the
        coordinates in which the regression on the whitened score is the identity.

    Returns
    -------
    float
        Smallest eigenvalue of ``W^-1 (W + Q) W^-1``.

    Examples
    --------
    >>> import numpy as np
    >>> from statmani.inference.calibration import smallest_ratio
    >>> smallest_ratio(np.diag([1.0, 2.0]), np.zeros((2, 2)))
    0.5
    """
    return float(_ratios(white[None], residual)[0])


def reference_ratios(draws: Array, residual: Array) -> Array:
    """Smallest ratios that a right information matrix would give, sorted.

    Parameters
    ----------
    draws : array of shape (count, n, n)
        From :func:`whitened_covariances`.
    residual : array of shape (n, n)
        As in :func:`smallest_ratio`.

    Examples
    --------
    >>> import numpy as np
    >>> from statmani.inference.calibration import reference_ratios
    >>> reference_ratios(np.array([[[1.0]], [[2.0]]]), np.zeros((1, 1))).tolist()
    [0.5, 1.0]
    """
    return np.sort(_ratios(draws, residual))
