"""Sliding windows: strides, dilations and pads of convolutions and pools, explicit and automatic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder

MAX_EXTENT = 1 << 30
"""The longest axis, pads included: indices of the C code are 32 bits wide."""


@dataclass(frozen=True)
class Window:
    """A sliding window; `pads` are the low ones of all axes, then the high ones."""

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...]


def window_of(b: LayerBuilder, image: Sequence[int], sizes: Sequence[int]) -> Window:
    """The window of the node being lowered, over an image [N, C, s..], with pads as they are computed.

    Raises DeeployError if the attributes do not fit each other or the image."""
    op, rank = b.op, len(image) - 2
    strides: list[int] = op.attr("strides") or [1] * rank
    known = op.get_irdl_definition().properties
    dilations: list[int] = (op.attr("dilations") if "dilations" in known else None) or [1] * rank
    pads: list[int] = op.attr("pads") or [0] * (2 * rank)
    if not 1 <= rank <= 3 or len(sizes) != rank:
        raise b.error(f"has an image of shape {list(image)} and a window of {list(sizes)}; 1 to 3 axes are supported")
    if [len(strides), len(dilations), len(pads)] != [rank, rank, 2 * rank] or min([*strides, *dilations, *sizes]) < 1:
        raise b.error(f"has strides {strides}, dilations {dilations} and pads {pads} for {rank} spatial axes")
    if min(pads) < 0:
        raise b.error(f"has negative pads {pads}; slice the input instead")
    auto = op.attr("auto_pad") or "NOTSET"
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, sizes, strict=True)]
    if auto == "VALID":
        pads = [0] * (2 * rank)
    elif auto in ("SAME_UPPER", "SAME_LOWER"):
        pads = _same(image[2:], reach, strides, upper=auto == "SAME_UPPER")
    elif auto != "NOTSET":
        raise b.error(f"has auto_pad = {auto}; NOTSET, VALID, SAME_UPPER and SAME_LOWER are supported")
    # With ceil_mode the last windows may start inside the image or its pads and end beyond them.
    for i, size in enumerate(b.result_shape[2:]):
        missing = strides[i] * (size - 1) + reach[i] - (image[2 + i] + pads[i] + pads[rank + i])
        pads[rank + i] += max(missing, 0)
    padded = [n + low + high for n, low, high in zip(image[2:], pads[:rank], pads[rank:], strict=True)]
    longest = max([*padded, *reach, *strides])
    if longest > MAX_EXTENT:
        raise b.error(f"has windows that reach over {longest} elements of an axis, pads included")
    return Window(tuple(sizes), tuple(strides), tuple(dilations), tuple(pads))


def _same(extents: Sequence[int], reach: Sequence[int], strides: Sequence[int], *, upper: bool) -> list[int]:
    low: list[int] = []
    high: list[int] = []
    for extent, span, stride in zip(extents, reach, strides, strict=True):
        total = max((-(-extent // stride) - 1) * stride + span - extent, 0)
        small, large = total // 2, total - total // 2
        low.append(small if upper else large)
        high.append(large if upper else small)
    return [*low, *high]
