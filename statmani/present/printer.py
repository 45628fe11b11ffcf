"""The LaTeX printer: names of symbols, constants that cannot be mistaken for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, final

import sympy as sp
from sympy.printing.latex import LatexPrinter
from sympy.printing.precedence import PRECEDENCE

__all__ = ["Printer", "escape_text", "symbol_names"]

_GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa mu nu xi pi rho "
    "varrho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma "
    "Upsilon Phi Psi Omega ell"
).split()
_ALIASES = {"lam": "lambda", "lamda": "lambda", "lambda": "lambda", "Lamda": "Lambda"}
_UNICODE = dict(
    zip(
        "αβγδεζηθικλμνξπρσςτυφχψωΓΔΘΛΞΠΣΦΨΩ",
        (
            "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma "
            "varsigma tau upsilon phi chi psi omega "
            "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
        ).split(),
        strict=True,
    )
)
# These letters would read as the constants pi, e and i.
_CONSTANT_LOOKALIKES = {"pi"}
_CONSTANTS = {
    sp.E: r"\mathrm{e}",
    sp.I: r"\mathrm{i}",
    sp.EulerGamma: r"\gamma_{\mathrm{E}}",
    sp.Catalan: r"G_{\mathrm{Catalan}}",
}
_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "∞": r"$\infty$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "±": r"$\pm$",
    "∈": r"$\in$",
    "−": "-",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "²": "$^2$",
    "é": r"\'e",
    "è": r"\`e",
    "ö": r"\"o",
    "ü": r"\"u",
    "ä": r"\"a",
}


def escape_text(text: str) -> str:
    """Return plain text as LaTeX text; letters that pdflatex may lack become their names.

    Examples
    --------
    >>> from statmani.present.printer import escape_text
    >>> escape_text("50% of x_1")
    '50\\\\% of x\\\\_1'
    """
    pieces = []
    for character in text:
        if character in _ESCAPES:
            pieces.append(_ESCAPES[character])
        elif character in _UNICODE:
            pieces.append(rf"$\{_UNICODE[character]}$")
        else:
            pieces.append(character if character.isascii() else "?")
    return "".join(pieces)


def _single(name: str) -> str | None:
    """LaTeX of a name that is one letter to a reader, else None."""
    name = _UNICODE.get(name, name)
    name = _ALIASES.get(name, name)
    if name in ("lambda", "Lambda") or name in _GREEK:
        return None if name in _CONSTANT_LOOKALIKES else rf"\{name}"
    return name if len(name) == 1 and name.isascii() and name.isalnum() else None


def _piece(name: str) -> str:
    single = _single(name)
    if single is not None:
        return single
    if name.isascii() and name.isdigit():
        return name
    return rf"\mathit{{{_letters(name)}}}"


def _letters(name: str) -> str:
    table = {
        **{c: rf"\{c}" for c in "{}$&#%_"},
        "\\": r"\backslash ",
        "~": r"\sim ",
        "^": r"\hat{}",
    }
    out = []
    for character in name:
        if character in _UNICODE:
            out.append("pi" if character == "π" else rf"\{_UNICODE[character]} ")
        elif character.isspace():
            out.append(r"\ ")
        elif character.isascii() and character.isprintable():
            out.append(table.get(character, character))
        else:
            out.append(f"u{ord(character):x}")
    return "".join(out)


def _name(name: str) -> str:
    stem = name.strip("_") or name
    head, *subscripts = [part for part in stem.split("_") if part] or [stem]
    digits = re.fullmatch(r"([^\d]+)(\d+)", head)
    if digits and _single(digits[1]) is not None:
        head, subscripts = digits[1], [digits[2], *subscripts]
    text = _piece(head)
    if subscripts:
        text += "_{" + ",".join(_piece(part) for part in subscripts) + "}"
    return text


def symbol_names(symbols: Iterable[sp.Symbol]) -> dict[sp.Symbol, str]:
    """LaTeX of symbols, different for different names.

    Parameters
    ----------
    symbols : iterable of Symbol

    Returns
    -------
    dict
        ``lam`` and ``lambda_`` are the Greek letter, digits and what follows an underscore are
        subscripts, longer names are one italic word. Names that would come out alike are spelt
        out.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.present.printer import symbol_names
    >>> list(symbol_names(sp.symbols("lambda_ sigma2 mu_x shape")).values())
    ['\\\\lambda', '\\\\mu_{x}', '\\\\mathit{shape}', '\\\\sigma_{2}']
    >>> list(symbol_names(sp.symbols("lam lambda_")).values())
    ['\\\\mathit{lam}', '\\\\mathit{lambda\\\\_}']
    """
    unique = sorted(set(symbols), key=lambda s: (s.name, sp.default_sort_key(s)))
    names = {symbol: _name(symbol.name) for symbol in unique}
    owners: dict[str, set[str]] = {}
    for symbol, text in names.items():
        owners.setdefault(text, set()).add(symbol.name)
    spelt: dict[str, int] = {}
    for symbol, text in names.items():
        if len(owners[text]) == 1:
            continue
        word = rf"\mathit{{{_letters(symbol.name)}}}"
        spelt[word] = spelt.get(word, 0) + 1
        names[symbol] = word if spelt[word] == 1 else f"{word}_{{({spelt[word]})}}"
    return names


@final
class Printer(LatexPrinter):  # type: ignore[misc]  # sympy publishes no types
    """sympy's printer with upright constants and our names of symbols."""

    def __init__(self, names: Mapping[sp.Symbol, str] | None = None) -> None:
        super().__init__({"ln_notation": False})
        self._names = dict(names or {})

    def _print_Symbol(self, expr: sp.Symbol, style: str = "plain") -> str:
        if expr not in self._names:
            self._names |= symbol_names([expr])
        return str(self._names[expr])

    _print_Dummy = _print_Symbol

    def _print(self, expr: Any, **kwargs: Any) -> str:
        # Some constants print themselves before a printer is asked, and then look like parameters.
        if isinstance(expr, sp.Basic) and expr in _CONSTANTS:
            return _CONSTANTS[expr]
        return str(super()._print(expr, **kwargs))

    def _print_ExpBase(self, expr: sp.Expr, exp: str | None = None) -> str:
        text = rf"\mathrm{{e}}^{{{self._print(expr.args[0])}}}"
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"

    def _print_polygamma(self, expr: sp.Expr, exp: str | None = None) -> str:
        order, argument = expr.args
        marks = {0: r"\psi", 1: r"\psi'", 2: r"\psi''"}
        head = marks.get(order, rf"\psi^{{\left({self._print(order)}\right)}}")
        text = rf"{head}\left({self._print(argument)}\right)"
        if exp is None:
            return text
        if order == 0:
            return rf"\psi^{{{exp}}}\left({self._print(argument)}\right)"
        return rf"\left({text}\right)^{{{exp}}}"

    def _print_loggamma(self, expr: sp.Expr, exp: str | None = None) -> str:
        text = rf"\log\Gamma\left({self._print(expr.args[0])}\right)"
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"

    def factor(self, expr: sp.Expr) -> str:
        """The expression, in brackets if it is a sum."""
        text: str = self.parenthesize(expr, PRECEDENCE["Mul"])
        return text
