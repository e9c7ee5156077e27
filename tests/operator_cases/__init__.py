"""Random graphs by operator family, for fuzzing against `onnx.reference`."""

from __future__ import annotations

from . import (
    convolution,
    elementwise,
    indexing,
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
    "sequence": sequences.CASES,
    "quantized": quantized.CASES,
    "network": networks.CASES,
}
"""The cases of each family; those that have more to vary more than once."""

__all__ = ["FAMILIES", "Builder", "Case", "Draw"]
