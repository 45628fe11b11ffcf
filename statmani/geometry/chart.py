"""Change of chart and pull-back: ring homomorphisms applied to g and T."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any, final

from sympy import Derivative, Expr, Integral, Subs, Sum, Symbol

from statmani.algebra.element import Element
from statmani.algebra.polynomials import Row, row
from statmani.algebra.ring import Ring
from statmani.domain import Domain
from statmani.errors import InvalidArgument, InvalidManifold
from statmani.geometry import linear
from statmani.geometry.injectivity import same_image
from statmani.geometry.refinement import shown
from statmani.geometry.singular import zero_of
from statmani.geometry.smooth_inside import (
    KINKED,
    require_defined,
    require_inside,
    require_smooth,
)
from statmani.geometry.validate import describe, read_entry
from statmani.reading import domain_of

if TYPE_CHECKING:
    from statmani.geometry.embedding import Embedding
    from statmani.geometry.manifold import StatisticalManifold

__all__ = ["Homomorphism", "carried", "pull_back", "pulled_tensors"]

_BOUND = (Derivative, Subs, Integral, Sum)
_WITNESSES = 8


@final
class Homomorphism:
    """Images of ring elements when the old coordinates become functions of the new ones."""

    def __init__(self, source: Ring, target: Ring, mapping: Mapping[Expr, Expr]) -> None:
        self._source = source
        self._target = target
        self._mapping = dict(mapping)
        self._images: dict[int, Element] = {}
        self._factors: dict[int, Element] = {}
        self._powers: dict[tuple[int, int], Element] = {}

    def _image(self, generator: int) -> Element:
        if generator not in self._images:
            expr = substitute(
                self._source.external(self._source.atoms[generator].expr), self._mapping
            )
            self._images[generator] = self._target.convert(expr)
        return self._images[generator]

    def _power(self, generator: int, exponent: int) -> Element:
        key = (generator, exponent)
        if key not in self._powers:
            self._powers[key] = self._image(generator) ** exponent
        return self._powers[key]

    def _polynomial(self, polynomial: Any) -> Element:
        target = self._target.polynomials
        used = self._source.polynomials.used(polynomial)
        images = {generator: self._image(generator) for generator in used}
        if not any(image.den for image in images.values()):
            places = [target.zero.num] * len(polynomial.degrees())
            for generator, image in images.items():
                places[generator] = target.numerator(image)
            return target.lowest(polynomial.compose(*places, ctx=target.context), ())
        terms = []
        for exponents, c in polynomial.to_dict().items():
            term = self._target.polynomials.one
            for generator, e in enumerate(exponents):
                if e:
                    term = term * self._power(generator, int(e))
            terms.append(Element(term.ring, term.num * c, term.den))
        return self._target.polynomials.total(terms)

    def __call__(self, element: Element) -> Element:
        result = self._polynomial(element.num)
        for index, e in enumerate(element.den):
            if e:
                if index not in self._factors:
                    factor = self._polynomial(self._source.polynomials.factors[index])
                    self._factors[index] = self._target.inverse(factor)
                result = result * self._factors[index] ** e
        return result


def carried(manifold: StatisticalManifold, ring: Ring) -> StatisticalManifold:
    """The same manifold in the same coordinates over another ring."""
    carry = Homomorphism(manifold.ring, ring, {})
    geometry = manifold.geometry
    metric = [[carry(e) for e in row] for row in geometry.metric]
    skewness = {index: carry(value) for index, value in geometry.skewness.items()}
    return type(manifold)._from_elements(
        manifold.domain, ring, metric, skewness, manifold.certificate
    )


def substitute(expr: Expr, mapping: Mapping[Expr, Expr]) -> Expr:
    """Simultaneous substitution that also respects bound symbols."""
    if expr.has(*_BOUND):
        return expr.subs(mapping, simultaneous=True)
    return expr.xreplace(dict(mapping))


def _read_mapping(
    manifold: StatisticalManifold, mapping: Mapping[Symbol, object], domain: Domain
) -> dict[Expr, Expr]:
    old = manifold.coordinates
    if not isinstance(mapping, Mapping):
        raise InvalidArgument(
            f"mapping is {mapping!r}, not a mapping. Give {{old coordinate: expression}}."
        )
    missing = [str(s) for s in old if s not in mapping]
    if missing:
        raise InvalidArgument(
            f"mapping lacks the old coordinate(s) {', '.join(missing)}. Give an expression in the "
            "new coordinates for each; one that stays is {x: x}."
        )
    unknown = [str(s) for s in mapping if s not in old]
    if unknown:
        raise InvalidArgument(
            f"mapping has {', '.join(unknown)}, no coordinate of the manifold "
            f"({', '.join(map(str, old))}). Remove it."
        )
    result: dict[Expr, Expr] = {s: read_entry(mapping[s], f"mapping[{s}]") for s in old}
    gone = set(old) - set(domain.symbols)
    for symbol, expr in result.items():
        stale = sorted(str(s) for s in expr.free_symbols & gone)
        if stale:
            raise InvalidArgument(
                f"mapping[{symbol}] = {expr} contains the old coordinate(s) {', '.join(stale)}. "
                "Express it in the new coordinates only."
            )
    return result


def _require_immersion(
    manifold: StatisticalManifold,
    ring: Ring,
    jacobian: Sequence[Sequence[Element]],
    mapping: Mapping[Expr, Expr],
) -> None:
    """Refuse a Jacobian of too low rank, with a witness point where it can be shown."""
    n, m = len(jacobian), len(jacobian[0])
    columns = [[jacobian[i][a] for i in range(n)] for a in range(m)]
    if n == m:
        det = linear.determinant(ring, jacobian)
    else:
        gram = [[ring.polynomials.dot(zip(a, b, strict=True)) for b in columns] for a in columns]
        det = linear.determinant(ring, gram)
    new = ", ".join(str(s) for s in ring.user_domain.symbols)
    text = ", ".join(f"{k} = {v}" for k, v in mapping.items())
    if not det:
        raise InvalidManifold(
            f"the map {text} has a singular Jacobian everywhere: it does not depend on "
            f"{new} independently. Use a map with an invertible Jacobian."
        )
    ring.guard.require_nonzero(det)
    witness: dict[int, Mapping[Expr, Expr]] = {}
    for point, value in ring.guard.samples(det, _WITNESSES) if n == m else ():
        witness.setdefault(0 if not value else (1 if value > 0 else -1), point)
    if 0 in witness:
        raise InvalidManifold(
            f"the map {text} has a singular Jacobian at {describe(witness[0])}. "
            "Restrict the domain of the new coordinates."
        )
    if len(witness) > 1:
        raise InvalidManifold(
            f"the map {text} has a Jacobian determinant of different signs at "
            f"{describe(witness[1])} and {describe(witness[-1])}, so it is singular in between and "
            f"not one-to-one{_pair(manifold.domain, ring.user_domain, mapping)}. "
            "Restrict the domain of the new coordinates."
        )
    zero = zero_of(ring, det)
    if zero is not None:
        raise InvalidManifold(
            f"the map {text} has a singular Jacobian at {shown(zero)}. "
            "Restrict the domain of the new coordinates."
        )


def _pair(old: Domain, new: Domain, mapping: Mapping[Expr, Expr]) -> str:
    """Two points with the same image for a message, or nothing when none are found."""
    periodic = [axis.periodic for axis in old.axes]
    pair = same_image(new, list(mapping.values()), periodic)
    if pair is None:
        return ""
    return f": {shown(pair[0])} and {shown(pair[1])} have the same image"


def _require_injective(old: Domain, new: Domain, mapping: Mapping[Expr, Expr]) -> None:
    """Refuse a map for which two points with the same image are found."""
    pair = _pair(old, new, mapping)
    if pair:
        text = ", ".join(f"{k} = {v}" for k, v in mapping.items())
        raise InvalidManifold(
            f"the map {text} is not one-to-one{pair}. Restrict the domain of the new coordinates."
        )


def _require_map(old: Domain, new: Domain, mapping: Mapping[Expr, Expr]) -> None:
    """Refuse a map that is not smooth, not finite or outside the old domain somewhere."""
    if old.constants or new.constants:
        return
    if any(e.has(*KINKED) for e in mapping.values()):
        # Two points with one image say more than a kink.
        _require_injective(old, new, mapping)
        require_smooth(new, mapping)
    require_defined(new, mapping)
    require_inside(old, new, mapping)


def _require_inside(
    manifold: StatisticalManifold, ring: Ring, mapping: Mapping[Expr, Expr]
) -> None:
    """Refuse a map that leaves the old domain at a sample point."""
    if manifold.domain.constants:
        return
    images = [ring.convert(mapping[s]) for s in manifold.coordinates]
    samples = [ring.guard.samples(image, _WITNESSES) for image in images]
    for rows in zip(*samples, strict=True):
        values = [float(value) for _, value in rows]
        if not bool(manifold.domain.contains(values)):
            where = describe(rows[0][0])
            got = ", ".join(
                f"{s} = {v:.6g}" for s, v in zip(manifold.coordinates, values, strict=True)
            )
            raise InvalidManifold(
                f"the map leaves the domain ({manifold.domain}): at {where} it gives {got}. "
                "Restrict the domain of the new coordinates."
            )


def pull_back(
    manifold: StatisticalManifold,
    mapping: Mapping[Symbol, object],
    coordinates: object,
    constraint: object,
    *,
    same_dimension: bool,
) -> StatisticalManifold:
    """g'_ab = J^i_a J^j_b g_ij and T'_abc likewise, exactly."""
    if isinstance(coordinates, Domain):
        domain = coordinates
    else:
        domain = domain_of(coordinates, constraint, what="new coordinates", error=InvalidManifold)
    n, m = manifold.dim, domain.dim
    if same_dimension and m != n:
        raise InvalidArgument(
            f"{m} new coordinate(s) for a manifold of dimension {n}. Give {n}, or use submanifold."
        )
    if not same_dimension and m >= n:
        raise InvalidArgument(
            f"{m} new coordinate(s) for a submanifold of a manifold of dimension {n}. "
            "Give fewer, or use reparametrize."
        )
    table = _read_mapping(manifold, mapping, domain)
    _require_map(manifold.domain, domain, table)
    source = manifold.ring
    with source.polynomials.lock:
        hints = [substitute(source.external(a.expr), table) for a in source.atoms]
        ring = Ring(domain, hints)
        _require_inside(manifold, ring, table)
        images = [ring.convert(table[s]) for s in manifold.coordinates]
        jacobian = [[ring.derivative(image, a) for a in range(m)] for image in images]
        _require_immersion(manifold, ring, jacobian, table)
        _require_injective(manifold.domain, domain, table)
        carry = Homomorphism(source, ring, table)
        metric = _pulled_metric(ring, manifold, carry, jacobian)
        skewness = _pulled_skewness(ring, manifold, carry, jacobian)
        result = type(manifold)._from_elements(domain, ring, metric, skewness, manifold.certificate)
        result.embedding = _embedding(manifold, ring, table, carry, jacobian, same_dimension)
    if manifold.source is not None:
        result.source = manifold.source.in_chart(table)
    return result


def pulled_tensors(
    manifold: StatisticalManifold, domain: Domain, mapping: Mapping[Expr, Expr]
) -> tuple[Ring, list[list[Element]], dict[tuple[int, int, int], Element]]:
    """g and T in other coordinates and their ring, for a map that is known to be a chart."""
    source = manifold.ring
    with source.polynomials.lock:
        ring = Ring(domain, [substitute(source.external(a.expr), mapping) for a in source.atoms])
        images = [ring.convert(mapping[s]) for s in manifold.coordinates]
        jacobian = [[ring.derivative(image, a) for a in range(ring.dim)] for image in images]
        carry = Homomorphism(source, ring, mapping)
        metric = _pulled_metric(ring, manifold, carry, jacobian)
        return ring, metric, _pulled_skewness(ring, manifold, carry, jacobian)


def _embedding(
    manifold: StatisticalManifold,
    ring: Ring,
    table: Mapping[Expr, Expr],
    carry: Homomorphism,
    jacobian: Sequence[Sequence[Element]],
    same_dimension: bool,
) -> Embedding | None:
    """The map into the ambient manifold; a new chart of a submanifold keeps its ambient."""
    from statmani.geometry.embedding import Embedding

    if not same_dimension:
        return Embedding(manifold, table, carry, jacobian)
    old = manifold.embedding
    if old is None:
        return None
    mapping = {s: substitute(e, table) for s, e in old.mapping.items()}
    ambient = old.ambient
    images = [ring.convert(mapping[s]) for s in ambient.coordinates]
    return Embedding(
        ambient,
        mapping,
        Homomorphism(ambient.ring, ring, mapping),
        [[ring.derivative(image, a) for a in range(ring.dim)] for image in images],
    )


def _pulled_metric(
    ring: Ring,
    manifold: StatisticalManifold,
    carry: Homomorphism,
    jacobian: Sequence[Sequence[Element]],
) -> list[list[Element]]:
    n, m = range(len(jacobian)), range(len(jacobian[0]))
    dot, zero = ring.polynomials.dot, ring.polynomials.zero
    columns = _columns(jacobian)
    g = manifold.geometry.metric
    old = {(i, j): carry(g[i][j]) for i in n for j in n[i:] if g[i][j]}
    half = [
        [dot((old.get((min(i, j), max(i, j)), zero), d) for j, d in columns[b].items()) for b in m]
        for i in n
    ]
    result = [[zero] * len(m) for _ in m]
    for a in m:
        for b in m[a:]:
            entry = dot((d, half[i][b]) for i, d in columns[a].items())
            result[a][b] = result[b][a] = entry
    return result


def _columns(jacobian: Sequence[Sequence[Element]]) -> list[Row]:
    """By new coordinate, the old ones that depend on it."""
    return [row(line) for line in zip(*jacobian, strict=True)]


def _pulled_skewness(
    ring: Ring,
    manifold: StatisticalManifold,
    carry: Homomorphism,
    jacobian: Sequence[Sequence[Element]],
) -> dict[tuple[int, int, int], Element]:
    n, m = range(len(jacobian)), range(len(jacobian[0]))
    dot, zero = ring.polynomials.dot, ring.polynomials.zero
    columns = _columns(jacobian)
    old = {index: carry(value) for index, value in manifold.geometry.skewness.items()}
    if not old:
        return {}

    def t(i: int, j: int, k: int) -> Element:
        a, b, c = sorted((i, j, k))
        return old.get((a, b, c), zero)

    one = {
        (i, j, c): dot((t(i, j, k), d) for k, d in columns[c].items())
        for i in n
        for j in n[i:]
        for c in m
    }
    two = {
        (i, b, c): dot((one[min(i, j), max(i, j), c], d) for j, d in columns[b].items())
        for i in n
        for b in m
        for c in m[b:]
    }
    made = {
        (a, b, c): dot((two[i, b, c], d) for i, d in columns[a].items())
        for a, b, c in combinations_with_replacement(m, 3)
    }
    return {index: entry for index, entry in made.items() if entry}
