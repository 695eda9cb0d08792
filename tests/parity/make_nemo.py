"""NeMo's audio codec of 44.1 kHz as a formula, for src/codec/nemo/: NeMo itself takes hours to install. A small one with random weights and what it
makes of some sounds; the names and extents of the published one.

    python3 tests/parity/make_nemo.py            # writes tests/parity/nemo/; needs torch, safetensors
    python3 tests/parity/make_nemo.py --large F  # writes a model of the published sizes with random weights, and its outputs, to the folder F
"""

import argparse
import io
import tarfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import weight_norm

HERE = Path(__file__).parent / "nemo"
PUBLISHED = dict(base=48, rates=(2, 4, 8, 8), kernels=(3, 7, 11), groups=8)
# An odd stride, whose transposed convolution has one frame more.
SMALL = dict(base=4, rates=(2, 3), kernels=(3, 7), groups=2)
DILATIONS = (1, 3, 5)
LEVELS = (8, 5, 5, 5)
# The least that mirrored edges need, one sample more, and lengths of many frames and a rest.
LENGTHS = [36, 37, 200, 613]


def masked(x, length):
    return x * (torch.arange(x.shape[-1]) < length)


class Conv(nn.Module):
    def __init__(self, inputs, outputs, taps, stride=1, dilation=1):
        super().__init__()
        pad = (stride + 1) // 2 if stride > 1 else (taps * dilation - dilation) // 2
        self.conv = weight_norm(
            nn.Conv1d(inputs, outputs, taps, stride, pad, dilation, padding_mode="reflect")
        )

    def forward(self, x, length):
        return masked(self.conv(x), length)


class Up(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv = weight_norm(
            nn.ConvTranspose1d(
                inputs, outputs, 2 * stride, stride, padding=(stride + 1) // 2, output_padding=stride % 2
            )
        )

    def forward(self, x, length):
        return masked(self.conv(x), length)


class Snake(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, width, 1))

    def forward(self, x):
        return x + (self.alpha + 1e-9).reciprocal() * torch.sin(self.alpha * x) ** 2


class HalfSnake(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.half = width // 2
        self.snake_act = Snake(self.half)

    def forward(self, x):
        snaked, leaky = x[:, : self.half], x[:, self.half :]
        return torch.cat([self.snake_act(snaked), nn.functional.leaky_relu(leaky, 0.01)], dim=1)


class Activation(nn.Module):
    def __init__(self, snake, width):
        super().__init__()
        self.activation = HalfSnake(width) if snake else nn.LeakyReLU(0.01)

    def forward(self, x):
        return self.activation(x)


class Unit(nn.Module):
    def __init__(self, snake, width, taps, dilation):
        super().__init__()
        self.input_activation = Activation(snake, width)
        self.skip_activation = Activation(snake, width)
        self.input_conv = Conv(width, width, taps, dilation=dilation)
        self.skip_conv = Conv(width, width, taps)

    def forward(self, x, length):
        inside = self.input_conv(self.input_activation(x), length)
        return x + self.skip_conv(self.skip_activation(inside), length)


class Branch(nn.Module):
    def __init__(self, snake, width, taps):
        super().__init__()
        self.res_blocks = nn.ModuleList(Unit(snake, width, taps, dilation) for dilation in DILATIONS)

    def forward(self, x, length):
        for block in self.res_blocks:
            x = block(x, length)
        return x


class ResLayer(nn.Module):
    def __init__(self, snake, width, kernels):
        super().__init__()
        self.res_blocks = nn.ModuleList(Branch(snake, width, taps) for taps in kernels)

    def forward(self, x, length):
        return sum(block(x, length) for block in self.res_blocks) / len(self.res_blocks)


class Encoder(nn.Module):
    def __init__(self, base, rates, kernels, groups):
        super().__init__()
        widths = [base << i for i in range(len(rates) + 1)]
        self.rates = rates
        self.pre_conv = Conv(1, base, 7)
        self.activations = nn.ModuleList(Activation(False, width) for width in widths[:-1])
        self.down_sample_conv_layers = nn.ModuleList(
            Conv(width, 2 * width, 2 * rate, stride=rate) for width, rate in zip(widths, rates)
        )
        self.res_layers = nn.ModuleList(ResLayer(False, width, kernels) for width in widths[:-1])
        self.post_activation = Activation(False, widths[-1])
        self.post_conv = Conv(widths[-1], 4 * groups, 7)

    def forward(self, sound, length):
        x = self.pre_conv(sound[:, None], length)
        stages = zip(self.res_layers, self.activations, self.down_sample_conv_layers, self.rates)
        for res, activation, down, rate in stages:
            x = activation(res(x, length))
            length = length // rate
            x = down(x, length)
        return self.post_conv(self.post_activation(x), length), length


class Decoder(nn.Module):
    def __init__(self, base, rates, kernels, groups):
        super().__init__()
        self.rates = rates[::-1]
        widths = [base << i for i in range(len(rates) + 1)][::-1]
        self.pre_conv = Conv(4 * groups, widths[0], 7)
        self.activations = nn.ModuleList(Activation(True, width) for width in widths[:-1])
        self.up_sample_conv_layers = nn.ModuleList(
            Up(width, width // 2, rate) for width, rate in zip(widths, self.rates)
        )
        self.res_layers = nn.ModuleList(ResLayer(True, width, kernels) for width in widths[1:])
        self.post_activation = Activation(True, widths[-1])
        self.post_conv = Conv(widths[-1], 1, 3)

    def forward(self, latent, length):
        x = self.pre_conv(latent, length)
        stages = zip(self.activations, self.up_sample_conv_layers, self.res_layers, self.rates)
        for activation, up, res, rate in stages:
            length = length * rate
            x = res(up(activation(x), length), length)
        return torch.clamp(self.post_conv(self.post_activation(x), length), -1.0, 1.0)[:, 0]


class Fsq(nn.Module):
    """Finite scalar quantisation of four dimensions."""

    def __init__(self):
        super().__init__()
        levels = torch.tensor(LEVELS, dtype=torch.int32)
        base = torch.cumprod(torch.tensor((1,) + LEVELS[:-1], dtype=torch.int32), 0, dtype=torch.int32)
        self.register_buffer("num_levels", levels[None, :, None])
        self.register_buffer("dim_base_index", base[None, :, None])

    def encode(self, x):
        scale = (self.num_levels - 1) / 2 * (1 - 1e-3)
        offset = torch.where(self.num_levels % 2 == 0, 0.5, 0.0)
        shift = (offset / scale).tan()
        codes = torch.round(scale * (x + shift).tanh() - offset)
        return ((codes + self.num_levels // 2) * self.dim_base_index).sum(1).to(torch.int32)

    def decode(self, index):
        digits = index[:, None] // self.dim_base_index % self.num_levels
        half = self.num_levels // 2
        return (digits - half) / half


class Quantizer(nn.Module):
    def __init__(self, groups):
        super().__init__()
        self.fsqs = nn.ModuleList(Fsq() for _ in range(groups))

    def encode(self, latent):
        return torch.stack([fsq.encode(x) for fsq, x in zip(self.fsqs, latent.chunk(len(self.fsqs), 1))])

    def decode(self, codes):
        return torch.cat([fsq.decode(index) for fsq, index in zip(self.fsqs, codes)], 1)


class Codec(nn.Module):
    def __init__(self, **sizes):
        super().__init__()
        self.audio_encoder = Encoder(**sizes)
        self.vector_quantizer = Quantizer(sizes["groups"])
        self.audio_decoder = Decoder(**sizes)
        self.hop = 1
        for rate in sizes["rates"]:
            self.hop *= rate


@torch.no_grad()
def drawn(sizes):
    torch.manual_seed(7)
    model = Codec(**sizes).eval()
    for name, value in model.state_dict().items():
        if name.endswith("weight_g"):
            # Lengths other than those of the directions, so that they have to be read.
            value.mul_(torch.rand_like(value) + 1.0)
        elif name.endswith("alpha"):
            value.uniform_(0.4, 1.6)
        elif name.endswith("bias"):
            value.mul_(0.2)
    # So wide that many codes occur, and so loud that some sound is cut to full scale.
    model.audio_encoder.post_conv.conv.weight_g.mul_(30.0)
    model.audio_decoder.post_conv.conv.weight_g.mul_(1.2)
    return model


@torch.no_grad()
def outputs(model, lengths):
    torch.manual_seed(11)
    tensors = {}
    for length in lengths:
        time = torch.arange(length) / 44_100
        sound = 0.4 * torch.sin(2 * torch.pi * 1_310 * time) + 0.1 * torch.randn(length)
        frames = -(-length // model.hop)
        padded = nn.functional.pad(sound, (0, frames * model.hop - length))
        latent, count = model.audio_encoder(padded[None], torch.tensor(frames * model.hop))
        assert count == frames == latent.shape[-1]
        codes = model.vector_quantizer.encode(latent)
        values = model.vector_quantizer.decode(codes)
        tensors[f"{length}.sound"] = sound.contiguous()
        tensors[f"{length}.latent"] = latent[0].T.contiguous()
        tensors[f"{length}.codes"] = codes[:, 0].to(torch.int32).contiguous()
        tensors[f"{length}.values"] = values[0].T.contiguous()
        tensors[f"{length}.decoded"] = model.audio_decoder(values, count)[0].contiguous()
    # Groups of four as they come, and the codes and values that they have.
    scattered = torch.randn(1, 4, 1_000) * 1.5
    fsq = model.vector_quantizer.fsqs[0]
    tensors["scattered"] = scattered[0].T.contiguous()
    tensors["scattered.codes"] = fsq.encode(scattered)[0].contiguous()
    every = torch.arange(1_000, dtype=torch.int32)[None]
    tensors["every.values"] = fsq.decode(every)[0].T.contiguous()
    return tensors


CONFIG = """sample_rate: 44100
samples_per_frame: {hop}
audio_encoder:
  _target_: nemo.collections.tts.modules.audio_codec_modules.HiFiGANEncoder
  down_sample_rates:
{rates}
  base_channels: {base}
  encoded_dim: {latent}
audio_decoder:
  _target_: nemo.collections.tts.modules.audio_codec_modules.HiFiGANDecoder
  activation: half_snake
  output_activation: clamp
vector_quantizer:
  _target_: nemo.collections.tts.modules.audio_codec_modules.GroupFiniteScalarQuantizer
  num_groups: {groups}
  num_levels_per_group:
  - 8
  - 5
  - 5
  - 5
target: nemo.collections.tts.models.audio_codec.AudioCodecModel
"""


def nemo(model, sizes, path):
    """The archive as NeMo writes it: a tar of the settings and the checkpoint, with times that take an extended header."""
    rates = "\n".join(f"  - {rate}" for rate in sizes["rates"])
    config = CONFIG.format(
        hop=model.hop, rates=rates, base=sizes["base"], latent=4 * sizes["groups"], groups=sizes["groups"]
    )
    checkpoint = io.BytesIO()
    # Discriminators are in published files, too; they are not for use.
    states = dict(model.state_dict(), **{"discriminator.discriminators.0.weight": torch.zeros(3)})
    torch.save(states, checkpoint)
    with tarfile.open(path, "w:") as archive:
        folder = tarfile.TarInfo("./")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in [("model_config.yaml", config.encode()), ("model_weights.ckpt", checkpoint.getvalue())]:
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            member.mtime = 1_700_000_000.25
            archive.addfile(member, io.BytesIO(content))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--large", type=Path)
    large = arguments.parse_args().large
    if large:
        large.mkdir(parents=True, exist_ok=True)
        model = drawn(PUBLISHED)
        nemo(model, PUBLISHED, large / "published.nemo")
        save_file(outputs(model, [44_100, 101_295]), large / "outputs.safetensors")
        return
    HERE.mkdir(exist_ok=True)
    model = drawn(SMALL)
    nemo(model, SMALL, HERE / "small.nemo")
    save_file(outputs(model, LENGTHS), HERE / "outputs.safetensors", {"torch": torch.__version__})
    published = Codec(**PUBLISHED)
    for part in (published.audio_encoder, published.audio_decoder):
        print(sum(value.numel() for value in part.parameters()))
    table = [f"{name}\t{'x'.join(map(str, value.shape))}" for name, value in published.state_dict().items()]
    (HERE / "layout.tsv").write_text("\n".join(table) + "\n")


if __name__ == "__main__":
    main()
