"""Where the peer suite is, and what its manifest says of its networks."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from deeploy_mlir.support.errors import DeeployError

T = TypeVar("T")


@dataclass(frozen=True)
class Leaf:
    """One network of the suite. `tolerance` is relative to the largest golden value, None for exact; `weak`: the golden
    output does not depend on the input."""

    path: str
    nodes: int
    macs: int
    tolerance: float | None
    weak: bool


def suite() -> Path:
    """The suite's folder, which need not exist."""
    return shared_folder("peer-suite")


def shared_folder(name: str) -> Path:
    """A folder of networks outside this repository: under DEEPLOY_SHARED, or else beside the repository."""
    shared = os.environ.get("DEEPLOY_SHARED")
    return (Path(shared) if shared else Path(__file__).resolve().parents[2] / "shared") / name


@cache
def all_leaves() -> tuple[Leaf, ...]:
    """Every network of the suite; empty where it is absent."""
    manifest = suite() / "manifest.json"
    if not manifest.is_file():
        return ()
    records: list[dict[str, Any]] = json.loads(manifest.read_text())["leaves"]
    return tuple(Leaf(r["path"], r["nodes"], r["macs"], r["tolerance"].get("value"), r["weak"]) for r in records)


def within(l1: int, compile_with: Callable[[int], T]) -> T:
    """What `compile_with` makes of `l1` bytes of L1, or, where that is refused, of the least that the message names."""
    try:
        return compile_with(l1)
    except DeeployError as error:
        least = re.search(r"the smallest l1 that would do is (\d+) bytes", str(error))
        if least is None or not l1 < int(least[1]) <= 64 * 1024:
            raise
        return compile_with(int(least[1]))
