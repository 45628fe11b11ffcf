"""Trapezoidal sums of many functions of one to four real variables over the same nodes.

Plain Python in the subset that numba compiles; :mod:`statmani.kernels.cache` copies this file in
front of generated code. ``nodes(chart, y, aux, f, full)`` returns log p + log dx/dy at the
unconstrained place y and, if ``full`` and the mass there is not zero, fills f with what products
are made of. Row k of ``tree`` makes product k of product ``tree[k, 0]`` (or 1 when that is
negative) and ``f[tree[k, 1]]``.

At each point the highest mode is located, the axes are whitened about it, and each axis gets the
tamest map whose image falls off at least like exp(-exp |t|) or a normal density: y, sinh y, or
sinh(pi/2 sinh y) (Takahasi and Mori 1974; Trefethen and Weideman 2014). Steps are halved until
all products settle.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from statmani.kernels.contract import eliminate

__all__ = ["accumulate", "integrate"]

Vector = NDArray[np.float64]
Table = NDArray[np.int64]
Nodes = Callable[[int, Vector, Vector, Vector, bool], float]

# Nodes beyond this drop of log p cannot matter, whatever the products do there.
_DROP = 120.0
# Drops of log p at one unit of the scale and the range make out the kind of tail.
_NORMAL, _EXPONENTIAL = 30.0, 1e4
_MOST_NODES = 4000000
_FINEST = 8192.0


def accumulate(
    weight: float, f: Vector, tree: Table, product: Vector, sums: Vector, sizes: Vector
) -> bool:
    """Add weight times every product to the sums; False, and nothing added, if one is no number.

    The last entries of the sums are those of the weight itself.
    """
    count = tree.shape[0]
    finite = 0.0
    for k in range(count):
        before = tree[k, 0]
        value = f[tree[k, 1]] * (product[before] if before >= 0 else weight)
        product[k] = value
        finite += value * 0.0
    if finite != 0.0:
        return False
    for k in range(count):
        sums[k] += product[k]
        sizes[k] += abs(product[k])
    sums[count] += weight
    sizes[count] += weight
    return True


def level_at(
    nodes: Nodes, chart: int, place: Vector, first: int, centre: Vector, root: Vector,
    t: Vector, aux: Vector, f: Vector,
) -> float:  # fmt: skip
    """log p at centre + root t, -inf where it is no number; leaves the place in ``place``."""
    d = centre.shape[0]
    for i in range(d):
        total = centre[i]
        for j in range(d):
            total += root[i, j] * t[j]
        place[first + i] = total
    value = nodes(chart, place, aux, f, False)
    if value < 1e300:
        return value
    return -np.inf


def search(
    nodes: Nodes, chart: int, kinds: Table, place: Vector, first: int, centre: Vector,
    aux: Vector, f: Vector,
) -> float:  # fmt: skip
    """Move ``centre`` to the highest mode that a coordinate search finds; return log p there."""
    d = centre.shape[0]
    unit = np.zeros((d, d))
    for axis in range(d):
        unit[axis, axis] = 1.0
    width = np.zeros(d)
    best = -np.inf
    t = np.zeros(d)
    for sweep in range(60):
        flat = True
        for axis in range(d):
            scale = width[axis]
            start = centre[axis]
            low, high = np.inf, -np.inf
            half = 64 if sweep == 0 else 16
            for g in range(-half, half + 1):
                step = scale * g / half
                if sweep == 0:
                    step = 40.0 * g / half
                    if kinds[axis] == 0:
                        step = math.sinh(step)
                t[:] = 0.0
                t[axis] = step + start - centre[axis]
                value = level_at(nodes, chart, place, first, centre, unit, t, aux, f)
                low = min(low, value)
                high = max(high, value)
                if value > best:
                    best = value
                    centre[axis] = start + step
            if sweep == 0:
                width[axis] = max(4.0, 2.0 * abs(centre[axis])) if kinds[axis] == 0 else 2.0
            else:
                width[axis] = scale / (6.0 if d == 1 else 2.5)
                flat = flat and high - low < 0.5
            if sweep < 2 or not (low > -np.inf):
                flat = False
        if flat:
            break
    return best


def whiten(
    nodes: Nodes, chart: int, place: Vector, first: int, centre: Vector, root: Vector, top: float,
    aux: Vector, f: Vector,
) -> float:  # fmt: skip
    """Newton steps to the mode, and root root^T the inverse of minus the Hessian there.

    Where that is no positive matrix the axes keep their own scales. Returns log p at the centre.
    """
    d = centre.shape[0]
    t = np.zeros(d)
    for axis in range(d):
        root[axis, axis] = 1.0
    for axis in range(d):
        root[axis, axis] = own_scale(nodes, chart, place, first, centre, root, axis, top, aux, f)
    if d == 1:
        return top
    trial, new = np.empty(d), np.empty((d, d))
    hessian, right = np.empty((d, d)), np.empty((d, 1))
    for _ in range(12):
        h = 0.05
        for i in range(d):
            t[:] = 0.0
            t[i] = h
            up = level_at(nodes, chart, place, first, centre, root, t, aux, f)
            t[i] = -h
            down = level_at(nodes, chart, place, first, centre, root, t, aux, f)
            right[i, 0] = (up - down) / (2.0 * h)
            hessian[i, i] = -(up - 2.0 * top + down) / (h * h)
            for j in range(i):
                mixed = 0.0
                for k in range(4):
                    si, sj = (1.0 if k < 2 else -1.0), (1.0 if k % 2 == 0 else -1.0)
                    t[:] = 0.0
                    t[i], t[j] = si * h, sj * h
                    value = level_at(nodes, chart, place, first, centre, root, t, aux, f)
                    mixed += si * sj * value
                hessian[i, j] = hessian[j, i] = -mixed / (4.0 * h * h)
        # Cholesky of the Hessian in whitened coordinates; its inverse transpose moves the root.
        chol = np.zeros((d, d))
        for i in range(d):
            for j in range(i + 1):
                total = hessian[i, j]
                for k in range(j):
                    total -= chol[i, k] * chol[j, k]
                if i == j:
                    if not (1e-4 < total < 1e8):
                        return top
                    chol[i, i] = math.sqrt(total)
                else:
                    chol[i, j] = total / chol[j, j]
        size = 0.0
        for i in range(d):
            size += abs(right[i, 0])
        matrix = hessian.copy()
        if not eliminate(matrix, right):
            return top
        for i in range(d):
            total = 0.0
            for j in range(d):
                total += root[i, j] * right[j, 0]
            trial[i] = total
        t[:] = 0.0
        damping = 1.0
        for _ in range(8):
            for i in range(d):
                t[i] = damping * right[i, 0]
            value = level_at(nodes, chart, place, first, centre, root, t, aux, f)
            if value >= top - 1e-9:
                for i in range(d):
                    centre[i] += damping * trial[i]
                top = max(top, value)
                break
            damping *= 0.25
        # new = root chol^-T, by solving chol new^T = root^T row by row.
        for r in range(d):
            for i in range(d):
                total = root[r, i]
                for k in range(i):
                    total -= chol[i, k] * new[r, k]
                new[r, i] = total / chol[i, i]
        change = 0.0
        for i in range(d):
            for j in range(d):
                change = max(change, abs(hessian[i, j] - (1.0 if i == j else 0.0)))
                root[i, j] = new[i, j]
        if change < 0.2 and size < 0.2:
            break
    return top


def volume_of(matrix: Vector) -> float:
    """Size of a determinant, by elimination in place."""
    d = matrix.shape[0]
    volume = 1.0
    for k in range(d):
        row = k
        for i in range(k + 1, d):
            if abs(matrix[i, k]) > abs(matrix[row, k]):
                row = i
        pivot = matrix[row, k]
        volume *= abs(pivot)
        for j in range(d):
            matrix[row, j], matrix[k, j] = matrix[k, j], matrix[row, j]
        for i in range(k + 1, d):
            factor = matrix[i, k] / pivot
            for j in range(k, d):
                matrix[i, j] -= factor * matrix[k, j]
    return volume


def own_scale(
    nodes: Nodes, chart: int, place: Vector, first: int, centre: Vector, root: Vector, axis: int,
    top: float, aux: Vector, f: Vector,
) -> float:  # fmt: skip
    """Distance along one axis at which log p has dropped by one half on either side."""
    t = np.zeros(centre.shape[0])
    for power in range(-68, 121):
        distance: float = 2.0 ** (0.5 * power)
        for sign in (-1.0, 1.0):
            t[axis] = sign * distance
            if level_at(nodes, chart, place, first, centre, root, t, aux, f) < top - 0.5:
                return distance
    return 1.0


def ranges(
    nodes: Nodes, chart: int, place: Vector, first: int, centre: Vector, root: Vector, top: float,
    maps: Table, reach: Vector, aux: Vector, f: Vector,
) -> None:  # fmt: skip
    """Choose the map of each axis and the range of its parameter on both sides."""
    d = centre.shape[0]
    t = np.zeros(d)
    for axis in range(d):
        far = np.ones(2)
        for side in range(2):
            sign = 1.0 - 2.0 * side
            # The last place that matters, not the first that does not: there may be more modes.
            for power in range(-4, 300):
                distance = 2.0 ** (0.25 * power)
                t[:] = 0.0
                t[axis] = sign * distance
                value = level_at(nodes, chart, place, first, centre, root, t, aux, f)
                if value > top - _DROP:
                    far[side] = distance * 1.189207115002721
        longest = max(far[0], far[1])
        maps[axis] = 0 if longest < _NORMAL else 1 if longest < _EXPONENTIAL else 2
        for side in range(2):
            reach[axis, side] = parameter_at(maps[axis], far[side])


def parameter_at(kind: int, w: float) -> float:
    """Parameter whose image under the map of a kind is w > 0."""
    if kind == 0:
        return w
    t = math.asinh(w)
    if kind == 2:
        t = math.asinh(t * 2.0 / math.pi)
    return t


def add_grid(
    nodes: Nodes, chart: int, place: Vector, first: int, centre: Vector, root: Vector,
    maps: Table, reach: Vector, step: float, only_new: bool, tree: Table, product: Vector,
    sums: Vector, sizes: Vector, edge: Vector, aux: Vector, f: Vector,
) -> float:  # fmt: skip
    """Add one grid, or its nodes with an odd index; return the mass of nodes without values."""
    d = centre.shape[0]
    low, high = np.empty(d, np.int64), np.empty(d, np.int64)
    most = 1
    volume = 1.0
    for axis in range(d):
        own = step * (1.0 if maps[axis] == 0 else 2.0 if maps[axis] == 1 else 8.0)
        low[axis] = -math.ceil(reach[axis, 1] * own)
        high[axis] = math.ceil(reach[axis, 0] * own)
        most = max(most, high[axis] - low[axis] + 1)
        volume /= own
    images, slopes = np.empty((d, most)), np.empty((d, most))
    for axis in range(d):
        own = step * (1.0 if maps[axis] == 0 else 2.0 if maps[axis] == 1 else 8.0)
        for k in range(high[axis] - low[axis] + 1):
            t = (low[axis] + k) / own
            image, slope = t, 1.0
            if maps[axis] == 2:
                slope = 0.5 * math.pi * math.cosh(image)
                image = 0.5 * math.pi * math.sinh(image)
            if maps[axis] >= 1:
                slope *= math.cosh(image)
                image = math.sinh(image)
            images[axis, k] = image
            slopes[axis, k] = slope
    at = low.copy()
    lost = 0.0
    count = tree.shape[0]
    done, inside = False, False
    density = 1.0 / volume if d == 1 else 1.0
    while not done:
        odd = not only_new
        outer = False
        for axis in range(d):
            odd = odd or at[axis] % 2 != 0
            outer = outer or at[axis] == low[axis] or at[axis] == high[axis]
        if odd:
            slope = volume
            for axis in range(d):
                slope *= slopes[axis, at[axis] - low[axis]]
            for i in range(d):
                total = centre[i]
                for j in range(d):
                    total += root[i, j] * images[j, at[j] - low[j]]
                place[first + i] = total
            value = nodes(chart, place, aux, f, True)
            if value > -744.0 and value < 1e300:
                weight = math.exp(value) * slope
                counted = accumulate(weight, f, tree, product, sums, sizes)
                if not counted:
                    lost += weight
                elif outer or (d == 1 and not inside):
                    for k in range(count):
                        edge[k] += abs(product[k]) * density
                inside = counted
            elif d == 1 and inside:
                # Beyond the smallest double a tail is as large as the last integrand.
                inside = False
                for k in range(count):
                    edge[k] += abs(product[k]) * density
        done = True
        for axis in range(d):
            at[axis] += 1
            if at[axis] <= high[axis]:
                done = False
                break
            at[axis] = low[axis]
    return lost


def integrate(
    nodes: Nodes, kinds: Table, place: Vector, first: int, tree: Table, target: float,
    values: Vector, sizes: Vector, errors: Vector, aux: Vector, f: Vector,
) -> bool:  # fmt: skip
    """Add the integrals over ``place[first:]`` to values, sizes and (absolute) errors.

    ``kinds[chart, axis]`` is 0 where the axis is a whole line. The last entries belong to the
    integral of the density. False when some mass was lost to values that are no numbers.
    """
    charts, d = kinds.shape
    count = tree.shape[0]
    centres, roots = np.zeros((charts, d)), np.zeros((charts, d, d))
    maps, reaches = np.zeros((charts, d), np.int64), np.zeros((charts, d, 2))
    used = np.zeros(charts, np.bool_)
    volumes = np.ones(charts)
    for chart in range(charts):
        top = search(nodes, chart, kinds[chart], place, first, centres[chart], aux, f)
        if top > -700.0:
            used[chart] = True
            top = whiten(nodes, chart, place, first, centres[chart], roots[chart], top, aux, f)
            ranges(
                nodes, chart, place, first, centres[chart], roots[chart], top, maps[chart],
                reaches[chart], aux, f,
            )  # fmt: skip
            volumes[chart] = volume_of(roots[chart].copy())
    product = np.empty(count)
    sums, totals, before = np.empty(count + 1), np.zeros(count + 1), np.zeros(count + 1)
    own_sizes, own_edge = np.empty(count + 1), np.empty(count + 1)
    raw, raw_sizes = np.zeros((charts, count + 1)), np.zeros((charts, count + 1))
    raw_edge, raw_lost = np.zeros((charts, count + 1)), np.zeros(charts)
    total_sizes, edges, change = np.empty(count + 1), np.empty(count + 1), np.empty(count + 1)
    last, worst, lost = np.inf, np.inf, 0.0
    step, level, grown = 1.0, 0, 0
    squared = False
    while True:
        totals[:], total_sizes[:], edges[:] = 0.0, 0.0, 0.0
        lost, planned = 0.0, 0.0
        for chart in range(charts):
            if not used[chart]:
                continue
            sums[:], own_sizes[:], own_edge[:] = 0.0, 0.0, 0.0
            missing = add_grid(
                nodes, chart, place, first, centres[chart], roots[chart], maps[chart],
                reaches[chart], step, level > 0, tree, product, sums, own_sizes, own_edge, aux, f,
            )  # fmt: skip
            shrink = 0.5**d if level > 0 else 0.0
            size = 1.0
            for axis in range(d):
                own = step * (
                    1.0 if maps[chart, axis] == 0 else 2.0 if maps[chart, axis] == 1 else 8.0
                )
                size *= 2.0 * own * (reaches[chart, axis, 0] + reaches[chart, axis, 1]) + 1.0
            planned += size
            raw_lost[chart] = shrink * raw_lost[chart] + missing * volumes[chart]
            lost += raw_lost[chart]
            for k in range(count + 1):
                raw[chart, k] = shrink * raw[chart, k] + sums[k] * volumes[chart]
                raw_sizes[chart, k] = shrink * raw_sizes[chart, k] + own_sizes[k] * volumes[chart]
                raw_edge[chart, k] = own_edge[k] * volumes[chart]
                totals[k] += raw[chart, k]
                total_sizes[k] += raw_sizes[chart, k]
                edges[k] += raw_edge[chart, k]
        worst = 0.0
        beyond = False
        for k in range(count + 1):
            change[k] = abs(totals[k] - before[k])
            before[k] = totals[k]
            floor = max(total_sizes[k], 1e-300)
            worst = max(worst, change[k] / floor)
            beyond = beyond or edges[k] > 1e-15 * floor
        if beyond and grown < 6 and level < 2:
            # Products or other directions reach farther than the density along the axes.
            grown += 1
            for chart in range(charts):
                for axis in range(d):
                    for side in range(2):
                        wide = 1.3 if maps[chart, axis] == 0 else 1.1
                        reaches[chart, axis, side] *= wide
            step, level, last = 1.0, 0, np.inf
            continue
        if level > 0:
            squared = level > 1 and worst < 1e-7 and worst <= last**1.5
            if worst <= target or (squared and worst**1.5 <= target):
                break
            if step >= _FINEST or planned > _MOST_NODES:
                break
            if level > 5 and worst < 1e-11 and worst > 0.5 * last:
                # Only rounding is left.
                break
            last = worst
        level += 1
        step *= 2.0
    for k in range(count + 1):
        error = change[k]
        if squared:
            error = min(error, 10.0 * worst**1.5 * total_sizes[k])
        values[k] += totals[k]
        sizes[k] += total_sizes[k]
        errors[k] += error + edges[k]
    return lost <= 1e-16
