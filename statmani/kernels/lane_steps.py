"""Steps of DOP853 for alpha-geodesics on vectors of trajectories, as LLVM instructions.

The rows of a block, one double per lane each, are in this order, with n rows for each of the
first five: unconstrained coordinates of the start, offset from it, velocity, acceleration,
sqrt|g_ii| (1 where that is 0); then speed, step size, time, the length that errors compare with,
0 after an accepted step (1 after a rejected one, 2 if its error was not finite), and the number
of steps. What :mod:`statmani.kernels.lane_records` adds comes after them. The method and its
error estimate are those of :mod:`statmani.kernels.integrator`; only accelerations are kept
(Nystrom's form; Hairer, Norsett and Wanner 1993, section II.14), and each lane has a step of its
own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from statmani.kernels.lane_acceleration import Metric, contracted, metric, operations, solved
from statmani.kernels.lanes import Lane, Lanes, sqrt
from statmani.kernels.tableau import E3, E5, A

__all__ = [
    "Stage", "attempt", "attempt_keeping", "block_of", "folded", "lane_source", "row_count",
    "sizes", "start", "weighted",
]  # fmt: skip

# Rows of a block beside the five of each coordinate.
_OTHER_ROWS = 6
_STAGES = 12
# Longer fields take longer to compile than most users' batches take to run.
_MOST = 3000
# First step times speed, over rtol**(1/8). Steps of many geodesics in six families were counted
# for this and the next.
_FIRST = 4.0
# Of the step size that the error suggests; how much a step may be longer than the last.
_SAFETY, _GROWTH = 0.85, 10.0
# A coordinate on its way to infinity would move by so much within the whole time; then steps that
# are so much shorter than its motion show that rounding errors have taken over.
_LEAVING = 1e4
_STUCK = 2e-3


_BUILDER = """
@intrinsic
def {name}(_, block, t_end, alpha, rtol, most):
    def build(context, builder, signature, arguments):
        given = context, builder, signature, arguments
        return {module}.{name}(SOURCES, {size}, {width}, {levi_civita}, {bounded}, *given)
    return types.int64(block, t_end, alpha, rtol, most), build
"""
_ADVANCE = """
def advance(block, t_end, alpha, rtol, most, what):
    if what == 0:
        return attempt(block, t_end, alpha, rtol, most)
    if what == 1:
        return start(block, t_end, alpha, rtol, most)
    if what == 2:
        return measure(block, t_end, alpha, rtol, most)
    if what == 3:
        return noise(block, t_end, alpha, rtol, most)
    if what == 4:
        return attempt_keeping(block, t_end, alpha, rtol, most)
    return series(block, t_end, alpha, rtol, most)
"""
# Every geodesic stops at its start, and nothing is known of its size and noise.
_NOTHING = """
def advance(block, t_end, alpha, rtol, most, what):
    for lane in range(block.shape[1]):
        block[{first} + 1, lane] = 0.0 if what < 2 or what > 3 else np.nan
        block[{first} + 4, lane] = 2.0
        if what == 2 or what == 3:
            block[{first}, lane] = np.nan
    return -1
"""


def row_count(size: int) -> int:
    """How many rows a block has."""
    return 5 * size + _OTHER_ROWS


def lane_source(
    sources: tuple[str, str], size: int, width: int, levi_civita: bool, bounded: tuple[int, ...]
) -> str:
    """Source of ``advance(block, t_end, alpha, rtol, most, what)``.

    By `what`: 0 attempts a step, 1 starts, 2 measures, 3 finds noise, 4 attempts a step and keeps
    its stages, 5 makes series of what was kept. `sources` are those of
    :func:`statmani.kernels.lane_fields.lane_fields`; `bounded` numbers coordinates whose domain
    has an end, which unconstrained ones reach at infinity.
    """
    counts = [operations(source) for source in sources if source]
    if any(count is None or count > _MOST for count in counts):
        return _NOTHING.format(first=5 * size)
    head = (
        "from numba.extending import intrinsic\n"
        "from statmani.kernels import lane_records, lane_steps\n"
    )
    common = {"size": size, "width": width, "levi_civita": levi_civita, "bounded": bounded}
    made = (
        _BUILDER.format(name=name, module=module, **common)
        for module, names in (
            ("lane_steps", ("start", "attempt", "attempt_keeping")),
            ("lane_records", ("measure", "noise", "series")),
        )
        for name in names
    )
    return f"{head}SOURCES = {sources!r}\n" + "\n".join(made) + _ADVANCE


class Stage:
    """Accelerations by a function of their own, which is compiled once for all stages."""

    def __init__(
        self, sources: tuple[str, str], size: int, lanes: Lanes, builder: Any, alpha: Lane | None
    ) -> None:
        self._field, self._symbols = sources
        self._alpha = alpha
        self._lanes = lanes
        self._builder = builder
        rows = size if self._symbols else size + size * (size + 1) // 2
        self._function = self._made(size)
        with builder.goto_entry_block():
            count = lanes.ir.Constant(lanes.ir.IntType(64), rows * lanes.width)
            self._room = builder.alloca(lanes.ir.DoubleType(), count)
            # Vectors that cross lines of the cache take twice as long.
            self._room.align = 64

    def __call__(self, x: Sequence[Lane], v: Sequence[Lane]) -> list[Lane]:
        """The acceleration."""
        given = [lane.value for lane in (*x, *v)]
        if self._alpha is not None:
            given.append(self._alpha.value)
        self._builder.call(self._function, [*given, self._room])
        return [self._lanes.load(self._room, k) for k in range(len(x))]

    def metric(self, x: Sequence[Lane]) -> Metric:
        """The metric where the acceleration was computed last."""
        if self._symbols:
            return metric(self._field, x)
        n = len(x)
        pairs = [(i, j) for i in range(n) for j in range(i, n)]
        return {pair: self._lanes.load(self._room, n + k) for k, pair in enumerate(pairs)}

    def _made(self, size: int) -> Any:
        ir, module, width = self._lanes.ir, self._builder.module, self._lanes.width
        name = f"statmani_stage_{width}"
        if name in module.globals:
            return module.globals[name]
        count = 2 * size + (self._alpha is not None)
        given = [self._lanes.doubles] * count + [ir.DoubleType().as_pointer()]
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), given), name)
        function.linkage = "internal"
        builder = ir.IRBuilder(function.append_basic_block())
        lanes = Lanes(builder, width)
        arguments = [Lane(lanes, value, None, None) for value in function.args[:-1]]
        x, v = arguments[:size], arguments[size : 2 * size]
        alpha = arguments[-1] if self._alpha is not None else None
        if self._symbols:
            rows = contracted(self._symbols, x, v, alpha)
        else:
            found, g = solved(self._field, x, v, alpha)
            rows = [*found, *g.values()]
        for row, lane in enumerate(rows):
            lanes.store(lane, function.args[-1], row)
        builder.ret_void()
        return function


def block_of(context: Any, builder: Any, signature: Any, arguments: Any) -> tuple[Any, list[Any]]:
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return array.data, list(arguments[1:])


def sizes(g: Metric, v: Sequence[Lane]) -> tuple[list[Lane], Lane]:
    """sqrt|g_ii|, 1 where that is 0, and the speed."""
    roots = []
    speed = v[0].lanes.constant(0.0)
    for (i, j), entry in g.items():
        speed = speed + (v[i] * v[j]) * ((1.0 if i == j else 2.0) * entry)
        if i == j:
            size = abs(entry)
            roots.append(sqrt((size > 1e-300).choose(size, 1.0)))
    return roots, sqrt(abs(speed))


def start(
    sources: tuple[str, str], size: int, width: int, levi_civita: bool, bounded: tuple[int, ...],
    context: Any, builder: Any, signature: Any, arguments: Any,
) -> Any:  # fmt: skip
    """Code of ``start(block, ...)``: all rows from start and velocity."""
    pointer, scalars = block_of(context, builder, signature, arguments)
    lanes = Lanes(builder, width)
    t_end, alpha, rtol = (lanes.spread(s) for s in scalars[:3])
    x = [lanes.load(pointer, k) for k in range(size)]
    v = [lanes.load(pointer, 2 * size + k) for k in range(size)]
    stage = Stage(sources, size, lanes, builder, None if levi_civita else alpha)
    found = stage(x, v)
    roots, speed = sizes(stage.metric(x), v)
    # Along a null direction of an indefinite metric.
    largest = zero = lanes.constant(0.0)
    for root, component in zip(roots, v, strict=True):
        largest = largest.most(abs(component) * root)
    first = speed.equals(0.0).choose(largest, speed)
    step = t_end.least(_FIRST * sqrt(sqrt(sqrt(rtol))) / first)
    for k in range(size):
        lanes.store(zero, pointer, size + k)
        lanes.store(found[k], pointer, 3 * size + k)
        lanes.store(roots[k], pointer, 4 * size + k)
    finite = abs(found[0]) < 1e200
    for other in found[1:]:
        finite = finite.choose(abs(other), math.inf) < 1e200
    step = first.equals(0.0).choose(t_end, step)
    others = (speed, finite.choose(step, 0.0), zero, (first * t_end).least(1.0), zero, zero)
    for k, lane in enumerate(others):
        lanes.store(lane, pointer, 5 * size + k)
    return lanes.no_mask()


def folded(weights: Sequence[float]) -> list[float]:
    """Weights of accelerations in the sum of the stages' velocities with such weights."""
    count = len(weights)
    return [
        math.fsum(float(weights[r]) * float(A[r, q]) for r in range(count)) for q in range(count)
    ]


def weighted(weights: Iterable[float], values: Sequence[Lane], total: Lane) -> Lane:
    """A sum with weights, added to a total."""
    for weight, value in zip(weights, values, strict=True):
        if weight != 0:
            total = value * weight + total
    return total


def attempt(
    sources: tuple[str, str], size: int, width: int, levi_civita: bool, bounded: tuple[int, ...],
    context: Any, builder: Any, signature: Any, arguments: Any, keep: bool = False,
) -> Any:  # fmt: skip
    """Code of ``attempt(block, ..., most)``: a step, or a smaller size, in each lane.

    Its value has bits where the end is reached, the step size vanished or ``most`` were taken.
    """
    pointer, scalars = block_of(context, builder, signature, arguments)
    lanes = Lanes(builder, width)
    t_end, alpha, rtol, most = (lanes.spread(s) for s in scalars[:4])
    stage = Stage(sources, size, lanes, builder, None if levi_civita else alpha)

    def rows(first: int) -> list[Lane]:
        return [lanes.load(pointer, first * size + k) for k in range(size)]

    x0, s, v, a, roots = (rows(k) for k in range(5))
    speed, step, time, length, rejected, count = (
        lanes.load(pointer, 5 * size + k) for k in range(_OTHER_ROWS)
    )
    every = range(size)
    zero = lanes.constant(0.0)
    rest = t_end - time
    last = step >= rest
    h = last.choose(rest, step)
    tableau = [[float(w) for w in A[row, :_STAGES]] for row in range(_STAGES + 1)]
    sums = [folded(row) for row in tableau]
    base = [x0[k] + s[k] for k in every]
    # Accelerations times h; the offset of a stage is h times its mean velocity.
    stages = [[h * value] for value in a]
    for row in range(1, _STAGES + 1):
        node = math.fsum(tableau[row])
        mean = [weighted(sums[row][:row], stages[k], node * v[k]) for k in every]
        velocity = [weighted(tableau[row][:row], stages[k], v[k]) for k in every]
        if row == _STAGES:
            break
        found = stage([h * mean[k] + base[k] for k in every], velocity)
        for k in every:
            stages[k].append(h * found[k])
    offset = [h * mean[k] + s[k] for k in every]
    point = [x0[k] + offset[k] for k in every]
    found = stage(point, velocity)
    new_roots, new_speed = sizes(stage.metric(point), velocity)
    fifth = third = zero
    for k in every:
        scale_x = rtol * length + roots[k] * (4e-16 * abs(base[k]) + 1e-140)
        scale_v = rtol * speed + roots[k] * (4e-16 * abs(v[k]) + 1e-140)
        inverse = roots[k] / (scale_x * scale_v)
        in_x, in_v = h * (inverse * scale_v), inverse * scale_x
        squares = []
        for weights in ([float(w) for w in estimate[:_STAGES]] for estimate in (E5, E3)):
            by_x = weighted(folded(weights), stages[k], zero) * in_x
            by_v = weighted(weights, stages[k], zero) * in_v
            squares.append(by_x * by_x + by_v * by_v)
        fifth, third = fifth + squares[0], third + squares[1]
    both = fifth + 0.01 * third
    # The square of the error.
    error = fifth * (fifth / (both * (2.0 * size)))
    error = both.equals(0.0).choose(0.0, error)
    good = error < 1.0
    factor = _SAFETY * lanes.sixteenth_root(error)
    grown = factor.least((rejected > 0.0).choose(1.0, _GROWTH))
    finite = error < math.inf
    shrunk = finite.choose(factor.most(0.2), 0.2)
    if keep:
        # What the series of the step are made of.
        rows_kept = [*s, *v, *(lane for row in zip(*stages, strict=True) for lane in row)]
        rows_kept += [*(h * value for value in found), h]
        for at, lane in enumerate(rows_kept, start=row_count(size)):
            lanes.store(lane, pointer, at)
    kept = [(s, offset), (v, velocity), (a, found), (roots, new_roots)]
    for at, (old, new) in enumerate(kept, start=1):
        for k in every:
            lanes.store(good.choose(new[k], old[k]), pointer, at * size + k)
    new_step = h * good.choose(grown, shrunk)
    new_time = good.choose(last.choose(t_end, time + h), time)
    others = (
        good.choose(new_speed, speed),
        new_step,
        new_time,
        length,
        good.choose(0.0, finite.choose(1.0, 2.0)),
        count + 1.0,
    )
    for k, lane in enumerate(others):
        lanes.store(lane, pointer, 5 * size + k)
    goes_on = new_step >= (1e-14 * new_time).most(1e-300)
    stops = [new_time >= t_end, goes_on.choose(0.0, 1.0) > 0.5, others[-1] >= most]
    for k in bounded:
        pace = abs(velocity[k])
        motion = new_step * (pace * pace).most(abs(found[k]))
        stuck = (pace * t_end > _LEAVING).choose(motion, math.inf) < _STUCK * pace
        stops.append(good.choose(stuck.choose(1.0, 0.0), 0.0) > 0.5)
    return lanes.mask(*stops)


def attempt_keeping(
    sources: tuple[str, str], size: int, width: int, levi_civita: bool, bounded: tuple[int, ...],
    context: Any, builder: Any, signature: Any, arguments: Any,
) -> Any:  # fmt: skip
    """Code of an attempt that also writes what :mod:`statmani.kernels.lane_records` needs.

    A choice at run time would slow down those that need nothing.
    """
    return attempt(
        sources, size, width, levi_civita, bounded, context, builder, signature, arguments, True
    )
