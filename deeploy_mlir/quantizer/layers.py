"""Which layers a quantised network loses most at: intermediate tensors of the float and of the QDQ network compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.support.progress import doing

WORST = 5
"""Layers that a report names."""

Sample = dict[str, Array]
Open = Callable[[Path], Callable[[Sample], Sequence[Array]]]
"""Loads a model; what it gives runs it on a sample."""


@dataclass(frozen=True)
class LayerLoss:
    """What quantisation does to a layer's result, over all samples.

    `snr_db`: power of the float result over that of the error; `input_snr_db`: the same of its worst input, None where
    no input was compared. A layer of its own accord loses what lies between the two."""

    node: str
    operator: str
    snr_db: float
    input_snr_db: float | None


@dataclass
class _Power:
    """Sums over samples."""

    signal: float = 0.0
    noise: float = 0.0

    def add(self, before: Array, after: Array) -> None:
        wide, error = before.astype(np.float64), after.astype(np.float64) - before
        self.signal += float(np.sum(wide**2))
        self.noise += float(np.sum(error**2))

    @property
    def ratio(self) -> float:
        """Noise by signal."""
        return self.noise / self.signal if self.signal else math.inf if self.noise else 0.0


def decibels(noise_by_signal: float) -> float:
    """The signal-to-noise ratio in dB; infinite without noise."""
    return math.inf if noise_by_signal == 0 else -10 * math.log10(noise_by_signal)


def worst_layers(original: Path, quantized: Path, samples: Sequence[Sample], load: Open) -> tuple[LayerLoss, ...]:
    """At most `WORST` layers, the one that adds most noise (in proportion to its result) first; those that add none
    are left out."""
    before, after = (onnx.load_model(path) for path in (original, quantized))  # pyright: ignore[reportUnknownMemberType]
    pairs = _pairs(before, after)
    powers = _powers(original, quantized, before, after, pairs, samples, load)
    makers = {name: node for node in before.graph.node for name in node.output}
    losses: list[tuple[float, LayerLoss]] = []
    for last in before.graph.node:
        node = _first_of_layer(last, makers, powers)
        for name in (n for n in last.output if n in powers):
            inputs = [powers[n].ratio for n in node.input if n in powers]
            added = powers[name].ratio - max(inputs, default=0.0)
            if added > 0:
                snr = decibels(max(inputs)) if inputs else None
                loss = LayerLoss(node.name or name, node.op_type, decibels(powers[name].ratio), snr)
                losses.append((added, loss))
    losses.sort(key=lambda pair: -pair[0])
    return tuple(loss for _, loss in losses[:WORST])


def _first_of_layer(
    node: onnx.NodeProto, makers: Mapping[str, onnx.NodeProto], compared: Mapping[str, object]
) -> onnx.NodeProto:
    """The node with which a layer begins that ends in `node`: the QDQ network has no tensor between, as where a Relu is
    a part of the quantisation of a convolution."""
    while True:
        inner = next((makers[name] for name in node.input if name in makers and name not in compared), None)
        if inner is None:
            return node
        node = inner


def _pairs(before: onnx.ModelProto, after: onnx.ModelProto) -> dict[str, str]:
    """Tensor of the float network -> tensor of the QDQ network that stands for it: what its quantisation is dequantised
    to, else the tensor of the same name."""
    made = {name for node in after.graph.node for name in node.output}
    quantised = {node.input[0]: node.output[0] for node in after.graph.node if node.op_type == "QuantizeLinear"}
    restored = {node.input[0]: node.output[0] for node in after.graph.node if node.op_type == "DequantizeLinear"}
    pairs: dict[str, str] = {}
    constants = {tensor.name for tensor in before.graph.initializer}
    given = [value.name for value in before.graph.input if value.name not in constants]
    for name in [*given, *(n for node in before.graph.node for n in node.output if n)]:
        found = restored.get(quantised.get(name, ""))
        if found is not None or name in made:
            pairs[name] = found if found is not None else name
    return pairs


def _powers(
    original: Path,
    quantized: Path,
    before: onnx.ModelProto,
    after: onnx.ModelProto,
    pairs: Mapping[str, str],
    samples: Sequence[Sample],
    load: Open,
) -> dict[str, _Power]:
    """Signal and noise of each float tensor, by its name in the float network."""
    given = {value.name for value in before.graph.input}
    _with_outputs(before, original, [name for name in pairs if name not in given])
    _with_outputs(after, quantized, list(pairs.values()))
    powers: dict[str, _Power] = {}
    run_before, run_after = load(original), load(quantized)
    for number, sample in enumerate(samples, 1):
        doing("comparing the layers on sample", number, len(samples))
        old = dict(zip([o.name for o in before.graph.output], run_before(sample), strict=True)) | sample
        new = dict(zip([o.name for o in after.graph.output], run_after(sample), strict=True)) | sample
        for name, other in pairs.items():
            if old[name].dtype == np.float32 and old[name].shape == new[other].shape:
                powers.setdefault(name, _Power()).add(old[name], new[other])
    return powers


def _with_outputs(model: onnx.ModelProto, path: Path, names: Sequence[str]) -> None:
    """Makes tensors outputs of the model too, and writes it."""
    present = {value.name for value in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names) if name not in present)
    path.write_bytes(model.SerializeToString())
