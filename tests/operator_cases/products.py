"""Matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from .builder import BYTES, Builder


def _operands(b: Builder) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes that MatMul takes: vectors, matrices, batches that broadcast."""
    m, k, n = b.number(1, 9), b.number(1, 24), b.number(1, 9)
    kind = b.pick(["matrices", "batched", "batched", "vector", "left vector", "right vector"])
    if kind == "vector":
        return (k,), (k,)
    if kind == "matrices":
        return (m, k), (k, n)
    batch = b.shape(b.number(1, 2), 3)
    if kind == "left vector":
        return (k,), (*batch, k, n)
    if kind == "right vector":
        return (*batch, m, k), (k,)
    left, right = b.broadcast(batch), b.broadcast(batch)
    return (*left, m, k), (*right, k, n)


def matmul(b: Builder) -> str:
    left, right = _operands(b)
    dtype = b.pick([np.float32, np.float32, np.float32, np.int32, np.int64])
    return b.op("MatMul", b.either(b.array(left, dtype, 50)), b.input(b.array(right, dtype, 50)))


def matmul_integer(b: Builder) -> str:
    left, right = _operands(b)
    a_type, b_type = b.pick(BYTES), b.pick(BYTES)
    words = [b.input(b.whole(left, a_type)), b.either(b.whole(right, b_type))]
    if b.flag():
        a_zero = [(), (left[-2],)] if len(left) == 2 else [()]
        words.append(b.constant(b.whole(b.pick(a_zero), a_type)))
        if b.flag():
            b_zero = [(), (right[-1],)] if len(right) == 2 else [()]
            words.append(b.constant(b.whole(b.pick(b_zero), b_type)))
    return b.op("MatMulInteger", *words)


def gemm(b: Builder) -> str:
    m, k, n, ta, tb = b.number(1, 9), b.number(1, 24), b.number(1, 9), b.number(0, 1), b.number(0, 1)
    if b.number(0, 5) == 5:
        k *= 20
    a, w = b.real((k, m) if ta else (m, k)), b.real((n, k) if tb else (k, n))
    attributes: dict[str, Any] = {"transA": ta, "transB": tb, "alpha": b.pick([1.0, 0.5]), "beta": b.pick([1.0, 2.0])}
    words = [b.input(a), b.either(w)]
    if b.number(0, 4):
        words.append(b.either(b.real(b.pick([(n,), (1, n), (m, 1), (m, n), (), (1,), (1, 1)]))))
    return b.op("Gemm", *words, **attributes)


def einsum(b: Builder) -> str:
    """A product of two operands with random letters: each result letter occurs in an operand."""
    sizes = {letter: b.number(1, 5) for letter in "abcde"}
    left = "".join("abcde"[i] for i in b.subset(5, 1)[:4])
    right = "".join("abcde"[i] for i in b.subset(5, 1)[:4])
    found = sorted(set(left + right))
    result = "".join(found[i] for i in b.subset(len(found)))
    arrays = [b.real([sizes[letter] for letter in word]) for word in (left, right)]
    return b.op("Einsum", *(b.input(a) for a in arrays), equation=f"{left},{right}->{result}")


CASES = (matmul, matmul, matmul_integer, gemm, gemm, einsum)
