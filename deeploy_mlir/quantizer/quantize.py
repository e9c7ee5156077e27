"""`deeploy quantize`: a float network into an int8 one, by onnxruntime's static quantisation.

onnxruntime chooses a scale and a zero point for every tensor from calibration data and writes a QDQ graph, which
`deeploy compile` takes. It is an optional extra: `pip install 'deeploy-mlir[quantize]'`. The report compares the float
and the quantised network on the given data.
"""

from __future__ import annotations

import hashlib
import logging
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx

from deeploy_mlir.frontend.dimensions import bound_shape, check_sizes, symbolic_dimensions
from deeploy_mlir.program.npz import load_arrays, match_arrays
from deeploy_mlir.quantizer.layers import LayerLoss, Sample, worst_layers
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.names import label
from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.support.progress import doing
from deeploy_mlir.support.remarks import remark

INSTALL = "pip install 'deeploy-mlir[quantize]'"
METHODS = ("minmax", "entropy", "percentile")
ACTIVATIONS = ("int8", "uint8", "int16", "uint16")

FEW = 10
"""Fewer samples get a remark."""


@dataclass(frozen=True)
class QuantizeOptions:
    """What may be chosen.

    `per_channel`: a scale for each channel of weights instead of one for the tensor. `activations`: one of
    `ACTIVATIONS`. `symmetric`: activations with zero point 0. `method`: how ranges follow from the data, one of
    `METHODS`. `exclude`: nodes that stay in float. `dims`: values of symbolic dimensions, 1 where none is given.
    `labels`: the array in the data that holds the right class of each sample, for a figure of accuracy."""

    per_channel: bool = False
    activations: str = "int8"
    symmetric: bool = False
    method: str = "minmax"
    exclude: tuple[str, ...] = ()
    dims: Mapping[str, int] = field(default_factory=dict[str, int])
    labels: str | None = None


@dataclass(frozen=True)
class OutputLoss:
    """What quantisation does to one output, over all samples.

    `max_abs_error` and `mean_abs_error` in the output's units; `snr_db`: power of the float output over that of the
    error; `top1`: share of samples with the same largest element, None if the output has fewer than two."""

    name: str
    max_abs_error: float
    mean_abs_error: float
    snr_db: float
    top1: float | None


@dataclass(frozen=True)
class QuantizeReport:
    """Samples calibrated with and those judged on, loss of each output, bytes of both files, the layers that lose most,
    and accuracies (float, quantised) if there are labels."""

    samples: int
    evaluated: int
    outputs: tuple[OutputLoss, ...]
    float_bytes: int
    quantized_bytes: int
    layers: tuple[LayerLoss, ...]
    accuracy: tuple[float, float] | None = None


def quantize(
    model: str | Path,
    calibration: str | Path,
    output: str | Path,
    options: QuantizeOptions | None = None,
    evaluate: str | Path | None = None,
) -> QuantizeReport:
    """Writes the QDQ form of a float model to `output` and says what it loses on the data of `evaluate`, on those of
    the calibration where none are given (a remark says so).

    `calibration`, `evaluate`: an .npz with one array for each input, by name or else by position: samples along a new
    first axis, or along the first one where the input has 1 there. Raises DeeployError if onnxruntime is not installed,
    a file cannot be read, data do not fit or are the same in both, or onnxruntime refuses; `output` is written whole or
    not at all."""
    options = options or QuantizeOptions()
    _check(options)
    runtime = _onnxruntime()
    proto = _bound(_load(model), options.dims)
    _check_model(proto, options.exclude, str(model))
    arrays = load_arrays(calibration)
    samples = samples_of(proto, arrays)
    if len(samples) < FEW:
        remark("calibration", f"{len(samples)} samples say little about ranges; some hundred are better")
    if evaluate is None:
        judged = samples
        remark("evaluation", "on the calibration's own data; --evaluate F.npz judges on others")
    else:
        arrays = load_arrays(evaluate)
        judged = samples_of(proto, arrays)
        _check_others(samples, judged)
    labels = _labels(arrays, options.labels, len(judged))
    output = Path(output)
    with tempfile.TemporaryDirectory(prefix="deeploy-") as scratch:
        source, prepared, result = (Path(scratch, name) for name in ("float.onnx", "prepared.onnx", "quantized.onnx"))
        source.write_bytes(proto.SerializeToString())
        try:
            _quantize_static(source, prepared, result, samples, options)
            before, after = (_run(runtime, path, judged) for path in (source, result))
            data = result.read_bytes()
            layers = worst_layers(prepared, result, judged, lambda path: _loaded(runtime, path))
        except Exception as error:  # onnxruntime raises whatever its parts raise
            what = " ".join(str(error).split())[:500]
            raise DeeployError(f"onnxruntime cannot quantise it: {what or type(error).__name__}", str(model)) from error
    names = [value.name for value in proto.graph.output]
    losses = tuple(_loss(name, before[i], after[i]) for i, name in enumerate(names))
    accuracy = None
    if labels is not None:
        accuracy = _accuracy(before[0], labels), _accuracy(after[0], labels)
    output.write_bytes(data)
    return QuantizeReport(len(samples), len(judged), losses, proto.ByteSize(), len(data), layers, accuracy)


def _check_others(samples: Sequence[Sample], judged: Sequence[Sample]) -> None:
    """Raises DeeployError if all samples of the evaluation are the calibration's; a remark tells some."""
    known = {_contents(sample) for sample in samples}
    again = sum(_contents(sample) in known for sample in judged)
    if again == len(judged):
        raise DeeployError(
            "the samples to evaluate on are the calibration's; they would judge it too well: take others"
        )
    if again:
        remark("evaluation", f"{again} of {len(judged)} samples are the calibration's too")


def _contents(sample: Sample) -> bytes:
    digest = hashlib.sha256()
    for name in sorted(sample):
        digest.update(np.ascontiguousarray(sample[name]).tobytes())
    return digest.digest()


def _check(options: QuantizeOptions) -> None:
    for value, allowed, name in (
        (options.method, METHODS, "calibration method"),
        (options.activations, ACTIVATIONS, "activation type"),
    ):
        if value not in allowed:
            raise DeeployError(f"there is no {name} '{value}'; there are: {', '.join(allowed)}")


def _onnxruntime() -> Any:
    try:
        return import_module("onnxruntime")
    except ImportError as error:
        raise DeeployError(f"quantising needs onnxruntime: {INSTALL}") from error


def silence_onnxruntime() -> None:
    """Keeps onnxruntime from writing to stderr, where its warnings quote names as they are. Holds for the process."""
    fatal = 4
    _onnxruntime().set_default_logger_severity(fatal)


def _load(path: str | Path) -> onnx.ModelProto:
    try:
        return onnx.load(path)  # pyright: ignore[reportUnknownMemberType]
    except OSError:
        raise
    except Exception as error:
        raise DeeployError(f"is no ONNX model: {error}", str(path)) from error


def _inputs(proto: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    initial = {tensor.name for tensor in proto.graph.initializer}
    return [value for value in proto.graph.input if value.name not in initial]


def _bound(proto: onnx.ModelProto, dims: Mapping[str, int]) -> onnx.ModelProto:
    """The model with static input shapes; symbolic dimensions without a value become 1.

    Raises DeeployError for a value of a dimension that there is not."""
    dimensions = symbolic_dimensions(_inputs(proto))
    check_sizes(dimensions, dims, proto.graph.name or "model")
    ones = {d.place: 1 for found in dimensions.values() for d in found if d.size_in(dims) is None}
    for value in _inputs(proto):
        shape = bound_shape(value, dimensions[value.name], {**dims, **ones})
        for dim, size in zip(value.type.tensor_type.shape.dim, shape, strict=True):
            dim.dim_value = size
    return proto


def _check_model(proto: onnx.ModelProto, exclude: Sequence[str], what: str) -> None:
    """Raises DeeployError for a model that is quantised already, or nodes to leave out that it has not."""
    quantised = next((n for n in proto.graph.node if "QuantizeLinear" in n.op_type or "QLinear" in n.op_type), None)
    if quantised is not None:
        raise DeeployError(
            f"is quantised already (node '{quantised.name}' is a {quantised.op_type}); `deeploy compile` takes it", what
        )
    names = {node.name for node in proto.graph.node}
    for name in exclude:
        if name not in names:
            raise DeeployError(f"no node is called '{name}'; there are: {', '.join(sorted(names))}", what)


def samples_of(proto: onnx.ModelProto, arrays: Mapping[str, Array]) -> list[Sample]:
    """One dictionary of inputs for each sample. Raises DeeployError for arrays that do not fit or differ in number."""
    inputs = _inputs(proto)
    matched = match_arrays(arrays, [value.name for value in inputs])
    columns: dict[str, Array] = {}
    for value in inputs:
        shape = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        columns[value.name] = _samples(value.name, matched[value.name], shape).astype(dtype)
        if not np.all(np.isfinite(columns[value.name])):
            raise DeeployError("the samples hold values that are infinite or not a number", value.name)
    counts = {name: len(column) for name, column in columns.items()}
    if len(set(counts.values())) > 1:
        raise DeeployError(f"the inputs have different numbers of samples: {counts}")
    count = next(iter(counts.values()), 0)
    if not count:
        raise DeeployError("there is no sample")
    return [{name: column[i] for name, column in columns.items()} for i in range(count)]


def _samples(name: str, array: Array, shape: tuple[int, ...]) -> Array:
    """The array as [samples, *shape]."""
    if array.shape == shape:
        return array[np.newaxis]
    if array.shape[1:] in (shape, shape[1:] if shape[:1] == (1,) else shape):
        return array.reshape(len(array), *shape)
    raise DeeployError(f"takes shape {list(shape)}; data of shape {list(array.shape)} are not samples of that", name)


def _labels(arrays: Mapping[str, Array], name: str | None, count: int) -> Array | None:
    if name is None:
        return None
    if name not in arrays or arrays[name].size != count:
        raise DeeployError(f"no array '{name}' with a label for each of {count} samples; there are {', '.join(arrays)}")
    return arrays[name].reshape(-1)


class _Reader:
    """Calibration data as onnxruntime wants them."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._rest: Iterator[Sample] = iter(samples)

    def get_next(self) -> Sample | None:
        return next(self._rest, None)


def _quantize_static(
    source: Path, prepared: Path, result: Path, samples: Sequence[Sample], options: QuantizeOptions
) -> None:
    import onnxruntime.quantization as quantization  # type: ignore[import-not-found,unused-ignore]
    import onnxruntime.quantization.shape_inference as shape_inference  # type: ignore[import-not-found,unused-ignore]

    tools: Any = quantization
    prepare: Callable[..., None] = cast(Any, shape_inference).quant_pre_process
    methods = {
        "minmax": tools.CalibrationMethod.MinMax,
        "entropy": tools.CalibrationMethod.Entropy,
        "percentile": tools.CalibrationMethod.Percentile,
    }

    class Reader(_Reader, tools.CalibrationDataReader):
        pass

    doing(f"calibrating with {len(samples)} samples")
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        prepare(source, prepared, skip_symbolic_shape=True)
        tools.quantize_static(
            prepared,
            result,
            Reader(samples),
            quant_format=tools.QuantFormat.QDQ,
            per_channel=options.per_channel,
            activation_type=tools.QuantType.from_string(f"Q{options.activations.replace('i', 'I').replace('u', 'U')}"),
            weight_type=tools.QuantType.QInt8,
            nodes_to_exclude=list(options.exclude),
            calibrate_method=methods[options.method],
            extra_options={"ActivationSymmetric": options.symmetric, "WeightSymmetric": True},
        )
    finally:
        logging.disable(disabled)


def _run(runtime: Any, path: Path, samples: Sequence[Sample]) -> list[Array]:
    """Each output over all samples, as [samples, elements] in float64, without onnxruntime's optimisations."""
    doing(f"running {len(samples)} samples")
    run = _loaded(runtime, path)
    rows = [[np.asarray(y, np.float64).reshape(-1) for y in run(sample)] for sample in samples]
    return [np.stack(column) for column in zip(*rows, strict=True)]


def _loaded(runtime: Any, path: Path) -> Callable[[Sample], Sequence[Array]]:
    """Runs a model on one sample."""
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda sample: session.run(None, sample)


def _loss(name: str, before: Array, after: Array) -> OutputLoss:
    error: Array = np.abs(after - before)
    noise, signal = float(np.sum(error**2)), float(np.sum(before**2))
    snr = math.inf if noise == 0 else -math.inf if signal == 0 else 10 * math.log10(signal / noise)
    top1 = np.count_nonzero(before.argmax(1) == after.argmax(1)) / len(before) if before.shape[1] > 1 else None
    return OutputLoss(name, float(error.max(initial=0.0)), float(error.mean()) if error.size else 0.0, snr, top1)


def _accuracy(outputs: Array, labels: Array) -> float:
    return np.count_nonzero(outputs.argmax(1) == labels) / len(labels)


def report_json(report: QuantizeReport) -> dict[str, Any]:
    """The report for programs; null for ratios without end, where there is no error (or no signal)."""
    return cast("dict[str, Any]", _finite(asdict(report)))


def _finite(value: Any) -> Any:
    match value:
        case dict():
            return {key: _finite(item) for key, item in cast("dict[str, Any]", value).items()}
        case list() | tuple():
            return [_finite(item) for item in cast("Sequence[Any]", value)]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value


def report_text(report: QuantizeReport) -> str:
    """The report for people."""
    lines = [
        f"{report.samples} samples to calibrate, {report.evaluated} to judge; "
        f"{report.float_bytes} bytes in float, {report.quantized_bytes} bytes quantised",
        f"{'output':24} {'max error':>12} {'mean error':>12} {'SNR':>10} {'same top-1':>10}",
    ]
    for loss in report.outputs:
        top1 = "-" if loss.top1 is None else f"{100 * loss.top1:.1f} %"
        snr = f"{loss.snr_db:.1f} dB"
        lines.append(
            f"{label(loss.name, 24):24} {loss.max_abs_error:12.6g} {loss.mean_abs_error:12.6g} {snr:>10} {top1:>10}"
        )
    if report.accuracy is not None:
        before, after = report.accuracy
        lines.append(f"accuracy: {100 * before:.2f} % in float, {100 * after:.2f} % quantised")
    if report.layers:
        lines += ["", "The layers that lose most, with the SNR of their result and of their worst input:"]
        lines += [_layer_line(layer) for layer in report.layers]
    return "\n".join(lines)


def _layer_line(layer: LayerLoss) -> str:
    given = "-" if layer.input_snr_db is None else f"{layer.input_snr_db:.1f} dB"
    return f"  {layer.node[:40]:40} {layer.operator[:20]:20} {layer.snr_db:7.1f} dB {given:>10}"
