"""Small language models, the whole way: decode steps that feed their caches back, and prefill, against stored logits.

Tolerances as their READMEs state them. The fp32 text must be equal word for word; the int8 formats are fed the fp32
text, and their logits compared by the RMS of the difference, since one other rounding anywhere moves all that follows.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest

import deeploy_mlir
from deeploy_mlir.program.execution import Execution, Runner
from deeploy_mlir.program.npz import load_arrays
from deeploy_mlir.program.program import Program
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

from .exact_products import ExactProducts
from .peer_suite import suite

MODELS = suite().parent / "models"
STORIES = MODELS / "stories260K"
DECODE_STEPS = 32

pytestmark = pytest.mark.skipif(not MODELS.is_dir(), reason=f"no models at {MODELS}; set DEEPLOY_SHARED")


@dataclass(frozen=True)
class Format:
    """A number format: the suffix of its files, and the prefix of its goldens."""

    suffix: str
    prefix: str

    @property
    def integer(self) -> bool:
        return bool(self.suffix)


FORMATS = (Format("", ""), Format("_int8", "int8_"), Format("_int8kv", "int8kv_"))
by_format = pytest.mark.parametrize("form", FORMATS, ids=lambda f: f.suffix.strip("_") or "fp32")


def reference() -> dict[str, Array]:
    return load_arrays(STORIES / "stories260K_ref.npz")


def empty_caches(path: Path, program: Program) -> dict[str, Array]:
    """Caches that hold zero: the zero point (`k_0_zp` for `k_cache_0`) where they are integers."""
    tensors = {t.name: t for t in onnx.load_model_from_string(path.read_bytes()).graph.initializer}  # pyright: ignore[reportUnknownMemberType]
    caches: dict[str, Array] = {}
    for info in program.network.inputs:
        if "cache" in info.name:
            kind, _, layer = info.name.split("_")
            zero = tensors.get(f"{kind}_{layer}_zp")
            value = 0 if zero is None or info.numpy.kind == "f" else onnx.numpy_helper.to_array(zero)
            caches[info.name] = np.full(info.shape, value, info.numpy)
    return caches


def next_caches(outputs: Mapping[str, Array]) -> dict[str, Array]:
    return {name.replace("_out", ""): array for name, array in outputs.items() if "cache" in name}


def steps(run: Runner, caches: dict[str, Array], tokens: Iterable[int], position: int = 0) -> Array:
    """Logits [steps, vocabulary] of decode steps, one token each."""
    logits: list[Array] = []
    for offset, token in enumerate(tokens):
        outputs = run({"token": np.array([token]), "position": np.array([position + offset]), **caches}).outputs
        caches = next_caches(outputs)
        logits.append(outputs["logits"].reshape(-1))
    return np.stack(logits)


def exactly(path: Path) -> Runner | None:
    """How the network with integer caches runs with exact products, on one of which its goldens turn."""
    if "int8kv" not in path.name:
        return None
    network = ExactProducts(path)
    return lambda inputs: Execution(network.outputs(inputs), "reference")


def check_logits(form: Format, got: Array, golden: Array, exact: Array | None = None) -> None:
    """Against goldens; integer networks are close to `exact`, where that is given."""
    assert got.shape == golden.shape
    if form.integer:
        close = golden if exact is None else exact.reshape(golden.shape)
        assert float(np.sqrt(np.mean((got - close) ** 2))) <= 0.15
        allowed = 2 * len(golden) // 32
        assert np.count_nonzero(got.argmax(-1) != golden.argmax(-1)) <= max(allowed, 1)
    else:
        assert np.abs(got - golden).max() <= 1e-3
        np.testing.assert_array_equal(got.argmax(-1), golden.argmax(-1))


@by_format
def test_decode_with_the_fp32_text_on_the_host(form: Format) -> None:
    path, stored = STORIES / f"stories260K_decode{form.suffix}.onnx", reference()
    program = deeploy_mlir.compile(path, "generic")
    with program.built() as run:
        got = steps(run, empty_caches(path, program), stored["greedy_ids"][:DECODE_STEPS])
    run = exactly(path)
    exact = None if run is None else steps(run, empty_caches(path, program), stored["greedy_ids"][:DECODE_STEPS])
    check_logits(form, got, stored[f"{form.prefix}logits"], exact)


@pytest.mark.slow
def test_fp32_writes_the_same_text() -> None:
    path, ids = STORIES / "stories260K_decode.onnx", reference()["greedy_ids"]
    program = deeploy_mlir.compile(path, "generic")
    with program.built() as run:
        caches, said = empty_caches(path, program), [int(ids[0])]
        for position in range(len(ids) - 1):
            outputs = run({"token": np.array([said[-1]]), "position": np.array([position]), **caches}).outputs
            caches = next_caches(outputs)
            said.append(int(outputs["logits"].argmax()))
    assert said == ids.tolist()


@by_format
def test_prefill_on_the_host(form: Format) -> None:
    path, stored = STORIES / f"stories260K_prefill32{form.suffix}.onnx", reference()
    program = deeploy_mlir.compile(path, "generic")
    tokens = stored["greedy_ids" if form.integer else "prefill_ids"][:32]
    inputs = {"token": tokens, "position": np.array([0]), **empty_caches(path, program)}
    outputs = program.run(inputs)
    run = exactly(path)
    exact = None if run is None else run(inputs).outputs["logits"]
    check_logits(form, outputs["logits"], stored[f"{form.prefix}prefill_logits"], exact)
    if form.integer:
        golden = stored[f"{form.prefix}prefill_k_cache_out_0"].astype(np.float64)
        error = np.abs(outputs["k_cache_out_0"].astype(np.float64) - golden)
        assert error.max() <= (1 if form.suffix == "_int8kv" else 0.02 * np.abs(golden).max())


def test_one_step_with_full_caches_on_the_host() -> None:
    stored = reference()
    program = deeploy_mlir.compile(STORIES / "stories260K_decode.onnx", "generic")
    outputs = program.run({t.name: stored[f"step39_in_{t.name}"] for t in program.network.inputs})
    assert np.abs(outputs["logits"].reshape(-1) - stored["step39_out_logits"]).max() <= 1e-3
    for name in ("k_cache_0", "v_cache_4"):
        kind, layer = name.split("_cache_")
        np.testing.assert_allclose(outputs[f"{kind}_cache_out_{layer}"], stored[f"step39_out_{name}"], atol=1e-4)


@pytest.mark.slow
@by_format
def test_decode_on_siracusa(form: Format) -> None:
    path, stored = STORIES / f"stories260K_decode{form.suffix}.onnx", reference()
    program = deeploy_mlir.compile(path, "siracusa")
    with program.built() as run:
        got = steps(run, empty_caches(path, program), stored["greedy_ids"][:3])
    check_logits(form, got, stored[f"{form.prefix}logits"][:3])


@pytest.mark.slow
@by_format
def test_prefill_on_siracusa(form: Format) -> None:
    path, stored = STORIES / f"stories260K_prefill32{form.suffix}.onnx", reference()
    program = deeploy_mlir.compile(path, "siracusa")
    tokens = stored["greedy_ids" if form.integer else "prefill_ids"][:32]
    inputs = {"token": tokens, "position": np.array([0]), **empty_caches(path, program)}
    run = exactly(path)
    exact = None if run is None else run(inputs).outputs["logits"]
    check_logits(form, program.run(inputs)["logits"], stored[f"{form.prefix}prefill_logits"], exact)


def test_fp32_prefill_exceeds_the_l2_of_siracusa_without_weight_memory() -> None:
    """1.7 MB of weights and caches, and attention scores of 32 x 8 x 256 floats."""
    with pytest.raises(DeeployError, match=r"output of l0_scores/MatMul 262144.*the smallest l2 that would do is"):
        deeploy_mlir.compile(STORIES / "stories260K_prefill32.onnx", "siracusa", wmem=0)


@pytest.fixture(scope="module")
def micro_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the script beside the models wrote a larger model with random weights."""
    folder = tmp_path_factory.mktemp("micro_llama")
    subprocess.run([sys.executable, str(MODELS / "make_microllama.py"), str(folder)], check=True, capture_output=True)
    return folder


@pytest.mark.slow
def test_micro_llama_on_the_host(micro_llama: Path) -> None:
    """Prefill of a prompt, then four decode steps on its caches."""
    stored = load_arrays(micro_llama / "micro_llama_io.npz")
    path = micro_llama / "micro_llama_prefill.onnx"
    program = deeploy_mlir.compile(path, "generic")
    prompt = {"token": stored["prompt"], "position": np.array([0])}
    outputs = program.run({**prompt, **empty_caches(path, program)})
    golden = stored["prefill_logits"]
    assert np.sqrt(np.mean((outputs["logits"] - golden) ** 2)) <= 0.05 * golden.std()
    assert np.count_nonzero(outputs["logits"].argmax(-1) == golden.argmax(-1)) >= 30
    decode = deeploy_mlir.compile(micro_llama / "micro_llama_decode.onnx", "generic")
    with decode.built() as run:
        got = steps(run, next_caches(outputs), stored["decode_tokens"], len(stored["prompt"]))
    golden = stored["decode_logits"].reshape(got.shape)
    assert np.sqrt(np.mean((got - golden) ** 2)) <= 0.05 * golden.std()


@pytest.mark.slow
def test_micro_llama_exceeds_the_memories_of_siracusa(micro_llama: Path) -> None:
    """4.2 MB of weights fill the weight memory and a part of L2, 0.9 MB of caches go in and come out again."""
    with pytest.raises(DeeployError, match=r"after as many weights as wmem holds.*the smallest l2 that holds them is"):
        deeploy_mlir.compile(micro_llama / "micro_llama_decode.onnx", "siracusa")
