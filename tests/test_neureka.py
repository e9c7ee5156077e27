"""N-EUREKA: packed weights, and jobs through the platform's driver on the simulator."""

from __future__ import annotations

import numpy as np
import pytest

from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.targets.siracusa.neureka_weights import (
    pack_1x1,
    pack_3x3,
    packed_bytes_1x1,
    packed_bytes_3x3,
    unpack_1x1,
    unpack_3x3,
)

from .siracusa_images import compiled, loaded

LIMIT = 10_000_000


def random_weights(shape: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(-128, 128, shape, np.int8)


@pytest.mark.parametrize("channels", [1, 4, 31, 32, 33, 64, 100])
def test_packing_1x1_has_an_inverse(channels: int) -> None:
    weights = random_weights((5, channels))
    packed = pack_1x1(weights)
    assert packed.shape == (5, packed_bytes_1x1(channels))
    assert packed.dtype == np.int8
    np.testing.assert_array_equal(unpack_1x1(packed, channels), weights)


@pytest.mark.parametrize("channels", [1, 27, 28, 29, 64])
def test_packing_3x3_has_an_inverse(channels: int) -> None:
    weights = random_weights((3, 3, 3, channels))
    packed = pack_3x3(weights)
    assert packed.shape == (3, packed_bytes_3x3(channels))
    np.testing.assert_array_equal(unpack_3x3(packed, channels), weights)


@pytest.mark.parametrize("far", [False, True], ids=["l1", "wmem"])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("requantize", [False, True])
@pytest.mark.parametrize(("rows", "columns", "k_in", "k_out"), [(1, 1, 64, 64), (7, 13, 40, 33), (20, 5, 8, 12)])
def test_1x1_through_the_driver(
    rows: int, columns: int, k_in: int, k_out: int, requantize: bool, signed: bool, far: bool
) -> None:
    rng = np.random.default_rng(rows * k_in + signed)
    dtype = np.int8 if signed else np.uint8
    x = rng.integers(-128, 128, (rows, columns, k_in)).astype(dtype)
    weights = random_weights((k_out, k_in), 1)
    scales, biases = rng.integers(1, 100, k_out, np.int32), rng.integers(-1000, 1000, k_out, np.int32)
    simulator = loaded(
        compiled("neureka_driver.c"),
        {
            "rows": rows, "columns": columns, "channels_in": k_in, "channels_out": k_out,
            "packed": packed_bytes_1x1(k_in), "shift": 14, "requantize": requantize, "in_signed": signed,
            "out_signed": signed, "far": far,
        },
    )  # fmt: skip
    image = simulator.image
    assert image is not None
    arrays = {"in": x, "far_weights" if far else "weights": pack_1x1(weights), "scales": scales, "biases": biases}
    for name, array in arrays.items():
        simulator.write(image.address_of(name), array.tobytes())
    result = simulator.run(LIMIT)
    assert result.fault is None, str(result.fault)
    assert result.exit_code == 0
    sums = x.astype(np.int32) @ weights.T.astype(np.int32)
    expected = sums
    if requantize:
        low, high = (-128, 127) if signed else (0, 255)
        expected = np.clip((sums * scales + biases) >> 14, low, high).astype(dtype)
    got = np.frombuffer(simulator.read(image.address_of("out"), expected.nbytes), expected.dtype)
    np.testing.assert_array_equal(got.reshape(expected.shape), expected)
