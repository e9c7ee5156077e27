"""Weights as N-EUREKA reads them: their bits, in rows of 32 bytes, each for so many input channels.

The engine takes unsigned weights and adds an offset; signed ones of 8 bits are stored 128 higher, and -128 is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deeploy_mlir.kernels.packing import Packing
from deeploy_mlir.support.numpy_types import Array

ROW = 32
"""Bytes of a row."""
BITS = 8
"""Of a weight."""
CHANNELS_1X1 = 32
"""Input channels of a row of 1x1 weights."""
CHANNELS_3X3 = 28
"""Input channels of the rows of 3x3 weights, which hold one bit of each of their 9 * 28."""
TAPS = 9


def packed_bytes_1x1(channels: int) -> int:
    """Bytes of an output channel's packed 1x1 weights, for so many input channels."""
    return -(-channels // CHANNELS_1X1) * ROW


def packed_bytes_3x3(channels: int) -> int:
    """Bytes of an output channel's packed 3x3 weights, for so many input channels; of all for depthwise ones."""
    return -(-channels // CHANNELS_3X3) * BITS * ROW


def _tiles(weights: Array, channels: int) -> Array:
    """(..., c) to (..., tiles, channels) as unsigned numbers, the missing channels 0."""
    count = weights.shape[-1]
    tiles = -(-count // channels)
    raised = np.zeros((*weights.shape[:-1], tiles * channels), np.uint8)
    raised[..., :count] = (weights.astype(np.int16) + 128).astype(np.uint8)
    return raised.reshape(*weights.shape[:-1], tiles, channels)


def _lowered(raised: Array) -> Array:
    return (raised.astype(np.int16) - 128).astype(np.int8)


def pack_1x1(weights: Array) -> Array:
    """int8 [out, in] as int8 [out, packed_bytes_1x1(in)].

    A row: 8 groups of 4 channels, each the lowest bits of its channels, then the next bits, and so on."""
    groups = _tiles(weights, CHANNELS_1X1).reshape(weights.shape[0], -1, 4)
    bits = np.unpackbits(groups[..., None], axis=-1, bitorder="little")  # [out, group, channel, bit]
    rows = np.packbits(bits.swapaxes(-1, -2).reshape(*groups.shape[:2], 32), axis=-1, bitorder="little")
    return rows.reshape(weights.shape[0], -1).view(np.int8)


def unpack_1x1(packed: Array, channels: int) -> Array:
    """The inverse of `pack_1x1`, for so many input channels."""
    groups = np.ascontiguousarray(packed).view(np.uint8).reshape(packed.shape[0], -1, 4)
    bits = np.unpackbits(groups, axis=-1, bitorder="little").reshape(*groups.shape[:2], BITS, 4)
    raised = np.packbits(bits.swapaxes(-1, -2), axis=-1, bitorder="little")
    return _lowered(raised.reshape(packed.shape[0], -1)[:, :channels])


def pack_3x3(weights: Array) -> Array:
    """int8 [out, 3, 3, in] as int8 [out, packed_bytes_3x3(in)].

    For each 28 input channels there are 8 rows, of the lowest bits to the highest; a row holds the channels of the
    first tap, then those of the second, and so on, and 4 bits that are not used. Depthwise weights are those of one
    output channel: [1, 3, 3, channels]."""
    out = weights.shape[0]
    tiles = _tiles(weights.reshape(out, TAPS, -1), CHANNELS_3X3)  # [out, tap, tile, channel]
    bits = np.unpackbits(tiles[..., None], axis=-1, bitorder="little").transpose(0, 2, 4, 1, 3)
    rows = np.zeros((*bits.shape[:3], 8 * ROW), np.uint8)
    rows[..., : TAPS * CHANNELS_3X3] = bits.reshape(*bits.shape[:3], -1)
    return np.packbits(rows, axis=-1, bitorder="little").reshape(out, -1).view(np.int8)


def unpack_3x3(packed: Array, channels: int) -> Array:
    """The inverse of `pack_3x3`: int8 [out, 3, 3, channels]."""
    out = packed.shape[0]
    rows = np.ascontiguousarray(packed).view(np.uint8).reshape(out, -1, BITS, ROW)
    bits = np.unpackbits(rows, axis=-1, bitorder="little")[..., : TAPS * CHANNELS_3X3]
    taps = bits.reshape(out, -1, BITS, TAPS, CHANNELS_3X3).transpose(0, 3, 1, 4, 2)
    raised = np.packbits(taps, axis=-1, bitorder="little").reshape(out, TAPS, -1)
    return _lowered(raised[..., :channels]).reshape(out, 3, 3, channels)


@dataclass(frozen=True)
class Packed1x1(Packing):
    """1x1 weights, a block for each output channel; `axis` is the one of the plain weights along which these lie."""

    axis: int
    dim: int | None

    def pack(self, plain: Array) -> Array:
        rows = np.moveaxis(plain, self.axis, 0)
        return pack_1x1(rows.reshape(len(rows), -1)).view(np.uint8)

    def unpack(self, packed: Array, shape: Sequence[int]) -> Array:
        others = [size for axis, size in enumerate(shape) if axis != self.axis]
        rows = unpack_1x1(packed, int(np.prod(others)))
        return np.moveaxis(rows.reshape(len(packed), *others), 0, self.axis)


@dataclass(frozen=True)
class Packed3x3(Packing):
    """3x3 weights [out, 3, 3, in], a block for each output channel."""

    dim: int | None
    block: int = 1

    def pack(self, plain: Array) -> Array:
        return pack_3x3(plain).view(np.uint8)

    def unpack(self, packed: Array, shape: Sequence[int]) -> Array:
        return unpack_3x3(packed, shape[-1])


@dataclass(frozen=True)
class PackedDepthwise(Packing):
    """Depthwise 3x3 weights [channels, 3, 3, 1], a block for each 28 channels."""

    dim: int | None
    block: int = CHANNELS_3X3

    def pack(self, plain: Array) -> Array:
        taps_first = np.moveaxis(plain, 0, -1).reshape(1, 3, 3, len(plain))
        return pack_3x3(taps_first).view(np.uint8).reshape(-1, BITS * ROW)

    def unpack(self, packed: Array, shape: Sequence[int]) -> Array:
        rows = unpack_3x3(packed.reshape(1, -1), shape[0])
        return np.moveaxis(rows, -1, 0).reshape(shape[0], 3, 3, 1)
