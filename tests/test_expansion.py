"""How large a network may become once its functions are inlined and its loops unrolled."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from deeploy_mlir.frontend import expansion, import_model
from deeploy_mlir.support.errors import DeeployError

from .test_frontend import model, node


def loop(nodes: list[onnx.NodeProto], result: str, output: str) -> onnx.NodeProto:
    """A loop of `n` trips around these nodes, which give `result`."""
    inputs = [
        helper.make_tensor_value_info("trip", TensorProto.INT64, []),
        helper.make_tensor_value_info(f"go_{output}", TensorProto.BOOL, []),
        helper.make_tensor_value_info(f"carried_{output}", TensorProto.FLOAT, [1]),
    ]
    nodes = [*nodes, node("Identity", f"go_{output}", f"on_{output}")]
    outputs = [onnx.ValueInfoProto(name=name) for name in (f"on_{output}", result)]
    return node("Loop", "n _ x", output, output, body=helper.make_graph(nodes, "body", inputs, outputs))


def test_nodes_of_loops_in_loops_count_once_for_each_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two loops of three trips around a loop of three: 2 * (1 + 3 * (1 + 1 + 3 * 2)) = 50 nodes."""
    nodes: list[onnx.NodeProto] = []
    for name in "yz":
        inner = loop([node("Neg", "x", f"w_{name}")], f"w_{name}", f"inner_{name}")
        nodes.append(loop([inner], f"inner_{name}", name))
    proto = model(nodes, {"x": [1]}, {"y": [1], "z": [1]}, {"n": np.array(3)})
    monkeypatch.setattr(expansion, "MAX_NODES", 50)
    import_model(proto)
    monkeypatch.setattr(expansion, "MAX_NODES", 49)
    with pytest.raises(DeeployError, match=r"in a loop of 3 trips \(z\)"):
        import_model(proto)
    monkeypatch.setattr(expansion, "MAX_NODES", 20)
    with pytest.raises(DeeployError, match=r"in a loop of 3 trips \(inner_y\) in a loop of 3 trips \(y\)"):
        import_model(proto)


def test_functions_that_multiply_are_refused() -> None:
    """Each function calls the next one ten times: 10^8 nodes if they were all inlined."""
    opset = [helper.make_opsetid("", 21), helper.make_opsetid("own", 1)]
    functions: list[onnx.FunctionProto] = []
    for level in range(8):
        calls = [
            helper.make_node(
                f"f{level + 1}" if level < 7 else "Neg", [f"v{k}"], [f"v{k + 1}"], domain="own" if level < 7 else ""
            )
            for k in range(10)
        ]
        functions.append(helper.make_function("own", f"f{level}", ["v0"], ["v10"], calls, opset))
    call = helper.make_node("f0", ["x"], ["y"], domain="own")
    proto = model([call], {"x": [1]}, {"y": [1]}, extra=opset[1:])
    proto.functions.extend(functions)
    with pytest.raises(DeeployError, match="nodes once functions are inlined"):
        import_model(proto)


def _chain(count: int) -> onnx.ModelProto:
    return model([node("Neg", f"v{i}", f"v{i + 1}") for i in range(count)], {"v0": [1]}, {f"v{count}": [1]})


def test_chains_longer_than_any_network_are_refused() -> None:
    import_model(_chain(2016))
    with pytest.raises(DeeployError, match="more than 8192 nodes once functions are inlined and loops unrolled"):
        import_model(_chain(8193))


def test_operands_inputs_and_outputs_count() -> None:
    with pytest.raises(DeeployError, match="has 10000 operands; at most 1024 are compiled"):
        import_model(model([node("Sum", " ".join(["x"] * 10_000), "y")], {"x": [1]}, {"y": [1]}))
    sums = [node("Sum", " ".join(["x"] * 1000), f"y{i}") for i in range(9)]
    with pytest.raises(DeeployError, match="more than 8192 nodes"):
        import_model(model(sums, {"x": [1]}, {"y0": [1]}))
    names = [f"y{i}" for i in range(5000)]
    with pytest.raises(DeeployError, match="has 10001 nodes, inputs and outputs; at most 8192 are compiled"):
        import_model(model([node("Neg", "x", name) for name in names], {"x": [1]}, {name: [1] for name in names}))


def test_a_small_file_may_not_become_a_large_network() -> None:
    proto = model([loop([node("Neg", "x", "w")], "w", "y")], {"x": [1]}, {"y": [1]}, {"n": np.array(256)})
    with pytest.raises(DeeployError, match=r"which is the most for a file of this size: in a loop of 256 trips \(y\)"):
        import_model(proto)
    proto.doc_string = "d" * 64 * 256
    import_model(proto)
