"""Real networks (float and QDQ) on the graph level, before and after the passes, against their stored goldens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from deeploy_mlir.dialects.graph_op import tensor_type
from deeploy_mlir.frontend import import_model
from deeploy_mlir.graph.evaluate import graph_function, run_module, string_names
from deeploy_mlir.passes.expand_functions import ExpandFunctionsPass
from deeploy_mlir.passes.fold_batch_norm import FoldBatchNormPass
from deeploy_mlir.passes.fold_constants import FoldConstantsPass
from deeploy_mlir.passes.qdq_to_integer import QdqToIntegerPass
from deeploy_mlir.passes.simplify_graph import SimplifyGraphPass
from deeploy_mlir.support.numpy_types import Array

from .exact_products import ExactProducts
from .peer_suite import suite

MODELS = suite().parent / "models"
SAMPLES = 4


@dataclass(frozen=True)
class Network:
    """A network, the file with inputs and goldens, which golden, and the largest difference allowed."""

    path: str
    arrays: str
    golden: str
    tolerance: float


NETWORKS = (
    Network("digits/digits_cnn", "digits/digits_cnn_io", "golden_float", 1e-4),
    Network("digits/digits_cnn_int8", "digits/digits_cnn_io", "golden_int8", 1e-6),
    Network("mlperf_tiny/ad", "mlperf_tiny/ad_io", "golden_exact", 1),
    Network("mlperf_tiny/ic", "mlperf_tiny/ic_io", "golden_exact", 1),
    Network("mlperf_tiny/kws", "mlperf_tiny/kws_io", "golden_exact", 1),
    Network("mlperf_tiny/vww", "mlperf_tiny/vww_io", "golden_exact", 1),
    Network("mlperf_tiny/kws_floatio", "mlperf_tiny/kws_floatio_io", "golden_ort", 2 / 256),
    Network("mlperf_tiny/ad_fp32", "mlperf_tiny/ad_fp32_io", "golden_ort", 1e-3),
    Network("mlperf_tiny/ic_fp32", "mlperf_tiny/ic_fp32_io", "golden_ort", 1e-4),
    Network("mlperf_tiny/kws_fp32", "mlperf_tiny/kws_fp32_io", "golden_ort", 1e-4),
    Network("mlperf_tiny/vww_fp32", "mlperf_tiny/vww_fp32_io", "golden_ort", 1e-4),
    Network("mobilenet_v2/mobilenet_v2_035_128", "mobilenet_v2/mobilenet_v2_035_128_io", "golden_float", 1e-4),
    Network("mobilenet_v2/mobilenet_v2_035_128_int8", "mobilenet_v2/mobilenet_v2_035_128_io", "golden_int8", 1 / 256),
    Network("tflm/micro_speech", "tflm/micro_speech_io", "golden_exact", 1),
)


def optimised(module: ModuleOp) -> ModuleOp:
    """A copy after the graph passes."""
    clone = module.clone()
    passes = (
        FoldConstantsPass(),
        FoldBatchNormPass(),
        QdqToIntegerPass(),
        SimplifyGraphPass(),
        ExpandFunctionsPass(),
        FoldConstantsPass(dequantize=True),
    )
    for graph_pass in passes:
        graph_pass.apply(Context(), clone)
        clone.verify()
    return clone


@pytest.mark.skipif(not MODELS.is_dir(), reason=f"no models at {MODELS}")
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.path)
def test_network(network: Network) -> None:
    module = optimised(import_model(MODELS / f"{network.path}.onnx"))
    shape = tensor_type(graph_function(module).body.block.args[0]).get_shape()
    with np.load(MODELS / f"{network.arrays}.npz") as stored:
        inputs, golden = stored["input"], stored[network.golden]
    count = len(inputs)
    for index in range(0, count, max(1, count // SAMPLES)):
        (got,) = run_module(module, [inputs[index].reshape(shape)])
        expected = golden[index].astype(np.float64)
        assert np.abs(got.astype(np.float64).ravel() - expected.ravel()).max() <= network.tolerance


def caches(module: ModuleOp, zero: Callable[[str], Array | float]) -> dict[str, Array]:
    """Empty caches for a language model's inputs."""
    function = graph_function(module)
    arguments = zip(string_names(function, "arg_names"), function.body.block.args, strict=True)
    return {
        name: np.broadcast_to(np.asarray(zero(name)), tensor_type(value).get_shape())
        for name, value in arguments
        if "cache" in name
    }


LLAMA = MODELS / "stories260K"


@pytest.mark.skipif(not LLAMA.is_dir(), reason=f"no models at {MODELS}")
@pytest.mark.parametrize(
    ("suffix", "prefix", "rms"), [("", "", 1e-3), ("_int8", "int8_", 0.15), ("_int8kv", "int8kv_", 0.15)]
)
def test_llama_prefill(suffix: str, prefix: str, rms: float) -> None:
    module = import_model(LLAMA / f"stories260K_prefill32{suffix}.onnx")
    with np.load(LLAMA / "stories260K_ref.npz") as stored:
        tokens = stored["greedy_ids" if prefix else "prefill_ids"][:32]
        golden: Array = stored[f"{prefix}prefill_logits"]
    points: dict[str, Array] = {}
    if suffix == "_int8kv":
        points = zero_points(LLAMA / f"stories260K_prefill32{suffix}.onnx")
    values = {"token": tokens, "position": np.array([0]), **caches(module, lambda name: points.get(name, 0.0))}
    names = string_names(graph_function(module), "arg_names")
    logits: Array = run_module(optimised(module), [values[name] for name in names])[0]
    assert int(np.count_nonzero(logits.argmax(1) == golden.argmax(1))) >= 30
    if suffix == "_int8kv":
        exact = ExactProducts(LLAMA / f"stories260K_prefill32{suffix}.onnx")
        golden = exact.outputs(values)["logits"].reshape(golden.shape)
    assert float(np.sqrt(np.mean((logits - golden) ** 2))) <= rms


def zero_points(path: Path) -> dict[str, Array]:
    """The zero point of each cache of a network, from its initializers (`k_0_zp` for `k_cache_0`)."""
    proto = onnx.load_model_from_string(path.read_bytes())
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in proto.graph.initializer}
    return {f"{kind}_cache_{i}": tensors[f"{kind}_{i}_zp"] for kind in "kv" for i in range(5)}
