"""`deeploy quantize`: onnxruntime's static quantisation, the report, and its output through the compiler."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

import deeploy_mlir
from deeploy_mlir import cli
from deeploy_mlir.program.npz import load_arrays
from deeploy_mlir.quantizer.layers import LayerLoss
from deeploy_mlir.quantizer.quantize import (
    INSTALL,
    OutputLoss,
    QuantizeOptions,
    QuantizeReport,
    quantize,
    report_json,
    samples_of,
)
from deeploy_mlir.support.errors import DeeployError

DIGITS = Path(__file__).resolve().parents[1] / "examples" / "digits"
MODEL = DIGITS / "digits.onnx"


@pytest.fixture
def calibration(tmp_path: Path) -> Path:
    test = load_arrays(DIGITS / "test_images.npz")
    path = tmp_path / "calibration.npz"
    np.savez(path, image=test["pixels"][:64].astype(np.float32) / 16, label=test["labels"][:64])
    return path


@pytest.mark.parametrize("options", [["--per-channel"], ["--symmetric", "--activations", "uint8"], []], ids=" ".join)
def test_digits_quantised_compiled_and_run(
    options: list[str], calibration: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime")
    output = tmp_path / "q.onnx"
    words = [
        "quantize",
        str(MODEL),
        "--calibration",
        str(calibration),
        "-o",
        str(output),
        "--labels",
        "label",
        "--json",
    ]
    assert cli.main([*words, *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["samples"] == 64
    assert report["quantized_bytes"] == output.stat().st_size < report["float_bytes"]
    (loss,) = report["outputs"]
    assert loss["name"] == "logits"
    assert 0 < loss["mean_abs_error"] < loss["max_abs_error"] < 3
    assert loss["snr_db"] > 20
    assert loss["top1"] >= 0.95
    before, after = report["accuracy"]
    assert before >= 0.95
    assert after >= before - 0.05
    operators = {node.op_type for node in onnx.load_model_from_string(output.read_bytes()).graph.node}  # pyright: ignore[reportUnknownMemberType]
    assert {"QuantizeLinear", "DequantizeLinear"} <= operators
    images = load_arrays(calibration)
    program = deeploy_mlir.compile(output, "generic")
    with program.built() as run:
        got = np.stack([run({"image": x[np.newaxis]}).outputs["logits"].reshape(-1) for x in images["image"][:8]])
    assert np.count_nonzero(got.argmax(1) == images["label"][:8]) >= 7


def test_the_report_is_for_people_without_json(
    calibration: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime")
    words = ["quantize", str(MODEL), "--calibration", str(calibration), "-o", str(tmp_path / "q.onnx")]
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert "64 samples" in said
    assert "logits" in said
    assert "SNR" in said
    assert "accuracy" not in said


def test_excluded_nodes_stay_in_float(calibration: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    every, some = tmp_path / "every.onnx", tmp_path / "some.onnx"
    quantize(MODEL, calibration, every)
    quantize(MODEL, calibration, some, QuantizeOptions(exclude=("conv1",)))
    count = [
        sum(n.op_type == "DequantizeLinear" for n in onnx.load_model_from_string(path.read_bytes()).graph.node)
        for path in (every, some)
    ]  # pyright: ignore[reportUnknownMemberType]
    assert count[1] < count[0]


def test_without_onnxruntime_the_message_says_how_to_get_it(
    calibration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    output = tmp_path / "q.onnx"
    assert cli.main(["quantize", str(MODEL), "--calibration", str(calibration), "-o", str(output)]) == 2
    assert INSTALL in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (QuantizeOptions(method="guess"), "no calibration method 'guess'"),
        (QuantizeOptions(activations="float3"), "no activation type 'float3'"),
        (QuantizeOptions(labels="truth"), "no array 'truth'"),
    ],
)
def test_options_that_there_are_not(options: QuantizeOptions, message: str, calibration: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(DeeployError, match=message):
        quantize(MODEL, calibration, tmp_path / "q.onnx", options)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("digits", QuantizeOptions(dims={"N": 1}), "no dimension is called 'N'"),
        ("digits", QuantizeOptions(exclude=("nowhere",)), "no node is called 'nowhere'; there are: "),
        ("digits_int8", QuantizeOptions(), "is quantised already"),
    ],
)
def test_requests_that_the_model_does_not_know(
    model: str, options: QuantizeOptions, message: str, calibration: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(DeeployError, match=message):
        quantize(DIGITS / f"{model}.onnx", calibration, tmp_path / "q.onnx", options)
    assert not (tmp_path / "q.onnx").exists()


def test_samples_that_are_no_numbers() -> None:
    with pytest.raises(DeeployError, match="x: the samples hold values that are infinite or not a number"):
        samples_of(_one_input(), {"x": np.full((3, 4), np.nan)})


def test_few_samples_get_a_remark(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("onnxruntime")
    np.savez(tmp_path / "few.npz", image=np.ones((3, 1, 8, 8)))
    quantize(MODEL, tmp_path / "few.npz", tmp_path / "q.onnx")
    assert "3 samples say little" in caplog.text


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Samples that the calibration has not."""
    test = load_arrays(DIGITS / "test_images.npz")
    path = tmp_path / "others.npz"
    np.savez(path, image=test["pixels"][64:96].astype(np.float32) / 16, label=test["labels"][64:96])
    return path


def test_evaluated_on_other_data(
    calibration: Path,
    others: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    pytest.importorskip("onnxruntime")
    words = ["quantize", str(MODEL), "--calibration", str(calibration), "-o", str(tmp_path / "q.onnx")]
    assert cli.main([*words, "--json"]) == 0
    own = json.loads(capsys.readouterr().out)
    assert own["evaluated"] == own["samples"] == 64
    assert "on the calibration's own data; --evaluate F.npz" in caplog.text
    caplog.clear()
    assert cli.main([*words, "--evaluate", str(others), "--labels", "label", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert caplog.text == ""
    assert (report["samples"], report["evaluated"]) == (64, 32)
    assert report["outputs"] != own["outputs"]
    assert report["quantized_bytes"] == own["quantized_bytes"]
    assert report["accuracy"][0] >= 0.9
    nodes = {node.name for node in onnx.load_model_from_string(MODEL.read_bytes()).graph.node}  # pyright: ignore[reportUnknownMemberType]
    assert 1 <= len(report["layers"]) <= 5
    assert {layer["node"] for layer in report["layers"]} <= nodes
    assert all(10 < layer["snr_db"] < layer["input_snr_db"] for layer in report["layers"])
    assert cli.main([*words, "--evaluate", str(others)]) == 0
    said = capsys.readouterr().out
    assert "64 samples to calibrate, 32 to judge" in said
    assert "The layers that lose most" in said
    assert report["layers"][0]["node"] in said


def test_the_calibrations_data_are_no_evaluation(
    calibration: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("onnxruntime")
    images = load_arrays(calibration)["image"]
    words = ["quantize", str(MODEL), "--calibration", str(calibration), "-o", str(tmp_path / "q.onnx")]
    np.savez(tmp_path / "same.npz", image=images[::-1][:20])
    assert cli.main([*words, "--evaluate", str(tmp_path / "same.npz")]) == 2
    assert "the samples to evaluate on are the calibration's" in capsys.readouterr().err
    assert not (tmp_path / "q.onnx").exists()
    np.savez(tmp_path / "mixed.npz", image=np.concatenate([images[:3], images[:7] / 2]))
    assert cli.main([*words, "--evaluate", str(tmp_path / "mixed.npz")]) == 0
    assert "3 of 10 samples are the calibration's too" in caplog.text


@pytest.mark.parametrize("worst", [0, 2, 3])
def test_the_layer_that_loses_most_is_named_first(worst: int, tmp_path: Path) -> None:
    """One layer has a weight beside which the others round to nothing, where its input is always zero."""
    pytest.importorskip("onnxruntime")
    draw = np.random.default_rng(7)
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    for i in range(4):
        weight = draw.normal(size=(16, 16)).astype(np.float32) / 4
        weight[:, 0] = 0
        if i == worst:
            weight[0, 1] = 300
        weights.append(onnx.numpy_helper.from_array(weight, f"w{i}"))
        nodes.append(onnx.helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"], name=f"layer{i}"))
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 16]) for name in ("x0", "x4"))
    chain = onnx.helper.make_model(
        onnx.helper.make_graph(nodes, "chain", [x], [y], weights), opset_imports=[onnx.helper.make_opsetid("", 17)]
    )
    (tmp_path / "chain.onnx").write_bytes(chain.SerializeToString())
    samples = draw.normal(size=(40, 1, 16)).astype(np.float32)
    samples[..., 0] = 0
    model, data, others = tmp_path / "chain.onnx", tmp_path / "some.npz", tmp_path / "others.npz"
    np.savez(data, x0=samples[:20])
    np.savez(others, x0=samples[20:])
    report = quantize(model, data, tmp_path / "q.onnx", evaluate=others)
    assert report.layers[0].node == f"layer{worst}"
    assert report.layers[0].snr_db < 10


def test_json_knows_no_infinity() -> None:
    loss = OutputLoss("y", 0.0, 0.0, math.inf, None)
    layer = LayerLoss("conv", "Conv", 40.0, math.inf)
    said = json.dumps(report_json(QuantizeReport(1, 1, (loss,), 2, 1, (layer,))), allow_nan=False)
    assert json.loads(said)["outputs"][0]["snr_db"] is None
    assert json.loads(said)["layers"] == [{"node": "conv", "operator": "Conv", "snr_db": 40.0, "input_snr_db": None}]


def _one_input() -> onnx.ModelProto:
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [4]) for name in "xy")
    return onnx.helper.make_model(onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y]))


def test_a_file_that_is_no_model(calibration: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(MODEL.read_bytes()[:999])
    with pytest.raises(DeeployError):
        quantize(broken, calibration, tmp_path / "q.onnx")
    assert not (tmp_path / "q.onnx").exists()


@pytest.mark.parametrize(
    ("shape", "count"),
    [((1, 1, 8, 8), 1), ((5, 1, 8, 8), 5), ((5, 1, 1, 8, 8), 5), ((1, 1, 1, 8, 8), 1)],
)
def test_shapes_of_samples(shape: tuple[int, ...], count: int) -> None:
    samples = samples_of(onnx.load_model_from_string(MODEL.read_bytes()), {"image": np.zeros(shape)})  # pyright: ignore[reportUnknownMemberType]
    assert len(samples) == count
    assert all(s["image"].shape == (1, 1, 8, 8) and s["image"].dtype == np.float32 for s in samples)


@pytest.mark.parametrize("shape", [(5, 8, 8), (0, 1, 8, 8), (64,)])
def test_data_that_are_no_samples(shape: tuple[int, ...]) -> None:
    with pytest.raises(DeeployError, match=r"shape|no sample"):
        samples_of(onnx.load_model_from_string(MODEL.read_bytes()), {"image": np.zeros(shape)})  # pyright: ignore[reportUnknownMemberType]
