"""The alpha-connections of a statistical manifold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from sympy import (
    Add,
    Derivative,
    Eq,
    Expr,
    Function,
    ImmutableMatrix,
    Symbol,
    sympify,
)
from sympy.core.sympify import SympifyError

from statmani.errors import InvalidArgument
from statmani.geometry.alpha import at_order, express
from statmani.geometry.curvature import Coefficients
from statmani.geometry.matrices import square_matrix
from statmani.geometry.tensor import Exact, Tensor

if TYPE_CHECKING:
    from statmani.geometry.manifold import StatisticalManifold

__all__ = ["Connection"]


def _component(name: str, index: int, value: object) -> Expr:
    try:
        component = sympify(value, strict=True)
    except SympifyError:
        component = None
    if not isinstance(component, Expr):
        raise InvalidArgument(
            f"{name}[{index}] = {value!r} is no number or sympy expression. "
            "Give the components of a vector in coordinate order."
        )
    return component


@final
class Connection:
    """The affine connection ``Gamma^(alpha) = Gamma^(0) - (alpha/2) T`` and its curvature.

    Obtained from ``M.connection(alpha)`` and cached there. alpha = 1 is the exponential, -1 the
    mixture, 0 the Levi-Civita connection (Amari & Nagaoka 2000, section 2.3).

    Index order: ``christoffel_first[i, j, k] = g(D_i d_j, d_k)``, ``christoffel[k, i, j]
    = Gamma^k_ij``, ``riemann[l, k, i, j] = R^l_kij`` with ``R(d_i, d_j) d_k = R^l_kij d_l`` and
    ``R(X, Y) Z = D_X D_Y Z - D_Y D_X Z - D_[X,Y] Z``; ``riemann_lower[l, k, i, j] =
    g_lm R^m_kij``; ``ricci[k, j] = R^l_klj``. Spheres have positive curvature.

    Examples
    --------
    >>> from sympy import Array, symbols
    >>> from statmani.geometry.manifold import StatisticalManifold
    >>> mu, alpha = symbols("mu alpha", real=True)
    >>> sigma = symbols("sigma", positive=True)
    >>> g = [[1 / sigma**2, 0], [0, 2 / sigma**2]]
    >>> T = {(0, 0, 1): 2 / sigma**3, (1, 1, 1): 8 / sigma**3}
    >>> normal = StatisticalManifold((mu, sigma), g, T)
    >>> normal.connection(alpha).scalar_curvature
    alpha**2 - 1
    >>> normal.connection(1).is_flat
    True
    """

    __slots__ = ("_kept", "_manifold", "alpha")

    def __init__(self, manifold: StatisticalManifold, alpha: Expr) -> None:
        self.alpha = alpha
        self._manifold = manifold
        self._kept: dict[str, Any] = {}

    # -- from coefficients of alpha to expressions ----------------------------------------

    def _express(self, coefficients: Coefficients) -> Expr:
        return express(self._manifold.ring, self.alpha, coefficients)

    def _tensor(self, name: str, rank: int, source: Callable[..., Coefficients]) -> Tensor:
        if name not in self._kept:
            shape = (self._manifold.dim,) * rank
            ring = self._manifold.ring
            self._kept[name] = Exact(ring, self.alpha, lambda index: source(*index)).tensor(shape)
        tensor: Tensor = self._kept[name]
        return tensor

    # -- nouns ---------------------------------------------------------------------------

    @property
    def manifold(self) -> StatisticalManifold:
        """The manifold that carries the connection."""
        return self._manifold

    @property
    def dual(self) -> Connection:
        """The dual connection, of order -alpha, with X g(Y, Z) = g(D_X Y, Z) + g(Y, D*_X Z).

        For a symbolic alpha its components are those of this connection with alpha replaced
        by -alpha.
        """
        return self._manifold.dual_of(self)

    @property
    def christoffel_first(self) -> Tensor:
        """``[i, j, k]``: Gamma_{ij,k} = g(D_i d_j, d_k)."""
        return self._tensor("first", 3, self._manifold.geometry.christoffel_first)

    @property
    def christoffel(self) -> Tensor:
        """``[k, i, j]``: Gamma^k_ij."""
        return self._tensor("second", 3, self._manifold.geometry.christoffel)

    @property
    def riemann(self) -> Tensor:
        """``[l, k, i, j]``: R^l_kij with R(d_i, d_j) d_k = R^l_kij d_l."""
        return self._tensor("riemann", 4, self._manifold.geometry.riemann)

    @property
    def riemann_lower(self) -> Tensor:
        """``[l, k, i, j]``: g_lm R^m_kij = g(R(d_i, d_j) d_k, d_l)."""
        return self._tensor("riemann_lower", 4, self._manifold.geometry.riemann_lower)

    @property
    def ricci(self) -> ImmutableMatrix:
        """``[k, j]``: R^l_klj; for alpha != 0 it need not be symmetric."""
        if "ricci" not in self._kept:
            source = self._manifold.geometry.ricci
            n = self._manifold.dim
            made: list[Expr] = []
            for k in range(n):
                for j in range(n):
                    parts = source(k, j)
                    # Only the linear coefficient is asymmetric, and it may vanish on one side.
                    symmetric = k > j and parts[1] == source(j, k)[1]
                    made.append(made[j * n + k] if symmetric else self._express(parts))
            self._kept["ricci"] = square_matrix(n, made)
        matrix: ImmutableMatrix = self._kept["ricci"]
        return matrix

    @property
    def scalar_curvature(self) -> Expr:
        """g^{kj} Ricci[k, j]; in two dimensions twice the Gaussian curvature for alpha = 0."""
        if "scalar" not in self._kept:
            self._kept["scalar"] = self._express(self._manifold.geometry.scalar())
        scalar: Expr = self._kept["scalar"]
        return scalar

    @property
    def is_flat(self) -> bool:
        """Whether the curvature tensor vanishes; for a symbolic alpha, identically."""
        if "flat" not in self._kept:
            self._kept["flat"] = self._flat()
        flat: bool = self._kept["flat"]
        return flat

    def _flat(self) -> bool:
        n, geometry, ring = self._manifold.dim, self._manifold.geometry, self._manifold.ring
        for i in range(n):
            for j in range(i + 1, n):
                for m in range(n):
                    for k in range(n):
                        with ring.polynomials.lock:
                            for part in at_order(
                                ring, self.alpha, geometry.riemann_lower(m, k, i, j)
                            ):
                                if part:
                                    ring.guard.require_nonzero(part)
                                    return False
        return True

    def sectional_curvature(self, u: Sequence[object], v: Sequence[object]) -> Expr:
        """g(R(u, v) v, u) / (g(u, u) g(v, v) - g(u, v)^2).

        Parameters
        ----------
        u, v : sequence of n numbers or expressions in coordinates and other symbols
            Components of two vectors that span a plane; their order matters unless the
            manifold is conjugate symmetric.

        Raises
        ------
        InvalidArgument
            Wrong length, or vectors that span no plane or a null plane.
        """
        n, geometry, ring = self._manifold.dim, self._manifold.geometry, self._manifold.ring
        vectors = []
        for name, vector in (("u", u), ("v", v)):
            entries = list(vector)
            if len(entries) != n:
                raise InvalidArgument(
                    f"{name} has {len(entries)} components, the manifold has dimension {n}. "
                    "Give one component for each coordinate."
                )
            vectors.append([ring.convert(_component(name, i, e)) for i, e in enumerate(entries)])
        a, b = vectors
        with ring.polynomials.lock:
            plane = {(i, j): a[i] * b[j] - a[j] * b[i] for i in range(n) for j in range(i + 1, n)}
            dot = ring.polynomials.dot
            every = [(i, j) for i in range(n) for j in range(n)]
            uu = dot((a[i] * a[j], geometry.metric[i][j]) for i, j in every)
            vv = dot((b[i] * b[j], geometry.metric[i][j]) for i, j in every)
            uv = dot((a[i] * b[j], geometry.metric[i][j]) for i, j in every)
            area = uu * vv - uv * uv
            if not area:
                raise InvalidArgument(
                    f"u = {list(u)} and v = {list(v)} span no plane of nonzero area. "
                    "Choose linearly independent vectors that are not null."
                )
            reciprocal = ring.inverse(area)
            totals = [
                dot(
                    (a[m] * b[k] * bivector, geometry.lower(m, k, i, j, order))
                    for (i, j), bivector in plane.items()
                    if bivector
                    for m, k in every
                    if a[m] and b[k]
                )
                * reciprocal
                for order in range(3)
            ]
            return self._express((totals[0], totals[1], totals[2]))

    @property
    def geodesic_equations(self) -> tuple[Eq, ...]:
        """``d2 x^k/dt2 + Gamma^k_ij dx^i/dt dx^j/dt = 0``, in functions of t.

        The parameter is called t unless a symbol of the manifold has this name already
        (then s, tau or lambda).
        """
        if "geodesic" not in self._kept:
            self._kept["geodesic"] = self._geodesic()
        equations: tuple[Eq, ...] = self._kept["geodesic"]
        return equations

    def _geodesic(self) -> tuple[Eq, ...]:
        M = self._manifold
        taken = {s.name for s in (*M.coordinates, *M.constants, *self.alpha.free_symbols)}
        name = next(n for n in ("t", "s", "tau", "lambda", "t_") if n not in taken)
        time = Symbol(name, real=True)
        curve = {x: Function(x.name, real=True)(time) for x in M.coordinates}
        speed = [Derivative(f, time) for f in curve.values()]
        equations = []
        for k, f in enumerate(curve.values()):
            terms = [Derivative(f, (time, 2))]
            for i in range(M.dim):
                for j in range(i, M.dim):
                    gamma = self.christoffel[k, i, j]
                    if gamma != 0:
                        factor = 1 if i == j else 2
                        terms.append(factor * gamma.subs(curve) * speed[i] * speed[j])
            equations.append(Eq(Add(*terms), 0, evaluate=False))
        return tuple(equations)

    # -- further tensors -------------------------------------------------------------------

    @property
    def weyl(self) -> Tensor:
        """``[l, k, i, j]``: the Weyl tensor, all indices lowered; zero in dimension 3.

        Raises
        ------
        InvalidArgument
            Dimension below 3, or alpha != 0 on a manifold that is not conjugate symmetric.
        """
        from statmani.geometry.contractions import weyl

        tensor: Tensor = self._once("weyl", weyl)
        return tensor

    @property
    def einstein(self) -> ImmutableMatrix:
        """``[k, j]``: the Einstein tensor Ricci[k, j] - (scalar curvature / 2) g_kj."""
        from statmani.geometry.contractions import einstein

        matrix: ImmutableMatrix = self._once("einstein", einstein)
        return matrix

    @property
    def kretschmann(self) -> Expr:
        """The Kretschmann scalar R_lkij R^lkij."""
        from statmani.geometry.contractions import kretschmann

        return self._once("kretschmann", kretschmann)

    @property
    def constant_curvature(self) -> Expr | None:
        """k if R(X, Y)Z = k (g(Y, Z) X - g(X, Z) Y) with a constant k, else None."""
        from statmani.geometry.contractions import constant_curvature

        return self._once("constant", constant_curvature)

    def _once(self, name: str, make: Callable[[Connection], Any]) -> Any:
        if name not in self._kept:
            self._kept[name] = make(self)
        return self._kept[name]

    def remember(self, tensors: Mapping[str, Any]) -> None:
        """Take components that were computed and checked elsewhere, by attribute name."""
        own = {"christoffel_first": "first", "christoffel": "second", "scalar_curvature": "scalar"}
        self._kept.update({own.get(name, name): value for name, value in tensors.items()})

    def covariant_derivative(self, tensor: object, variance: str) -> Tensor:
        """``[..., k]``: D_k of a tensor, the derivative's index last.

        ``variance`` has one letter per index of the tensor, "u" for upper and "l" for lower; see
        :func:`statmani.geometry.covariant.covariant_derivative`.
        """
        from statmani.geometry.covariant import covariant_derivative

        return covariant_derivative(self, tensor, variance)

    def hessian(self, function: object) -> ImmutableMatrix:
        """``[i, j]``: d_i d_j f - Gamma^k_ij d_k f of an expression in the coordinates."""
        from statmani.geometry.calculus import hessian

        return hessian(self, function)

    def laplacian(self, function: object) -> Expr:
        """The trace g^{ij} of the Hessian; for alpha = 0 the Laplace-Beltrami operator."""
        from statmani.geometry.calculus import laplacian

        return laplacian(self, function)

    def divergence(self, field: Sequence[object]) -> Expr:
        """D_i X^i of a vector field, given by its components in coordinate order."""
        from statmani.geometry.calculus import divergence

        return divergence(self, field)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restore, (self._manifold, self.alpha))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Connection):
            return NotImplemented
        return self.alpha == other.alpha and self._manifold == other._manifold

    def __hash__(self) -> int:
        return hash((self.alpha, self._manifold))

    def _repr_latex_(self) -> str:
        from statmani.present.latex import latex

        return f"${latex(self)}$"

    def __repr__(self) -> str:
        names = ", ".join(str(x) for x in self._manifold.coordinates)
        return f"<Connection alpha = {self.alpha} on ({names})>"


def _restore(manifold: StatisticalManifold, alpha: Expr) -> Connection:
    return manifold.connection(alpha)
