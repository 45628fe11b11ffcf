"""Values that build LLVM instructions on vectors of doubles, one trajectory in each lane.

Python code that runs once on :class:`Lane` values, while a kernel is compiled, becomes straight
vector code without branches. Equal operations are emitted once, constants are folded, products
that are added become fused multiply-adds where the processor has them; nothing mixes lanes, so
what a lane holds never depends on its neighbours.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, final

__all__ = ["Lane", "Lanes", "sqrt"]

_ROOT_HALF_BITS = 0x3FE6A09E667F3BCD
# 17/16 of the bits of 1, less what makes errors to either side alike.
_ROOT_MAGIC = 0x43EE2F1A9FBE7800


def _has_fma() -> bool:
    from llvmlite import binding

    if platform.machine().lower() in ("aarch64", "arm64"):
        return True
    return bool(binding.get_host_cpu_features().get("fma", False))


@final
class Lanes:
    """What the lanes of one piece of code share: where instructions go, and what is there."""

    def __init__(self, builder: Any, width: int) -> None:
        from llvmlite import ir

        self.ir = ir
        self._builder = builder
        self.width = width
        self.doubles = ir.VectorType(ir.DoubleType(), width)
        self._integers = ir.VectorType(ir.IntType(64), width)
        self._fma = _has_fma()
        self._known: dict[tuple[Any, ...], Any] = {}

    def constant(self, number: float) -> Lane:
        """The same number in every lane."""
        number = float(number)
        # The sign of zero matters to the key.
        key = ("constant", number, math.copysign(1.0, number))
        if key not in self._known:
            value = self.ir.Constant(self.doubles, [number] * self.width)
            self._known[key] = Lane(self, value, number, None)
        made: Lane = self._known[key]
        return made

    def spread(self, scalar: Any) -> Lane:
        """A double that is known at run time, in every lane."""
        empty = self.ir.Constant(self.doubles, self.ir.Undefined)
        index = self.ir.IntType(32)
        first = self._builder.insert_element(empty, scalar, index(0))
        mask = self.ir.Constant(self.ir.VectorType(index, self.width), [0] * self.width)
        return Lane(self, self._builder.shuffle_vector(first, empty, mask), None, None)

    def load(self, pointer: Any, row: int) -> Lane:
        """A row of an array of rows of one double per lane."""
        value = self._builder.load(self._place(pointer, row))
        value.align = 8
        return Lane(self, value, None, None)

    def store(self, lane: Lane, pointer: Any, row: int) -> None:
        """Write a row."""
        self._builder.store(lane.value, self._place(pointer, row), align=8)

    def _place(self, pointer: Any, row: int) -> Any:
        index = self.ir.IntType(64)
        place = self._builder.gep(pointer, [index(row * self.width)])
        return self._builder.bitcast(place, self.doubles.as_pointer())

    def lane(self, number: Lane | float) -> Lane:
        """A lane of a lane or a Python number."""
        return number if isinstance(number, Lane) else self.constant(number)

    def apply(self, name: str, *lanes: Lane) -> Lane:
        """The result of an operation, emitted once for the same operands."""
        key = (name, *lanes)
        if key not in self._known:
            value = self._emit(name, *(lane.value for lane in lanes))
            factors = (lanes[0], lanes[1]) if name == "fmul" else None
            self._known[key] = Lane(self, value, None, factors)
            if name == "fneg":
                self._known[key].negated = lanes[0]
        made: Lane = self._known[key]
        return made

    def shared(self, function: Callable[[Lane], Parts], x: Lane) -> Parts:
        """The values of a function, built once for the same argument."""
        key = (function, x)
        if key not in self._known:
            self._known[key] = function(x)
        found: Parts = self._known[key]
        return found

    def has_shared(self, function: Callable[[Lane], Any], x: Lane) -> bool:
        """Whether the values of a function are there."""
        return (function, x) in self._known

    def opposite(self, x: Lane) -> Lane | None:
        """The lane whose negative this is, or that was made as the negative of this."""
        found: Lane | None = x.negated or self._known.get(("fneg", x))
        return found

    def once(self, function: Callable[[Lane], Lane], x: Lane) -> Lane:
        """The value of a function, built once for the same argument."""
        key = (function, x)
        if key not in self._known:
            self._known[key] = function(x)
        found: Lane = self._known[key]
        return found

    def _emit(self, name: str, *values: Any) -> Any:
        builder = self._builder
        if name in ("fma", "sqrt", "fabs"):
            kind = self.ir.FunctionType(self.doubles, [self.doubles] * len(values))
            full = f"llvm.{name}.v{self.width}f64"
            function = builder.module.globals.get(full)
            if function is None:
                function = self.ir.Function(builder.module, kind, full)
            return builder.call(function, values)
        if name in ("<", "<=", ">", ">=", "=="):
            return builder.fcmp_ordered(name, *values)
        return getattr(builder, name)(*values)

    def multiply_add(self, a: Lane, b: Lane, c: Lane) -> Lane:
        """a b + c, rounded once where the processor can."""
        if self._fma:
            return self.apply("fma", a, b, c)
        return self.apply("fadd", self.apply("fmul", a, b), c)

    def power_of_two(self, rounded: Lane) -> Lane:
        """2**k, from a double whose low bits are k + 1023."""
        bits = self._builder.bitcast(rounded.value, self._integers)
        shifted = self._builder.shl(bits, self._integers([52] * self.width))
        return Lane(self, self._builder.bitcast(shifted, self.doubles), None, None)

    def sixteenth_root(self, x: Lane) -> Lane:
        """x**(-1/16) of a positive number within a percent, from its bits and one Newton step."""
        bits = self._builder.bitcast(x.value, self._integers)
        part = self._builder.ashr(bits, self._integers([4] * self.width))
        guess = self._builder.sub(self._integers([_ROOT_MAGIC] * self.width), part)
        y = Lane(self, self._builder.bitcast(guess, self.doubles), None, None)
        return y * (17 / 16 - (x / 16) * y**16)

    def no_mask(self) -> Any:
        """A mask without bits."""
        return self.ir.IntType(64)(0)

    def mask(self, *conditions: Lane) -> Any:
        """A 64-bit integer whose bits tell in which lanes one of the conditions holds."""
        total = conditions[0].value
        for other in conditions[1:]:
            total = self._builder.or_(total, other.value)
        bits = self._builder.bitcast(total, self.ir.IntType(self.width))
        wide = self.ir.IntType(64)
        return bits if self.width == wide.width else self._builder.zext(bits, wide)

    def unless(self, condition: Lane, value: Lane, otherwise: Callable[[], Lane]) -> Lane:
        """`value` where a condition holds; the rest is computed only if a lane needs it."""
        builder, ir = self._builder, self.ir
        bits = builder.bitcast(condition.value, ir.IntType(self.width))
        all_hold = builder.icmp_unsigned("==", bits, ir.Constant(bits.type, -1))
        before = builder.block
        with builder.if_then(builder.not_(all_hold), likely=False):
            # What is made here does not exist elsewhere.
            known = dict(self._known)
            other = condition.choose(value, otherwise())
            self._known = known
            inside = builder.block
        phi = builder.phi(self.doubles)
        phi.add_incoming(value.value, before)
        phi.add_incoming(other.value, inside)
        return Lane(self, phi, None, None)

    def split(self, x: Lane) -> tuple[Lane, Lane]:
        """Mantissa in [sqrt(1/2), sqrt(2)) and exponent of positive normal numbers."""
        many = [1] * self.width
        bits = self._builder.bitcast(x.value, self._integers)
        above = self._builder.sub(bits, self._integers([_ROOT_HALF_BITS * k for k in many]))
        exponent = self._builder.ashr(above, self._integers([52 * k for k in many]))
        moved = self._builder.shl(exponent, self._integers([52 * k for k in many]))
        mantissa = self._builder.bitcast(self._builder.sub(bits, moved), self.doubles)
        whole = self._builder.sitofp(exponent, self.doubles)
        return Lane(self, mantissa, None, None), Lane(self, whole, None, None)


@final
class Lane:
    """One double, or one truth value of a comparison, per lane."""

    __slots__ = ("_factors", "_lanes", "negated", "number", "value")

    def __init__(
        self, lanes: Lanes, value: Any, number: float | None, factors: tuple[Lane, Lane] | None
    ) -> None:
        self._lanes = lanes
        self.value = value
        #: The number when all lanes hold one that is known.
        self.number = number
        self._factors = factors
        #: What this is the negative of, where it was made so.
        self.negated: Lane | None = None

    def __add__(self, other: Number) -> Lane:
        lanes, other = self._lanes, self._lanes.lane(other)
        if self.number is not None and other.number is not None:
            return lanes.constant(self.number + other.number)
        if self.number == 0:
            return other
        if other.number == 0:
            return self
        for first, second in ((self, other), (other, self)):
            if first._factors is not None:
                return lanes.multiply_add(*first._factors, second)
        return lanes.apply("fadd", self, other)

    __radd__ = __add__

    def __neg__(self) -> Lane:
        if self.number is not None:
            return self._lanes.constant(-self.number)
        return self._lanes.apply("fneg", self)

    def __sub__(self, other: Number) -> Lane:
        lanes, other = self._lanes, self._lanes.lane(other)
        if other.number is not None:
            return self + -other
        if self is other:
            return lanes.constant(0.0)
        if self.number == 0:
            return -other
        if other._factors is not None:
            a, b = other._factors
            return lanes.multiply_add(-a, b, self)
        if self._factors is not None:
            return lanes.multiply_add(*self._factors, -other)
        return lanes.apply("fsub", self, other)

    def __rsub__(self, other: float) -> Lane:
        return self._lanes.constant(other) - self

    def __mul__(self, other: Number) -> Lane:
        lanes, other = self._lanes, self._lanes.lane(other)
        if self.number is not None and other.number is not None:
            return lanes.constant(self.number * other.number)
        for first, second in ((self, other), (other, self)):
            if first.number == 0:
                return first
            if first.number == 1:
                return second
            if first.number == -1:
                return -second
        return lanes.apply("fmul", self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Number) -> Lane:
        lanes, other = self._lanes, self._lanes.lane(other)
        if other.number and self.number is not None:
            return lanes.constant(self.number / other.number)
        if other.number == 1 or self.number == 0:
            return self
        return lanes.apply("fdiv", self, other)

    def __rtruediv__(self, other: float) -> Lane:
        return self._lanes.constant(other) / self

    def __pow__(self, exponent: float) -> Lane:
        doubled = 2 * exponent
        if doubled != int(doubled) or abs(exponent) > _HIGHEST_POWER:
            raise ValueError(f"no power {exponent} of a lane")
        if exponent < 0:
            return 1.0 / self**-exponent
        whole = int(exponent)
        result = self._lanes.constant(1.0) if whole == exponent else sqrt(self)
        square = self
        while whole:
            if whole & 1:
                result = result * square
            whole >>= 1
            if whole:
                square = square * square
        return result

    def _compared(self, sign: str, other: Number) -> Lane:
        return self._lanes.apply(sign, self, self._lanes.lane(other))

    def __lt__(self, other: Number) -> Lane:
        return self._compared("<", other)

    def __ge__(self, other: Number) -> Lane:
        return self._compared(">=", other)

    def __gt__(self, other: Number) -> Lane:
        return self._compared(">", other)

    def equals(self, other: Number) -> Lane:
        """Where the lanes hold the same number."""
        return self._compared("==", other)

    def choose(self, yes: Number, no: Number) -> Lane:
        """`yes` where this comparison holds, else `no`."""
        lanes = self._lanes
        return lanes.apply("select", self, lanes.lane(yes), lanes.lane(no))

    def least(self, other: Number) -> Lane:
        """The smaller of two; the other where this one is not a number."""
        return (self < other).choose(self, other)

    def most(self, other: Number) -> Lane:
        """The larger of two; the other where this one is not a number."""
        return (self > other).choose(self, other)

    def __abs__(self) -> Lane:
        if self.number is not None:
            return self._lanes.constant(abs(self.number))
        return self._lanes.apply("fabs", self)

    @property
    def lanes(self) -> Lanes:
        """What it shares with others."""
        return self._lanes


Number: TypeAlias = Lane | float
Parts = TypeVar("Parts")
_HIGHEST_POWER = 64


def sqrt(x: Lane) -> Lane:
    """Square root."""
    if x.number is not None and x.number >= 0:
        return x.lanes.constant(math.sqrt(x.number))
    return x.lanes.apply("sqrt", x)
