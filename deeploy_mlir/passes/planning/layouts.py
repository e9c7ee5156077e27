"""Constants in the layouts that kernel bindings ask for: tensors of the problem beside the plain ones, and IR once the
binding is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from xdsl.dialects.builtin import ArrayAttr, DenseIntOrFPElementsAttr, StringAttr, SymbolRefAttr, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.dialects.ml_program import GlobalOp
from xdsl.ir import Attribute, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.kernel import KernelOp, PackedAttr
from deeploy_mlir.dialects.symbol_table import free_symbol, note_symbol
from deeploy_mlir.dialects.tiled import ConstantOp, HomeAttr, NestOp, root_of
from deeploy_mlir.ir.constants import module_of
from deeploy_mlir.ir.packed_kernels import packed_type
from deeploy_mlir.kernels.packing import Packing
from deeploy_mlir.support.numpy_types import Array, array_of, dense


@dataclass(frozen=True)
class PackedConstant:
    """A constant in a layout of a binding's; `root` is where its plain form comes from."""

    root: ConstantOp
    plain: TensorType[Attribute]
    packing: Packing
    data: Array

    @classmethod
    def of(cls, value: SSAValue, packing: Packing) -> PackedConstant | None:
        """The packed form of an operand of a nest; None if that is no constant."""
        root = root_of(value).owner
        if not isinstance(root, ConstantOp):
            return None
        plain = cast(TensorType[Attribute], value.type)
        stored = cast("DenseIntOrFPElementsAttr[Any]", root.constant.value)
        data = packing.pack(array_of(stored).reshape(plain.get_shape()))
        return cls(root, plain, packing, data)

    @property
    def type(self) -> TensorType[Attribute]:
        """The tensor of bytes."""
        blocks, block_bytes = self.data.shape
        return packed_type(blocks, block_bytes)

    def attr(self, operand: int) -> PackedAttr:
        """How a kernel says that its input of this number is packed so."""
        return PackedAttr.of(operand, self.packing.dim, self.packing.block, self.plain)

    def make(self, home: HomeAttr) -> SSAValue:
        """Inserts the constant beside its plain form."""
        module = module_of(self.root)
        plain = self.root.constant
        name = free_symbol(module, f"{plain.sym_name.data}_packed")
        array = GlobalOp(
            StringAttr(name), self.type, None, dense(self.data, self.type.element_type), plain.sym_visibility
        )
        Rewriter.insert_op(array, InsertPoint.after(plain))
        note_symbol(array)
        constant = ConstantOp(SymbolRefAttr(name), self.type, home)
        Rewriter.insert_op(constant, InsertPoint.after(self.root))
        return constant.result


def use_packed(nest: NestOp, kernel: KernelOp, packed: Mapping[int, tuple[PackedAttr, SSAValue]]) -> None:
    """Makes a kernel of a nest take packed inputs, by number of the input."""
    for number, (_, value) in packed.items():
        inside = kernel.ins[number]
        index = nest.body.block.args.index(cast(Any, inside))
        Rewriter.replace_value_with_new_type(inside, value.type)
        nest.operands[index] = value
    kernel.packed = ArrayAttr([attr for attr, _ in packed.values()])


def drop_unused_constants(function: FuncOp) -> None:
    """Erases the constants of a function that nothing uses any more, and their globals where they stand alone."""
    module = module_of(function)
    loads = [op for op in module.walk() if isinstance(op, ConstantOp)]
    kept = {load.symbol.root_reference.data for load in loads if load.result.uses.get_length()}
    for load in loads:
        symbol = load.symbol.root_reference.data
        if load.result.uses.get_length():
            continue
        array = load.constant
        Rewriter.erase_op(load)
        if symbol not in kept:
            kept.add(symbol)
            Rewriter.erase_op(array)
