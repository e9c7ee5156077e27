"""What a job of N-EUREKA is in C, and how long it takes."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import IndexType, IntegerAttr
from xdsl.ir import SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel import ConvOp, KernelOp, element_type_of_value, shape_of
from deeploy_mlir.ir.c_builder import CBuilder
from deeploy_mlir.ir.scalar_body import is_unsigned
from deeploy_mlir.kernels.generated.description import (
    Description,
    DynamicArgument,
    LoopDim,
    Quantity,
    describe,
    simplify,
)
from deeploy_mlir.kernels.generated.function import job_signature
from deeploy_mlir.kernels.offload import JOB
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import element_bytes
from deeploy_mlir.targets.siracusa.neureka_weights import BITS, CHANNELS_1X1, CHANNELS_3X3

JOB_TYPE = c.OpaqueType("dm_neureka_job")

SIDE, CHANNELS = 6, 32
"""Rows and columns of output pixels of a tile, and output channels of it."""

START_CYCLES = 150
"""Describing and starting a job, and waking up at its end."""

Number = SSAValue | int


def folded(pixels: int) -> tuple[int, int]:
    """Rows and columns into which a run of pixels is folded, so that as few tiles as possible hold them."""
    found = [(n, pixels // n) for n in range(1, pixels + 1) if pixels % n == 0]
    return min(found, key=lambda rc: (-(-rc[0] // SIDE) * -(-rc[1] // SIDE), rc[0]), default=(1, 1))


def tiles_of(size: int, tile: int) -> list[int]:
    """The sizes of the tiles of a dimension."""
    return [min(tile, size - first) for first in range(0, size, tile)]


def cycles_1x1(rows: int, columns: int, inputs: int, outputs: int, sums: bool) -> int:
    """Modelled cycles of a 1x1 job, whose output are its sums or of 8 bits: what the simulator counts, which follows
    GVSoC's model."""
    total, tiles_in = START_CYCLES, -(-inputs // CHANNELS_1X1)
    for channels in tiles_of(outputs, CHANNELS):
        a_tile = tiles_in * (58 + channels) + _normalising(channels, sums) + 3
        total += sum(
            a_tile + _storing(h, w, channels, sums) for h in tiles_of(rows, SIDE) for w in tiles_of(columns, SIDE)
        )
    return total


def cycles_3x3(rows: int, columns: int, inputs: int, outputs: int, sums: bool) -> int:
    """The same of a 3x3 job; padding is left out of account."""
    total, tiles_in = START_CYCLES, -(-inputs // CHANNELS_3X3)
    for channels in tiles_of(outputs, CHANNELS):
        for h in tiles_of(rows, SIDE):
            for w in tiles_of(columns, SIDE):
                products = tiles_in * (20 + (h + 2) * (w + 2) + channels * BITS)
                total += products + _normalising(channels, sums) + _storing(h, w, channels, sums)
    return total


def cycles_depthwise(rows: int, columns: int, channels: int, sums: bool) -> int:
    """The same of a depthwise 3x3 job with weights in L1."""
    total = START_CYCLES
    for outputs in tiles_of(channels, CHANNELS_3X3):
        for h in tiles_of(rows, SIDE):
            for w in tiles_of(columns, SIDE):
                total += 40 + (h + 2) * (w + 2) + BITS + _normalising(outputs, sums) + _storing(h, w, outputs, sums)
    return total


def _normalising(channels: int, sums: bool) -> int:
    return 0 if sums else channels + 21


def _storing(h: int, w: int, channels: int, sums: bool) -> int:
    return ((h - 1) * SIDE + w) * (-(-channels // 8) if sums else 1)


def shift_of(op: KernelOp) -> int:
    """The shift of an epilogue in the engine's form."""
    assert op.body is not None
    for inner in op.body.block.ops:
        if isinstance(inner, arith.ShRSIOp) and isinstance(inner.rhs.owner, arith.ConstantOp):
            value = inner.rhs.owner.value
            assert isinstance(value, IntegerAttr)
            return value.value.data
    return 0


class Job:
    """The C function that describes and starts a job."""

    def __init__(self, op: KernelOp, name: str) -> None:
        """Raises DeeployError if there is no C for the kernel's operands."""
        self.op, self.function = op, job_signature(op, name)
        self.b = CBuilder(self.function.body.block)
        self.description = describe(op)
        values: list[SSAValue] = list(self.function.body.block.args)
        count = len(op.operands_accessed)
        self.pointers = values[:count]
        self.numbers = dict(zip(self.description.arguments, values[count:], strict=True))

    def one_by_one(self) -> c.FuncOp:
        """Of a product over channels."""
        description = simplify(self.description)
        x, out = description.operands[0], description.operands[-1]
        dims = range(len(description.dims))
        outputs = [d for d in dims if out.steps[d] and not x.steps[d]]
        inputs = [d for d in dims if x.steps[d] and not out.steps[d]]
        pixels = [d for d in dims if x.steps[d] and out.steps[d]]
        rows, columns = self._pixels(description, pixels)
        sizes = [rows, columns, *(self._size(description, d) for d in (inputs, outputs))]
        place = self._job("dm_neureka_1x1", sizes)
        self._input(place, *_steps(self.b, x.steps, pixels, columns, self._width(0)))
        self._rest(place, *_steps(self.b, out.steps, pixels, columns, self._width(-1)))
        return self.function

    def window(self) -> c.FuncOp:
        """Of a 3x3 convolution."""
        assert isinstance(self.op, ConvOp)
        description = self.description
        x, out = description.operands[0], description.operands[-1]
        rows, columns = (self._number(description.dims[d]) for d in (1, 2))
        outputs = self._number(description.dims[3])  # groups, where it is depthwise
        if self.op.depthwise:
            place = self._job("dm_neureka_depthwise_3x3", [rows, columns, outputs])
        else:
            inputs = self._number(description.dims[-1])
            place = self._job("dm_neureka_3x3", [rows, columns, inputs, outputs])
        self._input(place, x.steps[2] * self._width(0), x.steps[1] * self._width(0))
        padded = {next(d for d in (1, 2) if p.coefficients[d]): p for p in description.pads_of(0)}
        if padded:
            firsts = [self._quantity(padded[d].origin) if d in padded else 0 for d in (1, 2)]
            extents = [self._quantity(padded[d].extent) if d in padded else self._needed(d) for d in (1, 2)]
            self.b.call("dm_neureka_window", [place, *map(self._value, (*firsts, *extents))])
        self._rest(place, out.steps[2] * self._width(-1), out.steps[1] * self._width(-1))
        return self.function

    def _needed(self, dim: int) -> Number:
        """Inputs along an axis without padding."""
        return self.b.add(self._number(self.description.dims[dim]), 2)

    def _job(self, function: str, sizes: Sequence[Number]) -> SSAValue:
        job = self.b.var("job", JOB_TYPE, self.b.call_value(function, [self._value(s) for s in sizes], JOB_TYPE))
        return self.b.address_of(job)

    def _input(self, place: SSAValue, pixel: Number, row: Number) -> None:
        signed = int(_signed(self.op.ins[0]))
        self.b.call("dm_neureka_input", [place, self.pointers[0], self._value(pixel), self._value(row), signed])

    def _rest(self, place: SSAValue, pixel: Number, row: Number) -> None:
        """Weights, output, requantisation if there is an epilogue, and the start."""
        b, op = self.b, self.op
        b.call("dm_neureka_weights", [place, self.pointers[1], shape_of(op.ins[1])[1]])
        b.call("dm_neureka_output", [place, self.pointers[-1], self._value(pixel), self._value(row)])
        if op.body is None:
            b.call("dm_neureka_sums", [place])
        else:
            scales, biases = self.pointers[2:4]
            b.call("dm_neureka_requantize", [place, scales, biases, shift_of(op), int(_signed(op.out))])
        b.return_(b.call_value("dm_neureka_start", [place], JOB))

    def _width(self, operand: int) -> int:
        return element_bytes(element_type_of_value(self.op.operands_accessed[operand]))

    def _pixels(self, description: Description, pixels: Sequence[int]) -> tuple[Number, Number]:
        """Rows and columns; a run of known length is folded."""
        if not pixels:
            return 1, 1
        if len(pixels) > 2:
            raise DeeployError(f"{self.op.name}: pixels along {len(pixels)} dimensions are no job", self.op.layer.data)
        if len(pixels) == 2:
            return self._size(description, pixels[:1]), self._size(description, pixels[1:])
        dim = description.dims[pixels[0]]
        if dim.static is not None:
            return folded(dim.static)
        return self.b.div(self._quantity(dim.size), dim.divisor), dim.scale

    def _size(self, description: Description, dims: Sequence[int]) -> Number:
        """Iterations of a dimension, 1 where it was dropped."""
        return self._number(description.dims[dims[0]]) if dims else 1

    def _number(self, dim: LoopDim) -> Number:
        if dim.static is not None:
            return dim.static
        return self.b.mul(self.b.div(self._quantity(dim.size), dim.divisor), dim.scale)

    def _quantity(self, quantity: Quantity) -> Number:
        return self.numbers[quantity] if isinstance(quantity, DynamicArgument) else quantity

    def _value(self, number: Number) -> SSAValue:
        return self.b.value(number, IndexType())


def _steps(
    b: CBuilder, steps: Sequence[int], pixels: Sequence[int], columns: Number, width: int
) -> tuple[Number, Number]:
    """Bytes from pixel to pixel and from row to row."""
    a_pixel = steps[pixels[-1]] * width if pixels else 0
    return a_pixel, steps[pixels[0]] * width if len(pixels) == 2 else b.mul(columns, a_pixel)


def _signed(value: SSAValue) -> bool:
    return not is_unsigned(element_type_of_value(value))
