"""Markov embeddings of simplices, which single out g and T (Chentsov 1972)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement
from typing import Any

import sympy as sp

from statmani.domain import Axis, Domain
from statmani.errors import InvalidArgument
from statmani.geometry.manifold import StatisticalManifold
from statmani.laws import charted
from statmani.laws.checking import clock_for, on
from statmani.laws.record import Report

__all__ = ["markov_embedding"]

_REMEDY = (
    "Give rows of probabilities that sum to 1, with exactly one entry that is not 0 in each column."
)
Form = Callable[[Sequence[sp.Symbol]], Any]


def markov_embedding(
    matrix: Any,
    *,
    metric: Form | None = None,
    skewness: Form | None = None,
    effort: float = 1.0,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Check that a Markov embedding of one simplex into another pulls g and T back.

    The embedding sends probabilities p of n cells to ``q = p Q`` of m >= n cells: each cell is
    split in fixed proportions.

    Parameters
    ----------
    matrix : nested sequences or Matrix, shape (n, m)
        Q, with rows that sum to one and one entry that is not zero in each column.
    metric : callable, optional
        From the tuple of m cell probabilities to an m x m matrix, the metric on the simplex that is
        claimed to be invariant; default the Fisher metric diag(1/p).
    skewness : callable, optional
        From the tuple of cell probabilities to an m x m x m array. Default: 1/p^2 on the diagonal,
        when `metric` is left out; else it is not checked.
    effort, progress
        As in :func:`statmani.laws.check`.

    Returns
    -------
    Report
        Laws "metric" and, where it is checked, "skewness".

    Raises
    ------
    InvalidArgument
        A matrix that is no Markov embedding, or a form of the wrong shape.

    Notes
    -----
    Chentsov (1972): up to factors only the Fisher metric and the tensor T are invariant under all
    Markov embeddings; Campbell (1986) for the cone. The witness of a law that is violated is a
    point of the smaller simplex.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> Q = [[sp.Rational(1, 3), sp.Rational(2, 3), 0], [0, 0, 1]]
    >>> [law.status for law in sm.laws.markov_embedding(Q)]
    ['proved', 'proved']
    >>> sm.laws.markov_embedding(Q, metric=lambda p: sp.eye(len(p)))["metric"].status
    'violated'
    """
    clock = clock_for(effort, progress)
    rows = _read(matrix)
    n, m = len(rows), len(rows[0])
    both = metric is None or skewness is not None
    small, large = (_simplex(size, metric, skewness) for size in (n, m))
    p = [*small.coordinates, 1 - sp.Add(*small.coordinates)]
    images = [sp.Add(*(p[i] * rows[i][j] for i in range(n))) for j in range(m)]
    mapping = dict(zip(large.coordinates, images, strict=False))
    pair = charted.Charted(large, small, mapping)
    laws = charted.TENSOR_LAWS if both else charted.TENSOR_LAWS[:1]
    return Report(
        f"the Markov embedding of {n} into {m} cells", tuple(on(pair, law, clock) for law in laws)
    )


def _read(matrix: Any) -> list[list[sp.Expr]]:
    entries = matrix.tolist() if hasattr(matrix, "tolist") else matrix
    try:
        rows = [[sp.nsimplify(e, rational=True) for e in row] for row in entries]
    except (TypeError, ValueError, sp.SympifyError):
        rows = []
    if len(rows) < 2 or len({len(row) for row in rows}) != 1:
        raise InvalidArgument(
            f"markov_embedding: matrix must have at least 2 rows of equal length, got {matrix!r}. "
            f"{_REMEDY}"
        )
    for i, row in enumerate(rows):
        for j, entry in enumerate(row):
            if entry.is_nonnegative is not True:
                raise InvalidArgument(
                    f"markov_embedding: matrix[{i}][{j}] = {entry} is no probability. {_REMEDY}"
                )
        total = sp.cancel(sp.Add(*row))
        if total != 1:
            raise InvalidArgument(
                f"markov_embedding: row {i} of matrix sums to {total}, not 1. {_REMEDY}"
            )
    for j, column in enumerate(zip(*rows, strict=True)):
        present = sum(1 for entry in column if entry != 0)
        if present != 1:
            raise InvalidArgument(
                f"markov_embedding: column {j} of matrix has {present} entries that are not 0. "
                f"{_REMEDY}"
            )
    return rows


def _simplex(n: int, metric: Form | None, skewness: Form | None) -> StatisticalManifold:
    """The open simplex of n cells with the coordinates p_1 ... p_(n-1)."""
    coordinates = tuple(sp.Symbol(f"p{k + 1}", positive=True) for k in range(n - 1))
    room = sp.S.One
    axes = []
    for symbol in coordinates:
        axes.append(Axis(symbol, sp.S.Zero, room))
        room = room - symbol
    p = (*coordinates, room)
    g = _fisher(p) if metric is None else _form(metric(p), n, 2, "metric")
    indices = range(n - 1)
    entries = [[_pulled(g, (i, j), n) for j in indices] for i in indices]
    t: dict[tuple[int, ...], sp.Expr] | None = None
    if skewness is not None or metric is None:
        cubic = _cubic(p) if skewness is None else _form(skewness(p), n, 3, "skewness")
        t = {index: _pulled(cubic, index, n) for index in combinations_with_replacement(indices, 3)}
    return StatisticalManifold(Domain(tuple(axes)), entries, t)


def _fisher(p: Sequence[sp.Expr]) -> dict[tuple[int, ...], sp.Expr]:
    return {(k, k): 1 / value for k, value in enumerate(p)}


def _cubic(p: Sequence[sp.Expr]) -> dict[tuple[int, ...], sp.Expr]:
    return {(k, k, k): 1 / value**2 for k, value in enumerate(p)}


def _form(value: Any, n: int, rank: int, what: str) -> dict[tuple[int, ...], sp.Expr]:
    array = sp.Array(value)
    if array.shape != (n,) * rank:
        raise InvalidArgument(
            f"markov_embedding: {what} gave an array of shape {array.shape} for {n} cells. "
            f"Return shape {(n,) * rank}."
        )
    found: dict[tuple[int, ...], sp.Expr] = {}
    for place in range(n**rank):
        index = tuple((place // n**k) % n for k in reversed(range(rank)))
        if array[index] != 0:
            found[index] = array[index]
    return found


def _pulled(form: dict[tuple[int, ...], sp.Expr], directions: tuple[int, ...], n: int) -> sp.Expr:
    """A form on the tangent vectors d_i - d_n."""
    total: sp.Expr = sp.S.Zero
    for index, value in form.items():
        sign = 1
        for direction, place in zip(directions, index, strict=True):
            sign *= 1 if place == direction else -1 if place == n - 1 else 0
        total += sign * value
    return total
