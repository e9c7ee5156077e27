"""Lazy tables of our dialects, passes and targets, for `xdsl-opt`, `deeploy-opt` and library users.

Nothing here imports more than xDSL's own universe class: a table entry is resolved when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from xdsl.universe import Universe

DIALECTS: dict[str, str] = {
    "onnx": "onnx:Onnx",
    "qnn": "qnn:Qnn",
    "kernel": "kernel:Kernel",
    "tiled": "tiled:Tiled",
    "mem": "mem:Mem",
    "dma": "dma:Dma",
    "cluster": "cluster:Cluster",
    "soc": "soc:Soc",
    "c": "c:C",
}
"""Dialect name -> module under `deeploy_mlir.dialects` and the name of its `Dialect` object."""

PASSES: dict[str, str] = {
    "convert-onnx-to-kernel": "lowering.onnx_to_kernel:ConvertOnnxToKernelPass",
}
"""Pass name -> module under `deeploy_mlir` and the name of its `ModulePass` class."""

TARGETS: dict[str, str] = {
    "c": "lowering.print_c:CTarget",
}
"""Target name -> module under `deeploy_mlir` and the name of its `Target` class."""


def _lazy(package: str, path: str) -> Callable[[], Any]:
    module, attribute = path.split(":")

    def load() -> Any:
        return getattr(import_module(f"{package}.{module}"), attribute)

    return load


UNIVERSE = Universe(
    all_dialects={name: _lazy("deeploy_mlir.dialects", path) for name, path in DIALECTS.items()},
    all_passes={name: _lazy("deeploy_mlir", path) for name, path in PASSES.items()},
    all_targets={name: _lazy("deeploy_mlir", path) for name, path in TARGETS.items()},
)
