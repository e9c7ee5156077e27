"""Vision networks: torchvision's and timm's, small where their constructors allow it."""

from __future__ import annotations

import timm
import torch
from torch import nn
from torchvision import models
from torchvision.models.convnext import CNBlockConfig
from torchvision.models.swin_transformer import PatchMergingV2, SwinTransformerBlockV2

Network = tuple[nn.Module, tuple[torch.Tensor, ...]]
SWIN = ([4, 4], 16, [2, 2], [2, 4], [4, 4])
TIMM = (
    *("edgenext_xx_small", "efficientvit_b0", "ghostnet_050", "hardcorenas_a", "lcnet_050", "mobilenetv4_conv_small"),
    *("mobileone_s0", "poolformer_s12", "repvgg_a0", "starnet_s1", "tinynet_e"),
)


def image(size: int = 64, channels: int = 3) -> tuple[torch.Tensor, ...]:
    return (torch.randn(1, channels, size, size),)


class UNet(nn.Module):
    """One level down, and up by a transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU6())
        self.inner = nn.Sequential(nn.Conv2d(8, 16, 3, padding=1), nn.SiLU())
        self.up, self.last = nn.ConvTranspose2d(16, 8, 2, 2), nn.Conv2d(16, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.first(x)
        inner = self.inner(nn.functional.max_pool2d(first, 2))
        return torch.sigmoid(self.last(torch.cat([first, self.up(inner)], 1)))


class YoloHead(nn.Module):
    """Boxes from a grid of anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 18, 3, stride=4, padding=1)
        self.register_buffer("anchors", torch.rand(3, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        n, _, h, w = y.shape
        y = y.view(n, 3, 6, h, w).permute(0, 1, 3, 4, 2).sigmoid()
        rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        grid = torch.stack((columns, rows), 2).view(1, 1, h, w, 2).float()
        centres = (y[..., :2] * 2 - 0.5 + grid) * 4
        sizes = (y[..., 2:4] * 2) ** 2 * self.anchors.view(1, 3, 1, 1, 2)
        return torch.cat((centres, sizes, y[..., 4:]), -1).view(n, -1, 6)


def networks() -> dict[str, Network]:
    """Name -> network and inputs."""
    found: dict[str, Network] = {
        "mobilenet_v3_small": (models.mobilenet_v3_small(width_mult=0.35, num_classes=10), image()),
        "shufflenet_v2": (models.shufflenet_v2_x0_5(num_classes=10), image()),
        "squeezenet": (models.squeezenet1_1(num_classes=10), image()),
        "mnasnet": (models.MNASNet(0.25, num_classes=10), image()),
        "densenet": (models.DenseNet(8, (2, 2, 2), 16, num_classes=10), image()),
        "resnet": (models.ResNet(models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=10), image()),
        "efficientnet_b0": (models.efficientnet_b0(num_classes=10), image()),
        "googlenet": (models.googlenet(num_classes=10, aux_logits=False, init_weights=False), image(96)),
        "vit": (models.VisionTransformer(32, 8, 2, 2, 32, 64, num_classes=10), image(32)),
        "swin": (models.SwinTransformer(*SWIN, num_classes=10), image()),
        "swin_v2": (
            models.SwinTransformer(
                *SWIN, num_classes=10, block=SwinTransformerBlockV2, downsample_layer=PatchMergingV2
            ),
            image(),
        ),
        "convnext": (models.ConvNeXt([CNBlockConfig(16, 32, 1), CNBlockConfig(32, None, 1)], num_classes=10), image()),
        "unet": (UNet(), image(32, 1)),
        "yolo_head": (YoloHead(), image(32)),
        "pixel_shuffle": (
            nn.Sequential(nn.Conv2d(3, 8, 5, padding=2), nn.Mish(), nn.Conv2d(8, 12, 3), nn.PixelShuffle(2)),
            image(16),
        ),
    }
    return found | {f"timm_{name}": (timm.create_model(name, num_classes=10), image()) for name in TIMM}
