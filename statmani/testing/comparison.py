"""The record of a comparison of an implementation with statmani."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Comparison"]

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Comparison:
    """How an implementation compares with statmani.

    Attributes
    ----------
    what : str
        The quantity.
    status : {"agrees", "differs", "undecided"}
        *Undecided*: statmani has no value at any of the points.
    error : float
        The worst relative error; infinite for a value that is not finite.
    tolerance : float
        The largest error that agrees.
    point : tuple of float
        Where it is worst; for a distance, both points one after the other.
    index : tuple of int
        The component; empty for numbers.
    theirs, ours : ndarray or float
        Both values at `point`.
    points : int
        How many points were compared.
    skipped : int
        How many points were left out, since statmani has no value there.
    """

    what: str
    status: Literal["agrees", "differs", "undecided"]
    error: float
    tolerance: float
    point: tuple[float, ...]
    index: tuple[int, ...]
    theirs: Floats | float
    ours: Floats | float
    points: int
    skipped: int

    @property
    def agrees(self) -> bool:
        """Whether the worst error is within the tolerance."""
        return self.status == "agrees"

    def __bool__(self) -> bool:
        return self.agrees

    def __str__(self) -> str:
        places = f"{self.points} point" + "s" * (self.points != 1)
        skipped = f", {self.skipped} without a value left out" if self.skipped else ""
        head = f"{self.what}: {self.status} at {places}{skipped}"
        if self.status == "undecided":
            return head
        place = ", ".join(f"{v:.6g}" for v in self.point)
        lines = [f"{head}; worst relative error {self.error:.2g} at ({place})"]
        if self.status == "differs":
            if self.index:
                theirs, ours = (
                    np.asarray(self.theirs)[self.index],
                    np.asarray(self.ours)[self.index],
                )
                lines.append(f"  component {list(self.index)}: {theirs:.12g} is not {ours:.12g}")
            for name, value in (("theirs", self.theirs), ("statmani", self.ours)):
                text = np.array2string(np.asarray(value), precision=12, prefix=" " * 12)
                lines.append(f"  {name + ':':10}{text}")
        return "\n".join(lines)

    __repr__ = __str__
