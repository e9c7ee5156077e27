"""Random graphs by operator family, for fuzzing against `onnx.reference`."""

from __future__ import annotations

import numpy as np

from . import (
    convolution,
    detection,
    elementwise,
    exported,
    indexing,
    microsoft,
    movement,
    networks,
    normalisations,
    products,
    quantized,
    reductions,
    resizing,
    sequences,
)
from .builder import Builder, Case, Draw

FAMILIES: dict[str, tuple[Case, ...]] = {
    "convolution": convolution.CASES,
    "product": products.CASES,
    "elementwise": elementwise.CASES,
    "reduction": reductions.CASES,
    "normalisation": normalisations.CASES,
    "movement": movement.CASES,
    "indexing": indexing.CASES,
    "resizing": resizing.CASES,
    "detection": detection.CASES,
    "sequence": sequences.CASES,
    "quantized": quantized.CASES,
    "network": networks.CASES,
    "transformer": microsoft.CASES,
}
"""The cases of each family; those that have more to vary more than once."""

EXPORTED: dict[str, tuple[Case, ...]] = {"integers": exported.INTEGERS, "training": exported.TRAINING}
"""Families of operators that ONNX does not have."""


def random_model(family: str, seed: int, cases: int) -> Builder:
    """A model with `cases` graphs of a family, the same for a seed."""
    choices = np.random.default_rng([seed, 1])
    b = Builder(lambda low, high: int(choices.integers(low, high + 1)), np.random.default_rng(seed))
    for _ in range(cases):
        b.add(b.pick(FAMILIES[family]))
    return b


__all__ = ["EXPORTED", "FAMILIES", "Builder", "Case", "Draw", "random_model"]
