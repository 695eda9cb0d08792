"""Cepstra as utterances are compared by them, for src/audio/features/tests.rs: `torchaudio.transforms.MFCC` with nothing said but the rate.

    python3 tests/parity/make_mfcc.py            # writes tests/parity/mfcc.safetensors; needs torch, torchaudio

Signals are made of whole numbers, the same here and in the tests; what comes out of the third one, which is longer, is every tenth frame.
"""

from pathlib import Path

import torch
import torchaudio
from safetensors.torch import save_file

HERE = Path(__file__).parent
RATE = 24_000
# As short as the reflection at the ends allows, a whole number of hops, and a second with a rest; the last one fades out below the floor of 80 dB.
LENGTHS = [201, 4_000, 24_077]


def signal(length):
    """Noise and a tone of a sawtooth, fading to nothing, as sixteen-bit numbers over full scale."""
    state, wave = length, []
    for at in range(length):
        state = (1103515245 * state + 12345) % 2**31
        noise = (state >> 15) - 2**15
        saw = (at % 109) * 600 - 32_700
        value = (noise + 3 * saw) // 4 * (length - at) // length
        wave.append(value // (1 if at < length // 2 else 64))
    return torch.tensor(wave, dtype=torch.float32) / 32_768


def main():
    torch.set_num_threads(1)
    mfcc = torchaudio.transforms.MFCC(sample_rate=RATE)
    tensors = {}
    for length in LENGTHS:
        cepstra = mfcc(signal(length)).T
        tensors[f"{length}"] = cepstra[:: 10 if length > 10_000 else 1].contiguous()
    note = {"torch": torch.__version__, "torchaudio": torchaudio.__version__}
    save_file(tensors, HERE / "mfcc.safetensors", metadata=note)


main()
