"""Small random networks whose layers are to share a nest: three kinds of groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from deeploy_mlir.support.numpy_types import Array

from .network_levels import parse

CONVOLUTIONS, ATTENTION, SKIP = "conv+dw", "scores+softmax+context", "conv+add"
Rng = np.random.Generator


@dataclass
class Text:
    """Kernels of a function as text, and its inputs."""

    arrays: list[Array] = field(default_factory=list[Array])
    types: list[str] = field(default_factory=list[str])
    lines: list[str] = field(default_factory=list[str])

    def input(self, array: Array) -> tuple[str, str]:
        """A new argument: its name and type."""
        element = {"int8": "i8", "int32": "i32", "float32": "f32"}[array.dtype.name]
        self.arrays.append(array)
        self.types.append(f"tensor<{'x'.join(map(str, array.shape))}x{element}>")
        return f"%x{len(self.arrays) - 1}", self.types[-1]

    def kernel(self, op: str, ins: list[tuple[str, str]], out: str, attributes: str, body: str = "") -> tuple[str, str]:
        """A kernel into a tensor of its own: its result's name and type."""
        number = len(self.lines)
        values, types = ", ".join(v for v, _ in ins), ", ".join(t for _, t in ins)
        self.lines.append(f"""
    %e{number} = tensor.empty() : {out}
    %y{number} = kernel.{op} ins({values} : {types}) outs(%e{number} : {out}) {{{attributes}}} {body} -> {out}""")
        return f"%y{number}", out

    def module(self, result: tuple[str, str]) -> ModuleOp:
        """The network with this result."""
        arguments = ", ".join(f"%x{n}: {t}" for n, t in enumerate(self.types))
        names = ", ".join(f'"x{n}"' for n in range(len(self.types)))
        return parse(f"""
builtin.module @net {{
  func.func @net({arguments}) -> {result[1]} attributes {{arg_names = [{names}], result_names = ["y"]}} {{
    {"".join(self.lines)}
    func.return {result[0]} : {result[1]}
  }}
}}""")


NARROW = """{
      ^bb0(%a : i32):
        %s = arith.constant 7 : i32
        %b = arith.shrsi %a, %s : i32
        %c = kernel.cast %b : i32 to i8
        kernel.yield %c : i8
      }"""

ADD = """{
      ^bb0(%a : i8, %b : i8):
        %c = kernel.cast %a : i8 to i32
        %d = kernel.cast %b : i8 to i32
        %e = arith.addi %c, %d : i32
        kernel.yield %e : i32
      }"""


def i8_array(rng: Rng, *shape: int) -> Array:
    return rng.integers(-128, 128, shape, np.int8)


def convolution(
    text: Text, rng: Rng, image: tuple[str, str], shape: list[int], layer: str, outputs: int, *, same: bool = False
) -> tuple[tuple[str, str], list[int]]:
    """A channels-last convolution of random window, stride and pads, depthwise for 0 `outputs`; `same`: as large as its
    image. Returns its result, and its shape without the batch."""
    height, width, channels = shape
    while True:
        k = [int(n) for n in rng.integers(1, 4, 2)]
        strides = [1, 1] if same else [int(n) for n in rng.integers(1, 3, 2)]
        low, high = ([int(rng.integers(0, n)) for n in k] for _ in range(2))
        if same:
            low, high = [(n - 1) // 2 for n in k], [n // 2 for n in k]
        sizes = [
            (s + a + b - n) // stride + 1
            for s, a, b, n, stride in zip((height, width), low, high, k, strides, strict=True)
        ]
        if min(sizes) > 0 and min(s + a + b - n for s, a, b, n in zip((height, width), low, high, k, strict=True)) >= 0:
            break
    made = outputs or channels
    weights = text.input(i8_array(rng, made, *k, channels if outputs else 1))
    groups = "" if outputs else f", groups = {channels} : i64, group_outputs = 1 : i64"
    attributes = (
        f'layer = "{layer}", layout = #kernel<layout channels_last>, window = array<i64: {k[0]}, {k[1]}>, '
        f"strides = array<i64: {strides[0]}, {strides[1]}>, dilations = array<i64: 1, 1>, "
        f"pads = array<i64: {low[0]}, {low[1]}, {high[0]}, {high[1]}>{groups}"
    )
    out = f"tensor<1x{sizes[0]}x{sizes[1]}x{made}xi8>"
    return text.kernel("conv", [image, weights], out, attributes, NARROW), [*sizes, made]


def convolutions(rng: Rng) -> tuple[ModuleOp, list[Array]]:
    """A convolution and a depthwise one."""
    text, shape = Text(), [int(n) for n in (*rng.integers(3, 10, 2), rng.integers(1, 5))]
    image = text.input(i8_array(rng, 1, *shape))
    between, shape = convolution(text, rng, image, shape, "conv", int(rng.integers(1, 9)))
    result, _ = convolution(text, rng, between, shape, "dw", 0)
    return text.module(result), text.arrays


def attention(rng: Rng) -> tuple[ModuleOp, list[Array]]:
    """Scores, softmax and weighted sum of floats."""
    text, (b, m, n, k, v) = Text(), (int(s) for s in rng.integers(1, 9, 5))
    left, right, values = (
        text.input(rng.standard_normal(s).astype(np.float32)) for s in ((b, m, k), (b, n, k), (b, n, v))
    )
    scores = text.kernel("matmul", [left, right], f"tensor<{b}x{m}x{n}xf32>", 'layer = "scores", transpose_b')
    rows = text.kernel("row", [scores], scores[1], 'layer = "softmax", function = #kernel<row_function softmax>')
    result = text.kernel("matmul", [rows, values], f"tensor<{b}x{m}x{v}xf32>", 'layer = "context"')
    return text.module(result), text.arrays


def skip(rng: Rng) -> tuple[ModuleOp, list[Array]]:
    """A convolution, and the sum of its input and its output."""
    text, shape = Text(), [int(n) for n in (*rng.integers(3, 10, 2), rng.integers(1, 5))]
    image = text.input(i8_array(rng, 1, *shape))
    made, shape = convolution(text, rng, image, shape, "conv", shape[-1], same=True)
    identity = "affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>"
    out = f"tensor<1x{'x'.join(map(str, shape))}xi32>"
    result = text.kernel("map", [image, made], out, f'layer = "add", maps = [{identity}, {identity}]', ADD)
    return text.module(result), text.arrays


GROUPS: dict[str, Callable[[Rng], tuple[ModuleOp, list[Array]]]] = {
    CONVOLUTIONS: convolutions,
    ATTENTION: attention,
    SKIP: skip,
}
"""By the group to be fused, a network in which it is, and inputs."""
