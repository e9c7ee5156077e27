"""Networks that others trained, the whole way: compiled, built, run on host and emulated SoC, against stored goldens.

Their READMEs say which golden to match and how closely: int8 networks bit for bit that of exact rounding,
`golden_exact`; float ones within 1e-4 (1e-3 for the autoencoder). By default some samples of each network run on the
host and one on the SoC where that takes seconds; with the `slow` marker all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import deeploy_mlir
from deeploy_mlir.dialects.kernel import KernelOp
from deeploy_mlir.frontend import import_model
from deeploy_mlir.ir.body_ranges import body_intervals
from deeploy_mlir.passes.choose_requantization import exact_form, parameters_of, requantizations
from deeploy_mlir.pipelines import CHOOSE, GRAPH, KERNELS, run_pipeline
from deeploy_mlir.program.npz import load_arrays
from deeploy_mlir.program.program import Program
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

from .peer_suite import suite

MODELS = suite().parent / "models"
FEW = 4
"""Samples of a network that run by default on the host."""

pytestmark = pytest.mark.skipif(not MODELS.is_dir(), reason=f"no models at {MODELS}; set DEEPLOY_SHARED")


@dataclass(frozen=True)
class Classifier:
    """A network with one input and one output.

    `golden`: the array to match, by at most `tolerance` (absolute, in the output's units). `tie`: samples whose two
    best golden values are this close need not have the same first. `labels`: samples with a label that have to come
    out right. `quick`: whether one sample takes the emulated SoC few seconds."""

    path: str
    golden: str
    tolerance: float
    tie: float = 0.0
    labels: int | None = None
    arrays: str | None = None
    classes: bool = True
    quick: bool = False

    @property
    def samples(self) -> dict[str, Array]:
        """The stored arrays."""
        return load_arrays(MODELS / f"{self.arrays or self.path + '_io'}.npz")


NETWORKS = (
    Classifier("digits/digits_cnn", "golden_float", 1e-4, labels=198, quick=True),
    Classifier(
        "digits/digits_cnn_int8", "golden_int8", 0.2, 0.2, labels=198, arrays="digits/digits_cnn_io", quick=True
    ),
    Classifier("mlperf_tiny/ad", "golden_exact", 0, classes=False, quick=True),
    Classifier("mlperf_tiny/ic", "golden_exact", 0, 0, labels=3),
    Classifier("mlperf_tiny/kws", "golden_exact", 0, 0, labels=2, quick=True),
    Classifier("mlperf_tiny/vww", "golden_exact", 0, 0, labels=24),
    Classifier("mlperf_tiny/kws_floatio", "golden_ort", 1 / 256, 2 / 256),
    Classifier("mlperf_tiny/ad_fp32", "golden_ort", 1e-3, classes=False),
    Classifier("mlperf_tiny/ic_fp32", "golden_ort", 1e-4, 2e-4),
    Classifier("mlperf_tiny/kws_fp32", "golden_ort", 1e-4, 2e-4),
    Classifier("mlperf_tiny/vww_fp32", "golden_ort", 1e-4, 2e-4),
    Classifier("tflm/micro_speech", "golden_exact", 0, 0, labels=4, quick=True),
    Classifier("mobilenet_v2/mobilenet_v2_035_128", "golden_float", 1e-4, 2e-4),
    Classifier(
        "mobilenet_v2/mobilenet_v2_035_128_int8",
        "golden_int8",
        0.03,
        0.0,
        arrays="mobilenet_v2/mobilenet_v2_035_128_io",
    ),
)
TOO_LARGE = {"mobilenet_v2/mobilenet_v2_035_128"}
"""Networks whose weights and activations are more than Siracusa's L2 holds: weights live in the weight memory too."""


def compiled(path: str, target: str, **options: Any) -> Program:
    return deeploy_mlir.compile(MODELS / f"{path}.onnx", target, **options)


def outputs_of(program: Program, samples: Array) -> Array:
    """The output for each sample."""
    (tensor,), (out,) = program.network.inputs, program.network.outputs
    with program.built() as run:
        return np.stack([run({tensor.name: x.reshape(tensor.shape)}).outputs[out.name].reshape(-1) for x in samples])


def check_outputs(network: Classifier, program: Program, arrays: dict[str, Array], count: int) -> Array:
    """Runs `count` samples, spread over all of them, and compares; returns the outputs."""
    chosen = np.unique(np.linspace(0, len(arrays["input"]) - 1, count).astype(int))
    got = outputs_of(program, arrays["input"][chosen])
    golden = arrays[network.golden][chosen].reshape(got.shape)
    assert got.dtype == golden.dtype
    error = np.abs(got.astype(np.float64) - golden.astype(np.float64))
    assert error.max() <= network.tolerance, f"sample {chosen[error.max(axis=1).argmax()]}"
    if network.classes:
        ranked = np.sort(golden.astype(np.float64), axis=1)
        clear = ranked[:, -1] - ranked[:, -2] > network.tie
        np.testing.assert_array_equal(got.argmax(axis=1)[clear], golden.argmax(axis=1)[clear])
    return got


def sweep(quick: int) -> list[Any]:
    """Network and number of samples: `quick` by default, all of them slow."""
    few = [pytest.param(n, quick, id=n.path) for n in NETWORKS]
    return few + [pytest.param(n, None, id=f"{n.path}-all", marks=pytest.mark.slow) for n in NETWORKS]


@pytest.mark.parametrize(("network", "count"), sweep(FEW))
def test_on_the_host(network: Classifier, count: int | None) -> None:
    arrays = network.samples
    check_outputs(network, compiled(network.path, "generic"), arrays, count or len(arrays["input"]))


@pytest.mark.parametrize(
    "network", [pytest.param(n, id=n.path, marks=[] if n.quick else [pytest.mark.slow]) for n in NETWORKS if n.labels]
)
def test_accuracy_on_labelled_samples(network: Classifier) -> None:
    """As many right as the reference implementations have right."""
    arrays = network.samples
    labelled = np.flatnonzero(arrays["label"] >= 0)
    got = outputs_of(compiled(network.path, "generic"), arrays["input"][labelled])
    right = int((got.argmax(axis=1) == arrays["label"][labelled]).sum())
    golden = arrays[network.golden][labelled].reshape(got.shape)
    assert network.labels is not None
    assert right >= network.labels
    assert abs(right - int((golden.argmax(axis=1) == arrays["label"][labelled]).sum())) <= 1


def on_siracusa() -> list[Any]:
    found: list[Any] = []
    for network in NETWORKS:
        marks = [] if network.quick else [pytest.mark.slow]
        found.append(pytest.param(network, "64KiB", id=f"{network.path}-64KiB", marks=marks))
        found.append(pytest.param(network, None, id=f"{network.path}-all", marks=pytest.mark.slow))
    return found


@pytest.mark.parametrize(("network", "l1"), on_siracusa())
def test_on_siracusa(network: Classifier, l1: str | None) -> None:
    program = compiled(network.path, "siracusa", l1=l1)
    assert all(m.used <= m.capacity for m in program.plan.memory)
    away = {m.name: m.used for m in program.plan.memory}["wmem"]
    assert (away > 0) == (network.path in TOO_LARGE)
    check_outputs(network, program, network.samples, 1 if l1 else 2)


@pytest.mark.parametrize("path", sorted(TOO_LARGE))
def test_what_exceeds_l2_is_refused_with_the_tensors(path: str) -> None:
    with pytest.raises(DeeployError, match="l2") as caught:
        compiled(path, "siracusa", wmem=0)
    message = str(caught.value)
    assert "the smallest l2 that would do is 2" in message
    for tensor in ("conv2d_2/Conv2D 786432", "depthwise_conv2d_1/depthwise 196608"):
        assert tensor in message


@pytest.mark.parametrize("path", ["mlperf_tiny/kws", "tflm/micro_speech", "digits/digits_cnn_int8"])
def test_fixed_point_requantisation(path: str) -> None:
    """No floats from the input's quantisation to the Softmax, and the same classes where the two best are not close."""
    (network,) = (n for n in NETWORKS if n.path == path)
    program = compiled(path, "generic", requantize="fixed-point")
    assert "deeploy-qdq-to-integer{fixed-point=true}" in program.pipeline
    arrays = network.samples
    chosen = np.linspace(0, len(arrays["input"]) - 1, 12).astype(int)
    got = outputs_of(program, arrays["input"][chosen])
    golden = arrays[network.golden][chosen].reshape(got.shape)
    ranked = np.sort(golden.astype(np.float64), axis=1)
    clear = ranked[:, -1] - ranked[:, -2] > 4 * max(network.tie, network.tolerance)
    assert clear.any()
    np.testing.assert_array_equal(got.argmax(axis=1)[clear], golden.argmax(axis=1)[clear])


def test_a_way_to_requantise_that_there_is_not() -> None:
    with pytest.raises(DeeployError, match="'fast'; choose exact or fixed-point"):
        compiled("digits/digits_cnn_int8", "generic", requantize="fast")


def channels(path: str) -> tuple[int, int]:
    """Of the requantisations of a network: channels with an exact integer form, and all."""
    module = import_model(MODELS / f"{path}.onnx")
    before = (*GRAPH, *KERNELS[: KERNELS.index(CHOOSE)])
    run_pipeline(module, ",".join(("deeploy-attach-soc{target=siracusa}", *before)))
    exact = total = 0
    for op in module.walk():
        if not isinstance(op, KernelOp) or not requantizations(op):
            continue
        intervals = body_intervals(op)
        for inner in requantizations(op):
            parameters = parameters_of(op, inner, intervals[inner.x])
            assert parameters is not None
            count = parameters.least.size
            total += count
            exact += count if exact_form(parameters) is not None else 0
    return exact, total


QUANTIZED = (
    *(pytest.param(path, id=path) for path in ("digits/digits_cnn_int8", "mlperf_tiny/ad", "mlperf_tiny/ic",
                                              "mlperf_tiny/kws", "tflm/micro_speech")),
    *(pytest.param(path, id=path, marks=pytest.mark.slow) for path in (
        "mlperf_tiny/vww", "mobilenet_v2/mobilenet_v2_035_128_int8", "stories260K/stories260K_decode_int8",
        "stories260K/stories260K_decode_int8kv", "stories260K/stories260K_prefill32_int8")),
)  # fmt: skip


@pytest.mark.parametrize("path", QUANTIZED)
def test_every_channel_has_an_exact_integer_form(path: str) -> None:
    """Printed with `pytest -s`."""
    exact, total = channels(path)
    print(f"{path}: {exact} of {total} channels are requantised exactly by integers")
    assert exact == total > 0
