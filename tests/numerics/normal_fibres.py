"""Distances of bivariate normal laws as minima over one number, by another route than geodesics.

Normal laws of n variables are the base of a Riemannian submersion from the positive matrices

    G = M diag(S^-1, 1, S) M^T,   M = [[1, 0, 0], [m^T, 1, 0], [K - m m^T / 2, -m, 1]],  K skew,

a totally geodesic part of all positive matrices, whose fibre over (m, S) are the K (Eriksen 1987,
Kobayashi 2023). Hence d(p, q) is the least distance of positive matrices between the fibres, and
with two variables K is one number. Geodesics from p to q are its stationary points.
"""

from __future__ import annotations

import mpmath as mp
import numpy as np

_CONTEXT = mp.mp.clone()
_CONTEXT.dps = 50


def geodesic_lengths(p, q):
    """Lengths of the geodesics that are minima, shortest first, to some 20 digits.

    ``p`` and ``q`` are (mu1, mu2, s11, s12, s22).
    """
    m, s = _standardized(p, q)
    mean, cov = np.array(m.tolist(), dtype=float).ravel(), np.array(s.tolist(), dtype=float)
    size = 100 * (1 + mean @ mean + np.trace(cov) + np.trace(np.linalg.inv(cov)))
    places = np.sinh(np.linspace(-np.arcsinh(size), np.arcsinh(size), 2001))
    values = np.array([_rough(mean, cov, k) for k in places])
    inner = values[1:-1]
    found = np.flatnonzero((inner < values[:-2]) & (inner < values[2:])) + 1
    kept = []
    for k in sorted(found, key=lambda k: values[k]):
        # Rounding makes shallow minima where the function is flat.
        rises = (values[min(j, k) : max(j, k) + 1].max() - values[k] for j in kept)
        if all(rise > 1e-4 * values[k] for rise in rises):
            kept.append(k)
    return sorted(float(_refined(m, s, places[k - 1], places[k + 1])) for k in kept)


def _standardized(p, q):
    # The mean and the covariance of q where p has mean 0 and covariance 1.
    mp_matrix = _CONTEXT.matrix
    (m0, s0), (m1, s1) = (
        (mp_matrix([a[0], a[1]]), mp_matrix([[a[2], a[3]], [a[3], a[4]]]))
        for a in ([_CONTEXT.mpf(float(x)) for x in row] for row in (p, q))
    )
    inverse = _CONTEXT.cholesky(s0) ** -1
    return inverse * (m1 - m0), inverse * s1 * inverse.T


def _factors(m, s, inverse, k, lower, middle):
    lower[2, 0], lower[2, 1] = m[0], m[1]
    lower[3, 2], lower[4, 2] = -m[0], -m[1]
    for i in range(2):
        for j in range(2):
            middle[i, j], middle[3 + i, 3 + j] = inverse[i, j], s[i, j]
            lower[3 + i, j] = -m[i] * m[j] / 2 + k * (j - i)
    middle[2, 2] = 1
    return lower, middle


def _rough(m, s, k):
    lower, middle = _factors(m, s, np.linalg.inv(s), k, np.eye(5), np.zeros((5, 5)))
    # Eigenvalues come in pairs of x and 1/x, and doubles keep the large ones.
    top = np.linalg.eigvalsh(lower @ middle @ lower.T)[3:]
    return np.sqrt(0.5 * (np.log(top) ** 2).sum())


def _length(m, s, k):
    lower, middle = _factors(m, s, s**-1, k, _CONTEXT.eye(5), _CONTEXT.zeros(5))
    values = _CONTEXT.eigsy(lower * middle * lower.T, eigvals_only=True)
    return _CONTEXT.sqrt(sum(_CONTEXT.log(x) ** 2 for x in values)) / 2


def _refined(m, s, low, high):
    # Golden sections, then Newton's method with differences.
    low, high = _CONTEXT.mpf(low), _CONTEXT.mpf(high)
    ratio = (_CONTEXT.sqrt(5) - 1) / 2
    for _ in range(25):
        span = ratio * (high - low)
        if _length(m, s, high - span) < _length(m, s, low + span):
            high = low + span
        else:
            low = high - span
    k = (low + high) / 2
    for step in (1e-4, 1e-7, 1e-10):
        h = step * (1 + abs(k))
        before, at, after = (_length(m, s, k + d) for d in (-h, 0, h))
        k -= h * (after - before) / (2 * (after - 2 * at + before))
    return _length(m, s, k)
