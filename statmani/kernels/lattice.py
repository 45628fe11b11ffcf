"""Sums of many functions of one discrete variable over the same places.

Plain Python in the subset that numba compiles; conventions as in
:mod:`statmani.kernels.quadrature`. A sum over one infinite or long range is cut into blocks whose
lengths double away from the mode; smooth blocks cost sixteen places each, by Gauss quadrature for
the uniform measure on integers, whose polynomials are those of Gram (Szego 1939, section 2.8).
"""

import math
from collections.abc import Callable

import numpy as np

from statmani.kernels.quadrature import Nodes, Table, Vector, accumulate

__all__ = ["add_series", "gram_rule"]

Support = Callable[[int, Vector, Vector, Vector], None]

_DIRECT = 64
_MOST_TERMS = 1 << 21
_OCTAVES = 60


def gram_rule(size: float, places: Vector, weights: Vector) -> None:
    """Gauss rule for the sum over 0, 1, ..., size - 1, exact to degree 2 n - 1.

    Needs size >= 4 n.
    """
    n = places.shape[0]
    half = 0.5 * size
    for i in range(n):
        x = math.cos(math.pi * (i + 0.75) / (n + 0.5))
        total = 1.0
        for _ in range(7):
            before, value = 0.0, 1.0
            slope_before, slope = 0.0, 0.0
            norm, total = 1.0, 1.0
            for k in range(n):
                b = 0.0
                if k > 0:
                    b = k * k * (1.0 - (k / size) ** 2) / (4.0 * k * k - 1.0)
                    norm *= b
                    total += value * value / norm
                new = x * value - b * before
                new_slope = value + x * slope - b * slope_before
                before, value = value, new
                slope_before, slope = slope, new_slope
            x -= value / slope
        places[i] = 0.5 * (size - 1.0) + half * x
        # The Christoffel number: a sum of squares, without cancellation.
        weights[i] = 1.0 / total
    total = 0.0
    for i in range(n):
        total += weights[i]
    for i in range(n):
        weights[i] *= size / total


def add_places(
    nodes: Nodes, start: float, places: Vector, weights: Vector, place: Vector, tree: Table,
    product: Vector, sums: Vector, sizes: Vector, aux: Vector, f: Vector,
) -> bool:  # fmt: skip
    """Add places of a rule; False when a value there is no number."""
    for i in range(places.shape[0]):
        place[0] = start + places[i]
        value = nodes(0, place, aux, f, True)
        if value != value or value > 1e300:
            return False
        if value > -744.0 and not accumulate(
            weights[i] * math.exp(value), f, tree, product, sums, sizes
        ):
            return False
    return True


def add_direct(
    nodes: Nodes, start: float, length: float, place: Vector, tree: Table, product: Vector,
    sums: Vector, sizes: Vector, aux: Vector, f: Vector,
) -> float:  # fmt: skip
    """Add terms one by one; return the mass of those without values."""
    lost = 0.0
    for i in range(int(length)):
        place[0] = start + i
        value = nodes(0, place, aux, f, True)
        if value > -744.0 and value < 1e300:
            weight = math.exp(value)
            if not accumulate(weight, f, tree, product, sums, sizes):
                lost += weight
    return lost


def top_of_series(
    nodes: Nodes, low: float, high: float, place: Vector, aux: Vector, f: Vector
) -> float:
    """An integer where log p is large, by searches on grids that grow and then shrink."""
    start = low if low > -np.inf else high if high < np.inf else 0.0
    centre, best, width = start, -np.inf, 1.0
    for power in range(-1, 62):
        for sign in (-1.0, 1.0):
            x = start + (sign * 2.0**power if power >= 0 else 0.0)
            if low <= x <= high:
                place[0] = x
                value = nodes(0, place, aux, f, False)
                if value > best and value < 1e300:
                    best, centre, width = value, x, 2.0**power
    while width >= 1.0:
        middle = centre
        for g in range(-16, 17):
            x = round(middle + width * g / 8.0)
            if low <= x <= high:
                place[0] = x
                value = nodes(0, place, aux, f, False)
                if value > best and value < 1e300:
                    best, centre = value, x
        width /= 4.0
    return centre


def add_series(
    nodes: Nodes, low: float, high: float, place: Vector, tree: Table, target: float,
    values: Vector, sizes: Vector, errors: Vector, aux: Vector, f: Vector,
) -> bool:  # fmt: skip
    """Add the sums over the integers from low to high, which may be infinite."""
    count = tree.shape[0]
    product = np.empty(count)
    coarse_places, coarse_weights = np.empty(12), np.empty(12)
    places, weights = np.empty(16), np.empty(16)
    coarse, coarse_sizes = np.empty(count + 1), np.empty(count + 1)
    fine, fine_sizes = np.empty(count + 1), np.empty(count + 1)
    octave, octave_before = np.empty(count + 1), np.zeros(count + 1)
    starts, lengths = np.empty(128), np.empty(128)
    centre = top_of_series(nodes, low, high, place, aux, f)
    lost, terms = 0.0, 0
    for side in range(2):
        edge = 0.0
        octave_before[:] = 0.0
        for power in range(_OCTAVES):
            length = _DIRECT * (1.0 if power == 0 else 2.0 ** (power - 1))
            if side == 0:
                start = centre + edge
                end = min(start + length, high + 1.0)
            else:
                end = centre - edge
                start = max(end - length, low)
            edge += length
            if not end > start:
                break
            octave[:] = 0.0
            starts[0], lengths[0] = start, end - start
            waiting = 1
            while waiting > 0:
                waiting -= 1
                own_start, own_length = starts[waiting], lengths[waiting]
                smooth = False
                fine[:], fine_sizes[:] = 0.0, 0.0
                if own_length > _DIRECT and power > 0:
                    coarse[:], coarse_sizes[:] = 0.0, 0.0
                    gram_rule(own_length, coarse_places, coarse_weights)
                    gram_rule(own_length, places, weights)
                    smooth = add_places(
                        nodes, own_start, coarse_places, coarse_weights, place, tree, product,
                        coarse, coarse_sizes, aux, f,
                    ) and add_places(
                        nodes, own_start, places, weights, place, tree, product, fine, fine_sizes,
                        aux, f,
                    )  # fmt: skip
                    terms += 28
                    for k in range(count + 1):
                        gap = abs(fine[k] - coarse[k])
                        floor = sizes[k] + fine_sizes[k]
                        smooth = smooth and gap <= max(0.01 * target * floor, 1e-300)
                    if smooth:
                        for k in range(count + 1):
                            errors[k] += abs(fine[k] - coarse[k])
                if not smooth:
                    if own_length > _DIRECT and terms < _MOST_TERMS:
                        half = math.floor(0.5 * own_length)
                        starts[waiting], lengths[waiting] = own_start, half
                        starts[waiting + 1] = own_start + half
                        lengths[waiting + 1] = own_length - half
                        waiting += 2
                        continue
                    if own_length > _DIRECT:
                        return False
                    fine[:], fine_sizes[:] = 0.0, 0.0
                    lost += add_direct(
                        nodes, own_start, own_length, place, tree, product, fine, fine_sizes,
                        aux, f,
                    )  # fmt: skip
                    terms += int(own_length)
                for k in range(count + 1):
                    values[k] += fine[k]
                    sizes[k] += fine_sizes[k]
                    octave[k] += fine_sizes[k]
            settled = power > 0
            for k in range(count + 1):
                if octave[k] > 1e-18 * sizes[k]:
                    settled = False
            last = settled or power == _OCTAVES - 1
            if last:
                for k in range(count + 1):
                    # The rest of the range as a geometric series of octaves.
                    if octave[k] > 0.0:
                        ratio = octave[k] / octave_before[k] if octave_before[k] > 0.0 else 1.0
                        errors[k] += octave[k] * (ratio / (1.0 - ratio) if ratio < 0.999 else 1e3)
                        errors[k] += octave[k]
                break
            for k in range(count + 1):
                octave_before[k] = octave[k]
    return lost <= 1e-16
