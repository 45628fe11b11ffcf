"""Steps of DOP853 for alpha-geodesics on vectors of trajectories, as LLVM instructions.

The rows of a block, one double per lane each, are in this order, with n rows for each of the
first five: unconstrained coordinates of the start, offset from it, velocity, acceleration,
1/sqrt|g_ii|; then speed, step size, time, the length that errors compare with, and 1 after a
rejected step. The method, its error estimate and step sizes are those of
:mod:`statmani.kernels.integrator`; only accelerations are kept (Nystrom's form; Hairer, Norsett
and Wanner 1993, section II.14), and each lane has a step of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from statmani.kernels.lane_acceleration import acceleration, operations
from statmani.kernels.lanes import Lane, Lanes, sqrt
from statmani.kernels.tableau import E3, E5, A

__all__ = ["attempt", "lane_source", "start"]

# Rows of a block beside the five of each coordinate.
_OTHER_ROWS = 5
_STAGES = 12
_MOST_INLINE = 80
# Longer fields take longer to compile than most users' batches take to run.
_MOST = 3000


_BUILDER = """
@intrinsic
def {name}(_, block, t_end, alpha, rtol):
    def build(context, builder, signature, arguments):
        given = context, builder, signature, arguments
        return lane_steps.{name}(FIELD, {size}, {width}, *given)
    return types.void(block, t_end, alpha, rtol), build
"""
_NOTHING = """
def integrate_lanes(
    x0, v0, t_end, alpha, rtol, max_steps, block, ready, owner, steps, statuses, times, states
):
    for k in range(x0.shape[0]):
        statuses[k] = 1
    return x0.shape[0]
"""


def lane_source(field: str, size: int, width: int) -> str:
    """What follows :mod:`statmani.kernels.lane_loop` in the module of one field's source."""
    count = operations(field)
    if count is None or count > _MOST:
        return _NOTHING
    head = "from numba.extending import intrinsic\nfrom statmani.kernels import lane_steps\n"
    made = (_BUILDER.format(name=name, size=size, width=width) for name in ("start", "attempt"))
    return f"{head}FIELD = {field!r}\n" + "\n".join(made)


class _Stage:
    """Accelerations inside the code of a step, or by a function of their own when long."""

    def __init__(self, source: str, size: int, lanes: Lanes, builder: Any, alpha: Lane) -> None:
        from llvmlite import ir

        self._source = source
        self._alpha = alpha
        self._lanes = lanes
        self._function = None
        count = operations(source)
        if count is None or count > _MOST_INLINE:
            kind = ir.FunctionType(
                ir.VoidType(), [lanes.doubles] * (2 * size + 1) + [ir.DoubleType().as_pointer()]
            )
            self._function = _stage_function(builder.module, kind, source, size, lanes.width)
            self._builder = builder
            with builder.goto_entry_block():
                rows = ir.Constant(ir.IntType(64), (2 * size + 1) * lanes.width)
                self._room = builder.alloca(ir.DoubleType(), rows)

    def __call__(self, x: Sequence[Lane], v: Sequence[Lane]) -> tuple[list[Lane], list[Lane], Lane]:
        if self._function is None:
            return acceleration(self._source, x, v, self._alpha)
        n = len(x)
        given = [lane.value for lane in (*x, *v, self._alpha)]
        self._builder.call(self._function, [*given, self._room])
        rows = [self._lanes.load(self._room, k) for k in range(2 * n + 1)]
        return rows[:n], rows[n : 2 * n], rows[2 * n]


def _stage_function(module: Any, kind: Any, source: str, size: int, width: int) -> Any:
    from llvmlite import ir

    name = f"statmani_stage_{width}"
    if name in module.globals:
        return module.globals[name]
    function = ir.Function(module, kind, name)
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block())
    lanes = Lanes(builder, width)
    arguments = [Lane(lanes, value, None, None) for value in function.args[:-1]]
    found = acceleration(source, arguments[:size], arguments[size : 2 * size], arguments[-1])
    for row, lane in enumerate((*found[0], *found[1], found[2])):
        lanes.store(lane, function.args[-1], row)
    builder.ret_void()
    return function


def _block(context: Any, builder: Any, signature: Any, arguments: Any) -> tuple[Any, list[Any]]:
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return array.data, list(arguments[1:])


def start(
    source: str, size: int, width: int, context: Any, builder: Any, signature: Any, arguments: Any
) -> Any:
    """Code of ``start(block, t_end, alpha, rtol)``: fills all rows from start and velocity."""
    pointer, scalars = _block(context, builder, signature, arguments)
    lanes = Lanes(builder, width)
    t_end, alpha, rtol = (lanes.spread(s) for s in scalars)
    x = [lanes.load(pointer, k) for k in range(size)]
    v = [lanes.load(pointer, 2 * size + k) for k in range(size)]
    found, units, speed = _Stage(source, size, lanes, builder, alpha)(x, v)
    # Along a null direction of an indefinite metric.
    largest = lanes.constant(0.0)
    for unit, component in zip(units, v, strict=True):
        largest = largest.most(abs(component) / unit)
    first = speed.equals(0.0).choose(largest, speed)
    step = t_end.least(2.0 * sqrt(sqrt(sqrt(rtol))) / first)
    for k in range(size):
        lanes.store(lanes.constant(0.0), pointer, size + k)
        lanes.store(found[k], pointer, 3 * size + k)
        lanes.store(units[k], pointer, 4 * size + k)
    finite = abs(found[0]) < 1e200
    for other in found[1:]:
        finite = finite.choose(abs(other), math.inf) < 1e200
    zero = first.equals(0.0)
    step = zero.choose(t_end, step)
    others = (
        speed, finite.choose(step, 0.0), lanes.constant(0.0), (first * t_end).least(1.0),
        lanes.constant(0.0),
    )  # fmt: skip
    for k, lane in enumerate(others):
        lanes.store(lane, pointer, 5 * size + k)
    return context.get_dummy_value()


def _folded(weights: Sequence[float]) -> list[float]:
    """Weights of accelerations in the sum of the stages' velocities with such weights."""
    return [
        math.fsum(float(weights[r]) * float(A[r, q]) for r in range(_STAGES))
        for q in range(_STAGES)
    ]


def _weighted(weights: Iterable[float], values: Sequence[Lane]) -> Lane:
    total = values[0].lanes.constant(0.0)
    for weight, value in zip(weights, values, strict=True):
        if weight != 0:
            total = value * weight + total
    return total


def attempt(
    source: str, size: int, width: int, context: Any, builder: Any, signature: Any, arguments: Any
) -> Any:
    """Code of ``attempt(block, t_end, alpha, rtol)``: one step in every lane, or a smaller size."""
    pointer, scalars = _block(context, builder, signature, arguments)
    lanes = Lanes(builder, width)
    t_end, alpha, rtol = (lanes.spread(s) for s in scalars)
    stage = _Stage(source, size, lanes, builder, alpha)

    def rows(first: int) -> list[Lane]:
        return [lanes.load(pointer, first * size + k) for k in range(size)]

    x0, s, v, a, units = (rows(k) for k in range(5))
    speed, step, time, length, rejected = (
        lanes.load(pointer, 5 * size + k) for k in range(_OTHER_ROWS)
    )
    rest = t_end - time
    last = step >= rest
    h = last.choose(rest, step)
    square = h * h
    tableau = [[float(w) for w in A[row, :_STAGES]] for row in range(_STAGES + 1)]
    folded = [_folded(row) for row in tableau]
    stages = [[value] for value in a]
    for row in range(1, _STAGES + 1):
        node = math.fsum(tableau[row])
        moved = [
            s[k] + (h * node) * v[k] + square * _weighted(folded[row][:row], stages[k])
            for k in range(size)
        ]
        velocity = [v[k] + h * _weighted(tableau[row][:row], stages[k]) for k in range(size)]
        found, new_units, new_speed = stage([x0[k] + moved[k] for k in range(size)], velocity)
        if row < _STAGES:
            for k in range(size):
                stages[k].append(found[k])
    fifth = third = lanes.constant(0.0)
    for k in range(size):
        scale = rtol * units[k]
        scale_x = scale * length + (4e-16 * abs(x0[k] + s[k]) + 1e-300)
        scale_v = scale * speed + (4e-16 * abs(v[k]) + 1e-300)
        in_x, in_v = 1.0 / scale_x, 1.0 / scale_v
        squares = []
        for weights in ([float(w) for w in estimate[:_STAGES]] for estimate in (E5, E3)):
            by_x = h * _weighted(_folded(weights), stages[k]) * in_x
            by_v = _weighted(weights, stages[k]) * in_v
            squares.append(by_x * by_x + by_v * by_v)
        fifth, third = fifth + squares[0], third + squares[1]
    both = fifth + 0.01 * third
    error = h * fifth / sqrt(both * (2.0 * size))
    error = both.equals(0.0).choose(0.0, error)
    good = error < 1.0
    factor = 0.9 / sqrt(sqrt(sqrt(error)))
    grown = factor.least(10.0)
    grown = (rejected > 0.5).choose(grown.least(1.0), grown)
    shrunk = (error < math.inf).choose(factor.most(0.2), 0.2)
    kept = [(s, moved), (v, velocity), (a, found), (units, new_units)]
    for at, (old, new) in enumerate(kept, start=1):
        for k in range(size):
            lanes.store(good.choose(new[k], old[k]), pointer, at * size + k)
    others = (
        good.choose(new_speed, speed),
        h * good.choose(grown, shrunk),
        good.choose(last.choose(t_end, time + h), time),
        length,
        good.choose(0.0, 1.0),
    )
    for k, lane in enumerate(others):
        lanes.store(lane, pointer, 5 * size + k)
    return context.get_dummy_value()
