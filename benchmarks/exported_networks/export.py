"""Exports networks of torchvision, timm and transformers to ONNX, by both of PyTorch's exporters, with what PyTorch
computes for one input.

    pip install torch torchvision timm transformers onnx onnxscript
    python benchmarks/exported_networks/export.py DIRECTORY

For each network: NAME.dynamo.onnx, NAME.script.onnx (those that the exporter can), and NAME.*.npz with the inputs and
outputs by position. Weights are random, of a fixed seed; batch normalisation gets statistics that are none of 0 and 1.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import sequences
import torch
import vision
from torch import nn


def prepared(network: nn.Module) -> nn.Module:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


def export(network: nn.Module, inputs: tuple[torch.Tensor, ...], path: Path, dynamo: bool) -> None:
    if dynamo:
        torch.onnx.export(network, inputs, path, dynamo=True, verbose=False, external_data=False)
    else:
        torch.onnx.export(network, inputs, path, dynamo=False, opset_version=17)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=Path)
    directory: Path = parser.parse_args().directory
    directory.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    for name, (network, inputs) in (vision.networks() | sequences.networks()).items():
        with torch.no_grad():
            outputs = prepared(network)(*inputs)
        arrays = {f"in{i}": x.numpy() for i, x in enumerate(inputs)}
        arrays |= {f"out{i}": y.numpy() for i, y in enumerate(outputs if isinstance(outputs, tuple) else (outputs,))}
        for how in ("dynamo", "script"):
            path = directory / f"{name}.{how}.onnx"
            try:
                export(network, inputs, path, how == "dynamo")
            except Exception as error:  # whatever the exporter cannot do
                path.unlink(missing_ok=True)
                print(f"{name}: the {how} exporter failed: {type(error).__name__}")
                continue
            np.savez(path.with_suffix(".npz"), **arrays)


if __name__ == "__main__":
    main()
