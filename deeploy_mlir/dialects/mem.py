"""The `mem` dialect: arenas of memories, views into them, and steps of the network on memrefs.

    mem.arena @net_l1 {network = @net, memory = @l1, size = 16384, align = 8}
    "memref.global"() <{sym_name = "net_input_0", …}> {mem.role = #mem.role<input 0 of @net "image">}
    func.func @net() {
      mem.step "conv1" {
        %0 = mem.view @net_l1[0] : memref<1x8x8x4xi8, #soc.memory<@l1>>
        %1 = mem.view @net_l1[256, 512] which %phase : memref<1x8x8x4xi8, #soc.memory<@l1>>
        mem.copy %0 to %1 if %changed : …
      }
    }

The memory of a view is that of its arena and stands in the memref's memory space. Networks' weights, inputs and outputs
are `memref.global`s; which is which says their role, not their symbol. All strides are static; sizes may be dynamic
(tiles at the border).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from math import prod
from typing import cast

from xdsl.dialects.builtin import (
    DenseArrayBase,
    IndexType,
    IntAttr,
    IntegerAttr,
    IntegerType,
    MemRefType,
    StringAttr,
    SymbolNameConstraint,
    SymbolRefAttr,
    i1,
    i64,
)
from xdsl.ir import Attribute, Dialect, Operation, ParametrizedAttribute, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
)
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import (
    EffectInstance,
    MemoryEffect,
    MemoryEffectKind,
    NoTerminator,
    Pure,
    RecursiveMemoryEffect,
    SymbolOpInterface,
)
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.dialects.soc import MemorySpaceAttr
from deeploy_mlir.dialects.symbol_table import lookup_symbol
from deeploy_mlir.support.numpy_types import element_bytes

MemRef = MemRefType[Attribute]


def strides_of(memref_type: MemRef) -> tuple[int, ...]:
    """Static strides in elements. Raises ValueError where one is dynamic."""
    strides = memref_type.get_strides()
    if strides is None or any(s is None for s in strides):
        raise ValueError(f"strides of {memref_type} are not static")
    return tuple(cast(Sequence[int], strides))


def memory_of(memref_type: MemRef) -> str:
    """Name of the memory that a memref lies in. Raises ValueError if it names none."""
    space = memref_type.memory_space
    if not isinstance(space, MemorySpaceAttr):
        raise ValueError(f"{memref_type} names no memory")
    return space.memory_name


ROLE = "mem.role"
"""Name of the attribute of a `memref.global` that says what it is for."""


class Role(StrEnum):
    """What an array of a network is for."""

    INPUT = "input"
    OUTPUT = "output"
    CONSTANT = "constant"


@irdl_attr_definition
class RoleAttr(ParametrizedAttribute):
    """The array is the input, output or constant of this number in a network, and is called so there."""

    name = "mem.role"
    role: StringAttr
    number: IntAttr
    network: SymbolRefAttr
    known_as: StringAttr

    @classmethod
    def of(cls, role: Role, number: int, network: str, name: str) -> RoleAttr:
        """`name`: the tensor's name in the ONNX file, or a constant's symbol."""
        return cls(StringAttr(role.value), IntAttr(number), SymbolRefAttr(network), StringAttr(name))

    @property
    def kind(self) -> Role:
        return Role(self.role.data)

    def verify(self) -> None:
        if self.role.data not in tuple(Role) or self.number.data < 0:
            raise VerifyException(f"mem.role: there is no {self.role.data} {self.number.data}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            role = parser.parse_identifier()
            number = parser.parse_integer(allow_boolean=False)
            parser.parse_keyword("of")
            network = parser.parse_symbol_name()
            return [StringAttr(role), IntAttr(number), SymbolRefAttr(network), StringAttr(parser.parse_str_literal())]

    def print_parameters(self, printer: Printer) -> None:
        printer.print_string(f"<{self.role.data} {self.number.data} of ")
        printer.print_symbol_name(self.network.root_reference.data)
        printer.print_string(" ")
        printer.print_string_literal(self.known_as.data)
        printer.print_string(">")


def role_of(op: Operation) -> RoleAttr | None:
    """The role of an array; None if it says none."""
    found = op.attributes.get(ROLE)
    return found if isinstance(found, RoleAttr) else None


@irdl_op_definition
class ArenaOp(IRDLOperation):
    """A static array of bytes in a memory that the planner places buffers of a network in."""

    name = "mem.arena"
    sym_name = prop_def(SymbolNameConstraint())
    network = prop_def(SymbolRefAttr)
    memory = prop_def(SymbolRefAttr)
    size = prop_def(IntegerAttr[IntegerType])
    """Bytes."""
    align = prop_def(IntegerAttr[IntegerType])
    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(SymbolOpInterface())
    assembly_format = "$sym_name attr-dict"

    def __init__(self, name: str, network: str, memory: str, size: int, align: int) -> None:
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "network": SymbolRefAttr(network),
                "memory": SymbolRefAttr(memory),
                "size": IntegerAttr(size, i64),
                "align": IntegerAttr(align, i64),
            }
        )


@irdl_op_definition
class ViewOp(IRDLOperation):
    """A memref at a byte offset of an arena; with several offsets, `which` (an index) chooses among them."""

    name = "mem.view"
    arena = prop_def(SymbolRefAttr)
    offsets = prop_def(DenseArrayBase[IntegerType])
    which = opt_operand_def(IndexType)
    result = result_def(MemRefType)
    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())
    assembly_format = "$arena (`which` $which^)? attr-dict `:` type($result)"

    def __init__(
        self, arena: str, offsets: Sequence[int], result_type: Attribute, which: SSAValue | None = None
    ) -> None:
        super().__init__(
            operands=[[which] if which is not None else []],
            result_types=[result_type],
            properties={"arena": SymbolRefAttr(arena), "offsets": DenseArrayBase.from_list(i64, list(offsets))},
        )

    def extent_bytes(self) -> int:
        """Bytes from the first to the last element of the view. Raises ValueError for dynamic sizes."""
        result_type = self.result.type
        shape = result_type.get_shape()
        if any(s < 0 for s in shape):
            raise ValueError(f"{result_type} has dynamic sizes")
        if prod(shape) == 0:
            return 0
        last = sum((s - 1) * stride for s, stride in zip(shape, strides_of(result_type), strict=True))
        return (last + 1) * element_bytes(result_type.element_type)

    def verify_(self) -> None:
        offsets = self.offsets.get_values()
        if not offsets or (len(offsets) > 1) != (self.which is not None):
            raise VerifyException(f"mem.view: {len(offsets)} offsets need {'an' if len(offsets) > 1 else 'no'} index")
        arena = lookup_symbol(self, self.arena)
        if not isinstance(arena, ArenaOp):
            return  # a fragment without its module
        result_type = self.result.type
        if memory_of(result_type) != arena.memory.root_reference.data:
            raise VerifyException(f"mem.view: {result_type} is not in {arena.memory}")
        extent = self.extent_bytes()
        for offset in offsets:
            if offset < 0 or offset + extent > arena.size.value.data:
                raise VerifyException(
                    f"mem.view: {extent} bytes at {offset} exceed arena {self.arena} of {arena.size.value.data} bytes"
                )
            if offset % element_bytes(result_type.element_type):
                raise VerifyException(f"mem.view: offset {offset} is not aligned for {result_type.element_type}")


@irdl_op_definition
class ReshapeOp(IRDLOperation):
    """The same contiguous elements under another shape: an alias."""

    name = "mem.reshape"
    source = operand_def(MemRefType)
    result = result_def(MemRefType)
    traits = traits_def(Pure())
    assembly_format = "$source attr-dict `:` type($source) `to` type($result)"

    def __init__(self, source: SSAValue, result_type: Attribute) -> None:
        super().__init__(operands=[source], result_types=[result_type])

    def verify_(self) -> None:
        before, after = cast(MemRef, self.source.type), self.result.type
        if prod(before.get_shape()) != prod(after.get_shape()) or before.element_type != after.element_type:
            raise VerifyException(f"mem.reshape: {before} and {after} hold different elements")


class CopyEffects(MemoryEffect):
    """A copy reads its source and writes its destination."""

    @classmethod
    def get_effects(cls, op: Operation) -> set[EffectInstance]:
        assert isinstance(op, CopyOp)
        return {
            EffectInstance(MemoryEffectKind.READ, op.source),
            EffectInstance(MemoryEffectKind.WRITE, op.destination),
        }


def verify_transfer(name: str, source: SSAValue, destination: SSAValue) -> None:
    """Both sides of a transfer hold the same elements. Raises VerifyException."""
    before, after = cast(MemRef, source.type), cast(MemRef, destination.type)
    if before.element_type != after.element_type or len(before.get_shape()) != len(after.get_shape()):
        raise VerifyException(f"{name}: {before} does not fit {after}")
    for a, b in zip(before.get_shape(), after.get_shape(), strict=True):
        if a >= 0 and b >= 0 and a != b:
            raise VerifyException(f"{name}: {before} does not fit {after}")


@irdl_op_definition
class CopyOp(IRDLOperation):
    """Copies the elements of a memref to another of the same sizes, if `condition` holds."""

    name = "mem.copy"
    source = operand_def(MemRefType)
    destination = operand_def(MemRefType)
    condition = opt_operand_def(i1)
    traits = traits_def(CopyEffects())
    assembly_format = (
        "$source `to` $destination (`if` $condition^)? attr-dict `:` type($source) `to` type($destination)"
    )

    def __init__(self, source: SSAValue, destination: SSAValue, condition: SSAValue | None = None) -> None:
        super().__init__(operands=[source, destination, [condition] if condition is not None else []])

    def verify_(self) -> None:
        verify_transfer("mem.copy", self.source, self.destination)


@irdl_op_definition
class StepOp(IRDLOperation):
    """A step of the network: what one nest became. `layer` names it, `note` describes it for a reader of the C."""

    name = "mem.step"
    layer = prop_def(StringAttr)
    note = opt_prop_def(StringAttr)
    tiles = prop_def(DenseArrayBase[IntegerType])
    """Largest tile along each dimension of the step's kernel."""
    cycles = opt_prop_def(IntAttr)
    """Planned cycles."""
    body = region_def("single_block")
    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(NoTerminator(), RecursiveMemoryEffect())
    assembly_format = "$layer attr-dict `do` $body"

    def __init__(
        self, layer: str, tiles: Sequence[int], body: Region, *, note: str = "", cycles: IntAttr | None = None
    ) -> None:
        super().__init__(
            regions=[body],
            properties={
                "layer": StringAttr(layer),
                "tiles": DenseArrayBase.from_list(i64, list(tiles)),
                "note": StringAttr(note) if note else None,
                "cycles": cycles,
            },
        )


Mem = Dialect("mem", [ArenaOp, ViewOp, ReshapeOp, CopyOp, StepOp], [RoleAttr])
