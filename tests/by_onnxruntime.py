"""onnxruntime as a reference."""

from __future__ import annotations

from typing import Any

import onnx
import pytest


def onnxruntime_session(model: onnx.ModelProto, *, optimised: bool = True) -> Any:
    """A session of onnxruntime whose integer products are exact: by default, pairs of products of uint8 and int8
    saturate at 16 bits on x86 processors without VNNI. Skips the test where onnxruntime is not installed.

    Without `optimised` the model runs as it is written, and such products saturate there: what changes that is an
    optimisation."""
    runtime: Any = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    runtime.set_default_logger_severity(4)
    options = runtime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    if not optimised:
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
