"""The functions of `kernel.row` on numpy: each computes the accumulator of every element of a row.

Parameters carry the names that the ONNX operators give them: `epsilon` for the float norms; for the integer functions
`coeffA`, `coeffB`, `coeffC`, `log2`, `n_levels`, `group_width`, `D`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from deeploy_mlir.dialects.kernel.ops import RowFunction, RowOp
from deeploy_mlir.interpreters.scalar import truncating_division
from deeploy_mlir.support.numpy_types import Array, numpy_dtype


def run_row_function(op: RowOp, x: Array, vectors: Sequence[Array]) -> Array:
    """The accumulator over [..., k] for rows `x` [..., k] and the vectors [k] of the further inputs."""
    integer = numpy_dtype(op.accumulator()).kind in "iu"
    wide = np.dtype(np.int64) if integer else np.dtype(np.float64)
    result = _FUNCTIONS[op.function.data](op, x.astype(wide), [v.astype(wide) for v in vectors])
    return result.astype(numpy_dtype(op.accumulator()))


def _softmax(op: RowOp, x: Array, vectors: Sequence[Array]) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _log_softmax(op: RowOp, x: Array, vectors: Sequence[Array]) -> Array:
    shifted = x - x.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _layer_norm(op: RowOp, x: Array, vectors: Sequence[Array]) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + op.parameter("epsilon"))


def _rms_norm(op: RowOp, x: Array, vectors: Sequence[Array]) -> Array:
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + op.parameter("epsilon"))


def _i_softmax(op: RowOp, x: Array, vectors: Sequence[Array]) -> Array:
    a, b, c, log2, n = (int(op.parameter(p)) for p in ("coeffA", "coeffB", "coeffC", "log2", "n_levels"))
    d = x - x.max(-1, keepdims=True)
    z = np.minimum(-d // log2, 31)
    p = d + z * log2
    e = (a * (p + b) ** 2 + c) >> z
    return e * (n - 1) // e.sum(-1, keepdims=True)


def _ita_shift(x: Array, top: Array) -> Array:
    return np.minimum((top - x + 16) >> 5, 31)


def _ita_max(op: RowOp, x: Array, vectors: Sequence[Array]) -> Array:
    n = int(op.parameter("n_levels"))
    shift = _ita_shift(x, x.max(-1, keepdims=True))
    total = (256 >> shift).sum(-1, keepdims=True)
    return ((n - 1) * 256 // np.maximum(total, 1)) >> shift


def _ita_partial_max(op: RowOp, x: Array, vectors: Sequence[Array]) -> Array:
    n, width = int(op.parameter("n_levels")), int(op.parameter("group_width"))
    top = np.full_like(x[..., :1], -128)
    total = np.zeros_like(top)
    for start in range(0, x.shape[-1], width):
        group = x[..., start : start + width]
        new_top = np.maximum(top, group.max(-1, keepdims=True))
        total >>= np.minimum((new_top - top + 16) >> 5, 31)
        top = new_top
        total += (256 >> _ita_shift(group, top)).sum(-1, keepdims=True)
    return ((n // 2 - 1) * 256 // np.maximum(total, 1)) >> _ita_shift(x, top)


def integer_square_root(x: Array) -> Array:
    """Floor of the square root of integers >= 0 below 2**62."""
    root = np.sqrt(x.astype(np.float64)).astype(np.int64)
    root -= root * root > x
    return root + ((root + 1) * (root + 1) <= x)


def _i_layer_norm(op: RowOp, x: Array, vectors: Sequence[Array]) -> Array:
    count, d = np.asarray(x.shape[-1]), int(op.parameter("D"))
    centred = x - truncating_division(x.sum(-1, keepdims=True), count)
    deviation = integer_square_root(truncating_division((centred**2).sum(-1, keepdims=True), count) + 1)
    scaled = truncating_division(centred * vectors[0], deviation)
    return (scaled + vectors[1]) >> (d.bit_length() - 1)


def _i_rms_norm(op: RowOp, x: Array, vectors: Sequence[Array]) -> Array:
    d = int(op.parameter("D"))
    deviation = integer_square_root((x**2).sum(-1, keepdims=True) // x.shape[-1] + 1)
    return truncating_division(x * vectors[0], deviation) >> (d.bit_length() - 1)


_FUNCTIONS: dict[RowFunction, Callable[[RowOp, Array, Sequence[Array]], Array]] = {
    RowFunction.SOFTMAX: _softmax,
    RowFunction.LOG_SOFTMAX: _log_softmax,
    RowFunction.LAYER_NORM: _layer_norm,
    RowFunction.RMS_NORM: _rms_norm,
    RowFunction.I_SOFTMAX: _i_softmax,
    RowFunction.ITA_MAX: _ita_max,
    RowFunction.ITA_PARTIAL_MAX: _ita_partial_max,
    RowFunction.I_LAYER_NORM: _i_layer_norm,
    RowFunction.I_RMS_NORM: _i_rms_norm,
}
