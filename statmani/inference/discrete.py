"""Samplers of discrete distributions: tables, and a continuous tail for those without end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from statmani.errors import NoConvergence
from statmani.inference.inversion import Inversion, invert

__all__ = ["countable_table", "finite_table"]

Array = NDArray[np.float64]
LogMass = Callable[[Array], Array]
Draw = Callable[[np.random.Generator, int], Array]

_LARGEST = 2**17
_DROP = 50.0


def finite_table(points: Array, log_mass: LogMass, theta: tuple[float, ...], name: str) -> Draw:
    """Sampler of finitely many points.

    Parameters
    ----------
    points : array of shape (K, m)
    log_mass : callable
        Logarithm of the probabilities of points of shape (K, m).
    theta, name
        For messages.

    Raises
    ------
    NoConvergence
        The probabilities do not sum to one.

    Examples
    --------
    >>> import numpy as np
    >>> from statmani.inference.discrete import finite_table
    >>> draw = finite_table(np.array([[0.0], [1.0]]), lambda x: np.log([0.5, 0.5]), (), "coin")
    >>> draw(np.random.default_rng(1), 5).shape
    (5, 1)
    """
    mass = _masses(log_mass, points)
    _check(float(mass.sum()), theta, name)
    cumulative = np.cumsum(mass)
    cumulative /= cumulative[-1]

    def draw(rng: np.random.Generator, count: int) -> Array:
        index = np.searchsorted(cumulative, rng.random(count), side="right")
        return np.asarray(points[index])

    return draw


def _masses(log_mass: LogMass, points: Array) -> Array:
    with np.errstate(all="ignore"):
        mass = np.exp(log_mass(points))
    return np.where(np.isnan(mass), 0.0, mass)


def _check(total: float, theta: tuple[float, ...], name: str) -> None:
    if not abs(total - 1.0) < 1e-9:
        raise NoConvergence(
            f"sample: the probabilities of {name} sum to {total:.12g} instead of 1 at "
            f"theta = {theta}. Check the declared support."
        )


def countable_table(
    log_mass: LogMass, lower: float, upper: float, theta: tuple[float, ...], name: str
) -> Draw:
    """Sampler of integers between two bounds, one or both infinite.

    The table holds the integers around the mode until the probabilities drop below exp(-50) of
    the largest. Where they decay too slowly for that, the rest is drawn from the continuous
    density through the same formula, rounded: with more than 1e5 integers in the table the two
    differ by about 1e-10 of the small tail. Either way the total must be one.

    Parameters
    ----------
    log_mass : callable
        Logarithm of the probabilities of points of shape (K, 1).
    lower, upper : float
        Inclusive bounds.
    theta, name
        For messages.

    Raises
    ------
    NoConvergence
        The probabilities do not sum to one.

    Examples
    --------
    >>> import numpy as np
    >>> from statmani.inference.discrete import countable_table
    >>> draw = countable_table(lambda k: -(k[:, 0] + 1) * np.log(2), 0, np.inf, (), "geometric")
    >>> bool(abs(draw(np.random.default_rng(1), 10000).mean() - 1) < 0.05)
    True
    """

    def value(k: Array) -> Array:
        with np.errstate(all="ignore"):
            result = log_mass(k[:, None])
        return np.where(np.isnan(result), -np.inf, result)

    mode = _mode(value, lower, upper)
    top = float(value(np.array([mode]))[0])
    first = _end(value, mode, lower, -1.0, top)
    last = _end(value, mode, upper, 1.0, top)
    points = np.arange(first, last + 1.0)
    mass = np.exp(value(points))
    tails = []
    for end, bound, sign in ((first, lower, -1.0), (last, upper, 1.0)):
        if end != bound and abs(end - mode) >= _LARGEST:
            tails.append((_tail(value, end + 0.5 * sign, sign, name), end, sign))
    parts = [float(mass.sum()), *(table.mass for (table, _, _) in tails)]
    _check(sum(parts), theta, name)
    cumulative = np.cumsum(mass) / sum(parts)
    if not tails:
        cumulative /= cumulative[-1]
    shares = np.cumsum(np.array(parts) / sum(parts))

    def draw(rng: np.random.Generator, count: int) -> Array:
        uniform = rng.random(count)
        index = np.searchsorted(cumulative, uniform, side="right")
        result = points[np.minimum(index, len(points) - 1)]
        for number, (table, end, sign) in enumerate(tails):
            chosen = uniform >= shares[number]
            if number + 1 < len(tails):
                chosen &= uniform < shares[number + 1]
            within = (uniform[chosen] - shares[number]) / (shares[number + 1] - shares[number])
            far = np.rint(table(np.clip(within, 0.0, np.nextafter(1.0, 0.0))))
            result[chosen] = np.maximum(far * sign, (end + sign) * sign) * sign
        return np.asarray(result[:, None])

    return draw


def _mode(value: LogMass, lower: float, upper: float) -> float:
    steps = np.concatenate([np.arange(64.0), np.unique(np.rint(2.0 ** np.arange(6.0, 50.0, 0.25)))])
    if np.isfinite(lower):
        grid = lower + steps
    elif np.isfinite(upper):
        grid = upper - steps[::-1]
    else:
        grid = np.concatenate([-steps[:0:-1], steps])
    grid = grid[(grid >= lower) & (grid <= upper)]
    while True:
        values = value(grid)
        index = int(np.argmax(values))
        low, high = grid[max(index - 1, 0)], grid[min(index + 1, len(grid) - 1)]
        if high - low <= 2.0:
            return float(grid[index])
        grid = np.unique(np.rint(np.linspace(low, high, 65)))


def _end(value: LogMass, mode: float, bound: float, sign: float, top: float) -> float:
    """The farthest integer kept in the table on one side."""
    if abs(bound - mode) <= 64:
        return bound
    near, far = 0.0, 64.0
    while far < _LARGEST and value(np.array([mode + sign * far]))[0] > top - _DROP:
        near, far = far, 2.0 * far
    if far >= _LARGEST and value(np.array([mode + sign * far]))[0] > top - _DROP:
        end = mode + sign * _LARGEST
    else:
        while far - near > 1.0:
            middle = np.floor(0.5 * (near + far))
            inside = value(np.array([mode + sign * middle]))[0] > top - _DROP
            near, far = (middle, far) if inside else (near, middle)
        end = mode + sign * far
    return float(min(end, bound) if sign > 0 else max(end, bound))


def _tail(value: LogMass, start: float, sign: float, name: str) -> Inversion:
    if sign > 0:
        return invert(lambda w: value(start + w), value, start, np.inf, name)
    return invert(value, lambda w: value(start - w), -np.inf, start, name)
