"""Functions compiled once and called by name from compiled code, above all special functions.

Compiling them again inside every kernel that contains one takes longer than all the rest of the
kernel. So each special function is a module of its own in the cache, and generated code holds a
call to a symbol whose address the linker of the process learns here. The symbol carries the name
of the module, a hash of the source among others: a kernel never meets a function of other source.
"""

from __future__ import annotations

import threading
from inspect import Parameter, Signature
from typing import Any

from statmani.kernels.bound import address_of
from statmani.kernels.cache import Request, fulfil

__all__ = ["SIGNATURES", "linked", "named", "request"]

_G, _I = "types.float64", "types.int64"

#: Signatures of the functions, by name.
SIGNATURES = {
    "bessel_ratio": f"{_G}({_G}, {_G})",
    "bessel_ratio_derivative": f"{_G}({_I}, {_G}, {_G})",
    "bessel_ratio_jet": f"types.UniTuple({_G}, 6)({_G}, {_G})",
    "bessel_ratio_rest": f"{_G}({_G}, {_G})",
    "besseli": f"{_G}({_G}, {_G})",
    "besseli_scaled": f"{_G}({_G}, {_G})",
    "besselk": f"{_G}({_G}, {_G})",
    "besselk_ratio": f"{_G}({_G}, {_G})",
    "besselk_scaled": f"{_G}({_G}, {_G})",
    "beta": f"{_G}({_G}, {_G})",
    "digamma": f"{_G}({_G})",
    "digamma_positive": f"{_G}({_G})",
    "ei": f"{_G}({_G})",
    "erfcinv": f"{_G}({_G})",
    "erfcx": f"{_G}({_G})",
    "erfi": f"{_G}({_G})",
    "erfinv": f"{_G}({_G})",
    "exponential_integral": f"{_G}({_I}, {_G})",
    "inverse_mills": f"{_G}({_G})",
    "lambert_w": f"{_G}({_G})",
    "log_erfc": f"{_G}({_G})",
    "log_gamma_ratio": f"{_G}({_G}, {_G})",
    "loggamma": f"{_G}({_G})",
    "normal_quantile": f"{_G}({_G})",
    "pentagamma": f"{_G}({_G})",
    "polygamma": f"{_G}({_I}, {_G})",
    "polygamma_12": f"types.UniTuple({_G}, 2)({_G})",
    "polygamma_123": f"types.UniTuple({_G}, 3)({_G})",
    "polygamma_fall": f"{_G}({_I}, {_G}, {_G}, {_G}, {_G}, {_G})",
    "tetragamma": f"{_G}({_G})",
    "trigamma": f"{_G}({_G})",
    "zeta_derivative": f"{_G}({_I}, {_G}, {_G})",
}
_LOCK = threading.Lock()
_NAMED: dict[str, Any] = {}


def request(file: str, name: str) -> Request:
    """The module that holds one function of a file of this package."""
    return Request(f"special {name}", (file,), ((name, SIGNATURES[name]),))


def linked(file: str, name: str) -> Any:
    """A special function for use in compiled code; compiled first, where it is not yet."""
    return named(getattr(fulfil(request(file, name)), name))


def named(function: Any) -> Any:
    """Calls by name of a compiled function of one signature, for use in compiled code."""
    from llvmlite import binding

    symbol = f"{function.__module__}.{function.__name__}"
    with _LOCK:
        if symbol not in _NAMED:
            (found,) = function.overloads.values()
            binding.add_symbol(symbol, address_of(function))
            # The function is kept with its machine code.
            _NAMED[symbol] = _call_of(symbol, found.signature), function
        return _NAMED[symbol][0]


def _call_of(symbol: str, own: Any) -> Any:
    from llvmlite import ir
    from numba.core import cgutils
    from numba.extending import intrinsic

    def codegen(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        kinds = [context.get_value_type(kind) for kind in own.args]
        kind = ir.FunctionType(context.get_value_type(own.return_type), kinds)
        known: Any = cgutils.get_or_insert_function
        function = known(builder.module, kind, symbol)
        function.attributes.add("nounwind")
        return builder.call(function, arguments)

    # Numbers of other types are cast to those of the signature.
    names = [f"a{k}" for k in range(len(own.args))]
    parameters = [Parameter(name, Parameter.POSITIONAL_ONLY) for name in ("typing", *names)]

    def call(*_: Any) -> Any:
        return own, codegen

    call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return intrinsic(call)
