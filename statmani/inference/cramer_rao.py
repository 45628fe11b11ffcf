"""Monte Carlo check of the Cramér-Rao bound."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sympy import Float

from statmani.declaration import Declaration
from statmani.errors import InvalidArgument, NoConvergence, RegularityError
from statmani.inference.arguments import (
    FamilyLike,
    read_count,
    read_declaration,
    read_information,
    read_point,
    read_seed,
)
from statmani.inference.calibration import (
    fourth_cumulants,
    reference_ratios,
    smallest_ratio,
    whitened_covariances,
)
from statmani.inference.likelihood import likelihood_form
from statmani.inference.likelihood_kernel import LikelihoodKernel, likelihood_kernel
from statmani.inference.replications import Estimator, replicate
from statmani.inference.sampling import Draw, sampler

__all__ = ["CramerRao", "cramer_rao"]

Array = NDArray[np.float64]

_PILOT = 2**15
_REFERENCE_DRAWS = 4000
_FAILED_FRACTION = 0.01
_SCORE_DEVIATIONS = 7.0
_LOST_DIGITS = 1e-7


@final
@dataclass(frozen=True, repr=False, eq=False)
class CramerRao:
    """Result of :func:`cramer_rao`; prints as a table.

    Attributes
    ----------
    parameters : tuple of str
        Names, in the order of all arrays.
    point : array of shape (p,)
        True parameters of the samples.
    n, replications, failures : int
        Observations per replication; replications asked for; those whose maximum likelihood did
        not converge, which are left out.
    estimator : str
        "mle" or the name of the callable.
    bound : array of shape (p, p)
        The bound for unbiased estimators from n observations, ``(n I)^-1``.
    biased_bound : array of shape (p, p)
        The bound for this estimator, ``C (n I)^-1 C'`` where ``C = Cov(estimate, total score)``,
        which estimates ``Id + d bias``, comes from the same replications.
    covariance : array of shape (p, p)
        Sample covariance of the estimates.
    bias, bias_error : array of shape (p,)
        Mean of the estimates less the point, and its standard error.
    efficiency : float
        ``(det bound / det covariance)^(1/p)``, Wilks' generalised variance per parameter; near 1
        for an efficient estimator if the metric is right, above 1 possible by bias.
    ratio : float
        Smallest eigenvalue of `covariance` relative to `biased_bound`.
    critical : float
        Value of `ratio` below which the verdict is "violated".
    p_value : float
        Probability of a ratio this small if the metric is right; not below 1 / 4001.
    level : float
        Size of the test.
    verdict : "consistent" or "violated"
    seed : int
        Repeats the run.
    """

    parameters: tuple[str, ...]
    point: Array
    n: int
    replications: int
    failures: int
    estimator: str
    bound: Array
    biased_bound: Array
    covariance: Array
    bias: Array
    bias_error: Array
    efficiency: float
    ratio: float
    critical: float
    p_value: float
    level: float
    verdict: Literal["consistent", "violated"]
    seed: int

    def __repr__(self) -> str:
        width = max(9, *(len(name) for name in self.parameters))
        rows = [
            f"Cramer-Rao check: {self.verdict} (p = {self.p_value:.3g}, level {self.level:g})",
            f"  estimator {self.estimator}, {self.replications} replications of n = {self.n}, "
            f"{self.failures} failed, seed {self.seed}",
            f"  {'parameter':<{width}}  {'true':>11}  {'bias':>11}  {'+-':>8}  "
            f"{'variance':>11}  {'bound':>11}",
        ]
        for i, name in enumerate(self.parameters):
            rows.append(
                f"  {name:<{width}}  {self.point[i]:>11.5g}  {self.bias[i]:>11.3e}  "
                f"{self.bias_error[i]:>8.1e}  {self.covariance[i, i]:>11.5e}  "
                f"{self.bound[i, i]:>11.5e}"
            )
        rows.append(
            f"  efficiency {self.efficiency:.4f}; smallest covariance / bound "
            f"{self.ratio:.4f}, critical {self.critical:.4f}"
        )
        return "\n".join(rows)


def cramer_rao(
    family: FamilyLike,
    at: ArrayLike,
    *,
    n: int,
    replications: int,
    estimator: str | Estimator = "mle",
    seed: int | None = None,
    metric: ArrayLike | None = None,
    level: float = 0.05,
    workers: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> CramerRao:
    """Compare the sampling covariance of an estimator with the Cramér-Rao bound.

    Parameters
    ----------
    family : Family
        Regular, with every constant fixed.
    at : array_like of shape (p,)
        True parameters.
    n : int
        Observations per replication.
    replications : int
        At least 10 (p + 1); a few hundred make the test sharp.
    estimator : "mle" or callable
        A callable takes the data, shape (n,) for one sample variable, else (n, m), and returns p
        numbers. The maximum likelihood is the root that Newton's method reaches from `at`.
    seed : int, optional
        Makes the result reproducible, bit for bit, for every number of workers.
    metric : array_like of shape (p, p), optional
        A claimed Fisher information of one observation, tested in place of the derived one.
    level : float
        Probability that a true bound is called violated.
    workers : int, optional
        Threads; default is the number of processors.
    progress : callable, optional
        Called with (done, replications).

    Returns
    -------
    CramerRao

    Raises
    ------
    InvalidArgument, OutsideDomain
        A bad argument; nothing was drawn yet.
    RegularityError
        The mean score is not zero, so that there is no such bound, or the information is
        singular.
    NoConvergence
        More than 1 % of the maximum likelihood estimates failed, or no sampler resolves the
        density.

    Notes
    -----
    The bound is that of Rao (1945, Bull. Calcutta Math. Soc. 37, 81) and Cramér (1946,
    Mathematical Methods of Statistics, 32.3-32.7), in the form for biased estimators. A smallest
    eigenvalue of the whitened covariance below one is no violation: by chance alone it is below
    one in most runs. The reference distribution is that of
    :mod:`statmani.inference.calibration`. It accounts for the noise of bound and covariance, the
    kurtosis of the score, and the observed inefficiency of the estimator. The test is thus
    applied to the part of the estimator that is linear in the score, itself a statistic that the
    inequality holds for, and an inefficient estimator does not hide a wrong metric. It is
    one-sided: a metric that is too large shows in `efficiency`, not in the verdict.

    Examples
    --------
    >>> import statmani as sm
    >>> record = sm.cramer_rao(sm.families.poisson(), [3.0], n=50, replications=400, seed=1)
    >>> record.verdict
    'consistent'
    >>> bool(abs(record.bound[0, 0] - 3 / 50) < 1e-15)
    True
    """
    what = "cramer_rao"
    declaration = read_declaration(family, what)
    point = read_point(declaration, at, what)
    dim = len(point)
    n = read_count(n, "n", 1, "a replication needs an observation", what)
    replications = read_count(
        replications,
        "replications",
        10 * (dim + 1),
        f"a covariance of {dim} parameter(s) cannot be estimated from so few",
        what,
    )
    estimate = _read_estimator(estimator)
    entropy = read_seed(seed, what)
    if not (isinstance(level, (int, float)) and 0 < level < 1):
        raise InvalidArgument(f"{what}: level must lie between 0 and 1, got {level!r}.")
    count = (
        os.cpu_count() or 1
        if workers is None
        else read_count(workers, "workers", 1, "somebody must do the work", what)
    )
    claimed = None if metric is None else read_information(family, metric, point, what)
    pilot, reference, streams = np.random.SeedSequence(entropy).spawn(3)
    pilot_rng = np.random.Generator(np.random.PCG64(pilot))
    draw = sampler(declaration, tuple(float(v) for v in point))
    kernel, scores = _pilot(declaration, draw, point, n, pilot_rng)
    _require_regular(declaration, scores, point)
    information = n * (read_information(family, None, point, what) if claimed is None else claimed)
    runs = replicate(kernel, draw, point, n, streams, replications, estimate, count, progress)
    failures = int(runs.failed.sum())
    if failures > _FAILED_FRACTION * replications:
        raise NoConvergence(
            f"{what}: the maximum likelihood failed in {failures} of {replications} replications "
            f"of n = {n} (at most {_FAILED_FRACTION:.0%} may): it lies on the boundary or does "
            "not exist for such samples. Raise n, or pass an estimator of your own."
        )
    kept = ~runs.failed
    moments = _moments(declaration, runs.estimates[kept], runs.scores[kept], point, information)
    draws = whitened_covariances(
        fourth_cumulants(scores),
        n,
        int(kept.sum()),
        _REFERENCE_DRAWS,
        np.random.Generator(np.random.PCG64(reference)),
    )
    null = reference_ratios(draws, moments.residual)
    ratio = smallest_ratio(moments.white, moments.residual)
    p_value = (1 + int(np.searchsorted(null, ratio, side="right"))) / (len(null) + 1)
    bound = np.asarray(np.linalg.inv(information), dtype=np.float64)
    sign, log_det = np.linalg.slogdet(moments.covariance)
    log_bound = -float(np.linalg.slogdet(information)[1])
    return CramerRao(
        parameters=tuple(str(declaration.external(s)) for s in declaration.parameters),
        point=point,
        n=n,
        replications=replications,
        failures=failures,
        estimator="mle" if estimate is None else getattr(estimate, "__name__", "callable"),
        bound=bound,
        biased_bound=moments.biased_bound,
        covariance=moments.covariance,
        bias=moments.bias,
        bias_error=np.sqrt(np.diag(moments.covariance) / int(kept.sum())),
        efficiency=float(np.exp((log_bound - log_det) / dim)) if sign > 0 else float("inf"),
        ratio=ratio,
        critical=float(null[max(int(level * (len(null) + 1)) - 1, 0)]),
        p_value=p_value,
        level=float(level),
        verdict="violated" if p_value <= level else "consistent",
        seed=entropy,
    )


def _read_estimator(estimator: object) -> Estimator | None:
    if callable(estimator):
        return estimator
    if estimator == "mle":
        return None
    raise InvalidArgument(
        f"cramer_rao: unknown estimator {estimator!r}. "
        'Use "mle" or a callable that takes the data and returns one number per parameter.'
    )


def _pilot(
    declaration: Declaration, draw: Draw, point: Array, n: int, rng: np.random.Generator
) -> tuple[LikelihoodKernel, Array]:
    """A kernel that keeps its digits at the point, and scores of single observations."""
    data = draw(rng, _PILOT)
    kernel = likelihood_kernel(declaration)
    scores = kernel.evaluate(data[:, None, :], point)[:, 1 : 1 + len(point)]
    if _cancels(declaration, data[:: _PILOT // 16], point, scores, n):
        kernel = likelihood_kernel(declaration, expanded=False)
        scores = kernel.evaluate(data[:, None, :], point)[:, 1 : 1 + len(point)]
    return kernel, scores


def _cancels(declaration: Declaration, data: Array, point: Array, scores: Array, n: int) -> bool:
    """Whether the multiplied-out likelihood is a small difference of large sums at the point."""
    form = likelihood_form(declaration)
    if form.points is not None:
        return False
    values: dict[Any, Any] = {
        s: Float(float(v), 17) for s, v in zip(form.parameters, point, strict=True)
    }
    rows = [dict(zip(form.sample, (Float(float(v), 17) for v in row), strict=True)) for row in data]
    sizes = [
        float(np.mean([abs(float(statistic.xreplace(row))) for row in rows]))
        for statistic in form.statistics
    ]
    spread = np.sqrt(scores.var(axis=0) / n)
    for i, parameter in enumerate(form.parameters):
        size = sum(
            abs(float(c.diff(parameter).xreplace(values))) * t
            for c, t in zip(form.coefficients, sizes, strict=True)
        )
        if not size * np.finfo(float).eps < _LOST_DIGITS * spread[i]:
            return True
    total = sum(
        abs(float(c.xreplace(values))) * t for c, t in zip(form.coefficients, sizes, strict=True)
    )
    return bool(total * np.finfo(float).eps * n > _LOST_DIGITS)


def _require_regular(declaration: Declaration, scores: Array, point: Array) -> None:
    mean = scores.mean(axis=0)
    error = scores.std(axis=0) / np.sqrt(len(scores))
    finite = np.isfinite(mean) & np.isfinite(error)
    bad = ~finite | (np.abs(mean) > _SCORE_DEVIATIONS * error + 1e-12)
    if bad.any():
        i = int(np.argmax(bad))
        name = declaration.external(declaration.parameters[i])
        raise RegularityError(
            f"cramer_rao: the score of {name} has mean {mean[i]:.6g} (standard error "
            f"{error[i]:.2g}) instead of 0 at {tuple(float(v) for v in point)}, so the family is "
            "not regular there and the bound does not hold. A support that depends on the "
            "parameter is the usual cause; fix that parameter."
        )


@final
@dataclass(frozen=True)
class _Moments:
    bias: Array
    covariance: Array
    biased_bound: Array
    white: Array
    residual: Array


def _moments(
    declaration: Declaration, estimates: Array, scores: Array, point: Array, information: Array
) -> _Moments:
    deviations = estimates - point
    for i, axis in enumerate(declaration.domain.axes):
        if axis.periodic:
            deviations[:, i] = np.mod(deviations[:, i] + np.pi, 2 * np.pi) - np.pi
    bias = deviations.mean(axis=0)
    centred = deviations - bias
    centred_scores = scores - scores.mean(axis=0)
    degrees = len(estimates) - 1
    covariance = centred.T @ centred / degrees
    root = np.linalg.cholesky(information)
    white_scores = np.linalg.solve(root, centred_scores.T).T
    white = white_scores.T @ white_scores / degrees
    cross = centred.T @ white_scores / degrees
    slope = np.linalg.solve(white, cross.T).T
    rest = centred - white_scores @ slope.T
    constant = np.diag(covariance) <= 1e-28 * np.square(estimates).mean(axis=0)
    if constant.any():
        name = declaration.external(declaration.parameters[int(np.argmax(constant))])
        raise InvalidArgument(
            f"cramer_rao: the estimate of {name} is the same number in every replication, so it "
            "has no variance to compare with a bound. Return an estimate that uses the data, or "
            "fix the parameter with family.fix."
        )
    if np.linalg.cond(slope / np.linalg.norm(slope, axis=1, keepdims=True)) > 1e10:
        raise InvalidArgument(
            "cramer_rao: the estimates of the parameters are a function of each other or do not "
            "depend on the data, so their covariance has no inverse. "
            "Return one estimate per parameter."
        )
    back = np.linalg.solve(slope, rest.T).T
    return _Moments(bias, covariance, cross @ cross.T, white, np.asarray(back.T @ back / degrees))
