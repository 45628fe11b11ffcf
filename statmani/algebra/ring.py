"""The localised differential ring of one chart: atoms, derivations, conversion.

Everything inside is written in internal symbols with the assumptions that the chart's domain
implies, so that the user's names and assumptions never influence a result. All symbols are
real numbers here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from fractions import Fraction
from itertools import islice
from typing import Any, final

from sympy import Expr, S, Symbol, oo, sympify

from statmani.algebra.atoms import Atom, CoordinateRule, Derivation, internal_domain
from statmani.algebra.convert import convert
from statmani.algebra.display import Display, element_expr, monomial_expr, polynomial_expr, scan
from statmani.algebra.element import Element, Exponents
from statmani.algebra.guard import Guard
from statmani.algebra.polynomials import Polynomials
from statmani.algebra.prepare import prepare
from statmani.algebra.rational import convert_rational, rational_symbols
from statmani.algebra.sums import Groups
from statmani.domain import Domain
from statmani.errors import InvalidManifold
from statmani.signs import is_positive_on

__all__ = ["Atom", "Ring"]


@final
class Ring:
    """Exact functions on a chart.

    Parameters
    ----------
    domain : Domain
        Coordinates in the user's symbols.
    expressions : iterable of Expr
        Everything that will be converted first; fixes constants, root degree and lattices.

    Examples
    --------
    >>> from sympy import symbols, log
    >>> from statmani.reading import domain_of
    >>> x, y = symbols("x y", positive=True)
    >>> ring = Ring(domain_of((x, y)))
    >>> ring.to_sympy(ring.convert(1 / x - y / (x * y)))
    0
    >>> ring.to_sympy(ring.derivative(ring.convert(log(x * y**2)), 1))
    2/y
    """

    def __init__(self, domain: Domain, expressions: Iterable[Expr] = ()) -> None:
        self.polynomials = Polynomials(domain.dim)
        self.atoms: list[Atom] = []
        self._functions: list[int] = []
        self._outside_atoms: list[Expr] = []
        self._by_key: dict[Hashable, int] = {}
        #: Internal expressions, and rational functions as the user gave them.
        self._converted: dict[Expr, Element] = {}
        self._given: dict[Expr, Element] = {}
        self._derivatives: dict[tuple[int, int], Element] = {}
        self._factor_derivatives: dict[tuple[int, int], Element] = {}
        self._outer_derivatives: dict[tuple[int, int, int], Element] = {}
        self._settled: dict[tuple[int, int], bool] = {}
        self._signs: dict[str, int] = {}
        self.assumed = 0
        self._displays: dict[bool, Display] = {}
        self.root_degree = 2
        self.lattices: dict[str, list[tuple[Element, tuple[int, ...]]]] = {"exp": [], "trig": []}
        self.polygamma_rules: dict[Expr, Callable[[int], Element] | None] = {}
        self.anchors: dict[Expr, int] = {}
        self._renamed: dict[Expr, Expr] = {}
        self.dim = domain.dim
        self._inside, self.domain = internal_domain(domain)
        self._inside = self._inside.copy()
        self._outside = {new: old for old, new in self._inside.items()}
        self.user_domain = domain
        free: set[Any] = set(domain.constants)
        others: list[Expr] = []
        for expr in dict.fromkeys(expressions):
            symbols = rational_symbols(expr)
            if symbols is None:
                others.append(expr)
                symbols = expr.free_symbols
            free |= symbols
        free -= self._inside.keys()
        if free:
            for symbol in sorted(free, key=lambda s: (s.name, str(s.assumptions0))):
                self._rename_constant(symbol)
            self.domain = domain.subs(self._inside)
        self.guard = Guard(self)
        self._coordinates()
        if others:
            prepare(self, [self.internal(e) for e in others])

    # -- names ---------------------------------------------------------------------------

    def _rename(self, outside: Expr, inside: Expr) -> None:
        self._inside[outside] = inside
        self._outside[inside] = outside

    def _rename_constant(self, symbol: Any) -> None:
        if symbol.is_real is False:
            raise InvalidManifold(
                f"symbol {symbol} is declared not real; tensors of a manifold are real. "
                f"Use Symbol({symbol.name!r}, real=True)."
            )
        facts = {
            name: True
            for name in ("positive", "negative", "nonnegative", "nonpositive", "integer")
            if getattr(symbol, f"is_{name}")
        } or {"real": True}
        if "positive" in facts or "negative" in facts:
            facts.pop("nonnegative", None)
            facts.pop("nonpositive", None)
        self._rename(symbol, Symbol(f"c{len(self._inside) - self.dim}", **facts))

    def internal(self, expr: Expr) -> Expr:
        """The expression in internal symbols; unknown symbols become constants."""
        known = self._renamed.get(expr)
        if known is None:
            for symbol in sorted(expr.free_symbols - self._inside.keys(), key=str):
                self._rename_constant(symbol)
            known = self._renamed[expr] = expr.xreplace(self._inside)
        return known

    def external(self, expr: Expr) -> Expr:
        """The expression in the user's symbols."""
        return expr.xreplace(self._outside)

    def atom_expressions(self, outside: bool) -> list[Expr]:
        """The generators' expressions, in the user's or in internal symbols."""
        if not outside:
            return [a.expr for a in self.atoms]
        for atom in self.atoms[len(self._outside_atoms) :]:
            self._outside_atoms.append(self.external(atom.expr))
        return self._outside_atoms

    def display(self, outside: bool) -> Display:
        """What is remembered of expressions in the user's or in internal symbols."""
        known = self._displays.get(outside)
        if known is None:
            known = self._displays[outside] = Display(self, outside)
        return known

    @property
    def constants(self) -> tuple[Expr, ...]:
        """Internal symbols that are no coordinates."""
        return tuple(islice(self._inside.values(), self.dim, None))

    # -- atoms ---------------------------------------------------------------------------

    def _coordinates(self) -> None:
        """The coordinates are the first generators: derivatives rely on it."""
        polynomials = self.polynomials
        for index, symbol in enumerate(self.domain.symbols):
            self._by_key[symbol] = index
            self.atoms.append(Atom(symbol, CoordinateRule(polynomials, index), "symbol"))

    def symbol_index(self, symbol: Expr) -> int:
        """The generator of one of the user's symbols."""
        inside = self._inside.get(symbol) or self.internal(symbol)
        if inside not in self._by_key:
            self.atom(inside, inside, lambda _: self.polynomials.zero, "symbol")
        return self._by_key[inside]

    def atom(
        self,
        key: Hashable,
        expr: Expr,
        derive: Derivation,
        kind: str = "other",
        argument: Element | None = None,
    ) -> Element:
        """The generator of this key, made at its first use."""
        with self.polynomials.lock:
            if key not in self._by_key:
                (index,) = self.polynomials.new_generators(1)
                self._by_key[key] = index
                self.atoms.append(Atom(expr, derive, kind, argument))
                if kind != "symbol":
                    self._functions.append(index)
            return self.polynomials.generator(self._by_key[key])

    @property
    def has_functions(self) -> bool:
        """Whether a generator is no symbol."""
        return bool(self._functions)

    def has_atom(self, key: Hashable) -> bool:
        """Whether the generator of this key exists."""
        return key in self._by_key

    def known_atom(self, key: Hashable) -> Element:
        """The generator of a key that has one."""
        return self.polynomials.generator(self._by_key[key])

    def index_of(self, generator: Element) -> int:
        """The index of an element that is a generator."""
        (index,) = self.polynomials.used(generator.num)
        return index

    def constant_atom(self, expr: Expr) -> Element:
        """A generator whose derivatives vanish."""
        return self.atom(expr, expr, lambda _: self.polynomials.zero)

    def derivative(self, element: Element, coordinate: int) -> Element:
        """The partial derivative by a coordinate (index)."""
        if not element.num:
            return element
        with self.polynomials.lock:
            return self._derivative(element, coordinate)

    def _derivative(self, element: Element, coordinate: int) -> Element:
        if not self._functions and len(element.den) - element.den.count(0) <= 1:
            simple = self.polynomials.simple_derivative(element, coordinate)
            if simple is not None:
                return simple
        groups: Groups = {}
        coprime = self.add_derivative(groups, element, coordinate, 1)
        return self.polynomials.combined(groups, coprime)

    def add_derivative(
        self, groups: Groups, element: Element, coordinate: int, sign: int
    ) -> list[int]:
        """Add sign times a derivative to numerators by denominator.

        Returns factors of denominators that do not divide the derivative's numerator.
        """
        ring, den = self.polynomials, element.den
        # Derivatives of generators may add generators, so they are made first.
        inner = self._inner(ring.numerator(element), coordinate) if self._functions else ()
        outer = [(i, e, self._outer(i, e, coordinate)) for i, e in enumerate(den) if e]
        num = ring.numerator(element)
        if sign < 0:
            num = -num
        parts: list[tuple[Exponents, Any]] = []
        slope = num.derivative(coordinate) if num.total_degree() else None
        if slope:
            parts.append((den, slope))
        for v, d in inner:
            part = num.derivative(v)
            if part:
                parts.append((ring.sum_of(den, d.den), part * ring.numerator(d)))
        coprime: list[int] = []
        for i, e, d in outer:
            if d.num:
                if self._is_settled(i, coordinate):
                    coprime.append(i)
                raised = (*den[:i], e + 1, *den[i + 1 :])
                parts.append((ring.sum_of(raised, d.den), num * ring.numerator(d)))
        for key, part in parts:
            known = groups.get(key)
            # What is known may be older than the generators of this derivative.
            groups[key] = part if known is None else ring.lift(known) + part
        return coprime

    def coordinates_of(self, elements: Iterable[Element]) -> frozenset[int]:
        """Coordinates on which elements may depend; those of functions are not looked for."""
        ring, used, dens = self.polynomials, set[int](), set[Exponents]()
        for element in elements:
            used.update(ring.used(ring.numerator(element)))
            dens.add(element.den)
        for i in {i for den in dens for i, e in enumerate(den) if e}:
            used.update(ring.used(ring.factors[i]))
        every = any(self.atoms[v].kind != "symbol" for v in used)
        return frozenset(i for i in range(self.dim) if every or i in used)

    def _is_settled(self, factor: int, coordinate: int) -> bool:
        """Whether a factor f stays in a denominator that is differentiated.

        (N/f^e)' = (N' f - e N f') / f^(e + 1) is in lowest terms unless f divides f'.
        """
        key = (factor, coordinate)
        known = self._settled.get(key)
        if known is None:
            ring, derivative = self.polynomials, self._factor_derivative(factor, coordinate)
            known = self._settled[key] = not (
                ring.relations or ring.divides(factor, ring.numerator(derivative))
            )
        return known

    def _outer(self, factor: int, exponent: int, coordinate: int) -> Element:
        """-e f' for a factor f of a denominator with exponent e."""
        key = (factor, exponent, coordinate)
        known = self._outer_derivatives.get(key)
        if known is None:
            slope = self._factor_derivative(factor, coordinate)
            known = self._outer_derivatives[key] = slope.scale(-exponent)
        return known

    def _inner(self, num: Any, coordinate: int) -> list[tuple[int, Element]]:
        """Functions in a polynomial with their derivatives that do not vanish."""
        degrees = num.degrees()
        present = [v for v in self._functions if degrees[v]]
        made = [(v, self._generator_derivative(v, coordinate)) for v in present]
        return [(v, d) for v, d in made if d.num]

    def _generator_derivative(self, generator: int, coordinate: int) -> Element:
        key = (generator, coordinate)
        if key not in self._derivatives:
            self._derivatives[key] = self.atoms[generator].derive(coordinate)
        return self._derivatives[key]

    def _factor_derivative(self, factor: int, coordinate: int) -> Element:
        key = (factor, coordinate)
        if key not in self._factor_derivatives:
            polynomial = Element(self.polynomials, self.polynomials.factors[factor], ())
            self._factor_derivatives[key] = self._derivative(polynomial, coordinate)
        return self._factor_derivatives[key]

    def sign(self, polynomial: Any) -> int:
        """+1 or -1 when the polynomial's sign on the domain is proved, else 0."""
        key = str(polynomial)
        if key not in self._signs:
            expr = polynomial_expr(self, polynomial)
            box = [a for a in self.domain.axes if a.lower is not -oo or a.upper is not oo]
            known = 0
            if is_positive_on(expr, box):
                known = 1
            elif is_positive_on(-expr, box):
                known = -1
            self._signs[key] = known
        return self._signs[key]

    def assume_sign(self, polynomial: Any, sign: int) -> None:
        """Note a sign without which an input would not be real."""
        self._signs[str(polynomial)] = sign
        self.assumed += 1

    # -- in and out ----------------------------------------------------------------------

    def convert(self, expr: object) -> Element:
        """An expression in the user's symbols as an element."""
        given = expr if isinstance(expr, Expr) else sympify(expr, strict=True)
        if rational_symbols(given) is None:
            return self.convert_internal(self.internal(given))
        with self.polynomials.lock:
            known = self._given.get(given)
            if known is None:
                known = self._given[given] = convert_rational(self, given)
            return known

    def convert_internal(self, expr: Expr) -> Element:
        """An expression in internal symbols as an element."""
        with self.polynomials.lock:
            known = self._converted.get(expr)
            if known is None:
                known = self._converted[expr] = convert(self, expr)
            return known

    def number(self, value: Fraction | int) -> Element:
        """A rational constant."""
        return self.polynomials.number(value)

    def to_internal_expr(self, element: Element) -> Expr:
        """The element as a sympy expression in internal symbols."""
        with self.polynomials.lock:
            simple = monomial_expr(self, element, outside=False)
            return element_expr(self, element) if simple is None else simple

    def shown(self, element: Element) -> Expr:
        """The element in the user's symbols, for messages."""
        with self.polynomials.lock:
            return element_expr(self, element, outside=True)

    def to_sympy(self, element: Element) -> Expr:
        """The element as a sympy expression in the user's symbols.

        Raises
        ------
        CertificateError
            It is structurally nonzero but numerically zero: a relation was missed.

        Notes
        -----
        With unevaluated expectations a sum that vanishes by a symmetry of the density is shown as
        it is; it is a correct expression.
        """
        if not element:
            return S.Zero
        with self.polynomials.lock:
            simple = monomial_expr(self, element, outside=True)
            if simple is not None:
                return simple
            terms = scan(self.polynomials.numerator(element))
            if self._functions and not self.guard.is_coarse:
                self.guard.require_nonzero(element, terms)
            return element_expr(self, element, outside=True, terms=terms)

    def inverse(self, element: Element) -> Element:
        """1 / element, after the numeric guard has seen that it does not vanish."""
        if self._functions:
            self.guard.require_nonzero(element)
        return self.polynomials.inverse(element)
