"""Operators of the domain com.microsoft that onnxruntime runs on no CPU, by their documented formulas; those whose form
the random graphs of `operator_cases.microsoft` do not have; and what is refused."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from deeploy_mlir.frontend import import_model
from deeploy_mlir.frontend.microsoft import OPERATORS
from deeploy_mlir.interpreters.run import run_module
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

from .by_onnxruntime import onnxruntime_session

MICROSOFT = "com.microsoft"
Inputs = Mapping[str, Array | None]
RNG = np.random.default_rng(0)


def real(*shape: int) -> Array:
    return RNG.standard_normal(shape).astype(np.float32)


def whole(low: int, high: int, shape: Sequence[int], dtype: Any) -> Array:
    return RNG.integers(low, high, tuple(shape)).astype(dtype)


def model_of(
    op_type: str,
    inputs: Inputs,
    attributes: Mapping[str, Any],
    outputs: Sequence[str] = ("y",),
    domain: str = MICROSOFT,
    constants: Sequence[str] = (),
    opset: int = 20,
) -> onnx.ModelProto:
    """A model of one node; `constants` names the inputs that are known."""
    node = helper.make_node(
        op_type,
        [n if a is not None else "" for n, a in inputs.items()],
        list(outputs),
        "node",
        domain=domain,
        **attributes,
    )
    given = {n: a for n, a in inputs.items() if a is not None}
    infos = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for n, a in given.items()
        if n not in constants
    ]
    graph = helper.make_graph(
        [node],
        "graph",
        infos,
        [onnx.ValueInfoProto(name=name) for name in outputs if name],
        [numpy_helper.from_array(a, n) for n, a in given.items() if n in constants],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(domain, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def evaluated(model: onnx.ModelProto, inputs: Inputs) -> list[Array]:
    """The outputs of the imported graph."""
    fed = {value.name for value in model.graph.input}
    return run_module(import_model(model), [a for n, a in inputs.items() if a is not None and n in fed])


def softmax(x: Array, axes: int | tuple[int, ...] = -1) -> Array:
    e = np.exp(x - x.max(axes, keepdims=True))
    return e / e.sum(axes, keepdims=True)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def gelu(x: Array) -> Array:
    return np.asarray(0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))))


def heads_attention(q: Array, k: Array, v: Array, added: Array | float = 0.0) -> Array:
    """[batch, length, heads, size] each."""
    scores = np.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(q.shape[3]) + added
    return np.einsum("bhqk,bkhd->bqhd", softmax(scores), v).reshape(*q.shape[:2], -1)


def packed_qkv() -> tuple[str, Inputs, dict[str, Any], Array]:
    x = real(2, 3, 2, 3, 4)
    q, k, v = (x[:, :, :, i] for i in range(3))
    return "MultiHeadAttention", {"x": x}, {"num_heads": 2}, heads_attention(q, k, v)


def packed_kv() -> tuple[str, Inputs, dict[str, Any], Array]:
    q, kv = real(2, 3, 8), real(2, 5, 2, 2, 4)
    wanted = heads_attention(q.reshape(2, 3, 2, 4), kv[:, :, :, 0], kv[:, :, :, 1])
    return "MultiHeadAttention", {"q": q, "kv": kv}, {"num_heads": 2}, wanted


def megatron_mask() -> tuple[str, Inputs, dict[str, Any], Array]:
    """[batch, 1, most, most]: the last rows up to the keys count."""
    x, w, past, mask = real(1, 3, 4), real(4, 12), real(2, 1, 1, 2, 4), whole(0, 2, (1, 1, 7, 7), np.int32)
    q, k, v = np.split((x @ w).reshape(1, 3, 1, 12), 3, -1)
    k, v = (np.concatenate([p.transpose(0, 2, 1, 3), new], 1) for p, new in zip(past, (k, v), strict=True))
    added = np.where(mask[:, :, 2:5, :5] > 0, 0, -10000.0)
    inputs = {"x": x, "w": w, "bias": None, "mask": mask, "past": past}
    return "Attention", inputs, {"num_heads": 1}, heads_attention(q, k, v, added)


def normed_queries() -> tuple[str, Inputs, dict[str, Any], Array]:
    q, k, v, wq, wk = real(1, 3, 32), real(1, 3, 16), real(1, 3, 16), real(16), real(16)

    def normed(x: Array, w: Array) -> Array:
        x = x.reshape(1, 3, -1, 16)
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * w

    causal = np.triu(np.full((3, 3), -np.inf), 1)
    wanted = heads_attention(normed(q, wq), normed(k, wk).repeat(2, 2), v.reshape(1, 3, 1, 16).repeat(2, 2), causal)
    inputs: dict[str, Array | None] = {"q": q, "k": k, "v": v, "pk": None, "pv": None}
    inputs |= {"lengths": np.array([2], np.int32), "total": np.array(3, np.int32)}
    inputs |= dict.fromkeys(("cos", "sin", "at", "bias", "sink", "ks", "vs")) | {"wq": wq, "wk": wk}
    return "GroupQueryAttention", inputs, {"num_heads": 2, "kv_num_heads": 1, "qk_norm_epsilon": 1e-5}, wanted


def grouped(x: Array, gamma: Array, beta: Array, groups: int) -> Array:
    """Group norm of [N, H, W, C] with epsilon 1e-5."""
    n, h, w, c = x.shape
    parts = x.reshape(n, h * w, groups, c // groups)
    mean, var = parts.mean((1, 3), keepdims=True), parts.var((1, 3), keepdims=True)
    return ((parts - mean) / np.sqrt(var + 1e-5)).reshape(x.shape) * gamma + beta


def group_norm() -> tuple[str, Inputs, dict[str, Any], Array]:
    x, gamma, beta = real(2, 3, 4, 6), real(6), real(6)
    y = grouped(x, gamma, beta, 3)
    return "GroupNorm", {"x": x, "g": gamma, "b": beta}, {"groups": 3, "activation": 1}, y * sigmoid(y)


def skip_group_norm() -> tuple[str, Inputs, dict[str, Any], Array]:
    x, gamma, beta, skip, bias = real(2, 6, 3, 4), real(6), real(6), real(2, 6), real(6)
    total = (x + skip[:, :, None, None] + bias[:, None, None]).transpose(0, 2, 3, 1)
    inputs = {"x": x, "g": gamma, "b": beta, "s": skip, "bias": bias}
    attributes = {"groups": 2, "activation": 0, "channels_last": 0}
    return "SkipGroupNorm", inputs, attributes, grouped(total, gamma, beta, 2).transpose(0, 3, 1, 2)


def inner_bias_softmax() -> tuple[str, Inputs, dict[str, Any], Array]:
    x, bias = real(2, 3, 4, 5), real(2, 1, 1, 5)
    return "BiasSoftmax", {"x": x, "b": bias}, {"axis": 3, "is_inner_broadcast": 1}, softmax(x + bias)


def outer_bias_softmax() -> tuple[str, Inputs, dict[str, Any], Array]:
    x, bias = real(2, 3, 4, 5), real(4, 5)
    return "BiasSoftmax", {"x": x, "b": bias}, {"axis": 2, "is_inner_broadcast": 0}, softmax(x + bias, (2, 3))


def bias_split_gelu() -> tuple[str, Inputs, dict[str, Any], Array]:
    x, bias = real(2, 3, 8), real(8)
    left, right = np.split(x + bias, 2, -1)
    return "BiasSplitGelu", {"x": x, "b": bias}, {}, left * gelu(right)


def swiglu() -> tuple[str, Inputs, dict[str, Any], Array]:
    x = 3 * real(2, 8)
    gate, up = np.split(x, 2, -1)
    gate, up = np.minimum(gate, 2), np.clip(up, -2, 2)
    attributes = {"limit": 2.0, "activation_alpha": 1.5, "activation_beta": 1.0}
    return "SwiGLU", {"x": x}, attributes, gate * sigmoid(1.5 * gate) * (up + 1)


def gemm_fast_gelu() -> tuple[str, Inputs, dict[str, Any], Array]:
    x, w, bias = real(2, 3, 4), real(4, 5), real(5)
    y = x @ w + bias
    wanted = 0.5 * y * (1 + np.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3)))
    return "GemmFastGelu", {"x": x, "w": w, "b": bias}, {}, wanted


def activated_matmul() -> tuple[str, Inputs, dict[str, Any], Array]:
    a, w = real(5, 2, 4), real(3, 5)
    attributes = {
        "transBatchA": 1,
        "transA": 0,
        "transB": 1,
        "alpha": 0.5,
        "activation": "LeakyRelu",
        "activation_alpha": 0.1,
    }
    a = real(4, 2, 5)
    y = 0.5 * (a.transpose(1, 0, 2) @ w.T)
    return "FusedMatMulActivation", {"a": a, "w": w}, attributes, np.where(y < 0, 0.1 * y, y)


def bias_add() -> tuple[str, Inputs, dict[str, Any], Array]:
    x, bias, skip = real(2, 3, 4), real(4), real(2, 3, 4)
    return "BiasAdd", {"x": x, "b": bias, "s": skip}, {}, x + bias + skip


def bias_dropout() -> tuple[str, Inputs, dict[str, Any], Array]:
    x, bias, rest = real(2, 3, 4), real(4), real(2, 3, 4)
    return "BiasDropout", {"x": x, "b": bias, "r": rest}, {}, x + bias + rest


def nhwc_fused_conv() -> tuple[str, Inputs, dict[str, Any], Array]:
    x, w, bias, added = real(1, 5, 4, 2), real(3, 2, 3, 3), real(3), real(1, 5, 4, 3)
    attributes = {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}
    conv = model_of("Conv", {"x": x.transpose(0, 3, 1, 2), "w": w, "b": bias}, attributes, domain="")
    y = evaluated(conv, {"x": x.transpose(0, 3, 1, 2), "w": w, "b": bias})[0].transpose(0, 2, 3, 1) + added
    inputs = {"x": x, "w": w, "b": bias, "z": added}
    return "NhwcFusedConv", inputs, attributes | {"activation": "Relu"}, np.maximum(y, 0)


def multiply_integers() -> tuple[str, Inputs, dict[str, Any], Array]:
    a, b = whole(0, 256, (2, 3), np.uint8), whole(0, 256, (3,), np.uint8)
    inputs = {"a": a, "az": np.array(7, np.uint8), "b": b, "bz": np.array(200, np.uint8)}
    return "MulInteger", inputs, {}, (a.astype(np.int32) - 7) * (b.astype(np.int32) - 200)


def sum_integers() -> tuple[str, Inputs, dict[str, Any], Array]:
    a = whole(-128, 128, (2, 3, 4), np.int8)
    return "ReduceSumInteger", {"a": a}, {"axes": [1], "keepdims": 0}, a.sum(1, dtype=np.int32)


def quantized_mean() -> tuple[str, Inputs, dict[str, Any], Array]:
    a = whole(0, 256, (2, 3, 4), np.uint8)
    inputs = {"a": a, "s": np.array(0.02, np.float32), "z": np.array(100, np.uint8)}
    inputs |= {"ys": np.array(0.015, np.float32), "yz": np.array(90, np.uint8)}
    steps = np.rint((0.02 * (a.astype(np.float64) - 100)).mean(1, keepdims=True) / 0.015) + 90
    return "QLinearReduceMean", inputs, {"axes": [1], "keepdims": 1}, np.clip(steps, 0, 255).astype(np.uint8)


def product_of_16_bits() -> tuple[str, Inputs, dict[str, Any], Array]:
    a, b = whole(-3000, 3000, (2, 3), np.int16), whole(-3000, 3000, (3, 4), np.int16)
    return "MatMulInteger16", {"a": a, "b": b}, {}, a.astype(np.int32) @ b.astype(np.int32)


def positions_of_t5() -> tuple[str, Inputs, dict[str, Any], Array]:
    """The buckets of one direction: exact up to half of them, then by the logarithm."""
    table = real(8, 2)
    bucket = [[0 if k > q else q - k if q - k < 4 else min(4 + int(math.log((q - k) / 4) / math.log(5) * 4), 7)
               for k in range(9)] for q in range(9)]  # fmt: skip
    inputs = {"t": table, "q": np.array(9), "k": np.array(9)}
    attributes = {"max_distance": 20, "is_bidirectional": 0}
    return "RelativePositionBias", inputs, attributes, table[np.array(bucket)].transpose(2, 0, 1)[None]


CASES: Sequence[Callable[[], tuple[str, Inputs, dict[str, Any], Array]]] = (
    *(packed_qkv, packed_kv, megatron_mask, normed_queries, group_norm, skip_group_norm),
    *(inner_bias_softmax, outer_bias_softmax, bias_split_gelu, swiglu, gemm_fast_gelu, activated_matmul),
    *(bias_add, bias_dropout, nhwc_fused_conv, multiply_integers, sum_integers, quantized_mean),
    *(product_of_16_bits, positions_of_t5),
)


@pytest.mark.parametrize("case", CASES, ids=[case.__name__ for case in CASES])
def test_by_its_formula(case: Callable[[], tuple[str, Inputs, dict[str, Any], Array]]) -> None:
    op_type, inputs, attributes, wanted = case()
    known = ("q", "k") if op_type == "RelativePositionBias" else ("total",)
    model = model_of(op_type, inputs, attributes, constants=known)
    got = evaluated(model, inputs)[0]
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5 if wanted.dtype.kind == "f" else 0)


@pytest.mark.parametrize("kind", [onnx.TensorProto.INT4, onnx.TensorProto.UINT4])
@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize(("gathered", "quantized"), [(0, 1), (1, 0), (0, -1), (2, 1)])
def test_gathering_from_blocks_of_four_bits(kind: int, zeros: bool, gathered: int, quantized: int) -> None:
    """Tensors of INT4 and UINT4 along any two axes, the last block incomplete."""
    low, high = (-8, 8) if kind == onnx.TensorProto.INT4 else (0, 16)
    shape = [3, 4, 5]
    shape[quantized] = 40
    of_blocks = list(shape)
    of_blocks[quantized] = 3
    table, zero = whole(low, high, shape, np.int8), whole(low, high, of_blocks, np.int8) * int(zeros)
    scales = np.abs(real(*of_blocks)) + np.float32(0.01)
    indices = whole(-3, 3, (2, 2), np.int64)

    def each(array: Array) -> Array:
        return array.repeat(16, quantized).take(range(40), quantized)

    wanted = ((table - each(zero)) * each(scales)).take(indices, gathered)
    node = helper.make_node(
        "GatherBlockQuantized", ["table", "indices", "scales", *(["zeros"] if zeros else [])], ["y"], "node",
        domain=MICROSOFT, block_size=16, gather_axis=gathered, quantize_axis=quantized,
    )  # fmt: skip
    weights = [
        helper.make_tensor("table", kind, shape, table.reshape(-1).tolist()),
        numpy_helper.from_array(scales, "scales"),
    ]
    weights.append(helper.make_tensor("zeros", kind, of_blocks, zero.reshape(-1).tolist()))
    graph = helper.make_graph(
        [node], "graph", [helper.make_tensor_value_info("indices", onnx.TensorProto.INT64, [2, 2])],
        [onnx.ValueInfoProto(name="y")], weights,
    )  # fmt: skip
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid(MICROSOFT, 1)], ir_version=10
    )
    np.testing.assert_allclose(evaluated(model, {"indices": indices})[0], wanted, rtol=1e-6)
    (by_onnxruntime,) = onnxruntime_session(model).run(None, {"indices": indices})
    np.testing.assert_allclose(by_onnxruntime, wanted, rtol=1e-6)


@pytest.mark.parametrize("op_type", ["QLinearConv", "QLinearAveragePool", "QLinearGlobalAveragePool", "NhwcMaxPool"])
def test_channels_last(op_type: str) -> None:
    """Against onnxruntime, whose optimiser lays images out so."""
    attributes: dict[str, Any] = {"channels_last": 1}
    inputs: dict[str, Array | None] = {"x": whole(0, 256, (2, 5, 6, 3), np.uint8)}
    if op_type == "NhwcMaxPool":
        attributes = {"kernel_shape": [2, 3], "strides": [2, 1], "pads": [1, 0, 0, 1]}
    else:
        inputs |= {"xs": np.array(0.02, np.float32), "xz": np.array(120, np.uint8)}
    if op_type == "QLinearConv":
        inputs |= {
            "w": whole(-128, 128, (4, 3, 3, 3), np.int8),
            "ws": np.abs(real(4)) / 100,
            "wz": np.zeros(4, np.int8),
        }
        attributes |= {"pads": [1, 0, 1, 0]}
    if op_type == "QLinearAveragePool":
        attributes |= {"kernel_shape": [2, 2]}
    if op_type != "NhwcMaxPool":
        inputs |= {"ys": np.array(0.05, np.float32), "yz": np.array(100, np.uint8)}
    constants = [name for name in inputs if name != "x"]
    model = model_of(op_type, inputs, attributes, constants=constants)
    x = inputs["x"]
    (wanted,) = onnxruntime_session(model).run(None, {"x": x})
    got = evaluated(model, inputs)[0]
    assert np.abs(got.astype(np.int32) - wanted).max() <= (op_type != "NhwcMaxPool")


def test_a_cache_that_fills_up() -> None:
    """A decoder of static shapes: `seqlens_k` and `total_sequence_length` change from run to run."""
    heads, size, most = 2, 16, 6
    inputs: dict[str, Array | None] = {"q": real(1, 1, heads * size), "k": real(1, 1, size), "v": real(1, 1, size)}
    inputs |= {"pk": real(1, 1, most, size), "pv": real(1, 1, most, size)}
    inputs |= {"lengths": np.array([0], np.int32), "total": np.array(1, np.int32)}
    inputs |= {"cos": real(most, size // 2), "sin": real(most, size // 2)}
    attributes = {"num_heads": heads, "kv_num_heads": 1, "do_rotary": 1}
    outputs, caches = ("y", "keys", "values"), ("cos", "sin")
    model = model_of("GroupQueryAttention", inputs, attributes, outputs, constants=caches)
    session = onnxruntime_session(model)
    feeds = {n: a for n, a in inputs.items() if a is not None and n not in caches}
    for used in range(most):
        feeds |= {
            "lengths": np.array([used], np.int32),
            "total": np.array(used + 1, np.int32),
            "q": real(1, 1, heads * size),
        }
        wanted = session.run(None, feeds)
        got = evaluated(model, feeds)
        np.testing.assert_allclose(got[0], wanted[0], rtol=1e-4, atol=1e-5)
        for cache, want in zip(got[1:], wanted[1:], strict=True):
            np.testing.assert_allclose(cache[:, :, : used + 1], want[:, :, : used + 1], rtol=1e-5, atol=1e-6)
        feeds |= {"pk": wanted[1], "pv": wanted[2]}


X, W = real(1, 2, 4), real(4, 12)
QKV: Inputs = dict.fromkeys("qkv", real(1, 2, 4))
GQA: Inputs = {**QKV, "pk": None, "pv": None, "lengths": np.array([1], np.int32), "total": np.array(2, np.int32)}
REFUSED: Mapping[str, tuple[str, Inputs, dict[str, Any], tuple[str, ...]]] = {
    "'past_sequence_length' of Attention": (
        "Attention",
        {"x": X, "w": W, "b": None, "m": None, "p": None, "ab": None, "ps": np.array(1, np.int32)},
        {"num_heads": 2},
        ("y",),
    ),
    "attribute 'do_rotary' = 1 of Attention": ("Attention", {"x": X, "w": W}, {"num_heads": 2, "do_rotary": 1}, ("y",)),
    "Attention with a mask of shape \\[3, 5\\]": (
        "Attention",
        {"x": X, "w": W, "b": None, "m": np.ones((3, 5), np.int32)},
        {"num_heads": 2},
        ("y",),
    ),
    "'cache_indirection' of MultiHeadAttention": (
        "MultiHeadAttention",
        {**QKV, **dict.fromkeys("abcdef"), "ci": np.zeros((1, 1, 2), np.int32)},
        {"num_heads": 2},
        ("y",),
    ),
    "needs query, key and value": ("MultiHeadAttention", {"q": real(1, 2, 4)}, {"num_heads": 2}, ("y",)),
    "'query_seqlens' of GroupQueryAttention": (
        "GroupQueryAttention",
        {**GQA, **dict.fromkeys("abcdefghi"), "qs": np.array([1], np.int32)},
        {"num_heads": 2, "kv_num_heads": 2},
        ("y",),
    ),
    "attribute 'k_quant_type' = PER_TENSOR": (
        "GroupQueryAttention",
        GQA,
        {"num_heads": 2, "kv_num_heads": 2, "k_quant_type": "PER_TENSOR"},
        ("y",),
    ),
    "'total_sequence_length' of GroupQueryAttention": (
        "GroupQueryAttention",
        GQA,
        {"num_heads": 2, "kv_num_heads": 2},
        ("y",),
    ),
    "output 'mean'|'mean' of SkipLayerNormalization": (
        "SkipLayerNormalization",
        {"x": X, "s": X, "g": real(4), "b": real(4)},
        {},
        ("y", "m"),
    ),
    "BiasGelu has no attribute 'alpha'": ("BiasGelu", {"x": X, "b": real(4)}, {"alpha": 1.0}, ("y",)),
    "'g_idx' of MatMulNBits": (
        "MatMulNBits",
        {"x": X, "w": W, "s": W, "z": None, "g": np.zeros(4, np.int32)},
        {"N": 4, "K": 4, "bits": 4, "block_size": 16},
        ("y",),
    ),
    "PackedAttention has tensors whose size depends on data": ("PackedAttention", {"x": X}, {}, ("y",)),
    "QMoE of domain 'com.microsoft' is not known": ("QMoE", {"x": X}, {}, ("y",)),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_refused_is_named(message: str) -> None:
    op_type, inputs, attributes, outputs = REFUSED[message]
    with pytest.raises(DeeployError, match=f"node: .*({message})"):
        import_model(model_of(op_type, inputs, attributes, outputs))


HUGE = 1 << 40
BYTES = whole(0, 256, (4, 8), np.uint8)
HOSTILE: Mapping[str, tuple[str, Inputs, dict[str, Any]]] = {
    "heads": ("Attention", {"x": X, "w": W}, {"num_heads": 0}),
    "many heads": ("Attention", {"x": X, "w": W}, {"num_heads": HUGE}),
    "grouped": ("GroupQueryAttention", GQA, {"num_heads": 4, "kv_num_heads": 0}),
    "total": ("GroupQueryAttention", {**GQA, "total": np.array(HUGE)}, {"num_heads": 2, "kv_num_heads": 2}),
    "no total": ("GroupQueryAttention", {**GQA, "total": np.array(0)}, {"num_heads": 2, "kv_num_heads": 2}),
    "blocks": (
        "MatMulNBits", {"x": X, "b": BYTES, "s": real(4)}, {"N": HUGE, "K": HUGE, "bits": 4, "block_size": 16}
    ),
    "no block": ("MatMulNBits", {"x": X, "b": BYTES, "s": real(4)}, {"N": 4, "K": 4, "bits": 4, "block_size": 0}),
    "codes": ("MatMulBnb4", {"x": X, "b": BYTES, "s": real(1)}, {"N": HUGE, "K": 4, "block_size": 1, "quant_type": 0}),
    "rows": ("GatherBlockQuantized", {"b": BYTES, "i": np.zeros(1, np.int64), "s": real(4, 1)}, {"block_size": 0}),
    "distances": (
        "RelativePositionBias", {"b": real(8, 2), "q": np.array(HUGE), "k": np.array(HUGE)}, {"max_distance": 20}
    ),
    "distance": ("RelativePositionBias", {"b": real(1, 2), "q": np.array(3), "k": np.array(3)}, {"max_distance": 0}),
    "groups": ("GroupNorm", {"x": real(1, 2, 2, 4), "g": real(4), "b": real(4)}, {"groups": 0, "activation": 0}),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_absurd_numbers_are_refused_before_they_cost(case: str) -> None:
    op_type, inputs, attributes = HOSTILE[case]
    known = [name for name in inputs if name not in ("x", "q", "k", "v")] + ["q", "k"] * (op_type[0] == "R")
    started = time.process_time()
    with pytest.raises(DeeployError):
        import_model(model_of(op_type, inputs, attributes, constants=known))
    assert time.process_time() - started < 1.0


def test_layouts_of_one_machine_are_refused() -> None:
    """Files saved after onnxruntime's last optimisations hold images in blocks of channels."""
    for domain in ("com.microsoft.nchwc", "com.ms.internal.nhwc"):
        model = model_of("Conv", {"x": real(1, 8, 4, 4), "w": real(8, 8, 1, 1)}, {}, domain=domain)
        with pytest.raises(DeeployError, match=r"node: .*ORT_ENABLE_EXTENDED"):
            import_model(model)


def test_names_are_those_of_onnxruntime() -> None:
    """Inputs and outputs in the table are onnxruntime's, in its order; versions of it know more or fewer."""
    state: Any = pytest.importorskip(
        "onnxruntime.capi.onnxruntime_pybind11_state", reason="onnxruntime is not installed"
    )
    schemas = {s.name: s for s in state.get_all_operator_schema() if s.domain == MICROSOFT}
    known = [name for name in OPERATORS if name in schemas]
    assert len(known) > 30
    for name in known:
        operator, schema = OPERATORS[name], schemas[name]
        for ours, theirs in ((operator.inputs, schema.inputs), (operator.outputs, schema.outputs)):
            names = [parameter.name for parameter in theirs]
            assert operator.repeats or all(a.lower() == b.lower() for a, b in zip(ours, names, strict=False)), name
