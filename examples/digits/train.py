"""Trains the shipped digits network and writes it as ONNX: float32, and QDQ int8.

    pip install scikit-learn onnxruntime        # or: pip install 'deeploy-mlir[examples]'
    python examples/digits/train.py

Writes beside itself digits.onnx, digits_int8.onnx, inputs.npz (one test image), expect.npz and expect_int8.npz (the
logits of that image) and test_images.npz (all test images and labels). Prints the accuracies that README.md states.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

sys.path.insert(0, str(Path(__file__).parent))
from numpy_cnn import Network, fit

HERE = Path(__file__).parent
EPOCHS = 40
OPSET = 19


def images() -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Training images, their labels, test images, their labels: a fixed 80:20 split, pixels 0..16 as uint8."""
    from sklearn.datasets import load_digits

    data: Any = load_digits()
    x, y = data.images.astype(np.uint8)[:, None], data.target.astype(np.int64)
    order = np.random.default_rng(1).permutation(len(x))
    test, training = order[:360], order[360:]
    return x[training], y[training], x[test], y[test]


def float_model(network: Network) -> onnx.ModelProto:
    """The network as ONNX: input [1, 1, 8, 8] float32 in [0, 1], output [1, 10] logits."""
    conv: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    pool: dict[str, Any] = {"kernel_shape": [2, 2], "strides": [2, 2]}

    def weights(name: str) -> list[str]:
        return [f"{name}.weight", f"{name}.bias"]

    nodes = [
        helper.make_node("Conv", ["image", *weights("conv1")], ["conv1"], "conv1", **conv),
        helper.make_node("Relu", ["conv1"], ["relu1"], "relu1"),
        helper.make_node("MaxPool", ["relu1"], ["pool1"], "pool1", **pool),
        helper.make_node("Conv", ["pool1", *weights("conv2")], ["conv2"], "conv2", **conv),
        helper.make_node("Relu", ["conv2"], ["relu2"], "relu2"),
        helper.make_node("Conv", ["relu2", *weights("conv3")], ["conv3"], "conv3", **conv),
        helper.make_node("Add", ["conv3", "relu2"], ["sum3"], "residual"),
        helper.make_node("Relu", ["sum3"], ["relu3"], "relu3"),
        helper.make_node("MaxPool", ["relu3"], ["pool3"], "pool3", **pool),
        helper.make_node("Flatten", ["pool3"], ["features"], "flatten", axis=1),
        helper.make_node("Gemm", ["features", *weights("dense")], ["logits"], "dense", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(v, k) for k, v in network.parameters.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    model.producer_name = "digits/train.py"
    onnx.checker.check_model(model, full_check=True)
    return model


def int8_model(model: onnx.ModelProto, calibration: npt.NDArray[Any]) -> onnx.ModelProto:
    """onnxruntime's static quantisation: QDQ, int8 activations, symmetric int8 weights per output channel."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.rest = iter(calibration)

        def get_next(self) -> dict[str, Any]:
            image = next(self.rest, None)
            return {} if image is None else {"image": image[None]}

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
        onnx.save(model, source)
        quantize_static(
            source,
            target,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
        )
        quantised = onnx.load(target)
    quantised.producer_name = "digits/train.py"
    onnx.checker.check_model(quantised, full_check=True)
    return quantised


def logits_of(model: onnx.ModelProto, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Logits of every image, by onnxruntime without graph optimisation (so: the graph as it is written)."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return np.concatenate([np.asarray(session.run(["logits"], {"image": image[None]})[0]) for image in x])


def main() -> None:
    training_pixels, training_labels, test_pixels, test_labels = images()
    training, test = (pixels.astype(np.float32) / 16 for pixels in (training_pixels, test_pixels))
    rng = np.random.default_rng(0)
    network = Network(rng)
    fit(network, training, training_labels, rng, EPOCHS)

    model = float_model(network)
    quantised = int8_model(model, training[:200])
    onnx.save(model, HERE / "digits.onnx")
    onnx.save(quantised, HERE / "digits_int8.onnx")
    np.savez(HERE / "inputs.npz", image=test[:1])
    np.savez_compressed(HERE / "test_images.npz", pixels=test_pixels, labels=test_labels)
    for name, m in (("expect", model), ("expect_int8", quantised)):
        logits = logits_of(m, test)
        reference = np.asarray(ReferenceEvaluator(m).run(None, {"image": test[:1]})[0])
        if not np.allclose(logits[:1], reference, rtol=0, atol=1e-5 * np.abs(reference).max()):
            raise SystemExit(f"{name}: onnxruntime and onnx.reference disagree: {logits[:1]} {reference}")
        np.savez(HERE / f"{name}.npz", logits=reference)
        right = int((logits.argmax(1) == test_labels).sum())
        print(f"{name}: {right} of {len(test_labels)} test images right ({100 * right / len(test_labels):.2f} %)")


if __name__ == "__main__":
    main()
