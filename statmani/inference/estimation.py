"""Maximum likelihood estimates of a declared family."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, product
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sympy import oo

from statmani.declaration import Declaration
from statmani.errors import InvalidArgument, NoConvergence
from statmani.inference.arguments import (
    FamilyLike,
    read_declaration,
    read_information,
    read_point,
)
from statmani.inference.density import log_density_at, read_data
from statmani.inference.likelihood_kernel import likelihood_kernel

__all__ = ["Fit", "fit"]

Array = NDArray[np.float64]

_MOST_STARTS = 600
_TRIED_STARTS = 6


@final
@dataclass(frozen=True, repr=False, eq=False)
class Fit:
    """Result of :func:`fit`; prints as a table.

    Attributes
    ----------
    parameters : tuple of str
        Names, in the order of all arrays.
    estimate : array of shape (p,)
    covariance : array of shape (p, p)
        Inverse of the expected information, ``(n I(estimate))^-1``.
    covariance_observed : array of shape (p, p)
        Inverse of the observed information, minus the Hessian of the log-likelihood; NaN where
        that is not positive definite.
    log_likelihood : float
        At the estimate, all terms included.
    converged : bool
        False when the likelihood has no maximum inside the domain that the iteration reaches.
    n : int
        Number of observations.
    """

    parameters: tuple[str, ...]
    estimate: Array
    covariance: Array
    covariance_observed: Array
    log_likelihood: float
    converged: bool
    n: int

    def __repr__(self) -> str:
        width = max(9, *(len(name) for name in self.parameters))
        state = "converged" if self.converged else "NOT converged"
        rows = [
            f"Maximum likelihood fit: {state}, n = {self.n}, "
            f"log-likelihood {self.log_likelihood:.6f}",
            f"  {'parameter':<{width}}  {'estimate':>12}  {'+- expected':>12}  {'+- observed':>12}",
        ]
        with np.errstate(invalid="ignore"):
            expected = np.sqrt(np.diag(self.covariance))
            observed = np.sqrt(np.diag(self.covariance_observed))
        rows += [
            f"  {name:<{width}}  {self.estimate[i]:>12.6g}  {expected[i]:>12.4g}  "
            f"{observed[i]:>12.4g}"
            for i, name in enumerate(self.parameters)
        ]
        return "\n".join(rows)


def fit(family: FamilyLike, data: ArrayLike, *, start: ArrayLike | None = None) -> Fit:
    """Fit a family to data by maximum likelihood.

    Parameters
    ----------
    family : Family
        With every constant fixed.
    data : array_like of shape (n,) for one sample variable, else (n, m)
        Independent observations.
    start : array_like of shape (p,), optional
        Without it, starts come from quantiles of the data and moderate points of the domain, and
        the best of several maxima is kept.

    Returns
    -------
    Fit

    Raises
    ------
    InvalidArgument
        Data of a wrong shape, empty, or outside the support (the first such entry is named).
    OutsideDomain
        The start lies outside the domain.
    NoConvergence
        No start has a finite likelihood.

    Notes
    -----
    Newton's method in unconstrained coordinates, damped where the likelihood is not concave, with
    step halving. The covariance from the expected information is that of Fisher (1925, Proc.
    Cambridge Philos. Soc. 22, 700).

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.inference.estimation import fit
    >>> record = fit(sm.families.poisson(), [2, 4, 3, 1, 5])
    >>> record.converged, round(float(record.estimate[0]), 10)
    (True, 3.0)
    >>> round(float(record.covariance[0, 0]), 10)
    0.6
    """
    what = "fit"
    declaration = read_declaration(family, what)
    rows = read_data(declaration, data, what)
    if len(rows) == 0:
        raise InvalidArgument(f"{what}: data is empty. Give at least one observation.")
    kernel = likelihood_kernel(declaration, expanded=False)
    if start is None:
        starts = _starts(declaration, rows)
    else:
        starts = kernel.unconstrained(read_point(declaration, start, what))[None]
    _require_support(declaration, rows, kernel.points(starts[:1])[0])
    values = np.array([kernel.evaluate(rows[None], p)[0, 0] for p in kernel.points(starts)])
    values[~np.isfinite(values)] = -np.inf
    order = np.argsort(-values, kind="stable")[:_TRIED_STARTS]
    best: tuple[bool, float, Array, Array] | None = None
    for index in order:
        if values[index] == -np.inf:
            break
        estimates, outcomes, status = kernel.maximise(rows[None], starts[index])
        found = (bool(status[0] == 0), float(outcomes[0, 0]), estimates[0], outcomes[0])
        if best is None or found[:2] > best[:2]:
            best = found
    if best is None:
        raise NoConvergence(
            f"{what}: the likelihood of the {len(rows)} observations is zero or undefined at every "
            "start. Pass start=, a point at which all of them are possible."
        )
    converged, _, estimate, outcome = best
    return Fit(
        parameters=tuple(str(declaration.external(s)) for s in declaration.parameters),
        estimate=estimate,
        covariance=_expected(family, estimate, len(rows), converged),
        covariance_observed=_observed(outcome, len(estimate)),
        log_likelihood=float(log_density_at(declaration, estimate, data).sum()),
        converged=converged,
        n=len(rows),
    )


def _expected(family: FamilyLike, estimate: Array, n: int, converged: bool) -> Array:
    if not converged:
        return np.full((len(estimate), len(estimate)), np.nan)
    information = n * read_information(family, None, estimate, "fit")
    return np.asarray(np.linalg.inv(information), dtype=np.float64)


def _observed(outcome: Array, dim: int) -> Array:
    upper = np.zeros((dim, dim))
    upper[np.triu_indices(dim)] = -outcome[1 + dim :]
    information = upper + np.triu(upper, 1).T
    scale = np.sqrt(np.abs(np.diag(information)))
    usable = bool(np.isfinite(information).all()) and scale.min() > 0
    if usable and np.linalg.eigvalsh(information / np.outer(scale, scale))[0] > 1e-12:
        return np.asarray(np.linalg.inv(information), dtype=np.float64)
    return np.full((dim, dim), np.nan)


def _require_support(declaration: Declaration, rows: Array, point: Array) -> None:
    """Refuse data that no parameter allows; a moving support is left to the likelihood."""
    parameters = set(declaration.parameters)
    for variable in declaration.variables:
        if (variable.lower.free_symbols | variable.upper.free_symbols) & parameters:
            return
    if any(relation.free_symbols & parameters for relation in declaration.region):
        return
    shown = rows[:, 0] if rows.shape[1] == 1 else rows
    outside = np.flatnonzero(log_density_at(declaration, point, shown) == -np.inf)
    if len(outside):
        index = int(outside[0])
        raise InvalidArgument(
            f"fit: data[{index}] = {shown[index].tolist()} lies outside the support of the family. "
            "Remove it, or declare a family whose support contains it."
        )


def _starts(declaration: Declaration, rows: Array) -> Array:
    """Unconstrained starts: combinations of the data's own location and scale with 0 and 1."""
    quartiles = np.quantile(rows, [0.25, 0.5, 0.75], axis=0)
    spread = np.maximum(quartiles[2] - quartiles[0], 1e-3 * (np.abs(quartiles[1]) + 1e-3))
    size = np.abs(rows).mean(axis=0) + 1e-300
    choices: list[list[float]] = []
    for axis in declaration.domain.axes:
        if axis.periodic:
            choices.append([-2.0, 0.0, 2.0])
        elif axis.lower is -oo and axis.upper is oo:
            choices.append([*quartiles[1], 0.0, *rows.mean(axis=0), 1.0, -1.0])
        elif axis.lower is -oo or axis.upper is oo:
            scales = [*np.log(spread), 0.0, *np.log(size), *-np.log(size), 1.5, -1.5]
            choices.append([float(np.clip(s, -60.0, 60.0)) for s in scales])
        else:
            choices.append([0.0, -1.5, 1.5])
    return np.array(list(islice(product(*choices), _MOST_STARTS)), dtype=np.float64)
