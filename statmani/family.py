"""The facade that users meet first: a declared density and the nouns that hang on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sympy import Expr, Symbol, exp

from statmani.declaration import Declaration
from statmani.declare import declare
from statmani.describing import described, require_effort, require_functional, warn_moving_support
from statmani.errors import InvalidArgument, InvalidFamily
from statmani.fixing import fixed
from statmani.from_sympy import declaration_arguments

if TYPE_CHECKING:
    from statmani.expectation.expect import Moment
    from statmani.geometry.manifold import StatisticalManifold

__all__ = ["Family"]


@final
class Family:
    """A parametric family of probability densities.

    Parameters
    ----------
    density : Expr, optional
        p(x; theta) as a sympy expression. Exactly one of `density` and `log_density`.
    log_density : Expr, optional
        log p(x; theta).
    sample : Symbol, sequence of Symbol, or mapping Symbol -> Set
        The sample variables. Without a Set, assumptions give the domain. ``Range``,
        ``S.Naturals0``, ``S.Integers`` and ``FiniteSet`` mean discrete. A bound may use
        earlier variables and parameters.
    parameters : Symbol, sequence of Symbol, or mapping Symbol -> Set or Circle
        The parameters, in order. A closed Set means its interior.
    support : relational, And, or sequence of relationals, optional
        Coupled support, such as ``y > x``.
    constraint : relational, And, or sequence of relationals, optional
        Coupled parameters, such as ``p1 + p2 < 1``.
    constants : sequence of Symbol, optional
        Symbols that are meant to be constants although they look like a typo. Any other
        free symbol is a constant without being listed.
    name : str, optional

    Raises
    ------
    InvalidFamily
        The declaration contradicts itself, a symbol looks like a typo, or the density is
        negative, undefined or does not integrate to one.

    Warns
    -----
    StatmaniWarning
        The support depends on a parameter.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> x = sp.Symbol("x", positive=True)
    >>> k, lam = sp.symbols("k lam", positive=True)
    >>> weibull = sm.Family(k/lam*(x/lam)**(k - 1)*sp.exp(-(x/lam)**k),
    ...                     sample=x, parameters=(k, lam), name="Weibull")
    >>> weibull
    Weibull(k > 0, lam > 0) on x > 0
    >>> weibull.manifold().metric[1, 1]
    k**2/lam**2
    """

    def __init__(
        self,
        density: Expr | None = None,
        *,
        log_density: Expr | None = None,
        sample: Symbol | Iterable[Symbol] | Mapping[Symbol, Any],
        parameters: Symbol | Iterable[Symbol] | Mapping[Symbol, Any],
        support: Any = None,
        constraint: Any = None,
        constants: Iterable[Symbol] = (),
        name: str | None = None,
    ) -> None:
        if name is not None and not isinstance(name, str):
            raise InvalidFamily(
                f"name: expected a string, got {name!r}. Leave it out or pass a str."
            )
        declaration = declare(
            density, log_density, sample, parameters, support, constraint, constants, name
        )
        warn_moving_support(declaration)
        from statmani.expectation.positivity import checked

        self._declaration = checked(declaration)
        self._manifold: StatisticalManifold | None = None

    @classmethod
    def _of(cls, declaration: Declaration) -> Family:
        family = cls.__new__(cls)
        family._declaration = declaration
        family._manifold = None
        return family

    @classmethod
    def from_sympy(
        cls,
        rv: Any,
        parameters: Symbol | Iterable[Symbol] | Mapping[Symbol, Any] | None = None,
    ) -> Family:
        """The family of a ``sympy.stats`` random variable.

        Parameters
        ----------
        rv : RandomSymbol
            For example ``sympy.stats.Weibull("X", lam, k)``.
        parameters : like `parameters` of :class:`Family`, optional
            Default: the free symbols of the distribution that are no integers, in order of
            appearance, with the domains that their assumptions give.

        Returns
        -------
        Family

        Examples
        --------
        >>> import sympy as sp, statmani as sm
        >>> from sympy.stats import Exponential
        >>> rate = sp.Symbol("rate", positive=True)
        >>> sm.Family.from_sympy(Exponential("X", rate)).manifold().metric
        Matrix([[rate**(-2)]])
        """
        return cls(**declaration_arguments(rv, parameters))

    @property
    def declaration(self) -> Declaration:
        """The declared data in internal symbols, which every engine reads."""
        return self._declaration

    @property
    def name(self) -> str | None:
        """The name given at declaration."""
        return self._declaration.name

    @property
    def parameters(self) -> tuple[Symbol, ...]:
        """The parameters in order."""
        return tuple(self._declaration.external(list(self._declaration.parameters)))

    @property
    def sample(self) -> tuple[Symbol, ...]:
        """The sample variables in order."""
        return tuple(self._declaration.external(v.symbol) for v in self._declaration.variables)

    @property
    def constants(self) -> tuple[Symbol, ...]:
        """Free symbols that are neither sample nor parameters."""
        return tuple(self._declaration.external(list(self._declaration.constants)))

    @cached_property
    def log_density(self) -> Expr:
        """log p(x; theta) in the user's symbols.

        Raises
        ------
        InvalidArgument
            The number of independent observations is a symbol.
        """
        self._require_written_out("log_density")
        expression: Expr = self._declaration.external(self._declaration.log_density)
        return expression

    @property
    def density(self) -> Expr:
        """p(x; theta) in the user's symbols."""
        return exp(self.log_density)

    @cached_property
    def score(self) -> tuple[Expr, ...]:
        """The derivatives of log p with respect to each parameter, almost everywhere."""
        self._require_written_out("score")
        ell = self._declaration.log_density
        return tuple(self._declaration.external(ell.diff(t)) for t in self._declaration.parameters)

    def _require_written_out(self, what: str) -> None:
        repetitions = self._declaration.repetitions
        if not repetitions.is_Integer:
            count = self._declaration.external(repetitions)
            names = ", ".join(sorted(map(str, count.free_symbols)))
            raise InvalidArgument(
                f"{what}: the number of observations {names} has no value, so the density cannot "
                "be written out. Give it one first: family.fix({symbol: value})."
            )

    def manifold(
        self, *, effort: float = 1.0, progress: Callable[[str], None] | None = None
    ) -> StatisticalManifold:
        """The statistical manifold (parameters, Fisher metric g, skewness tensor T).

        Parameters
        ----------
        effort : float
            Scales the time that the derivation may take, 60 s at 1; its checks as long again.
        progress : callable, optional
            Called with the name of each stage that ends, and every few seconds.

        Returns
        -------
        StatisticalManifold
            Derived once, then cached; its certificate tells how each entry was found.

        Raises
        ------
        IntractableExpectation
            No strategy finds a closed form and a kink forbids unevaluated expectations, or the
            time is over.
        RegularityError
            The score does not exist in the sense that the tensors need.
        CertificateError
            A derived tensor fails an independent check.

        Notes
        -----
        g_ij = E[s_i s_j] and T_ijk = E[s_i s_j s_k] with the score s_i = d_i log p
        (Amari and Nagaoka 2000, eqs. 2.6 and 2.14).

        Examples
        --------
        >>> import statmani as sm
        >>> sm.families.normal().manifold().metric.tolist()
        [[sigma**(-2), 0], [0, 2/sigma**2]]
        """
        require_effort(effort, progress)
        if self._manifold is None:
            from statmani.expectation.store import derive_or_load
            from statmani.geometry.manifold import StatisticalManifold
            from statmani.geometry.source import Source

            external = self._declaration.external
            derived = derive_or_load(self._declaration, effort=effort, progress=progress)
            manifold = StatisticalManifold(
                external(self._declaration.domain),
                external(derived.metric),
                {index: external(value) for index, value in derived.skewness.items()},
                certificate=derived.certificate,
            )
            manifold.source = Source(self._declaration, manifold.coordinates)
            self._manifold = manifold
        return self._manifold

    def expect(self, expression: Expr) -> Expr:
        """E[expression] under the family, in closed form.

        Parameters
        ----------
        expression : Expr
            In the sample variables, parameters and constants. Other symbols are real constants
            with the assumptions that they carry.

        Returns
        -------
        Expr
            Where convergence depends on the parameters, a Piecewise whose other branch is oo (a
            nonnegative power of the sample) or nan (infinite, or without a value).

        Raises
        ------
        InvalidArgument
            No sympy expression, or one that is not real.
        IntractableExpectation
            The expectation does not exist anywhere.
        CertificateError
            The closed form disagrees with quadrature.

        See Also
        --------
        expectation : the same with its conditions and certificate.

        Examples
        --------
        >>> import sympy as sp, statmani as sm
        >>> family = sm.families.poisson()
        >>> x, = family.sample
        >>> family.expect(x**2).factor()
        lam*(lam + 1)
        >>> family = sm.families.weibull()
        >>> x, = family.sample
        >>> family.expect(x**sp.Symbol("s"))
        lam**s*gamma(1 + s/k)
        >>> family = sm.families.lomax()
        >>> x, = family.sample
        >>> family.expect(x)
        Piecewise((lam/(alpha - 1), alpha > 1), (oo, True))
        """
        from statmani.expectation.expect import expect

        inner = self._declaration.internal(self._function(expression, "expect"))
        result: Expr = self._declaration.external(expect(self._declaration, inner))
        return result

    def expectation(self, expression: Expr) -> Moment:
        """E[expression] with the conditions of its convergence and a certificate.

        Parameters
        ----------
        expression : Expr
            As in :meth:`expect`.

        Returns
        -------
        Moment
            Record with .value, .conditions (relations that do not follow from the domain) and
            .certificate (the strategy, and the comparison with quadrature of the definition at
            interior points).

        Raises
        ------
        InvalidArgument, IntractableExpectation, CertificateError
            As in :meth:`expect`.

        Examples
        --------
        >>> import sympy as sp, statmani as sm
        >>> family = sm.families.exponential_rate()
        >>> x, = family.sample
        >>> record = family.expectation(sp.exp(sp.Symbol("t") * x))
        >>> record.value, record.conditions
        (lam/(lam - t), (lam - t > 0,))
        >>> record.certificate.residual < 1e-8
        True
        """
        from statmani.expectation.expect import moment

        inner = self._declaration.internal(self._function(expression, "expectation"))
        return moment(self._declaration, inner)

    def _function(self, expression: object, what: str) -> Expr:
        return require_functional(
            expression, self.sample, what, (*self.parameters, *self.constants)
        )

    def iid(self, n: int | Symbol) -> Family:
        """The family of n independent observations: metric and skewness are n times as large.

        Parameters
        ----------
        n : int or Symbol
            At least 1. A Symbol stays symbolic in the tensors; give it a value with :meth:`fix`
            before drawing samples.

        Returns
        -------
        Family
            For an int, the sample variables of every observation in order, with the number of the
            observation at the end of their names. For a Symbol, one observation's variables, with
            n among the constants.

        Raises
        ------
        InvalidArgument
            `n` is no integer of at least 1, or a Symbol that the family uses already.

        Examples
        --------
        >>> import sympy as sp, statmani as sm
        >>> family = sm.families.poisson().iid(sp.Symbol("n"))
        >>> family.manifold().metric
        Matrix([[n/lam]])
        >>> sm.families.poisson().iid(2).sample
        (x_1, x_2)
        """
        from statmani.repetition import repeated

        return Family._of(repeated(self._declaration, n))

    def fix(self, values: Mapping[Symbol, Any]) -> Family:
        """The family with constants or parameters fixed.

        Parameters
        ----------
        values : mapping Symbol -> number or expression

        Returns
        -------
        Family
            With the remaining parameters.

        Raises
        ------
        InvalidArgument
            Unknown symbol, a value outside its domain, or no parameter left.

        Examples
        --------
        >>> import statmani as sm
        >>> family = sm.families.normal()
        >>> mu, sigma = family.parameters
        >>> family.fix({sigma: 2}).manifold().metric
        Matrix([[1/4]])
        """
        return Family._of(fixed(self._declaration, values))

    def log_density_at(self, theta: ArrayLike, data: ArrayLike) -> NDArray[np.float64]:
        """log p at one parameter point for each sample.

        Parameters
        ----------
        theta : array_like, shape (n,)
        data : array_like, shape (N,) for one sample variable, else (N, m)

        Returns
        -------
        ndarray, shape (N,)
            Minus infinity outside the support.

        Examples
        --------
        >>> import statmani as sm
        >>> sm.families.poisson().log_density_at([2.0], [0, 1]).round(6)
        array([-2.      , -1.306853])
        """
        from statmani.inference.density import log_density_at

        return log_density_at(self._declaration, theta, data)

    def rvs(
        self,
        theta: ArrayLike,
        size: int | tuple[int, ...] | None = None,
        *,
        rng: np.random.Generator | int | None = None,
    ) -> NDArray[np.float64]:
        """Random samples at a parameter point.

        Parameters
        ----------
        theta : array_like, shape (n,)
        size : int or tuple of int, optional
        rng : numpy Generator or int seed, optional

        Returns
        -------
        ndarray
            Shape `size` for one sample variable, else `size` + (m,).

        Examples
        --------
        >>> import statmani as sm
        >>> sm.families.weibull().rvs([2.0, 1.0], 3, rng=1).shape
        (3,)
        """
        from statmani.inference.sampling import sample

        return sample(self._declaration, theta, size, rng)

    def __repr__(self) -> str:
        return described(self._declaration)

    def _repr_latex_(self) -> str:
        from statmani.present.latex import latex

        return f"${latex(self)}$"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Family) and self._declaration == other._declaration

    def __hash__(self) -> int:
        return hash(self._declaration)

    def __reduce__(self) -> tuple[Any, tuple[Declaration]]:
        return (Family._of, (self._declaration,))
