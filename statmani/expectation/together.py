"""Values of expressions with many expectations at one point, in double precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
import sympy as sp

from statmani.expectation.context import thread_context
from statmani.expectation.evaluate import Program
from statmani.expectation.expectation import Expectation
from statmani.expectation.sweep import Sweep

__all__ = ["Together"]

Key = tuple[Any, tuple[sp.Expr, ...]]


@final
class Together:
    """Expressions whose expectations share one sweep over the sample.

    Parameters
    ----------
    expressions : sequence of Expr

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> from statmani.expectation.together import Together
    >>> family = sm.families.exponential_rate()
    >>> (x,), (rate,) = family.sample, family.parameters
    >>> mean = sm.Expectation.of(family, x)
    >>> values, error = Together([1 + mean**2]).at({rate: sp.Rational(1, 2)})
    >>> round(float(values[0]), 10), error < 1e-12
    (5.0, True)
    """

    def __init__(self, expressions: Sequence[sp.Expr]) -> None:
        atoms = sorted(
            set().union(*(e.atoms(Expectation) for e in expressions)), key=sp.default_sort_key
        )
        self._marks = {atom: sp.Dummy(f"E{i}") for i, atom in enumerate(atoms)}
        groups: dict[Key, list[Expectation]] = {}
        for atom in atoms:
            groups.setdefault((atom.integrand.law, atom.values), []).append(atom)
        self._groups = [
            (
                law,
                Program(values, []),
                Sweep(law, [(a.integrand.function, a.integrand.monomial) for a in members]),
                members,
            )
            for (law, values), members in groups.items()
        ]
        self._program = Program([e.xreplace(self._marks) for e in expressions], [])

    def at(self, point: Mapping[sp.Symbol, Any]) -> tuple[list[Any], float]:
        """Values at exact values of all symbols, and the largest relative error of a sweep.

        The values are mpmath numbers; errors of expectations are relative to E of the absolute
        value.
        """
        context = thread_context(40)
        table, worst = dict(point), 0.0
        for law, program, sweep, members in self._groups:
            numbers = program.bind(context, point)([])
            place = {
                s: sp.Rational(context.nstr(v.real, 25))
                for s, v in zip(law.symbols, numbers, strict=True)
            }
            found = sweep.at(place)
            with np.errstate(all="ignore"):
                errors = found.errors / np.maximum(found.sizes, 1e-300)
            # Nodes where log p is not real drop out; then the density does not integrate to 1.
            lost = abs(found.total - 1)
            worst = max(worst, lost, float(np.max(np.where(np.isfinite(errors), errors, np.inf))))
            for k, atom in enumerate(members):
                table[self._marks[atom]] = context.mpf(float(found.values[k]))
        values: list[Any] = self._program.bind(context, table)([])
        return values, worst
