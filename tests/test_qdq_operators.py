"""`deeploy-qdq-to-integer` beyond products and sums of 8 bits, against the float text of the same graph."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.frontend import import_model
from deeploy_mlir.graph.evaluate import graph_function, run_module

from .qdq_graphs import MODES, Graph, check, finish, floats, lowered

SEEDS = st.integers(0, 10**6)
TYPES = st.sampled_from([np.int8, np.uint8, np.int16, np.uint16])
NARROW = st.sampled_from([np.int8, np.uint8])


def operators(graph: Any) -> list[str]:
    """Names of the graph's operations, in order."""
    return [op.name for op in graph_function(graph).body.block.ops if isinstance(op, GraphOp)]


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.sampled_from(MODES), TYPES, TYPES, st.sampled_from(["Conv", "Gemm", "MatMul"]), st.booleans())
def test_products_of_16_bits(seed: int, mode: str, dtype: Any, out: Any, op: str, per_channel: bool) -> None:
    """Activations of 16 bits by weights of 8, whose sums 32 bits hold: that follows from the weights."""
    graph = Graph(seed)
    x = graph.input((1, 6, 5, 5) if op == "Conv" else (3, 20), dtype)
    if op == "Conv":
        w, scale = graph.weight((4, 6, 3, 3), 0 if per_channel else None)
        real = graph.op("Conv", x, w, graph.bias(x, scale, 4), pads=[1, 1, 1, 1])
    else:
        w, scale = graph.weight((20, 7), 1 if per_channel else None)
        real = graph.op("MatMul", x, w) if op == "MatMul" else graph.op("Gemm", x, w, graph.bias(x, scale, 7))
    check(*finish(graph, real, out), mode)


@settings(max_examples=40, deadline=None)
@given(
    SEEDS, st.sampled_from(MODES), TYPES, NARROW, st.sampled_from(["Conv", "MatMul", "two"]),
    st.sampled_from(["Add", "Sub"]), st.booleans(), st.booleans(),
)  # fmt: skip
def test_sums_of_products(
    seed: int, mode: str, dtype: Any, out: Any, kind: str, op: str, per_channel: bool, first: bool
) -> None:
    """A product whose own result is not quantised, and a tensor or another such product: as PyTorch quantises
    residual connections."""
    graph = Graph(seed)
    if kind == "MatMul":
        x, other = graph.input((5, 20), np.int8), graph.input((5, 7), dtype)
        product = graph.op("MatMul", x, graph.weight((20, 7), 1 if per_channel else None)[0])
    else:
        x, other = graph.input((1, 6, 5, 5), np.int8), graph.input((1, 4, 5, 5), dtype)
        w, scale = graph.weight((4, 6, 3, 3), 0 if per_channel else None)
        product = graph.op("Conv", x, w, graph.bias(x, scale, 4), pads=[1, 1, 1, 1])
    if kind == "two":
        other = graph.op("Conv", x, graph.weight((4, 6, 1, 1), 0)[0])
    real = graph.op(op, product, other) if first else graph.op(op, other, product)
    check(*finish(graph, graph.op("Relu", real) if per_channel else real, out), mode)


@settings(max_examples=25, deadline=None)
@given(
    SEEDS, st.sampled_from(MODES), TYPES, NARROW, st.booleans(), st.sampled_from([1, 2]), st.integers(1, 3),
    st.integers(0, 1), st.integers(0, 1), st.integers(1, 2), st.sampled_from(["", "relu"]),
)  # fmt: skip
def test_transposed_convolution(
    seed: int,
    mode: str,
    dtype: Any,
    out: Any,
    per_channel: bool,
    group: int,
    stride: int,
    pad: int,
    extra: int,
    dilation: int,
    act: str,
) -> None:
    graph = Graph(seed)
    x = graph.input((1, 4, 4, 5), dtype)
    w, scale = graph.weight((4, 6 // group, 3, 2), 1 if per_channel and group == 1 else None)
    attrs = {"strides": [stride, stride], "dilations": [dilation, 1], "pads": [pad, 0, 1, pad], "group": group}
    extra = extra if stride > 1 else 0
    real = graph.op("ConvTranspose", x, w, graph.bias(x, scale, 6), output_padding=[extra, 0], **attrs)
    check(*finish(graph, graph.op("Relu", real) if act else real, out), mode)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.sampled_from(MODES), TYPES, TYPES, st.sampled_from(["BatchNormalization", "Chain", "Div", "Rsub"]))
def test_lines(seed: int, mode: str, dtype: Any, out: Any, form: str) -> None:
    """Sums and products with constants of each channel, one after the other: one requantisation."""
    graph = Graph(seed)
    x = graph.input((2, 5, 3, 4), dtype)
    a, b, mean = (graph.rng.standard_normal(5).astype(np.float32) for _ in range(3))
    spread = graph.rng.uniform(0.1, 3, 5).astype(np.float32)
    column = a.reshape(5, 1, 1)
    if form == "BatchNormalization":
        real = graph.op("BatchNormalization", x, *(graph.constant(v) for v in (a, b, mean, spread)))
    elif form == "Chain":
        real = graph.op("Add", graph.op("Mul", x, graph.constant(column)), graph.constant(b.reshape(5, 1, 1)))
        real = graph.op("Mul", graph.constant(np.float32(0.3)), graph.op("Neg", real))
    elif form == "Div":
        real = graph.op("Sub", graph.op("Div", x, graph.constant(spread.reshape(5, 1, 1))), graph.constant(column))
    else:
        real = graph.op("Sub", graph.constant(column), x)
    check(*finish(graph, real, out), mode)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.sampled_from(MODES), TYPES, TYPES, st.sampled_from(["PRelu", "LeakyRelu"]))
def test_two_slopes(seed: int, mode: str, dtype: Any, out: Any, op: str) -> None:
    graph = Graph(seed)
    x = graph.input((1, 5, 6), dtype)
    slope = graph.constant(graph.rng.uniform(-0.5, 1.5, (5, 1)).astype(np.float32))
    real = graph.op("PRelu", x, slope) if op == "PRelu" else graph.op("LeakyRelu", x, alpha=0.2)
    check(*finish(graph, real, out), mode)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.sampled_from(MODES), TYPES, TYPES, st.sampled_from(["Add", "Sub", "Mul"]))
def test_binary_of_16_bits(seed: int, mode: str, dtype: Any, out: Any, op: str) -> None:
    graph = Graph(seed)
    real = graph.op(op, graph.input((1, 3, 4, 5), dtype), graph.input((3, 1, 5), out))
    check(*finish(graph, real, out), mode)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.sampled_from(MODES), TYPES, NARROW, st.booleans(), st.booleans(), st.integers(1, 3), st.integers(0, 2))
def test_average_pools(
    seed: int, mode: str, dtype: Any, out: Any, ceil: bool, counted: bool, stride: int, pad: int
) -> None:
    """Windows at the border count fewer elements than those inside."""
    graph = Graph(seed)
    x = graph.input((1, 3, 8, 7), dtype)
    attrs = {"pads": [pad, 0, 1, pad], "ceil_mode": int(ceil), "count_include_pad": int(counted)}
    real = graph.op("AveragePool", x, kernel_shape=[3, 3], strides=[stride, 2], **attrs)
    check(*finish(graph, real, out), mode)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.sampled_from(MODES), TYPES, TYPES, st.booleans())
def test_sums_over_axes(seed: int, mode: str, dtype: Any, out: Any, keep: bool) -> None:
    graph = Graph(seed)
    real = graph.op("ReduceSum", graph.input((3, 6, 5), dtype), graph.constant(np.array([-1, 1])), keepdims=int(keep))
    check(*finish(graph, real, out), mode)


@settings(max_examples=25, deadline=None)
@given(
    SEEDS, st.sampled_from(MODES), NARROW, st.sampled_from([np.int8, np.uint8, np.int16]),
    st.lists(st.sampled_from("Concat Max Min Where Resize Pad MaxPool GlobalMaxPool Reshape Slice".split()), min_size=1,
             max_size=4),
)  # fmt: skip
def test_quantisation_rises(seed: int, mode: str, dtype: Any, out: Any, steps: list[str]) -> None:
    """Tensors of different quantisation joined, and moved after an operator that is not quantised by itself."""
    graph = Graph(seed)
    w, _ = graph.weight((4, 4, 1, 1), 0)
    real = graph.op("Conv", graph.input((1, 4, 6, 6), dtype), w)
    for step in steps:
        if step in ("Concat", "Max", "Min"):
            other = graph.input((1, 4, 1, 1), np.uint8)
            attrs = {"axis": 2} if step == "Concat" else {}
            if step == "Concat":
                real, other = graph.op("GlobalMaxPool", real), other
            real = graph.op(step, real, other, **attrs)
        elif step == "Where":
            chosen = graph.constant(graph.rng.integers(0, 2, (4, 1, 1)).astype(bool))
            real = graph.op("Where", chosen, real, graph.constant(np.float32(0.1)))
        elif step == "Resize":
            factors = graph.constant(np.array([1, 1, 2, 2], np.float32))
            real = graph.op("Resize", real, "", factors, mode="nearest", coordinate_transformation_mode="asymmetric")
        elif step == "Pad":
            pads, fill = graph.constant(np.array([0, 0, 1, 0, 0, 0, 0, 2])), graph.constant(np.float32(0.37))
            real = graph.op("Pad", real, pads, fill)
        elif step == "MaxPool":
            real = graph.op("MaxPool", real, kernel_shape=[2, 2], pads=[1, 1, 0, 0])
        elif step == "GlobalMaxPool":
            real = graph.op("GlobalMaxPool", real)
        elif step == "Reshape":
            real = graph.op("Reshape", real, graph.constant(np.array([1, 4, -1, 1])))
        else:
            real = graph.op("Slice", real, *(graph.constant(np.array([k])) for k in (0, 1, 2)))
    check(*finish(graph, real, out), mode)


@settings(max_examples=20, deadline=None)
@given(SEEDS, NARROW, NARROW, st.integers(-2, 1), st.booleans())
def test_softmax_in_fixed_point(seed: int, dtype: Any, out: Any, axis: int, fine: bool) -> None:
    """Within one step of the float text, on integers alone."""
    graph = Graph(seed)
    real = graph.op("Softmax", graph.input((2, 17, 9), dtype), axis=axis)
    zero, scale = graph.constant(np.asarray(np.iinfo(out).min, out)), np.float32(1 / 256 if fine else 0.003)
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(out))
    proto, arrays = graph.model(graph.op("QuantizeLinear", real, graph.constant(scale), zero), kind), graph.sample()
    check(proto, arrays, "fixed-point")


def test_equal_quantisations_of_one_value_are_one() -> None:
    """As quantisers write with a pair of its own for each consumer."""
    graph = Graph(4)
    x = graph.input((1, 4, 6, 6), np.int8)
    w, _ = graph.weight((4, 4, 3, 3), 0)
    real = graph.op("Conv", x, w, pads=[1, 1, 1, 1])
    step, zero = graph.constant(np.float32(0.2)), graph.constant(np.int8(3))
    pairs = [graph.op("DequantizeLinear", graph.op("QuantizeLinear", real, step, zero), step, zero) for _ in range(2)]
    proto, arrays = finish(graph, graph.op("Add", pairs[0], graph.op("Sigmoid", pairs[1])), np.int8)
    module = lowered(proto, "exact")
    assert operators(module).count("onnx.ConvInteger") == 1
    np.testing.assert_allclose(
        run_module(module, arrays)[0].astype(int), run_module(import_model(proto), arrays)[0].astype(int), atol=1
    )


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose", "Gemm", "MatMul"])
def test_products_that_stay_float_sum_up_integers(op: str) -> None:
    """Quantised operands, a result that is not: weights stay integers."""
    graph = Graph(9)
    if op in ("Conv", "ConvTranspose"):
        x = graph.input((1, 4, 5, 5), np.uint8)
        w, scale = graph.weight((4, 4, 3, 3), 0 if op == "Conv" else 1)
        real = graph.op(op, x, w, graph.bias(x, scale, 4))
    else:
        x = graph.input((3, 12), np.uint8)
        w, scale = graph.weight((12, 4), 1)
        bias = graph.constant(graph.rng.standard_normal(4).astype(np.float32))
        real = graph.op("Gemm", x, w, bias) if op == "Gemm" else graph.op("MatMul", x, w)
    proto, arrays = graph.model(real), graph.sample()
    module = lowered(proto, "exact")
    assert set(floats(module)) <= {"onnx.DequantizeLinear", "onnx.Add"}
    expected = run_module(import_model(proto), arrays)[0]
    np.testing.assert_allclose(run_module(module, arrays)[0], expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


REASONS: dict[str, Callable[[Graph], str]] = {
    "sums of 576 products may need more than 32 bits": lambda g: g.op(
        "Conv", g.input((1, 64, 3, 3), np.int16), g.op(
            "DequantizeLinear", g.constant(np.full((2, 64, 3, 3), 120, np.int16)), g.constant(np.float32(0.1)))),
    "not both of its operands are quantised": lambda g: g.op(
        "MatMul", g.input((2, 8), np.int8), g.constant(np.ones((8, 3), np.float32))),
    "quantised along another axis": lambda g: g.op("MatMul", g.input((2, 8), np.int8), g.weight((8, 3), 0)[0]),
    "LayerNormalization stays in float": lambda g: g.op(
        "LayerNormalization", g.input((2, 8), np.int8), g.constant(np.ones(8, np.float32))),
    "exponentials and sums are exact there only": lambda g: g.op("Softmax", g.input((2, 8), np.int8)),
    "Cos stays in float": lambda g: g.op(
        "Reshape", g.op("Sub", g.input((2, 8), np.uint8), g.op("Cos", g.input((8,), np.int16))),
        g.constant(np.array([4, 4]))),
}  # fmt: skip
"""What is not turned into integers, by the words that say why."""


@pytest.mark.parametrize("reason", REASONS)
def test_reasons(reason: str, caplog: pytest.LogCaptureFixture) -> None:
    """Every operator left in float has its remark, and the network computes what it did."""
    graph = Graph(2)
    proto, arrays = finish(graph, REASONS[reason](graph), np.int8)
    with caplog.at_level(logging.WARNING, logger="deeploy_mlir"):
        module = lowered(proto, "exact")
    assert reason in caplog.text
    left = [name.removeprefix("onnx.") for name in floats(module) if not name.endswith("tizeLinear")]
    for name in left:
        assert f"{name} stays in float between DequantizeLinear and QuantizeLinear" in caplog.text
    np.testing.assert_array_equal(run_module(module, arrays)[0], run_module(import_model(proto), arrays)[0])


def test_a_bias_in_float_is_not_rounded() -> None:
    """A float bias far finer than the sums' unit comes after them: exactly, not rounded to a whole number of units."""
    graph = Graph(3)
    name = graph.name()
    graph.inputs.append(helper.make_tensor_value_info(name, TensorProto.INT8, [4, 2]))
    x = graph.op("DequantizeLinear", name, graph.constant(np.float32(1.0)))
    w = graph.op("DequantizeLinear", graph.constant(np.eye(2, dtype=np.int8)), graph.constant(np.float32(1.0)))
    bias = graph.constant(np.array([0.4, -0.3], np.float32))
    real = graph.op("Gemm", x, w, bias)
    proto = graph.model(
        graph.op("QuantizeLinear", real, graph.constant(np.float32(1.25)), graph.constant(np.int8(5))), TensorProto.INT8
    )
    for mode in MODES:
        check(proto, graph.sample(), mode)


@pytest.mark.parametrize("op", ["Conv", "Add"])
@pytest.mark.parametrize("mode", MODES)
def test_several_quantisations_of_one_value(op: str, mode: str) -> None:
    """Sums are computed once, then quantised twice; nothing stays float but an output that is."""
    graph = Graph(6)
    x = graph.input((1, 4, 6, 6), np.int8)
    w, scale = graph.weight((4, 4, 3, 3), 0)
    inner = graph.op("Conv", x, w, graph.bias(x, scale, 4)) if op == "Conv" else graph.op("Add", x, x)
    real = graph.op("Relu", inner) if op == "Add" else inner
    names = [
        graph.op("QuantizeLinear", real, graph.constant(np.float32(s)), graph.constant(np.int8(z)))
        for s, z in ((0.3, 5), (0.7, -100))
    ]
    proto, arrays = graph.model(names[0], TensorProto.INT8), graph.sample()
    proto.graph.output.append(helper.make_tensor_value_info(names[1], TensorProto.INT8, None))
    module = lowered(proto, mode)
    assert floats(module) == []
    assert operators(module).count("onnx.ConvInteger") == (op == "Conv")
    for got, expected in zip(run_module(module, arrays), run_module(import_model(proto), arrays), strict=True):
        np.testing.assert_allclose(got.astype(int), expected.astype(int), atol=1)


@pytest.mark.parametrize(
    ("low", "high", "sinks"), [(0.0, 6.0, True), (0.0, 1e9, True), (-1.5, 3.0, True), (-0.3, 6.0, False)]
)
def test_clip_before_a_product(low: float, high: float, sinks: bool) -> None:
    """A Clip behind a DequantizeLinear is done on integers where its bounds are whole numbers of steps, or are beyond
    what the integers reach."""
    graph = Graph(7)
    name = graph.name()
    graph.inputs.append(helper.make_tensor_value_info(name, TensorProto.UINT8, [2, 3, 5, 5]))
    x = graph.op("DequantizeLinear", name, graph.constant(np.float32(0.5)), graph.constant(np.uint8(100)))
    x = graph.op("Clip", x, graph.constant(np.float32(low)), graph.constant(np.float32(high)))
    w, _ = graph.weight((4, 3, 3, 3), 0)
    proto, arrays = finish(graph, graph.op("Conv", x, w), np.int8)
    module = lowered(proto, "exact")
    assert (floats(module) == []) == sinks
    np.testing.assert_allclose(
        run_module(module, arrays)[0].astype(int), run_module(import_model(proto), arrays)[0].astype(int), atol=1
    )
