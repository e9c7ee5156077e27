"""Operators of detectors, which read images where data say: RoiAlign, DeformConv."""

from __future__ import annotations

from typing import Any

import numpy as np

from .builder import Builder


def roi_align(b: Builder) -> str:
    """Regions within the image, beyond it, of no size, of whole numbers."""
    images, channels, height, width, regions = (b.number(1, most) for most in (2, 3, 8, 8, 4))
    scale = b.pick([1.0, 0.5, 0.25])
    mode = b.pick(["avg", "max"])
    attributes: dict[str, Any] = {
        "mode": mode,
        "sampling_ratio": b.pick([0, 0, 1, 2, 3] if mode == "avg" else [0, 1, 2]),
        "output_height": b.number(1, 4),
        "output_width": b.number(1, 4),
        "spatial_scale": scale,
        "coordinate_transformation_mode": b.pick(["half_pixel", "output_half_pixel"]),
    }
    bounded = mode == "max" and attributes["sampling_ratio"] == 0
    if bounded:  # one kernel for each sample that a bin may have
        attributes |= {"output_height": 4, "output_width": 4}
    around = 0 if bounded else 4
    size = np.array([width, height])
    low = b.rng.uniform(-around, size - 1, (regions, 2))
    high = low + b.rng.uniform(b.pick([0, -1]), size + around, (regions, 2))
    if bounded:
        low, high = np.maximum(low, 0), np.minimum(high, size)
    rois = np.asarray(np.concatenate([low, high], 1) / scale, np.float32)
    if b.flag():
        rois = np.rint(rois)
    words = [b.input(b.real((images, channels, height, width))), b.input(rois)]
    words.append(b.input(b.whole((regions,), np.uint8, images - 1).astype(np.int64)))
    return b.op("RoiAlign", *words, **attributes)


def deform_conv(b: Builder) -> str:
    """Groups of channels and of offsets, a mask or none, offsets of whole numbers at times."""
    group, shared = b.number(1, 2), b.number(1, 2)
    channels, filters = group * shared * b.number(1, 2), group * b.number(1, 3)
    batch, image, kernel = b.number(1, 2), [b.number(3, 8) for _ in range(2)], [b.number(1, 3) for _ in range(2)]
    pads, strides = [b.number(0, 2) for _ in range(4)], [b.number(1, 2) for _ in range(2)]
    padded = [n + pads[d] + pads[d + 2] for d, n in enumerate(image)]
    dilations = [b.number(1, 2) if n > 2 * (k - 1) else 1 for n, k in zip(padded, kernel, strict=True)]
    out = [(padded[d] - dilations[d] * (kernel[d] - 1) - 1) // strides[d] + 1 for d in range(2)]
    taps = shared * kernel[0] * kernel[1]
    offsets = 2 * b.rng.standard_normal((batch, 2 * taps, *out))
    words = [b.input(b.real((batch, channels, *image))), b.either(b.real((filters, channels // group, *kernel)))]
    words.append(b.input((np.round(offsets) if b.flag() else offsets).astype(np.float32)))
    words.append(b.either(b.real((filters,))) if b.flag() else "")
    words.append(b.input(b.rng.random((batch, taps, *out)).astype(np.float32)) if b.flag() else "")
    attributes: dict[str, Any] = {"group": group, "offset_group": shared, "kernel_shape": kernel}
    return b.op("DeformConv", *words, pads=pads, strides=strides, dilations=dilations, **attributes)


CASES = (roi_align, deform_conv)
