"""Special functions compiled once per installation, called by name from generated code.

Compiling them again inside every kernel that contains one takes longer than all the rest of the
kernel. So each is a module of its own in the cache, and generated code holds a call to a symbol
whose address the linker of the process learns here. The symbol carries the name of the module, a
hash of the source among others: a kernel never meets a function of other source.
"""

from __future__ import annotations

import threading
from typing import Any

from statmani.kernels.cache import Request, fulfil

__all__ = ["SIGNATURES", "linked", "request"]

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
    "erfcinv": f"{_G}({_G})",
    "erfcx": f"{_G}({_G})",
    "erfinv": f"{_G}({_G})",
    "exponential_integral": f"{_G}({_I}, {_G})",
    "inverse_mills": f"{_G}({_G})",
    "log_erfc": f"{_G}({_G})",
    "log_gamma_ratio": f"{_G}({_G}, {_G})",
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
_LINKED: dict[str, Any] = {}


def request(file: str, name: str) -> Request:
    """The module that holds one function of a file of this package."""
    return Request(f"special {name}", (file,), ((name, SIGNATURES[name]),))


def linked(file: str, name: str) -> Any:
    """A special function for use in compiled code; compiled first, where it is not yet."""
    from llvmlite import binding

    module = fulfil(request(file, name))
    symbol = f"{module.__name__}.{name}"
    with _LOCK:
        if symbol not in _LINKED:
            (found,) = getattr(module, name).overloads.values()
            address = found.library.get_pointer_to_function(found.fndesc.llvm_cfunc_wrapper_name)
            binding.add_symbol(symbol, address)
            _LINKED[symbol] = _call_of(symbol, found.signature)
        return _LINKED[symbol]


def _call_of(symbol: str, own: Any) -> Any:
    """Code of a call to a symbol of a signature."""
    from llvmlite import ir
    from numba.core import cgutils
    from numba.extending import intrinsic

    def codegen(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        kinds = [context.get_value_type(kind) for kind in own.args]
        kind = ir.FunctionType(context.get_value_type(own.return_type), kinds)
        function = cgutils.get_or_insert_function(builder.module, kind, symbol)
        function.attributes.add("nounwind")
        function.attributes.add("readnone")
        return builder.call(function, arguments)

    # Numbers of other types are cast to those of the signature.
    made = {
        1: lambda _, a: (own, codegen),
        2: lambda _, a, b: (own, codegen),
        3: lambda _, a, b, c: (own, codegen),
        6: lambda _, a, b, c, d, e, f: (own, codegen),
    }
    return intrinsic(made[len(own.args)])
