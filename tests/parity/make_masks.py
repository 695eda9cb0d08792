"""Writes tests/parity/masks.tsv: SpecAugment's time masks as Hugging Face draws them. Made with transformers 4.44.2, numpy 2.4.6.

    python tests/parity/make_masks.py

Columns: seed; probability; frames T; valid frames per row; per row the masked frames as first-last, joined by commas; rows joined by semicolons.
"""
import pathlib

import numpy as np
import torch
import transformers
from transformers.models.wav2vec2.modeling_wav2vec2 import _compute_mask_indices


def spans(row):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
    return ",".join(f"{first}-{end - 1}" for first, end in edges.reshape(-1, 2))


lines = [f"# transformers {transformers.__version__}, numpy {np.__version__}, make_masks.py"]
for seed in range(100):
    random = np.random.RandomState(1000 + seed)
    frames = [100, 10, 11, 12, 19, 20, 25, 499, 57, 31][seed % 10]
    probability = 0.1 if seed % 4 else 0.65
    rows = 1 + seed % 4
    lengths = [frames] + [int(random.randint(1, frames + 1)) for _ in range(rows - 1)]
    if seed == 0:
        lengths, probability = [100, 60], 0.1
    mask = torch.zeros(len(lengths), frames, dtype=torch.long)
    for row, length in enumerate(lengths):
        mask[row, :length] = 1
    np.random.seed(seed)
    made = _compute_mask_indices((len(lengths), frames), probability, 10, attention_mask=mask, min_masks=2)
    cells = [seed, probability, frames, " ".join(map(str, lengths)), ";".join(spans(row) for row in made)]
    lines.append("\t".join(map(str, cells)))
(pathlib.Path(__file__).parent / "masks.tsv").write_text("\n".join(lines) + "\n")
print("\n".join(lines[:12]))
