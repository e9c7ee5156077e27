"""The domain com.microsoft, which onnxruntime's optimiser and quantiser write, in operators of the standard."""

from __future__ import annotations

from deeploy_mlir.frontend.microsoft.table import OPERATORS

DOMAIN = "com.microsoft"

STANDARD_NAMES = frozenset({"DequantizeLinear", "LayerNormalization", "QuantizeLinear", "Trilu"})
"""Operators of the domain that mean what the standard's operator of that name does."""

OF_ONE_MACHINE = frozenset({"com.microsoft.nchwc", "com.ms.internal.nhwc"})
"""Domains of onnxruntime's last optimisations, which lay tensors out for the processor that they run on."""

__all__ = ["DOMAIN", "OF_ONE_MACHINE", "OPERATORS", "STANDARD_NAMES"]
