"""The Riemann and Hurwitz zeta functions with derivatives that have values.

sympy leaves d zeta(s)/ds as a Derivative, which neither takes a number for s nor evaluates.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

__all__ = ["ZetaDerivative", "open_zeta"]


class ZetaDerivative(sp.Function):  # type: ignore[misc]
    """The n-th derivative by s of zeta(s), or of Hurwitz's zeta(s, a).

    Arguments are (n, s) or (n, s, a); DLMF 25.2, 25.11.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.zeta import ZetaDerivative
    >>> s = sp.Symbol("s", positive=True)
    >>> ZetaDerivative(0, s).diff(s)
    zeta_derivative(1, s)
    >>> ZetaDerivative(1, s).subs(s, 2).evalf()
    -0.937548254315844
    """

    nargs = (2, 3)

    @classmethod
    def eval(cls, order: sp.Expr, s: sp.Expr, a: sp.Expr = sp.S.One) -> sp.Expr | None:
        """Numbers that sympy knows; None leaves the function as it is."""
        if not order.is_Integer or order.is_negative:
            raise ValueError(f"the order {order} of a derivative is no natural number")
        if order == 0 and s.is_number and a.is_number:
            return sp.zeta(s, a)
        return None

    def __new__(cls, order: Any, s: Any, a: Any = 1, **options: Any) -> sp.Expr:
        arguments = (order, s) if sp.sympify(a) == 1 else (order, s, a)
        return super().__new__(cls, *arguments, **options)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Derivative by s, or by a (DLMF 25.11.17)."""
        order, s, *rest = self.args
        if argindex == 2:
            return ZetaDerivative(order + 1, s, *rest)
        if argindex == 3:
            lower = order * ZetaDerivative(order - 1, s + 1, *rest) if order else 0
            return -s * ZetaDerivative(order, s + 1, *rest) - lower
        raise sp.ArgumentIndexError(self, argindex)

    def _eval_is_extended_real(self) -> bool | None:
        return True if all(a.is_extended_real for a in self.args[1:]) else None

    def _eval_is_positive(self) -> bool | None:
        order, s, *rest = self.args
        if order == 0 and (s - 1).is_positive and all(a.is_positive for a in rest):
            return True
        return None

    def _eval_evalf(self, prec: int) -> sp.Expr | None:
        from mpmath import MPContext

        order, *values = self.args
        if not all(v.is_number and v.is_extended_real for v in values):
            return None
        context = MPContext()
        context.dps = int(prec * 0.30103) + 15
        at = [context.make_mpf(v.evalf(context.dps)._mpf_) for v in values]
        found = context.zeta(at[0], *(at[1:] or [1]), int(order))
        return sp.Float._new(context.mpf(found.real)._mpf_, prec)

    def _sympystr(self, printer: Any) -> str:
        shown = ", ".join(printer._print(a) for a in self.args[1:])
        order = self.args[0]
        return f"zeta({shown})" if order == 0 else f"zeta_derivative({order}, {shown})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        order = int(self.args[0])
        marks = "'" * order if order < 4 else rf"^{{\left({order}\right)}}"
        shown = ", ".join(printer._print(a) for a in self.args[1:])
        text = rf"\zeta{marks}\left({shown}\right)"
        if exp is None:
            return text
        return rf"\zeta^{{{exp}}}\left({shown}\right)" if not order else rf"{text}^{{{exp}}}"

    def _mpmathcode(self, printer: Any) -> str:
        order, s, *rest = (printer._print(a) for a in self.args)
        return f"{printer._module_format('mpmath.zeta')}({s}, {rest[0] if rest else 1}, {order})"


def open_zeta(expr: sp.Expr) -> sp.Expr:
    """The expression with sympy's zeta functions, and its derivatives of them, in our form.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.zeta import open_zeta
    >>> s = sp.Symbol("s", positive=True)
    >>> open_zeta(sp.zeta(s + 1).diff(s))
    zeta_derivative(1, s + 1)
    """
    functions = {z for z in expr.atoms(sp.zeta) if z.free_symbols}
    if not functions:
        return expr
    opened = expr.xreplace({z: ZetaDerivative(0, *z.args) for z in functions})
    derived = {
        node: node.doit()
        for node in opened.atoms(sp.Derivative, sp.Subs)
        if node.has(ZetaDerivative)
    }
    return opened.xreplace(derived)
