"""Kernels in the form that a binding gives them (`kernels.binding.Form`), once it is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import SymbolRefAttr, TensorType
from xdsl.ir import Attribute, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.tiled import ConstantOp, HomeAttr, NestOp, nest_of
from deeploy_mlir.ir.constants import add_constant, module_of
from deeploy_mlir.kernels.binding import BroughtConstant, Form


@dataclass(frozen=True)
class NewConstant:
    """A constant that a binding brings to a nest."""

    nest: NestOp
    brought: BroughtConstant

    @property
    def type(self) -> TensorType[Attribute]:
        return TensorType(self.brought.element_type, self.brought.elements.shape)

    @property
    def name(self) -> str:
        return f"{self.nest.layer.data}_{self.brought.word}"

    def make(self, home: HomeAttr) -> SSAValue:
        """Inserts the constant at the head of the nest's function."""
        block = self.nest.parent_block()
        assert block is not None
        array = add_constant(module_of(self.nest), self.brought.elements, self.name, self.brought.element_type)
        constant = ConstantOp(SymbolRefAttr(array.sym_name), self.type, home)
        Rewriter.insert_op(constant, InsertPoint.at_start(block))
        return constant.result


def apply_form(nest: NestOp, form: Form, made: Sequence[SSAValue | None]) -> NestOp:
    """Puts a nest of the form's kernel in the place of a nest; `made` are the new constants among its operands."""
    values = [
        nest.slots[operand] if isinstance(operand, int) else constant
        for operand, constant in zip(form.operands, made, strict=True)
    ]
    kernel = form.kernel.clone()
    kernel.operands = [value for value in values if value is not None]
    replacement = nest_of(kernel, nest.out)
    kernel.drop_all_references()
    Rewriter.replace_op(nest, replacement)
    return replacement
