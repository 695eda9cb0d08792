"""Writes tests/parity/waveforms.safetensors: what Wav2Vec2FeatureExtractor makes of raw sound. Made with transformers 4.44.2, numpy 2.4.6.

    python tests/parity/make_waveforms.py

`raw.N` is an utterance; `input_values`, `attention_mask` are the batch of all: normalised, padded to a multiple of 8.
"""
import pathlib

import numpy as np
import transformers
from safetensors.numpy import save_file
from transformers import Wav2Vec2FeatureExtractor

random = np.random.RandomState(3)
raw = {
    "noise": random.randn(403) * 0.1,
    "quiet, with an offset": random.randn(340) * 1e-3 + 0.02,
    "faint": random.randn(300) * 1e-5,
    "one sample": np.array([0.25]),
    "two samples": np.array([-0.5, 0.25]),
    "silence": np.zeros(80),
    "a constant": np.full(77, 0.125),
    "an offset above all": random.randn(400) * 0.01 + 0.9,
    "a tone": np.sin(np.arange(401) * 0.1),
    "clipped": np.clip(random.randn(399) * 3, -1, 1 - 2**-15),
}
raw = [values.astype(np.float32) for values in raw.values()]
extractor = Wav2Vec2FeatureExtractor(feature_size=1, sampling_rate=16000, padding_value=0.0, do_normalize=True, return_attention_mask=True)
batch = extractor(raw, sampling_rate=16000, padding=True, pad_to_multiple_of=8, return_tensors="np")
tensors = {f"raw.{index}": values for index, values in enumerate(raw)}
tensors["input_values"] = batch["input_values"].astype(np.float32)
tensors["attention_mask"] = batch["attention_mask"].astype(np.int32)
notes = {"transformers": transformers.__version__, "numpy": np.__version__, "script": "make_waveforms.py"}
save_file(tensors, pathlib.Path(__file__).parent / "waveforms.safetensors", metadata=notes)
print({name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}, notes)
# The extractor's own error: its sums are in single precision. Against double precision:
for index, values in enumerate(raw):
    wide = values.astype(np.float64)
    exact = (wide - wide.mean()) / np.sqrt(wide.var() + 1e-7)
    print(index, "differs from double precision by", np.abs(exact - tensors["input_values"][index, : len(values)]).max())
