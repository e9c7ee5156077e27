"""Tables of embeddings: sums of them with their norm, rows of quantised ones, and the positions of T5."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deeploy_mlir.frontend.microsoft.products import unpacked
from deeploy_mlir.graph.calculation import Calculation
from deeploy_mlir.graph.evaluate import MAX_EVALUATED_BYTES
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.numpy_types import Array


def embed_layer_normalization(c: Calculation) -> Sequence[Value | None]:
    """The norm of word, position and segment embeddings; the length of each text; the sum before the norm."""
    node = c.node
    ids, segments, tables = node.required(0), node.input(1), [node.required(2), node.required(3)]
    kind = node.input(4) if segments is not None else None
    return _embedded(c, ids, segments, [*tables, kind], [node.required(5), node.required(6)], node.input(7), 8)


def quantized_embed_layer_normalization(c: Calculation) -> Sequence[Value | None]:
    """As `embed_layer_normalization`, of tables of integers."""
    node = c.node

    def table(index: int, scale: int, zero: int) -> Value | None:
        value = node.input(index)
        return None if value is None else c.apply("DequantizeLinear", value, node.required(scale), node.input(zero))

    word, position, kind, scale, shift = (table(2 + i, 8 + i, 13 + i) for i in range(5))
    if word is None or position is None or scale is None or shift is None:
        raise c.error("lacks one of its tables")
    return _embedded(c, node.required(0), node.input(1), [word, position, kind], [scale, shift], node.input(7), None)


def _embedded(
    c: Calculation,
    ids: Value,
    segments: Value | None,
    tables: Sequence[Value | None],
    parameters: Sequence[Value],
    mask: Value | None,
    positions_at: int | None,
) -> Sequence[Value | None]:
    """`tables`: words, positions, segments; `positions_at`: the input of the positions, which count up by default."""
    batch, length = ids.shape
    word, position, kind = tables
    assert word is not None
    assert position is not None
    if length > position.shape[0]:
        raise c.error(f"has {position.shape[0]} positions for {length} words")
    positions = c.node.input(positions_at) if positions_at is not None else None
    rows = c.part(position, 0, 0, length) if positions is None else c.take(position, positions)
    total = c.plus(c.take(word, ids), rows)
    if kind is not None and segments is not None:
        total = c.plus(total, c.take(kind, segments))
    y = c.apply("LayerNormalization", total, *parameters, axis=-1, epsilon=c.node.number("epsilon", 1e-12))
    if mask is None:
        return [y, c.constant(np.zeros(batch, np.int32)), total]
    words = c.apply("Cast", c.apply("Equal", mask, 1), to=6)
    return [y, c.apply("ReduceSum", words, c.constant([1]), keepdims=0), total]


def gather_block_quantized(c: Calculation) -> Sequence[Value]:
    """Rows of a table of integers, each block of which has a scale and a zero point, as floats.

    The table stays a constant of bytes; only what is gathered becomes float."""
    node = c.node
    data, indices, scales = node.required(0), node.required(1), node.required(2)
    bits, block = node.integer("bits", 4), node.integer("block_size", 128)
    integers, zeros = node.constant_input(0), node.constant_input(3)
    assert integers is not None
    packed = data.bits is None and integers.dtype == np.uint8
    if data.bits is None and integers.dtype.itemsize != 1:
        raise c.error(f"of {data.element_type} is not supported")
    if packed:
        integers = unpacked(integers, bits)
        zeros = None if zeros is None else unpacked(zeros, bits)
    rank = integers.ndim
    axis, along = (node.integer(name, 0 if name == "gather_axis" else 1) for name in ("gather_axis", "quantize_axis"))
    if not (-rank <= axis < rank and -rank <= along < rank) or axis % rank == along % rank:
        raise c.error(f"with gather_axis {axis} and quantize_axis {along} is not supported")
    axis, along = axis % rank, along % rank
    size, blocks = integers.shape[along], scales.shape[along]
    if block < 1 or blocks != -(-size // block):
        raise c.error(f"has {blocks} scales for {size} elements in blocks of {block}")
    if zeros is None:
        zeros = np.full(scales.shape, 1 << (bits - 1) if packed else 0, integers.dtype)
    zeros = np.take(zeros, range(blocks), along)
    return [_rows(c, [integers, zeros], scales, indices, axis, along, min(block, size))]


def _rows(
    c: Calculation, tables: Sequence[Array], scales: Value, indices: Value, axis: int, along: int, block: int
) -> Value:
    """What `indices` pick along `axis` of (integers - zeros) * scales, blocks being along another axis."""
    integers, zeros = tables
    shape = list(integers.shape)
    size, blocks = shape[along], zeros.shape[along]
    padding = [(0, blocks * block - size if i == along else 0) for i in range(len(shape))]
    cut = (*shape[:along], blocks, block, *shape[along + 1 :])
    data = c.constant(np.pad(integers, padding).reshape(cut))
    place = axis + (axis > along)  # where the axes lie once that of the blocks is two
    picked = c.cast(c.take(data, indices, place), scales.element_type)
    along += (len(indices.shape) - 1) * (axis < along)

    def of_blocks(value: Value) -> Value:
        found = c.take(value, indices, axis)
        return c.apply("Unsqueeze", found, c.constant([along + 1]))

    if zeros.any():
        picked = c.minus(picked, c.cast(of_blocks(c.constant(zeros)), scales.element_type))
    real = c.times(picked, of_blocks(scales))
    joined = c.reshape(real, (*real.shape[:along], blocks * block, *real.shape[along + 2 :]))
    return c.part(joined, along, 0, size)


def relative_position_bias(c: Calculation) -> Sequence[Value]:
    """T5's bias [1, heads, queries, keys]: a row of the table [buckets, heads] for the bucket of each distance."""
    node = c.node
    table, lengths = node.required(0), [node.constant_input(i) for i in (1, 2)]
    queries, keys = (int(np.asarray(length).reshape(())) for length in lengths)
    if min(queries, keys) < 1 or queries * keys > MAX_EVALUATED_BYTES // 8:
        raise c.error(f"of {queries} queries and {keys} keys is not supported")
    both, most = bool(node.integer("is_bidirectional", 0)), node.integer("max_distance")
    buckets = table.shape[0]
    distance = np.arange(queries)[:, None] - np.arange(keys)
    bucket = np.zeros((queries, keys), np.int64)
    if both:
        buckets //= 2
        bucket += buckets * (distance < 0)
        distance = np.abs(distance)
    distance = np.maximum(distance, 0)
    exact = buckets // 2
    if exact < 1 or most <= exact:
        raise c.error(f"with {table.shape[0]} buckets and max_distance {most} is not supported")
    ratio = np.log(np.maximum(distance, 1).astype(np.float32) / exact) / np.log(np.float32(most) / exact)
    far = np.minimum(exact + (ratio * (buckets - exact)).astype(np.int64), buckets - 1)
    bucket += np.where(distance < exact, distance, far)
    rows = c.take(table, c.constant(bucket))
    return [c.reshape(c.transpose(rows, (2, 0, 1)), (1, table.shape[1], queries, keys))]
