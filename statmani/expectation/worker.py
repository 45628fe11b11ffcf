"""The bounded process in which sympy integrates: ``python -m statmani.expectation.worker``.

One JSON object per line in, one per line out; expressions travel through the whitelist of
:mod:`statmani.algebra.expression_json`, so nothing that arrives is ever evaluated as code.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
from typing import Any

import sympy as sp

from statmani.algebra.expression_json import from_json, to_json
from statmani.errors import StatmaniError

__all__ = ["answer", "serve"]

_FACTS = ("real", "integer", "positive", "negative", "nonnegative", "nonpositive")


def facts_of(symbol: sp.Symbol) -> list[str]:
    """The assumptions of a symbol that integration can use."""
    return [fact for fact in _FACTS if symbol.assumptions0.get(fact)]


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Integrate or sum one request; the reply has ``value``, or ``failure`` with the reason."""
    symbols = [
        sp.Symbol(f"s{i}", **{fact: True for fact in facts if fact in _FACTS})
        for i, facts in enumerate(request["symbols"])
    ]
    value = from_json(request["integrand"], symbols)
    try:
        for position, low, high, discrete in reversed(request["ranges"]):
            limits = (symbols[position], from_json(low, symbols), from_json(high, symbols))
            if discrete:
                value = sp.summation(value, limits)
            else:
                value = sp.integrate(sp.expand(value), limits, conds="none")
            if value.has(sp.Integral, sp.Sum, sp.Piecewise, sp.nan, sp.zoo, sp.oo):
                return {"failure": "sympy left the integral unevaluated"}
        return {"value": to_json(value, symbols)}
    except (ArithmeticError, AttributeError, TypeError, ValueError, NotImplementedError,
            RecursionError, KeyError, StatmaniError) as error:  # fmt: skip
        return {"failure": f"{type(error).__name__} in sympy"}


def serve() -> None:
    """Answer requests until the input ends.

    A terminal's Ctrl-C reaches the whole process group: the parent decides what it means. A
    request that takes longer than it may ends the process, so that it never outlives its parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        for line in sys.stdin:
            request = json.loads(line)
            faulthandler.dump_traceback_later(request["seconds"] + 1, exit=True, file=nowhere)
            reply = json.dumps(answer(request))
            faulthandler.cancel_dump_traceback_later()
            sys.stdout.write(reply + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    serve()
