"""Dimensions of inputs that the file leaves open."""

from __future__ import annotations

import pytest

from deeploy_mlir.dialects.graph_op import tensor_type
from deeploy_mlir.frontend import import_model
from deeploy_mlir.graph.evaluate import graph_function
from deeploy_mlir.support.errors import DeeployError

from .test_frontend import Shape, model, node


def shapes(dims: dict[str, int], *names: str | int) -> list[tuple[int, ...]]:
    """Shapes of the inputs x0, x1 .. of one dimension each, called so in the file, with these sizes."""
    inputs: dict[str, Shape] = {f"x{i}": [name, 3] for i, name in enumerate(names)}
    nodes = [node("Relu", x, f"y_{x}") for x in inputs]
    proto = model(nodes, inputs, {f"y_{x}": None for x in inputs})
    arguments = graph_function(import_model(proto, dims=dims)).body.block.args
    return [tuple(tensor_type(a).get_shape()) for a in arguments]


def test_minus_one_is_a_symbolic_dimension() -> None:
    assert shapes({"x0_0": 2}, -1) == [(2, 3)]
    with pytest.raises(DeeployError, match=r"dimension 0 \('x0_0'\) has no size; bind it with --dim x0_0=1"):
        shapes({}, -1)


@pytest.mark.parametrize("name", ["?", "", "*", "-1", -1, -(2**40)])
def test_nameless_dimensions_are_apart(name: str | int) -> None:
    assert shapes({"x0_0": 2, "x1_0": 5}, name, name) == [(2, 3), (5, 3)]
    with pytest.raises(DeeployError, match=r"x1: dimension 0 \('x1_0'\) has no size"):
        shapes({"x0_0": 2}, name, name)
    with pytest.raises(DeeployError, match=r"no dimension is called '\?\?'; the symbolic ones are: x0_0, x1_0"):
        shapes({"??": 2}, name, name)


def test_a_name_is_one_dimension_and_a_place_comes_first() -> None:
    assert shapes({"N": 2}, "N", "N") == [(2, 3), (2, 3)]
    assert shapes({"N": 2, "x1_0": 5}, "N", "N") == [(2, 3), (5, 3)]
    assert shapes({"past + 1": 4}, "past + 1", "past + 1") == [(4, 3), (4, 3)]
    with pytest.raises(DeeployError, match="bind it with --dim x0_0=1"):
        shapes({}, "past + 1")


def test_a_name_that_looks_like_a_place() -> None:
    assert shapes({"x0_0_": 2, "x0_0": 5}, -1, "x0_0") == [(2, 3), (5, 3)]


def test_no_element_to_compute() -> None:
    with pytest.raises(DeeployError, match="test: with --dim N=0 no output has an element: nothing would be"):
        shapes({"N": 0}, "N", "N")
    assert shapes({"N": 0, "M": 1}, "N", "M") == [(0, 3), (1, 3)]
