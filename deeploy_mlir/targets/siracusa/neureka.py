"""Kernels of N-EUREKA: 1x1 and 3x3 convolutions and products with constant matrices, as jobs."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, IntegerType, TensorType, i32
from xdsl.ir import Block, Region
from xdsl.ir.affine import AffineExpr, AffineMap
from xdsl.utils.hints import isa

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel import ConvOp, KernelOp, MatmulOp, element_type_of_value, shape_of
from deeploy_mlir.interpreters.epilogue_steps import epilogue_steps, slopes
from deeploy_mlir.ir.body_ranges import accumulator_interval
from deeploy_mlir.ir.constants import constant_of
from deeploy_mlir.ir.epilogues import epilogue_of
from deeploy_mlir.ir.scalar_body import ScalarBody, integer_range
from deeploy_mlir.kernels.binding import BroughtConstant, Form, KernelBinding
from deeploy_mlir.kernels.offload import OffloadBinding, SumsBinding
from deeploy_mlir.kernels.packing import Packing
from deeploy_mlir.requantization.integer_form import NARROW, IntegerForm, integer_form
from deeploy_mlir.space.tile_constraints import TileConstraints
from deeploy_mlir.space.work_split import ONE_CORE, CoreSplit
from deeploy_mlir.targets.siracusa.neureka_jobs import (
    CHANNELS,
    SIDE,
    Job,
    cycles_1x1,
    cycles_3x3,
    cycles_depthwise,
    folded,
)
from deeploy_mlir.targets.siracusa.neureka_weights import CHANNELS_3X3, Packed1x1, Packed3x3, PackedDepthwise


@dataclass(frozen=True)
class NeurekaBinding(OffloadBinding):
    """A kernel requantised to 8 bits as N-EUREKA does: (sum * scale + bias) >> shift, of 32 bits.

    It is taken if the bounds of its sums prove that 32 bits hold that, and the result is the kernel's for every sum.
    `slowdown` multiplies the cycles of its jobs in the planner's eyes."""

    name: str
    engine: str
    headers: tuple[str, ...] = ("neureka.h",)
    slowdown: float = 1.0

    @abc.abstractmethod
    def refusal(self, op: KernelOp) -> str | None:
        """Why the engine does not compute the kernel's sums; None if it does."""

    @abc.abstractmethod
    def job_cycles(self, op: KernelOp, sums: bool) -> Callable[[Sequence[int]], int]:
        """The modelled cycles of the job of a tile of given sizes, whose output are its sums or of 8 bits."""

    def accepts(self, op: KernelOp) -> bool | str:
        reason = self.refusal(op) or operands_refused(op)
        if reason is not None:
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

    def multiples(self, op: KernelOp) -> tuple[int, ...]:
        """Whole tiles of the engine: pixels and output channels."""
        space = op.iteration_space()
        result = [1] * len(space.dims)
        for d in space.output.dims:
            result[d] = CHANNELS if d in space.accesses[1].dims else SIDE
        return tuple(result)

    def splits(self, op: KernelOp, sizes: Sequence[int], cores: int) -> Sequence[CoreSplit]:
        return (ONE_CORE,)

    def cost(self, op: KernelOp) -> Callable[[Sequence[int], CoreSplit], int]:
        cycles = self.job_cycles(op, sums=False)
        return lambda sizes, split: round(self.slowdown * cycles(sizes))


@dataclass(frozen=True)
class Neureka1x1(NeurekaBinding):
    """1x1 convolutions and products with a constant matrix."""

    def refusal(self, op: KernelOp) -> str | None:
        if isinstance(op, ConvOp):
            one = all(n == 1 for n in (*op.window.get_values(), *op.strides.get_values()))
            if not one or any(op.pads.get_values()) or op.groups is not None:
                return "it takes 1x1 convolutions without steps, padding and groups"
            return _image_refused(op)
        if not isinstance(op, MatmulOp):
            return "it takes convolutions and matrix products"
        if op.transpose_a is not None or prod((*shape_of(op.ins[1])[:-2], *shape_of(op.out)[:-2])) != 1:
            return "it takes products of one matrix's rows with another"
        return None

    def packings(self, op: KernelOp) -> Mapping[int, Packing]:
        axis = 0
        if isinstance(op, MatmulOp):
            axis = len(shape_of(op.out)) - (2 if op.transpose_b is not None else 1)
        (dim,) = op.iteration_space().accesses[1].axes[axis].dims
        return {1: Packed1x1(axis, dim)}

    def constraints(self, op: KernelOp) -> TileConstraints:
        """A run of pixels of a matrix product is folded, for which its length has to be known."""
        if not isinstance(op, MatmulOp):
            return TileConstraints()
        space = op.iteration_space()
        pixels = [d for d in space.output.dims if d not in space.accesses[1].dims]
        return TileConstraints(fits=lambda sizes: all(space.dims[d].size % sizes[d] == 0 for d in pixels))

    def job_cycles(self, op: KernelOp, sums: bool) -> Callable[[Sequence[int]], int]:
        space = op.iteration_space()
        outputs = set(space.accesses[1].dims) & set(space.output.dims)
        pixels = [d for d in space.output.dims if d not in outputs]
        inputs = space.iterations([1 if d in space.output.dims else s for d, s in enumerate(space.sizes)])

        def cycles(sizes: Sequence[int]) -> int:
            if any(space.dims[d].size % sizes[d] for d in pixels):
                rows, columns = prod(sizes[d] for d in pixels[:-1]), sizes[pixels[-1]]
            else:
                rows, columns = folded(prod(sizes[d] for d in pixels))
            return cycles_1x1(rows, columns, inputs, prod(sizes[d] for d in outputs), sums)

        return cycles

    def emit(self, op: KernelOp, name: str) -> c.FuncOp:
        return Job(op, name).one_by_one()


@dataclass(frozen=True)
class Neureka3x3(NeurekaBinding):
    """3x3 convolutions, dense or depthwise, that move by one pixel, with padding by at most one zero."""

    def refusal(self, op: KernelOp) -> str | None:
        if not isinstance(op, ConvOp) or tuple(op.window.get_values()) != (3, 3):
            return "it takes 3x3 convolutions"
        if any(n != 1 for n in (*op.strides.get_values(), *op.dilations.get_values())):
            return "it takes convolutions that move by one pixel"
        if max(op.pads.get_values()) > 1 or (any(op.pads.get_values()) and op.pad_value() != 0):
            return "it takes padding by one zero"
        if op.groups is not None and not op.depthwise:
            return "it takes dense and depthwise convolutions"
        return _image_refused(op)

    def packings(self, op: KernelOp) -> Mapping[int, Packing]:
        assert isinstance(op, ConvOp)
        return {1: PackedDepthwise(3) if op.depthwise else Packed3x3(3)}

    def constraints(self, op: KernelOp) -> TileConstraints:
        """Depthwise weights lie in blocks of channels."""
        assert isinstance(op, ConvOp)
        if not op.depthwise:
            return TileConstraints()
        multiples = [1] * len(op.iteration_space().dims)
        multiples[3] = CHANNELS_3X3
        return TileConstraints(multiples=tuple(multiples))

    def job_cycles(self, op: KernelOp, sums: bool) -> Callable[[Sequence[int]], int]:
        assert isinstance(op, ConvOp)
        depthwise, inputs = op.depthwise, op.group_inputs

        def cycles(sizes: Sequence[int]) -> int:
            if depthwise:
                return cycles_depthwise(sizes[1], sizes[2], sizes[3], sums)
            return cycles_3x3(sizes[1], sizes[2], inputs, sizes[3], sums)

        return cycles

    def emit(self, op: KernelOp, name: str) -> c.FuncOp:
        return Job(op, name).window()


@dataclass(frozen=True)
class NeurekaSums(SumsBinding):
    """The sums of what `products` takes, whatever becomes of them: the cores do the epilogue."""

    name: str
    products: NeurekaBinding
    rest: KernelBinding
    cores: int = 8
    engine: str = ""
    headers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "engine", self.products.engine)
        object.__setattr__(self, "headers", self.products.headers)

    def accepts(self, op: KernelOp) -> bool | str:
        reason = self.products.refusal(op) or operands_refused(op)
        if reason is not None:
            return reason
        sums = accumulator_interval(op)
        inside = sums is not None and sums.bounds != integer_range(i32)
        return True if op.accumulator() == i32 and inside else "its sums may leave 32 bits"

    def packings(self, op: KernelOp) -> Mapping[int, Packing]:
        return self.products.packings(op)

    def constraints(self, op: KernelOp) -> TileConstraints:
        return self.products.constraints(op)

    def multiples(self, op: KernelOp) -> tuple[int, ...]:
        return self.products.multiples(op)

    def splits(self, op: KernelOp, sizes: Sequence[int], cores: int) -> Sequence[CoreSplit]:
        return (ONE_CORE,)

    def scratch(self, op: KernelOp, sizes: Sequence[int]) -> int:
        return 0 if op.body is None else 4 * prod(op.iteration_space().output.tile_shape(sizes))

    def cost(self, op: KernelOp) -> Callable[[Sequence[int], CoreSplit], int]:
        """The job, two barriers and the epilogue on the cores."""
        job, space = self.products.job_cycles(op, sums=True), op.iteration_space()
        if op.body is None:
            return lambda sizes, split: round(self.products.slowdown * job(sizes))
        types = [TensorType(i32, shape_of(op.out)), *(v.type for v in (*op.extras, op.out))]
        sums, *extras, out = Block(arg_types=types).args
        rest = epilogue_of(op, sums, extras, out)
        epilogue = self.rest.cost(rest)

        def cycles(sizes: Sequence[int], split: CoreSplit) -> int:
            shape = space.output.tile_shape(sizes)
            shared = min(epilogue(shape, s) for s in self.rest.splits(rest, shape, self.cores))
            return round(self.products.slowdown * job(sizes)) + shared + PHASE_CYCLES

        return cycles

    def emit(self, op: KernelOp, name: str) -> c.FuncOp:
        return self.products.emit(op, name)


PHASE_CYCLES = 60
"""Barriers between the phases of a tile."""

_OWN = ("layer", "extra_maps", "operandSegmentSizes", "resultSegmentSizes", "regionSegmentSizes")


def _channel_axis(op: KernelOp) -> int:
    return op.channel_axis if isinstance(op, ConvOp) else len(shape_of(op.out)) - 1


def _image_refused(op: ConvOp) -> str | None:
    return None if op.channels_last and shape_of(op.out)[0] == 1 else "it takes one image, channels innermost"


def operands_refused(op: KernelOp) -> str | None:
    if any(not isa(t := element_type_of_value(v), IntegerType) or t.width.data != 8 for v in op.ins):
        return "it takes inputs and weights of 8 bits"
    weights = constant_of(op.ins[1])
    return "it takes constant weights, int8" if weights is None or weights.dtype != np.int8 else None


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
