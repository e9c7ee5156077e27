"""Where the peer suite is, and which of its leaves the first operators cover."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

COVERED = (
    "Models/MLPerf/KeywordSpotting",
    "Models/MLPerf/VisualWakeWords",
    "Models/MLPerf/AnomalyDetection",
    "Models/CNN_Linear1",
    "Models/miniMobileNetv2",
    "Models/CCT/FP32/CCT_1_16_16_8",
    "Kernels/Integer/Conv",
    "Kernels/Integer/MatMul",
    "Kernels/Integer/GEMM",
    "Kernels/FP32/Conv",
    "Kernels/FP32/MatMul",
)
"""Folders of the suite whose leaves have to compile, run and match."""


@dataclass(frozen=True)
class Leaf:
    """One network of the suite. `tolerance` is relative to the largest golden value, None for exact; `weak`: the golden
    output does not depend on the input."""

    path: str
    macs: int
    tolerance: float | None
    weak: bool


def suite() -> Path:
    """The suite's folder, which need not exist: under DEEPLOY_SHARED, or else beside the repository."""
    shared = os.environ.get("DEEPLOY_SHARED")
    return (Path(shared) if shared else Path(__file__).resolve().parents[2] / "shared") / "peer-suite"


@cache
def covered_leaves() -> tuple[Leaf, ...]:
    """The leaves under `COVERED`; empty where the suite is absent."""
    manifest = suite() / "manifest.json"
    if not manifest.is_file():
        return ()
    records: list[dict[str, Any]] = json.loads(manifest.read_text())["leaves"]
    return tuple(
        Leaf(r["path"], r["macs"], r["tolerance"].get("value"), r["weak"])
        for r in records
        if any(r["path"] == folder or r["path"].startswith(folder + "/") for folder in COVERED)
    )
