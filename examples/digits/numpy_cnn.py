"""A few convolutional layers with their gradients, on numpy: enough to train the digits network without a framework.

Activations are [N, C, H, W] float32, convolution weights [M, C, 3, 3], stride 1, padding 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Parameters = dict[str, Array]


def _patches(x: Array) -> Array:
    """[N, C, H, W] -> [N, C * 9, H * W]: the 3x3 neighbourhood of every pixel."""
    n, c, h, w = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    taps = [padded[:, :, i : i + h, j : j + w] for i in range(3) for j in range(3)]
    return np.stack(taps, axis=2).reshape(n, c * 9, h * w)


def _fold(patches: Array, shape: tuple[int, ...]) -> Array:
    """The adjoint of `_patches`."""
    n, c, h, w = shape
    padded = np.zeros((n, c, h + 2, w + 2), np.float32)
    taps = patches.reshape(n, c, 9, h, w)
    for tap in range(9):
        i, j = divmod(tap, 3)
        padded[:, :, i : i + h, j : j + w] += taps[:, :, tap]
    return padded[:, :, 1:-1, 1:-1]


class Conv:
    """3x3 convolution with bias, then ReLU; `residual` adds its input before the ReLU."""

    def __init__(self, name: str, parameters: Parameters, residual: bool = False) -> None:
        self.name, self.parameters, self.residual = name, parameters, residual

    def forward(self, x: Array) -> Array:
        weight, bias = self.parameters[f"{self.name}.weight"], self.parameters[f"{self.name}.bias"]
        self.shape, self.columns = x.shape, _patches(x)
        y = (weight.reshape(len(weight), -1) @ self.columns).reshape(len(x), -1, *x.shape[2:])
        y += bias[:, None, None]
        if self.residual:
            y += x
        self.positive = y > 0
        return y * self.positive

    def backward(self, dy: Array, gradients: Parameters) -> Array:
        weight = self.parameters[f"{self.name}.weight"]
        dy = dy * self.positive
        flat = dy.reshape(*dy.shape[:2], -1)
        gradients[f"{self.name}.weight"] = np.einsum("nmp,nkp->mk", flat, self.columns, optimize=True).reshape(
            weight.shape
        )
        gradients[f"{self.name}.bias"] = flat.sum((0, 2))
        dx = _fold(weight.reshape(len(weight), -1).T @ flat, self.shape)
        return dx + dy if self.residual else dx


class MaxPool:
    """2x2 maximum, stride 2."""

    def forward(self, x: Array) -> Array:
        n, c, h, w = x.shape
        blocks = x.reshape(n, c, h // 2, 2, w // 2, 2)
        y = blocks.max((3, 5), keepdims=True)
        first = blocks == y
        self.share = first / first.sum((3, 5), keepdims=True)
        return y.reshape(n, c, h // 2, w // 2)

    def backward(self, dy: Array, gradients: Parameters) -> Array:
        n, c, h, w = dy.shape
        return (self.share * dy.reshape(n, c, h, 1, w, 1)).astype(np.float32).reshape(n, c, 2 * h, 2 * w)


class Dense:
    """A fully connected layer over the flattened input: x @ weight.T + bias."""

    def __init__(self, name: str, parameters: Parameters) -> None:
        self.name, self.parameters = name, parameters

    def forward(self, x: Array) -> Array:
        self.shape, self.flat = x.shape, x.reshape(len(x), -1)
        return self.flat @ self.parameters[f"{self.name}.weight"].T + self.parameters[f"{self.name}.bias"]

    def backward(self, dy: Array, gradients: Parameters) -> Array:
        gradients[f"{self.name}.weight"] = dy.T @ self.flat
        gradients[f"{self.name}.bias"] = dy.sum(0)
        return (dy @ self.parameters[f"{self.name}.weight"]).reshape(self.shape)


class Network:
    """conv 1->16, pool, conv 16->32, residual conv 32->32, pool, dense 128->10."""

    def __init__(self, rng: np.random.Generator) -> None:
        def normal(*shape: int) -> Array:
            fan_in = int(np.prod(shape[1:]))
            return (rng.standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float32)

        def zeros(size: int) -> Array:
            return np.zeros(size, np.float32)

        self.parameters: Parameters = {
            "conv1.weight": normal(16, 1, 3, 3),
            "conv1.bias": zeros(16),
            "conv2.weight": normal(32, 16, 3, 3),
            "conv2.bias": zeros(32),
            "conv3.weight": normal(32, 32, 3, 3) / 2,
            "conv3.bias": zeros(32),
            "dense.weight": normal(10, 128),
            "dense.bias": zeros(10),
        }
        p = self.parameters
        self.layers: list[Any] = [
            Conv("conv1", p),
            MaxPool(),
            Conv("conv2", p),
            Conv("conv3", p, residual=True),
            MaxPool(),
            Dense("dense", p),
        ]

    def forward(self, x: Array) -> Array:
        """Images [N, 1, 8, 8] in [0, 1] -> logits [N, 10]."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def gradients(self, x: Array, labels: npt.NDArray[Any]) -> Parameters:
        """Gradients of the mean cross entropy."""
        logits = self.forward(x)
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        p[np.arange(len(labels)), labels] -= 1
        dy, gradients = p / len(labels), Parameters()
        for layer in reversed(self.layers):
            dy = layer.backward(dy, gradients)
        return gradients


def fit(network: Network, x: Array, labels: npt.NDArray[Any], rng: np.random.Generator, epochs: int) -> None:
    """Adam with a cosine step size and shifts of up to one pixel, in place."""
    p = network.parameters
    mean, square = ({k: np.zeros_like(v) for k, v in p.items()} for _ in range(2))
    batch, step = 32, 0
    steps = epochs * (len(x) // batch)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x) - batch + 1, batch):
            picked = order[start : start + batch]
            di, dj = rng.integers(0, 3, 2)
            h, w = x.shape[2:]
            images = np.pad(x[picked], ((0, 0), (0, 0), (1, 1), (1, 1)))[:, :, di : di + h, dj : dj + w]
            step += 1
            rate = 2e-3 * 0.5 * (1 + np.cos(np.pi * step / steps))
            for key, g in network.gradients(images, labels[picked]).items():
                mean[key] += 0.1 * (g - mean[key])
                square[key] += 0.001 * (g * g - square[key])
                unbiased = mean[key] / (1 - 0.9**step), square[key] / (1 - 0.999**step)
                p[key] -= (rate * (unbiased[0] / (np.sqrt(unbiased[1]) + 1e-8) + 1e-4 * p[key])).astype(np.float32)
