"""log Gamma(x + d) - log Gamma(x) without cancellation where x is large.

Stirling's series (DLMF 5.11.1) for both, with the large parts subtracted by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import sympy as sp

__all__ = ["RATIO_ARRAY_RULES", "RATIO_RULES", "LogGammaRatio", "paired"]

_LARGE = 60.0


class LogGammaRatio(sp.Function):  # type: ignore[misc]
    """log Gamma(x + d) - log Gamma(x) as a function of (x, d)."""


def paired(expr: sp.Add, moving: Collection[sp.Symbol]) -> sp.Expr | None:
    """The sum with log-gammas of opposite signs joined whose arguments differ by a constant.

    None when there are none. ``moving`` are the symbols that may become large.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.expectation.gamma_ratios import paired
    >>> x, r = sp.symbols("x r", positive=True)
    >>> paired(sp.loggamma(x) - sp.loggamma(x + r) + r, [x]) - r
    LogGammaRatio(r + x, -r)
    """
    if not expr.has(sp.loggamma, sp.gamma, sp.factorial, sp.beta, sp.binomial):
        return None
    terms: dict[sp.Expr, sp.Expr] = {}
    rest: list[sp.Expr] = []
    for term in expr.args:
        coefficient, function = term.as_coeff_Mul()
        parts = _log_gammas(function) if coefficient.is_Rational else None
        if parts is None:
            rest.append(term)
            continue
        for sign, argument in parts:
            terms[argument] = terms.get(argument, sp.Integer(0)) + sign * coefficient
    joined = False
    free = set(moving)
    above = [a for a, c in terms.items() if c.is_positive and a.free_symbols & free]
    below = [a for a, c in terms.items() if c.is_negative and a.free_symbols & free]
    for u in above:
        for v in below:
            weight = min(terms[u], -terms[v])
            difference = sp.expand(u - v)
            if weight > 0 and not difference.free_symbols & free:
                joined = True
                rest.append(weight * LogGammaRatio(v, difference))
                terms[u] -= weight
                terms[v] += weight
    if not joined:
        return None
    return sp.Add(*rest, *(c * sp.loggamma(a) for a, c in terms.items()))


def _log_gammas(node: sp.Expr) -> list[tuple[int, sp.Expr]] | None:
    """Signs and arguments of the log-gammas that a node is, or None."""
    if isinstance(node, sp.loggamma):
        return [(1, node.args[0])]
    if not isinstance(node, sp.log):
        return None
    inner = node.args[0]
    if isinstance(inner, sp.gamma):
        return [(1, inner.args[0])]
    if isinstance(inner, sp.factorial):
        return [(1, inner.args[0] + 1)]
    if isinstance(inner, sp.beta):
        a, b = inner.args if len(inner.args) == 2 else inner.args * 2
        return [(1, a), (1, b), (-1, a + b)]
    if isinstance(inner, sp.binomial):
        n, k = inner.args
        return [(1, n + 1), (-1, k + 1), (-1, n - k + 1)]
    return None


def _array(x: Any, d: Any) -> np.ndarray:
    from scipy.special import gammaln

    x, d = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(d, dtype=float))
    large = np.minimum(x, x + d) > _LARGE
    with np.errstate(all="ignore"):
        near = gammaln(x + d) - gammaln(x)
        y = np.where(large, x, 100.0)
        up = np.where(large, x + d, 100.0 + d)
        far = (y - 0.5) * np.log1p(d / y) + d * np.log(up) - d + _series(up) - _series(y)
    result: np.ndarray = np.where(large, far, near)
    return result


def _series(x: np.ndarray) -> np.ndarray:
    r = 1 / (x * x)
    result: np.ndarray = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r / 1680))) / x
    return result


def _precise(context: Any, x: Any, d: Any) -> Any:
    low = min(x, x + d)
    if low < max(_LARGE, 1.2 * context.dps):
        return context.loggamma(x + d) - context.loggamma(x)
    up = x + d
    total = (x - context.mpf(1) / 2) * context.log1p(d / x) + d * context.log(up) - d
    above, below = 1 / up, 1 / x
    square_above, square_below = above * above, below * below
    for k in range(1, 400):
        c = context.bernoulli(2 * k) / (2 * k * (2 * k - 1))
        total += c * (above - below)
        if abs(c) * max(above, below) < context.eps:
            break
        above, below = above * square_above, below * square_below
    return total


#: Double-precision rules by kind.
RATIO_ARRAY_RULES: dict[str, Callable[..., Any]] = {"LogGammaRatio": _array}

#: Rules in an mpmath context.
RATIO_RULES: dict[str, Callable[..., Any]] = {"LogGammaRatio": _precise}
