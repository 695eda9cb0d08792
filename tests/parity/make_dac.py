"""DAC by transformers and by its authors' program, for src/codec/dac/ and src/audio/loudness.rs: small ones with random weights and what they make of some
sounds, recordings to files of codes and back; names and extents of the published ones; loudness by pyloudnorm.

    python3 tests/parity/make_dac.py            # writes tests/parity/dac/; needs torch, transformers, descript-audio-codec, pyloudnorm
    python3 tests/parity/make_dac.py --large F  # writes a model of the published sizes with random weights, and its outputs, to the folder F
"""

import argparse
from pathlib import Path

import dac
import numpy
import pyloudnorm
import torch
import transformers
from audiotools import AudioSignal
from safetensors.torch import save_file
from transformers import DacConfig, DacModel

HERE = Path(__file__).parent / "dac"
SMALL = dict(encoder_hidden_size=4, downsampling_ratios=[2, 4], decoder_hidden_size=16, n_codebooks=3, codebook_size=16, codebook_dim=4)
# A stage of an odd stride, as the model of 16 kHz has one.
AUTHORS = dict(encoder_dim=4, encoder_rates=[2, 3], decoder_dim=16, decoder_rates=[3, 2], n_codebooks=3, codebook_size=16, codebook_dim=4, sample_rate=8_000)
PUBLISHED_16_KHZ = dict(encoder_rates=[2, 4, 5, 8], decoder_rates=[8, 5, 4, 2], n_codebooks=12, sample_rate=16_000)
# One sample, less than a frame, a frame, one more, and lengths of many frames and a rest.
LENGTHS = [1, 7, 8, 9, 400, 1613]


@torch.no_grad()
def drawn(model):
    torch.manual_seed(7)
    for name, value in model.named_parameters():
        if name.endswith("alpha"):
            value.uniform_(0.3, 1.2)
        elif name.endswith("bias"):
            value.normal_(0.0, 0.03)
        elif name.endswith("weight_g"):
            # Lengths other than those of the directions, so that they have to be read.
            value.uniform_(0.3, 0.9)
        else:
            value.normal_(0.0, 1.0 if "codebook" in name else 0.6 * value[0].numel() ** -0.5)
    return model.eval()


def tone(length, rate):
    torch.manual_seed(11)
    return 0.4 * torch.sin(2 * torch.pi * 310 * torch.arange(length) / rate) + 0.1 * torch.randn(length)


@torch.no_grad()
def outputs(model, lengths):
    tensors = {}
    for length in lengths:
        sound = tone(length, model.config.sampling_rate)
        filled = torch.nn.functional.pad(sound, (0, -length % model.config.hop_length))
        latent = model.encoder(filled[None, None])
        quantised, codes, *_ = model.quantizer(latent)
        tensors[f"{length}.sound"] = sound
        tensors[f"{length}.latent"] = latent[0].T.contiguous()
        tensors[f"{length}.codes"] = codes[0].to(torch.int32).contiguous()
        tensors[f"{length}.quantised"] = quantised[0].T.contiguous()
        tensors[f"{length}.decoded"] = model.decoder(model.quantizer.from_codes(codes)[0])[0, 0].contiguous()
    return tensors


@torch.no_grad()
def recordings(model):
    """Whole, shorter than half a second, and in windows without padding."""
    tensors = {}
    for name, length, window in [("whole", 4_598, None), ("short", 1_496, None), ("windows", 1_998, 0.1)]:
        sound = 0.3 * tone(length, model.sample_rate) * torch.linspace(0.05, 1.0, length)
        file = model.compress(AudioSignal(sound[None, None], model.sample_rate), win_duration=window)
        tensors[f"{name}.sound"] = sound
        tensors[f"{name}.codes"] = file.codes[0].to(torch.int32).contiguous()
        tensors[f"{name}.notes"] = torch.tensor([float(file.input_db[0]), file.chunk_length, float(file.padding)])
        tensors[f"{name}.decoded"] = model.decompress(file).audio_data[0, 0].contiguous()
    return tensors


def loudness():
    rate = 8_000
    torch.manual_seed(5)
    # Loud, a pause, soft below the gate, loud again.
    shape = torch.cat([torch.full((2_400,), 0.5), torch.zeros(2_400), torch.full((2_400,), 0.02), torch.full((2_400,), 0.2)])
    sound = shape * torch.randn(9_600)
    measured = pyloudnorm.Meter(rate).integrated_loudness(numpy.array(sound, dtype=numpy.float64))
    return {"sound": sound, "lufs": torch.tensor([measured], dtype=torch.float32)}


def layout(model, name):
    lines = [f"{name}\t{'x'.join(map(str, value.shape))}" for name, value in model.state_dict().items()]
    (HERE / name).write_text("\n".join(lines) + "\n")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--large", type=Path)
    large = arguments.parse_args().large
    if large:
        model = drawn(DacModel(DacConfig()))
        large.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(large)
        save_file(outputs(model, [44_100, 101_295]), large / "outputs.safetensors")
        return
    HERE.mkdir(exist_ok=True)
    note = {"transformers": transformers.__version__, "torch": torch.__version__, "dac": dac.__version__}
    model = drawn(DacModel(DacConfig(**SMALL)))
    model.save_pretrained(HERE)
    save_file(outputs(model, LENGTHS), HERE / "outputs.safetensors", note)
    authors = drawn(dac.DAC(**AUTHORS))
    authors.save(HERE / "authors.pth", package=False)
    save_file(recordings(authors), HERE / "recordings.safetensors", note)
    save_file(loudness(), HERE / "loudness.safetensors", {"pyloudnorm": "0.2.0"})
    layout(DacModel(DacConfig()), "layout.tsv")
    layout(dac.DAC(), "layout_authors.tsv")
    layout(dac.DAC(**PUBLISHED_16_KHZ), "layout_authors_16khz.tsv")


if __name__ == "__main__":
    main()
