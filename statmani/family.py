"""The facade that users meet first: a declared density and the nouns that hang on it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sympy import Expr, Symbol, exp, sympify

from statmani.declaration import Declaration
from statmani.declare import declare
from statmani.errors import InvalidArgument, InvalidFamily, StatmaniWarning
from statmani.fixing import fixed
from statmani.from_sympy import declaration_arguments

if TYPE_CHECKING:
    from statmani.expectation.derive import Derivation
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
        _warn_moving_support(declaration)
        from statmani.expectation.positivity import check_positive
        from statmani.expectation.quadrature import check_density

        check_density(declaration)
        check_positive(declaration)
        self._declaration = declaration

    @classmethod
    def _of(cls, declaration: Declaration) -> Family:
        family = cls.__new__(cls)
        family._declaration = declaration
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
        """log p(x; theta) in the user's symbols."""
        expression: Expr = self._declaration.external(self._declaration.log_density)
        return expression

    @property
    def density(self) -> Expr:
        """p(x; theta) in the user's symbols."""
        return exp(self.log_density)

    @cached_property
    def score(self) -> tuple[Expr, ...]:
        """The derivatives of log p with respect to each parameter, almost everywhere."""
        ell = self._declaration.log_density
        return tuple(self._declaration.external(ell.diff(t)) for t in self._declaration.parameters)

    @cached_property
    def _derivation(self) -> Derivation:
        from statmani.expectation.store import derive_or_load

        return derive_or_load(self._declaration)

    @cached_property
    def _manifold(self) -> StatisticalManifold:
        from statmani.geometry.manifold import StatisticalManifold

        external, derivation = self._declaration.external, self._derivation
        n = len(self.parameters)
        skewness = [
            [
                [external(derivation.skewness.get(_sorted(i, j, k), sympify(0))) for k in range(n)]
                for j in range(n)
            ]
            for i in range(n)
        ]
        domain = external(self._declaration.domain)
        return StatisticalManifold(
            domain.specification(),
            external(derivation.metric),
            skewness,
            constraint=list(domain.constraints) or None,
            certificate=derivation.certificate,
        )

    def manifold(self) -> StatisticalManifold:
        """The statistical manifold (parameters, Fisher metric g, skewness tensor T).

        Returns
        -------
        StatisticalManifold
            Derived once, then cached; its certificate tells how each entry was found.

        Raises
        ------
        IntractableExpectation
            No strategy finds a closed form.
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
        return self._manifold

    def expect(self, expression: Expr) -> Expr:
        """E[expression] under the family, in closed form.

        Parameters
        ----------
        expression : Expr
            In the sample variables, parameters and constants.

        Returns
        -------
        Expr

        Raises
        ------
        IntractableExpectation
            No closed form was found.

        Examples
        --------
        >>> import statmani as sm
        >>> family = sm.families.poisson()
        >>> family.expect(family.sample[0])
        lam
        """
        if not isinstance(expression, Expr):
            try:
                expression = sympify(expression, strict=True)
            except (TypeError, ValueError):
                raise InvalidArgument(
                    f"expect: expected a sympy expression, got {expression!r}. "
                    f"Build it from the sample variables {self.sample}."
                ) from None
        from statmani.expectation.expect import expect

        inner = self._declaration.internal(expression)
        result: Expr = self._declaration.external(expect(self._declaration, inner))
        return result

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
        domain = self._declaration.external(self._declaration.domain)
        parts = []
        for variable in self._declaration.variables:
            symbol, lower, upper = (
                self._declaration.external(e)
                for e in (variable.symbol, variable.lower, variable.upper)
            )
            if variable.values is not None:
                parts.append(f"{symbol} in {{{', '.join(map(str, variable.values))}}}")
            elif variable.discrete:
                parts.append(f"{symbol} in {{{lower}, ..., {upper}}}")
            elif lower.is_infinite and upper.is_infinite:
                parts.append(f"{symbol} real")
            elif upper.is_infinite:
                parts.append(f"{symbol} > {lower}")
            else:
                parts.append(f"{lower} < {symbol} < {upper}")
        parts += [str(self._declaration.external(r)) for r in self._declaration.region]
        return f"{self.name or 'Family'}({domain}) on {', '.join(parts)}"

    def _repr_latex_(self) -> str:
        from statmani.present.latex import latex

        return f"${latex(self)}$"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Family) and self._declaration == other._declaration

    def __hash__(self) -> int:
        return hash(self._declaration)

    def __reduce__(self) -> tuple[Any, tuple[Declaration]]:
        return (Family._of, (self._declaration,))


def _sorted(*indices: int) -> tuple[int, int, int]:
    i, j, k = sorted(indices)
    return i, j, k


def _warn_moving_support(declaration: Declaration) -> None:
    parameters = set(declaration.parameters)
    for variable in declaration.variables:
        moving = (variable.lower.free_symbols | variable.upper.free_symbols) & parameters
        if moving:
            names = ", ".join(sorted(str(declaration.external(s)) for s in moving))
            warnings.warn(
                f"sample: the support of {declaration.external(variable.symbol)} depends on the "
                f"parameter(s) {names}. Differentiation under the integral, and with it the "
                "Fisher metric and the Cramer-Rao bound, hold only if the density vanishes fast "
                "enough at the moving edge; the derivation checks this and refuses otherwise.",
                StatmaniWarning,
                stacklevel=3,
            )
