"""Operators that the standard took over later, in another form."""

from __future__ import annotations

from collections.abc import Sequence

from deeploy_mlir.graph.calculation import Calculation
from deeploy_mlir.graph.value import Value


def expand_dims(c: Calculation) -> Sequence[Value]:
    """Unsqueeze along one axis."""
    return [c.apply("Unsqueeze", c.node.required(0), c.reshape(c.whole(c.node.required(1)), (1,)))]


def grid_sample(c: Calculation) -> Sequence[Value]:
    """GridSample, whose modes had other names. Positions outside the image are limited to it in the standard's cubic
    mode, but not in this one's."""
    mode = str(c.node.attrs.get("mode", "bilinear"))
    if mode == "bicubic" and c.node.attrs.get("padding_mode") == "border":
        raise c.error("with mode = bicubic and padding_mode = border is not supported")
    names = {"bilinear": "linear", "bicubic": "cubic"}
    attributes = {name: c.node.attrs[name] for name in ("align_corners", "padding_mode") if name in c.node.attrs}
    return [c.apply("GridSample", c.node.required(0), c.node.required(1), mode=names.get(mode, mode), **attributes)]


def number_range(c: Calculation) -> Sequence[Value]:
    """Range; the step is 1 by default."""
    start, limit, step = c.node.required(0), c.node.required(1), c.node.input(2)
    bounds = [c.reshape(v, ()) for v in (start, limit)]
    return [c.apply("Range", *bounds, 1 if step is None else c.reshape(step, ()))]
