"""Loads what `runner export` wrote with transformers and compares the logits of one sound. Needs torch, transformers, soundfile.

    runner export RUN -o EXPORT
    runner forward RUN/config.toml -s model.wav2vec2.pretrained=EXPORT --input X.wav --dump X.safetensors
    python tests/parity/read_export.py EXPORT X.wav X.safetensors
"""
import sys

import soundfile
import torch
from safetensors.torch import load_file
from transformers import Wav2Vec2ForCTC, Wav2Vec2Processor

export, sound, dump = sys.argv[1:]
model, info = Wav2Vec2ForCTC.from_pretrained(export, output_loading_info=True)
assert not any(info.values()), info
processor = Wav2Vec2Processor.from_pretrained(export)
waveform, rate_hz = soundfile.read(sound, dtype="float32")
batch = processor(waveform, sampling_rate=rate_hz, return_tensors="pt")
with torch.no_grad():
    theirs = model.eval()(**batch).logits
ours = load_file(dump)["logits"]
difference = ((ours - theirs).abs().max() / theirs.abs().max()).item()
print(processor.batch_decode(theirs.argmax(-1)), f"logits agree to {difference:.1e} of the largest")
assert difference < 1e-5
