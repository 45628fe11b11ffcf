"""Immutable tensors of any rank whose components are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, final

from sympy import Expr, Float, ImmutableDenseNDimArray, S, sympify
from sympy.core.function import AppliedUndef
from sympy.core.sympify import SympifyError

from statmani.algebra.element import Element
from statmani.algebra.numeric import NotEvaluable, new_context, value_of
from statmani.algebra.ring import Ring
from statmani.errors import InvalidArgument
from statmani.geometry.alpha import express

__all__ = ["Exact", "Tensor"]

Index = tuple[int, ...]
_GUARD_DIGITS = 15
_MOST_DIGITS = 2000


@final
@dataclass(frozen=True)
class Exact:
    """Components as polynomials in alpha over a ring.

    Attributes
    ----------
    ring : Ring
    alpha : Expr
        A Symbol, or the number at which the polynomials are meant.
    coefficients : callable
        index tuple -> coefficients of the powers of alpha.
    """

    ring: Ring
    alpha: Expr
    coefficients: Callable[[Index], Sequence[Element]]

    def tensor(self, shape: Index) -> Tensor:
        """The tensor of these components."""
        return Tensor(shape, lambda i: express(self.ring, self.alpha, self.coefficients(i)), self)


@final
class Tensor:
    """A tensor in coordinates; ``t[i, j, k]`` is a sympy expression.

    Created by the library; components are converted from exact ring elements at first use
    and kept. Negative indices count from the end.

    Parameters
    ----------
    shape : tuple of int
    component : callable
        index tuple -> Expr.
    exact : Exact, optional
        The same components before conversion, for further exact work.

    Examples
    --------
    >>> from sympy import symbols
    >>> from statmani.geometry.manifold import StatisticalManifold
    >>> x = symbols("x", real=True)
    >>> y = symbols("y", positive=True)
    >>> plane = StatisticalManifold((x, y), [[1 / y**2, 0], [0, 1 / y**2]])
    >>> plane.levi_civita.christoffel[0, 0, 1]
    -1/y
    >>> plane.levi_civita.riemann_lower.shape
    (2, 2, 2, 2)
    >>> plane.levi_civita.christoffel.nonzero()
    {(0, 0, 1): -1/y, (0, 1, 0): -1/y, (1, 0, 0): 1/y, (1, 1, 1): -1/y}
    """

    __slots__ = ("_component", "_known", "_shape", "exact")

    def __init__(
        self,
        shape: tuple[int, ...],
        component: Callable[[Index], Expr],
        exact: Exact | None = None,
    ) -> None:
        self._shape = shape
        self.exact = exact
        self._component: Callable[[Index], Expr] | None = component
        self._known: dict[Index, Expr] = {}

    @classmethod
    def of_entries(cls, shape: tuple[int, ...], entries: Mapping[Index, Expr]) -> Tensor:
        """The tensor with these components, the others zero."""
        return cls(shape, lambda index: entries.get(index, S.Zero))

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of all indices."""
        return self._shape

    @property
    def rank(self) -> int:
        """The number of indices."""
        return len(self._shape)

    def __getitem__(self, index: int | Index) -> Expr:
        indices = index if isinstance(index, tuple) else (index,)
        if len(indices) != len(self._shape):
            raise InvalidArgument(
                f"tensor index {indices}: {len(self._shape)} integers are needed for shape "
                f"{self._shape}. Use to_array() for slices."
            )
        place = []
        for i, size in zip(indices, self._shape, strict=True):
            if isinstance(i, bool) or not hasattr(i, "__index__"):
                raise InvalidArgument(
                    f"tensor index {indices}: {i!r} is no integer. Use to_array() for slices."
                )
            i = i.__index__()
            if not -size <= i < size:
                raise IndexError(
                    f"tensor index {indices}: {i} is outside the range of size {size} "
                    f"(shape {self._shape})."
                )
            place.append(i % size)
        return self._get(tuple(place))

    def _get(self, index: Index) -> Expr:
        known = self._known.get(index)
        if known is None:
            if self._component is None:
                return S.Zero
            known = self._known[index] = self._component(index)
        return known

    def _indices(self) -> Iterator[Index]:
        return product(*(range(size) for size in self._shape))

    def nonzero(self) -> dict[Index, Expr]:
        """The components that are not zero, by index, in index order."""
        return {index: value for index in self._indices() if (value := self._get(index)) != 0}

    def to_array(self) -> ImmutableDenseNDimArray:
        """All components as a sympy array."""
        return ImmutableDenseNDimArray([self._get(i) for i in self._indices()], self._shape)

    def evalf(
        self, digits: int = 15, at: Mapping[Expr, object] | None = None
    ) -> ImmutableDenseNDimArray:
        """Numeric components.

        Parameters
        ----------
        digits : int
            Significant decimal digits that hold in the result.
        at : mapping, optional
            Symbol -> real number; every free symbol needs a value. Floats are taken as the
            decimal numbers that they print as.

        Returns
        -------
        ImmutableDenseNDimArray
            Of sympy Floats.

        Raises
        ------
        InvalidArgument
            A symbol without value, a component that is not finite there, or digits that are no
            positive integer.
        """
        if not isinstance(digits, int) or isinstance(digits, bool) or digits < 1:
            raise InvalidArgument(
                f"digits: {digits!r} is no positive integer. Pass for example 15."
            )
        if at is not None and not isinstance(at, Mapping):
            raise InvalidArgument(
                f"at: expected a mapping Symbol -> number, got {at!r}. Write for example {{x: 1}}."
            )
        point = {s: _number(s, v) for s, v in (at or {}).items()}
        values = []
        for index in self._indices():
            values.append(_evaluate(self._get(index), point, digits, index))
        return ImmutableDenseNDimArray(values, self._shape)

    def __iter__(self) -> Iterator[Expr]:
        raise TypeError("a Tensor has no iteration; use to_array() or nonzero()")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tensor):
            return NotImplemented
        if self is other:
            return True
        return self._shape == other._shape and all(
            self._get(i) == other._get(i) for i in self._indices()
        )

    def __hash__(self) -> int:
        return hash((self._shape, tuple(self.nonzero().items())))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restore, (self._shape, self.nonzero()))

    def _repr_latex_(self) -> str:
        from statmani.present.latex import latex

        return f"${latex(self)}$"

    def __repr__(self) -> str:
        return f"<Tensor of shape {self._shape}>"

    def __str__(self) -> str:
        entries = self.nonzero()
        if not entries:
            return f"zero tensor of shape {self._shape}"
        return "\n".join(f"{list(index)} = {value}" for index, value in entries.items())


def _restore(shape: tuple[int, ...], components: dict[Index, Expr]) -> Tensor:
    return Tensor.of_entries(shape, components)


def _number(symbol: Expr, value: object) -> Expr:
    try:
        given = Float(repr(value)) if isinstance(value, float) else sympify(value, strict=True)
        number = sympify(given, rational=True)
    except (SympifyError, ValueError):
        number = None
    if not (isinstance(number, Expr) and number.is_number and number.is_real):
        raise InvalidArgument(f"at: {symbol} = {value!r} is no real number. Give a finite number.")
    return number


def _evaluate(expr: Expr, point: Mapping[Expr, Expr], digits: int, index: Index) -> Expr:
    missing = expr.free_symbols - set(point)
    if missing or expr.has(AppliedUndef):
        what = ", ".join(sorted(map(str, missing or expr.atoms(AppliedUndef))))
        raise InvalidArgument(
            f"component {index}: {what} has no value. Give every symbol a number in `at`."
        )
    if expr == 0:
        return S.Zero
    previous, working = None, digits + _GUARD_DIGITS
    while working < _MOST_DIGITS:
        context = new_context(working)
        try:
            values = {s: value_of(v, {}, context) for s, v in point.items()}
            value = value_of(expr, values, context)
        except NotEvaluable as failure:
            raise InvalidArgument(
                f"component {index} = {expr}: {failure}. Choose a point inside the domain."
            ) from None
        if previous is not None and abs(value - previous) <= abs(value) * context.mpf(10) ** -(
            digits + 2
        ):
            return Float(context.nstr(value, digits + 5), digits)
        previous, working = value, working + 20 + digits // 2
    raise InvalidArgument(
        f"component {index} = {expr}: {digits} digits were not reached because of cancellation. "
        "Check that the component is not zero at this point."
    )
