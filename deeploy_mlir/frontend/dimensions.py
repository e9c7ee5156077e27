"""Dimensions of inputs that the file leaves open, and the sizes that the user gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx

from deeploy_mlir.support.errors import DeeployError


@dataclass(frozen=True)
class Dimension:
    """A dimension without a size: one with a name or none, or one given as -1.

    `axis`: of its input. `place`: input and axis, such as `x_0`. `name`: what the file calls it, "" for nothing."""

    axis: int
    place: str
    name: str

    @property
    def label(self) -> str:
        """What messages call it: its name, if that is one, else its place. Two that are both called `?` are two."""
        return self.name if self.name.isidentifier() else self.place

    def size_in(self, sizes: Mapping[str, int]) -> int | None:
        """The size given for its place or, failing that, its name; None if there is neither."""
        return sizes.get(self.place, sizes.get(self.name) if self.is_named else None)

    def answers_to(self, asked: str) -> bool:
        """Whether a size for `asked` is meant for it."""
        return asked == self.place or (self.is_named and asked == self.name)

    @property
    def is_named(self) -> bool:
        """Whether its name says something, as `N` and `past + 1` do, and `?` and `*` do not."""
        return any(c.isalpha() for c in self.name)


def symbolic_dimensions(inputs: Sequence[onnx.ValueInfoProto]) -> dict[str, list[Dimension]]:
    """The dimensions of inputs that have no size in the file, by input."""
    axes = [
        (value.name, axis, dim.dim_param)
        for value in inputs
        for axis, dim in enumerate(value.type.tensor_type.shape.dim)
        if not dim.HasField("dim_value") or dim.dim_value < 0
    ]
    taken = {name for _, _, name in axes}
    found: dict[str, list[Dimension]] = {value.name: [] for value in inputs}
    for tensor, axis, name in axes:
        place = f"{tensor}_{axis}"
        while place in taken and place != name:
            place += "_"
        taken.add(place)
        found[tensor].append(Dimension(axis, place, name))
    return found


def check_sizes(dimensions: Mapping[str, Sequence[Dimension]], sizes: Mapping[str, int], what: str) -> None:
    """Raises DeeployError for a size of a dimension that there is not."""
    listed = [d for found in dimensions.values() for d in found]
    for asked in sizes:
        if not any(d.answers_to(asked) for d in listed):
            known = ", ".join(sorted({d.label for d in listed})) or "none"
            raise DeeployError(f"no dimension is called '{asked}'; the symbolic ones are: {known}", what)


def bound_shape(value: onnx.ValueInfoProto, dimensions: Sequence[Dimension], sizes: Mapping[str, int]) -> list[int]:
    """The shape of an input with these sizes of its symbolic dimensions. Raises DeeployError if one has none."""
    shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    for dimension in dimensions:
        size = dimension.size_in(sizes)
        if size is None:
            label = dimension.label
            raise DeeployError(
                f"dimension {dimension.axis} ('{label}') has no size; bind it with --dim {label}=1", value.name
            )
        shape[dimension.axis] = size
    return shape
