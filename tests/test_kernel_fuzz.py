"""Random graphs through the kernel level: after every pass they compute what onnx's reference evaluator computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from xdsl.context import Context

from deeploy_mlir.frontend import import_model
from deeploy_mlir.interpreters.run import run_module
from deeploy_mlir.pipelines import GRAPH, run_pipeline
from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.universe import UNIVERSE

PASSES = (
    "convert-onnx-to-kernel",
    "deeploy-channels-last",
    "deeploy-sink-transposes",
    "deeploy-fuse-epilogues",
    "deeploy-narrow-arithmetic",
    "deeploy-remove-dead-globals",
)


@dataclass
class Graph:
    """A graph under construction: the values so far with their shapes, and a source of choices."""

    random: np.random.Generator
    nodes: list[onnx.NodeProto] = field(default_factory=list[onnx.NodeProto])
    constants: dict[str, Array] = field(default_factory=dict[str, Array])
    values: list[tuple[str, tuple[int, ...]]] = field(default_factory=list[tuple[str, tuple[int, ...]]])

    def choose(self, *options: Any) -> Any:
        return options[int(self.random.integers(len(options)))]

    def constant(self, shape: tuple[int, ...]) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = self.random.integers(-3, 4, shape).astype(np.float32)
        return name

    def numbers(self, values: list[int]) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.array(values, np.int64)
        return name

    def add(self, kind: str, inputs: list[str], shape: tuple[int, ...], **attributes: Any) -> None:
        name = f"v{len(self.values)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        self.values.append((name, shape))

    def pick(self) -> tuple[str, tuple[int, ...]]:
        """A value, the latest ones most likely."""
        recent = self.values[-3:] if self.random.random() < 0.8 else self.values
        return recent[int(self.random.integers(len(recent)))]


def convolution(g: Graph) -> None:
    x, shape = g.pick()
    if len(shape) != 4 or min(shape) == 0:
        return
    n, c, h, w = shape
    depthwise = g.choose(True, False)
    outputs = c if depthwise else int(g.random.integers(1, 5))
    kernel = [int(g.random.integers(1, 4)) for _ in range(2)]
    strides = [int(g.random.integers(1, 3)) for _ in range(2)]
    pads = [int(g.random.integers(0, 2)) for _ in range(4)]
    size = [(s + pads[i] + pads[2 + i] - kernel[i]) // strides[i] + 1 for i, s in enumerate((h, w))]
    if min(size) < 1:
        return
    weights = g.constant((outputs, 1 if depthwise else c, *kernel))
    inputs = [x, weights] + ([g.constant((outputs,))] if g.choose(True, False) else [])
    attributes = {"strides": strides, "pads": pads, "group": c if depthwise else 1}
    g.add("Conv", inputs, (n, outputs, *size), **attributes)


def pool(g: Graph) -> None:
    x, shape = g.pick()
    if len(shape) != 4:
        return
    pads = [int(g.random.integers(0, 2)) for _ in range(4)]
    size = tuple((s + pads[i] + pads[2 + i] - 2) // 2 + 1 for i, s in enumerate(shape[2:]))
    if min(size) < 1:
        return
    g.add(g.choose("MaxPool", "AveragePool"), [x], (*shape[:2], *size), kernel_shape=[2, 2], strides=[2, 2], pads=pads)


def unary(g: Graph) -> None:
    x, shape = g.pick()
    g.add(g.choose("Relu", "Neg", "Abs", "HardSigmoid"), [x], shape)


def binary(g: Graph) -> None:
    x, shape = g.pick()
    same = [name for name, other in g.values if other == shape]
    partial = tuple(s if g.choose(True, False) else 1 for s in shape[int(g.random.integers(0, len(shape) + 1)) :])
    other = g.choose(g.choose(*same), g.constant(partial), g.constant(()))
    operands = [x, other] if g.choose(True, False) else [other, x]
    g.add(g.choose("Add", "Sub", "Mul", "Max"), operands, shape)


def transpose(g: Graph) -> None:
    x, shape = g.pick()
    order = [int(p) for p in g.random.permutation(len(shape))]
    g.add("Transpose", [x], tuple(shape[p] for p in order), perm=order)


def reshape(g: Graph) -> None:
    x, shape = g.pick()
    if len(shape) > 2 and g.choose(True, False):
        at = int(g.random.integers(len(shape) - 1))
        target = (*shape[:at], shape[at] * shape[at + 1], *shape[at + 2 :])
    else:
        at = int(g.random.integers(len(shape)))
        factors = [f for f in range(1, shape[at] + 1) if shape[at] % f == 0]
        factor = g.choose(*factors)
        target = (*shape[:at], factor, shape[at] // factor, *shape[at + 1 :])
    if len(target) <= 5:
        g.add("Reshape", [x, g.numbers(list(target))], target)


def concat(g: Graph) -> None:
    x, shape = g.pick()
    axis = int(g.random.integers(len(shape)))
    fitting = [
        (name, other)
        for name, other in g.values
        if len(other) == len(shape)
        and all(a == b for i, (a, b) in enumerate(zip(other, shape, strict=True)) if i != axis)
    ]
    second, other = g.choose(*fitting)
    joined = tuple(s + other[axis] if i == axis else s for i, s in enumerate(shape))
    g.add("Concat", [x, second], joined, axis=axis)


def slice_(g: Graph) -> None:
    x, shape = g.pick()
    axis = int(g.random.integers(len(shape)))
    step = int(g.random.integers(1, 3))
    start = int(g.random.integers(0, shape[axis]))
    count = len(range(start, shape[axis], step))
    target = tuple(count if i == axis else s for i, s in enumerate(shape))
    bounds = [g.numbers([start]), g.numbers([shape[axis]]), g.numbers([axis]), g.numbers([step])]
    g.add("Slice", [x, *bounds], target)


def pad(g: Graph) -> None:
    x, shape = g.pick()
    low = [int(g.random.integers(0, 2)) for _ in shape]
    high = [int(g.random.integers(0, 2)) for _ in shape]
    target = tuple(a + s + b for a, s, b in zip(low, shape, high, strict=True))
    mode = g.choose("constant", "edge")
    g.add("Pad", [x, g.numbers([*low, *high])], target, mode=mode)


def reduction(g: Graph) -> None:
    x, shape = g.pick()
    axes = sorted({int(g.random.integers(len(shape))) for _ in range(2)})
    keep = g.choose(0, 1)
    if not keep and len(axes) >= len(shape) - 1:
        return
    target = tuple(1 if i in axes else s for i, s in enumerate(shape) if keep or i not in axes)
    kind = g.choose("ReduceMean", "ReduceMax", "ReduceSum")
    g.add(kind, [x, g.numbers(axes)], target, keepdims=keep)


def softmax(g: Graph) -> None:
    x, shape = g.pick()
    g.add("Softmax", [x], shape, axis=int(g.random.integers(len(shape))))


def product(g: Graph) -> None:
    x, shape = g.pick()
    columns = int(g.random.integers(1, 5))
    if len(shape) >= 2 and g.choose(True, False):
        g.add("MatMul", [x, g.constant((shape[-1], columns))], (*shape[:-1], columns))
        return
    rows = int(np.prod(shape[:1]))
    inner = int(np.prod(shape[1:]))
    g.add("Flatten", [x], (rows, inner), axis=1)
    flat = g.values[-1][0]
    g.add("Gemm", [flat, g.constant((columns, inner)), g.constant((columns,))], (rows, columns), transB=1)


STEPS: tuple[Callable[[Graph], None], ...] = (
    convolution, convolution, pool, unary, binary, binary, transpose, reshape, concat, slice_, pad, reduction, softmax,
    product,
)  # fmt: skip


def random_model(seed: int, steps: int) -> tuple[onnx.ModelProto, Array]:
    g = Graph(np.random.default_rng(seed))
    shape = (1, int(g.random.integers(1, 4)), int(g.random.integers(2, 6)), int(g.random.integers(2, 6)))
    g.values.append(("x", shape))
    for _ in range(steps):
        before = len(g.values)
        g.choose(*STEPS)(g)
        if len(g.values) > before and int(np.prod(g.values[-1][1])) > 4000:
            g.values.pop()
            g.nodes.pop()
    outputs = [g.values[-1], g.values[int(g.random.integers(len(g.values)))]]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, s) for name, s in dict(outputs).items()]
    graph = helper.make_graph(
        g.nodes,
        "fuzz",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        infos,
        [numpy_helper.from_array(v, k) for k, v in g.constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return model, g.random.integers(-4, 5, shape).astype(np.float32)


def check(seed: int, steps: int) -> None:
    model, x = random_model(seed, steps)
    evaluator: Any = ReferenceEvaluator(model)
    expected: list[Any] = evaluator.run(None, {"x": x})
    module = import_model(model)
    run_pipeline(module, ",".join(GRAPH))
    for name in PASSES:
        UNIVERSE.all_passes[name]()().apply(Context(), module)
        module.verify()
        for want, got in zip(expected, run_module(module, [x]), strict=True):
            want = np.asarray(want)
            limit = 1e-5 * max(1.0, float(np.abs(want).max(initial=0)))
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=limit, err_msg=f"seed {seed}, after {name}")


@given(seed=st.integers(0, 1 << 32), steps=st.integers(1, 14))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_graphs(seed: int, steps: int) -> None:
    check(seed, steps)


@pytest.mark.slow
@given(seed=st.integers(0, 1 << 32), steps=st.integers(5, 25))
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_many_random_graphs(seed: int, steps: int) -> None:
    check(seed, steps)
