"""Vocos' decoder of EnCodec's codes by the package `vocos`, for src/codec/vocos/: a small one with random weights and what it makes of some codes;
the names and extents of the published one.

    python3 tests/parity/make_vocos.py            # writes tests/parity/vocos/; needs torch, safetensors, vocos
    python3 tests/parity/make_vocos.py --large F  # writes a model of the published sizes with random weights, and its outputs, to the folder F
"""

import argparse
from pathlib import Path
from types import SimpleNamespace

import torch
from safetensors.torch import save_file
from vocos import Vocos
from vocos.feature_extractors import EncodecFeatures
from vocos.heads import ISTFTHead
from vocos.models import VocosBackbone

HERE = Path(__file__).parent / "vocos"
# Codebooks, their rows and width; width and inner width of the blocks, how many; the transform.
SMALL = dict(codebooks=16, rows=16, latent=6, width=8, inner=12, blocks=2, n_fft=40)
PUBLISHED = dict(codebooks=16, rows=1024, latent=128, width=384, inner=1152, blocks=8, n_fft=1280)
# Frames and levels: of each bandwidth, and numbers of levels that none of them has.
CASES = [(1, 2), (2, 8), (5, 4), (41, 16), (70, 8), (9, 1), (9, 3), (9, 5)]


class Features(EncodecFeatures):
    """The codebooks alone: its own constructor fetches EnCodec."""

    def __init__(self, codebooks, rows, latent):
        torch.nn.Module.__init__(self)
        self.encodec = SimpleNamespace(quantizer=SimpleNamespace(bins=rows))
        self.codebook_weights = torch.nn.Parameter(torch.randn(codebooks * rows, latent) * 0.4)


@torch.no_grad()
def drawn(codebooks, rows, latent, width, inner, blocks, n_fft):
    torch.manual_seed(5)
    backbone = VocosBackbone(latent, width, inner, blocks, adanorm_num_embeddings=4)
    head = ISTFTHead(width, n_fft, n_fft // 4, padding="same")
    model = Vocos(Features(codebooks, rows, latent), backbone, head).eval()
    for name, value in model.state_dict().items():
        if ".norm." in name or name.endswith(("gamma", "bias")):
            # Norms of another bandwidth shall differ, and each block shall be heard.
            value.add_(0.5 * torch.randn_like(value))
    return model


@torch.no_grad()
def outputs(model, rows):
    torch.manual_seed(13)
    tensors = {}
    for frames, levels in CASES:
        codes = torch.randint(0, rows, (levels, frames))
        # The least bandwidth that has so many levels.
        bandwidth = torch.tensor([next(i for i in range(4) if 2 ** (i + 1) >= levels)])
        features = model.codes_to_features(codes)
        case = f"{frames}.{levels}"
        tensors[f"{case}.codes"] = codes.to(torch.int32)
        tensors[f"{case}.features"] = features[0].T.contiguous()
        tensors[f"{case}.hidden"] = model.backbone(features, bandwidth_id=bandwidth)[0].contiguous()
        tensors[f"{case}.decoded"] = model.decode(features, bandwidth_id=bandwidth)[0].contiguous()
    return tensors


CONFIG = """feature_extractor:
  class_path: vocos.feature_extractors.EncodecFeatures
  init_args:
    encodec_model: encodec_24khz
    bandwidths: [1.5, 3.0, 6.0, 12.0]

backbone:
  class_path: vocos.models.VocosBackbone
  init_args:
    input_channels: {latent}
    dim: {width}
    intermediate_dim: {inner}
    num_layers: {blocks}
    adanorm_num_embeddings: 4

head:
  class_path: vocos.heads.ISTFTHead
  init_args:
    dim: {width}
    n_fft: {n_fft}
    hop_length: {hop}
    padding: same
"""


def save(model, sizes, folder):
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "config.yaml").write_text(CONFIG.format(hop=sizes["n_fft"] // 4, **sizes))
    torch.save(model.state_dict(), folder / "pytorch_model.bin")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--large", type=Path)
    large = arguments.parse_args().large
    if large:
        model = drawn(**PUBLISHED)
        save(model, PUBLISHED, large)
        save_file(outputs(model, PUBLISHED["rows"]), large / "outputs.safetensors")
        return
    model = drawn(**SMALL)
    save(model, SMALL, HERE)
    save_file(outputs(model, SMALL["rows"]), HERE / "outputs.safetensors", {"torch": torch.__version__})
    published = drawn(**PUBLISHED)
    states = published.state_dict()
    print(sum(value.numel() for name, value in states.items() if "codebook" not in name and "window" not in name))
    table = [f"{name}\t{'x'.join(map(str, value.shape))}" for name, value in states.items()]
    (HERE / "layout.tsv").write_text("\n".join(table) + "\n")


if __name__ == "__main__":
    main()
