"""What all operators of the `kernel` dialect share, and its scalar operations.

An operator reads `ins`, computes an accumulator for each point of its output, runs its *epilogue* (a scalar region over
the accumulator and the `extras`, such as a bias or a residual) and writes `outs`. On tensors it has one result, the
updated `outs`; on memrefs none. Its iteration space (`deeploy_mlir.space.iteration_space`) states everything that
tiling, transfers and work splitting need.

    %y = kernel.matmul ins(%a, %b : tensor<4x8xi8>, tensor<8x16xi8>) extras(%bias : tensor<16xi32>)
           outs(%init : tensor<4x16xi8>) {layer = "fc", extra_maps = [affine_map<(d0, d1) -> (d1)>]} ({
         ^bb0(%acc : i32, %b0 : i32):
           %0 = arith.addi %acc, %b0 : i32
           %1 = kernel.cast %0 : i32 to i8
           kernel.yield %1 : i8
         }) -> tensor<4x16xi8>

Operands may be tiles: then `local` is set, the static offsets of the maps are already applied, and `origins` holds the
tile-local index of the first iteration for each padded axis (see `iteration_space.Region.origin`).
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import ClassVar, cast

from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    AffineMapAttr,
    ArrayAttr,
    BFloat16Type,
    DenseArrayBase,
    Float16Type,
    IndexType,
    IntegerType,
    MemRefType,
    ShapedType,
    Signedness,
    StringAttr,
    SymbolRefAttr,
    TensorType,
    UnitAttr,
    f32,
    f64,
    i32,
    i64,
)
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.ir.affine import (
    AffineBinaryOpExpr,
    AffineBinaryOpKind,
    AffineConstantExpr,
    AffineDimExpr,
    AffineExpr,
    AffineMap,
)
from xdsl.irdl import (
    AnyAttr,
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    opt_region_def,
    opt_result_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import EffectInstance, IsTerminator, MemoryEffect, MemoryEffectKind, Pure
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.kernel.packed import PackedAttr
from deeploy_mlir.dialects.kernel.split import SplitAttr
from deeploy_mlir.space.iteration_space import Access, Axis, Dim, IterationSpace
from deeploy_mlir.support.numpy_types import element_bytes

BYTE = IntegerType(8, Signedness.UNSIGNED)
Shaped = TensorType[Attribute] | MemRefType[Attribute]


def shape_of(value: SSAValue) -> tuple[int, ...]:
    """Static sizes of a tensor or memref, -1 where dynamic."""
    assert isinstance(value.type, ShapedType)
    return tuple(-1 if s == DYNAMIC_INDEX else s for s in value.type.get_shape())


def element_type_of_value(value: SSAValue) -> Attribute:
    """Element type of a tensor or memref."""
    return cast(Shaped, value.type).element_type


def ints(values: Sequence[int]) -> DenseArrayBase[IntegerType]:
    """An `array<i64: …>` property."""
    return DenseArrayBase.from_list(i64, list(values))


def accumulator_type(element_type: Attribute) -> Attribute:
    """Type in which products of this element type are summed: i32 for integers up to 32 bits, i64, f64, or f32."""
    if isinstance(element_type, IntegerType):
        return i64 if element_type.bitwidth > 32 else i32
    return f64 if element_type == f64 else f32


def extremum_type(element_type: Attribute) -> Attribute:
    """Type in which elements are compared for a maximum or minimum: their own, f32 for floats of 16 bits."""
    return f32 if isinstance(element_type, Float16Type | BFloat16Type) else element_type


def linear_axis(expr: AffineExpr, num_dims: int) -> tuple[tuple[int, ...], int]:
    """Coefficients and constant of a linear affine expression. Raises ValueError if it is not linear."""
    if isinstance(expr, AffineConstantExpr):
        return (0,) * num_dims, expr.value
    if isinstance(expr, AffineDimExpr):
        return tuple(int(i == expr.position) for i in range(num_dims)), 0
    if isinstance(expr, AffineBinaryOpExpr):
        left, left_constant = linear_axis(expr.lhs, num_dims)
        right, right_constant = linear_axis(expr.rhs, num_dims)
        if expr.kind == AffineBinaryOpKind.Add:
            return tuple(a + b for a, b in zip(left, right, strict=True)), left_constant + right_constant
        if expr.kind == AffineBinaryOpKind.Mul and not any(right):
            return tuple(a * right_constant for a in left), left_constant * right_constant
        if expr.kind == AffineBinaryOpKind.Mul and not any(left):
            return tuple(a * left_constant for a in right), left_constant * right_constant
    raise ValueError(f"not linear: {expr}")


def _results_for(out: SSAValue) -> list[Attribute]:
    return [out.type] if isa(out.type, TensorType) else []


class KernelEffects(MemoryEffect):
    """On tensors a kernel is pure; on memrefs it reads its inputs and writes its output."""

    @classmethod
    def get_effects(cls, op: object) -> set[EffectInstance]:
        assert isinstance(op, KernelOp)
        if op.result is not None:
            return set()
        written = [op.out] if op.scratch is None else [op.out, op.scratch]
        reads = {EffectInstance(MemoryEffectKind.READ, v) for v in (*op.ins, *op.extras)}
        return reads | {EffectInstance(MemoryEffectKind.WRITE, v) for v in written}


class KernelOp(IRDLOperation, abc.ABC):
    """Base of all structured compute operators."""

    ins = var_operand_def(ShapedType)
    extras = var_operand_def(ShapedType)
    out = operand_def(ShapedType)
    origins = var_operand_def(IndexType)
    scratch = opt_operand_def(MemRefType)
    """Bytes for the kernel's own use while it runs, on memrefs only: [cores, bytes of each], or a core's [bytes]."""
    result = opt_result_def(TensorType)
    body = opt_region_def("single_block")

    layer = prop_def(StringAttr)
    """Name of the layer (ONNX node) that this operator comes from."""
    engine = opt_prop_def(SymbolRefAttr)
    """The engine of the SoC that runs it: the planner's choice, unless it stands there before."""
    binding = opt_prop_def(StringAttr)
    """The kernel binding that executes it, by name; the planner's choice."""
    split = opt_prop_def(SplitAttr)
    """How the engine's cores share a tile of it; the planner's choice."""
    packed = opt_prop_def(ArrayAttr[PackedAttr])
    """The inputs that are in a layout of the binding's own."""
    extra_maps = opt_prop_def(ArrayAttr[AffineMapAttr])
    """For each of `extras`, its map from the indices of the output."""
    local = opt_prop_def(UnitAttr)

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(KernelEffects())
    assembly_format: ClassVar[str | None] = (
        "`ins` `(` ($ins^ `:` type($ins))? `)` (`extras` `(` $extras^ `:` type($extras) `)`)? "
        "`outs` `(` $out `:` type($out) `)` (`origins` `(` $origins^ `)`)? "
        "(`scratch` `(` $scratch^ `:` type($scratch) `)`)? attr-dict ($body^)? (`->` type($result)^)?"
    )

    def __init__(
        self,
        ins: Sequence[SSAValue],
        out: SSAValue,
        *,
        layer: str,
        extras: Sequence[SSAValue] = (),
        extra_maps: Sequence[AffineMap] = (),
        body: Region | None = None,
        origins: Sequence[SSAValue] = (),
        scratch: SSAValue | None = None,
        properties: dict[str, Attribute | None] | None = None,
    ) -> None:
        """The result type is that of `out` for tensors; there is no result for memrefs."""
        super().__init__(
            operands=[list(ins), list(extras), out, list(origins), [] if scratch is None else [scratch]],
            result_types=[_results_for(out)],
            regions=[[body] if body is not None else []],
            properties={
                "layer": StringAttr(layer),
                "extra_maps": ArrayAttr([AffineMapAttr(m) for m in extra_maps]) if extra_maps else None,
                **(properties or {}),
            },
        )

    # -- what each operator states ---------------------------------------------------------------------------------

    @abc.abstractmethod
    def dims(self) -> tuple[Dim, ...]:
        """The dimensions, outermost first, with sizes from the operands (-1 where dynamic)."""

    @property
    @abc.abstractmethod
    def num_dims(self) -> int:
        """The number of `dims`, known without making them: every axis asks for it."""

    @abc.abstractmethod
    def input_axes(self, index: int) -> tuple[Axis, ...]:
        """The axes of `ins[index]` over `dims`, static offsets included."""

    @abc.abstractmethod
    def output_axes(self) -> tuple[Axis, ...]:
        """The axes of `out` over `dims`."""

    def accumulator(self) -> Attribute:
        """Type of the value that the epilogue receives."""
        return accumulator_type(element_type_of_value(self.ins[0]))

    def pad_value(self) -> int | float:
        """What padded elements read as."""
        return 0

    def verify_structure(self) -> None:
        """Checks of the operator's own attributes and shapes. Raises VerifyException."""

    # -- what is derived -------------------------------------------------------------------------------------------

    def iteration_space(self) -> IterationSpace:
        """Dimensions and the accesses of `ins`, `extras` and `out`, in this order."""
        output = self.output_axes()
        accesses = [self._input_access(i) for i in range(len(self.ins))]
        for value, axes in zip(self.extras, self.extra_axes(output), strict=True):
            accesses.append(Access(axes, element_bytes(element_type_of_value(value))))
        accesses.append(Access(output, element_bytes(element_type_of_value(self.out)), written=True))
        return IterationSpace(self.dims(), tuple(accesses))

    def packed_input(self, index: int) -> PackedAttr | None:
        """How an input is packed; None if it is not."""
        return next((p for p in self.packed or () if p.operand.data == index), None)

    def in_shape(self, index: int) -> tuple[int, ...]:
        """Sizes of an input, -1 where dynamic; of a packed one those of the whole operand before it was packed."""
        packed = self.packed_input(index)
        return shape_of(self.ins[index]) if packed is None else tuple(packed.plain.get_shape())

    def _input_access(self, index: int) -> Access:
        packed, value = self.packed_input(index), self.ins[index]
        if packed is not None:
            return packed.access(self.num_dims, shape_of(value))
        return Access(self.input_axes(index), element_bytes(element_type_of_value(value)))

    def extra_axes(self, output: tuple[Axis, ...]) -> list[tuple[Axis, ...]]:
        """The axes of each extra over `dims`: its map composed with the output's axes."""
        result: list[tuple[Axis, ...]] = []
        num_dims = self.num_dims
        for value, attr in zip(self.extras, self.extra_maps or (), strict=True):
            axes: list[Axis] = []
            for expr, extent in zip(attr.data.results, shape_of(value), strict=True):
                over_output, offset = linear_axis(expr, attr.data.num_dims)
                total = [0] * num_dims
                for c, axis in zip(over_output, output, strict=True):
                    offset += c * axis.offset
                    total = [t + c * a for t, a in zip(total, axis.coefficients, strict=True)]
                axes.append(Axis(tuple(total), 0 if self.local else offset, extent))
            result.append(tuple(axes))
        return result

    @property
    def operands_accessed(self) -> tuple[SSAValue, ...]:
        """`ins`, `extras` and `out`: the operands that the accesses of the iteration space describe, in order."""
        return (*self.ins, *self.extras, self.out)

    def padded_axes(self) -> tuple[tuple[int, int], ...]:
        """(operand, axis) of each padded axis, in the order of `origins`."""
        return _padded_axes(self.iteration_space())

    def axis_of(self, coefficients: Sequence[tuple[int, int]], extent: int, pads: tuple[int, int] = (0, 0)) -> Axis:
        """An axis from (dimension, coefficient) terms and its low and high padding."""
        total = [0] * self.num_dims
        for dim, coefficient in coefficients:
            total[dim] += coefficient
        return Axis(tuple(total), 0 if self.local else -pads[0], extent, padded=any(pads))

    # -- verification ----------------------------------------------------------------------------------------------

    def verify_(self) -> None:
        if (self.result is not None) != isinstance(self.out.type, TensorType):
            raise VerifyException(f"{self.name}: a result is needed on tensors, and none on memrefs")
        if self.result is not None and self.result.type != self.out.type:
            raise VerifyException(f"{self.name}: result type {self.result.type} differs from outs {self.out.type}")
        if self.scratch is not None and (self.result is not None or element_type_of_value(self.scratch) != BYTE):
            raise VerifyException(f"{self.name}: scratch is a memref of bytes, of a kernel on memrefs")
        if len(self.extras) != len(self.extra_maps or ()):
            raise VerifyException(f"{self.name}: {len(self.extras)} extras but {len(self.extra_maps or ())} extra_maps")
        for value, attr in zip(self.extras, self.extra_maps or (), strict=True):
            if attr.data.num_dims != len(shape_of(self.out)) or len(attr.data.results) != len(shape_of(value)):
                raise VerifyException(
                    f"{self.name}: extra map {attr.data} does not fit output {self.out.type} and extra {value.type}"
                )
        self.verify_structure()
        try:
            space = self.iteration_space()
        except ValueError as error:
            raise VerifyException(f"{self.name}: {error}") from error
        self._verify_accesses(space)
        self._verify_split(space)
        padded = len(_padded_axes(space))
        if self.origins and len(self.origins) != padded:
            raise VerifyException(f"{self.name}: {len(self.origins)} origins but {padded} padded axes")
        if self.local and len(self.origins) != padded:
            raise VerifyException(f"{self.name}: a local operator needs {padded} origins")
        self._verify_body()

    def _verify_accesses(self, space: IterationSpace) -> None:
        for number, (value, access) in enumerate(zip(self.operands_accessed, space.accesses, strict=True)):
            shape = shape_of(value)
            if len(access.axes) != len(shape):
                raise VerifyException(
                    f"{self.name}: operand {number} has type {value.type}, expected rank {len(access.axes)}"
                )
            for a, axis in enumerate(access.axes):
                if axis.padded or axis.extent < 0 or any(space.dims[d].size < 0 for d in axis.dims):
                    continue
                last = axis.offset + sum(c * (space.dims[d].size - 1) for d, c in enumerate(axis.coefficients))
                last //= axis.block
                empty = any(space.dims[d].size == 0 for d in axis.dims)
                if (not empty and last >= axis.extent) or axis.offset < 0:
                    raise VerifyException(
                        f"{self.name}: operand {number} of type {value.type} is accessed at index {last} of axis {a}"
                    )

    def _verify_split(self, space: IterationSpace) -> None:
        for dim in self.split.split.dims if self.split is not None else ():
            if dim not in space.tileable:
                raise VerifyException(f"{self.name}: cores cannot share dimension {dim}")

    def body_argument_types(self) -> list[Attribute]:
        """Types of the epilogue's arguments: the accumulator, then one element of each extra."""
        return [self.accumulator(), *(element_type_of_value(v) for v in self.extras)]

    def _verify_body(self) -> None:
        out_element = element_type_of_value(self.out)
        if self.body is None:
            if self.extras:
                raise VerifyException(f"{self.name}: extras need an epilogue")
            if self.accumulator() != out_element:
                raise VerifyException(
                    f"{self.name}: without an epilogue the output must be {self.accumulator()}, not {out_element}"
                )
            return
        block = self.body.block
        expected = self.body_argument_types()
        if [a.type for a in block.args] != expected:
            raise VerifyException(
                f"{self.name}: epilogue takes ({', '.join(str(a.type) for a in block.args)}), "
                f"expected ({', '.join(map(str, expected))})"
            )
        last = block.last_op
        if not isinstance(last, YieldOp) or last.value.type != out_element:
            raise VerifyException(f"{self.name}: the epilogue must end in a kernel.yield of {out_element}")


def _padded_axes(space: IterationSpace) -> tuple[tuple[int, int], ...]:
    return tuple((o, a) for o, acc in enumerate(space.accesses) for a, axis in enumerate(acc.axes) if axis.padded)


def identity_body(argument: Attribute, result: Attribute) -> Region:
    """An epilogue that only converts the accumulator."""
    block = Block(arg_types=[argument])
    value: SSAValue = block.args[0]
    if argument != result:
        cast_op = CastOp(value, result)
        block.add_op(cast_op)
        value = cast_op.result
    block.add_op(YieldOp(value))
    return Region(block)


@irdl_op_definition
class YieldOp(IRDLOperation):
    """Ends a scalar region with the element to store."""

    name = "kernel.yield"
    value = operand_def(AnyAttr())
    traits = traits_def(IsTerminator())
    assembly_format = "$value attr-dict `:` type($value)"

    def __init__(self, value: SSAValue) -> None:
        super().__init__(operands=[value])


@irdl_op_definition
class CastOp(IRDLOperation):
    """Converts a scalar: integers wrap, integer to float rounds to nearest, float to integer truncates toward zero
    and saturates (a NaN becomes 0)."""

    name = "kernel.cast"
    value = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure())
    assembly_format = "$value attr-dict `:` type($value) `to` type($result)"

    def __init__(self, value: SSAValue, result_type: Attribute) -> None:
        super().__init__(operands=[value], result_types=[result_type])


@irdl_op_definition
class FmodOp(IRDLOperation):
    """The remainder of a division of floats truncated toward zero, with the sign of the dividend: C's fmod."""

    name = "kernel.fmod"
    lhs = operand_def(AnyAttr())
    rhs = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure())
    assembly_format = "$lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `to` type($result)"

    def __init__(self, lhs: SSAValue, rhs: SSAValue) -> None:
        super().__init__(operands=[lhs, rhs], result_types=[lhs.type])


@irdl_op_definition
class ReshapeOp(IRDLOperation):
    """The same elements in row-major order under another shape: an alias, never a copy."""

    name = "kernel.reshape"
    source = operand_def(TensorType)
    result = result_def(TensorType)
    traits = traits_def(Pure())
    assembly_format = "$source attr-dict `:` type($source) `to` type($result)"

    def __init__(self, source: SSAValue, shape: Sequence[int]) -> None:
        super().__init__(operands=[source], result_types=[TensorType(element_type_of_value(source), list(shape))])

    def verify_(self) -> None:
        before, after = cast(Shaped, self.source.type), cast(Shaped, self.result.type)
        if before.element_count() != after.element_count() or before.element_type != after.element_type:
            raise VerifyException(f"kernel.reshape: {before} and {after} hold different elements")
