"""Transposes and reshapes moved through each other and through other operators, against numpy, over random shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.context import Context

from deeploy_mlir.frontend import import_model
from deeploy_mlir.interpreters.run import run_module
from deeploy_mlir.pipelines import GRAPH, run_pipeline
from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.universe import UNIVERSE

from .test_frontend import model, node

PASSES = ("convert-onnx-to-kernel", "deeploy-channels-last", "deeploy-sink-transposes", "deeploy-fuse-epilogues")


class Chain:
    """A network that is drawn operator by operator, with its value by numpy."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}
        shape = draw(st.lists(st.sampled_from([1, 2, 2, 3, 4, 6]), min_size=2, max_size=4))
        self.x = self.value = self.numbers(shape)

    def numbers(self, shape: Sequence[int]) -> Array:
        """Small integers: sums and products of them are exact in any order."""
        return self.rng.integers(-4, 5, shape).astype(np.float32)

    def append(self, op: str, value: Array, *constants: Array, **attrs: Any) -> None:
        names = [f"c{len(self.constants) + i}" for i in range(len(constants))]
        self.constants.update(zip(names, constants, strict=True))
        inputs = [f"v{len(self.nodes)}", *names]
        self.nodes.append(node(op, " ".join(inputs), f"v{len(self.nodes) + 1}", **attrs))
        self.value = value

    def transpose(self) -> None:
        order = self.draw(st.permutations(range(self.value.ndim)))
        self.append("Transpose", self.value.transpose(order), perm=order)

    def reshape(self) -> None:
        shape: list[int] = []
        left = self.value.size
        while left > 1 and len(shape) < 4:
            divisors = [d for d in range(1, left + 1) if left % d == 0]
            shape.append(self.draw(st.sampled_from(divisors)))
            left //= shape[-1]
        shape.append(left)
        self.append("Reshape", self.value.reshape(shape), np.array(shape))

    def product(self) -> None:
        weights = self.numbers([self.value.shape[-1], self.draw(st.integers(1, 3))])
        if self.value.ndim > 1:
            self.append("MatMul", self.value @ weights, weights)

    def bias(self) -> None:
        suffix = self.value.shape[self.draw(st.integers(0, self.value.ndim)) :]
        bias = self.numbers([s if self.draw(st.booleans()) else 1 for s in suffix])
        self.append("Add", self.value + bias, bias)

    def relu(self) -> None:
        self.append("Relu", np.maximum(self.value, 0))

    def sum(self) -> None:
        axis, keep = self.draw(st.integers(0, self.value.ndim - 1)), self.draw(st.booleans())
        if self.value.ndim > 1:
            found = self.value.sum(axis, keepdims=keep)
            self.append("ReduceSum", found, np.array([axis]), keepdims=int(keep))

    def largest(self) -> None:
        """A row function."""
        self.append("Hardmax", np.eye(self.value.shape[-1], dtype=np.float32)[self.value.argmax(-1)])

    def pad(self) -> None:
        pads = [self.draw(st.integers(0, 1)) for _ in range(2 * self.value.ndim)]
        pairs = list(zip(pads[: self.value.ndim], pads[self.value.ndim :], strict=True))
        self.append("Pad", np.pad(self.value, pairs), np.array(pads))

    def joined(self) -> None:
        axis = self.draw(st.integers(0, self.value.ndim - 1))
        shape = list(self.value.shape)
        shape[axis] = self.draw(st.integers(1, 2))
        other = self.numbers(shape)
        self.append("Concat", np.concatenate([self.value, other], axis), other, axis=axis)

    def first(self) -> None:
        axis = self.draw(st.integers(0, self.value.ndim - 1))
        end = self.draw(st.integers(1, self.value.shape[axis]))
        taken = self.value.take(range(end), axis)
        self.append("Slice", taken, np.array([0]), np.array([end]), np.array([axis]))


OTHERS = ("product", "product", "bias", "relu", "sum", "largest", "pad", "joined", "first")


@st.composite
def chains(draw: st.DrawFn) -> Chain:
    """One to three times a transpose and a reshape in either order, and another operator."""
    chain = Chain(draw)
    for _ in range(draw(st.integers(1, 3))):
        movement = draw(st.permutations(["transpose", "reshape"]))
        for step in (*movement, draw(st.sampled_from(OTHERS))):
            if chain.value.size <= 500:
                getattr(chain, step)()
    return chain


def check(chain: Chain) -> None:
    proto = model(chain.nodes, {"v0": chain.x.shape}, {f"v{len(chain.nodes)}": chain.value.shape}, chain.constants)
    module = import_model(proto)
    run_pipeline(module, ",".join(GRAPH))
    for name in PASSES:
        UNIVERSE.all_passes[name]()().apply(Context(), module)
        module.verify()
        (found,) = run_module(module, [chain.x])
        np.testing.assert_array_equal(found, chain.value, err_msg=f"after {name}")


@given(chains())
@settings(max_examples=60, deadline=None)
def test_chains(chain: Chain) -> None:
    if chain.nodes:
        check(chain)


@pytest.mark.slow
@given(chains())
@settings(max_examples=2000, deadline=None)
def test_many_chains(chain: Chain) -> None:
    if chain.nodes:
        check(chain)
