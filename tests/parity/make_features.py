"""Writes tests/parity/features.safetensors: features of sound by torchaudio and librosa. Made with torch 2.11.0, torchaudio 2.11.0,
librosa 0.11.0, numpy 2.4.6.

    python tests/parity/make_features.py

Signals are made of whole numbers, the same here and in the tests; only what comes out is stored. `fbank.N` are chosen
frames (`places.N`) of signal N by torchaudio.compliance.kaldi.fbank, `facts.N` is [frames, bands], `mean.N` the mean of all values in double
precision. What rounding does to the original itself, by its own double precision, is printed.
Every tenth of them differs in its options, which the tests repeat. `mel.*` and `mfcc.*` are whole.
"""
import pathlib

import librosa
import numpy as np
import torch
import torchaudio
from safetensors.numpy import save_file
from torchaudio.compliance import kaldi

RATES = [16000, 8000, 11025, 22050, 44100, 48000]
SCALES = [32767, 3000, 300, 20, 8000]
KINDS = ["noise", "triangle wave in noise", "clipped", "silence in the middle", "an offset", "clicks"]


def lcg(seed):
    while True:
        seed = (1103515245 * seed + 12345) % 2**31
        yield seed


def signal(n):
    """Signal n: samples as sixteen-bit numbers."""
    draws = lcg(n + 1)
    kind, scale, rate = n % 6, SCALES[n % 5], RATES[n // 3 % 6]
    length = rate // 10 + next(draws) % (rate // 2)
    wave = []
    for t in range(length):
        noise = (next(draws) >> 15) - 2**15
        period = 40 + n
        triangle = (t % period) * 65536 // period - 32768
        value = [
            noise * scale // 32768,
            (triangle * 3 + noise) // 4 * scale // 32768,
            max(-scale, min(scale, (triangle + noise) * 2 * scale // 32768)),
            0 if length // 3 < t < length * 2 // 3 else noise * scale // 32768,
            scale // 2 + noise * scale // 131072,
            scale if t % 997 == 0 else noise * 4 // 32768,
        ][kind]
        wave.append(value)
    return rate, np.array(wave, dtype=np.float32) / 32768


def options(n, rate):
    """What call n is told beside the defaults."""
    given = dict(sample_frequency=float(rate), num_mel_bins=128, window_type="hanning", dither=0.0)
    variants = [
        {}, {}, {}, {}, {},
        {"window_type": ["hamming", "povey", "rectangular", "blackman", "hanning"][n // 10]},
        {"snip_edges": False, "num_mel_bins": 40},
        {"num_mel_bins": 23, "low_freq": 100.0, "high_freq": -300.0, "preemphasis_coefficient": 0.0},
        {"remove_dc_offset": False, "use_power": False, "frame_length": 32.0, "frame_shift": 8.0},
        {"round_to_power_of_two": rate % 4000 != 0, "use_log_fbank": n % 20 == 9},
    ]  # fmt: skip
    return given | variants[n % 10]


def main():
    torch.set_num_threads(1)
    tensors, worst = {}, 0.0
    for n in range(50):
        rate, samples = signal(n)
        told = options(n, rate)
        single = kaldi.fbank(torch.from_numpy(samples)[None], **told).numpy()
        double = kaldi.fbank(torch.from_numpy(samples).double()[None], **told).numpy().astype(np.float32)
        frames, bands = single.shape
        places = sorted({0, frames // 3, frames // 2, frames - 1})
        tensors[f"facts.{n}"] = np.array([frames, bands], dtype=np.int32)
        tensors[f"mean.{n}"] = np.array([double.astype(np.float64).mean()], dtype=np.float32)
        tensors[f"places.{n}"] = np.array(places, dtype=np.int32)
        tensors[f"fbank.{n}"] = single[places]
        worst = max(worst, np.abs(single - double)[double > -15.9].max(initial=0))
    rate, samples = signal(1)
    wave = torch.from_numpy(samples)
    of = lambda values: np.ascontiguousarray(np.asarray(values).T.astype(np.float32))
    transforms = torchaudio.transforms
    tensors["mel.torchaudio"] = of(transforms.MelSpectrogram(rate)(wave))[:6]
    tensors["mel.torchaudio.other"] = of(transforms.MelSpectrogram(
        rate, n_fft=512, win_length=400, hop_length=160, n_mels=40, f_min=50.0, norm="slaney", mel_scale="slaney", center=False)(wave))[:6]
    tensors["mfcc.torchaudio"] = of(transforms.MFCC(rate, n_mfcc=40)(wave))[:12]
    tensors["mfcc.kaldi"] = kaldi.mfcc(wave[None], sample_frequency=float(rate)).numpy()[:12]
    tensors["mel.librosa"] = of(librosa.feature.melspectrogram(y=samples, sr=rate))[:6]
    tensors["mel.librosa.decibels"] = of(librosa.power_to_db(librosa.feature.melspectrogram(y=samples, sr=rate)))
    tensors["mel.librosa.htk"] = of(librosa.feature.melspectrogram(y=samples, sr=rate, n_fft=512, hop_length=160, htk=True, norm=None, n_mels=40, pad_mode="reflect"))[:6]
    tensors["mfcc.librosa"] = of(librosa.feature.mfcc(y=samples, sr=rate))
    notes = {"torchaudio": torchaudio.__version__, "librosa": librosa.__version__, "numpy": np.__version__, "script": "make_features.py"}
    path = pathlib.Path(__file__).parent / "features.safetensors"
    save_file({name: np.ascontiguousarray(values) for name, values in tensors.items()}, path, metadata=notes)
    print(path.stat().st_size, "bytes; the original's own rounding", worst, notes)
    print({name: values.shape for name, values in tensors.items() if name.startswith("m")})


main()
