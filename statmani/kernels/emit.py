"""Sympy expressions to the source of compiled functions.

Only heads of a whitelist are printed and only names that we make ourselves (x0, e0, t12), so
nothing that a user names reaches generated code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sympy import (
    Add,
    Expr,
    Float,
    Integer,
    Mul,
    Piecewise,
    Pow,
    Rational,
    Symbol,
    cse,
    numbered_symbols,
)
from sympy.core.relational import Relational
from sympy.logic.boolalg import And, BooleanFalse, BooleanTrue, Not, Or

from statmani.errors import InvalidManifold

__all__ = ["PLAIN_CALLS", "expression_source", "function_source"]

#: Heads whose compiled form has the same arguments in the same order.
PLAIN_CALLS = {
    "Abs": "abs",
    "acos": "math.acos",
    "acosh": "math.acosh",
    "asin": "math.asin",
    "asinh": "math.asinh",
    "atan": "math.atan",
    "atan2": "math.atan2",
    "atanh": "math.atanh",
    "beta": "beta",
    "besseli": "besseli",
    "besselk": "besselk",
    "cos": "math.cos",
    "cosh": "math.cosh",
    "erf": "math.erf",
    "erfc": "math.erfc",
    "Ei": "ei",
    "erfcinv": "erfcinv",
    "erfi": "erfi",
    "erfinv": "erfinv",
    "exp": "math.exp",
    "gamma": "math.gamma",
    "log": "math.log",
    "loggamma": "loggamma",
    "sin": "math.sin",
    "sinh": "math.sinh",
    "sign": "np.sign",
    "tan": "math.tan",
    "tanh": "math.tanh",
}
_POLYGAMMAS = ("digamma", "trigamma", "tetragamma", "pentagamma")
_COMPARISONS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "==", "!=": "!="}


class _Printer:
    """Prints expressions in given names; refuses what has no compiled form."""

    def __init__(self, names: Mapping[Symbol, str]) -> None:
        self._names = dict(names)

    def bind(self, symbol: Symbol, name: str) -> None:
        self._names[symbol] = name

    def show(self, expr: Any) -> str:
        if isinstance(expr, Symbol):
            if expr not in self._names:
                raise InvalidManifold(
                    f"the expression contains {expr}, which is neither a coordinate nor a "
                    "number. Give it a value first, by family.fix or by subs."
                )
            return str(self._names[expr])
        if expr.is_number:
            return _number(expr)
        if isinstance(expr, Add):
            return "(" + " + ".join(self.show(term) for term in expr.args) + ")"
        if isinstance(expr, Mul):
            return self._product(expr)
        if isinstance(expr, Pow):
            return self._power(expr.base, expr.exp)
        if isinstance(expr, Piecewise):
            return self._cases(expr)
        if isinstance(expr, (Relational, And, Or, Not)):
            return self._condition(expr)
        head = type(expr).__name__
        if head == "polygamma":
            return self._polygamma(*expr.args)
        if head in ("ZetaDerivative", "zeta"):
            order, *rest = expr.args if head == "ZetaDerivative" else (0, *expr.args)
            s, a = (self.show(e) for e in (*rest, Integer(1))[:2])
            return f"zeta_derivative({int(order)}, {s}, {a})"
        if head == "expint":
            return self._exponential_integral(*expr.args)
        if head == "LambertW" and len(expr.args) == 1:
            return f"lambert_w({self.show(expr.args[0])})"
        if head == "uppergamma" and expr.args[0].is_Integer and expr.args[0] <= 0:
            # Gamma(-n, x) = x^-n E_{n+1}(x).
            n, x = int(-expr.args[0]), self.show(expr.args[1])
            return f"(exponential_integral({n + 1}, {x})/{x}**{n})"
        if head == "acoth":
            return f"math.atanh(1.0/{self.show(expr.args[0])})"
        if head == "digamma" or head == "trigamma":
            return f"{head}({self.show(expr.args[0])})"
        if head in PLAIN_CALLS and expr.args:
            arguments = ", ".join(self.show(argument) for argument in expr.args)
            return f"{PLAIN_CALLS[head]}({arguments})"
        raise InvalidManifold(
            f"{head}(...) has no compiled form. Rewrite it in elementary functions, gamma "
            "functions, polygammas, Bessel I and K, error functions, exponential integrals or "
            "LambertW, or evaluate the expressions symbolically with evalf."
        )

    def _product(self, expr: Mul) -> str:
        above: list[str] = []
        below: list[str] = []
        for factor in expr.args:
            base, exponent = factor.as_base_exp()
            if exponent.is_Rational and exponent.is_negative and not base.is_number:
                below.append(self._power(base, -exponent))
            else:
                above.append(self.show(factor))
        text = "*".join(above) if above else "1.0"
        if below:
            return f"({text}/({'*'.join(below)}))"
        return f"({text})"

    def _power(self, base: Expr, exponent: Expr) -> str:
        shown = self.show(base)
        if exponent.is_Integer:
            value = int(exponent)
            if value == 1:
                return shown
            if value < 0:
                return f"(1.0/{self._power(base, -exponent)})"
            return f"({shown}**{value})"
        if exponent == Rational(1, 2):
            return f"math.sqrt({shown})"
        if exponent == Rational(-1, 2):
            return f"(1.0/math.sqrt({shown}))"
        return f"({shown}**{self.show(exponent)})"

    def _polygamma(self, order: Any, argument: Any) -> str:
        if not order.is_Integer or order < 0:
            raise InvalidManifold(
                f"polygamma of order {order} has no compiled form. Give the order as a "
                "number of the naturals."
            )
        value = int(order)
        shown = self.show(argument)
        if value < len(_POLYGAMMAS):
            return f"{_POLYGAMMAS[value]}({shown})"
        return f"polygamma({value}, {shown})"

    def _exponential_integral(self, order: Any, argument: Any) -> str:
        if not order.is_Integer or order < 0:
            raise InvalidManifold(
                f"expint of order {order} has no compiled form. Give the order as a number of the "
                "naturals."
            )
        return f"exponential_integral({int(order)}, {self.show(argument)})"

    def _cases(self, expr: Piecewise) -> str:
        text = "math.nan"
        for value, condition in reversed(expr.args):
            text = f"({self.show(value)} if {self._condition(condition)} else {text})"
        return text

    def _condition(self, condition: Any) -> str:
        if isinstance(condition, Symbol):
            return self.show(condition)
        if isinstance(condition, BooleanTrue):
            return "True"
        if isinstance(condition, BooleanFalse):
            return "False"
        if isinstance(condition, (And, Or)):
            word = " and " if isinstance(condition, And) else " or "
            return "(" + word.join(self._condition(a) for a in condition.args) + ")"
        if isinstance(condition, Not):
            return f"(not {self._condition(condition.args[0])})"
        if isinstance(condition, Relational) and condition.rel_op in _COMPARISONS:
            left, right = self.show(condition.lhs), self.show(condition.rhs)
            return f"({left} {_COMPARISONS[condition.rel_op]} {right})"
        raise InvalidManifold(
            f"the condition {condition} has no compiled form. Use inequalities between numbers."
        )


def _number(expr: Any) -> str:
    if isinstance(expr, Integer):
        value = float(int(expr))
    elif isinstance(expr, Rational):
        value = int(expr.p) / int(expr.q)
    elif isinstance(expr, Float):
        value = float(expr)
    else:
        evaluated = expr.evalf(30)
        if not (evaluated.is_Float or evaluated.is_Rational):
            raise InvalidManifold(
                f"the constant {expr} is no finite real number. "
                "Check the expressions for a complex or undefined part."
            )
        value = float(evaluated)
    if value != value or value in (float("inf"), float("-inf")):
        raise InvalidManifold(
            f"the constant {expr} is no finite real number. "
            "Check the expressions for a complex or undefined part."
        )
    return repr(value) if value >= 0 else f"({value!r})"


def function_source(
    name: str,
    inputs: Sequence[Symbol],
    exponentials: Mapping[Symbol, int],
    outputs: Iterable[Expr],
) -> str:
    """Source of ``name(x, out)`` that fills `out` with the outputs.

    Parameters
    ----------
    name : str
        One of our own names.
    inputs : sequence of Symbol
        Symbols that stand for ``x[0]``, ``x[1]``, ...
    exponentials : mapping
        Symbols that stand for ``exp(x[k])``.
    outputs : iterable of Expr

    Raises
    ------
    InvalidManifold
        An output contains a symbol that is no input or a function without compiled form.

    Examples
    --------
    >>> from sympy.abc import a
    >>> from statmani.kernels.emit import function_source
    >>> print(function_source("f", [a], {}, [1 / a**2]))
    def f(x, out):
        x0 = x[0]
        out[0] = (1.0/(x0**2))
    <BLANKLINE>
    """
    targets = list(outputs)
    used: set[Any] = set()
    for target in targets:
        used |= target.free_symbols
    lines = [f"def {name}(x, out):"]
    names: dict[Symbol, str] = {}
    for k, symbol in enumerate(inputs):
        if symbol in used:
            names[symbol] = f"x{k}"
            lines.append(f"    x{k} = x[{k}]")
    for symbol, k in exponentials.items():
        if symbol in used:
            names[symbol] = f"e{k}"
            lines.append(f"    e{k} = math.exp(x[{k}])")
    printer = _Printer(names)
    shared, reduced = cse(targets, symbols=numbered_symbols("_statmani_"), order="none")
    for k, (symbol, value) in enumerate(shared):
        lines.append(f"    t{k} = {printer.show(value)}")
        printer.bind(symbol, f"t{k}")
    for k, value in enumerate(reduced):
        lines.append(f"    out[{k}] = {printer.show(value)}")
    if not targets:
        lines.append("    return")
    return "\n".join(lines) + "\n"


def expression_source(expr: Expr, names: Mapping[Symbol, str]) -> str:
    """One expression as source, given the name of every symbol.

    Examples
    --------
    >>> from sympy.abc import a
    >>> from statmani.kernels.emit import expression_source
    >>> expression_source(a**2 + 1, {a: "x0"})
    '(1.0 + (x0**2))'
    """
    return _Printer(names).show(expr)
