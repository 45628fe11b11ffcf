"""Quantiles from a table of polynomials, for many probabilities.

Plain Python in the subset that numba compiles; :mod:`statmani.kernels.cache` copies this file.
The operations and their order are those of :class:`statmani.inference.inversion.Inversion`, so
both give the same numbers.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["inner_quantiles"]

Values = NDArray[np.float64]


def inner_quantiles(
    cumulative: Values,
    coefficients: Values,
    guide: NDArray[np.int64],
    probability: Values,
    out: Values,
) -> None:
    """Fill `out` with the inner coordinate; `guide` holds the first panel of each equal cell."""
    cells = guide.shape[0]
    panels, terms = coefficients.shape
    for i in range(probability.shape[0]):
        p = probability[i]
        panel = guide[min(int(p * cells), cells - 1)]
        while panel > 0 and cumulative[panel] > p:
            panel -= 1
        while panel + 1 < panels and cumulative[panel + 1] <= p:
            panel += 1
        low = cumulative[panel]
        position = 2.0 * (p - low) / (cumulative[panel + 1] - low) - 1.0
        value = coefficients[panel, terms - 1]
        for power in range(terms - 2, -1, -1):
            value = value * position + coefficients[panel, power]
        out[i] = value
