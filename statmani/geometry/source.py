"""The declared density whose Fisher metric a manifold carries, if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from sympy import Expr

from statmani.declaration import Declaration

__all__ = ["Source"]


@final
@dataclass(frozen=True)
class Source:
    """A density and its parameters as functions of a manifold's coordinates.

    Attributes
    ----------
    declaration : Declaration
    parameters : tuple of Expr
        In the order of the declaration's parameters.
    """

    declaration: Declaration
    parameters: tuple[Expr, ...]

    def in_chart(self, mapping: Mapping[Expr, Expr]) -> Source:
        """The same density when the coordinates become functions of others."""
        return Source(self.declaration, tuple(e.xreplace(dict(mapping)) for e in self.parameters))
