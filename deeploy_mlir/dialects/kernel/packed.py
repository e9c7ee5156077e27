"""Constant operands in a layout of the kernel binding's own: `#kernel.packed<1, 2 by 4, tensor<8x32xi8>>`."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntAttr, NoneAttr, TensorType
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.space.iteration_space import Access, Axis


@irdl_attr_definition
class PackedAttr(ParametrizedAttribute):
    """Input `operand` holds what a tensor of type `plain` holds, packed by the kernel's binding.

    Its elements are bytes, [blocks, bytes of a block]: each block belongs to `block` iterations of dimension `dim`;
    without a dimension there is one block, which every tile needs."""

    name = "kernel.packed"
    operand: IntAttr
    dim: IntAttr | NoneAttr
    block: IntAttr
    plain: TensorType[Attribute]

    @classmethod
    def of(cls, operand: int, dim: int | None, block: int, plain: TensorType[Attribute]) -> PackedAttr:
        return cls(IntAttr(operand), NoneAttr() if dim is None else IntAttr(dim), IntAttr(block), plain)

    def access(self, num_dims: int, shape: Sequence[int]) -> Access:
        """How the kernel accesses the packed operand, of this shape (-1 where dynamic)."""
        dim = self.dim.data if isinstance(self.dim, IntAttr) else None
        blocks = Axis(tuple(int(d == dim) for d in range(num_dims)), 0, shape[0], block=self.block.data)
        return Access((blocks, Axis((0,) * num_dims, 0, shape[1], whole=True)), 1)

    def verify(self) -> None:
        if self.operand.data < 0 or self.block.data < 1:
            raise VerifyException(f"kernel.packed: operand {self.operand.data} in blocks of {self.block.data}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            operand = parser.parse_integer(allow_boolean=False)
            parser.parse_punctuation(",")
            dim = parser.parse_optional_integer(allow_boolean=False)
            block = 1
            if dim is not None:
                parser.parse_keyword("by")
                block = parser.parse_integer(allow_boolean=False)
                parser.parse_punctuation(",")
            plain = parser.parse_type()
        return [IntAttr(operand), NoneAttr() if dim is None else IntAttr(dim), IntAttr(block), plain]

    def print_parameters(self, printer: Printer) -> None:
        blocks = f"{self.dim.data} by {self.block.data}, " if isinstance(self.dim, IntAttr) else ""
        printer.print_string(f"<{self.operand.data}, {blocks}")
        printer.print_attribute(self.plain)
        printer.print_string(">")
