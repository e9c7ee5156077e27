"""deeploy-mlir as a backend of `onnx.backend`: models run through the generated C.

    import deeploy_mlir.backend as backend
    outputs = backend.prepare(model).run([x])

`device` is "CPU" (target `generic`) or the name of a target in upper case ("SIRACUSA"). A model that cannot be compiled
raises `DeeployError`, a subclass of Exception that names the node; it is never run in another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import onnx
from onnx.backend.base import Backend, BackendRep

import deeploy_mlir
from deeploy_mlir.machine.registry import target_names
from deeploy_mlir.program.program import Program
from deeploy_mlir.support.numpy_types import Array

CPU = "CPU"


def target_of(device: str) -> str:
    """The target that a device string names: "CPU", "SIRACUSA", with or without ":0"."""
    name = device.split(":")[0]
    return "generic" if name == CPU else name.lower()


class DeeployRep(BackendRep):
    """A compiled model."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Array, ...]:
        """The outputs, in the model's order, for inputs in the model's order (or by name, in a mapping)."""
        names = [tensor.name for tensor in self.program.network.inputs]
        arrays: dict[str, Array]
        if isinstance(inputs, dict):
            arrays = {str(k): np.asarray(v) for k, v in inputs.items()}  # type: ignore[reportUnknownVariableType]
        else:
            values = cast("Sequence[Any]", inputs) if isinstance(inputs, list | tuple) else [inputs]
            arrays = {name: np.asarray(value) for name, value in zip(names, values, strict=False)}
        outputs = self.program.run(arrays)
        return tuple(outputs[tensor.name] for tensor in self.program.network.outputs)


class DeeployBackend(Backend):
    """Compiles models for the host or an emulated target and runs them."""

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = CPU, **kwargs: Any) -> DeeployRep:
        """Compiles the model. Raises DeeployError for what is not supported."""
        return DeeployRep(deeploy_mlir.compile(model, target_of(device), name="network", **kwargs))

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether there is a target for the device."""
        return target_of(device) in target_names()


prepare = DeeployBackend.prepare
supports_device = DeeployBackend.supports_device
run_model = DeeployBackend.run_model
is_compatible = DeeployBackend.is_compatible
