"""Graph passes keep what a network computes: random graphs run before and after each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.frontend import import_model
from deeploy_mlir.graph.evaluate import graph_function, run_module
from deeploy_mlir.passes.fold_batch_norm import FoldBatchNormPass
from deeploy_mlir.passes.fold_constants import FoldConstantsPass
from deeploy_mlir.passes.simplify_graph import SimplifyGraphPass
from deeploy_mlir.support.numpy_types import Array


def model(
    nodes: Sequence[onnx.NodeProto], shape: Sequence[int], constants: dict[str, Array], output: str = "y"
) -> onnx.ModelProto:
    """A model of these nodes on the float input x."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])


def data(rng: np.random.Generator, *shape: int) -> Array:
    """Numbers."""
    return rng.normal(size=shape).astype(np.float32)


def names(module: ModuleOp) -> list[str]:
    """Operator names."""
    return [op.op_type for op in graph_function(module).body.block.ops if isinstance(op, GraphOp)]


def unchanged(proto: onnx.ModelProto, x: Array, *passes: ModulePass, tolerance: float = 1e-4) -> ModuleOp:
    """The module after the passes; it gives what it gave before."""
    module = import_model(proto)
    before = run_module(module, [x])
    for graph_pass in passes:
        graph_pass.apply(Context(), module)
        module.verify()
    for got, expected in zip(run_module(module, [x]), before, strict=True):
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
    return module


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["Conv", "ConvTranspose", "Gemm", "GemmT", "Relu"]),
    st.sampled_from([1, 2]),
    st.booleans(),
)
def test_batch_norm(seed: int, op: str, group: int, bias: bool) -> None:
    rng = np.random.default_rng(seed)
    channels, shape = 6, [2, 4, 5, 5]
    operands, attrs, constants = ["x"], dict[str, Any](), dict[str, Array]()
    if op == "Conv":
        constants["w"], attrs = data(rng, channels, 4 // group, 3, 3), {"group": group}
    elif op == "ConvTranspose":
        constants["w"], attrs = data(rng, 4, channels // group, 2, 2), {"group": group}
    elif op.startswith("Gemm"):
        shape = [3, 4]
        constants["w"] = data(rng, channels, 4) if op == "GemmT" else data(rng, 4, channels)
        attrs = {"transB": int(op == "GemmT"), "alpha": 0.5, "beta": 2.0}
    else:
        channels = 4
    if op != "Relu":
        operands.append("w")
        if bias:
            constants["b"] = data(rng, channels)
            operands.append("b")
    constants |= {"scale": data(rng, channels), "offset": data(rng, channels), "mean": data(rng, channels)}
    constants["variance"] = np.abs(data(rng, channels)) + np.float32(0.1)
    nodes = [
        cast(Any, helper).make_node(op.removesuffix("T"), operands, ["c"], name="layer", **attrs),
        helper.make_node("BatchNormalization", ["c", "scale", "offset", "mean", "variance"], ["y"], name="bn"),
    ]
    module = unchanged(model(nodes, shape, constants), data(rng, *shape), FoldBatchNormPass())
    assert names(module) == ([op.removesuffix("T")] if op != "Relu" else ["Relu", "Mul", "Add"])


def test_batch_norm_behind_a_value_with_other_uses_is_not_folded_in() -> None:
    rng = np.random.default_rng(0)
    vectors = {name: np.abs(data(rng, 3)) + np.float32(0.1) for name in ("s", "o", "m", "v")}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("BatchNormalization", ["c", "s", "o", "m", "v"], ["n"]),
        helper.make_node("Add", ["c", "n"], ["y"]),
    ]
    proto = model(nodes, [1, 2, 4, 4], {"w": data(rng, 3, 2, 1, 1), **vectors})
    module = unchanged(proto, data(rng, 1, 2, 4, 4), FoldBatchNormPass())
    assert names(module) == ["Conv", "Mul", "Add", "Add"]


STEPS = (
    "Transpose",
    "Flatten",
    "Reshape",
    "Unsqueeze",
    "Squeeze",
    "Identity",
    "Dropout",
    "Cast",
    "Add0",
    "Mul1",
    "Pad0",
)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.sampled_from(STEPS), min_size=1, max_size=8))
def test_movement(seed: int, steps: list[str]) -> None:
    """Chains of operators that move elements or do nothing."""
    rng = np.random.default_rng(seed)
    nodes, constants = list[onnx.NodeProto](), dict[str, Array]()
    shape, current = [2, 1, 3, 4], "x"

    def constant(values: Any) -> str:
        name = f"c{len(constants)}"
        constants[name] = np.asarray(values)
        return name

    for index, step in enumerate(steps):
        inputs, attrs, op = [current], dict[str, Any](), step
        if step == "Transpose":
            perm = [int(p) for p in rng.permutation(len(shape))]
            attrs, shape = {"perm": perm}, [shape[p] for p in perm]
        elif step == "Flatten":
            axis = int(rng.integers(0, len(shape) + 1))
            attrs, shape = {"axis": axis}, [int(np.prod(shape[:axis])), int(np.prod(shape[axis:]))]
        elif step == "Reshape":
            shape = [[24], [4, 6], [2, 3, 4], [1, 24, 1], [2, 1, 3, 4]][int(rng.integers(5))]
            inputs.append(constant(np.array(shape)))
        elif step == "Unsqueeze":
            axis = int(rng.integers(0, len(shape) + 1))
            inputs.append(constant(np.array([axis])))
            shape = [*shape[:axis], 1, *shape[axis:]]
        elif step == "Squeeze":
            ones = [i for i, n in enumerate(shape) if n == 1]
            if not ones:
                continue
            inputs.append(constant(np.array(ones[:1])))
            shape = [n for i, n in enumerate(shape) if i != ones[0]]
        elif step == "Cast":
            attrs = {"to": TensorProto.FLOAT}
        elif step in ("Add0", "Mul1"):
            op = step[:-1] if step == "Add0" else "Mul"
            inputs.append(constant(np.float32(step == "Mul1")))
        elif step == "Pad0":
            op = "Pad"
            inputs.append(constant(np.zeros(2 * len(shape), np.int64)))
        nodes.append(cast(Any, helper).make_node(op, inputs, [f"t{index}"], name=f"n{index}", **attrs))
        current = f"t{index}"
    nodes.append(helper.make_node("Neg", [current], ["y"]))
    op = "Neg"
    module = unchanged(model(nodes, [2, 1, 3, 4], constants), data(rng, 2, 1, 3, 4), SimplifyGraphPass(), tolerance=0)
    left = names(module)
    assert left[-1] == op
    # whatever the chain, a transpose with a reshape around it is all that can be left between two of the same kind
    assert all(a != b for a, b in pairwise(left))
    assert set(left) <= {"Transpose", "Reshape", op}


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_pads_go_into_convolutions_only_if_they_are_zeros(value: float) -> None:
    rng = np.random.default_rng(1)
    pads = np.array([0, 0, 1, 0, 0, 0, 2, 1])
    nodes = [
        helper.make_node("Pad", ["x", "p", "v"], ["c"]),
        helper.make_node("Conv", ["c", "w"], ["y"], pads=[0, 1, 0, 1]),
    ]
    constants = {"p": pads, "v": np.asarray(value, np.float32), "w": data(rng, 2, 3, 2, 2)}
    module = unchanged(model(nodes, [1, 3, 4, 4], constants), data(rng, 1, 3, 4, 4), SimplifyGraphPass())
    assert names(module) == (["Conv"] if value == 0 else ["Pad", "Conv"])


def test_constants_are_folded_up_to_a_size() -> None:
    nodes = [
        helper.make_node("Expand", ["one", "shape"], ["e"], name="big"),
        helper.make_node("Add", ["x", "e"], ["y"]),
    ]
    proto = model(nodes, [64, 64], {"one": np.ones(1, np.float32), "shape": np.array([64, 64])})
    x = np.zeros((64, 64), np.float32)
    assert names(unchanged(proto, x, FoldConstantsPass())) == ["Add"]
    assert names(unchanged(proto, x, FoldConstantsPass(limit=1000))) == ["Expand", "Add"]
