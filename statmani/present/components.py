"""Which components of a tensor are worth printing, and how their indices are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations, combinations_with_replacement, product
from typing import Any, NamedTuple

import sympy as sp

from statmani.present.printer import symbol_names

__all__ = [
    "Component",
    "christoffel_components",
    "connection_tag",
    "metric_components",
    "ricci_components",
    "riemann_components",
    "skewness_components",
    "tensor_components",
]

Symbols = tuple[sp.Symbol, ...]


class Component(NamedTuple):
    """One component: its name as text and as LaTeX, and its value."""

    label: str
    tex: str
    value: sp.Expr


def _component(
    head: str, tex: str, symbols: Symbols, index: tuple[int, ...], value: Any
) -> Component:
    label = f"{head}[{', '.join(symbols[i].name for i in index)}]"
    return Component(label, tex, sp.sympify(value))


def _indices(symbols: Symbols, index: Iterable[int], separator: int | None = None) -> str:
    names = symbol_names(symbols)
    parts = [names[symbols[i]] for i in index]
    if separator is not None:
        return " ".join(parts[:separator]) + "," + " ".join(parts[separator:])
    return " ".join(parts)


def _nonzero(components: Iterator[Component]) -> list[Component]:
    return [component for component in components if component.value != 0]


def connection_tag(alpha: sp.Expr) -> str:
    """LaTeX superscript of an alpha-connection; none for the Levi-Civita connection."""
    if alpha == 0:
        return ""
    return rf"{{(\mathnormal{{{_alpha_tex(alpha)}}})}}"


def _alpha_tex(alpha: sp.Expr) -> str:
    if isinstance(alpha, sp.Symbol):
        return symbol_names([alpha])[alpha]
    return str(alpha)


def metric_components(manifold: Any) -> list[Component]:
    """Non-zero g_ij with i <= j."""
    symbols, metric = manifold.coordinates, manifold.metric
    return _nonzero(
        _component("g", f"g_{{{_indices(symbols, (i, j))}}}", symbols, (i, j), metric[i, j])
        for i, j in combinations_with_replacement(range(len(symbols)), 2)
    )


def skewness_components(manifold: Any) -> list[Component]:
    """Non-zero T_ijk with i <= j <= k."""
    symbols, skewness = manifold.coordinates, manifold.skewness
    return _nonzero(
        _component("T", f"T_{{{_indices(symbols, index)}}}", symbols, index, skewness[index])
        for index in combinations_with_replacement(range(len(symbols)), 3)
    )


def christoffel_components(connection: Any, symbols: Symbols, *, first: bool) -> list[Component]:
    """Non-zero connection symbols with i <= j; the alpha-connections have no torsion."""
    tag = connection_tag(connection.alpha)
    table = connection.christoffel_first if first else connection.christoffel

    def each() -> Iterator[Component]:
        for i, j in combinations_with_replacement(range(len(symbols)), 2):
            for k in range(len(symbols)):
                if first:
                    over = f"^{tag}" if tag else ""
                    tex = rf"\Gamma{over}_{{{_indices(symbols, (i, j, k), 2)}}}"
                    yield _component("christoffel_first", tex, symbols, (i, j, k), table[i, j, k])
                else:
                    over = f"{tag} {_indices(symbols, (k,))}".strip()
                    tex = rf"\Gamma^{{{over}}}_{{{_indices(symbols, (i, j))}}}"
                    yield _component("christoffel", tex, symbols, (k, i, j), table[k, i, j])

    return _nonzero(each())


def riemann_components(connection: Any, symbols: Symbols) -> list[Component]:
    """Non-zero lowered curvature with l <= k and i < j.

    The rest follows from R_lkij = -R_lkji and, at the opposite alpha, R_lkij = -R_klij. For
    alpha = 0 the components with l = k vanish and pairs (l, k), (i, j) may be exchanged.
    """
    tag = connection_tag(connection.alpha)
    table = connection.riemann_lower
    over = f"^{tag}" if tag else ""
    dimension = range(len(symbols))

    def each() -> Iterator[Component]:
        for l, k in combinations_with_replacement(dimension, 2):
            for i, j in combinations(dimension, 2):
                if connection.alpha == 0 and (l, k) > (i, j):
                    continue
                index = (l, k, i, j)
                tex = f"R{over}_{{{_indices(symbols, index)}}}"
                yield _component("riemann_lower", tex, symbols, index, table[index])

    return _nonzero(each())


def ricci_components(connection: Any, symbols: Symbols) -> list[Component]:
    """Non-zero Ricci components; only k <= j when it is symmetric."""
    tag = connection_tag(connection.alpha)
    over = f"^{tag}" if tag else ""
    ricci = connection.ricci
    pairs: Iterable[tuple[int, ...]]
    if ricci == ricci.T:
        pairs = combinations_with_replacement(range(len(symbols)), 2)
    else:
        pairs = product(range(len(symbols)), repeat=2)
    return _nonzero(
        _component(
            "ricci",
            rf"\mathrm{{Ric}}{over}_{{{_indices(symbols, pair)}}}",
            symbols,
            pair,
            ricci[pair],
        )
        for pair in pairs
    )


def tensor_components(tensor: Any, head: str, names: Iterable[str] | None) -> list[Component]:
    """Non-zero components of any tensor in lexicographic order, first index 1."""
    labels = list(names) if names is not None else None

    def each() -> Iterator[Component]:
        for index in product(*(range(size) for size in tensor.shape)):
            parts = [labels[i] if labels else str(i + 1) for i in index]
            tex = f"{head}_{{{' '.join(parts)}}}"
            yield Component(f"{head}[{', '.join(map(str, index))}]", tex, tensor[index])

    return _nonzero(each())
