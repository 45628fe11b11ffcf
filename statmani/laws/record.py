"""What a check of a law returns: the law's status, its evidence, and the report of several laws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, final

from sympy import Expr, Symbol

from statmani.errors import InvalidArgument
from statmani.present.printer import escape_text

__all__ = ["Law", "Report", "Status", "Witness"]

Status = Literal["proved", "verified", "violated", "not applicable"]
_ORDER: tuple[Status, ...] = ("proved", "verified", "violated", "not applicable")


@final
@dataclass(frozen=True)
class Witness:
    """A place where two sides of a law differ.

    Attributes
    ----------
    point : tuple of (Symbol, number)
        Values of all symbols.
    index : tuple of int
        The component; empty for a scalar law.
    left, right : Expr
        The two sides there.
    """

    point: tuple[tuple[Symbol, Expr], ...]
    index: tuple[int, ...]
    left: Expr
    right: Expr

    def __str__(self) -> str:
        place = ", ".join(f"{symbol} = {value}" for symbol, value in self.point)
        component = f"component {list(self.index)}: " if self.index else ""
        return f"{component}{_short(self.left)} is not {_short(self.right)}" + (
            f" at {place}" if place else ""
        )


def _short(value: Any) -> str:
    return f"{float(value):.12g}" if getattr(value, "is_Float", False) else str(value)


@final
@dataclass(frozen=True)
class Law:
    """One law and what was found of it.

    Attributes
    ----------
    name : str
    statement : str
        The law as a formula.
    status : {"proved", "verified", "violated", "not applicable"}
        *Proved*: both sides are the same element of the ring, or `explanation` gives the argument.
        *Verified*: they agree to `digits` digits at `points` points, found by independent routes.
    digits : int or None
        Decimal digits that agree, for a law that is verified.
    points : int or None
        How many points were tried, for a law that is verified.
    witness : Witness or None
        Where a law that is violated fails; for a property that an object may lack, where it
        lacks it.
    explanation : str
        By which route, or why the law does not apply.
    value : object
        What a law is about besides its status, such as a loss of information.
    """

    name: str
    statement: str
    status: Status
    digits: int | None = None
    points: int | None = None
    witness: Witness | None = None
    explanation: str = ""
    value: Any = None

    @property
    def holds(self) -> bool:
        """Whether the law is proved or verified."""
        return self.status in ("proved", "verified")

    @property
    def verdict(self) -> str:
        """The status with its evidence in a few words."""
        if self.status == "verified":
            places = "1 point" if self.points == 1 else f"{self.points} points"
            return f"verified to {self.digits} digits at {places}"
        return self.status

    def __str__(self) -> str:
        parts = [f"{self.name}: {self.verdict} ({self.statement})"]
        if self.witness is not None:
            parts.append(f"  {self.witness}")
        if self.explanation:
            parts.append(f"  {self.explanation}")
        return "\n".join(parts)

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return Report(self.name, (self,))._repr_latex_()


@final
@dataclass(frozen=True)
class Report:
    """The laws of one object; iterable, printable, and addressed by the names of the laws.

    Attributes
    ----------
    subject : str
        What was checked.
    laws : tuple of Law

    Examples
    --------
    >>> import statmani as sm
    >>> report = sm.laws.check(sm.families.weibull().manifold())
    >>> report["curvature duality"].status
    'proved'
    >>> report.holds, report.violated
    (True, ())
    """

    subject: str
    laws: tuple[Law, ...]

    def __iter__(self) -> Iterator[Law]:
        return iter(self.laws)

    def __len__(self) -> int:
        return len(self.laws)

    def __getitem__(self, name: str) -> Law:
        for law in self.laws:
            if law.name == name:
                return law
        names = ", ".join(law.name for law in self.laws)
        raise InvalidArgument(f"report: no law is called {name!r}. There are: {names}.")

    @property
    def violated(self) -> tuple[Law, ...]:
        """The laws that fail."""
        return tuple(law for law in self.laws if law.status == "violated")

    @property
    def holds(self) -> bool:
        """Whether no law is violated."""
        return not self.violated

    @property
    def counts(self) -> dict[str, int]:
        """How many laws have each status."""
        found = Counter(law.status for law in self.laws)
        return {status: found[status] for status in _ORDER if found[status]}

    def __str__(self) -> str:
        width = max((len(law.name) for law in self.laws), default=0)
        summary = ", ".join(f"{count} {status}" for status, count in self.counts.items())
        lines = [f"Laws of {self.subject}: {summary}"]
        for law in self.laws:
            lines.append(f"  {law.name:{width}}  {law.verdict}")
            if law.witness is not None:
                lines.append(f"  {'':{width}}  {law.witness}")
            if law.explanation and not law.holds:
                lines.append(f"  {'':{width}}  {law.explanation}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        rows = [
            rf"\text{{{escape_text(law.name)}}} & \text{{{escape_text(law.verdict)}}} & "
            rf"\text{{{escape_text(str(law.witness or ''))}}}"
            for law in self.laws
        ]
        body = " \\\\\n".join(rows)
        return "$\\begin{array}{lll}\n" + body + "\n\\end{array}$"
