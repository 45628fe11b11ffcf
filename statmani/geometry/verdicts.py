"""Exact verdicts: conjugate symmetry, and the orders for which a manifold is flat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Any, final

from sympy import EmptySet, Expr, FiniteSet, Float, Intersection, S, Set, Symbol, sqrt

from statmani.algebra.element import Element, max_exponents
from statmani.algebra.ring import Ring
from statmani.errors import CertificateError

if TYPE_CHECKING:
    from statmani.geometry.manifold import StatisticalManifold

__all__ = ["ConjugateSymmetry", "conjugate_symmetry", "first_asymmetric", "flat_orders"]

Index = tuple[int, ...]


@final
@dataclass(frozen=True)
class ConjugateSymmetry:
    """Whether R^(alpha) = R^(-alpha) for all alpha.

    Attributes
    ----------
    holds : bool
    index : tuple of int or None
        (l, k, i, j) of a component that differs.
    difference : Expr or None
        The coefficient of alpha in ``riemann_lower[index]``; half the difference of that
        component between the orders alpha and -alpha is alpha times this.
    point : tuple of (Symbol, Rational)
        A point where the difference is not zero; empty when the property holds.
    value : Expr or None
        The difference there, to 15 digits.
    """

    holds: bool
    index: Index | None = None
    difference: Expr | None = None
    point: tuple[tuple[Symbol, Expr], ...] = ()
    value: Expr | None = None

    def __bool__(self) -> bool:
        return self.holds

    def __str__(self) -> str:
        if self.holds:
            return "conjugate symmetric: R^(alpha) = R^(-alpha) for all alpha"
        where = ", ".join(f"{s} = {v}" for s, v in self.point)
        return (
            f"not conjugate symmetric: riemann_lower{list(self.index or ())} has the term "
            f"alpha * ({self.difference}), which is {self.value} at {where}"
        )

    __repr__ = __str__


def first_asymmetric(manifold: StatisticalManifold) -> tuple[Index, Element] | None:
    """The first component of the part of Riemann's tensor that is odd in alpha.

    Raises
    ------
    CertificateError
        No component is proved different from zero, but one vanishes only numerically.
    """
    geometry, ring, n = manifold.geometry, manifold.ring, manifold.dim
    if not geometry.skewness:
        return None
    undecided: CertificateError | None = None
    with ring.polynomials.lock:
        for i, j in product(range(n), repeat=2):
            if i >= j:
                continue
            for l, k in product(range(n), repeat=2):
                value = geometry.lower(l, k, i, j, 1)
                if l <= k and value:
                    try:
                        ring.guard.require_nonzero(value)
                    except CertificateError as failure:
                        undecided = failure
                        continue
                    return (l, k, i, j), value
    if undecided is not None:
        raise undecided
    return None


def conjugate_symmetry(manifold: StatisticalManifold) -> ConjugateSymmetry:
    """Whether R^(alpha) = R^(-alpha) for all alpha, exactly (Lauritzen 1987, section 4).

    ``riemann_lower = R0 + alpha R1 + alpha^2 R2``, so that the property says R1 = 0.

    Examples
    --------
    >>> import statmani as sm
    >>> conjugate_symmetry(sm.families.normal().manifold()).holds
    True
    >>> bool(conjugate_symmetry(sm.families.weibull().manifold()))
    False
    """
    found = first_asymmetric(manifold)
    if found is None:
        return ConjugateSymmetry(True)
    index, element = found
    ring = manifold.ring
    for point, value in ring.guard.samples(element, 4):
        if value == value and value != 0:
            shown = Float(str(value), 15)
            where = tuple(sorted(point.items(), key=lambda pair: str(pair[0])))
            return ConjugateSymmetry(False, index, ring.to_sympy(element), where, shown)
    return ConjugateSymmetry(False, index, ring.to_sympy(element))


def _constant_parts(ring: Ring, elements: Sequence[Element]) -> Iterable[list[Element]]:
    """Rows of coefficients, free of coordinates, that vanish together with the elements' sum.

    Given c_0, c_1, c_2 over a common denominator, one row per monomial in the generators that
    depend on coordinates.
    """
    polynomials = ring.polynomials
    common = max_exponents(e.den for e in elements)
    nums = []
    for e in elements:
        den = e.den + (0,) * (len(common) - len(e.den))
        missing = tuple(c - d for c, d in zip(common, den, strict=True))
        scaled = polynomials.lift(e.num) * polynomials.expand_denominator(missing)
        nums.append(polynomials.lowest(scaled, ()).num)
    coordinates = set(ring.domain.symbols)
    moving = [bool(atom.expr.free_symbols & coordinates) for atom in ring.atoms]
    # The ring keeps spare generators that no polynomial contains.
    moving += [False] * (polynomials.width - len(moving))
    rows: dict[tuple[int, ...], list[dict[Any, Any]]] = {}
    for order, num in enumerate(nums):
        for exponents, c in num.to_dict().items():
            # The context may hold spare generators, which occur nowhere.
            key = tuple(e if k < len(moving) and moving[k] else 0 for k, e in enumerate(exponents))
            rest = tuple(e - own for e, own in zip(exponents, key, strict=True))
            parts = rows.setdefault(key, [{} for _ in nums])
            parts[order][rest] = c
    for parts in rows.values():
        yield [Element(polynomials, polynomials.context.from_dict(p), ()) for p in parts]


def _ratios(row: Sequence[Element]) -> tuple[Fraction, ...] | None:
    """A row of rational numbers divided by the first that is not zero, else None."""
    numbers = [e.constant for e in row]
    if any(q is None for q in numbers):
        return None
    known = [q for q in numbers if q is not None]
    lead = next((q for q in known if q), Fraction(1))
    return tuple(q / lead for q in known)


def _reduced(ring: Ring, rows: list[list[Element]], row: list[Element]) -> list[Element]:
    """The row after elimination by the rows in echelon form, highest power first."""
    for known in rows:
        lead = next(k for k in range(2, -1, -1) if known[k])
        if row[lead]:
            factor = row[lead] * ring.inverse(known[lead])
            row = [a - factor * b for a, b in zip(row, known, strict=True)]
    return row


def flat_orders(manifold: StatisticalManifold) -> Set:
    """The set of all real alpha for which the alpha-connection is flat.

    Every component of Riemann's tensor is c0 + c1 alpha + c2 alpha^2 with exact c0, c1, c2; the
    common roots that do not depend on the coordinates are the answer.

    Returns
    -------
    Set
        ``Reals``, a FiniteSet of at most two orders, or ``EmptySet``. Orders may contain constants.

    Examples
    --------
    >>> import statmani as sm
    >>> flat_orders(sm.families.normal().manifold())
    {-1, 1}
    >>> flat_orders(sm.families.weibull().manifold())
    EmptySet
    """
    geometry, ring, n = manifold.geometry, manifold.ring, manifold.dim
    rows: list[list[Element]] = []
    undecided: CertificateError | None = None
    seen: set[tuple[Fraction, ...] | None] = set()
    with ring.polynomials.lock:
        for i, j in product(range(n), repeat=2):
            if i >= j:
                continue
            for l, k in product(range(n), repeat=2):
                parts = geometry.riemann_lower(l, k, i, j)
                # (k, l) has the same terms even in alpha with the other sign, and no other.
                if not any(parts) or (l > k and not parts[1]):
                    continue
                try:
                    for part in parts:
                        ring.guard.require_nonzero(part)
                except CertificateError as failure:
                    # Left out, it can only make the set too large.
                    undecided = failure
                    continue
                for row in _constant_parts(ring, parts):
                    ratios = _ratios(row)
                    if ratios is not None and ratios in seen:
                        continue
                    seen.add(ratios)
                    row = _reduced(ring, rows, row)
                    if any(row):
                        rows.append(row)
                        rows.sort(key=lambda r: max(k for k in range(3) if r[k]), reverse=True)
                    if len(rows) == 3 or (rows and not rows[-1][1] and not rows[-1][2]):
                        return EmptySet
        found = _roots(ring, rows)
    if undecided is not None and found is not EmptySet:
        raise undecided
    return found


def _roots(ring: Ring, rows: list[list[Element]]) -> Set:
    if not rows:
        return S.Reals
    if len(rows) == 2:
        # Echelon form: the second row is linear, and its root must satisfy the first.
        c0, c1, _ = rows[1]
        root = -(c0 * ring.inverse(c1))
        a0, a1, a2 = rows[0]
        if a0 + root * (a1 + root * a2):
            return EmptySet
        return FiniteSet(ring.to_sympy(root))
    c0, c1, c2 = rows[0]
    if not c2:
        return FiniteSet(ring.to_sympy(-(c0 * ring.inverse(c1)))) if c1 else EmptySet
    unit = ring.inverse(c2)
    half, end = (c1 * unit).scale(Fraction(-1, 2)), c0 * unit
    centre, discriminant = ring.to_sympy(half), ring.to_sympy(half * half - end)
    if discriminant.is_negative:
        return EmptySet
    roots = FiniteSet(centre - sqrt(discriminant), centre + sqrt(discriminant))
    return roots if discriminant.is_nonnegative else Intersection(roots, S.Reals)
