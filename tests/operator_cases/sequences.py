"""Recurrent operators and attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from .builder import Builder


def recurrent(b: Builder) -> tuple[str, ...]:
    kind = b.pick(["RNN", "GRU", "LSTM"])
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[kind]
    direction = b.pick(["forward", "reverse", "bidirectional"])
    ways = 2 if direction == "bidirectional" else 1
    time, batch, width, hidden = b.number(1, 5), b.number(1, 3), b.number(1, 5), b.number(1, 5)
    layout = b.number(0, 1) if kind == "RNN" else 0

    def small(*shape: int) -> Any:
        return (b.real(shape) / 8).astype(np.float32)

    words = [
        b.input(b.real((batch, time, width) if layout else (time, batch, width))),
        b.constant(small(ways, gates * hidden, width)),
        b.constant(small(ways, gates * hidden, hidden)),
        b.constant(small(ways, 2 * gates * hidden)) if b.flag() else "",
        b.either(b.rng.integers(1, time + 1, batch).astype(np.int32)) if not layout and b.number(0, 2) == 2 else "",
    ]
    state = (batch, ways, hidden) if layout else (ways, batch, hidden)
    words.append(b.input(small(*state)) if b.flag() else "")
    if kind == "LSTM":
        words.append(b.input(small(*state)) if b.flag() else "")
        words.append(b.constant(small(ways, 3 * hidden)) if b.flag() else "")
    attributes: dict[str, Any] = {"direction": direction, "hidden_size": hidden, "layout": layout}
    if kind == "GRU":
        attributes["linear_before_reset"] = b.number(0, 1)
    while not words[-1]:
        words.pop()
    return b.ops(kind, *words, results=3 if kind == "LSTM" else 2, **attributes)


def attention(b: Builder) -> str:
    n, heads, shared = b.number(1, 2), b.number(1, 3), b.number(1, 2)
    queries, keys, width, out = b.number(1, 5), b.number(1, 6), b.number(1, 5), b.number(1, 5)
    q, k, v = (n, heads * shared, queries, width), (n, heads, keys, width), (n, heads, keys, out)
    attributes: dict[str, Any] = {"is_causal": b.number(0, 1)}
    if b.flag():
        attributes |= {"q_num_heads": heads * shared, "kv_num_heads": heads}
        q, k, v = ((s[0], s[2], s[1] * s[3]) for s in (q, k, v))
    if b.flag():
        attributes["scale"] = b.pick([0.5, 1.0])
    if b.number(0, 2) == 2:
        attributes["softcap"] = 2.0
    words = [b.input(b.real(s)) for s in (q, k, v)]
    if not attributes["is_causal"] and b.flag():
        mask = b.pick([(queries, keys), (n, heads * shared, queries, keys), (1, 1, queries, keys)])
        words.append(b.input(b.real(mask)))
    return b.op("Attention", *words, **attributes)


def rotary(b: Builder) -> str:
    n, heads, length, half = b.number(1, 2), b.number(1, 3), b.number(1, 5), b.number(1, 3)
    width = 2 * half + 2 * b.number(0, 2)
    attributes: dict[str, Any] = {"interleaved": b.number(0, 1)}
    if width != 2 * half:
        attributes["rotary_embedding_dim"] = 2 * half
    shape = (n, heads, length, width)
    if b.flag():
        shape, attributes["num_heads"] = (n, length, heads * width), heads
    words = [b.input(b.real(shape))]
    if b.flag():
        positions = b.number(length, 8)
        words += [b.either(b.real((positions, half))) for _ in range(2)]
        words.append(b.input(b.rng.integers(0, positions, (n, length)).astype(np.int64)))
    else:
        words += [b.either(b.real((n, length, half))) for _ in range(2)]
    return b.op("RotaryEmbedding", *words, **attributes)


CASES = (recurrent, recurrent, recurrent, attention, attention, rotary)
