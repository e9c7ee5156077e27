"""Kernels of N-EUREKA: products over channels (1x1 convolutions, matrix products) as jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, IndexType, IntegerAttr, IntegerType, TensorType, i32
from xdsl.ir import Block, Region, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap
from xdsl.utils.hints import isa

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel import ConvOp, KernelOp, MatmulOp, element_type_of_value, shape_of
from deeploy_mlir.interpreters.epilogue_steps import epilogue_steps, slopes
from deeploy_mlir.ir.c_builder import CBuilder
from deeploy_mlir.ir.constants import constant_of
from deeploy_mlir.ir.scalar_body import ScalarBody, integer_range, is_unsigned
from deeploy_mlir.kernels.binding import BroughtConstant, Form
from deeploy_mlir.kernels.generated.description import Description, DynamicArgument, LoopDim, describe, simplify
from deeploy_mlir.kernels.generated.function import job_signature
from deeploy_mlir.kernels.offload import JOB, OffloadBinding
from deeploy_mlir.kernels.packing import Packing
from deeploy_mlir.requantization.integer_form import NARROW, IntegerForm, integer_form
from deeploy_mlir.space.tile_constraints import TileConstraints
from deeploy_mlir.space.work_split import ONE_CORE, CoreSplit
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import element_bytes
from deeploy_mlir.targets.siracusa.neureka_weights import Packed1x1

JOB_TYPE = c.OpaqueType("dm_neureka_job")

SIDE, CHANNELS = 6, 32
"""Rows and columns of output pixels of a tile, and channels of it."""

START_CYCLES = 150
"""Describing and starting a job, and waking up at its end."""


@dataclass(frozen=True)
class Neureka1x1(OffloadBinding):
    """1x1 convolutions and products with a constant matrix, requantised to 8 bits as N-EUREKA does:
    (sum * scale + bias) >> shift, of 32 bits.

    It takes a kernel if the bounds of its sums prove that 32 bits hold that, and the result is the kernel's for every
    sum. `slowdown` multiplies the cycles of its jobs in the planner's eyes."""

    name: str
    engine: str
    headers: tuple[str, ...] = ("neureka.h",)
    slowdown: float = 1.0

    def accepts(self, op: KernelOp) -> bool | str:
        if (reason := _refusal(op)) is not None:
            return reason
        found = _requantization(op)
        return True if isinstance(found, IntegerForm) else found

    def form(self, op: KernelOp) -> Form:
        found = _requantization(op)
        assert isinstance(found, IntegerForm)
        channels = shape_of(op.out)[_channel_axis(op)]
        numbers = [np.broadcast_to(a, (channels,)).astype(np.int32) for a in (found.multiplier, found.addend)]
        types = [op.ins[0].type, op.ins[1].type, *[TensorType(i32, [channels])] * 2, op.out.type]
        block = Block(arg_types=types)
        x, w, scale, bias, out = block.args
        map_ = AffineMapAttr(AffineMap(len(shape_of(op.out)), 0, (AffineExpr.dimension(_channel_axis(op)),)))
        kernel = type(op)(
            [x, w],
            out,
            layer=op.layer.data,
            extras=[scale, bias],
            body=_epilogue(op, found.shift),
            properties={
                **{k: v for k, v in op.properties.items() if k not in _OWN},
                "extra_maps": ArrayAttr([map_, map_]),
            },
        )
        block.add_op(kernel)
        brought = [BroughtConstant(n, a, i32) for n, a in zip(("scales", "biases"), numbers, strict=True)]
        return Form(kernel, (0, 1, *brought, len(op.operands_accessed) - 1))

    def packings(self, op: KernelOp) -> Mapping[int, Packing]:
        axis = _output_axis(op)
        (dim,) = op.iteration_space().accesses[1].axes[axis].dims
        return {1: Packed1x1(axis, dim)}

    def constraints(self, op: KernelOp) -> TileConstraints:
        """A run of pixels of a matrix product is folded, for which its length has to be known."""
        if not isinstance(op, MatmulOp):
            return TileConstraints()
        space = op.iteration_space()
        pixels = [d for d in space.output.dims if d not in space.accesses[1].dims]
        return TileConstraints(fits=lambda sizes: all(space.dims[d].size % sizes[d] == 0 for d in pixels))

    def multiples(self, op: KernelOp) -> tuple[int, ...]:
        """Tiles of whole pixels and channels of the engine."""
        space = op.iteration_space()
        result = [1] * len(space.dims)
        for axis in space.output.axes:
            for d in axis.dims:
                result[d] = CHANNELS if d in space.accesses[1].dims else SIDE
        return tuple(result)

    def splits(self, op: KernelOp, sizes: Sequence[int], cores: int) -> Sequence[CoreSplit]:
        return (ONE_CORE,)

    def cost(self, op: KernelOp) -> Callable[[Sequence[int], CoreSplit], int]:
        space = op.iteration_space()
        outputs = set(space.accesses[1].dims) & set(space.output.dims)
        pixels = [d for d in space.output.dims if d not in outputs]
        inputs = space.iterations([1 if d in space.output.dims else s for d, s in enumerate(space.sizes)])

        def cycles(sizes: Sequence[int], split: CoreSplit) -> int:
            if any(space.dims[d].size % sizes[d] for d in pixels):
                rows, columns = prod(sizes[d] for d in pixels[:-1]), sizes[pixels[-1]]
            else:
                rows, columns = folded(prod(sizes[d] for d in pixels))
            return round(self.slowdown * job_cycles(rows, columns, inputs, prod(sizes[d] for d in outputs)))

        return cycles

    def emit(self, op: KernelOp, name: str) -> c.FuncOp:
        function = job_signature(op, name)
        description = describe(op)
        count = len(op.operands_accessed)
        values: list[SSAValue] = list(function.body.block.args)
        numbers = dict(zip(description.arguments, values[count:], strict=True))
        _Job(op, CBuilder(function.body.block), simplify(description), values[:count], numbers).emit()
        return function


_OWN = ("layer", "extra_maps", "operandSegmentSizes", "resultSegmentSizes", "regionSegmentSizes")


def _channel_axis(op: KernelOp) -> int:
    return op.channel_axis if isinstance(op, ConvOp) else len(shape_of(op.out)) - 1


def _output_axis(op: KernelOp) -> int:
    """The axis of the weights along which output channels lie."""
    if isinstance(op, MatmulOp):
        return len(shape_of(op.out)) - (2 if op.transpose_b is not None else 1)
    return 0


def _refusal(op: KernelOp) -> str | None:
    """Why the kernel is no product over channels with constant weights of 8 bits; None if it is."""
    if isinstance(op, ConvOp):
        one = all(n == 1 for n in (*op.window.get_values(), *op.strides.get_values()))
        if not one or any(op.pads.get_values()) or op.groups is not None:
            return "it takes 1x1 convolutions without steps, padding and groups"
        if not op.channels_last or shape_of(op.out)[0] != 1:
            return "it takes one image, channels innermost"
    elif isinstance(op, MatmulOp):
        if op.transpose_a is not None or prod((*shape_of(op.ins[1])[:-2], *shape_of(op.out)[:-2])) != 1:
            return "it takes products of one matrix's rows with another"
    else:
        return "it takes convolutions and matrix products"
    if any(not isa(t := element_type_of_value(v), IntegerType) or t.width.data != 8 for v in op.ins):
        return "it takes inputs and weights of 8 bits"
    weights = constant_of(op.ins[1])
    if weights is None or weights.dtype != np.int8:
        return "it takes constant weights, int8"
    return None


def _requantization(op: KernelOp) -> IntegerForm | str:
    """The engine's numbers for the epilogue; why not, if there are none."""
    steps = epilogue_steps(op, _channel_axis(op))
    if isinstance(steps, str):
        return steps
    slope, centre = slopes(steps)
    found = integer_form(steps, slope, centre, 0, NARROW)
    return "no scale, bias and shift of 32 bits give the same as its epilogue" if found is None else found


def _epilogue(op: KernelOp, shift: int) -> Region:
    """(sum * scale + bias) >> shift, saturated to the output's type."""
    out = element_type_of_value(op.out)
    body = ScalarBody([i32, i32, i32])
    total, scale, bias = body.arguments
    value = body.shift_right(body.add(body.mul(total, scale), bias), shift)
    return body.finish(body.clamp(value, *integer_range(out)), out)


def _shift(op: KernelOp) -> int:
    """The shift of the epilogue that `_epilogue` makes."""
    assert op.body is not None
    for inner in op.body.block.ops:
        if isinstance(inner, arith.ShRSIOp) and isinstance(inner.rhs.owner, arith.ConstantOp):
            value = inner.rhs.owner.value
            assert isinstance(value, IntegerAttr)
            return value.value.data
    return 0


class _Job:
    """Describes one job in C."""

    def __init__(
        self,
        op: KernelOp,
        b: CBuilder,
        description: Description,
        pointers: Sequence[SSAValue],
        numbers: dict[DynamicArgument, SSAValue],
    ) -> None:
        self.op, self.b, self.description, self.pointers, self.numbers = op, b, description, pointers, numbers

    def emit(self) -> None:
        b, op = self.b, self.op
        x, out = self.description.operands[0], self.description.operands[-1]
        dims = list(enumerate(self.description.dims))
        outputs = [d for d, _ in dims if out.steps[d] and not x.steps[d]]
        inputs = [d for d, _ in dims if x.steps[d] and not out.steps[d]]
        pixels = [d for d, _ in dims if x.steps[d] and out.steps[d]]
        rows, columns = self._pixels(pixels)
        sizes = [rows, columns, self._size(inputs), self._size(outputs)]
        job = b.var("job", JOB_TYPE, b.call_value("dm_neureka_1x1", [self._value(s) for s in sizes], JOB_TYPE))
        place = b.address_of(job)
        x_steps = self._steps(x.steps, pixels, columns, self._width(0))
        b.call("dm_neureka_input", [place, self.pointers[0], *x_steps, int(self._signed(op.ins[0]))])
        weights = op.ins[1]
        b.call("dm_neureka_weights", [place, self.pointers[1], shape_of(weights)[1]])
        y_steps = self._steps(out.steps, pixels, columns, self._width(-1))
        b.call("dm_neureka_output", [place, self.pointers[-1], *y_steps])
        signed = int(self._signed(op.out))
        b.call("dm_neureka_requantize", [place, self.pointers[2], self.pointers[3], _shift(op), signed])
        b.return_(b.call_value("dm_neureka_start", [place], JOB))

    def _signed(self, value: SSAValue) -> bool:
        return not is_unsigned(element_type_of_value(value))

    def _width(self, operand: int) -> int:
        return element_bytes(element_type_of_value(self.op.operands_accessed[operand]))

    def _pixels(self, pixels: Sequence[int]) -> tuple[SSAValue | int, SSAValue | int]:
        """Rows and columns; a run of known length is folded."""
        if not pixels:
            return 1, 1
        if len(pixels) > 2:
            raise DeeployError(f"{self.op.name}: pixels along {len(pixels)} dimensions are no job", self.op.layer.data)
        if len(pixels) == 2:
            return self._size(pixels[:1]), self._size(pixels[1:])
        dim = self.description.dims[pixels[0]]
        return folded(dim.static) if dim.static is not None else (self._number(dim), dim.scale)

    def _size(self, dims: Sequence[int]) -> SSAValue | int:
        """Iterations of a dimension, 1 where it was dropped."""
        if not dims:
            return 1
        dim = self.description.dims[dims[0]]
        return dim.static if dim.static is not None else self.b.mul(self._number(dim), dim.scale)

    def _number(self, dim: LoopDim) -> SSAValue:
        assert isinstance(dim.size, DynamicArgument)
        return self.b.div(self.numbers[dim.size], dim.divisor)

    def _steps(
        self, steps: Sequence[int], pixels: Sequence[int], columns: SSAValue | int, width: int
    ) -> list[SSAValue]:
        """Bytes from pixel to pixel and from row to row."""
        a_pixel = steps[pixels[-1]] * width if pixels else 0
        if len(pixels) == 2:
            return [self._value(a_pixel), self._value(steps[pixels[0]] * width)]
        return [self._value(a_pixel), self._value(self.b.mul(columns, a_pixel))]

    def _value(self, number: SSAValue | int) -> SSAValue:
        return self.b.value(number, IndexType())


def folded(pixels: int) -> tuple[int, int]:
    """Rows and columns into which a run of pixels is folded, so that as few tiles as possible hold them."""
    found = [(n, pixels // n) for n in range(1, pixels + 1) if pixels % n == 0]
    return min(found, key=lambda rc: (-(-rc[0] // SIDE) * -(-rc[1] // SIDE), rc[0]), default=(1, 1))


def job_cycles(rows: int, columns: int, inputs: int, outputs: int) -> int:
    """Modelled cycles of a job with 8-bit output; the formula of the simulator, which was fitted to GVSoC's model."""
    total = START_CYCLES
    tiles_in = -(-inputs // CHANNELS)
    for first in range(0, outputs, CHANNELS):
        channels = min(CHANNELS, outputs - first)
        a_tile = tiles_in * (22 + 36 + channels) + 32 + 9 + 15
        total += -(-rows // SIDE) * -(-columns // SIDE) * a_tile + rows * columns
    return total
