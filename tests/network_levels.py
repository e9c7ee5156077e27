"""A small network of two convolutions, lowered as far as a test wants, and ways to run what came out."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.parser import Parser
from xdsl.passes import PassPipeline
from xdsl.universe import Universe

from deeploy_mlir.machine.registry import load_soc
from deeploy_mlir.support.numpy_types import Array, dense
from deeploy_mlir.universe import UNIVERSE

OpT = TypeVar("OpT", bound=Operation)

CONV = (
    "layout = #kernel<layout channels_last>, window = array<i64: 3, 3>, strides = array<i64: 1, 1>, "
    "dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>"
)

ROOM = 4_000
"""Bytes of L1 beside the stacks: every operand of the second convolution passes through buffers."""

ATTACH = "deeploy-attach-soc"
STAGES = (
    "convert-kernel-to-tiled",
    "deeploy-plan",
    "convert-tiled-to-mem",
    "deeploy-insert-dma",
    "deeploy-pipeline-dma",
    "convert-mem-to-cluster",
)
"""The passes from the kernel level to the last that is interpreted."""


def context() -> Context:
    """All dialects, ours and xDSL's."""
    result = Context()
    everywhere = Universe.get_multiverse()
    for name, dialect in (everywhere.all_dialects | UNIVERSE.all_dialects).items():
        result.register_dialect(name, dialect)
    return result


def parse(text: str) -> ModuleOp:
    """A verified module from IR text."""
    module = Parser(context(), text).parse_module()
    module.verify()
    return module


def run_passes(module: ModuleOp, pipeline: str) -> None:
    """Runs a pipeline on the module, in place."""
    everywhere = Universe.get_multiverse()
    PassPipeline.parse_spec(everywhere.all_passes | UNIVERSE.all_passes, pipeline).apply(context(), module)
    module.verify()


def weights() -> tuple[Array, Array]:
    """The weights of the two convolutions."""
    random = np.random.default_rng(5)
    first = random.integers(-128, 128, (12, 3, 3, 4), np.int8)
    return first, random.integers(-128, 128, (8, 3, 3, 12), np.int8)


def sample() -> Array:
    """An input."""
    return np.random.default_rng(6).integers(-128, 128, (1, 14, 14, 4), np.int8)


def network() -> ModuleOp:
    """The network on the kernel level: 1x14x14x4 i8 -> 1x14x14x12 i8 -> 1x14x14x8 i32."""
    first, second = (str(dense(w)) for w in weights())
    return parse(f"""
builtin.module @net {{
  ml_program.global private @w1({first}) : tensor<12x3x3x4xi8>
  ml_program.global private @w2({second}) : tensor<8x3x3x12xi8>
  func.func @net(%x: tensor<1x14x14x4xi8>) -> tensor<1x14x14x8xi32> attributes {{arg_names = ["x"],
      result_names = ["z"]}} {{
    %w1 = ml_program.global_load_const @w1 : tensor<12x3x3x4xi8>
    %w2 = ml_program.global_load_const @w2 : tensor<8x3x3x12xi8>
    %e = tensor.empty() : tensor<1x14x14x12xi8>
    %f = tensor.empty() : tensor<1x14x14x8xi32>
    %y = kernel.conv ins(%x, %w1 : tensor<1x14x14x4xi8>, tensor<12x3x3x4xi8>) outs(%e : tensor<1x14x14x12xi8>)
      {{layer = "first", {CONV}}} {{
      ^bb0(%a : i32):
        %b = kernel.cast %a : i32 to i8
        kernel.yield %b : i8
      }} -> tensor<1x14x14x12xi8>
    %z = kernel.conv ins(%y, %w2 : tensor<1x14x14x12xi8>, tensor<8x3x3x12xi8>) outs(%f : tensor<1x14x14x8xi32>)
      {{layer = "second", {CONV}}} -> tensor<1x14x14x8xi32>
    func.return %z : tensor<1x14x14x8xi32>
  }}
}}
""")


def pipeline_to(last: str, target: str = "siracusa", room: int | None = ROOM, double_buffer: bool = True) -> str:
    """The passes from the kernel level up to and including `last`, with `room` bytes of L1 beside the stacks, on
    cores alone."""
    stacks = sum(engine.reserved_bytes for engine in load_soc(target).engines)
    size = f" l1={stacks + room}" if room is not None else ""
    plan = f"deeploy-plan{{double-buffer={str(double_buffer).lower()}}}"
    every = (ATTACH, *STAGES)
    cores = ' without="neureka"' if target == "siracusa" else ""
    options = {ATTACH: f"{ATTACH}{{target={target}{size}{cores}}}", "deeploy-plan": plan}
    return ",".join(options.get(stage, stage) for stage in every[: every.index(last) + 1])


@cache
def _lowered(last: str, target: str, room: int | None, double_buffer: bool) -> ModuleOp:
    module = network()
    run_passes(module, pipeline_to(last, target, room, double_buffer))
    return module


def lowered(last: str, target: str = "siracusa", room: int | None = ROOM, double_buffer: bool = True) -> ModuleOp:
    """The network after the pass `last`, to be changed at will."""
    return _lowered(last, target, room, double_buffer).clone()


def ops_of(module: ModuleOp, kind: type[OpT]) -> list[OpT]:
    """All operations of a kind, in order."""
    return [op for op in module.walk() if isinstance(op, kind)]
