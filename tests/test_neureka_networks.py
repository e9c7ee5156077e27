"""Networks on Siracusa with N-EUREKA: small ones of every kind of layer, on all levels, on the simulator and on
threads; what they equal is computed here."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

import deeploy_mlir
from deeploy_mlir import api
from deeploy_mlir.dialects.offload import StartOp
from deeploy_mlir.dialects.soc import EngineOp
from deeploy_mlir.interpreters.each_pass import EachPass
from deeploy_mlir.kernels.binding import KernelBinding
from deeploy_mlir.kernels.instructions import InstructionTable
from deeploy_mlir.program.program import Program
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.targets.siracusa import kernels
from deeploy_mlir.targets.siracusa.neureka import NeurekaBinding, NeurekaSums


@dataclass(frozen=True)
class Layer:
    """A convolution of an image [1, channels, rows, columns], or (window 0) a product of rows with a matrix."""

    rows: int
    columns: int
    inputs: int
    outputs: int
    window: int = 1
    depthwise: bool = False
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    signed: bool = True
    each: bool = True
    """Whether every output channel has a scale and an offset of its own."""


LAYERS = {
    "one pixel": Layer(1, 1, 40, 33),
    "1x1": Layer(7, 9, 24, 40),
    "1x1 unsigned": Layer(13, 6, 64, 8, signed=False),
    "matrix": Layer(1, 64, 96, 40, window=0),
    "vector": Layer(1, 1, 64, 256, window=0, each=False),
    "3x3": Layer(8, 7, 30, 12, window=3),
    "3x3 padded": Layer(9, 5, 16, 40, window=3, pads=(1, 1, 1, 1), signed=False),
    "3x3 half padded": Layer(6, 12, 8, 8, window=3, pads=(1, 0, 0, 1)),
    "depthwise": Layer(8, 8, 40, 40, window=3, depthwise=True, pads=(1, 1, 1, 1)),
    "depthwise unsigned": Layer(14, 3, 28, 28, window=3, depthwise=True, pads=(0, 1, 0, 1), signed=False),
}
SHIFT = 14


@dataclass(frozen=True)
class Case:
    """A network of one layer, an input and its output."""

    model: onnx.ModelProto
    x: Array
    y: Array


def case(layer: Layer, seed: int = 0) -> Case:
    """The layer with random weights, requantised by a scale and an offset for each channel, or one for all."""
    rng = np.random.default_rng(seed)
    low, high = (-128, 128) if layer.signed else (0, 256)
    dtype = np.int8 if layer.signed else np.uint8
    count = layer.outputs if layer.each else 1
    scales, offsets = rng.integers(8, 40, count), rng.integers(-200000, 200000, count) + (1 << (SHIFT - 1))
    if layer.window == 0:
        x = rng.integers(low, high, (layer.columns, layer.inputs)).astype(dtype)
        weights = rng.integers(-128, 128, (layer.inputs, layer.outputs)).astype(np.int8)
        sums = x.astype(np.int64) @ weights.astype(np.int64)
        shape, node = (count,), helper.make_node("MatMul", ["x", "w"], ["sums"], "product")
    else:
        x = rng.integers(low, high, (1, layer.inputs, layer.rows, layer.columns)).astype(dtype)
        inputs = 1 if layer.depthwise else layer.inputs
        weights = rng.integers(-128, 128, (layer.outputs, inputs, layer.window, layer.window)).astype(np.int8)
        sums = convolved(x, weights, layer)
        shape = (count, 1, 1)
        node = helper.make_node(
            "Conv", ["x", "w"], ["sums"], "product", kernel_shape=[layer.window] * 2, pads=layer.pads,
            group=layer.inputs if layer.depthwise else 1,
        )  # fmt: skip
    scale, offset = scales.reshape(shape), offsets.reshape(shape)
    y = np.clip((sums * scale + offset) >> SHIFT, low, high - 1).astype(dtype)
    requantise = helper.make_node(
        "RequantShift", ["sums", "scale", "offset"], ["y"], "requantise",
        div=tensor(1 << SHIFT), n_levels=tensor(256), signed=tensor(int(layer.signed)),
    )  # fmt: skip
    # RequantShift itself adds half a step.
    stored = {"w": weights, "scale": scale, "offset": offset - (1 << (SHIFT - 1))}
    graph = helper.make_graph(
        [node, requantise],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, y.shape)],
        [numpy_helper.from_array(a.astype(np.float32), n) for n, a in stored.items()],
    )
    return Case(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), x, y)


def tensor(value: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(value, np.float32))


def convolved(x: Array, weights: Array, layer: Layer) -> Array:
    """The convolution in 64 bits."""
    top, left, bottom, right = layer.pads
    image = np.pad(x[0].astype(np.int64), ((0, 0), (top, bottom), (left, right)))
    windows = np.lib.stride_tricks.sliding_window_view(image, weights.shape[2:], axis=(1, 2))
    pattern = "chwyx,cyx->chw" if layer.depthwise else "chwyx,ocyx->ohw"
    kernel = weights.astype(np.int64)
    return np.einsum(pattern, windows, kernel[:, 0] if layer.depthwise else kernel)[None]


def compiled(made: Case, **options: object) -> tuple[Program, int]:
    """The program, and the jobs in its cluster level."""
    jobs: list[int] = []

    def count(previous: ModulePass | None, module: ModuleOp, following: ModulePass | None) -> None:
        if following is not None and following.name == "deeploy-verify-plan":
            jobs.append(sum(isinstance(op, StartOp) for op in module.walk()))

    program = deeploy_mlir.compile(made.model, types_from={"x": made.x}, observer=count, **options)  # type: ignore[arg-type]
    return program, jobs[0]


@pytest.mark.parametrize("l1", [None, 10 * 1024], ids=["whole", "tiles"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_runs_on_it(name: str, l1: int | None, free: None) -> None:
    made = case(LAYERS[name])
    program, jobs = compiled(made, l1=l1)
    assert jobs == 1
    np.testing.assert_array_equal(program.run({"x": made.x})["y"], made.y)
    np.testing.assert_array_equal(program.run({"x": made.x}, platform="threads")["y"], made.y)


@pytest.mark.parametrize("name", ["1x1", "matrix", "3x3 padded", "depthwise"])
def test_every_level_computes_the_same(name: str, free: None) -> None:
    made = case(LAYERS[name], 1)
    module = api.import_network(made.model, api.import_options(types_from={"x": made.x}))
    options = api.pipeline_options(l1=10 * 1024)
    api.compile_module(module, options, observer=EachPass({"x": made.x}))


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs cost nothing in the planner's eyes, and the cores have no instruction tables to compete with."""
    multiply_cost(monkeypatch, 0.0)

    def no_tables(engine: EngineOp) -> tuple[InstructionTable, ...]:
        return ()

    monkeypatch.setattr("deeploy_mlir.kernels.choice.tables_of", no_tables)


def multiply_cost(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    bindings: list[KernelBinding] = []
    for binding in kernels.BINDINGS:
        if isinstance(binding, NeurekaBinding):
            binding = replace(binding, slowdown=factor)
        elif isinstance(binding, NeurekaSums):
            binding = replace(binding, products=replace(binding.products, slowdown=factor))
        bindings.append(binding)
    monkeypatch.setattr(kernels, "BINDINGS", tuple(bindings))


def test_a_dear_engine_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    made = case(Layer(3, 3, 64, 64))
    assert compiled(made)[1] == 1
    multiply_cost(monkeypatch, 10.0)
    assert compiled(made)[1] == 0


def test_without_the_engine() -> None:
    made = case(LAYERS["1x1"])
    program, jobs = compiled(made, without_engines=["neureka"])
    assert jobs == 0
    np.testing.assert_array_equal(program.run({"x": made.x})["y"], made.y)
    with pytest.raises(DeeployError, match="siracusa has no engine 'npu'; it has cluster, neureka"):
        compiled(made, without_engines=["npu"])
    with pytest.raises(DeeployError, match="without engine 'cluster' siracusa has no cores left"):
        compiled(made, without_engines=["cluster"])


@pytest.mark.parametrize("l1", [None, 10 * 1024], ids=["whole", "tiles"])
@pytest.mark.parametrize("name", ["1x1", "matrix", "3x3 half padded", "depthwise"])
def test_the_cores_requantise_what_32_bits_do_not_hold(name: str, l1: int | None, free: None) -> None:
    """Scales that are larger than the bounds of the sums allow: the job makes the sums only."""
    made = case(LAYERS[name])
    (scale,) = (t for t in made.model.graph.initializer if t.name == "scale")
    scale.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(scale) * 4001, "scale"))
    program, jobs = compiled(made, l1=l1)
    assert jobs == 1
    expected = compiled(made, without_engines=["neureka"])[0].run({"x": made.x})["y"]
    np.testing.assert_array_equal(program.run({"x": made.x})["y"], expected)
    np.testing.assert_array_equal(program.run({"x": made.x}, platform="threads")["y"], expected)
    module = api.import_network(made.model, api.import_options(types_from={"x": made.x}))
    api.compile_module(module, api.pipeline_options(l1=l1), observer=EachPass({"x": made.x}))
