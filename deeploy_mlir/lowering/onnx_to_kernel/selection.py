"""Operators that compare elements with each other or with positions: arg-max, top-k, running sums, triangles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import f32, f64, i32, i64
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import Combiner, element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import linear_map, select
from deeploy_mlir.ir.constants import constant_of
from deeploy_mlir.ir.scalar_body import ScalarBody, is_float, is_unsigned
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.indexing import positions
from deeploy_mlir.lowering.onnx_to_kernel.pooling import pool, reduce
from deeploy_mlir.lowering.onnx_to_kernel.reduction import chosen_by_axes
from deeploy_mlir.lowering.onnx_to_kernel.windows import Window

MAX_SORTED = 1024
"""Longest line that a top-k may rank: it compares all elements of a line with each other."""


def kept_axis(shape: Sequence[int], axis: int) -> list[int]:
    """The shape with size 1 along an axis."""
    return [1 if i == axis else s for i, s in enumerate(shape)]


def arg_extreme(b: LayerBuilder, x: SSAValue, axis: int, combiner: Combiner, *, last: bool) -> SSAValue:
    """The first (or last) position of the maximum or minimum along an axis, as i32; the axis stays with size 1.

    A NaN counts as one, so that there is always a position."""
    shape = shape_of(x)
    rank = len(shape)
    best = b.reshape(reduce(b, x, [axis], combiner, element_type_of_value(x)), kept_axis(shape, axis))
    missing = -1 if last else shape[axis]

    def candidate(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        none = body.constant(missing, i32)
        found = body.select(body.compare("eq", v[0], v[1]), v[2], none)
        return body.select(body.compare("ne", v[0], v[0]), v[2], found) if is_float(v[0].type) else found

    maps = [
        select(rank, list(range(rank))),
        select(rank, [None if i == axis else i for i in range(rank)]),
        select(rank, [axis]),
    ]
    places = b.map([x, best, positions(b, shape[axis])], maps, shape, i32, candidate)
    found = reduce(b, places, [axis], Combiner.MAX if last else Combiner.MIN, i32)
    return b.reshape(found, kept_axis(shape, axis))


def arg(combiner: Combiner) -> Rule:
    """onnx.ArgMax and ArgMin."""

    def rule(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
        x = op.required("data")
        axis = b.axis(op.attr("axis"), len(shape_of(x)))
        if shape_of(x)[axis] == 0:
            raise b.error(f"looks for an element along axis {axis} of shape {list(shape_of(x))}, which has none")
        found = arg_extreme(b, x, axis, combiner, last=bool(op.attr("select_last_index")))
        return [b.cast(b.reshape(found, b.result_shape), b.result_element)]

    return rule


def hard_max(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Hardmax: 1 at the first maximum along the axis, else 0."""
    x = op.required("input")
    shape = shape_of(x)
    rank, axis = len(shape), b.axis(op.attr("axis"), len(shape))
    found = arg_extreme(b, x, axis, Combiner.MAX, last=False)
    maps = [select(rank, [None if i == axis else i for i in range(rank)]), select(rank, [axis])]

    def hit(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        return body.cast(body.cast(body.compare("eq", v[0], v[1]), i32), b.result_element)

    return [b.map([found, positions(b, shape[axis])], maps, shape, b.result_element, hit)]


def top_k(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.TopK: an element's rank is how many come before it; the k-th of the result is the one of rank k.

    NaNs come before the largest, or behind it among the smallest, so that all ranks differ."""
    x = op.required("X")
    shape = shape_of(x)
    axis = b.axis(op.attr("axis"), len(shape))
    size, count = shape[axis], b.result_shape[axis]
    if size > MAX_SORTED:
        raise b.error(f"ranks lines of {size} elements; up to {MAX_SORTED} are supported")
    order = [*(i for i in range(len(shape)) if i != axis), axis]
    lines, element = prod(shape) // max(size, 1), element_type_of_value(x)
    rows = b.reshape(b.transpose(x, order), [lines, size])
    unsigned, predicate = is_unsigned(element), "gt" if op.attr("largest") else "lt"

    def before(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        own, other, own_at, other_at = v
        ahead = body.compare(predicate, other, own, unsigned=unsigned)
        tied = body.compare("eq", other, own)
        if is_float(own.type):
            own_missing, other_missing = body.compare("ne", own, own), body.compare("ne", other, other)
            first, second = (other_missing, own_missing) if op.attr("largest") else (own_missing, other_missing)
            ahead = body.select(first, body.logical_not(second), ahead)
            tied = body.select(own_missing, other_missing, tied)
        earlier = body.select(tied, body.compare("lt", other_at, own_at), ahead)
        return body.cast(earlier, i32)

    at = positions(b, size)
    maps = [select(3, [0, 1]), select(3, [0, 2]), select(3, [1]), select(3, [2])]
    ranks = reduce(b, b.map([rows, rows, at, at], maps, [lines, size, size], i32, before), [2], Combiner.SUM, i32)

    def chosen(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        return body.select(body.compare("eq", v[0], v[1]), v[2], body.constant(0, i32))

    maps = [select(3, [0, 2]), select(3, [1]), select(3, [2])]
    places = b.map([ranks, positions(b, count), at], maps, [lines, count, size], i32, chosen)
    index = reduce(b, places, [2], Combiner.SUM, i32)
    maps = [select(2, [0, None]), select(2, [0, 1])]
    values = b.map([rows, index], maps, [lines, count], element, lambda body, v: v[0], indirect=[(0, 1, 1)])
    moved = [b.result_shape[a] for a in order]
    back = [order.index(i) for i in range(len(shape))]
    results = [b.transpose(b.reshape(v, moved), back) for v in (values, index)]
    return [results[0], b.cast(results[1], element_type_of_value(op.results[1]))]


def cumulative(combine: Callable[[ScalarBody, SSAValue, SSAValue], SSAValue], neutral: int) -> Rule:
    """onnx.CumSum and CumProd: in log2(n) steps, each combining with the element 1, 2, 4 .. places before."""

    def rule(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
        x = op.required("x")
        rank = len(shape_of(x))
        operand = op.required("axis")
        known = constant_of(operand)
        if known is None:
            every = [([axis], along(op, b, x, axis)) for axis in range(rank)]
            return [chosen_by_axes(b, operand, rank, every)]
        return [along(op, b, x, b.axis(int(known.reshape(-1)[0]), rank))]

    def along(op: GraphOp, b: LayerBuilder, x: SSAValue, axis: int) -> SSAValue:
        shape, element = shape_of(x), element_type_of_value(x)
        direction = -1 if op.attr("reverse") else 1

        def shifted(value: SSAValue, places: int) -> tuple[SSAValue, SSAValue]:
            return value, _moved(b, value, axis, direction * places, neutral)

        if op.attr("exclusive"):
            x = shifted(x, 1)[1]
        step = 1
        while step < shape[axis]:
            x = b.elementwise(shifted(x, step), shape, element, lambda body, v: combine(body, v[0], v[1]))
            step *= 2
        return x

    return rule


def _moved(b: LayerBuilder, value: SSAValue, axis: int, places: int, neutral: int) -> SSAValue:
    """The tensor with each element `places` further along an axis, `neutral` where none comes."""
    rank = len(shape_of(value))
    axes = [([int(j == i) for j in range(rank)], -places if i == axis else 0) for i in range(rank)]
    return b.copy(value, linear_map(rank, axes), shape_of(value), padded=[axis], padding=neutral)


def triangle(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Trilu: the upper or lower triangle of the last two axes, 0 elsewhere."""
    x = op.required("input")
    shape = shape_of(x)
    rank = len(shape)
    given, upper = op.input("k"), bool(op.attr("upper"))
    maps = [select(rank, list(range(rank))), select(rank, [rank - 2]), select(rank, [rank - 1])]

    def kept(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        distance = body.sub(v[2], v[1])
        diagonal = body.constant(0, i32)
        if len(v) > 3:
            diagonal = body.cast(body.clamp(v[3], -shape[-2] - 1, shape[-1] + 1), i32)
        inside = body.compare("ge" if upper else "le", distance, diagonal)
        return body.select(inside, v[0], body.constant(0, v[0].type))

    ins = [x, positions(b, shape[-2]), positions(b, shape[-1])]
    if given is not None:
        ins.append(b.reshape(given, [1]))
        maps.append(select(rank, [None]))
    return [b.map(ins, maps, shape, b.result_element, kept)]


def shape_constant(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Shape: known at compile time."""
    shape = shape_of(op.required("data"))
    part = shape[slice(op.attr("start") or 0, op.attr("end"))]
    return [b.constant(np.asarray(part, np.int64), f"{b.layer}_shape")]


def size_constant(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Size: known at compile time."""
    return [b.constant(np.asarray(prod(shape_of(op.required("data"))), np.int64), f"{b.layer}_size")]


def eye_like(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.EyeLike: ones on a diagonal."""
    rows, columns = b.result_shape
    b.check_constant(b.result_shape)
    return [b.constant(np.eye(rows, columns, int(op.attr("k"))), f"{b.layer}_eye", b.result_element)]


MAX_DETERMINANT = 4
"""Largest matrices whose determinant is expanded into products."""


def determinant(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Det of small matrices: the sum over all permutations of products of one element a row."""
    x = op.required("X")
    shape, element = shape_of(x), element_type_of_value(x)
    size, batch = shape[-1], prod(shape[:-2])
    if shape[-2] != size or size > MAX_DETERMINANT:
        raise b.error(f"of {x.type} is not supported; square matrices of up to {MAX_DETERMINANT} rows are")
    flat = b.reshape(x, [batch, size, size])
    places = [(i, j) for i in range(size) for j in range(size)]
    maps = [linear_map(1, [([1], 0), ([0], i), ([0], j)]) for i, j in places]

    def minor(body: ScalarBody, v: Sequence[SSAValue], row: int, columns: Sequence[int]) -> SSAValue:
        """The determinant of the rows from `row` on and these columns."""
        total: SSAValue | None = None
        for number, column in enumerate(columns):
            term = v[row * size + column]
            if len(columns) > 1:
                term = body.mul(term, minor(body, v, row + 1, [c for c in columns if c != column]))
            total = term if total is None else (body.sub if number % 2 else body.add)(total, term)
        return body.constant(1, element) if total is None else total

    value = b.map([flat] * len(places), maps, [batch], element, lambda body, v: minor(body, v, 0, list(range(size))))
    return [b.reshape(value, b.result_shape)]


def range_(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Range of known length: start + i * delta."""
    count = b.result_shape[0]
    start, delta = b.reshape(op.required("start"), [1]), b.reshape(op.required("delta"), [1])
    maps = [select(1, [0]), select(1, [None]), select(1, [None])]

    def value(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        return body.add(v[1], body.mul(body.cast(v[0], v[2].type), v[2]))

    return [b.map([positions(b, count), start, delta], maps, [count], b.result_element, value)]


def constant_of_shape(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.ConstantOfShape: the graph declares the shape."""
    value = op.attr("value")
    number = 0 if value is None else np.asarray(value).reshape(-1)[0].item()
    return [b.filled(b.result_shape, number, b.result_element)]


def bit_cast(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.BitCast between types of one width: integers wrap, and floats are taken as their bits."""
    x = op.required("input")
    source, target = element_type_of_value(x), b.result_element
    if source == target:
        return [x]
    floats = [t for t in (source, target) if is_float(t)]
    if not floats:
        return [b.cast(x, target)]
    if len(floats) == 2 or floats[0] not in (f32, f64):
        raise b.error(f"of {x.type} to {target} is not supported; between integers and f32 or f64 it is")

    def bits(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        width = i32 if floats[0] == f32 else i64
        value = v[0] if is_float(source) else body.cast(v[0], width)
        return body.emit(arith.BitcastOp(value, width if is_float(source) else target))

    return [b.elementwise([x], shape_of(x), target, bits)]


def local_response_norm(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.LRN: x / (bias + alpha / size * sum of x^2 over `size` neighbouring channels) ^ beta."""
    x, size = op.required("X"), int(op.attr("size"))
    shape, element = shape_of(x), element_type_of_value(x)
    image = [shape[0], 1, shape[1], prod(shape[2:])]
    squares = b.reshape(b.elementwise([x], shape, element, lambda body, v: body.mul(v[0], v[0])), image)
    # No channel has more neighbours than there are others.
    low, high = min((size - 1) // 2, shape[1]), min(size // 2, shape[1])
    window = Window((low + 1 + high, 1), (1, 1), (1, 1), (low, 0, high, 0))
    sums = b.reshape(pool(b, squares, image, window, Combiner.SUM), shape)
    scale, beta, bias = float(op.attr("alpha")) / size, float(op.attr("beta")), float(op.attr("bias"))

    def normalised(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        base = body.add(body.constant(bias, v[1].type), body.mul(body.constant(scale, v[1].type), v[1]))
        return body.div(v[0], body.emit(math.PowFOp(base, body.constant(beta, base.type))))

    return [b.elementwise([x, sums], shape, element, normalised)]


def _sum(body: ScalarBody, a: SSAValue, c: SSAValue) -> SSAValue:
    return body.add(a, c)


def _product(body: ScalarBody, a: SSAValue, c: SSAValue) -> SSAValue:
    return body.mul(a, c)


RULES: dict[str, Rule] = {
    "onnx.ArgMax": arg(Combiner.MAX),
    "onnx.ArgMin": arg(Combiner.MIN),
    "onnx.Hardmax": hard_max,
    "onnx.TopK": top_k,
    "onnx.CumSum": cumulative(_sum, 0),
    "onnx.CumProd": cumulative(_product, 1),
    "onnx.Trilu": triangle,
    "onnx.Shape": shape_constant,
    "onnx.Size": size_constant,
    "onnx.Det": determinant,
    "onnx.EyeLike": eye_like,
    "onnx.Range": range_,
    "onnx.ConstantOfShape": constant_of_shape,
    "onnx.BitCast": bit_cast,
    "onnx.LRN": local_response_norm,
}
"""Rules of this family."""
