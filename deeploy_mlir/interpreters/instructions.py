"""Instructions of a table on numpy, by their meaning."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from deeploy_mlir.interpreters.scalar import run_scalar_body
from deeploy_mlir.kernels.instructions import InnerLoop, Instruction, Register
from deeploy_mlir.support.numpy_types import Array, numpy_dtype

Words = npt.NDArray[np.uint32]
"""Registers, as many as there are executions."""


def lanes_of(words: Words, register: Register) -> list[Array]:
    """The lanes of registers, the lowest first, in their element type."""
    dtype, bits = numpy_dtype(register.element), register.element.bitwidth
    return [
        (words >> np.uint32(bits * lane)).astype(f"u{dtype.itemsize}").view(dtype) for lane in range(register.lanes)
    ]


def joined(lanes: Sequence[Array], register: Register) -> Words:
    """Registers from their lanes."""
    words = np.zeros(lanes[0].shape, np.uint32)
    for number, lane in enumerate(lanes):
        part = np.ascontiguousarray(lane).view(f"u{lane.dtype.itemsize}").astype(np.uint32)
        words |= part << np.uint32(register.element.bitwidth * number)
    return words


def run_instruction(instruction: Instruction, words: Sequence[Words]) -> Words:
    """The result of each execution, from the registers that are read (the old value of the result last, if it is)."""
    lanes = [lane for w, register in zip(words, instruction.read, strict=True) for lane in lanes_of(w, register)]
    return joined([run_scalar_body(region, lanes) for region in instruction.meaning], instruction.result)


def run_inner_loop(loop: InnerLoop, x: Words, w: Words, accumulators: Words) -> Words:
    """What the accumulators [rows, columns] hold after the words x [columns, count] and w [rows, count] were taken."""
    result = accumulators.copy()
    for k, i, j in product(range(x.shape[1]), range(loop.rows), range(loop.columns)):
        result[i, j] = run_instruction(loop.instruction, [x[j, k : k + 1], w[i, k : k + 1], result[i, j : j + 1]])[0]
    return result
