"""Compiled functions with their first arguments bound, as addresses that compiled code can call.

A field has no place for the tables and functions that it works with, and compiling a closure over
them takes numba some tenths of a second in every process. The few instructions that call a cached
function with constants in front are built directly instead, in milliseconds.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["address_of", "bound"]

_NUMBERS = itertools.count()


def address_of(function: Any) -> int:
    """Where the machine code of a compiled function of one signature begins (C convention)."""
    if hasattr(function, "__wrapper_address__"):
        return int(function.__wrapper_address__())
    (found,) = function.overloads.values()
    return int(found.library.get_pointer_to_function(found.fndesc.llvm_cfunc_wrapper_name))


def bound(function: Any, arguments: Sequence[Any]) -> Any:
    """A compiled function of one signature without result, given its first arguments.

    Parameters
    ----------
    function : numba dispatcher
    arguments : sequence
        Functions, contiguous arrays and numbers; later changes of the arrays are seen.
    """
    # Lets numba know what values of function types are, before it compiles anything itself.
    import numba.experimental.function_type  # noqa: F401
    from llvmlite import ir
    from numba import types
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.registry import cpu_target

    context = cpu_target.target_context
    (kinds,) = (found.signature.args for found in function.overloads.values())
    values = [context.get_value_type(kind) for kind in kinds]
    name = f"statmani_bound_{next(_NUMBERS)}"
    library = context.codegen().create_library(name)
    module = library.create_ir_module(name)
    left = ir.FunctionType(ir.VoidType(), values[len(arguments) :])
    made = ir.Function(module, left, name)
    builder = ir.IRBuilder(made.append_basic_block())
    constants = [_constant(*pair) for pair in zip(values, arguments, strict=False)]
    callee = ir.FunctionType(ir.VoidType(), values).as_pointer()
    place = builder.inttoptr(ir.Constant(ir.IntType(64), address_of(function)), callee)
    builder.call(place, [*constants, *made.args])
    builder.ret_void()
    with global_compiler_lock:
        library.add_ir_module(module)
        library.finalize()
        address = library.get_pointer_to_function(name)
    own_signature = types.void(*kinds[len(arguments) :])

    class Bound(types.WrapperAddressProtocol):
        # Keeps machine code and tables alive.
        owners = library, function, tuple(arguments)

        def __wrapper_address__(self) -> int:
            return int(address)

        def signature(self) -> Any:
            return own_signature

    return Bound()


def _constant(kind: Any, argument: Any) -> Any:
    """A Python value as a constant of the type that numba gives to its values."""
    from llvmlite import ir

    if isinstance(argument, (int, float)):
        return ir.Constant(kind, argument)
    if isinstance(argument, np.ndarray):
        memory, parent, count, width, data, shape, strides = kind.elements
        parts = [
            ir.Constant(memory, None),
            ir.Constant(parent, None),
            ir.Constant(count, argument.size),
            ir.Constant(width, argument.itemsize),
            _pointer(argument.ctypes.data, data),
            ir.Constant(shape, list(argument.shape)),
            ir.Constant(strides, list(argument.strides)),
        ]
    else:
        first, *others = kind.elements
        parts = [_pointer(address_of(argument), first), *(ir.Constant(e, None) for e in others)]
    return ir.Constant(kind, parts)


def _pointer(address: int, kind: Any) -> Any:
    from llvmlite import ir

    return ir.Constant(ir.IntType(64), address).inttoptr(kind)
