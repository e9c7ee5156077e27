"""Recurrent, temporal and language networks: PyTorch's own and tiny configurations of `transformers`."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from torch import nn

Network = tuple[nn.Module, tuple[torch.Tensor, ...]]
SMALL = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 32,
}
GROUPED = {**SMALL, "num_key_value_heads": 1, "head_dim": 16}
GPT2 = {"vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 32}
T5 = {"vocab_size": 64, "d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2}
OPT = {**SMALL, "ffn_dim": 64, "word_embed_proj_dim": 32}
MAMBA = {"vocab_size": 64, "hidden_size": 16, "state_size": 4, "num_hidden_layers": 1}
DISTIL = {"vocab_size": 64, "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "max_position_embeddings": 32}


class First(nn.Module):
    """The first result of a network."""

    def __init__(self, inner: nn.Module, **options: Any) -> None:
        super().__init__()
        self.inner, self.options = inner, options

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.inner(*inputs, **self.options)[0]


class Keywords(nn.Module):
    """A recurrent layer and a classifier of its last output."""

    def __init__(self, cell: type[nn.Module], layers: int, bidirectional: bool) -> None:
        super().__init__()
        self.cell = cell(10, 16, layers, batch_first=True, bidirectional=bidirectional)
        self.classes = nn.Linear(32 if bidirectional else 16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classes(self.cell(x)[0][:, -1])


class Dilated(nn.Module):
    """A causal convolution with a skip connection."""

    def __init__(self, channels: int, outputs: int, dilation: int) -> None:
        super().__init__()
        self.conv, self.skip = nn.Conv1d(channels, outputs, 3, dilation=dilation), nn.Conv1d(channels, outputs, 1)
        self.norm, self.dilation = nn.BatchNorm1d(outputs), dilation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padded = nn.functional.pad(x, (2 * self.dilation, 0))
        return nn.functional.relu(self.norm(self.conv(padded))) + self.skip(x)


def language(model: str, configuration: str, options: dict[str, Any], **call: Any) -> Network:
    """A model of `transformers` on eight tokens."""
    made = getattr(transformers, model)(getattr(transformers, configuration)(**options))
    return First(made, **call), (torch.randint(0, 60, (1, 8)),)


def networks() -> dict[str, Network]:
    """Name -> network and inputs."""
    encoder = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, activation="gelu")
    temporal = nn.Sequential(Dilated(4, 8, 1), Dilated(8, 8, 2), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, 3))
    causal = {"use_cache": False}
    return {
        "lstm": (Keywords(nn.LSTM, 2, True), (torch.randn(1, 20, 10),)),
        "gru": (Keywords(nn.GRU, 1, False), (torch.randn(1, 20, 10),)),
        "temporal_convolutions": (temporal, (torch.randn(1, 4, 40),)),
        "transformer_encoder": (nn.TransformerEncoder(encoder, 2), (torch.randn(1, 12, 32),)),
        "bert": language("BertModel", "BertConfig", SMALL),
        "distilbert": language("DistilBertModel", "DistilBertConfig", DISTIL),
        "albert": language("AlbertModel", "AlbertConfig", {**SMALL, "embedding_size": 16}),
        "gpt2": language("GPT2LMHeadModel", "GPT2Config", GPT2, **causal),
        "gpt_neox": language("GPTNeoXForCausalLM", "GPTNeoXConfig", SMALL, **causal),
        "opt": language("OPTForCausalLM", "OPTConfig", OPT, **causal),
        "phi": language("PhiForCausalLM", "PhiConfig", SMALL, **causal),
        "llama": language("LlamaForCausalLM", "LlamaConfig", GROUPED, **causal),
        "gemma": language("GemmaForCausalLM", "GemmaConfig", GROUPED, **causal),
        "qwen3": language("Qwen3ForCausalLM", "Qwen3Config", GROUPED, **causal),
        "mamba": language("MambaForCausalLM", "MambaConfig", MAMBA, **causal),
        "t5_encoder": language("T5EncoderModel", "T5Config", T5),
    }
