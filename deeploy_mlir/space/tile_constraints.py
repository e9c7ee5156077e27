"""What a kernel asks of the sizes of its tiles. Free of IR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TileConstraints:
    """Hard limits on the tile sizes that a kernel is called with.

    `multiples` and `maxima` have an entry for each dimension of the iteration space, or none at all: a tile is a
    multiple long or the whole dimension (the last tile of a dimension is what remains), and no longer than the maximum,
    0 meaning that there is none. Dimensions in `whole` are not cut. `fits` says for the sizes of a tile whether they go
    together, such as an input tile that has to fit a buffer of the engine."""

    multiples: tuple[int, ...] = ()
    maxima: tuple[int, ...] = ()
    whole: frozenset[int] = frozenset()
    fits: Callable[[Sequence[int]], bool] | None = None

    def allows_size(self, dim: int, size: int, extent: int) -> bool:
        """Whether a tile may be `size` long along one dimension of `extent`."""
        if self.maxima and self.maxima[dim] and size > self.maxima[dim]:
            return False
        if size == extent:
            return True
        return dim not in self.whole and (not self.multiples or size % self.multiples[dim] == 0)

    def allows(self, sizes: Sequence[int], extents: Sequence[int]) -> bool:
        """Whether a kernel may be called with a tile of these sizes of an operator of these extents."""
        each = all(self.allows_size(d, s, e) for d, (s, e) in enumerate(zip(sizes, extents, strict=True)))
        return each and (self.fits is None or self.fits(sizes))

    def granularities(self, dim: int) -> tuple[int, ...]:
        """Sizes along a dimension whose multiples are worth trying because of these limits."""
        multiple = self.multiples[dim] if self.multiples else 1
        maximum = self.maxima[dim] if self.maxima else 0
        return tuple(g for g in (multiple, maximum - maximum % multiple) if g > 1)
