"""Random `kernel` operators of each kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DictionaryAttr,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    UnitAttr,
    f32,
    i32,
    i64,
)
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from deeploy_mlir.dialects.kernel import (
    CastOp,
    Combiner,
    CombinerAttr,
    ConvOp,
    Layout,
    MapOp,
    MatmulOp,
    PoolOp,
    ReduceOp,
    RowFunction,
    RowFunctionAttr,
    RowOp,
    ScatterOp,
    YieldOp,
    ints,
    window_properties,
)
from deeploy_mlir.support.numpy_types import Array, numpy_dtype
from deeploy_mlir.testing.kernel_cases import KernelCase, Rng, i8, i16, make_case, random_array, ui8


def requantisation(accumulator: Attribute, extras: Sequence[Attribute], out: Attribute, wide: bool) -> Region:
    """An epilogue: (acc * extra0 + extra1 + 128) >> 8 clipped to `out`, in i64 if `wide`; floats: acc * e0 + e1."""
    block = Block(arg_types=[accumulator, *extras])
    value: SSAValue = block.args[0]
    terms: list[SSAValue] = list(block.args[1:])
    if isinstance(accumulator, IntegerType):
        work = i64 if wide else i32
        casts = [CastOp(v, work) for v in (value, *terms)]
        block.add_ops(casts)
        value, terms = casts[0].result, [c.result for c in casts[1:]]
        if terms:
            block.add_op(op := arith.MuliOp(value, terms[0]))
            value = op.result
        for term in terms[1:]:
            block.add_op(op := arith.AddiOp(value, term))
            value = op.result
        constants = [arith.ConstantOp(IntegerAttr(v, work)) for v in (128, 8)]
        block.add_ops(constants)
        block.add_op(rounded := arith.AddiOp(value, constants[0].result))
        block.add_op(shifted := arith.ShRSIOp(rounded.result, constants[1].result))
        info = np.iinfo(numpy_dtype(out))
        limits = [arith.ConstantOp(IntegerAttr(int(v), work)) for v in (info.min, info.max)]
        block.add_ops(limits)
        block.add_op(low := arith.MaxSIOp(shifted.result, limits[0].result))
        block.add_op(high := arith.MinSIOp(low.result, limits[1].result))
        block.add_op(last := CastOp(high.result, out))
    else:
        for number, term in enumerate(terms):
            kind = arith.AddfOp if number else arith.MulfOp
            block.add_op(op := kind(value, term))
            value = op.result
        block.add_op(last := CastOp(value, out))
    block.add_op(YieldOp(last.result))
    return Region(block)


def _epilogue(
    rng: Rng, accumulator: Attribute, out_shape: Sequence[int], channel: int, out: Attribute
) -> tuple[list[Array], list[AffineMap], Region | None]:
    """Random extras (one value, a channel, or a whole tensor each), their maps, and the epilogue."""
    if out == accumulator and rng.random() < 0.4:
        return [], [], None
    rank, extras, maps = len(out_shape), list[Array](), list[AffineMap]()
    element: Attribute = f32 if accumulator == f32 else i32
    for _ in range(int(rng.integers(0, 3))):
        choice = int(rng.integers(0, 3))
        dims = [[], [channel], list(range(rank))][choice]
        extras.append(random_array(rng, element, [out_shape[d] for d in dims]))
        maps.append(AffineMap(rank, 0, tuple(AffineExpr.dimension(d) for d in dims)))
    types: list[Attribute] = [element] * len(extras)
    return extras, maps, requantisation(accumulator, types, out, wide=True)


def _types(rng: Rng) -> tuple[Attribute, Attribute, Attribute]:
    """Types of two inputs and an output."""
    if rng.random() < 0.25:
        return f32, f32, f32
    choices: list[Attribute] = [i8, ui8, i16]
    first = choices[int(rng.integers(0, 3))]
    second = choices[int(rng.integers(0, 2))]
    out: list[Attribute] = [i8, ui8, i32]
    return first, second, out[int(rng.integers(0, 3))]


def channel_count(rng: Rng, usual: int) -> int:
    """A number below `usual`, sometimes one of many blocks of channels."""
    return int(rng.integers(1, usual)) if rng.random() < 0.75 else int(rng.integers(16, 150))


def random_matmul(rng: Rng) -> KernelCase:
    """Batches that broadcast, both transposes."""
    a_type, b_type, out_type = _types(rng)
    batch = [int(rng.integers(1, 4)) for _ in range(int(rng.integers(0, 3)))]
    m, n, k = int(rng.integers(1, 9)), channel_count(rng, 20), int(rng.integers(1, 40))
    transposes = rng.random(2) < 0.5
    batches = [[b if rng.random() < 0.7 else 1 for b in batch] for _ in range(2)]
    out_shape = [*(max(pair) for pair in zip(*batches, strict=True)), m, n]
    a = random_array(rng, a_type, [*batches[0], *((k, m) if transposes[0] else (m, k))])
    b = random_array(rng, b_type, [*batches[1], *((n, k) if transposes[1] else (k, n))])
    accumulator: Attribute = f32 if out_type == f32 else i32
    extras, maps, body = _epilogue(rng, accumulator, out_shape, len(out_shape) - 1, out_type)
    out = random_array(rng, out_type, out_shape)
    properties: dict[str, Attribute | None] = {
        "transpose_a": UnitAttr() if transposes[0] else None,
        "transpose_b": UnitAttr() if transposes[1] else None,
    }
    return make_case(
        lambda i, e, o: MatmulOp(i, o, layer="fc", extras=e, extra_maps=maps, body=body, properties=properties),
        [a, b], extras, out,
    )  # fmt: skip


@dataclass(frozen=True)
class _Window:
    layout: Layout
    kernel: list[int]
    strides: list[int]
    dilations: list[int]
    pads: list[int]
    inputs: list[int]
    outputs: list[int]

    def image(self, channels: int, sizes: list[int], batch: int) -> list[int]:
        last = self.layout == Layout.CHANNELS_LAST
        return [batch, *sizes, channels] if last else [batch, channels, *sizes]


def _window(rng: Rng, max_extent: int = 9) -> _Window:
    rank = int(rng.choice([1, 2, 2, 2, 3]))
    layout = Layout.CHANNELS_LAST if rng.random() < 0.7 else Layout.CHANNELS_FIRST
    limit = max_extent if rank < 3 else 4
    while True:
        kernel = [int(rng.integers(1, 4)) for _ in range(rank)]
        if rng.random() < 0.2:
            kernel = [1] * rank
        strides = [int(rng.integers(1, 3)) for _ in range(rank)]
        dilations = [int(rng.choice([1, 1, 2])) for _ in range(rank)]
        pads = [int(rng.integers(0, 3)) if rng.random() < 0.5 else 0 for _ in range(2 * rank)]
        inputs = [int(rng.integers(1, limit)) for _ in range(rank)]
        outputs = [
            (inputs[i] + pads[i] + pads[rank + i] - dilations[i] * (kernel[i] - 1) - 1) // strides[i] + 1
            for i in range(rank)
        ]
        if min(outputs) > 0:
            return _Window(layout, kernel, strides, dilations, pads, inputs, outputs)


def random_conv(rng: Rng) -> KernelCase:
    """1-D to 3-D, both layouts, groups and depthwise, strides, pads, dilations, a padding value."""
    x_type, w_type, out_type = _types(rng)
    w = _window(rng)
    groups = int(rng.choice([1, 1, 2, 5]))
    depthwise = groups > 1 and rng.random() < 0.5
    a_in, a_out = (1, 1) if depthwise else (int(rng.integers(1, 8)), channel_count(rng, 8) if groups == 1 else 3)
    if depthwise:
        groups = channel_count(rng, 21)
    batch = int(rng.integers(1, 3))
    x = random_array(rng, x_type, w.image(groups * a_in, w.inputs, batch))
    weights = random_array(rng, w_type, w.image(a_in, w.kernel, groups * a_out))
    out_shape = w.image(groups * a_out, w.outputs, batch)
    accumulator: Attribute = f32 if out_type == f32 else i32
    channel = len(out_shape) - 1 if w.layout == Layout.CHANNELS_LAST else 1
    extras, maps, body = _epilogue(rng, accumulator, out_shape, channel, out_type)
    properties = window_properties(w.layout, w.kernel, w.strides, w.dilations, w.pads)
    if groups > 1 or depthwise:
        properties |= {"groups": IntegerAttr(groups, i64), "group_outputs": IntegerAttr(a_out, i64)}
    if out_type != f32 and rng.random() < 0.3:
        properties["padding"] = IntegerAttr(int(rng.integers(0, 100)), i64)
    return make_case(
        lambda i, e, o: ConvOp(i, o, layer="conv", extras=e, extra_maps=maps, body=body, properties=properties),
        [x, weights], extras, random_array(rng, out_type, out_shape),
    )  # fmt: skip


def random_pool(rng: Rng) -> KernelCase:
    """Maximum, sum and (floats) average, padding included."""
    types: list[Attribute] = [i8, ui8, i16, f32]
    x_type = types[int(rng.integers(0, 4))]
    combiners = [Combiner.MAX, Combiner.SUM, *([Combiner.AVERAGE] * 2 if x_type == f32 else [])]
    combiner = combiners[int(rng.integers(0, len(combiners)))]
    w = _window(rng)
    channels, batch = channel_count(rng, 20), int(rng.integers(1, 3))
    x = random_array(rng, x_type, w.image(channels, w.inputs, batch))
    out_shape = w.image(channels, w.outputs, batch)
    properties = window_properties(w.layout, w.kernel, w.strides, w.dilations, w.pads)
    properties |= {
        "combiner": CombinerAttr(combiner),
        "exclude_pad": UnitAttr() if combiner == Combiner.AVERAGE and rng.random() < 0.5 else None,
    }
    if x_type == f32:
        out_type = accumulator = cast(Attribute, f32)
    elif combiner == Combiner.MAX:
        out_type = accumulator = x_type
    else:
        out_type, accumulator = cast(Attribute, i8), cast(Attribute, i32)
    channel = len(out_shape) - 1 if w.layout == Layout.CHANNELS_LAST else 1
    extras, maps, body = _epilogue(rng, accumulator, out_shape, channel, out_type)
    return make_case(
        lambda i, e, o: PoolOp(i, o, layer="pool", extras=e, extra_maps=maps, body=body, properties=properties),
        [x], extras, random_array(rng, out_type, out_shape),
    )  # fmt: skip


def random_reduce(rng: Rng) -> KernelCase:
    """Every combiner over any set of axes."""
    types: list[Attribute] = [i8, ui8, i32, f32]
    x_type = types[int(rng.integers(0, 4))]
    combiner = [Combiner.SUM, Combiner.MAX, Combiner.MIN, Combiner.PRODUCT, Combiner.AVERAGE][
        int(rng.integers(0, 5 if x_type == f32 else 4))
    ]
    shape = [int(rng.integers(1, 12)) for _ in range(int(rng.integers(1, 5)))]
    axes = [i for i in range(len(shape)) if rng.random() < 0.5] or [len(shape) - 1]
    x = random_array(rng, x_type, shape)
    out_shape = [s for i, s in enumerate(shape) if i not in axes]
    extremum = combiner in (Combiner.MAX, Combiner.MIN)
    accumulator: Attribute = f32 if x_type == f32 else x_type if extremum else i32
    out_type = accumulator if rng.random() < 0.5 or x_type == f32 else cast(Attribute, i8)
    body = None if out_type == accumulator else requantisation(accumulator, [], out_type, wide=False)
    properties: dict[str, Attribute | None] = {"combiner": CombinerAttr(combiner), "axes": ints(axes)}
    return make_case(
        lambda i, e, o: ReduceOp(i, o, layer="reduce", extras=e, body=body, properties=properties),
        [x], [], random_array(rng, out_type, out_shape),
    )  # fmt: skip


def random_map(rng: Rng) -> KernelCase:
    """One or two operands: broadcast, permuted, strided, offset, padded or in windows; sometimes into a part of the
    output."""
    rank = int(rng.integers(1, 5))
    sizes = [int(rng.integers(1, 9)) for _ in range(rank)]
    element: Attribute = f32 if rng.random() < 0.3 else i8
    accumulator: Attribute = f32 if element == f32 else i32
    arrays: list[Array] = []
    maps: list[AffineMap] = []
    padded: list[int] = []
    for operand in range(int(rng.integers(1, 3))):
        order = [int(d) for d in rng.permutation(rank)] if rng.random() < 0.4 else list(range(rank))
        results: list[AffineExpr] = []
        shape: list[int] = []
        for axis, d in enumerate(order):
            stride = int(rng.choice([0, 1, 1, 1, 2]))
            offset = int(rng.choice([0, 0, 0, 1, 2]))
            extent = stride * (sizes[d] - 1) + offset + 1
            if stride == 1 and rng.random() < 0.2:
                padded += [operand, axis]
                offset -= int(rng.integers(1, 3))
                extent = max(0, sizes[d] - int(rng.integers(0, 3)))
            expr = AffineExpr.dimension(d)
            expr = (expr * stride if stride != 1 else expr) + offset if stride else AffineExpr.constant(offset)
            if rng.random() < 0.15:  # windows along the axis
                inner = int(rng.integers(rank))
                expr, extent = AffineExpr.dimension(inner) + expr, extent + sizes[inner] - 1
            results.append(expr)
            shape.append(extent)
        maps.append(AffineMap(rank, 0, tuple(results)))
        arrays.append(random_array(rng, element, shape))
    properties: dict[str, Attribute | None] = {"maps": ArrayAttr([AffineMapAttr(m) for m in maps])}
    if padded:
        properties["padded"] = ints(padded)
        properties["padding"] = IntegerAttr(-3, i64) if element == i8 else FloatAttr(0.5, f32)
    out_shape = sizes
    if rng.random() < 0.3:
        properties["out_offsets"] = ints(offsets := [int(rng.integers(0, 3)) for _ in sizes])
        properties["sizes"] = ints(sizes)
        out_shape = [s + o + 1 for s, o in zip(sizes, offsets, strict=True)]
    body = _map_body(element, accumulator, len(arrays))
    return make_case(
        lambda i, e, o: MapOp(i, o, layer="map", body=body, properties=properties),
        arrays, [], random_array(rng, element, out_shape),
    )  # fmt: skip


def _map_body(element: Attribute, work: Attribute, count: int) -> Region:
    block = Block(arg_types=[element] * count)
    casts = [CastOp(a, work) for a in block.args]
    block.add_ops(casts)
    value = casts[0].result
    for other in casts[1:]:
        op = arith.AddfOp(value, other.result) if work == f32 else arith.AddiOp(value, other.result)
        block.add_op(op)
        value = op.result
    block.add_op(last := CastOp(value, element))
    block.add_op(YieldOp(last.result))
    return Region(block)


ROW_PARAMETERS: dict[RowFunction, dict[str, int | float]] = {
    RowFunction.SOFTMAX: {},
    RowFunction.LOG_SOFTMAX: {},
    RowFunction.LAYER_NORM: {"epsilon": 1e-5},
    RowFunction.RMS_NORM: {"epsilon": 1e-6},
    RowFunction.I_SOFTMAX: {"coeffA": 5, "coeffB": 60, "coeffC": 900, "log2": 31, "n_levels": 256},
    RowFunction.ITA_MAX: {"n_levels": 256},
    RowFunction.ITA_PARTIAL_MAX: {"n_levels": 256, "group_width": 16},
    RowFunction.I_LAYER_NORM: {"D": 64, "n_levels": 256},
    RowFunction.I_RMS_NORM: {"D": 128, "n_levels": 256},
}


def random_row(rng: Rng, function: RowFunction | None = None) -> KernelCase:
    """A random row function."""
    function = function or list(RowFunction)[int(rng.integers(0, len(RowFunction)))]
    shape = [int(rng.integers(1, 6)) for _ in range(int(rng.integers(0, 3)))] + [int(rng.integers(1, 40))]
    parameters = ROW_PARAMETERS[function]
    integer = function.value.startswith("i")
    x_type: Attribute = i8 if integer else f32
    ins = [random_array(rng, x_type, shape)]
    vectors = {RowFunction.I_LAYER_NORM: 2, RowFunction.I_RMS_NORM: 1}.get(function, 0)
    ins += [random_array(rng, i32, [shape[-1]]) for _ in range(vectors)]
    out_type: Attribute = i32 if integer else f32
    attributes = {
        k: cast(Attribute, IntegerAttr(v, i64) if isinstance(v, int) else FloatAttr(v, f32))
        for k, v in parameters.items()
    }
    properties: dict[str, Attribute | None] = {
        "function": RowFunctionAttr(function),
        "parameters": DictionaryAttr(attributes) if attributes else None,
    }
    return make_case(
        lambda i, e, o: RowOp(i, o, layer="row", properties=properties), ins, [], random_array(rng, out_type, shape)
    )


def random_scatter(rng: Rng) -> KernelCase:
    """Updates that replace or add, at indices that may repeat or name no place, of one element or of whole lines."""
    rank = int(rng.integers(1, 4))
    shape = [int(rng.integers(1, 8)) for _ in range(rank)]
    axis, count = int(rng.integers(0, rank)), int(rng.integers(1, 6))
    updates = [count if i == axis else s for i, s in enumerate(shape)]
    lines = rng.random() < 0.5
    indices = [n if i == axis or not lines else 1 for i, n in enumerate(updates)]
    element: Attribute = f32 if rng.random() < 0.5 else i8
    block = Block(arg_types=[element] * 2)
    old, value = block.args[0], cast(SSAValue, block.args[1])
    if rng.random() < 0.5:
        block.add_op(added := arith.AddfOp(old, value) if element == f32 else arith.AddiOp(old, value))
        value = added.result
    block.add_op(YieldOp(value))
    ins = [
        random_array(rng, element, shape),
        np.arange(shape[axis], dtype=np.int32),
        rng.integers(-1, shape[axis] + 1, indices).astype(np.int32),
        random_array(rng, element, updates),
    ]
    properties: dict[str, Attribute | None] = {"axis": IntegerAttr(axis, i64)}
    return make_case(
        lambda i, e, o: ScatterOp(i, o, layer="scatter", body=Region(block), properties=properties),
        ins, [], random_array(rng, element, shape),
    )  # fmt: skip


RANDOM_KERNELS: dict[str, Callable[[Rng], KernelCase]] = {
    "matmul": random_matmul,
    "conv": random_conv,
    "pool": random_pool,
    "reduce": random_reduce,
    "map": random_map,
    "row": random_row,
    "scatter": random_scatter,
}
"""A generator of whole operators for each kind."""
