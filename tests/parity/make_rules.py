"""Writes lengths.tsv, schedule.tsv, decay.tsv, waypoints.tsv in tests/parity/: rules that are functions of a few numbers or names.

    python tests/parity/make_rules.py        (made with transformers 4.44.2, torch 2.11.0)

lengths.tsv: for each number of frames the fewest samples that give it, from Wav2Vec2Model._get_feat_extract_output_lengths over 400..50000 samples.
schedule.tsv: settings, update, factor of the learning rate; from the specification's formulas, the exponential in torch float32.
decay.tsv: for every parameter of models with two layers its kind of model, name, shape, and whether the reference decays it; attention's names
and shapes from transformers, the mixers' from the specification's tables.
waypoints.tsv: snapshots as listed, step, the snapshot that teaches.
"""
import pathlib
import random

import torch
import transformers
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

HERE = pathlib.Path(__file__).parent
HEAD = f"# transformers {transformers.__version__}, torch {torch.__version__}, make_rules.py"


def write(name, rows):
    (HERE / name).write_text("\n".join([HEAD] + ["\t".join(map(str, row)) for row in rows]) + "\n")
    print(name, len(rows))


# Lengths and frame masks.
small = Wav2Vec2ForCTC(Wav2Vec2Config(hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, conv_dim=(4,) * 7, num_feat_extract_layers=7, num_conv_pos_embedding_groups=1)).wav2vec2
samples = torch.arange(400, 50_001)
frames = small._get_feat_extract_output_lengths(samples)
rows = [(int(count), int(samples[frames == count][0])) for count in frames.unique()]
longest = int(frames.max())
for count, first in rows:
    # The mask of a batch padded to the longest: the first `count` frames.
    attention = torch.zeros(1, 50_000, dtype=torch.long)
    attention[0, :first] = 1
    mask = small._get_feature_vector_attention_mask(longest, attention)[0]
    assert mask.sum() == count and mask[:count].all()
write("lengths.tsv", rows)


# Learning rate.
def factor(s, c):
    if c["period"] > 0:
        s -= min(s // c["period"], c["times"]) * c["period"]
    w, p, d = c["warmup"], c["plateau"], c["decay"]
    if s < w:
        return ((c["max"] - c["min"]) * s / w + c["min"]) / c["max"]
    if s <= w + p:
        return 1.0
    if s < w + p + d:
        if c["kind"] == "exp":
            return float(torch.exp(torch.log(torch.tensor(c["final"] / c["max"])) * (s - w - p) / d))
        return 1 - (s - w - p) * (c["max"] - c["final"]) / (d * c["max"])
    return c["final"] / c["max"]


PAPER = dict(max=3e-4, min=0.0, final=1.5e-6, warmup=5000, plateau=0, decay=75_000, kind="exp", period=0, times=1)
SETTINGS = [
    PAPER,
    PAPER | dict(kind="linear", min=1e-5),
    PAPER | dict(plateau=700, warmup=300, decay=2000),
    PAPER | dict(period=9000, times=2, warmup=100, decay=5000),
    PAPER | dict(period=1000, times=1, warmup=10, plateau=50, decay=400, kind="linear"),
    PAPER | dict(warmup=0),
    PAPER | dict(warmup=0, plateau=3, decay=0),
]
rows = []
for c in SETTINGS:
    edges = [0, c["warmup"], c["warmup"] + c["plateau"], c["warmup"] + c["plateau"] + c["decay"], c["period"], 2 * c["period"], 3 * c["period"]]
    steps = {max(0, edge + by) for edge in edges for by in (-1, 0, 1)} | {2500, 42_500, 79_999, 80_000, 90_000}
    rows += [(*c.values(), s, repr(factor(s, c))) for s in sorted(steps)]
write("schedule.tsv", rows)


# Names, shapes, decay.
def decays(name):
    *_, before, last = [""] + name.split(".")
    return last != "bias" and before != "layer_norm"


def mamba2(width, head=64, state=128):
    heads = width // head
    return {
        "dt_bias": [heads], "A_log": [heads], "D": [heads], "in_proj.weight": [2 * width + 2 * state + heads, width],
        "conv1d.weight": [width + 2 * state, 1, 4], "conv1d.bias": [width + 2 * state], "norm.weight": [width], "out_proj.weight": [width, width],
    }


def mamba1(width, state=16):
    rank = -(-width // 16)
    return {
        "A_log": [width, state], "D": [width], "in_proj.weight": [2 * width, width], "conv1d.weight": [width, 1, 4], "conv1d.bias": [width],
        "x_proj.weight": [rank + 2 * state, width], "dt_proj.weight": [width, rank], "dt_proj.bias": [width], "out_proj.weight": [width, width],
    }


CONFIGS = {
    "base": dict(),
    "large": dict(hidden_size=1024, num_attention_heads=16, intermediate_size=4096, do_stable_layer_norm=True, feat_extract_norm="layer", conv_bias=True),
}
rows, totals = [], []
for config, options in CONFIGS.items():
    for layers in (2, 24 if config == "large" else 12):
        with torch.device("meta"):
            shapes = {name: list(p.shape) for name, p in Wav2Vec2ForCTC(Wav2Vec2Config(num_hidden_layers=layers, **options)).named_parameters()}
        width = shapes["lm_head.weight"][1]
        shapes |= {"classifier.linear.0.weight": [18, width], "classifier.linear.0.bias": [18], "classifier.linear.1.weight": [46, width], "classifier.linear.1.bias": [46]}
        for mixer, made in (("attention", None), ("mamba2", mamba2(width)), ("mamba1", mamba1(width))):
            names = dict(shapes)
            if made:
                names = {name: shape for name, shape in shapes.items() if ".attention." not in name}
                for layer in range(layers):
                    for way in ("fw_mamba", "bw_mamba"):
                        names |= {f"wav2vec2.encoder.layers.{layer}.attention.{way}.{leaf}": shape for leaf, shape in made.items()}
            if layers == 2:
                rows += [(config, mixer, name, "x".join(map(str, shape)), int(decays(name))) for name, shape in sorted(names.items())]
            else:
                count = lambda chosen: sum(torch.Size(shape).numel() for name, shape in names.items() if chosen(name))
                plain = lambda name: not name.startswith("classifier")
                totals.append((config, mixer, "TOTAL", count(plain), count(lambda name: plain(name) and "feature_extractor" not in name)))
write("decay.tsv", rows + totals)
print(*totals, sep="\n")


# Waypoints.
def teaching(snapshots, step):
    for snapshot in sorted(snapshots):
        if snapshot > step:
            return snapshot
    return max(snapshots)


random.seed(5)
rows = []
lists = [[10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 70_000, 80_000, 90_000], [90_000, 10_000, 40_000, 20_000], [20_000, 20_000, 10_000], [70_000]]
lists += [[10_000 * random.randint(1, 9) for _ in range(random.randint(1, 9))] for _ in range(20)]
for snapshots in lists:
    rows += [(" ".join(map(str, snapshots)), step, teaching(snapshots, step)) for step in (0, 9_999, 10_000, 10_001, 35_000, 89_999, 90_000, 200_000)]
write("waypoints.tsv", rows)
