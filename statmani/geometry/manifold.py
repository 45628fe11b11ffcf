"""The waist of everything: coordinates, metric g and skewness tensor T."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, final

from sympy import Expr, ImmutableMatrix, S, Set, Symbol

from statmani.algebra.element import Element
from statmani.algebra.ring import Ring
from statmani.domain import Domain
from statmani.errors import InvalidArgument, InvalidManifold
from statmani.geometry import validate
from statmani.geometry.alpha import read_alpha
from statmani.geometry.connection import Connection
from statmani.geometry.curvature import Geometry
from statmani.geometry.matrices import square_matrix
from statmani.geometry.tensor import Exact, Tensor
from statmani.geometry.volume import volume_element
from statmani.reading import domain_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from statmani.geometry.embedding import Embedding
    from statmani.geometry.killing import KillingCheck
    from statmani.geometry.source import Source
    from statmani.geometry.verdicts import ConjugateSymmetry

__all__ = ["StatisticalManifold", "as_manifold"]

Skewness = dict[tuple[int, int, int], Element]


@final
class StatisticalManifold:
    """A manifold with a metric g and a totally symmetric tensor T (Lauritzen 1987).

    Parameters
    ----------
    coordinates : Symbol, sequence of Symbol, or mapping Symbol -> Set or Circle
        Without a Set, the symbol's assumptions give its domain.
    metric : nested sequences, Matrix or Array, shape (n, n)
        g_ij; symmetric, not degenerate; indefinite metrics are allowed.
    skewness : nested sequences, Array or mapping {(i, j, k): entry}, shape (n, n, n), optional
        T_ijk, totally symmetric; a mapping needs only one permutation of each index. Left out,
        T = 0.
    constraint : relational or sequence of relationals, optional
        Coupled constraints on the coordinates.

    Raises
    ------
    InvalidManifold
        Wrong shapes, asymmetric or degenerate tensors, entries that are not real and finite.

    Examples
    --------
    >>> from sympy import symbols
    >>> x = symbols("x", real=True)
    >>> y = symbols("y", positive=True)
    >>> plane = StatisticalManifold((x, y), [[1 / y**2, 0], [0, 1 / y**2]])
    >>> plane.levi_civita.scalar_curvature
    -2
    >>> plane.levi_civita.sectional_curvature((1, 0), (0, 1))
    -1
    """

    __slots__ = (
        "_certificate", "_connections", "_kept",
        "domain", "embedding", "geometry", "ring", "source",
    )  # fmt: skip

    def __init__(
        self,
        coordinates: object,
        metric: object,
        skewness: object = None,
        *,
        constraint: object = None,
        certificate: object = None,
    ) -> None:
        if isinstance(coordinates, Domain):
            domain = coordinates
        else:
            domain = domain_of(coordinates, constraint, what="coordinates", error=InvalidManifold)
        names = domain.symbols
        g = validate.read_metric(metric, names)
        t = validate.read_skewness(skewness, names)
        ring = Ring(domain, [*(e for row in g for e in row), *t.values()])
        elements = validate.metric_elements(ring, g, names)
        self._assemble(
            domain, ring, elements, validate.skewness_elements(ring, t, names), certificate
        )

    def _assemble(
        self,
        domain: Domain,
        ring: Ring,
        metric: Sequence[Sequence[Element]],
        skewness: Skewness,
        certificate: object,
    ) -> None:
        self.domain = domain
        self.ring = ring
        self.geometry = Geometry(ring, metric, skewness)
        self._certificate = certificate
        self._connections: dict[Expr, Connection] = {}
        self._kept: dict[str, Any] = {}
        self.embedding: Embedding | None = None
        self.source: Source | None = None
        validate.require_nondegenerate(self.geometry, domain.symbols)

    @classmethod
    def _from_elements(
        cls,
        domain: Domain,
        ring: Ring,
        metric: Sequence[Sequence[Element]],
        skewness: Skewness,
        certificate: object = None,
    ) -> Self:
        manifold = object.__new__(cls)
        manifold._assemble(domain, ring, metric, skewness, certificate)
        return manifold

    # -- nouns ---------------------------------------------------------------------------

    @property
    def coordinates(self) -> tuple[Symbol, ...]:
        """The coordinates in order."""
        return self.domain.symbols

    @property
    def dim(self) -> int:
        """The dimension."""
        return self.domain.dim

    @property
    def constants(self) -> tuple[Symbol, ...]:
        """Free symbols of g, T and the domain that are no coordinates, by name."""
        if "constants" not in self._kept:
            free: set[Any] = set(self.domain.constants).union(
                self.metric.free_symbols,
                *(self.skewness[index].free_symbols for index in self.geometry.skewness),
            )
            self._kept["constants"] = tuple(
                sorted(free - set(self.coordinates), key=lambda s: str(s.name))
            )
        constants: tuple[Symbol, ...] = self._kept["constants"]
        return constants

    @property
    def metric(self) -> ImmutableMatrix:
        """g_ij in canonical form."""
        return self._matrix("metric", self.geometry.metric)

    @property
    def inverse_metric(self) -> ImmutableMatrix:
        """g^{ij}."""
        return self._matrix("inverse", self.geometry.inverse)

    def _matrix(self, name: str, elements: Sequence[Sequence[Element]]) -> ImmutableMatrix:
        if name not in self._kept:
            entry, n = self.ring.to_sympy, range(self.dim)
            made = [entry(elements[min(i, j)][max(i, j)]) for i in n for j in n]
            self._kept[name] = square_matrix(self.dim, made)
        matrix: ImmutableMatrix = self._kept[name]
        return matrix

    @property
    def skewness(self) -> Tensor:
        """T_ijk (Amari-Chentsov tensor for a family) in canonical form."""
        if "skewness" not in self._kept:
            exact = Exact(self.ring, S.Zero, lambda index: (self.geometry.t(*index),))
            self._kept["skewness"] = exact.tensor((self.dim,) * 3)
        tensor: Tensor = self._kept["skewness"]
        return tensor

    @property
    def volume_element(self) -> Expr:
        """``sqrt(|det g|)``, for a family the Jeffreys density."""
        if "volume" not in self._kept:
            self._kept["volume"] = volume_element(self.geometry)
        volume: Expr = self._kept["volume"]
        return volume

    @property
    def certificate(self) -> Any:
        """How the tensors were derived and checked; None for tensors written by hand."""
        return self._certificate

    # -- connections ---------------------------------------------------------------------

    def connection(self, alpha: object) -> Connection:
        """The alpha-connection, ``Gamma^(alpha)_{ij,k} = Gamma^(0)_{ij,k} - (alpha/2) T_ijk``.

        Parameters
        ----------
        alpha : real number or Symbol
            +1 is the exponential, -1 the mixture, 0 the Levi-Civita connection. Floats are
            taken as the decimal numbers that they print as.

        Raises
        ------
        InvalidArgument
            alpha is not real, or a coordinate.
        """
        return self._connection(read_alpha(alpha, self.coordinates))

    def _connection(self, alpha: Expr) -> Connection:
        known = self._connections.get(alpha)
        return known or self._connections.setdefault(alpha, Connection(self, alpha))

    def dual_of(self, connection: Connection) -> Connection:
        """The connection of order -alpha."""
        return self._connection(-connection.alpha)

    @property
    def levi_civita(self) -> Connection:
        """The Levi-Civita connection, alpha = 0."""
        return self._connection(S.Zero)

    # -- verdicts ------------------------------------------------------------------------

    @property
    def conjugate_symmetry(self) -> ConjugateSymmetry:
        """Whether R^(alpha) = R^(-alpha) for all alpha; a record, true or false, with witness."""
        from statmani.geometry.verdicts import conjugate_symmetry

        verdict: ConjugateSymmetry = self._once("conjugate", conjugate_symmetry)
        return verdict

    @property
    def flat_orders(self) -> Set:
        """The set of all real alpha for which the alpha-connection is flat."""
        from statmani.geometry.verdicts import flat_orders

        return self._once("flat", flat_orders)

    def _once(self, name: str, make: Callable[[StatisticalManifold], Any]) -> Any:
        if name not in self._kept:
            self._kept[name] = make(self)
        return self._kept[name]

    def killing(self, field: Sequence[object]) -> KillingCheck:
        """Check whether a vector field is a Killing or conformal Killing field."""
        from statmani.geometry.killing import killing

        return killing(self, field)

    def gradient(self, function: object) -> tuple[Expr, ...]:
        """g^{ij} d_j f, the components of the gradient of an expression in the coordinates."""
        from statmani.geometry.calculus import gradient

        return gradient(self, function)

    # -- change of chart -----------------------------------------------------------------

    def reparametrize(
        self, mapping: Mapping[Symbol, object], coordinates: object, *, constraint: object = None
    ) -> StatisticalManifold:
        """The same manifold in other coordinates.

        Parameters
        ----------
        mapping : mapping
            {old coordinate: expression in the new ones}, all old coordinates present.
        coordinates : Symbol, sequence of Symbol, or mapping Symbol -> Set or Circle
            The new coordinates.
        constraint : relational or sequence of relationals, optional
            Coupled constraints on the new coordinates.

        Raises
        ------
        InvalidManifold
            A singular Jacobian, or values outside the domain of the old coordinates.
        InvalidArgument
            Old coordinates missing, unknown ones, or a wrong number of new ones.

        Examples
        --------
        >>> from sympy import symbols
        >>> x = symbols("x", real=True)
        >>> y, z = symbols("y z", positive=True)
        >>> plane = StatisticalManifold((x, y), [[1 / y**2, 0], [0, 1 / y**2]])
        >>> plane.reparametrize({x: x, y: z**2}, (x, z)).metric
        Matrix([
        [z**(-4),      0],
        [      0, 4/z**2]])
        """
        from statmani.geometry.chart import pull_back

        return pull_back(self, mapping, coordinates, constraint, same_dimension=True)

    def submanifold(
        self, mapping: Mapping[Symbol, object], coordinates: object, *, constraint: object = None
    ) -> StatisticalManifold:
        """The pull-back of g and T to an immersed submanifold.

        Parameters and errors as for :meth:`reparametrize`, with fewer new coordinates.

        Examples
        --------
        >>> from sympy import symbols
        >>> x = symbols("x", real=True)
        >>> y, r = symbols("y r", positive=True)
        >>> plane = StatisticalManifold((x, y), [[1 / y**2, 0], [0, 1 / y**2]])
        >>> plane.submanifold({x: r, y: r}, r).metric
        Matrix([[2/r**2]])
        """
        from statmani.geometry.chart import pull_back

        return pull_back(self, mapping, coordinates, constraint, same_dimension=False)

    def second_fundamental_form(self, alpha: object = 0) -> Tensor:
        """``[k, a, b]``: the normal part of D^(alpha)_{d_a} d_b in ambient coordinates k.

        alpha = 1 gives the e-, alpha = -1 the m-embedding curvature.
        """
        from statmani.geometry.embedding import second_fundamental_form

        return second_fundamental_form(self, alpha)

    def mean_curvature(self, alpha: object = 0) -> tuple[Expr, ...]:
        """The mean curvature vector (1/dim) g^{ab} H^k_ab in the ambient coordinates."""
        from statmani.geometry.embedding import mean_curvature

        return mean_curvature(self, alpha)

    def save(self, path: str | Path, *, alphas: Iterable[object] = ()) -> None:
        """Write a JSON file for ``load_manifold``, with curvature for the orders `alphas`."""
        from statmani.geometry.saving import save

        save(self, path, alphas=alphas)

    # -- value semantics -----------------------------------------------------------------

    def _data(self) -> tuple[Any, ...]:
        entries = {index: self.skewness[index] for index in sorted(self.geometry.skewness)}
        return self.domain, self.metric, entries

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StatisticalManifold):
            return NotImplemented
        return self is other or self._data() == other._data()

    def __hash__(self) -> int:
        return hash((self.domain, self.metric))

    def __reduce__(self) -> tuple[Any, ...]:
        if self.embedding is not None:
            embedding = self.embedding
            return (_embedded, (embedding.ambient, dict(embedding.mapping), self.domain))
        return (_restore, (*self._data(), self._certificate, self.source))

    def _repr_latex_(self) -> str:
        from statmani.present.latex import latex

        return f"${latex(self)}$"

    def __repr__(self) -> str:
        return f"<StatisticalManifold: {self.domain}>"


def _restore(
    domain: Domain,
    metric: ImmutableMatrix,
    skewness: dict[Any, Expr],
    certificate: object,
    source: Source | None,
) -> StatisticalManifold:
    manifold = StatisticalManifold(domain, metric, skewness or None, certificate=certificate)
    manifold.source = source
    return manifold


def _embedded(
    ambient: StatisticalManifold, mapping: dict[Any, Expr], domain: Domain
) -> StatisticalManifold:
    return ambient.submanifold(mapping, domain)


def as_manifold(obj: object) -> StatisticalManifold:
    """A manifold from a manifold or from anything with a method ``manifold()``.

    Raises
    ------
    InvalidArgument

    Examples
    --------
    >>> as_manifold("weibull")
    Traceback (most recent call last):
        ...
    statmani.errors.InvalidArgument: expected a StatisticalManifold or a Family, got 'weibull' \
(str). Build one with StatisticalManifold(coordinates, metric, skewness) or declare a Family.
    """
    if isinstance(obj, StatisticalManifold):
        return obj
    method = getattr(obj, "manifold", None)
    if callable(method) and not isinstance(obj, type):
        found = method()
        if isinstance(found, StatisticalManifold):
            return found
    raise InvalidArgument(
        f"expected a StatisticalManifold or a Family, got {obj!r} ({type(obj).__name__}). "
        "Build one with StatisticalManifold(coordinates, metric, skewness) or declare a Family."
    )
