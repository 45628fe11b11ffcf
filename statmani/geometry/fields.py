"""Users' functions, vector fields and tensors as components in a ring of the chart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from sympy import Add, Expr, Mul, Symbol

from statmani.algebra.element import Element
from statmani.algebra.ring import Ring
from statmani.errors import CertificateError, InvalidArgument, InvalidManifold
from statmani.geometry.chart import carried
from statmani.geometry.tensor import Tensor
from statmani.geometry.validate import read_entry, read_rows

if TYPE_CHECKING:
    from statmani.geometry.manifold import StatisticalManifold

__all__ = [
    "Components",
    "coefficients_of",
    "read_field",
    "read_tensor",
    "read_variance",
    "require_shape",
]

Index = tuple[int, ...]
#: index -> coefficients of powers of alpha; missing ones are zero.
Components = dict[Index, tuple[Element, ...]]

_VARIANCE = (
    'Give one letter per index: "u" for an upper (contravariant), "l" for a lower (covariant) '
    'index, for example "ulll" for R^l_kij.'
)


def read_variance(variance: object, rank: int) -> str:
    """The index types, checked against the rank.

    Raises
    ------
    InvalidArgument
    """
    if not isinstance(variance, str) or set(variance) - {"u", "l"}:
        raise InvalidArgument(f"variance is {variance!r}. {_VARIANCE}")
    if len(variance) != rank:
        raise InvalidArgument(
            f"variance {variance!r} has {len(variance)} letter(s), the tensor {rank} "
            f"index(es). {_VARIANCE}"
        )
    return variance


def require_shape(tensor: Tensor, variance: object, n: int) -> None:
    """Check the shape of a tensor and its index types."""
    rank = tensor.rank
    if tensor.shape != (n,) * rank:
        raise InvalidArgument(
            f"tensor has shape {tensor.shape}, the manifold has dimension {n}. "
            f"Give a tensor of shape {(n,) * rank}."
        )
    read_variance(variance, rank)


def read_tensor(tensor: object, variance: object, n: int) -> dict[Index, Expr]:
    """The components of a user's tensor as expressions, by index.

    Raises
    ------
    InvalidArgument
        Wrong shapes, entries that are no finite real expressions, index types that do not fit.
    """
    if isinstance(tensor, Tensor):
        require_shape(tensor, variance, n)
        return tensor.nonzero()
    read_variance(variance, len(variance) if isinstance(variance, str) else 0)
    depth = len(str(variance))
    found = read_rows(tensor, depth, n, "tensor", InvalidArgument)
    return {
        index: read_entry(value, f"tensor{list(index)}" if index else "tensor", InvalidArgument)
        for index, value in found.items()
    }


def _powers(expr: Expr, alpha: Symbol) -> list[Any]:
    """Coefficients of the powers of alpha."""
    if not expr.has(alpha):
        return [expr]
    if expr == alpha:
        return [0, 1]
    if expr.is_Add:
        parts = [_powers(a, alpha) for a in expr.args]
        size = max(map(len, parts))
        return [Add(*(p[k] for p in parts if k < len(p))) for k in range(size)]
    if expr.is_Mul or (expr.is_Pow and expr.exp.is_Integer and expr.exp > 0):
        factors = expr.args if expr.is_Mul else (expr.base,) * int(expr.exp)
        result: list[Any] = [1]
        for factor in factors:
            other = _powers(factor, alpha)
            terms: list[list[Any]] = [[] for _ in range(len(result) + len(other) - 1)]
            for (i, a), (j, b) in product(enumerate(result), enumerate(other)):
                terms[i + j].append(Mul(a, b))
            result = [Add(*t) for t in terms]
        return result
    raise InvalidArgument(
        f"{expr} is no polynomial in {alpha}, the order of the connection. "
        "Use a connection with a numeric alpha, or another symbol."
    )


def coefficients_of(
    manifold: StatisticalManifold, entries: Mapping[Index, Expr], alpha: Expr
) -> tuple[StatisticalManifold, Components]:
    """Components in a ring that can hold them, with the manifold over this ring.

    The manifold's own ring serves unless an expression needs finer roots or exponents than g and
    T; then both move to a ring that has seen everything.
    """
    split = {
        index: _powers(expr, alpha) if isinstance(alpha, Symbol) else [expr]
        for index, expr in entries.items()
        if expr != 0
    }
    try:
        return manifold, _converted(manifold.ring, split)
    except (CertificateError, InvalidManifold):
        wider = _widened(manifold, [e for parts in split.values() for e in parts])
    try:
        return wider, _converted(wider.ring, split)
    except InvalidManifold as failure:
        raise InvalidArgument(str(failure)) from None


def _converted(ring: Ring, split: Mapping[Index, Sequence[Any]]) -> Components:
    result: Components = {}
    for index, parts in split.items():
        elements = []
        for part in parts:
            try:
                element = ring.convert(part)
            except ZeroDivisionError:
                raise InvalidArgument(
                    f"{part}: a denominator is identically zero. Correct the expression."
                ) from None
            if isinstance(part, Expr) and not part.is_Rational:
                ring.guard.require_equal(part, element, f"component {list(index)}")
            elements.append(element)
        if any(elements):
            result[index] = tuple(elements)
    return result


def _widened(manifold: StatisticalManifold, expressions: Iterable[Any]) -> StatisticalManifold:
    source = manifold.ring
    with source.polynomials.lock:
        ring = Ring(manifold.domain, [*source.atom_expressions(outside=True), *expressions])
        return carried(manifold, ring)


def read_field(
    manifold: StatisticalManifold, field: Sequence[object], what: str = "field"
) -> tuple[StatisticalManifold, list[Element]]:
    """The components of a vector field (upper index), in coordinate order."""
    if isinstance(field, (str, bytes)) or not hasattr(field, "__len__"):
        raise InvalidArgument(
            f"{what} is {field!r}, no sequence. Give one component for each coordinate."
        )
    entries = list(field)
    if len(entries) != manifold.dim:
        raise InvalidArgument(
            f"{what} has {len(entries)} component(s), the manifold has dimension "
            f"{manifold.dim}. Give one component for each coordinate."
        )
    table: dict[Index, Expr] = {
        (i,): read_entry(value, f"{what}[{i}]", InvalidArgument) for i, value in enumerate(entries)
    }
    place, found = coefficients_of(manifold, table, Symbol("no_alpha"))
    zero = place.ring.polynomials.zero
    return place, [found[i,][0] if (i,) in found else zero for i in range(manifold.dim)]
