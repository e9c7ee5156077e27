"""Fourier transforms as products with a constant matrix of cosines and sines."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import inverse, linear_map
from deeploy_mlir.ir.constants import constant_of
from deeploy_mlir.ir.scalar_body import ScalarBody
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.matmul import product
from deeploy_mlir.lowering.onnx_to_kernel.parts import join, pick
from deeploy_mlir.lowering.onnx_to_kernel.reduction import chosen_by_axes
from deeploy_mlir.support.numpy_types import Array


def transform_matrix(size: int, outputs: int, *, real: bool) -> Array:
    """The matrix [size * (1 or 2), outputs * 2] from a folded signal (see `folded`) to `outputs` of its frequencies.

    Complex numbers are pairs (real part, imaginary part); a signal of `real` numbers has no second part."""
    pairs = (size + 1) // 2 - 1
    samples = [0, *([size // 2] if size % 2 == 0 else []), *range(1, pairs + 1)]
    frequencies = np.arange(outputs)[None, :]

    def angles(rows: Sequence[int]) -> Array:
        return 2 * np.pi * (np.asarray(rows, np.int64)[:, None] * frequencies % size) / size

    cosine, sine = np.cos(angles(samples)), -np.sin(angles(range(1, pairs + 1)))
    even = [np.stack([cosine, 0 * cosine], -1), np.stack([0 * cosine, cosine], -1)]
    odd = [np.stack([0 * sine, sine], -1), np.stack([-sine, 0 * sine], -1)]
    parts = 1 if real else 2
    rows = [np.stack(blocks[:parts], 1).reshape(-1, outputs * 2) for blocks in (even, odd)]
    return np.concatenate(rows)


def real_inverse_matrix(size: int, inputs: int) -> Array:
    """The matrix [inputs * 2, size] from the first half of a spectrum to the real signal of `size` samples."""
    frequencies, samples = np.arange(inputs)[:, None], np.arange(size)[None, :]
    angle = 2 * np.pi * (frequencies * samples % size) / size
    mirrored = (frequencies > 0) & (2 * frequencies < size)
    weight = np.where(2 * frequencies <= size, np.where(mirrored, 2.0, 1.0), 0.0) / size
    return np.stack([np.cos(angle) * weight, -np.sin(angle) * weight], 1).reshape(inputs * 2, size)


def folded(b: LayerBuilder, rows: SSAValue) -> SSAValue:
    """Signals [rows, size, parts] as x[0], x[size / 2] if there is such, all x[j] + x[-j], then all x[j] - x[-j].

    Cosines and sines are the same for both up to the sign: that halves the products, and what symmetry makes zero is
    exactly zero."""
    count, size, parts = shape_of(rows)
    pairs = (size + 1) // 2 - 1

    def sample(start: int, length: int = 1) -> SSAValue:
        return b.slice(rows, [0, start, 0], [1, 1, 1], [count, length, parts])

    pieces = [sample(0), *([sample(size // 2)] if size % 2 == 0 else [])]
    if pairs:
        ends = [sample(1, pairs), pick(b, rows, 1, [size - j for j in range(1, pairs + 1)])]
        element, shape = element_type_of_value(rows), [count, pairs, parts]
        pieces.append(b.elementwise(ends, shape, element, lambda body, v: body.add(v[0], v[1])))
        pieces.append(b.elementwise(ends, shape, element, lambda body, v: body.sub(v[0], v[1])))
    return join(b, pieces, 1)


MAX_MATRIX = 1 << 23
"""Elements of a transform's matrix; more are refused."""


def _check_matrix(b: LayerBuilder, inputs: int, outputs: int) -> None:
    if 2 * inputs * outputs > MAX_MATRIX:
        raise b.error(f"of {inputs} numbers to {outputs} frequencies takes a matrix of more than {MAX_MATRIX} elements")


def transformed(b: LayerBuilder, rows: SSAValue, outputs: int) -> SSAValue:
    """The spectra [rows, outputs * 2] of signals [rows, size, parts]."""
    count, size, parts = shape_of(rows)
    _check_matrix(b, size * parts, outputs)
    matrix = transform_matrix(size, outputs, real=parts == 1)
    return _multiplied(b, b.reshape(folded(b, rows), [count, size * parts]), matrix)


def _multiplied(b: LayerBuilder, rows: SSAValue, matrix: Array) -> SSAValue:
    weights = b.constant(matrix, f"{b.layer}_matrix", element_type_of_value(rows))
    return product(b, rows, weights, [shape_of(rows)[0], matrix.shape[1]])


def dft(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.DFT; of an axis known at run time only, all axes that give the declared shape are computed."""
    x, operand = op.required("input"), op.input("axis")
    rank = len(shape_of(x))
    known = np.asarray(-2) if operand is None else constant_of(operand)
    if known is not None:
        return [_along(op, b, x, b.axis(int(known.reshape(-1)[0]), rank))]
    results = [([axis], _along(op, b, x, axis)) for axis in range(rank - 1) if _fits(op, b, axis)]
    if not results or operand is None:
        raise b.error(f"has an axis known at run time only, and no axis gives {list(b.result_shape)}")
    return [chosen_by_axes(b, operand, rank, results)]


def _fits(op: GraphOp, b: LayerBuilder, axis: int) -> bool:
    """Whether the transform along an axis has the declared shape, as far as other axes tell."""
    shape, target = shape_of(op.required("input")), b.result_shape
    length = b.constant_operand("dft_length")
    size = shape[axis] if length is None else int(length.reshape(-1)[0])
    inverse_real = op.attr("inverse") and op.attr("onesided")
    found = size // 2 + 1 if op.attr("onesided") and not inverse_real else size
    if inverse_real and length is None:
        found = target[axis]
    return all(t == (found if i == axis else s) for i, (s, t) in enumerate(zip(shape[:-1], target[:-1], strict=True)))


def _along(op: GraphOp, b: LayerBuilder, x: SSAValue, axis: int) -> SSAValue:
    shape, target = shape_of(x), b.result_shape
    rank, inverted = len(shape), bool(op.attr("inverse"))
    if axis == rank - 1:
        raise b.error("cannot transform the axis of real and imaginary parts")
    inputs, outputs, parts = shape[axis], target[axis], shape[-1]
    order = [*(i for i in range(rank - 1) if i != axis), axis, rank - 1]
    others = [shape[i] for i in order[:-2]]
    rows = b.reshape(b.transpose(x, order), [prod(others), inputs, parts])
    length = b.constant_operand("dft_length")
    if inverted:
        if not op.attr("onesided") or parts != 2 or target[-1] != 1:
            raise b.error("inverse to complex numbers is not supported; one-sided, to real numbers, it is")
        rows = b.reshape(rows, [prod(others), inputs * parts])
        _check_matrix(b, inputs * parts, outputs)
        value = _multiplied(b, rows, real_inverse_matrix(outputs, inputs))
    else:
        size = inputs if length is None else int(length.reshape(-1)[0])
        rows = b.pad(rows, [0, 0, 0], [0, size - inputs, 0], 0)
        value = transformed(b, rows, outputs)
    value = b.reshape(value, [*others, outputs, target[-1]])
    return b.transpose(value, inverse(order))


def stft(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.STFT with a constant step: frames of the signal, times the window, transformed."""
    signal, window = op.required("signal"), op.input("window")
    shape, target = list(shape_of(signal)), list(b.result_shape)
    batch, frames, outputs = target[:3]
    step = int(b.required_constant("frame_step").reshape(-1)[0])
    given = b.integers("frame_length")
    if given is None and window is None:
        raise b.error("needs a window or frame_length")
    size = given[0] if given is not None else shape_of(window or signal)[0]
    parts = shape[2] if len(shape) > 2 else 1
    flat = b.reshape(signal, [batch, shape[1], parts])
    cut = linear_map(4, [([1, 0, 0, 0], 0), ([0, step, 1, 0], 0), ([0, 0, 0, 1], 0)])
    pieces = b.copy(flat, cut, [batch, frames, size, parts])
    if window is not None:
        column = b.reshape(window, [size, 1])

        def weighted(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            return body.mul(v[0], v[1])

        pieces = b.elementwise([pieces, column], shape_of(pieces), element_type_of_value(signal), weighted)
    rows = b.reshape(pieces, [batch * frames, size, parts])
    return [b.reshape(transformed(b, rows, outputs), b.result_shape)]


RULES: dict[str, Rule] = {"onnx.DFT": dft, "onnx.STFT": stft}
"""Rules of this family."""
