"""What the integers of inputs and outputs mean: found in the graph, kept to the header, whose functions do as ONNX."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from xdsl.dialects.func import FuncOp

import deeploy_mlir
from deeploy_mlir.dialects.qnn.quantization import ARGUMENTS, RESULTS, QuantizationAttr, stated_quantization
from deeploy_mlir.frontend import import_model
from deeploy_mlir.machine.host import HOST
from deeploy_mlir.machine.platform import Configuration
from deeploy_mlir.machine.toolchain import RUNTIME
from deeploy_mlir.pipelines import run_pipeline
from deeploy_mlir.support.numpy_types import Array

TYPES = {"i1": TensorProto.INT8, "u1": TensorProto.UINT8, "i2": TensorProto.INT16, "u2": TensorProto.UINT16}


def model(nodes: list[onnx.NodeProto], constants: dict[str, Array], kind: str = "u1", result: str = "u1") -> bytes:
    """Nodes from `x` of 1x2x4x4 to `y`, of these element types."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TYPES[kind], [1, 2, 4, 4])],
        [helper.make_tensor_value_info("y", TYPES[result], None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    opset = helper.make_opsetid("", 21)
    return helper.make_model(graph, opset_imports=[opset], ir_version=10).SerializeToString()


def boundary(network: bytes) -> tuple[QuantizationAttr | None, QuantizationAttr | None]:
    """What is stated of the input and of the output when the arithmetic has become integer."""
    module = import_model(network)
    run_pipeline(module, "deeploy-qdq-to-integer")
    (function,) = [op for op in module.ops if isinstance(op, FuncOp)]
    (argument,) = stated_quantization(function, ARGUMENTS, 1)
    (result,) = stated_quantization(function, RESULTS, 1)
    return argument, result


def dequantize(x: str, y: str, scale: str = "a", zero: str = "az") -> onnx.NodeProto:
    return helper.make_node("DequantizeLinear", [x, scale, zero], [y])


def quantize(x: str, y: str, scale: str = "b", zero: str = "bz") -> onnx.NodeProto:
    return helper.make_node("QuantizeLinear", [x, scale, zero], [y])


CONSTANTS: dict[str, Array] = {
    "a": np.asarray(0.1, "f4"),
    "az": np.asarray(3, "u1"),
    "b": np.asarray(0.07, "f4"),
    "bz": np.asarray(200, "u1"),
}
A, B = QuantizationAttr.of(0.1, 3), QuantizationAttr.of(0.07, 200)


def test_beside_the_operator() -> None:
    nodes = [dequantize("x", "f"), helper.make_node("Sigmoid", ["f"], ["g"]), quantize("g", "y")]
    assert boundary(model(nodes, CONSTANTS)) == (A, B)


def test_behind_operators_that_move_elements() -> None:
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 2, 3, 1]),
        helper.make_node("MaxPool", ["x"], ["p"], kernel_shape=[2, 2]),
        dequantize("t", "f"),
        helper.make_node("Tanh", ["f"], ["g"]),
        quantize("g", "q"),
        helper.make_node("Reshape", ["q", "shape"], ["y"]),
        dequantize("p", "pf"),
        quantize("pf", "unused"),
    ]
    assert boundary(model(nodes, CONSTANTS | {"shape": np.array([2, 16])})) == (A, B)


def test_of_qlinearconv() -> None:
    more = {"w": np.ones((3, 2, 1, 1), "i1"), "ws": np.asarray(0.5, "f4"), "wz": np.asarray(0, "i1")}
    node = helper.make_node("QLinearConv", ["x", "a", "az", "w", "ws", "wz", "b", "bz"], ["y"])
    assert boundary(model([node], CONSTANTS | more)) == (A, B)


def test_an_input_that_is_the_output() -> None:
    nodes = [dequantize("x", "f"), quantize("f", "y", "a", "az")]
    assert boundary(model(nodes, CONSTANTS)) == (A, A)


def test_nothing_is_stated_where_two_disagree_or_there_is_none() -> None:
    nodes = [dequantize("x", "f"), dequantize("x", "g", "b", "bz"), helper.make_node("Add", ["f", "g"], ["s"])]
    assert boundary(model([*nodes, quantize("s", "y")], CONSTANTS)) == (None, B)
    assert boundary(model([helper.make_node("Max", ["x", "x"], ["y"])], {})) == (None, None)
    scales = {"a": np.array([0.1, 0.2], "f4"), "az": np.array([3, 3], "u1")}
    nodes = [dequantize("x", "f"), helper.make_node("Sigmoid", ["f"], ["s"]), quantize("s", "y")]
    assert boundary(model(nodes, CONSTANTS | scales)) == (None, B)


MAIN = """
#include <stdio.h>
#include "net.h"
int main(int argc, char **argv) {{
  static float value[{count}];
  static {kind} q[{count}];
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[2], "wb");
  if (argc != 3 || in == NULL || out == NULL || fread(value, 4, {count}, in) != {count}) return 1;
  if (fread(q, sizeof q[0], {count}, in) != {count}) return 1;
  for (int i = 0; i < {count}; i++) {{
    {kind} integer = net_quantize_input_0(value[i]);
    float number = net_dequantize_output_0(q[i]);
    fwrite(&integer, sizeof integer, 1, out);
    fwrite(&number, 4, 1, out);
  }}
  return fclose(out);
}}
"""


@pytest.mark.parametrize(("kind", "zero"), [("u1", 0), ("u1", 131), ("i1", -128), ("i1", 5), ("i2", -7), ("u2", 40000)])
@pytest.mark.parametrize("scale", [0.1, 0.0078125, 41.3])
def test_the_functions_of_the_header_are_onnxs(kind: str, zero: int, scale: float, tmp_path: Path) -> None:
    constants = {"a": np.asarray(scale, "f4"), "az": np.asarray(zero, kind)}
    nodes = [dequantize("x", "f"), helper.make_node("Relu", ["f"], ["g"]), quantize("g", "y", "a", "az")]
    program = deeploy_mlir.compile(model(nodes, constants, kind, kind), "generic", name="net")
    header = program.sources["net.h"]
    assert f"NET_INPUT_0_ZERO_POINT {zero}" in header.replace("(", "").replace(")", "")
    info, step = np.iinfo(kind), np.float32(scale)
    q = np.unique(np.concatenate([np.linspace(info.min, info.max, 257).astype(kind), np.arange(-3, 4).astype(kind)]))
    steps = np.concatenate([(q.astype("i8") - zero + off).astype("f4") for off in (0, 0.5, 0.4999, -0.5)])
    extremes = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 0.0, -0.0], "f4")
    values = np.concatenate([steps * step, extremes])
    q = np.resize(q, len(values))
    (tmp_path / "net.h").write_text(header)
    c_kind = f"{'u' if kind[0] == 'u' else ''}int{8 * int(kind[1])}_t"
    (tmp_path / "main.c").write_text(MAIN.format(count=len(values), kind=c_kind))
    (tmp_path / "in.bin").write_bytes(values.astype("f4").tobytes() + q.tobytes())
    sources = [tmp_path / "main.c", *(RUNTIME / "kernels" / f"dm_{name}.c" for name in ("math", "more"))]
    includes, configuration = [tmp_path, RUNTIME / "kernels"], Configuration(1, ("ram",))
    assert HOST.build(sources, includes, tmp_path / "program", configuration, opt="-O1") == ""
    subprocess.run([tmp_path / "program", tmp_path / "in.bin", tmp_path / "out.bin"], check=True)
    got = np.frombuffer((tmp_path / "out.bin").read_bytes(), np.dtype([("q", kind), ("value", "<f4")]))
    with np.errstate(all="ignore"):
        want = np.clip(np.rint(values / step) + np.float64(zero), info.min, info.max)
    want[np.isnan(values)] = info.min
    np.testing.assert_array_equal(got["q"], want.astype(kind))
    np.testing.assert_array_equal(got["value"], (q.astype("i4") - zero).astype("f4") * step)
