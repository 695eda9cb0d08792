"""Writes tests/parity/sample_metrics.safetensors: scores of generated clips from fixed class probabilities and features,
computed in double precision.

Made with numpy 2.4.6 and scipy 1.17.1, safetensors:

    python tests/parity/make_sample_metrics.py

For each set (`full`: more clips than features; `odd`: an odd number of clips; `few`: fewer clips than features, `two`: two clips) there are
`SET.probabilities`, `SET.features` and `SET.scores`: inception score, modified inception score, AM score, Fréchet distance, mean of the largest
probability. `train.*` are what AM and Fréchet distance compare with. `cut.N` are the first clip of N that the published thresholds (0.4, 0.95) keep, and
the first behind those.
The formulas are those of sashimi/metrics.py of the paper's code; its draws are numpy.random.seed(0) before each score.
"""
import pathlib

import numpy as np
from safetensors.numpy import save_file
from scipy import linalg
from scipy.stats import entropy

CLASSES, WIDTH = 10, 24


def clips(random, count, sharpness, spread):
    logits = sharpness * random.standard_normal((count, CLASSES))
    weights = np.exp(logits - logits.max(1, keepdims=True))
    mixing = random.standard_normal((WIDTH, WIDTH))
    features = spread * random.standard_normal((count, WIDTH)) @ mixing + random.standard_normal(WIDTH)
    # The file is single precision: scores are those of the numbers in it.
    return tuple(rows.astype(np.float32).astype(np.float64) for rows in (weights / weights.sum(1, keepdims=True), features))


def inception(rows):
    np.random.seed(0)
    rows = rows[np.random.permutation(len(rows))]
    first, second = np.split(rows, [len(rows) // 2])
    return np.exp(np.mean([entropy(row, second.mean(0)) for row in first]))


def modified_inception(rows):
    np.random.seed(0)
    draw = lambda: rows[np.random.choice(np.arange(len(rows)), size=2, replace=True)]
    return np.exp(np.mean([entropy(*draw()) for _ in range(10_000)]))


def am(train, rows):
    return entropy(train.mean(0), rows.mean(0)) + entropy(rows, axis=1).mean()


def frechet(train, features):
    ours, theirs = np.cov(features, rowvar=False), np.cov(train, rowvar=False)
    # The root of a product whose rank falls short has no digits to compare: there, by the symmetric form.
    if len(features) > WIDTH:
        common = np.trace(linalg.sqrtm(theirs @ ours)).real
    else:
        root = linalg.sqrtm(theirs).real
        values = linalg.eigvalsh(root @ ours @ root)
        common = np.sqrt(values[values > values.max() * 1e-13]).sum()
    return np.square(features.mean(0) - train.mean(0)).sum() + np.trace(ours + theirs) - 2 * common


random = np.random.default_rng(22)
tensors = {}
tensors["train.probabilities"], tensors["train.features"] = train = clips(random, 150, 4.0, 1.0)
for name, count, sharpness, spread in [("full", 120, 3.0, 1.3), ("odd", 61, 1.0, 0.5), ("few", 15, 2.0, 1.0), ("two", 2, 2.0, 1.0)]:
    rows, features = clips(random, count, sharpness, spread)
    tensors[f"{name}.probabilities"], tensors[f"{name}.features"] = rows, features
    scores = [inception(rows), modified_inception(rows), am(train[0], rows), frechet(train[1], features), rows.max(1).mean()]
    tensors[f"{name}.scores"] = np.array(scores)
for count in [4, 5, 20, 33, 100, 1023, 10240]:
    low, high = np.arange(0.0, 0.5, 0.1)[-1], np.arange(0.6, 1.0, 0.05)[-1]
    tensors[f"cut.{count}"] = np.array([int(low * count), int(high * count)])
save_file({name: np.ascontiguousarray(value, dtype=np.float32) for name, value in tensors.items()}, pathlib.Path(__file__).parent / "sample_metrics.safetensors")
for name, value in tensors.items():
    if name.endswith("scores") or name.startswith("cut"):
        print(name, value)
