"""Resize in its modes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .builder import Builder


def resize(b: Builder) -> str:
    spatial = b.number(1, 3)
    mode = b.pick(["nearest", "nearest", "linear", "linear", "cubic"])
    if mode == "cubic":
        spatial = b.number(1, 2)
    shape = (b.number(1, 2), b.number(1, 3), *(b.number(2, 6) for _ in range(spatial)))
    attributes: dict[str, Any] = {"mode": mode}
    attributes["coordinate_transformation_mode"] = b.pick(
        ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"]
    )
    if mode == "nearest":
        attributes["nearest_mode"] = b.pick(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
    if mode == "cubic":
        attributes |= {"cubic_coeff_a": b.pick([-0.75, -0.5]), "exclude_outside": b.number(0, 1)}
    dtype = b.pick([np.float32, np.float32, np.float32, np.int8, np.uint8]) if mode == "nearest" else np.float32
    x = b.input(b.array(shape, dtype))
    if b.flag():
        factors = [1.0, 1.0, *(b.pick([0.5, 0.75, 1.0, 1.5, 2.0, 3.0]) for _ in range(spatial))]
        products = [n * f for n, f in zip(shape, factors, strict=True)]
        # The reference evaluator takes a product that is no integer for the size, in this one mode.
        pytorch = attributes["coordinate_transformation_mode"] == "pytorch_half_pixel"
        exact = not pytorch or products == [*map(int, products)]
        if exact and min(products) >= 1:
            return b.op("Resize", x, "", b.constant(np.array(factors, np.float32)), **attributes)
    sizes = [*shape[:2], *(b.number(1, 2 * n + 1) for n in shape[2:])]
    return b.op("Resize", x, "", "", b.numbers(sizes), **attributes)


CASES = (resize,)
