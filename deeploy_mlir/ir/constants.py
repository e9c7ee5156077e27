"""Constants of a module: `ml_program.global` symbols and the values that load them."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, ModuleOp, StringAttr, SymbolRefAttr, TensorType
from xdsl.dialects.ml_program import GlobalLoadConstantOp, GlobalOp
from xdsl.ir import Attribute, BlockArgument, Operation, OpResult, SSAValue

from deeploy_mlir.dialects.kernel import ReshapeOp
from deeploy_mlir.dialects.symbol_table import free_symbol, lookup_symbol, note_symbol, symbol_of_value
from deeploy_mlir.dialects.tiled import ConstantOp, NestOp
from deeploy_mlir.support.names import identifier
from deeploy_mlir.support.numpy_types import Array, array_of, dense


def module_of(op: Operation) -> ModuleOp:
    """The outermost module around an operation. Raises ValueError if there is none."""
    found: ModuleOp | None = None
    current: Operation | None = op
    while current is not None:
        if isinstance(current, ModuleOp):
            found = current
        current = current.parent_op()
    if found is None:
        raise ValueError(f"{op.name} stands in no module")
    return found


def outside_nest(value: SSAValue) -> SSAValue:
    """What an argument of a nest's body stands for outside of it; any other value is what it is."""
    if isinstance(value, BlockArgument) and isinstance(nest := value.block.parent_op(), NestOp):
        operands = (*nest.ins, nest.out)
        return outside_nest(operands[value.index]) if value.index < len(operands) else value
    return value


def global_of(value: SSAValue) -> GlobalOp | None:
    """The global that a value is loaded from, None if it is no load."""
    value = outside_nest(value)
    if isinstance(value, OpResult) and isinstance(value.op, ConstantOp):
        return value.op.constant
    if not isinstance(value, OpResult) or not isinstance(value.op, GlobalLoadConstantOp):
        return None
    found = lookup_symbol(value.op, value.op.global_attr)
    return found if isinstance(found, GlobalOp) else None


def constant_of(value: SSAValue) -> Array | None:
    """The elements of a value that is a constant, possibly reshaped; None for any other value. Read-only."""
    value = outside_nest(value)
    if isinstance(value, OpResult) and isinstance(value.op, ReshapeOp):
        source = constant_of(value.op.source)
        return None if source is None else source.reshape(cast("TensorType[Any]", value.type).get_shape())
    symbol = global_of(value)
    stored: Any = None if symbol is None or symbol.is_mutable is not None else symbol.value
    return array_of(cast(Any, stored)) if isinstance(stored, DenseIntOrFPElementsAttr) else None


def is_constant(value: SSAValue) -> bool:
    """Whether the elements of a value are known."""
    return constant_of(value) is not None


def scalar_constant(value: SSAValue) -> int | float | None:
    """The one value that all elements of a constant have; None if they differ or the value is no constant."""
    array = constant_of(value)
    if array is None or array.size == 0:
        return None
    first = array.flat[0]
    if array.size > 1 and not bool(np.all(array == first)):
        return None
    return first.item() if array.dtype.kind in "iufb" else float(first)


def name_hint(value: SSAValue, default: str = "constant") -> str:
    """The symbol behind a constant, to name what is made from it."""
    if isinstance(value, OpResult) and isinstance(value.op, ReshapeOp):
        return name_hint(value.op.source, default)
    symbol = global_of(value)
    return default if symbol is None else symbol.sym_name.data


def add_constant(module: ModuleOp, array: Array, hint: str, element_type: Attribute | None = None) -> GlobalOp:
    """A new private global of these elements, named after `hint`; an equal one of that name is shared."""
    value = dense(array, element_type)
    base = identifier(hint, "constant")
    known = symbol_of_value(module, base, value)
    if isinstance(known, GlobalOp):
        return known
    op = GlobalOp(StringAttr(free_symbol(module, base)), value.type, None, value, StringAttr("private"))
    block = module.body.block
    last = block.last_op
    while last is not None and not isinstance(last, GlobalOp):
        last = last.prev_op  # globals stand before the functions, of which there are few
    if last is not None:
        block.insert_op_after(op, last)
    elif block.first_op is not None:
        block.insert_op_before(op, block.first_op)
    else:
        block.add_op(op)
    note_symbol(op)
    return op


def load_constant(op: GlobalOp) -> GlobalLoadConstantOp:
    """The operation, not yet placed, that reads a global."""
    return GlobalLoadConstantOp(SymbolRefAttr(op.sym_name.data), op.type)
