"""The domain com.microsoft, which onnxruntime's optimiser and quantiser write, in operators of the standard."""

from __future__ import annotations

from deeploy_mlir.frontend.microsoft.table import OPERATORS, REFUSED
from deeploy_mlir.graph.emitter import Emitter
from deeploy_mlir.graph.node import Node
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.errors import DeeployError

DOMAIN = "com.microsoft"

STANDARD_NAMES = frozenset({"DequantizeLinear", "GatherND", "LayerNormalization", "Pad", "QuantizeLinear", "Trilu"})
"""Operators of the domain that mean what the standard's operator of that name does."""

OF_ONE_MACHINE = frozenset({"com.microsoft.nchwc", "com.ms.internal.nhwc"})
"""Domains of onnxruntime's last optimisations, which lay tensors out for the processor that they run on."""


def imported(emitter: Emitter, node: Node) -> list[Value] | None:
    """The outputs of a node of onnxruntime's domains; None for one of another domain, or of `STANDARD_NAMES`.

    Raises DeeployError for an operator that is not known or refused, and for what is not supported of one."""
    if node.domain in OF_ONE_MACHINE:
        raise DeeployError(
            f"operator {node.op_type} of domain '{node.domain}' is laid out for the processor that onnxruntime "
            "optimised the file on; save it with graph_optimization_level = ORT_ENABLE_EXTENDED",
            node.name,
        )
    if node.domain != DOMAIN or node.op_type in STANDARD_NAMES:
        return None
    if node.op_type in REFUSED:
        raise DeeployError(f"{node.op_type} {REFUSED[node.op_type]}", node.name)
    if node.op_type not in OPERATORS:
        return None
    return OPERATORS[node.op_type].build(emitter, node)


__all__ = ["DOMAIN", "OF_ONE_MACHINE", "OPERATORS", "REFUSED", "STANDARD_NAMES", "imported"]
