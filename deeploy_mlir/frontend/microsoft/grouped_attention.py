"""GroupQueryAttention: heads of queries that share heads of keys and values, kept in a cache of static size.

Shapes as in `attention`; P is the size of the cache before the step, T after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deeploy_mlir.frontend.microsoft import rotary
from deeploy_mlir.frontend.microsoft.attention import attend, split_heads
from deeploy_mlir.graph.calculation import Calculation
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.remarks import remark


@dataclass(frozen=True)
class _Step:
    """One step of a decoder. `used` and `counted`: how many keys count before and after it, i64 [B]."""

    c: Calculation
    queries: Value
    keys: Value
    values: Value
    used: Value
    counted: Value

    @property
    def batch(self) -> int:
        return self.queries.shape[0]

    @property
    def length(self) -> int:
        return self.queries.shape[2]

    def places(self) -> Value:
        """The place of each query among all keys, i64 [B, S]."""
        return rotary.from_first(self.c, self.used, self.batch, self.length)


def group_query_attention(c: Calculation) -> Sequence[Value | None]:
    """GroupQueryAttention with or without a cache, packed queries, rotary embedding, a local window, a soft cap, a bias
    and a sink."""
    step = _step(c)
    q, k = _positioned(step)
    total, past = _size(step), (c.node.input(3), c.node.input(4))
    keys, values = (_cached(step, old, new, total) for old, new in zip(past, (k, step.values), strict=True))
    softcap, bias = c.node.number("softcap", 0.0), _bias(c, total)
    added = [] if bias is None else [bias]
    attended = attend(c, q, keys, values, added, seen=_seen(step, total), softcap=softcap, sink=_sink(c))
    shown = {1: attended.scores, 2: attended.weights}.get(c.node.integer("qk_output", 0))
    length = c.node.required(6)
    if shown is not None and length.is_constant:
        shown = c.part(shown, 3, 0, int(length.array().max()))
    return [attended.output, keys, values, shown]


def _step(c: Calculation) -> _Step:
    """The heads of queries, keys and values, normed if there are weights for that, and how full the cache is."""
    node = c.node
    heads, shared = node.integer("num_heads"), node.integer("kv_num_heads")
    query, key, value = node.required(0), node.input(1), node.input(2)
    if shared < 1 or heads % shared:
        raise c.error(f"with {heads} heads for {shared} of keys is not supported")
    if key is None or value is None:
        size = query.shape[-1] // (heads + 2 * shared)
        query, key, value = c.parts(query, 2, [heads * size, shared * size, shared * size])
    q, k, v = split_heads(c, query, heads), split_heads(c, key, shared), split_heads(c, value, shared)
    if q.shape[2] != k.shape[2]:
        raise c.error(f"of {q.shape[2]} queries and {k.shape[2]} new keys is not supported")
    q, k = _normed(c, q, 14, "q_norm_epsilon"), _normed(c, k, 15, "k_norm_epsilon")
    counted = c.plus(c.reshape(c.whole(node.required(5)), (-1,)), 1)  # seqlens_k is one less
    return _Step(c, q, k, v, c.apply("Max", c.minus(counted, q.shape[2]), 0), counted)


def _normed(c: Calculation, x: Value, index: int, epsilon: str) -> Value:
    weight = c.node.input(index)
    if weight is None:
        return x
    value = c.node.number(epsilon, c.node.number("qk_norm_epsilon", 1e-6))
    return c.apply("RMSNormalization", x, weight, axis=-1, epsilon=value)


def _positioned(step: _Step) -> tuple[Value, Value]:
    """Queries and keys after the rotary embedding, if there is one."""
    c, node = step.c, step.c.node
    if not node.integer("do_rotary", 0):
        return step.queries, step.keys
    cos, sin, given = node.required(7), node.required(8), node.input(9)
    places = step.places() if given is None else c.whole(given)
    if given is not None and places.shape != (step.batch, step.length):
        raise DeeployError(
            f"'position_ids' of {node.op_type} with shape {list(places.shape)} is not supported", node.name
        )
    rotated = 2 * cos.shape[-1] if 2 * cos.shape[-1] < step.queries.shape[3] else 0
    attributes = {"interleaved": node.integer("rotary_interleaved", 0), "rotary_embedding_dim": rotated}
    q, k = (
        c.apply("RotaryEmbedding", x, cos, sin, places, num_heads=x.shape[1], **attributes)
        for x in (step.queries, step.keys)
    )
    return q, k


def _size(step: _Step) -> int:
    """T: the larger of the cache and `total_sequence_length`, which has to be known unless the cache holds the step."""
    node = step.c.node
    past, length = node.input(3), node.required(6)
    known = 0 if past is None else past.shape[2]
    if length.is_constant:
        return max(known, int(np.asarray(length.array()).max()))
    if known < step.length:
        raise DeeployError(
            f"'total_sequence_length' of {node.op_type} ('{length.name}') must be a constant unless the past holds the "
            "whole sequence",
            node.name,
        )
    remark(node.name, f"total_sequence_length is not known: the cache of {known} is taken to hold the whole sequence")
    return known


def _cached(step: _Step, past: Value | None, new: Value, total: int) -> Value:
    """The cache [B, K, T, H] with the new rows in their places."""
    c = step.c
    if past is None and new.shape[2] == total:
        return new
    batch, heads, length, size = new.shape
    if total < length:
        raise c.error(f"has a total_sequence_length of {total}, but {length} new keys and values")
    old = 0 if past is None else past.shape[2]
    parts = [] if past is None else [past]
    if old < total:
        dtype = new.element_type
        parts.append(c.broadcast(c.number(0, dtype), (batch, heads, total - old, size)))
    return c.apply("TensorScatter", c.join(parts, 2), new, step.used, axis=2)


def _seen(step: _Step, total: int) -> Value:
    """Which keys a query sees: none after it, before its window, or beyond those that there are."""
    c, node = step.c, step.c.node
    keys = c.constant(np.arange(total).reshape(1, 1, 1, total))
    places = c.reshape(step.places(), (step.batch, 1, step.length, 1))
    if node.integer("causal", 1):
        seen = c.apply("LessOrEqual", keys, places)
    else:
        seen = c.apply("Less", keys, c.reshape(step.counted, (step.batch, 1, 1, 1)))
    window = node.integer("local_window_size", -1)
    if window >= 0:
        seen = c.apply("And", seen, c.apply("Greater", keys, c.minus(places, window)))
    return seen


def _bias(c: Calculation, total: int) -> Value | None:
    bias = c.node.input(10)
    if bias is not None and bias.shape[-1] != total:
        raise DeeployError(
            f"'attention_bias' of {c.node.op_type} with shape {list(bias.shape)} for {total} keys is not supported",
            c.node.name,
        )
    return bias


def _sink(c: Calculation) -> Value | None:
    """The score that has no value: one for each head, or 0 for `smooth_softmax`."""
    sink = c.node.input(11)
    if sink is not None:
        return c.reshape(sink, (1, sink.shape[0], 1, 1))
    if c.node.integer("smooth_softmax", 0) <= 0:
        return None
    return c.constant(np.zeros((1, 1, 1, 1), np.float32))
