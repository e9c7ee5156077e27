"""Attention, QAttention and MultiHeadAttention: products of heads, masks and softmax.

Shapes are told by B the batch, N heads, S queries, T keys (those of the past and new ones), H and V the sizes of a
query's and of a value's head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from deeploy_mlir.frontend.microsoft import masks
from deeploy_mlir.frontend.microsoft.products import integer_product
from deeploy_mlir.graph.calculation import Calculation
from deeploy_mlir.graph.value import Value

HIDDEN = -10000.0
"""What is added to the score of a hidden key by default."""


def split_heads(c: Calculation, x: Value, heads: int) -> Value:
    """[B, S, N H] as [B, N, S, H]. Raises DeeployError for a size that is no multiple of the heads."""
    if len(x.shape) != 3 or x.shape[2] % heads:
        raise c.error(f"cannot split a tensor of shape {list(x.shape)} into {heads} heads")
    batch, length, size = x.shape
    return c.transpose(c.reshape(x, (batch, length, heads, size // heads)), (0, 2, 1, 3))


@dataclass(frozen=True)
class Attended:
    """The output [B, S, N V], and what is computed on the way [B, N, S, T]: scores with all that is added to them, and
    their softmax."""

    output: Value
    scores: Value
    weights: Value


def attend(
    c: Calculation,
    queries: Value,
    keys: Value,
    values: Value,
    added: Sequence[Value],
    *,
    seen: Value | None = None,
    softcap: float = 0.0,
    sink: Value | None = None,
) -> Attended:
    """softmax(scale Q K' + added) V of queries [B, N, S, H], keys [B, K, T, H] and values [B, K, T, V], where each of
    the K heads serves N / K in turn. The attribute `scale` is 1 / sqrt(H) by default.

    `seen`: which keys a query sees, of the shape of the scores or broadcast to it. `softcap`: scores are limited to it
    by tanh. `sink`: a further score [B or 1, N, S or 1, 1] that takes its part of the softmax but has no value."""
    batch, heads, length, size = queries.shape
    shared, total = keys.shape[1], keys.shape[2]
    scale = c.node.number("scale", 0.0) or 1.0 / math.sqrt(size)
    folded = c.reshape(queries, (batch, shared, heads // shared * length, size))
    scores = c.times(c.apply("MatMul", folded, c.transpose(keys, (0, 1, 3, 2))), scale)
    scores = c.reshape(scores, (batch, heads, length, total))
    if softcap:
        scores = c.times(c.apply("Tanh", c.times(scores, 1.0 / softcap)), softcap)
    for value in added:
        scores = c.plus(scores, value)
    if seen is not None:
        scores = c.choose(seen, scores, masks.lowest(scores.element_type), scores.element_type)
    if sink is None:
        weights = c.apply("Softmax", scores, axis=-1)
    else:
        last = c.broadcast(sink, (batch, heads, length, 1))
        weights = c.part(c.apply("Softmax", c.join([scores, last], -1), axis=-1), 3, 0, total)
    summed = c.apply("MatMul", c.reshape(weights, (batch, shared, heads // shared * length, total)), values)
    summed = c.transpose(c.reshape(summed, (batch, heads, length, values.shape[3])), (0, 2, 1, 3))
    return Attended(c.reshape(summed, (batch, length, heads * values.shape[3])), scores, weights)


def _masked(c: Calculation, q: Value, k: Value, v: Value, mask: Value | None, bias: Value | None) -> Attended:
    """`attend` with what the node's masks and its bias do to the scores."""
    batch, _, length, _ = q.shape
    total = k.shape[2]
    added = [] if bias is None else [bias]
    if mask is not None and not masks.hides_nothing(mask, batch, total):
        hidden = c.node.number("mask_filter_value", HIDDEN)
        added.append(masks.by_index(c, mask, batch, length, total, hidden, q))
    seen = masks.causal(c, length, total) if c.node.integer("unidirectional", 0) else None
    return attend(c, q, k, v, added, seen=seen)


def _with_past(c: Calculation, past: Value | None, new: Value) -> Value:
    """Keys or values [B, N, T, H]: those of the past, then the new ones."""
    return new if past is None else c.join([past, new], 2)


def _of_projection(
    c: Calculation, projected: Value, mask: Value | None, past: Value | None, bias: Value | None
) -> Sequence[Value | None]:
    """The outputs from Q, K and V side by side [B, S, N H + N H + N V]; the past is [2, B, N, P, H]."""
    heads = c.node.integer("num_heads")
    hidden: Sequence[int] = c.node.attrs.get("qkv_hidden_sizes") or [projected.shape[2] // 3] * 3
    if len(hidden) != 3 or sum(hidden) != projected.shape[2]:
        raise c.error(f"has qkv_hidden_sizes {list(hidden)} and {projected.shape[2]} projected values")
    q, k, v = (split_heads(c, part, heads) for part in c.parts(projected, 2, hidden))
    if past is not None:
        old = [c.apply("Squeeze", part, c.constant([0])) for part in c.parts(past, 0, [1, 1])]
        k, v = _with_past(c, old[0], k), _with_past(c, old[1], v)
    attended = _masked(c, q, k, v, mask, bias)
    outputs = c.node.outputs
    if len(outputs) < 2 or not outputs[1]:
        return [attended.output]
    return [attended.output, c.join([c.apply("Unsqueeze", part, c.constant([0])) for part in (k, v)], 0)]


def attention(c: Calculation) -> Sequence[Value | None]:
    """Attention: one product makes Q, K and V of the input."""
    projected = c.apply("MatMul", c.node.required(0), c.node.required(1))
    bias = c.node.input(2)
    if bias is not None:
        projected = c.plus(projected, bias)
    return _of_projection(c, projected, c.node.input(3), c.node.input(4), c.node.input(5))


def quantized_attention(c: Calculation) -> Sequence[Value | None]:
    """QAttention: the projection is a product of integers."""
    node = c.node
    scales, zeros = [node.required(3), node.required(4)], [node.input(6), node.input(7)]
    projected = integer_product(c, node.required(0), node.required(1), zeros, scales, node.required(2))
    return _of_projection(c, projected, node.input(5), node.input(8), None)


def _projections(c: Calculation) -> tuple[Value, Value, Value]:
    """Q [B, N, S, H], K [B, N, L, H] and V [B, N, L, V] of a MultiHeadAttention, in whichever form they come."""
    node, heads = c.node, c.node.integer("num_heads")
    query, key, value = node.required(0), node.input(1), node.input(2)
    bias = node.input(3)

    def unpacked(packed: Value, count: int) -> list[Value]:
        """[B, L, N, count, H] as `count` tensors [B, L, N H]."""
        batch, length, found, parts, size = packed.shape
        if (found, parts) != (heads, count):
            raise c.error(f"has {heads} heads, but {list(packed.shape)} for all of them")
        pieces = c.parts(packed, 3, [1] * count)
        return [c.reshape(piece, (batch, length, heads * size)) for piece in pieces]

    if key is None and value is None and len(query.shape) == 5:
        query, key, value = unpacked(query, 3)
    elif key is not None and value is None and len(key.shape) == 5:
        key, value = unpacked(key, 2)
    if key is None or value is None:
        raise c.error(
            f"needs query, key and value, or a packed query or key of rank 5; the query has shape {list(query.shape)}"
        )
    if len(key.shape) == len(value.shape) == 4:  # heads are split already; only the queries have a bias
        if bias is not None:
            query = c.plus(query, c.part(bias, 0, 0, query.shape[2]))
        return split_heads(c, query, heads), key, value
    if bias is not None:
        biases = c.parts(bias, 0, [query.shape[2], key.shape[2], value.shape[2]])
        query, key, value = (c.plus(x, b) for x, b in zip((query, key, value), biases, strict=True))
    return split_heads(c, query, heads), split_heads(c, key, heads), split_heads(c, value, heads)


def multi_head_attention(c: Calculation) -> Sequence[Value | None]:
    """MultiHeadAttention: query, key and value are projected already, but for a bias."""
    q, k, v = _projections(c)
    k, v = _with_past(c, c.node.input(6), k), _with_past(c, c.node.input(7), v)
    attended = _masked(c, q, k, v, c.node.input(4), c.node.input(5))
    return [attended.output, k, v, attended.scores]
