"""`deeploy-qdq-to-integer` on random quantised operators, against the float text of the same graph."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.frontend import import_model
from deeploy_mlir.graph.evaluate import graph_function, run_module
from deeploy_mlir.support.numpy_types import Array

from .by_onnxruntime import onnxruntime_session
from .qdq_graphs import MODES, Graph, check, finish, floats, lowered

DTYPES = st.sampled_from([np.int8, np.uint8])


def activated(graph: Graph, real: str, kind: str) -> str:
    """Relu or Clip behind an operator."""
    if kind == "relu":
        return graph.op("Relu", real)
    if kind == "clip":
        return graph.op("Clip", real, graph.constant(np.float32(0)), graph.constant(np.float32(6)))
    return real


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6), st.sampled_from(MODES), DTYPES, DTYPES, st.booleans(), st.booleans(),
    st.sampled_from([1, 2, 4]), st.sampled_from(["", "relu", "clip"]), st.integers(1, 2), st.integers(0, 2),
)  # fmt: skip
def test_convolution(
    seed: int,
    mode: str,
    dtype: Any,
    out: Any,
    per_channel: bool,
    with_bias: bool,
    group: int,
    act: str,
    stride: int,
    pad: int,
) -> None:
    graph = Graph(seed)
    x = graph.input((1, 4, 6, 7), dtype)
    w, scale = graph.weight((8, 4 // group, 3, 3), 0 if per_channel else None)
    operands = [x, w, *([graph.bias(x, scale, 8)] if with_bias else [])]
    real = graph.op("Conv", *operands, group=group, strides=[stride, 1], pads=[pad, 1, 0, pad])
    check(*finish(graph, activated(graph, real, act), out), mode)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6), st.sampled_from(MODES), DTYPES, DTYPES, st.booleans(), st.booleans(), st.booleans(),
    st.sampled_from(["", "relu"]),
)  # fmt: skip
def test_gemm(
    seed: int, mode: str, dtype: Any, out: Any, per_column: bool, trans: bool, with_bias: bool, act: str
) -> None:
    graph = Graph(seed)
    x = graph.input((3, 20), dtype)
    w, scale = graph.weight((10, 20) if trans else (20, 10), (0 if trans else 1) if per_column else None)
    operands = [x, w, *([graph.bias(x, scale, 10)] if with_bias else [])]
    check(*finish(graph, activated(graph, graph.op("Gemm", *operands, transB=int(trans)), act), out), mode)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(MODES), DTYPES, DTYPES, st.sampled_from(["transpose", "bias", "plain"]))
def test_matmul(seed: int, mode: str, dtype: Any, out: Any, form: str) -> None:
    """As PyTorch exports a linear layer: weights transposed by an operator, the bias added by another."""
    graph = Graph(seed)
    x = graph.input((2, 3, 20), dtype)
    w, scale = graph.weight((10, 20), 0) if form == "transpose" else graph.weight((20, 10), 1)
    if form == "transpose":
        w = graph.op("Transpose", w, perm=[1, 0])
    real = graph.op("MatMul", x, w)
    if form == "bias":
        real = graph.op("Add", graph.bias(x, scale, 10), real)
    check(*finish(graph, real, out), mode)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(MODES), DTYPES, DTYPES)
def test_matmul_of_activations(seed: int, mode: str, dtype: Any, out: Any) -> None:
    graph = Graph(seed)
    real = graph.op("MatMul", graph.input((2, 5, 12), dtype), graph.input((2, 12, 4), out))
    check(*finish(graph, real, out), mode)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6), st.sampled_from(MODES), DTYPES, DTYPES, st.sampled_from(["Add", "Sub", "Mul"]),
    st.sampled_from([(1, 3, 4, 5), (3, 1, 1), (5,), ()]), st.sampled_from(["", "relu"]),
)  # fmt: skip
def test_binary(seed: int, mode: str, dtype: Any, out: Any, op: str, shape: tuple[int, ...], act: str) -> None:
    graph = Graph(seed)
    real = graph.op(op, graph.input((1, 3, 4, 5), dtype), graph.input(shape, out))
    check(*finish(graph, activated(graph, real, act), out), mode)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6), st.sampled_from(MODES), DTYPES, DTYPES,
    st.sampled_from(["GlobalAveragePool", "ReduceMean", "AveragePool", "AveragePoolPadded"]),
)  # fmt: skip
def test_means(seed: int, mode: str, dtype: Any, out: Any, op: str) -> None:
    graph = Graph(seed)
    x = graph.input((1, 3, 6, 5), dtype)
    if op == "ReduceMean":
        real = graph.op(op, x, graph.constant(np.array([2, 3])), keepdims=0)
    elif op == "AveragePool":
        real = graph.op(op, x, kernel_shape=[2, 3], strides=[2, 1])
    elif op == "AveragePoolPadded":
        real = graph.op("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    else:
        real = graph.op(op, x)
    check(*finish(graph, real, out), mode)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6), st.sampled_from(MODES), DTYPES, DTYPES,
    st.lists(st.sampled_from("Reshape Transpose MaxPool Relu Pad Slice Concat Split".split()), max_size=4),
)  # fmt: skip
def test_movement(seed: int, mode: str, dtype: Any, out: Any, steps: list[str]) -> None:
    """Operators that move elements, in a row, with another quantisation behind them."""
    graph = Graph(seed)
    real = graph.input((1, 4, 8, 8), dtype)
    for step in steps:
        if step == "Reshape":
            real = graph.op("Reshape", real, graph.constant(np.array([1, 4, -1, 1])))
        elif step == "Transpose":
            real = graph.op("Transpose", real, perm=[0, 1, 3, 2])
        elif step == "MaxPool":
            real = graph.op("MaxPool", real, kernel_shape=[2, 2], pads=[1, 1, 0, 0])
        elif step == "Relu":
            real = graph.op("Relu", real)
        elif step == "Pad":
            real = graph.op("Pad", real, graph.constant(np.array([0, 0, 1, 0, 0, 0, 0, 3])))
        elif step == "Slice":
            real = graph.op("Slice", real, *(graph.constant(np.array([k])) for k in (0, 3, 1)))
            real = graph.op("Concat", real, real, axis=1)
            real = graph.op("Slice", real, *(graph.constant(np.array([k])) for k in (1, 5, 1)))
        elif step == "Concat":
            real = graph.op("Concat", real, real, axis=2)
        else:
            left, right = graph.name(), graph.name()
            graph.nodes.append(helper.make_node("Split", [real], [left, right], axis=1, num_outputs=2))
            real = graph.op("Concat", right, left, axis=1)
    check(*finish(graph, real, out), mode)


UNARY: dict[str, dict[str, Any]] = {
    "Sigmoid": {},
    "Tanh": {},
    "HardSwish": {},
    "LeakyRelu": {"alpha": 0.1},
    "Gelu": {},
    "Exp": {},
    "Neg": {},
    "Erf": {},
}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(MODES), DTYPES, DTYPES, st.sampled_from(sorted(UNARY)), st.booleans())
def test_tables(seed: int, mode: str, dtype: Any, out: Any, op: str, gated: bool) -> None:
    """Elementwise operators on one tensor: nothing differs from the float text."""
    graph = Graph(seed)
    x = graph.input((3, 50), dtype)
    real = graph.op(op, graph.op("Add", x, graph.constant(np.float32(0.25))), **UNARY[op])
    if gated:
        real = graph.op("Mul", real, x)
    proto, arrays = finish(graph, real, out)
    module = lowered(proto, mode)
    assert floats(module) == []
    np.testing.assert_array_equal(run_module(module, arrays)[0], run_module(import_model(proto), arrays)[0])


def test_accumulators_of_16_bits_stay_in_float() -> None:
    """70000 products of 16 by 8 bits leave i32: the convolution is not done on integers."""
    graph = Graph(5)
    x = graph.input((1, 64, 3, 3), np.int16)
    w, _ = graph.weight((2, 64, 3, 3), None)
    proto, _ = finish(graph, graph.op("Conv", x, w), np.int8)
    assert "onnx.Conv" in floats(lowered(proto, "exact"))


def test_residual_block_and_batch_norm() -> None:
    """Two convolutions, one with a BatchNormalization that has to be folded first, and the sum with the input."""
    graph = Graph(3)
    x = graph.input((1, 4, 6, 6), np.int8)
    w, scale = graph.weight((4, 4, 3, 3), 0)
    real = graph.op("Relu", graph.op("Conv", x, w, graph.bias(x, scale, 4), pads=[1, 1, 1, 1]))
    zero, step = graph.constant(np.int8(-128)), graph.constant(np.float32(0.05))
    inner = graph.op("DequantizeLinear", graph.op("QuantizeLinear", real, step, zero), step, zero)
    proto, arrays = finish(graph, graph.op("Add", x, inner), np.int8)
    check(proto, arrays, "exact")
    assert [op.name for op in graph_function(lowered(proto, "exact")).body.block.ops if isinstance(op, GraphOp)] == [
        "onnx.ConvInteger", "onnx.Add", "qnn.Requantize",
        "onnx.Cast", "onnx.Mul", "onnx.Cast", "onnx.Mul", "onnx.Add", "qnn.RequantShift",
    ]  # fmt: skip


def test_what_stays_in_float_is_said(caplog: pytest.LogCaptureFixture) -> None:
    graph = Graph(1)
    real = graph.op("Softmax", graph.input((2, 8), np.int8))
    proto, arrays = finish(graph, real, np.uint8)
    with caplog.at_level(logging.WARNING, logger="deeploy_mlir"):
        module = lowered(proto, "exact")
    assert "Softmax stays in float between DequantizeLinear and QuantizeLinear" in caplog.text
    np.testing.assert_array_equal(run_module(module, arrays)[0], run_module(import_model(proto), arrays)[0])


def test_every_fixed_point_sum_is_within_one_step() -> None:
    """All pairs of 8-bit operands, for scales far apart."""
    levels = np.arange(-128, 128, dtype=np.int8)
    for seed in range(6):
        graph = Graph(seed)
        real = graph.op(("Add", "Sub")[seed % 2], graph.input((256, 1), np.int8), graph.input((1, 256), np.int8))
        proto, _ = finish(graph, real, np.int8)
        arrays = [levels.reshape(256, 1), levels.reshape(1, 256)]
        module = lowered(proto, "fixed-point")
        assert floats(module) == []
        got, expected = (run_module(m, arrays)[0].astype(int) for m in (module, import_model(proto)))
        assert np.abs(got - expected).max() <= 1
        assert np.mean(got == expected) > 0.98


def test_values_that_others_use_are_kept() -> None:
    """The float result of a convolution is an output as well: the integers are computed beside it, or not at all."""
    graph = Graph(2)
    x = graph.input((1, 2, 4, 4), np.int8)
    w, _ = graph.weight((2, 2, 1, 1), None)
    real = graph.op("Conv", x, w)
    arrays = graph.sample()
    quantized = graph.quantize(real, np.ones(1), np.int8)
    proto = graph.model(quantized, TensorProto.INT8)
    proto.graph.output.append(helper.make_tensor_value_info(real, TensorProto.FLOAT, None))
    for got, expected in zip(
        run_module(lowered(proto, "exact"), arrays), run_module(import_model(proto), arrays), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


# Operators that state such a pattern in one


def q_linear(op: str, domain: str, arrays: Sequence[Any], **attrs: Any) -> onnx.ModelProto:
    """A model of one operator whose first operand is the input and whose other inputs are constants."""
    names = ["x", *(f"c{k}" for k in range(1, len(arrays)))]
    out = arrays[-1].dtype if arrays[-1].dtype.kind in "iu" else np.dtype(np.float32)
    graph = helper.make_graph(
        [helper.make_node(op, names, ["y"], name="q", domain=domain, **attrs)],
        "q",
        [helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(arrays[0].dtype), arrays[0].shape)],
        [helper.make_tensor_value_info("y", helper.np_dtype_to_tensor_dtype(out), None)],
        [numpy_helper.from_array(array, name) for name, array in zip(names[1:], arrays[1:], strict=True)],
    )
    opsets = [helper.make_opsetid("", 13), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def f(value: float | list[float]) -> Array:
    """A scale."""
    return np.asarray(value, np.float32)


def u(value: int) -> Array:
    """A zero point."""
    return np.asarray(value, np.uint8)


def ints(*shape: int, dtype: Any = np.uint8, seed: int = 0) -> Array:
    """Random integers."""
    info = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(info.min, info.max + 1, size=shape).astype(dtype)


W = ints(6, 4, 3, 3, dtype=np.int8, seed=1)
ONE_OPERATOR: dict[str, onnx.ModelProto] = {
    "QLinearConv": q_linear(
        "QLinearConv", "",
        [ints(1, 4, 5, 5), f(0.02), u(120), W, f([0.01, 0.02, 0.03, 0.01, 0.02, 0.04]), np.zeros(6, np.int8), f(0.3),
         u(100), np.arange(6, dtype=np.int32) * 100], pads=[1, 1, 1, 1],
    ),
    "QLinearMatMul": q_linear(
        "QLinearMatMul", "",
        [ints(3, 8), f(0.02), u(120), ints(8, 5, seed=2), f(0.01), u(130), f(0.1), u(100)],
    ),
    "QLinearAdd": q_linear(
        "QLinearAdd", "com.microsoft",
        [ints(3, 8), f(0.02), u(120), ints(3, 8, seed=2), f(0.01), u(130), f(0.03), u(100)],
    ),
    "QLinearMul": q_linear(
        "QLinearMul", "com.microsoft", [ints(3, 8), f(0.02), u(120), ints(8, seed=2), f(0.01), u(130), f(0.03), u(100)]
    ),
    "QLinearGlobalAveragePool": q_linear(
        "QLinearGlobalAveragePool", "com.microsoft", [ints(1, 4, 5, 5), f(0.02), u(120), f(0.01), u(100)]
    ),
    "QLinearAveragePool": q_linear(
        "QLinearAveragePool", "com.microsoft", [ints(1, 4, 5, 5), f(0.02), u(120), f(0.01), u(100)], kernel_shape=[2, 2]
    ),
    "QGemm": q_linear(
        "QGemm", "com.microsoft",
        [ints(3, 8), f(0.02), u(120), ints(5, 8, dtype=np.int8, seed=2), f(0.01), np.asarray(0, np.int8),
         np.arange(5, dtype=np.int32) * 99,
         f(0.1), u(100)], transB=1,
    ),
    "QLinearConcat": q_linear(
        "QLinearConcat", "com.microsoft", [f(0.03), u(100), ints(2, 3), f(0.02), u(120)], axis=1
    ),
}  # fmt: skip
ONE_OPERATOR["QLinearConcat"].graph.input[0].CopyFrom(helper.make_tensor_value_info("c2", TensorProto.UINT8, [2, 3]))
ONE_OPERATOR["QLinearConcat"].graph.output[0].type.tensor_type.elem_type = TensorProto.UINT8
ONE_OPERATOR["QLinearConv"].graph.output[0].type.tensor_type.elem_type = TensorProto.UINT8


@pytest.mark.parametrize("case", ONE_OPERATOR)
def test_operators_that_are_patterns(case: str) -> None:
    """Against onnxruntime where it is installed."""
    proto = ONE_OPERATOR[case]
    if case == "QLinearConcat":
        names = {"x": numpy_helper.from_array(f(0.03), "x")}
        kept = [t for t in proto.graph.initializer if t.name not in ("c2", *names)]
        del proto.graph.initializer[:]
        proto.graph.initializer.extend([*kept, *names.values()])
    value = proto.graph.input[0]
    x = ints(*[d.dim_value for d in value.type.tensor_type.shape.dim], seed=7)
    (expected,) = onnxruntime_session(proto).run(None, {value.name: x})
    assert floats(lowered(proto, "fixed-point")) == []
    for mode in MODES:
        got = run_module(lowered(proto, mode), [x])[0]
        assert got.dtype == expected.dtype
        difference = np.abs(got.astype(int) - expected.astype(int))
        assert difference.max() <= 1
        assert np.mean(difference == 0) > 0.9
