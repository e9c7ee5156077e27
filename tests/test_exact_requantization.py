"""Quantised operators equal ONNX's reference on every input: DequantizeLinear, operator, QuantizeLinear in float32."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from xdsl.dialects.builtin import ModuleOp

from deeploy_mlir import compile as compile_model
from deeploy_mlir.graph.evaluate import run_module
from deeploy_mlir.support.numpy_types import Array

from .qdq_graphs import Graph, floats, lowered

SHARED = Path(__file__).parents[2] / "shared"

TIES = [(0.03, 0.02), (0.1, 0.1), (0.1, 0.05), (0.05, 0.1), (0.5, 0.25), (0.25, 0.5), (1.0, 3.0), (0.3, 0.2)]
"""Scales of input and result where results lie between two integers."""


def pairs(count: int) -> list[tuple[float, float]]:
    """That many pairs of scales, the ties among them."""
    rng = np.random.default_rng(5)
    drawn = [(float(np.exp(rng.uniform(-5, 0))), float(rng.uniform(0.4, 2.5))) for _ in range(count)]
    return [*TIES, *((x, x * ratio) for x, ratio in drawn)][:count]


PLATFORMS = [("generic", None), ("siracusa", "threads"), ("siracusa", "siracusa")]

ONE: dict[str, Callable[[Graph, str], str]] = {
    "Requantize": lambda g, x: x,
    "Relu": lambda g, x: g.op("Relu", x),
    "Clip": lambda g, x: g.op("Clip", x, g.constant(np.float32(-0.61)), g.constant(np.float32(1.37))),
    "LeakyRelu": lambda g, x: g.op("LeakyRelu", x, alpha=0.1),
    "PRelu": lambda g, x: g.op("PRelu", x, g.constant(np.array([[[0.25]], [[-0.3]]], np.float32))),
    "Sigmoid": lambda g, x: g.op("Sigmoid", x),
    "MaxPool": lambda g, x: g.op("MaxPool", x, kernel_shape=[2, 1], strides=[1, 1]),
    "Concat": lambda g, x: g.op("Concat", x, g.op("Transpose", g.op("Relu", x), perm=[0, 1, 3, 2]), axis=3),
    "Resize": lambda g, x: g.op("Resize", x, "", g.constant(np.array([1, 1, 2, 1], np.float32)), mode="nearest"),
    "Pad": lambda g, x: g.op("Pad", x, g.constant(np.array([0, 0, 1, 0, 0, 0, 0, 2])), g.constant(np.float32(0.37))),
    "Transpose": lambda g, x: g.op("Transpose", x, perm=[0, 1, 3, 2]),
    "Channels": lambda g, x: g.op("Mul", g.op("Add", x, g.constant(np.array([[[0.4]], [[-1.3]]], np.float32))),
                                  g.constant(np.array([[[0.7]], [[-0.5]]], np.float32))),
}  # fmt: skip
TWO = ("Add", "Sub", "Mul")


def quantized(graph: Graph, real: str, scale: float, zero: int, dtype: Any) -> str:
    """QuantizeLinear."""
    return graph.op("QuantizeLinear", real, graph.constant(np.float32(scale)), graph.constant(np.asarray(zero, dtype)))


def dequantized(graph: Graph, shape: tuple[int, ...], scales: list[float], zeros: list[int], dtype: Any) -> list[str]:
    """One input, dequantised with several scales."""
    name = graph.name()
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph.inputs.append(helper.make_tensor_value_info(name, kind, shape))
    return [
        graph.op("DequantizeLinear", name, graph.constant(np.float32(s)), graph.constant(np.asarray(z, dtype)))
        for s, z in zip(scales, zeros, strict=True)
    ]


def points(dtype: Any, count: int, seed: int) -> list[int]:
    """Zero points, in the middle of the range for the first half."""
    info, rng = np.iinfo(dtype), np.random.default_rng(seed)
    middle = (int(info.min) + int(info.max) + 1) // 2
    drawn = [int(z) for z in rng.integers(info.min, int(info.max) + 1, count)]
    return [middle if i < count // 2 else z for i, z in enumerate(drawn)]


def with_outputs(graph: Graph, names: list[str], dtype: Any) -> onnx.ModelProto:
    """A model with these outputs."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    proto = graph.model(names[0], kind)
    proto.graph.output.extend(helper.make_tensor_value_info(name, kind, None) for name in names[1:])
    return proto


def one_operand(dtype: Any, scales: list[tuple[float, float]]) -> tuple[onnx.ModelProto, list[Array]]:
    """Every operator on every integer, for each pair of scales."""
    graph = Graph(0)
    zeros, out = points(dtype, len(scales), 1), points(dtype, len(scales), 2)
    reals = dequantized(graph, (1, 2, 16, 16), [x for x, _ in scales], zeros, dtype)
    names = [
        quantized(graph, build(graph, real), y if op != "Sigmoid" else y / 20, zero, dtype)
        for real, (_, y), zero in zip(reals, scales, out, strict=True)
        for op, build in ONE.items()
    ]
    every = np.arange(256).astype(np.uint8).view(dtype).reshape(1, 1, 16, 16).repeat(2, axis=1)
    return with_outputs(graph, names, dtype), [every]


def two_operands(dtype: Any, scale: float, result: float, seed: int) -> tuple[onnx.ModelProto, list[Array]]:
    """Sum, difference and product of every pair of integers."""
    graph, info = Graph(seed), np.iinfo(dtype)
    zeros = points(dtype, 6, seed)
    (a,) = dequantized(graph, (256, 1), [scale], zeros[:1], dtype)
    (b,) = dequantized(graph, (1, 256), [scale * (0.5 if seed % 2 else 0.83)], zeros[5:], dtype)
    names = [
        quantized(graph, graph.op(op, a, b), result * (50 * scale if op == "Mul" else 1), zero, dtype)
        for op, zero in zip(TWO, zeros[1:4], strict=True)
    ]
    every = np.arange(int(info.min), int(info.max) + 1).astype(dtype)
    return with_outputs(graph, names, dtype), [every.reshape(256, 1), every.reshape(1, 256)]


def reference(proto: onnx.ModelProto, arrays: list[Array]) -> list[Array]:
    """ONNX's reference evaluator."""
    names = [value.name for value in proto.graph.input]
    evaluator: Any = ReferenceEvaluator(proto)
    return list(evaluator.run(None, dict(zip(names, arrays, strict=True))))


def assert_equal(got: list[Array], expected: list[Array]) -> None:
    """All outputs alike."""
    for number, (a, b) in enumerate(zip(got, expected, strict=True)):
        np.testing.assert_array_equal(a, b, err_msg=f"output {number}")


def run_compiled(proto: onnx.ModelProto, arrays: list[Array], target: str, platform: str | None) -> list[Array]:
    """The outputs of the generated C."""
    program = compile_model(proto, target=target)
    names = [tensor.name for tensor in program.network.inputs]
    return list(program.run(dict(zip(names, arrays, strict=True)), platform=platform).values())


WHOLE = pytest.param(40, marks=pytest.mark.slow)


@pytest.mark.parametrize("count", [10, WHOLE])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("mode", ["exact", "fixed-point"])
def test_one_operand_on_every_integer(dtype: Any, mode: str, count: int) -> None:
    """In fixed-point arithmetic on integers alone, exact but for what differs by channel and no shift equals."""
    proto, arrays = one_operand(dtype, pairs(count))
    module = lowered(proto, mode)
    expected = reference(proto, arrays)
    got = run_module(module, arrays)
    if mode == "exact":
        assert_equal(got, expected)
    else:
        by_channel = [i for i, op in enumerate(ONE) if op in ("PRelu", "Channels")]
        same = [i for i in range(len(got)) if i % len(ONE) not in by_channel]
        assert_equal([got[i] for i in same], [expected[i] for i in same])
        assert floats(module) == []


@pytest.mark.parametrize("count", [14, WHOLE])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_two_operands_on_every_pair(dtype: Any, count: int) -> None:
    """Ties stay steps in float32; nearly all others are done on integers."""
    on_integers = 0
    for seed, (x, y) in enumerate(pairs(count)):
        proto, arrays = two_operands(dtype, x, y, seed)
        module = lowered(proto, "exact")
        assert_equal(run_module(module, arrays), reference(proto, arrays))
        on_integers += names_of(module).count("qnn.RequantShift")
    assert on_integers >= 3 * (count - len(TIES)) * 0.9


def names_of(module: ModuleOp) -> list[str]:
    """Names of all operations."""
    return [op.name for op in module.walk()]


@pytest.mark.parametrize(("target", "platform"), PLATFORMS[::2])
def test_generated_code(target: str, platform: str | None) -> None:
    """Some pairs of scales in C."""
    scales = [TIES[0]]
    proto, arrays = one_operand(np.int8, scales)
    assert_equal(run_compiled(proto, arrays, target, platform), reference(proto, arrays))
    proto, arrays = two_operands(np.uint8, 0.1, 0.1, 1)
    assert_equal(run_compiled(proto, arrays, target, platform), reference(proto, arrays))


@pytest.mark.slow
@pytest.mark.parametrize(("target", "platform"), PLATFORMS)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_all_generated_code(target: str, platform: str | None, dtype: Any) -> None:
    """All pairs of scales in C."""
    for start in range(0, 40, 4):
        proto, arrays = one_operand(dtype, pairs(40)[start : start + 4])
        assert_equal(run_compiled(proto, arrays, target, platform), reference(proto, arrays))
    for seed, (x, y) in enumerate(pairs(40)):
        proto, arrays = two_operands(dtype, x, y, seed)
        assert_equal(run_compiled(proto, arrays, target, platform), reference(proto, arrays))


@pytest.mark.parametrize("target", ["generic", "siracusa"])
def test_the_case_that_failed(target: str) -> None:
    """Scales 0.03 and 0.02 with a Relu between: the quotient of two roundings, not a multiplication by 1.5."""
    path = SHARED / "cases" / "requantise_tie.onnx"
    if not path.exists():
        pytest.skip(f"needs {path}")
    inputs, outputs = (dict(np.load(path.with_name(f"requantise_tie.{kind}.npz"))) for kind in ("in", "out"))
    got = compile_model(path, target=target).run(inputs)
    np.testing.assert_array_equal(got["y"], outputs["y"])


def average_pools(scales: list[tuple[float, float]], kernel: tuple[int, int]) -> onnx.ModelProto:
    """Means over windows side by side, for each pair of scales."""
    graph = Graph(0)
    zeros, out = points(np.int8, len(scales), 3), points(np.int8, len(scales), 4)
    shape = (1, 1, 64 * kernel[0], 256 * kernel[1])
    reals = dequantized(graph, shape, [x for x, _ in scales], zeros, np.int8)
    names = [
        quantized(graph, graph.op("AveragePool", real, kernel_shape=kernel, strides=kernel), y, zero, np.int8)
        for real, (_, y), zero in zip(reals, scales, out, strict=True)
    ]
    return with_outputs(graph, names, np.int8)


def windows(kernel: tuple[int, int]) -> list[Array]:
    """Random ones; of two integers every pair: as images of 64 x 256 windows."""
    count = kernel[0] * kernel[1]
    rng = np.random.default_rng(count)
    each = rng.integers(-128, 128, (4, 64, 256, count))
    if count == 2:
        a, b = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128))
        each = np.stack([a, b], axis=-1).reshape(4, 64, 256, 2)
    images = each.reshape(4, 64, 256, *kernel).transpose(0, 1, 3, 2, 4)
    return list(images.reshape(4, 1, 1, 64 * kernel[0], 256 * kernel[1]).astype(np.int8))


def expected_means(proto: onnx.ModelProto, image: Array, kernel: tuple[int, int]) -> list[Array]:
    """As the reference evaluator, which takes a second for 10,000 windows: float32 added one after the other."""
    values = constants_of(proto)
    results: list[Array] = []
    by_output = {node.output[0]: node for node in proto.graph.node}
    for output in proto.graph.output:
        quantize = by_output[output.name]
        pool = by_output[quantize.input[0]]
        scale, zero = (values[name] for name in by_output[pool.input[0]].input[1:])
        real = (image.astype(np.float32) - zero.astype(np.float32)) * scale
        rows, columns = image.shape[2] // kernel[0], image.shape[3] // kernel[1]
        parts = real.reshape(rows, kernel[0], columns, kernel[1]).transpose(1, 3, 0, 2).reshape(-1, rows, columns)
        total = np.zeros((rows, columns), np.float32)
        for part in parts:
            total = total + part
        y_scale, y_zero = (values[name] for name in quantize.input[1:])
        steps = np.rint(total / np.float32(len(parts)) / y_scale) + int(y_zero)
        results.append(np.clip(steps, -128, 127).astype(np.int8)[None, None])
    return results


def constants_of(proto: onnx.ModelProto) -> dict[str, Array]:
    """The initializers."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}


@pytest.mark.parametrize("kernel", [(1, 2), (2, 2)])
def test_the_means_expected_are_those_of_the_reference(kernel: tuple[int, int]) -> None:
    """On some windows."""
    graph_scales = pairs(10)
    proto = average_pools(graph_scales, kernel)
    image = windows(kernel)[0][:, :, : 2 * kernel[0], : 100 * kernel[1]]
    for value in proto.graph.input:
        for dim, size in zip(value.type.tensor_type.shape.dim, image.shape, strict=True):
            dim.dim_value = size
    assert_equal(reference(proto, [image]), expected_means(proto, image, kernel))


@pytest.mark.parametrize(
    ("target", "platform", "kernel", "count"),
    [
        ("siracusa", "siracusa", (2, 2), 5),
        ("generic", None, (1, 2), 5),
        *(pytest.param(t, p, k, 40, marks=pytest.mark.slow) for t, p in PLATFORMS for k in ((1, 2), (2, 2), (2, 3))),
    ],
)
def test_average_pools(target: str, platform: str | None, kernel: tuple[int, int], count: int) -> None:
    """65,536 windows: all of two integers; where ties are met, the steps in float32 are done."""
    for start in range(0, count, 5):
        proto = average_pools(pairs(40)[start : start + 5], kernel)
        program = compile_model(proto, target=target)
        name = program.network.inputs[0].name
        with program.built(platform) as run:
            for image in windows(kernel):
                got = list(run({name: image}).outputs.values())
                assert_equal(got, expected_means(proto, image, kernel))


def sums(seed: int, with_offset: bool) -> tuple[onnx.ModelProto, list[Array]]:
    """Products and means, with scales that meet ties and such that do not; with an offset that no sum is, which no
    integers are exact for where there are ties."""
    graph = Graph(seed)
    x = graph.input((1, 4, 9, 8), np.int8)
    w, scales = graph.weight((6, 4, 3, 3), 0)
    power, sixth = np.float32(0.5), np.float32(0.3)
    (ties,) = dequantized(graph, (5, 24), [0.5], [3], np.uint8)
    matrix = graph.op(
        "DequantizeLinear", graph.constant(graph.rng.integers(-2, 3, (24, 7)).astype(np.int8)),
        graph.constant(np.exp2(graph.rng.integers(-4, 1, 7)).astype(np.float32)), graph.constant(np.zeros(7, np.int8)),
        axis=1,
    )  # fmt: skip
    reals = [
        (graph.op("Relu", graph.op("Conv", x, w, graph.bias(x, scales, 6), pads=[1, 1, 1, 1])), np.float32(0.37)),
        (graph.op("Gemm", ties, matrix, graph.constant(np.linspace(-2, 2, 7, dtype=np.float32) * with_offset)), power),
        (graph.op("MatMul", ties, matrix), power),
        (graph.op("GlobalAveragePool", x), np.float32(0.011)),
        (graph.op("ReduceMean", dequantized(graph, (40, 6), [0.3], [7], np.uint8)[0], graph.constant(np.array([1]))),
         sixth),
    ]  # fmt: skip
    names = [quantized(graph, real, float(scale), -3, np.int8) for real, scale in reals]
    return with_outputs(graph, names, np.int8), graph.sample()


@pytest.mark.parametrize("with_offset", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("target", "platform"), PLATFORMS)
def test_sums_are_rounded_once_on_every_target(target: str, platform: str | None, with_offset: bool) -> None:
    """Equal to the definition, which the interpreter of the graph level computes, and without floats."""
    proto, arrays = sums(2, with_offset)
    expected = run_module(lowered(proto, "exact"), arrays)
    program = compile_model(proto, target=target)
    names = [tensor.name for tensor in program.network.inputs]
    got = list(program.run(dict(zip(names, arrays, strict=True)), platform=platform).values())
    assert_equal(got, expected)
    in_floats = [n for n, text in program.sources.items() if n.endswith(".c") and ("float" in text or "double" in text)]
    assert bool(in_floats) == with_offset
    close = [np.abs(a.astype(int) - b.astype(int)).max() for a, b in zip(got, reference(proto, arrays), strict=True)]
    assert max(close) <= 1
