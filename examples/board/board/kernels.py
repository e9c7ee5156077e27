"""What runs on the board's engines, and what it costs."""

from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, IndexType, IntegerType, TensorType, i32, i64
from xdsl.ir import Block
from xdsl.ir.affine import AffineExpr, AffineMap

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel import ConvOp, KernelOp, MatmulOp, element_type_of_value, shape_of
from deeploy_mlir.ir.c_builder import CBuilder
from deeploy_mlir.ir.constants import constant_of
from deeploy_mlir.ir.kernel_rewriting import extra_maps_of
from deeploy_mlir.ir.scalar_body import ScalarBody, integer_range, is_unsigned
from deeploy_mlir.kernels.binding import BroughtConstant, Form
from deeploy_mlir.kernels.generated import GeneratedKernels, KernelCosts, ScalarCosts, Tuning
from deeploy_mlir.kernels.generated.description import DynamicArgument, LoopDim, describe, simplify
from deeploy_mlir.kernels.generated.function import job_signature
from deeploy_mlir.kernels.offload import JOB, OffloadBinding
from deeploy_mlir.space.work_split import ONE_CORE

DESCRIPTION = c.OpaqueType("dm_matrix_job")
OWN = ("layer", "extra_maps", "operandSegmentSizes", "resultSegmentSizes", "regionSegmentSizes")


@dataclass(frozen=True)
class Matrix(OffloadBinding):
    """Products with a constant matrix (1x1 convolutions, matrix products), requantised to 8 bits."""

    name: str
    engine: str
    start_cycles: int
    headers: tuple[str, ...] = ("matrix.h",)

    def accepts(self, op: KernelOp) -> bool | str:
        if isinstance(op, ConvOp):
            one_by_one = all(n == 1 for n in (*op.window.get_values(), *op.strides.get_values()))
            if not one_by_one or any(op.pads.get_values()) or op.groups is not None or not op.channels_last:
                return "it takes 1x1 convolutions without steps, padding and groups, channels innermost"
        elif not isinstance(op, MatmulOp) or prod((*shape_of(op.ins[1])[:-2], *shape_of(op.out)[:-2])) != 1:
            return "it takes 1x1 convolutions and products of two matrices"
        types = [element_type_of_value(v) for v in (*op.ins, op.out)]
        if any(str(t) not in ("i8", "ui8") for t in types) or is_unsigned(types[1]) or constant_of(op.ins[1]) is None:
            return "it takes 8 bits and constant int8 weights"
        found = requantization(op)
        return found if isinstance(found, str) else True

    def form(self, op: KernelOp) -> Form:
        """The same product, with scales and biases as operands."""
        (multiplier, addend, shift, least, most), axis = requantization(op), channel_axis(op)
        channels = [shape_of(op.out)[axis]]
        types = [op.ins[0].type, op.ins[1].type, TensorType(i32, channels), TensorType(i64, channels), op.out.type]
        block = Block(arg_types=types)
        x, w, scale, bias, out = block.args
        body = ScalarBody([i32, i32, i64])
        total, a, b = body.arguments
        shifted = body.shift_right(body.add(body.mul(body.cast(total, i64), body.cast(a, i64)), b), shift)
        element = element_type_of_value(op.out)
        map_ = AffineMapAttr(AffineMap(len(shape_of(op.out)), 0, (AffineExpr.dimension(axis),)))
        kernel = type(op)(
            [x, w],
            out,
            layer=op.layer.data,
            extras=[scale, bias],
            body=body.finish(body.clamp(shifted, least, most), element),
            properties={k: v for k, v in op.properties.items() if k not in OWN} | {"extra_maps": ArrayAttr([map_] * 2)},
        )
        block.add_op(kernel)
        scales = BroughtConstant("scales", multiplier.astype(np.int32), i32)
        brought = scales, BroughtConstant("biases", addend, i64)
        return Form(kernel, (0, 1, *brought, len(op.operands_accessed) - 1))

    def splits(self, op: KernelOp, sizes, cores):
        return (ONE_CORE,)

    def cost(self, op: KernelOp):
        space = op.iteration_space()
        columns = set(space.accesses[1].dims) & set(space.output.dims)

        def cycles(sizes, split):
            outputs = prod(sizes[d] for d in columns)
            rows = prod(sizes[d] for d in space.output.dims) // outputs
            inner = space.iterations(sizes) // (rows * outputs)
            return self.start_cycles + -(-rows // 16) * -(-outputs // 16) * inner

        return cycles

    def emit(self, op: KernelOp, name: str) -> c.FuncOp:
        function = job_signature(op, name)
        whole = describe(op)
        pointers, sizes = function.body.block.args[:5], function.body.block.args[5:]
        numbers = dict(zip(whole.arguments, sizes, strict=True))
        b, description = CBuilder(function.body.block), simplify(whole)
        x, w, out = (description.operands[i] for i in (0, 1, -1))

        def size(dim: LoopDim):
            if not isinstance(dim.size, DynamicArgument):
                return dim.size * dim.scale
            return b.mul(b.div(numbers[dim.size], dim.divisor), dim.scale)

        groups = {"pixels": [], "outputs": [], "inner": []}
        for d, dim in enumerate(description.dims):
            kind = "inner" if not out.steps[d] else "pixels" if x.steps[d] else "outputs"
            groups[kind].append((size(dim), x.steps[d], w.steps[d], out.steps[d]))
        one = (1, 0, 0, 0)
        p, q = ([one, one] + groups["pixels"])[-2:]
        (o,), (i,) = ([one] + groups["outputs"])[-1:], ([one] + groups["inner"])[-1:]
        arguments = [p[0], p[1], p[3], q[0], q[1], q[3], o[0], o[2], o[3], i[0], i[1], i[2]]
        # The constants that `form` made:
        *shift, least, most = (i.value.value.data for i in op.body.block.ops if i.name == "arith.constant")
        arguments += [*(shift or [0]), int(not is_unsigned(element_type_of_value(op.ins[0]))), least, most]
        values = [b.value(argument, IndexType()) for argument in arguments]
        job = b.var("job", DESCRIPTION, b.aggregate([*pointers, *values], DESCRIPTION))
        b.return_(b.call_value("dm_matrix_start", [b.address_of(job, const=True)], JOB))
        return function


def channel_axis(op: KernelOp) -> int:
    return op.channel_axis if isinstance(op, ConvOp) else len(shape_of(op.out)) - 1


def requantization(op: KernelOp) -> tuple[np.ndarray, np.ndarray, int, int, int] | str:
    """Scales, biases, shift, least and greatest result, if the kernel's epilogue computes no more; else why not."""
    axis = channel_axis(op)
    if op.body is None:
        return "it gives 8 bits"
    known = {}
    for argument, extra, map_ in zip(op.body.block.args[1:], op.extras, extra_maps_of(op), strict=True):
        array = constant_of(extra)
        if array is None or (array.size > 1 and map_.results != (AffineExpr.dimension(axis),)):
            return "its epilogue reads more than constants of the output channel"
        known[argument] = array.astype(np.int64).reshape(-1)
    current, scale, bias, shift, clamped = op.body.block.args[0], np.int64(1), np.int64(0), 0, False
    least, most = integer_range(element_type_of_value(op.out))
    for inner in op.body.block.ops:
        if inner.name == "arith.constant":
            known[inner.results[0]] = np.int64(inner.value.value.data)
        elif inner.name == "kernel.cast" and inner.operands[0] in known:
            known[inner.results[0]] = known[inner.operands[0]]
        elif inner.name != "kernel.yield":
            other = next((known[v] for v in inner.operands if v in known), None)
            if current not in inner.operands or (other is None and inner.name != "kernel.cast"):
                return "its epilogue is no scale, bias and shift"
            if inner.name == "kernel.cast" and isinstance(inner.results[0].type, IntegerType):
                pass
            elif inner.name == "arith.addi" and not clamped:
                bias = bias + (other << shift)
            elif inner.name == "arith.muli" and not shift and not clamped:
                scale, bias = scale * other, bias * other
            elif inner.name == "arith.shrsi" and not shift and not clamped and np.ndim(other) == 0:
                shift = int(other)
            elif inner.name == "arith.maxsi" and np.ndim(other) == 0:
                least, clamped = max(least, int(other)), True
            elif inner.name == "arith.minsi" and np.ndim(other) == 0:
                most, clamped = min(most, int(other)), True
            else:
                return "its epilogue is no scale, bias and shift"
            current = inner.results[0]
    if np.any(np.abs(scale) >= 1 << 31):
        return "its scales have more than 32 bits"
    return *(np.broadcast_to(a, [shape_of(op.out)[axis]]) for a in (scale, bias)), shift, least, most


# Cycles: a product of integers, of floats, both of depthwise kernels, an element of a pool, a loop, a call; epilogues.
COSTS = KernelCosts(3.0, 2.5, 4.0, 3.5, 3.0, 20, 60, ScalarCosts())

BINDINGS = (GeneratedKernels("board_cores", "cluster", Tuning(unroll=2), COSTS), Matrix("board_matrix", "matrix", 1500))
