"""EnCodec by transformers, for src/codec/encodec/: a small one with random weights and what it makes of some sounds; the names and extents of
the published one, by Hugging Face's names and by the authors'.

    python3 tests/parity/make_encodec.py            # writes tests/parity/encodec/; needs torch, torchaudio, transformers, encodec
    python3 tests/parity/make_encodec.py --large F  # writes a model of the published sizes with random weights, and its outputs, to the folder F
"""

import argparse
from pathlib import Path

import torch
import torchaudio
import transformers
from safetensors.torch import save_file
from transformers import EncodecConfig, EncodecModel

HERE = Path(__file__).parent / "encodec"
SMALL = dict(num_filters=2, upsampling_ratios=[5, 2], hidden_size=6, codebook_size=16, target_bandwidths=[9.6, 48.0])
# One sample, less than a frame, a frame, one more, and lengths of many frames and a rest.
LENGTHS = [1, 7, 10, 11, 400, 613]


def drawn(config):
    torch.manual_seed(7)
    model = EncodecModel(config).eval()
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("embed"):
                value.normal_(0.0, 0.3)
            elif name.endswith("original0"):
                # Lengths other than those of the directions, so that they have to be read.
                value.mul_(torch.rand_like(value) + 0.6)
            elif "lstm" in name:
                value.mul_(1.5)
    return model


@torch.no_grad()
def outputs(model, lengths, levels):
    torch.manual_seed(11)
    tensors = {}
    for length in lengths:
        time = torch.arange(length) / 24_000
        sound = 0.4 * torch.sin(2 * torch.pi * 310 * time) + 0.1 * torch.randn(length)
        latent = model.encoder(sound[None, None])
        codes = model.quantizer.encode(latent, model.config.target_bandwidths[-1])[:levels]
        quantised = model.quantizer.decode(codes)
        tensors[f"{length}.sound"] = sound.contiguous()
        tensors[f"{length}.latent"] = latent[0].T.contiguous()
        tensors[f"{length}.codes"] = codes[:, 0].to(torch.int32).contiguous()
        tensors[f"{length}.quantised"] = quantised[0].T.contiguous()
        tensors[f"{length}.decoded"] = model.decoder(quantised)[0, 0].contiguous()
    return tensors


def layout(model):
    return [f"{name}\t{'x'.join(map(str, value.shape))}" for name, value in model.state_dict().items()]


def resampled():
    torch.manual_seed(3)
    tensors = {}
    for rate, length in [(44_100, 301), (22_050, 150), (16_000, 97), (48_000, 200), (11_025, 60)]:
        sound = torch.randn(length)
        tensors[f"{rate}.sound"] = sound
        tensors[f"{rate}.resampled"] = torchaudio.functional.resample(sound, rate, 24_000).contiguous()
    return tensors


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--large", type=Path)
    large = arguments.parse_args().large
    if large:
        model = drawn(EncodecConfig())
        large.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(large)
        save_file(outputs(model, [24_000, 55_127], 8), large / "outputs.safetensors")
        return
    HERE.mkdir(exist_ok=True)
    note = {"transformers": transformers.__version__, "torch": torch.__version__, "torchaudio": torchaudio.__version__}
    model = drawn(EncodecConfig(**SMALL))
    model.save_pretrained(HERE)
    save_file(outputs(model, LENGTHS, 3), HERE / "outputs.safetensors", note)
    save_file(resampled(), HERE / "resampled.safetensors", note)
    (HERE / "layout.tsv").write_text("\n".join(layout(EncodecModel(EncodecConfig()))) + "\n")
    import encodec

    authors = encodec.EncodecModel.encodec_model_24khz(pretrained=False)
    (HERE / "layout_authors.tsv").write_text("\n".join(layout(authors)) + "\n")


if __name__ == "__main__":
    main()
