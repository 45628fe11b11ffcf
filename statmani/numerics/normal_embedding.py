"""Lower bounds of distances between normal laws, from an embedding in positive matrices.

N(mu, S) -> [[S + mu mu', mu], [mu', 1]] carries normal laws of m variables into the symmetric
positive definite matrices P of m + 1 rows with the metric tr((P^-1 dP)^2) / 2, and keeps lengths.
Distances there are sqrt(sum log^2(lambda_i) / 2), lambda_i the eigenvalues of P^-1 Q (Calvo and
Oller 1990, Journal of Multivariate Analysis 35, 223, theorem 2.1 and section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from statmani.declaration import Declaration
from statmani.expectation.evaluate import Program

__all__ = ["NormalLaws", "normal_laws"]

Floats = NDArray[np.float64]
_EPS = 2.0**-52
# Rounding errors of the small dense matrices, in units of eps and of their condition numbers.
_CAUTION = 64.0
# Expanding larger log densities is not worth it.
_MOST = 6


@final
class NormalLaws:
    """The bound for rows of pairs of parameters of a family of normal laws."""

    def __init__(self, declaration: Declaration, forms: Sequence[sp.Expr], size: int) -> None:
        # Entries of S^-1 by rows, then S^-1 mu.
        self._size = size
        self._program = Program(forms, declaration.parameters)

    def __call__(self, p: Floats, q: Floats) -> Floats:
        """Lower bounds of the distances less rounding; zero where they are not known."""
        first, second = self._laws(p), self._laws(q)
        # Eigenvalues above one of either product are the exact ones, the others its reciprocals.
        square = 0.5 * (self._logarithms(first, second) + self._logarithms(second, first))
        result: Floats = np.sqrt(np.nan_to_num(square, posinf=0.0))
        return result

    def _laws(self, theta: Floats) -> tuple[Floats, Floats, Floats]:
        """Covariances, means, and relative errors of both."""
        m = self._size
        rows = np.stack(self._program.arrays({}, list(theta.T)), axis=1).astype(float)
        precision = rows[:, : m * m].reshape(-1, m, m)
        covariance, mean = np.full_like(precision, np.nan), np.full((len(rows), m), np.nan)
        error = np.full(len(rows), np.inf)
        diagonal = np.diagonal(precision, axis1=1, axis2=2)
        good = np.flatnonzero(np.isfinite(rows).all(axis=1) & (diagonal > 0).all(axis=1))
        unit = np.sqrt(diagonal[good])
        scaled = precision[good] / (unit[:, :, None] * unit[:, None, :])
        condition = np.linalg.cond(scaled)
        sure = condition < 1e6
        good, unit = good[sure], unit[sure]
        inverse = np.linalg.inv(scaled[sure]) / (unit[:, :, None] * unit[:, None, :])
        covariance[good] = 0.5 * (inverse + np.swapaxes(inverse, 1, 2))
        mean[good] = (covariance[good] @ rows[good, m * m :, None])[..., 0]
        error[good] = _CAUTION * m * _EPS * condition[sure] ** 2
        return covariance, mean, error

    def _logarithms(
        self, here: tuple[Floats, Floats, Floats], there: tuple[Floats, Floats, Floats]
    ) -> Floats:
        """Sums of squared logarithms of the eigenvalues above one, from below."""
        m = self._size
        (S, mu, error), (T, nu, other) = here, there
        result = np.full(len(S), np.nan)
        good = np.flatnonzero(np.isfinite(error) & np.isfinite(other))
        S, T, mu, nu = S[good], T[good], mu[good], nu[good]
        # An affine map moves the first law to the standard one.
        back = np.linalg.inv(np.linalg.cholesky(S))
        shift = (back @ (nu - mu)[..., None])[..., 0]
        lost = np.abs(back) @ (np.abs(mu) + np.abs(nu))[..., None]
        matrix = np.zeros((len(good), m + 1, m + 1))
        matrix[:, :m, :m] = back @ T @ np.swapaxes(back, 1, 2)
        matrix[:, :m, :m] += shift[:, :, None] * shift[:, None, :]
        matrix[:, :m, m] = matrix[:, m, :m] = shift
        matrix[:, m, m] = 1.0
        values = np.linalg.eigvalsh(matrix)
        top = values[:, -1:]
        own = (error + other)[good, None]
        wrong = own * (top + np.sqrt(top) * lost[..., 0].max(axis=1, keepdims=True))
        logs = np.log(np.maximum(values - wrong, 1.0))
        result[good] = (logs**2).sum(1) * (1.0 - _CAUTION * _EPS)
        return result


def normal_laws(declaration: Declaration) -> NormalLaws | None:
    """For a density whose logarithm is quadratic in the sample, or in its logarithms; else None."""
    variables, thetas = declaration.variables, set(declaration.parameters)
    if declaration.region or len(variables) > _MOST or any(v.discrete for v in variables):
        return None
    ell, names = declaration.log_density, []
    for v in variables:
        if v.lower is sp.S.NegativeInfinity and v.upper is sp.S.Infinity:
            names.append(v.symbol)
        elif v.lower.is_zero and v.upper is sp.S.Infinity:
            y = sp.Dummy(str(v.symbol), real=True)
            ell = sp.expand_log(ell.xreplace({v.symbol: sp.exp(y)}), force=True)
            names.append(y)
        else:
            return None
    ell = sp.expand(ell)
    if not ell.is_polynomial(*names):
        return None
    polynomial = sp.Poly(ell, *names)
    # The Jacobian of logarithms adds to the linear part, the same for all laws.
    linear = [polynomial.coeff_monomial(y) for y in names]
    linear = [
        c + (0 if y is v.symbol else 1) for c, y, v in zip(linear, names, variables, strict=True)
    ]
    if polynomial.total_degree() != 2:
        return None
    precision = [
        -(2 if a == b else 1) * polynomial.coeff_monomial(a * b) for a in names for b in names
    ]
    forms = [*precision, *linear]
    if not sp.Tuple(*forms).free_symbols <= thetas:
        return None
    return NormalLaws(declaration, forms, len(names))
