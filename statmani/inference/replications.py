"""Replicated estimates: chunks of samples, drawn and estimated in threads.

The chunks and their random streams depend on the numbers of replications and observations only,
so the result is the same, bit for bit, for every number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from statmani.declaration import Declaration
from statmani.errors import InvalidArgument
from statmani.inference.likelihood_kernel import LikelihoodKernel
from statmani.inference.sampling import Draw, is_integer

__all__ = ["Replications", "replicate"]

Array = NDArray[np.float64]
Estimator = Callable[[NDArray[Any]], Any]

_VALUES_PER_CHUNK = 2**16


@final
@dataclass(frozen=True)
class Replications:
    """Estimates and total scores of replicated samples.

    Attributes
    ----------
    estimates, scores : array of shape (R, n)
    failed : bool array of shape (R,)
        Where the maximum likelihood did not converge.
    """

    estimates: Array
    scores: Array
    failed: NDArray[np.bool_]


def replicate(
    kernel: LikelihoodKernel,
    draw: Draw,
    point: Array,
    n: int,
    streams: np.random.SeedSequence,
    replications: int,
    estimator: Estimator | None,
    workers: int,
    progress: Callable[[int, int], object] | None,
) -> Replications:
    """Draw and estimate `replications` samples of `n` observations.

    Parameters
    ----------
    kernel : LikelihoodKernel
    draw : callable
        From :func:`statmani.inference.sampling.sampler`.
    point : array
        The true parameters; the maximum likelihood starts there.
    n, replications : int
    streams : numpy.random.SeedSequence
        One child is spawned for each chunk.
    estimator : callable or None
        None for maximum likelihood. A callable runs in the calling thread.
    workers : int
        Number of threads.
    progress : callable or None
        Called with (done, replications) after each chunk.
    """
    dimension = len(kernel.declaration.variables)
    chunk = min(max(_VALUES_PER_CHUNK // (n * dimension), 1), -(-replications // 4))
    starts = range(0, replications, chunk)
    start = kernel.unconstrained(point)
    jobs = [
        (first, min(chunk, replications - first), stream)
        for first, stream in zip(starts, streams.spawn(len(starts)), strict=True)
    ]

    def run(job: tuple[int, int, np.random.SeedSequence]) -> Replications:
        first, count, stream = job
        rng = np.random.Generator(np.random.PCG64(stream))
        data = draw(rng, count * n).reshape(count, n, dimension)
        scores = kernel.evaluate(data, point)[:, 1 : 1 + len(point)]
        if estimator is None:
            estimates, _, status = kernel.maximise(data, start)
            return Replications(estimates, scores, status != 0)
        given = _estimate(estimator, kernel.declaration, data, first, len(point))
        return Replications(given, scores, np.zeros(count, dtype=np.bool_))

    done: list[Replications] = []
    finished = 0

    def collect(results: Iterable[Replications]) -> None:
        nonlocal finished
        for result in results:
            done.append(result)
            finished += len(result.failed)
            if progress is not None:
                progress(finished, replications)

    if workers == 1 or estimator is not None:
        collect(map(run, jobs))
    else:
        pool = ThreadPoolExecutor(min(workers, len(jobs)))
        try:
            collect(pool.map(run, jobs))
        finally:
            pool.shutdown(cancel_futures=True)
    return Replications(
        np.concatenate([r.estimates for r in done]),
        np.concatenate([r.scores for r in done]),
        np.concatenate([r.failed for r in done]),
    )


def _estimate(
    estimator: Estimator, declaration: Declaration, data: Array, first: int, n_parameters: int
) -> Array:
    shown = data.astype(np.int64) if is_integer(declaration) else data
    if data.shape[2] == 1:
        shown = shown[:, :, 0]
    estimates = np.empty((len(data), n_parameters))
    for r, sample in enumerate(shown):
        value = estimator(sample)
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise InvalidArgument(
                f"cramer_rao: the estimator returned {value!r} for replication {first + r}; "
                f"it must return {n_parameters} real number(s)."
            ) from None
        if array.shape != (n_parameters,) and not (n_parameters == 1 and array.shape == ()):
            raise InvalidArgument(
                f"cramer_rao: the estimator returned shape {array.shape} for replication "
                f"{first + r}; it must return shape ({n_parameters},), one number per parameter."
            )
        if not np.isfinite(array).all():
            raise InvalidArgument(
                f"cramer_rao: the estimator returned {array.tolist()} for replication "
                f"{first + r}, not finite numbers. Make it defined for every sample, or raise n."
            )
        estimates[r] = array
    return estimates
