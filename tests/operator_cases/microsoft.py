"""Operators of onnxruntime's transformer optimiser."""

from __future__ import annotations

from typing import Any

import numpy as np

from deeploy_mlir.support.numpy_types import Array

from .builder import MICROSOFT, Builder


def _optional(b: Builder, array: Array | None) -> str:
    return "" if array is None else b.input(array)


def _key_mask(b: Builder, batch: int, queries: int, keys: int, *, starts: bool) -> Array | None:
    """A mask in one of its forms, or none."""
    kind = b.pick(["none", "lengths", "packed", "keys", "pairs", *(["starts", "dummy"] if starts else [])])
    lengths = b.rng.integers(0, keys + 1, batch).astype(np.int32)
    if kind == "none":
        return None
    if kind == "lengths":
        return lengths
    if kind == "packed":
        offsets = np.arange(batch + 1, dtype=np.int32) * keys
        return np.concatenate([lengths, offsets, offsets])
    if kind == "dummy":
        return b.rng.integers(0, 2, (b.pick([1, batch]), 1)).astype(np.int32)
    if kind == "starts":
        return np.concatenate([lengths, b.rng.integers(0, keys, batch).astype(np.int32)])
    shape = (batch, keys) if kind == "keys" else (batch, queries, keys)
    return b.rng.integers(0, 2, shape).astype(np.int32)


def _attributes(b: Builder, heads: int, *, causal: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"num_heads": heads, "unidirectional": int(causal)}
    if b.flag():
        found["scale"] = 0.25
    if b.number(0, 3) == 0:
        found["mask_filter_value"] = -500.0
    return found


def _sizes(b: Builder) -> tuple[int, int, int, int]:
    """Batch, length, heads, size of a head."""
    return b.number(1, 2), b.number(1, 6), b.number(1, 3), 4 * b.number(1, 3)


def _bias(b: Builder, batch: int, heads: int, queries: int, keys: int) -> Array | None:
    return b.real((b.pick([1, batch]), b.pick([1, heads]), queries, keys)) if b.flag() else None


def attention(b: Builder) -> tuple[str, ...]:
    """Attention or QAttention, with a past or a mask, heads of values of another size."""
    batch, length, heads, size = _sizes(b)
    past = b.number(1, 4) if b.flag() else 0
    inner, width, keys = b.number(1, 8), heads * size, length + past
    mask = _key_mask(b, batch, length, keys, starts=True)
    attributes = _attributes(b, heads, causal=b.flag())
    old = b.real((2, batch, heads, past, size)) if past else None
    results = 2 if past else 1
    if b.flag():
        x, w = (
            b.input(b.whole((batch, length, inner), np.uint8)),
            b.whole((inner, 3 * width), b.pick([np.int8, np.uint8])),
        )
        each = (3 * width,) if b.flag() else ()
        scale = np.asarray(b.rng.uniform(0.002, 0.01, each)).astype(np.float32)
        words = [x, b.constant(w), b.constant(b.real((3 * width,))), b.constant(np.float32(0.01)), b.constant(scale)]
        words += [_optional(b, mask), b.constant(np.uint8(120)), b.constant(b.whole(each, w.dtype, 6))]
        return b.ops("QAttention", *words, _optional(b, old), results=results, domain=MICROSOFT, **attributes)
    values = width if past else heads * b.number(1, 9)
    attributes["qkv_hidden_sizes"] = [width, width, values]
    total = 2 * width + values
    words = [
        b.input(b.real((batch, length, inner))),
        b.constant(b.real((inner, total), -1, 1)),
        b.constant(b.real((total,))),
    ]
    bias = None if past else _bias(b, batch, heads, length, keys)
    words += [_optional(b, mask), _optional(b, old), _optional(b, bias)]
    return b.ops("Attention", *words, results=results, domain=MICROSOFT, **attributes)


def multi_head_attention(b: Builder) -> tuple[str, ...]:
    """Of the same or of other keys, which may be split into heads already, or with a past."""
    batch, length, heads, size = _sizes(b)
    form = b.pick(["self", "cross", "split"])
    new = length if form == "self" else b.number(1, 6)
    past = b.number(1, 4) if b.flag() and form != "split" else 0
    keys, width = new + past, heads * size
    mask = _key_mask(b, batch, length, keys, starts=False)
    attributes = _attributes(b, heads, causal=form == "self" and b.flag())
    shape = (batch, heads, new, size) if form == "split" else (batch, new, width)
    words = [b.input(b.real(s, -1, 1)) for s in ((batch, length, width), shape, shape)]
    words.append(b.constant(b.real((3 * width,), -1, 1)) if b.flag() else "")
    words += [_optional(b, mask), _optional(b, _bias(b, batch, heads, length, keys))]
    if past:
        words += [b.input(b.real((batch, heads, past, size), -1, 1)) for _ in range(2)]
    results = 3 if past else 1
    return b.ops("MultiHeadAttention", *words, results=results, domain=MICROSOFT, **attributes)


def group_query_attention(b: Builder) -> tuple[str, ...]:
    """A prompt, one step or some more steps of a decoder whose cache is full, or larger than the sequence."""
    batch, shared, size = b.number(1, 2), b.number(1, 2), 16
    heads = shared * b.number(1, 3)
    kind = b.pick(["prompt", "step", "steps", "buffer"])
    length = 1 if kind in ("step", "buffer") else b.number(2, 4)
    batch = 1 if kind == "steps" else batch
    past = 0 if kind == "prompt" else b.number(length + 1, 8)
    total = b.number(2, past) if kind == "buffer" else past + length
    attributes: dict[str, Any] = {"num_heads": heads, "kv_num_heads": shared}
    if b.flag():
        attributes["local_window_size"] = b.number(1, 4)
    if b.flag():
        attributes["softcap"] = 2.0
    packed = b.flag()
    shapes = [heads + 2 * shared] if packed else [heads, shared, shared]
    words = [b.input(b.real((batch, length, n * size), -1, 1)) for n in shapes] + ["", ""] * packed
    words += [b.input(b.real((batch, shared, past, size), -1, 1)) if past else "" for _ in range(2)]
    words += [b.either(np.full(batch, total - 1, np.int32)), b.constant(np.int32(total))]
    if b.flag():
        attributes |= {"do_rotary": 1, "rotary_interleaved": b.number(0, 1)}
        words += [b.constant(b.real((12, size // 2), -1, 1)) for _ in range(2)]
        if b.flag():
            places = total - length + np.arange(length)
            words.append(b.input(np.tile(places, (batch, 1)).astype(np.int64)))
    if b.flag():
        words += [""] * (11 - len(words)) + [b.constant(b.real((heads,)))]
    results = 1 if kind == "buffer" else 3  # what a buffer holds beyond the sequence is not defined
    return b.ops("GroupQueryAttention", *words, results=3, domain=MICROSOFT, **attributes)[:results]


def rotary_embedding(b: Builder) -> str:
    batch, length, heads, size = _sizes(b)
    attributes: dict[str, Any] = {"interleaved": b.number(0, 1)}
    rotated = size
    if b.flag():
        rotated = size // 2
        attributes |= {"num_heads": heads, "rotary_embedding_dim": rotated}
    x = b.real((batch, heads, length, size) if b.flag() else (batch, length, heads * size))
    positions = b.whole((1,) if b.flag() else (batch, length), np.uint8, 9)
    caches = [b.constant(b.real((length + 10, rotated // 2), -1, 1)) for _ in range(2)]
    return b.op(
        "RotaryEmbedding", b.input(x), b.input(positions.astype(np.int64)), *caches, domain=MICROSOFT, **attributes
    )


def embed_layer_normalization(b: Builder) -> tuple[str, ...]:
    batch, length, width = b.number(1, 2), b.number(1, 8), 4 * b.number(1, 4)
    ids = b.input(b.rng.integers(0, 12, (batch, length)).astype(np.int32))
    mask = _optional(b, b.rng.integers(0, 3, (batch, length)).astype(np.int32) if b.flag() else None)
    segments = _optional(b, b.rng.integers(0, 2, (batch, length)).astype(np.int32) if b.flag() else None)
    rows = [12, 10, 2]
    if b.flag():
        tables = [b.constant(b.real((n, width))) if n > 2 or segments else "" for n in rows]
        words = [ids, segments, *tables, *(b.constant(b.real((width,))) for _ in range(2)), mask]
        if b.flag():
            words.append(b.input(b.rng.integers(0, 10, (b.pick([1, batch]), length)).astype(np.int32)))
        return b.ops("EmbedLayerNormalization", *words, results=3, domain=MICROSOFT)
    present = [True, True, bool(segments), True, True]
    shapes = [*((n, width) for n in rows), (width,), (width,)]
    tables = [b.constant(b.whole(s, np.uint8)) if p else "" for s, p in zip(shapes, present, strict=True)]
    scales = [b.constant(np.float32(0.02)) if p else "" for p in present]
    zeros = [b.constant(b.whole((), np.uint8)) if p else "" for p in present]
    words = [ids, segments, *tables, mask, *scales, *zeros]
    return b.ops("QEmbedLayerNormalization", *words, results=2, domain=MICROSOFT)


def gather_block_quantized(b: Builder) -> str:
    """A table of 2, 4 or 8 bits, whose blocks along the last axis may be incomplete."""
    bits, block, rows, bytes_ = b.pick([2, 4, 8]), b.pick([16, 32]), b.number(1, 6), b.number(1, 24)
    width = bytes_ * 8 // bits
    blocks = -(-width // block)
    words = [b.constant(b.whole((rows, bytes_), np.uint8))]
    words.append(b.input(b.whole(b.pick([(3,), (2, 2), ()]), np.int64, rows - 1)))
    words.append(b.constant(b.rng.uniform(0.01, 0.1, (rows, blocks)).astype(np.float32)))
    if b.flag():
        words.append(b.constant(b.whole((rows, -(-blocks * bits // 8)), np.uint8)))
    attributes = {"bits": bits, "block_size": block, "gather_axis": 0, "quantize_axis": b.pick([1, -1])}
    return b.op("GatherBlockQuantized", *words, domain=MICROSOFT, **attributes)


def fused_matmul(b: Builder) -> str:
    m, k, n = b.number(1, 8), b.number(1, 16), b.number(1, 8)
    batch = b.shape(b.number(0, 2), 3)

    def operand(side: str, rows: int, columns: int) -> str:
        swapped, moved = b.number(0, 1), b.number(0, 1) if batch else 0
        attributes[f"trans{side}"], attributes[f"transBatch{side}"] = swapped, moved
        first, last = (columns, rows) if swapped else (rows, columns)
        return b.input(b.real((first, *batch, last) if moved else (*batch, first, last)))

    attributes: dict[str, Any] = {"alpha": b.pick([1.0, 0.5])}
    words = [operand("A", m, k), operand("B", k, n)]
    return b.op("FusedMatMul", *words, domain=MICROSOFT, **attributes)


def matmul_of_four_bits(b: Builder) -> str:
    """Weights of FP4 or NF4."""
    n, k, block = b.number(1, 8), b.number(1, 40), b.pick([16, 32])
    codes, blocks = -(-n * k // 2), -(-n * k // block)
    words = [b.input(b.real((b.number(1, 4), k))), b.constant(b.whole((codes,), np.uint8))]
    words.append(b.constant(np.asarray(b.rng.uniform(0.1, 2, (blocks,)), np.float32)))
    attributes = {"N": n, "K": k, "block_size": block, "quant_type": b.number(0, 1)}
    return b.op("MatMulBnb4", *words, domain=MICROSOFT, **attributes)


def quantized_softmax(b: Builder) -> str:
    """Along one axis, or along all from there on as before version 13."""
    shape = b.shape(b.number(2, 4), 5)
    dtype = b.pick([np.uint8, np.int8])
    low = 0 if dtype == np.uint8 else -128
    words = [b.input(b.whole(shape, dtype)), b.constant(np.float32(0.05)), b.constant(b.whole((), dtype, 60))]
    words += [b.constant(np.float32(1 / 256)), b.constant(np.array(low, dtype))]
    attributes = {"axis": b.number(0, len(shape) - 1), "opset": b.pick([12, 13])}
    return b.op("QLinearSoftmax", *words, domain=MICROSOFT, **attributes)


def skip_layer_normalization(b: Builder) -> tuple[str, ...]:
    batch, length, width = b.number(1, 2), b.number(1, 6), 4 * b.number(1, 6)
    simplified = b.flag()
    words = [b.input(b.real((batch, length, width)))]
    words.append(
        b.input(b.real((batch, length, width) if simplified else b.pick([(batch, length, width), (length, width)])))
    )
    words += [b.constant(b.real((width,))) for _ in range(1 if simplified else 2)]
    if b.flag():
        words.append(b.constant(b.real((width,))))
    op_type = "SkipSimplifiedLayerNormalization" if simplified else "SkipLayerNormalization"
    names = b.ops(op_type, *words, results=4, domain=MICROSOFT)
    node = b.nodes[-1]
    node.output[1], node.output[2] = "", ""
    return (names[0], names[3])


CASES = (
    attention,
    attention,
    multi_head_attention,
    multi_head_attention,
    group_query_attention,
    group_query_attention,
    rotary_embedding,
    embed_layer_normalization,
    gather_block_quantized,
    fused_matmul,
    matmul_of_four_bits,
    quantized_softmax,
    skip_layer_normalization,
)
