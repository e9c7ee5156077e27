"""ONNX protobuf to the graph level: `import_model`."""

from __future__ import annotations

from deeploy_mlir.frontend.importer import import_model

__all__ = ["import_model"]
