"""The unevaluated expectation: a sympy expression that differentiates, prints and evaluates."""

from __future__ import annotations

import hashlib
from functools import lru_cache, partial
from typing import Any, Self, final

import sympy as sp

from statmani.algebra.expression_json import register_object
from statmani.declaration import Declaration
from statmani.describing import require_expression, require_functional
from statmani.errors import InvalidArgument, OutsideDomain
from statmani.expectation.codec import read_integrand, write_integrand
from statmani.expectation.law import Index, Law, Monomial, law_of
from statmani.expectation.printed_code import publish

__all__ = ["Expectation", "Integrand", "unevaluated"]


@final
class Integrand(sp.Atom):  # type: ignore[misc]
    """f(x, theta) times a product of derivatives of log p, in internal symbols.

    Compared by content. It has no arguments, so substitution never reaches the bound symbols.
    """

    def __new__(cls, law: Law, function: sp.Expr, monomial: Monomial) -> Self:
        """Build from a law, a function in its internal symbols and a sorted product."""
        self: Self = super().__new__(cls)
        self.law = law
        self.function = function
        self.monomial = monomial
        text = f"{law.key} {sp.srepr(function)} {monomial}"
        self.digest = hashlib.sha256(text.encode()).hexdigest()
        return self

    @property
    def func(self) -> Any:
        """Rebuilds it from its arguments, which are none."""
        return partial(_restore_integrand, self.law.declaration, self.function, self.monomial)

    def _hashable_content(self) -> tuple[Any, ...]:
        return (len(self.monomial), str(self.monomial), self.digest)

    def sort_key(self, order: Any = None) -> Any:
        """Products first by length, then by indices."""
        return self.class_key(), (1, self._hashable_content()), sp.S.One.sort_key(), sp.S.One

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restore_integrand, (self.law.declaration, self.function, self.monomial))

    def _sympyrepr(self, printer: Any) -> str:
        return f"Integrand({self.digest!r})"

    def _sympystr(self, printer: Any) -> str:
        return f"<{self.digest[:8]}>"


def _restore_integrand(
    declaration: Declaration, function: sp.Expr, monomial: Monomial
) -> Integrand:
    return Integrand(law_of(declaration), function, monomial)


@final
class Expectation(sp.Expr):  # type: ignore[misc]
    """E[f] under a declared density, where no closed form was found.

    A real sympy expression. Its arguments after the first are the values of the parameters and
    constants of the density, so that ``subs``, ``xreplace``, ``diff`` and ``free_symbols`` act on
    the user's symbols only; the sample is bound. Two expectations are equal when their densities,
    functions and values are, whatever the symbols were called.

    The functions of tensors are products of derivatives of log p and print as such:
    ``E[l_a*l_a_b]`` is E[(d log p/da) (d^2 log p/da db)].

    ``evalf(n)`` reaches n digits over one variable, or raises. Over two it uses nested sums, which
    take seconds beyond double precision; where fewer digits are reached, as over three variables, a
    :class:`~statmani.errors.StatmaniWarning` names how many.

    Made by the library, or with :meth:`of`.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> x, w = sp.Symbol("x", real=True), sp.Symbol("w", positive=True)
    >>> density = w * sp.exp(-(x**2)) + (1 - w) * sp.exp(-((x - 2) ** 2))
    >>> family = sm.Family(density / sp.sqrt(sp.pi), sample=x,
    ...                    parameters={w: sp.Interval.open(0, 1)})
    >>> information = sm.Expectation.of(family, family.score[0] ** 2)
    >>> information.free_symbols
    {w}
    >>> information.subs(w, sp.Rational(1, 3)).evalf(20)
    3.4153860926146093007
    """

    is_commutative = True
    is_real = True
    is_finite = True
    #: Atom of the algebra whose arguments may be rewritten.
    is_opaque_atom = True

    def __new__(cls, integrand: Integrand, *values: Any) -> Self:
        """Build from an integrand and the values of the density's symbols."""
        if not isinstance(integrand, Integrand):
            raise InvalidArgument(
                f"Expectation: expected an Integrand, got {integrand!r}. Use "
                "Expectation.of(family, expression)."
            )
        arguments = tuple(
            require_expression(v, integrand.law.symbols, "Expectation") for v in values
        )
        if len(arguments) != len(integrand.law.symbols):
            raise InvalidArgument(
                f"Expectation: {len(arguments)} values for the {len(integrand.law.symbols)} "
                "parameters and constants of the density. Give one for each."
            )
        result: Self = sp.Expr.__new__(cls, integrand, *arguments)
        return result

    @classmethod
    def of(cls, family: Any, expression: Any) -> sp.Expr:
        """E[expression] under a family, unevaluated.

        Parameters
        ----------
        family : Family
        expression : Expr
            In the sample variables, parameters and constants of the family.

        Returns
        -------
        Expr
            Factors and terms without the sample are pulled out, so this may be a product, a sum,
            or free of expectations.
        """
        declaration: Declaration = family.declaration
        samples = tuple(declaration.external([v.symbol for v in declaration.variables]))
        inner = declaration.internal(require_functional(expression, samples, "Expectation.of"))
        known = {v.symbol for v in declaration.variables}
        known |= {*declaration.parameters, *declaration.constants}
        unknown = sorted(inner.free_symbols - known, key=str)
        if unknown:
            raise InvalidArgument(
                f"Expectation: {unknown[0]} is no symbol of the family. Use its sample variables, "
                "parameters and constants, or list it in `constants`."
            )
        result: sp.Expr = declaration.external(unevaluated(declaration, inner))
        return result

    # -- structure -------------------------------------------------------------------------

    @property
    def integrand(self) -> Integrand:
        """What is averaged."""
        integrand: Integrand = self.args[0]
        return integrand

    @property
    def values(self) -> tuple[sp.Expr, ...]:
        """Values of the density's parameters and constants."""
        return tuple(self.args[1:])

    @property
    def is_number(self) -> bool:
        """Whether all parameters have numeric values."""
        return all(v.is_number for v in self.values)

    def _eval_is_nonnegative(self) -> bool | None:
        return True if self._is_square() else None

    def _is_square(self) -> bool:
        monomial = self.integrand.monomial
        return self.integrand.function == 1 and all(
            monomial.count(index) % 2 == 0 for index in monomial
        )

    def _eval_is_zero(self) -> bool | None:
        return None

    def _eval_conjugate(self) -> Expectation:
        return self

    def as_real_imag(self, deep: bool = True, **hints: Any) -> tuple[sp.Expr, sp.Expr]:
        """Real part and zero."""
        return self, sp.S.Zero

    # -- calculus --------------------------------------------------------------------------

    def _eval_derivative(self, symbol: sp.Symbol) -> sp.Expr:
        terms = []
        integrand = self.integrand
        at = dict(zip(integrand.law.symbols, self.values, strict=True))
        for k, value in enumerate(self.values):
            slope = value.diff(symbol)
            if slope != 0:
                terms.append(slope * _derivative(integrand, k).xreplace(at))
        return sp.Add(*terms)

    # -- numbers ---------------------------------------------------------------------------

    @property
    def numeric_arguments(self) -> tuple[sp.Expr, ...]:
        """What has to be evaluated before :meth:`numeric_value`."""
        return self.values

    @property
    def guard_digits(self) -> int:
        """Digits that are cheap enough for checks of identities."""
        return 30 if len(self.integrand.law.declaration.variables) == 1 else 10

    def numeric_value(self, context: Any, values: Any) -> Any:
        """Value in the precision of an mpmath context, for numeric values of the symbols."""
        from statmani.expectation.precise_sweep import expectation_value

        integrand = self.integrand
        return expectation_value(
            integrand.law, integrand.function, integrand.monomial, tuple(values), context
        )

    def _eval_evalf(self, prec: int) -> sp.Expr | None:
        if not self.is_number:
            return None
        return _number(self, prec)

    # -- code ------------------------------------------------------------------------------

    def _code(self, printer: Any, function: str) -> str:
        name = publish(self.integrand)
        printer.module_imports["statmani.expectation.printed_code"].add(function)
        return f"{function}({', '.join([repr(name), *map(printer.doprint, self.values)])})"

    def _mpmathcode(self, printer: Any) -> str:
        return self._code(printer, "mpmath_expectation")

    def _pythoncode(self, printer: Any) -> str:
        return self._code(printer, "array_expectation")

    _numpycode = _pythoncode
    _scipycode = _pythoncode

    # -- text ------------------------------------------------------------------------------

    def _factors(self) -> tuple[list[tuple[Index, int]], sp.Expr, bool]:
        """Multi-indices with powers, the function at the values, and whether names are plain."""
        integrand = self.integrand
        plain = all(v.is_Symbol for v in self.values) and len(set(self.values)) == len(self.values)
        powers = {index: integrand.monomial.count(index) for index in integrand.monomial}
        symbols = integrand.law.symbols
        table = dict(zip(symbols, self.values, strict=True)) if plain else {}
        names = [v.symbol for v in integrand.law.declaration.variables]
        shown = ["x"] if len(names) == 1 else [f"x_{i + 1}" for i in range(len(names))]
        table |= {own: sp.Symbol(name) for own, name in zip(names, shown, strict=True)}
        return list(powers.items()), integrand.function.xreplace(table), plain

    def _sympystr(self, printer: Any) -> str:
        factors, function, plain = self._factors()
        names = [printer.doprint(v) for v in self.values] if plain else None
        parts = [] if function == 1 else [printer.parenthesize(function, 50)]
        for index, power in factors:
            tail = "_".join(names[k] if names else str(k) for k in index)
            parts.append(f"l_{tail}" + (f"**{power}" if power > 1 else ""))
        at = "" if plain else "(" + ", ".join(printer.doprint(v) for v in self.values) + ")"
        return f"E{at}[{'*'.join(parts)}]"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        factors, function, plain = self._factors()
        parts = [] if function == 1 else [printer.parenthesize(function, 50)]
        for index, power in factors:
            names = [printer.doprint(self.values[k]) if plain else str(k + 1) for k in index]
            body = r"\, ".join(rf"\partial_{{{name}}}" for name in names) + r" \ell"
            parts.append(rf"\left({body}\right)^{{{power}}}" if power > 1 else body)
            if power == 1 and len(factors) > 1:
                parts[-1] = rf"\left({body}\right)"
        at = "" if plain else "_{" + ", ".join(printer.doprint(v) for v in self.values) + "}"
        inner = r" \, ".join(parts)
        text = rf"\operatorname{{E}}{at}\left[{inner}\right]"
        return text if exp is None else rf"{text}^{{{exp}}}"


@lru_cache(maxsize=4096)
def _number(expectation: Expectation, prec: int) -> sp.Float:
    """The value with so many bits, kept because large expressions ask for it often."""
    from statmani.expectation.evaluate import new_context
    from statmani.expectation.precise_sweep import ladder

    context = new_context(15)
    context.prec = prec + 4
    # The same values at every precision of one step, so that sweeps are found again.
    wide = new_context(ladder(context.dps) + 15)
    values = [_real(v, k, wide) for k, v in enumerate(expectation.values)]
    return sp.Float._new(expectation.numeric_value(context, values)._mpf_, prec)


def _real(value: sp.Expr, k: int, context: Any) -> Any:
    """A numeric argument as a number of the context."""
    found = sp.N(value, context.dps)
    if not isinstance(found, (sp.Float, sp.Rational)):
        raise OutsideDomain(
            f"expectation: parameter {k} is {value}, which is no finite real number. Substitute "
            "a value inside the domain of the parameter."
        )
    # An exact zero stays an Integer, which has no binary form of its own.
    return context.make_mpf(sp.Float(found, context.dps)._mpf_)


def _derivative(integrand: Integrand, k: int) -> sp.Expr:
    """d/dt_k E[f] = E[d_k f + f s_k] in internal symbols."""
    law, function, monomial = integrand.law, integrand.function, integrand.monomial
    law.require_smooth(k, function, monomial)
    terms = []
    if law.derivative((k,)) != 0:
        terms.append(_build(law, function, (*monomial, (k,))))
    slope = function.diff(law.symbols[k])
    if slope != 0:
        terms.append(_build(law, slope, monomial))
    for at, index in enumerate(monomial):
        if law.derivative(tuple(sorted((*index, k)))) == 0:
            continue
        grown = (*monomial[:at], tuple(sorted((*index, k))), *monomial[at + 1 :])
        terms.append(_build(law, function, grown))
    return sp.Add(*terms)


def unevaluated(declaration: Declaration, function: sp.Expr, monomial: Monomial = ()) -> sp.Expr:
    """E[f l_I l_J ...] in internal symbols, in normal form.

    Parameters
    ----------
    declaration : Declaration
    function : Expr
        f, in internal symbols.
    monomial : tuple of multi-indices
        Each multi-index lists positions of symbols, parameters first.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> from statmani.expectation.expectation import unevaluated
    >>> declaration = sm.families.poisson().declaration
    >>> unevaluated(declaration, sp.Integer(1), ((0,), (0,)))
    1/t0
    """
    return _build(law_of(declaration), function, monomial)


def _build(law: Law, function: sp.Expr, monomial: Monomial) -> sp.Expr:
    total: list[sp.Expr] = []
    fixed, moving = function.as_independent(*law.samples, as_Add=True)
    if moving == 0:
        fixed, moving = sp.S.Zero, fixed
    for part in (fixed, moving):
        factor, rest = part.as_independent(*law.samples, as_Add=False)
        if factor == 0:
            continue
        order = tuple(sorted(monomial, key=lambda b: (len(b), b)))
        for product, c in law.reduce(order, plain=rest == 1).items():
            if product == () and rest == 1:
                total.append(factor * c)
            else:
                atom = Expectation(Integrand(law, rest, product), *law.symbols)
                total.append(factor * c * atom)
    return sp.Add(*total)


register_object(
    Expectation,
    Integrand,
    lambda node: write_integrand(node.law.declaration, node.function, node.monomial),
    lambda data: _restore_integrand(*read_integrand(data)),
)
