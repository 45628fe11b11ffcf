"""Pictures of geodesics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from statmani.errors import InvalidArgument

if TYPE_CHECKING:
    from statmani.numerics.geodesic import Geodesic

__all__ = ["draw"]

_TIMES = 201


def draw(path: Geodesic, coordinates: Any, axes: Any) -> Any:
    """What :meth:`statmani.numerics.geodesic.Geodesic.plot` does."""
    names = [str(symbol) for symbol in path.coordinates]
    chosen = (0, 1) if coordinates is None else tuple(coordinates)
    if len(names) == 1:
        chosen = (0,)
    elif len(chosen) != 2 or not all(k in range(len(names)) for k in chosen):
        raise InvalidArgument(
            f"coordinates must be two numbers from 0 to {len(names) - 1}, got {coordinates!r}. "
            "They say which coordinates are drawn against each other."
        )
    if axes is None:
        try:
            from matplotlib import pyplot
        except ModuleNotFoundError:
            raise InvalidArgument(
                "plot needs matplotlib, which is not installed. "
                "Install it with: pip install 'statmani[plot]'"
            ) from None
        axes = pyplot.figure(layout="constrained").add_subplot()
    ends = np.ravel(path.end_time)
    for k, end in enumerate(ends):
        if not np.isfinite(end):
            continue
        times = np.linspace(0.0, end, _TIMES)
        points = path(times).reshape(-1, _TIMES, len(names))
        rows = points[k if len(ends) > 1 else 0]
        x, y = (times, rows[:, 0]) if len(chosen) == 1 else (rows[:, chosen[0]], rows[:, chosen[1]])
        (line,) = axes.plot(x, y)
        axes.plot(x[:1], y[:1], "o", color=line.get_color())
        if np.ravel(path.status)[k] == "boundary":
            axes.plot(x[-1:], y[-1:], "x", color=line.get_color())
    labels = ("t", names[0]) if len(chosen) == 1 else (names[chosen[0]], names[chosen[1]])
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    return axes
