"""The numeric guard: what the ring believes is checked with 50 digits at a random point.

Atoms whose values are costly, such as unevaluated expectations, name the digits that they can give
cheaply (`guard_digits`); the check then uses fewer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, final

from sympy import Expr, Rational
from sympy.core.function import AppliedUndef

from statmani.algebra.display import Scan, scan
from statmani.algebra.numeric import NotEvaluable, known_value, value_of, values_at
from statmani.algebra.rational import rational_symbols
from statmani.errors import CertificateError, InvalidManifold

if TYPE_CHECKING:
    from statmani.algebra.element import Element
    from statmani.algebra.ring import Ring
    from statmani.domain import Domain

__all__ = ["Guard"]


_DIGITS = 70
_LOST = 20
_NO_POINT = (
    "no point of the domain was found where all entries are finite real numbers. "
    "Declare the signs of the constants, or narrow the domain of the coordinates."
)
_CONSTANTS = ("13/10", "27/10", "3/7", "51/11", "17/19")


# Manifolds in the same coordinates share their internal symbols, so they share these points.
@lru_cache(maxsize=256)
def _interior_points(
    domain: Domain, shift: int, constants: tuple[tuple[Expr, Rational], ...]
) -> list[tuple[Rational, ...]]:
    return domain.interior_points(3, seed=1 + shift, constants=dict(constants))


@final
class Guard:
    """Evaluates elements at one admissible point of the domain."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._point: dict[Any, Any] | None = None
        self._atoms: list[Any] = []
        self._context: Any = None
        self._digits = _DIGITS
        self._floats: list[float] = []
        self._coarse = (0, False)
        self._exact: Mapping[Expr, Rational] = {}

    @property
    def needed(self) -> bool:
        """A ring of rational functions cannot miss a relation."""
        return self._ring.has_functions

    @property
    def is_coarse(self) -> bool:
        """Whether an atom has only few cheap digits, too few to prove that a sum vanishes."""
        atoms = self._ring.atoms
        seen, coarse = self._coarse
        if seen < len(atoms):
            coarse = coarse or any(hasattr(a.expr, "guard_digits") for a in atoms[seen:])
            self._coarse = len(atoms), coarse
        return coarse

    def _candidates(self) -> Iterator[dict[Expr, Rational]]:
        for shift in range(len(_CONSTANTS)):
            constants = {}
            for k, symbol in enumerate(self._ring.constants):
                size = Rational(_CONSTANTS[(shift + k) % len(_CONSTANTS)])
                if symbol.is_integer:
                    size = Rational(int(size) + 2)
                constants[symbol] = -size if symbol.is_nonpositive else size
            try:
                points = _interior_points(self._ring.domain, shift, tuple(constants.items()))
            except InvalidManifold:
                if not constants:
                    raise
                continue
            for point in points:
                coordinates = dict(zip(self._ring.domain.symbols, point, strict=True))
                yield {**constants, **coordinates}

    @property
    def _tolerance(self) -> int:
        return self._digits - _LOST if self._digits == _DIGITS else 2 * self._digits // 3

    def _find(self) -> None:
        cheap = (getattr(a.expr, "guard_digits", _DIGITS) for a in self._ring.atoms)
        self._digits = min(cheap, default=_DIGITS)
        for candidate in self._candidates():
            self._context, point = values_at(self._digits, candidate)
            try:
                atoms = [known_value(a.expr, point, self._context) for a in self._ring.atoms]
            except NotEvaluable:
                continue
            self._atoms = atoms
            self._floats = []
            self._point = point
            self._exact = candidate
            return
        raise InvalidManifold(_NO_POINT)

    def require_interior(self) -> None:
        """Raise when the domain has no interior point.

        Raises
        ------
        InvalidManifold
        """
        if not self._ring.constants:
            _interior_points(self._ring.domain, 0, ())
            return
        if next(self._candidates(), None) is None:
            raise InvalidManifold(_NO_POINT)

    def _values(self) -> list[Any]:
        point = self._required_point
        while len(self._atoms) < len(self._ring.atoms):
            atom = self._ring.atoms[len(self._atoms)]
            if getattr(atom.expr, "guard_digits", _DIGITS) < self._digits:
                self._find()
                continue
            try:
                self._atoms.append(known_value(atom.expr, point, self._context))
            except NotEvaluable:
                self._find()
        return self._atoms

    def _is_clear(self, terms: Scan) -> bool:
        """Whether floating-point numbers already prove that a sum does not vanish."""
        values = self._values()
        self._floats.extend(map(float, values[len(self._floats) :]))
        total = size = 0.0
        powers: dict[tuple[int, int], float] = {}
        try:
            for above, below, product in terms:
                term = above / below
                for key in product:
                    power = powers.get(key)
                    if power is None:
                        power = powers[key] = self._floats[key[0]] ** key[1]
                    term *= power
                total += term
                size += abs(term)
        except OverflowError:
            return False
        # The values carry rounding errors of 1e-16, powers and sums a few hundred times that.
        return 1e-8 * size < abs(total) < float("inf")

    def _polynomial(self, terms: Scan) -> tuple[Any, Any]:
        """Value, and the sum of the terms' magnitudes."""
        values, total, size = self._values(), self._context.mpf(0), self._context.mpf(0)
        for above, below, product in terms:
            term = self._context.mpf(above) / below
            for i, e in product:
                term = term * values[i] ** e
            total, size = total + term, size + abs(term)
        return total, size

    def value(self, element: Element) -> Any:
        """The element at the guard's point, about 60 digits."""
        result = self._polynomial(scan(element.num))[0]
        for factor, e in zip(self._ring.polynomials.factors, element.den, strict=False):
            if e:
                result = result / self._polynomial(scan(factor))[0] ** e
        return result

    def require_nonzero(self, element: Element, terms: Scan | None = None) -> None:
        """Raise when a structurally nonzero element vanishes numerically.

        The terms of the numerator may be given when they are known already.

        Raises
        ------
        CertificateError
            A relation between atoms was missed.
        """
        if not self.needed or not element or len(element.num) == 1:
            return
        if terms is None:
            terms = scan(element.num)
        if self._is_clear(terms):
            return
        value, size = self._polynomial(terms)
        if abs(value) <= size * self._context.mpf(10) ** -self._tolerance:
            expr = self._ring.shown(element)
            raise CertificateError(
                f"the expression {expr} vanishes to {self._tolerance} digits at a random point, "
                "but its atoms have no known relation that makes it zero. Rewrite the entries with "
                "fewer related functions."
            )

    def require_equal(self, expr: Expr, element: Element, what: str = "") -> None:
        """Raise when a converted entry differs from what was given.

        Raises
        ------
        CertificateError
        """
        if not self.needed or rational_symbols(expr) is not None or expr.has(AppliedUndef):
            return
        prefix = f"{what}: " if what else ""
        self._values()
        try:
            point = self._required_point
            given = known_value(self._ring.internal(expr), point, self._context)
        except NotEvaluable as failure:
            raise InvalidManifold(f"{prefix}{failure}") from None
        converted = self.value(element)
        allowed = (1 + abs(given)) * self._context.mpf(10) ** (5 - self._tolerance)
        if abs(given - converted) > allowed:
            raise CertificateError(
                f"{prefix}the exact form is {self._context.nstr(converted, 15)} at a "
                f"random point, the given expression {self._context.nstr(given, 15)}. "
                "Rewrite the entry without multivalued functions."
            )

    def is_regular(self, matrix: list[list[Any]]) -> bool:
        """Whether a numeric matrix has a determinant clearly different from zero."""
        n = len(matrix)
        rows = [list(row) for row in matrix]
        for column in range(n):
            pivot = max(range(column, n), key=lambda r: abs(rows[r][column]))
            rows[column], rows[pivot] = rows[pivot], rows[column]
            head = rows[column][column]
            largest = max(abs(e) for e in matrix[column]) or 1
            if abs(head) <= largest * self._context.mpf(10) ** -self._tolerance:
                return False
            for r in range(column + 1, n):
                factor = rows[r][column] / head
                rows[r] = [x - factor * y for x, y in zip(rows[r], rows[column], strict=True)]
        return True

    def samples(self, element: Element, count: int) -> list[tuple[dict[Expr, Expr], Any]]:
        """(point in the user's symbols, value) at several interior points where it exists."""
        return list(self.each_sample(element, count))

    def each_sample(self, element: Element, count: int) -> Iterator[tuple[dict[Expr, Expr], Any]]:
        """The same, one point after the other."""
        self._values()
        expr = self._ring.to_internal_expr(element)
        constants = {s: self._exact[s] for s in self._ring.constants}
        points = self._ring.domain.interior_points(count, seed=7, constants=constants)
        for point in points:
            exact = {**constants, **dict(zip(self._ring.domain.symbols, point, strict=True))}
            place = {s: self._context.mpf(int(v.p)) / int(v.q) for s, v in exact.items()}
            try:
                value = value_of(expr, place, self._context)
            except NotEvaluable:
                value = self._context.nan
            shown = {self._ring.external(s): v for s, v in exact.items()}
            yield shown, value

    @property
    def _required_point(self) -> dict[Any, Any]:
        if self._point is None:
            self._find()
        assert self._point is not None
        return self._point
