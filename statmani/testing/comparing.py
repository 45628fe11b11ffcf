"""Functions that test somebody else's implementation against statmani."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any, Literal, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from statmani.errors import InvalidArgument, NoConvergence
from statmani.geometry.manifold import StatisticalManifold, as_manifold
from statmani.numerics.distance import distance
from statmani.numerics.evaluate import evaluate
from statmani.testing.comparison import Comparison
from statmani.testing.places import default_points

__all__ = [
    "check_christoffel",
    "check_distance",
    "check_metric",
    "check_scalar_curvature",
]

Floats = NDArray[np.float64]
Theirs = Callable[[Floats], ArrayLike]
# A component that is this much smaller than its natural scale is measured by that scale.
_NEGLIGIBLE = 1e-6


def check_metric(
    implementation: Theirs,
    family: Any,
    *,
    points: ArrayLike | None = None,
    rtol: float = 1e-8,
) -> Comparison:
    """Compare an implementation of the Fisher metric with statmani's.

    Parameters
    ----------
    implementation : callable
        theta, an array of shape (n,), -> g_ij, shape (n, n).
    family : Family or StatisticalManifold
        Its coordinates in order are theta.
    points : array_like, shape (m, n), optional
        Where to compare; default :func:`default_points`, moderate and extreme ones.
    rtol : float
        The largest relative error that agrees.

    Returns
    -------
    Comparison
        A component's error is relative to the component, or to a millionth of its natural scale
        sqrt(g_ii g_jj) where that is larger.

    Raises
    ------
    InvalidArgument
        A result of another shape, or arguments that are not what they should be.
    OutsideDomain
        One of `points` is not strictly inside the domain.

    Notes
    -----
    Exceptions of the implementation pass through with the point in their notes.

    Examples
    --------
    >>> import numpy as np, statmani as sm
    >>> from statmani.testing import check_metric
    >>> check_metric(lambda theta: np.diag([1, 1]) / theta[1]**2, sm.families.normal(),
    ...              points=[[0, 2]])
    metric: differs at 1 point; worst relative error 0.5 at (0, 2)
      component [1, 1]: 0.25 is not 0.5
      theirs:   [[0.25 0.  ]
                 [0.   0.25]]
      statmani: [[0.25 0.  ]
                 [0.   0.5 ]]
    """
    return _compare_tensor("metric", implementation, family, points, rtol, 0.0)


def check_christoffel(
    implementation: Theirs,
    family: Any,
    alpha: float = 0,
    *,
    kind: Literal["first", "second"] = "second",
    points: ArrayLike | None = None,
    rtol: float = 1e-8,
) -> Comparison:
    """Compare an implementation of Christoffel symbols with statmani's.

    Parameters
    ----------
    implementation : callable
        theta -> Gamma^k_ij as [k, i, j] for the second kind, Gamma_{ij,k} as [i, j, k] for the
        first, shape (n, n, n).
    family : Family or StatisticalManifold
    alpha : float
        The alpha-connection; 0 is Levi-Civita.
    kind : {"second", "first"}
    points, rtol
        As in :func:`check_metric`.

    Returns
    -------
    Comparison

    Raises
    ------
    InvalidArgument, OutsideDomain
        As in :func:`check_metric`; an unknown kind.

    Examples
    --------
    >>> import numpy as np, statmani as sm
    >>> from statmani.testing import check_christoffel
    >>> check_christoffel(lambda theta: [[[-1 / (2 * theta[0])]]], sm.families.poisson()).points
    10
    """
    if kind not in ("first", "second"):
        raise InvalidArgument(
            f"check_christoffel: kind {kind!r} is unknown. Choose 'second' for Gamma^k_ij or "
            "'first' for Gamma_{ij,k}."
        )
    quantity = "christoffel" if kind == "second" else "christoffel_first"
    return _compare_tensor(quantity, implementation, family, points, rtol, alpha)


def check_scalar_curvature(
    implementation: Callable[[Floats], float],
    family: Any,
    alpha: float = 0,
    *,
    points: ArrayLike | None = None,
    rtol: float = 1e-8,
) -> Comparison:
    """Compare an implementation of the scalar curvature with statmani's.

    Parameters
    ----------
    implementation : callable
        theta -> the sum of Ricci over an orthonormal frame, n (n - 1) K at constant curvature K.
    family, alpha, points, rtol
        As in :func:`check_christoffel`.

    Returns
    -------
    Comparison

    Raises
    ------
    InvalidArgument, OutsideDomain
        As in :func:`check_metric`.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.testing import check_scalar_curvature
    >>> check_scalar_curvature(lambda theta: -1, sm.families.normal()).agrees
    True
    """
    return _compare_tensor("scalar_curvature", implementation, family, points, rtol, alpha)


def check_distance(
    implementation: Callable[[Floats, Floats], float],
    family: Any,
    *,
    pairs: ArrayLike | None = None,
    rtol: float = 1e-6,
) -> Comparison:
    """Compare an implementation of the Fisher-Rao distance with statmani's.

    Parameters
    ----------
    implementation : callable
        (p, q) -> d, p and q of shape (n,).
    family : Family or StatisticalManifold
    pairs : array_like, shape (m, 2, n), optional
        Which pairs to compare; by default moderate ones, near ones (separation 1e-6) and ones
        with an end that is extreme.
    rtol : float
        The largest relative error that agrees.

    Returns
    -------
    Comparison

    Raises
    ------
    InvalidArgument, OutsideDomain
        As in :func:`check_metric`.

    Examples
    --------
    >>> import numpy as np, statmani as sm
    >>> from statmani.testing import check_distance
    >>> check_distance(lambda p, q: 2 * abs(np.sqrt(p[0]) - np.sqrt(q[0])),
    ...                sm.families.poisson(), pairs=[[[1], [4]]])
    distance: agrees at 1 point; worst relative error 0 at (1, 4)
    """
    manifold = _readable(implementation, family, rtol, "check_distance")
    if pairs is None:
        chosen = list(_default_pairs(manifold))
    else:
        array = manifold.domain.require(pairs, "check_distance: pairs")
        if array.ndim != 3 or array.shape[1] != 2:
            raise InvalidArgument(
                f"check_distance: pairs must have shape (m, 2, {manifold.dim}), got {array.shape}. "
                "Pass a list of pairs of points."
            )
        chosen = [(p, q) for p, q in array]
    rows: list[_Row] = []
    for p, q in chosen:
        try:
            ours = float(distance(manifold, p, q))
        except NoConvergence:
            continue
        theirs = _called(implementation, (p, q), (), "check_distance")
        error = _relative(theirs, np.asarray(ours), np.asarray(abs(ours)))
        rows.append(
            _Row(float(error), (*map(float, p), *map(float, q)), (), theirs, np.asarray(ours))
        )
    return _verdict("distance", rows, len(chosen), rtol)


def _default_pairs(manifold: StatisticalManifold) -> Iterator[tuple[Floats, Floats]]:
    chosen = default_points(manifold)
    moderate, extreme = chosen[:6], chosen[6:]
    for k, p in enumerate(moderate):
        yield p, moderate[(k + 1) % len(moderate)]
    for p in moderate[:2]:
        near = p * (1 + 1e-6)
        if bool(manifold.domain.contains(near)):
            yield p, near
    for q in extreme:
        yield moderate[0], q


@final
@dataclass(frozen=True, eq=False)
class _Row:
    error: float
    point: tuple[float, ...]
    index: tuple[int, ...]
    theirs: Floats
    ours: Floats


def _readable(implementation: object, family: Any, rtol: object, where: str) -> StatisticalManifold:
    if not callable(implementation):
        raise InvalidArgument(
            f"{where}: implementation must be callable, got {implementation!r}. Pass a function "
            "of the coordinates."
        )
    number = isinstance(rtol, int | float) and not isinstance(rtol, bool)
    if not number or not 0 < rtol < inf:  # type: ignore[operator]
        raise InvalidArgument(f"{where}: rtol must be a positive number, got {rtol!r}.")
    return as_manifold(family)


def _compare_tensor(
    quantity: str,
    implementation: Callable[[Floats], ArrayLike],
    family: Any,
    points: ArrayLike | None,
    rtol: float,
    alpha: float,
) -> Comparison:
    where = "check_" + quantity.partition("_first")[0]
    manifold = _readable(implementation, family, rtol, where)
    n = manifold.dim
    if points is None:
        array = default_points(manifold)
    else:
        array = manifold.domain.require(points, f"{where}: points").reshape(-1, n)
    rows: list[_Row] = []
    for theta in array:
        try:
            ours = np.asarray(evaluate(manifold, quantity, theta, alpha=alpha), dtype=np.float64)
            g = ours if quantity == "metric" else evaluate(manifold, "metric", theta)
        except NoConvergence:
            continue
        theirs = _called(implementation, (theta,), ours.shape, where)
        errors = _relative(theirs, ours, _natural(quantity, np.asarray(g)))
        index = tuple(int(k) for k in np.unravel_index(int(np.argmax(errors)), errors.shape))
        rows.append(_Row(float(errors[index]), tuple(map(float, theta)), index, theirs, ours))
    return _verdict(quantity.replace("_", " "), rows, len(array), rtol)


def _natural(quantity: str, g: Floats) -> Floats:
    """Sizes of components in an orthonormal frame of size one."""
    size = np.sqrt(np.abs(np.diagonal(g)))
    if quantity == "metric":
        return np.multiply.outer(size, size)
    if quantity == "scalar_curvature":
        return np.zeros(())
    square = np.multiply.outer(size, size)
    if quantity == "christoffel":
        return np.multiply.outer(1 / size, square)
    return np.multiply.outer(square, size)


def _called(
    implementation: Callable[..., Any],
    arguments: Iterable[Floats],
    shape: tuple[int, ...],
    where: str,
) -> Floats:
    places = [np.array(a) for a in arguments]
    text = " and ".join(str(tuple(map(float, a))) for a in places)
    try:
        value = np.asarray(implementation(*places), dtype=np.float64)
    except Exception as error:
        error.add_note(f"{where}: the implementation was called at {text}")
        raise
    if value.shape != shape:
        raise InvalidArgument(
            f"{where}: the implementation returned shape {value.shape} at {text}, expected "
            f"{shape}. Wrap it in a function that reorders or reshapes its result."
        )
    return value


def _relative(theirs: Floats, ours: Floats, natural: Floats) -> Floats:
    scale = np.maximum(np.abs(ours), _NEGLIGIBLE * natural)
    with np.errstate(all="ignore"):
        difference = np.abs(theirs - ours)
        error = np.where(difference == 0, 0.0, difference / scale)
    return np.where(np.isfinite(error), error, inf)


def _verdict(what: str, rows: list[_Row], count: int, rtol: float) -> Comparison:
    if not rows:
        empty = np.full((), np.nan)
        return Comparison(what, "undecided", np.nan, rtol, (), (), empty, empty, 0, count)
    worst = max(rows, key=lambda row: row.error)
    status: Literal["agrees", "differs"] = "agrees" if worst.error <= rtol else "differs"
    theirs, ours = (v if v.ndim else float(v) for v in (worst.theirs, worst.ours))
    return Comparison(
        what, status, worst.error, rtol, worst.point, worst.index, theirs, ours, len(rows),
        count - len(rows),
    )  # fmt: skip
