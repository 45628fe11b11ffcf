"""Reading and checking of hand-written tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations_with_replacement, permutations, product
from typing import Any

import sympy as sp
from sympy import Expr, MatrixBase, Symbol, sympify
from sympy.core.sympify import SympifyError
from sympy.tensor.array import NDimArray

from statmani.algebra.element import Element
from statmani.algebra.rational import rational_symbols
from statmani.algebra.ring import Ring
from statmani.errors import CertificateError, InvalidArgument, InvalidManifold
from statmani.geometry import linear
from statmani.geometry.curvature import Geometry

__all__ = [
    "describe",
    "metric_elements",
    "read_entry",
    "read_metric",
    "read_rows",
    "read_skewness",
    "require_nondegenerate",
    "skewness_elements",
]

Index = tuple[int, ...]
_BAD = (sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I)
ErrorType = type[InvalidManifold] | type[InvalidArgument]


def _names(index: Index, symbols: Sequence[Symbol]) -> str:
    return f"[{', '.join(map(str, index))}] ({', '.join(str(symbols[i]) for i in index)})"


def read_entry(value: object, where: str, error: ErrorType = InvalidManifold) -> Expr:
    """One entry as a finite real expression, or an `error`."""
    if isinstance(value, (str, bool)):
        raise error(
            f"{where} is {value!r} ({type(value).__name__}). Give a number or a sympy expression."
        )
    try:
        expr = sympify(value, strict=True)
    except SympifyError:
        raise error(
            f"{where} is {value!r} ({type(value).__name__}). Give a number or a sympy expression."
        ) from None
    if not isinstance(expr, Expr):
        raise error(f"{where} is {value!r}, no scalar expression. Give one expression.")
    for bad in _BAD:
        if expr.has(bad):
            raise error(
                f"{where} is {expr}, which contains {bad}. Entries must be finite and real; "
                "check the formula and the domain of the coordinates."
            )
    return expr


def _read(value: object, what: str, index: Index, symbols: Sequence[Symbol]) -> Expr:
    # The name of a place is only worth making for a message.
    if isinstance(value, Expr) and (rational_symbols(value) is not None or not value.has(*_BAD)):
        return value
    return read_entry(value, f"{what}{_names(index, symbols)}")


def read_rows(
    value: object, depth: int, n: int, what: str, error: ErrorType = InvalidManifold
) -> dict[Index, object]:
    """Entries of nested sequences, checked to have n entries at each of `depth` levels."""
    remedy = f"Give {what} with shape {(n,) * depth}, one index per coordinate."
    if isinstance(value, (MatrixBase, NDimArray)):
        if tuple(value.shape) != (n,) * depth:
            raise error(f"{what} has shape {tuple(value.shape)}. {remedy}")
        if isinstance(value, NDimArray):
            return {index: value[index] for index in product(range(n), repeat=depth)}
        present = dict(value.iter_items())
        return {index: present.get(index, sp.S.Zero) for index in product(range(n), repeat=depth)}
    if hasattr(value, "tolist"):
        value = value.tolist()
    found: dict[Index, object] = {}

    def walk(part: object, index: Index) -> None:
        if len(index) == depth:
            found[index] = part
            return
        if not isinstance(part, Sequence) or isinstance(part, str):
            place = f" at {list(index)}" if index else ""
            raise error(f"{what}{place} is {part!r}, not a sequence. {remedy}")
        if len(part) != n:
            place = f" at {list(index)}" if index else ""
            raise error(f"{what}{place} has {len(part)} entries, not {n}. {remedy}")
        for i, entry in enumerate(part):
            walk(entry, (*index, i))

    walk(value, ())
    return found


def read_metric(metric: object, symbols: Sequence[Symbol]) -> list[list[Expr]]:
    """The entries of g as expressions."""
    n = len(symbols)
    entries = iter(
        [_read(e, "metric", at, symbols) for at, e in read_rows(metric, 2, n, "metric").items()]
    )
    return [[next(entries) for _ in range(n)] for _ in range(n)]


def read_skewness(skewness: object, symbols: Sequence[Symbol]) -> dict[Index, Expr]:
    """The entries of T as expressions, by index; missing ones are zero."""
    n = len(symbols)
    if skewness is None:
        return {}
    if isinstance(skewness, Mapping):
        entries: dict[Index, object] = {}
        for key, value in skewness.items():
            if not (
                isinstance(key, tuple)
                and len(key) == 3
                and all(isinstance(i, int) and 0 <= i < n for i in key)
            ):
                raise InvalidManifold(
                    f"skewness has the key {key!r}. Keys are three indices below {n}."
                )
            entries[key] = value
    else:
        getter = getattr(skewness, "to_array", None)
        entries = read_rows(getter() if callable(getter) else skewness, 3, n, "skewness")
    return {index: _read(value, "skewness", index, symbols) for index, value in entries.items()}


def _converted(
    ring: Ring, entries: Iterable[tuple[Index, Expr]], what: str, symbols: Sequence[Symbol]
) -> dict[Index, Element]:
    """The entries in the ring; equal ones are converted and checked once."""
    known: dict[Expr, Element] = {}
    result: dict[Index, Element] = {}
    for index, expr in entries:
        if expr not in known:
            try:
                known[expr] = ring.convert(expr)
                if ring.has_functions:
                    ring.guard.require_equal(expr, known[expr])
            except (InvalidManifold, CertificateError) as failure:
                where = f"{what}{_names(index, symbols)}"
                raise type(failure)(f"{where} = {expr}: {failure}") from None
            except ZeroDivisionError:
                raise InvalidManifold(
                    f"{what}{_names(index, symbols)} = {expr}: a denominator is identically zero. "
                    "Correct the formula."
                ) from None
        result[index] = known[expr]
    return result


def metric_elements(
    ring: Ring, entries: Sequence[Sequence[Expr]], symbols: Sequence[Symbol]
) -> list[list[Element]]:
    """The metric in the ring, after checking that it is symmetric."""
    n = range(len(symbols))
    indexed = [((i, j), entries[i][j]) for i in n for j in n]
    found = _converted(ring, indexed, "metric", symbols)
    result = [[found[i, j] for j in n] for i in n]
    for i in n:
        for j in n[:i]:
            if result[i][j] is not result[j][i] and result[i][j] != result[j][i]:
                raise InvalidManifold(
                    f"metric is not symmetric: entry {_names((j, i), symbols)} is {entries[j][i]}, "
                    f"entry {_names((i, j), symbols)} is {entries[i][j]}. Make them equal."
                )
    return result


def skewness_elements(
    ring: Ring, entries: Mapping[Index, Expr], symbols: Sequence[Symbol]
) -> dict[tuple[int, int, int], Element]:
    """The nonzero components with i <= j <= k, after checking total symmetry."""
    if not entries:
        return {}
    found = _converted(ring, entries.items(), "skewness", symbols)
    result: dict[tuple[int, int, int], Element] = {}
    for i, j, k in combinations_with_replacement(range(len(symbols)), 3):
        places = [p for p in sorted(set(permutations((i, j, k)))) if p in entries]
        if not places:
            continue
        values = [found[p] for p in places]
        for place, value in zip(places[1:], values[1:], strict=True):
            if value != values[0]:
                raise InvalidManifold(
                    f"skewness is not totally symmetric: entry {_names(places[0], symbols)} is "
                    f"{entries[places[0]]}, entry {_names(place, symbols)} is {entries[place]}. "
                    "Make them equal."
                )
        if values[0]:
            result[i, j, k] = values[0]
    return result


def require_nondegenerate(geometry: Geometry, symbols: Sequence[Symbol]) -> None:
    """Refuse a metric whose determinant vanishes identically.

    A value at one point proves the contrary; only a suspicious one is worth the exact determinant.
    """
    guard = geometry.ring.guard
    guard.require_interior()
    if geometry.dim <= 2 and not geometry.ring.polynomials.relations:
        if geometry.determinant:
            return
    elif linear.is_surely_regular(geometry.ring, geometry.metric):
        return
    n = geometry.dim
    values = [[guard.value(geometry.metric[i][j]) for j in range(n)] for i in range(n)]
    if guard.is_regular(values):
        return
    det = geometry.determinant
    if not det:
        raise InvalidManifold(
            f"the metric in the coordinates ({', '.join(map(str, symbols))}) is degenerate: its "
            "determinant is identically zero. Remove the coordinates that change nothing."
        )


def describe(values: Mapping[Any, Any]) -> str:
    """A point for messages."""
    return ", ".join(f"{symbol} = {value}" for symbol, value in values.items())
