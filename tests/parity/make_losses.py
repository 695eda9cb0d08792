"""Goldens for the loss terms, the heads, the mixers' wrapper and the model's layout, from the equations in double precision.

    python tests/parity/make_losses.py        (torch 2.11.0, transformers 5.23.0, safetensors, numpy)

losses/golden.safetensors   inputs and, per case, loss terms and their gradients; pooled class scores; BiMamba outputs; class predictions
losses/tensors.tsv          every parameter: name ({i}: a layer's index), shape, whether it decays in the published and in the sound grouping
losses/counts.tsv           parameters, trainable parameters and tensors of each model
losses/frames.tsv           where the encoder's output length changes, for 1..50000 samples
losses/rates.tsv            learning rates
losses/adamw.tsv            parameters after a hundred updates of torch's AdamW
"""
import math
import pathlib
import re

import numpy
import torch
from safetensors.torch import save_file
from torch.nn import functional
from toy_student import BiMamba2
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC
from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2PreTrainedModel

OUT = pathlib.Path(__file__).parent / "losses"
OUT.mkdir(exist_ok=True)
torch.manual_seed(19)
kept = {}


def keep(name, tensor):
    kept[name] = tensor.detach().float().contiguous().clone()


# Loss terms of one micro-batch of three utterances, the last with a transcript that does not fit into its frames. Another micro-batch of
# the same update has eleven frames.
FRAMES, TIME, WIDTH, VOCAB = [7, 5, 3], 7, 6, 5
LABELS, CLASSES = [[1, 2, 2], [3, 1], [1, 1, 1]], [[2, 1], [-100, 0], [3, -100]]
ALL_FRAMES, ALPHA_LAYER, ALPHA_LOGITS, CLASSIFIER_WEIGHT = sum(FRAMES) + 11, 1.5, 0.25, 2.0
inputs = {}
for who in ["student", "teacher"]:
    for name, shape in [("h0", (3, TIME, WIDTH)), ("h1", (3, TIME, WIDTH)), ("h2", (3, TIME, WIDTH)), ("logits", (3, TIME, VOCAB))]:
        inputs[f"{who}.{name}"] = (2 * torch.randn(shape)).float()
inputs["class.0"], inputs["class.1"] = torch.randn(3, 4), torch.randn(3, 3)
for name, value in inputs.items():
    keep(name, value)
OF = ["student.h1", "student.h2", "student.logits", "class.0", "class.1"]


def losses(x, per_sample, ctc_weight, masked):
    lengths = torch.tensor([len(labels) for labels in LABELS])
    ctc = functional.ctc_loss(
        x["student.logits"].log_softmax(-1).transpose(0, 1), torch.tensor(sum(LABELS, [])), torch.tensor(FRAMES), lengths, reduction="none",
        zero_infinity=True,
    )
    finite = (ctc != 0) if ctc_weight else torch.ones(3, dtype=torch.bool)
    count = (finite * lengths).sum().double() if per_sample else (ctc != 0).sum().double()
    ctc = ctc.sum() if per_sample else (ctc / lengths).sum()
    mask = ((torch.arange(TIME)[None] < torch.tensor(FRAMES)[:, None]) & finite[:, None]).double()
    scale = count / ALL_FRAMES if per_sample else 1.0
    over = (lambda e: e.sum()) if per_sample else (lambda e: (e.sum(1) / mask.sum(1).clamp(min=1)).sum())
    norm = lambda h: functional.layer_norm(mask[..., None] * h, (WIDTH,), eps=1e-5)
    layer = scale * sum(over((norm(x[f"teacher.h{j}"]) - norm(x[f"student.h{j}"])).square().mean(-1)) for j in [1, 2]) / 2
    p, q = (x["teacher.logits"] / 2).log_softmax(-1), (x["student.logits"] / 2).log_softmax(-1)
    divergence = (p.exp() * (p - q)).sum(-1)
    logits = scale * over(mask * divergence if masked else divergence)
    classes = torch.tensor(CLASSES)
    classifier = sum(functional.cross_entropy(x[f"class.{h}"], classes[:, h], ignore_index=-100, reduction="sum") for h in [0, 1]) / 2
    total = ctc_weight * ctc + ALPHA_LAYER * layer + ALPHA_LOGITS * logits + CLASSIFIER_WEIGHT * classifier
    return [ctc, layer, logits, classifier, total, count]


for case, settings in {
    "sample": (True, 1.0, True), "sample half": (True, 0.5, True), "sample without ctc": (True, 0.0, True),
    "utterance": (False, 1.0, True), "utterance unmasked": (False, 1.0, False),
}.items():
    x = {name: value.double().requires_grad_() for name, value in inputs.items()}
    terms = losses(x, *settings)
    terms[4].backward()
    keep(f"{case}.terms", torch.stack([term.detach() for term in terms]))
    for name in OF:
        keep(f"{case}.{name}", x[name].grad)
    print(case, [float(term.detach()) for term in terms])

# Class scores from pooled frames.
x = inputs["student.h2"].double()
mask = (torch.arange(TIME)[None] < torch.tensor(FRAMES)[:, None]).double()[..., None]
pooled = {"mean": (mask * x).sum(1) / mask.sum(1), "first": x[:, 0]}
for head, classes in enumerate([4, 3]):
    weight, bias = torch.randn(classes, WIDTH), torch.randn(classes)
    keep(f"pool.linear.{head}.weight", weight)
    keep(f"pool.linear.{head}.bias", bias)
    for how, vector in pooled.items():
        keep(f"pool.{how}.{head}", vector @ weight.double().T + bias)

# The wrapper of two mixers: ragged, without padding, and with the residual inside or not.
module = BiMamba2(8, 4, 4, residual_inside=False)
for parameter in module.parameters():
    parameter.data = parameter.data + 0.1 * torch.randn_like(parameter)
for name, value in module.state_dict().items():
    keep(f"mixers.{name}", value)
u = torch.randn(3, 9, 8)
keep("mixers.u", u)
module.double()
for lens in [(9, 5, 1), (9, 9, 9)]:
    for residual in [False, True]:
        module.lens, module.residual_inside = list(lens), residual
        keep(f"mixers.{'ragged' if lens[1] == 5 else 'full'}.{str(residual).lower()}", module(u.double())[0])

# Predictions of two heads, some labels missing: the mean over heads and utterances, and all heads right at once.
scores = [torch.randn(40, 4), torch.randn(40, 3)]
wanted = torch.stack([torch.where(torch.rand(40) < 0.5, s.argmax(-1), torch.randint(0, s.shape[1], (40,))) for s in scores], 1)
wanted[::9, 0], wanted[4::11, 1] = -100, -100
right = torch.stack([s.argmax(-1) for s in scores], 1) == wanted
for head in [0, 1]:
    keep(f"judge.scores.{head}", scores[head])
keep("judge.labels", wanted)
numbers = right.numpy()
keep("judge.right", torch.tensor([numbers.sum(), numbers.size, numbers.all(1).sum(), len(numbers)]))
save_file(kept, OUT / "golden.safetensors", metadata={"torch": torch.__version__, "script": "make_losses.py"})


# The layout: names, shapes and groups of all parameters.
def mixer(inner, kind):
    d, n, heads, rank = inner, 128 if kind == "mamba2" else 16, inner // 64, -(-inner // 16)
    if kind == "mamba2":
        return {
            "dt_bias": (heads,), "A_log": (heads,), "D": (heads,), "in_proj.weight": (2 * d + 2 * n + heads, d),
            "conv1d.weight": (d + 2 * n, 1, 4), "conv1d.bias": (d + 2 * n,), "norm.weight": (d,), "out_proj.weight": (d, d),
        }
    return {
        "A_log": (d, n), "D": (d,), "in_proj.weight": (2 * d, d), "conv1d.weight": (d, 1, 4), "conv1d.bias": (d,),
        "x_proj.weight": (rank + 2 * n, d), "dt_proj.weight": (d, rank), "dt_proj.bias": (d,), "out_proj.weight": (d, d),
    }


def layout(size, kind, classes):
    large = size == "large"
    config = Wav2Vec2Config(
        hidden_size=1024 if large else 768, num_hidden_layers=24 if large else 12, num_attention_heads=16 if large else 12,
        intermediate_size=4096 if large else 3072, feat_extract_norm="layer" if large else "group", do_stable_layer_norm=large,
        conv_bias=large, vocab_size=32,
    )
    with torch.device("meta"):
        model = Wav2Vec2ForCTC(config)
    norms = {name for name, module in model.named_modules() if isinstance(module, (torch.nn.LayerNorm, torch.nn.GroupNorm))}
    shapes = {}
    for name, tensor in model.state_dict().items():
        if ".attention." not in name or kind == "attention":
            shapes[name] = tuple(tensor.shape)
        elif name.endswith(".attention.k_proj.weight"):
            for way in ["fw_mamba", "bw_mamba"]:
                prefix = name.removesuffix("k_proj.weight") + way + "."
                shapes |= {prefix + leaf: shape for leaf, shape in mixer(config.hidden_size, kind).items()}
                norms.add(prefix + "norm")
    for head, count in enumerate(classes):
        shapes[f"classifier.linear.{head}.weight"], shapes[f"classifier.linear.{head}.bias"] = (count, config.hidden_size), (count,)
    return shapes, norms


models = [
    ("large", "attention", ()), ("large", "mamba2", (18, 46)), ("large", "mamba2", ()), ("large", "mamba1", ()), ("base", "attention", ()),
    ("base", "mamba2", ()),
]
with (OUT / "tensors.tsv").open("w") as tensors, (OUT / "counts.tsv").open("w") as counts:
    tensors.write("size\tmixer\tclasses\tname\tshape\treference\tsound\n")
    counts.write("size\tmixer\tclasses\tparameters\ttrainable\ttensors\n")
    for size, kind, classes in models:
        shapes, norms = layout(size, kind, classes)
        key, written = f"{size}\t{kind}\t{','.join(map(str, classes))}", set()
        for name, shape in shapes.items():
            module, leaf = name.rpartition(".")[::2]
            reference = leaf != "bias" and module.rpartition(".")[2] != "layer_norm"
            gain = module in norms or leaf == "original0" or leaf in ("A_log", "D", "dt_bias")
            line = [re.sub(r"layers\.\d+\.(?=attention|layer_norm|feed|final)", "layers.{i}.", name), "×".join(map(str, shape))]
            if "conv_layers" in name:
                line[0] = name
            row = "\t".join([*line, str(int(reference)), str(int(leaf != "bias" and not gain))])
            if row not in written:
                tensors.write(f"{key}\t{row}\n")
                written.add(row)
        sizes = {name: math.prod(shape) for name, shape in shapes.items()}
        frozen = sum(count for name, count in sizes.items() if "feature_extractor" in name)
        counts.write(f"{key}\t{sum(sizes.values())}\t{sum(sizes.values()) - frozen}\t{len(sizes)}\n")
print((OUT / "counts.tsv").read_text())

# Output lengths: transformers' rule; it goes below zero where not one frame fits.
lengths = Wav2Vec2PreTrainedModel._get_feat_extract_output_lengths
with torch.device("meta"):
    stub = Wav2Vec2ForCTC(Wav2Vec2Config(num_hidden_layers=1))
out = lengths(stub, torch.arange(1, 50_001)).clamp(min=0).tolist()
changes = [(samples, frames) for samples, frames in enumerate(out, 1) if samples == 1 or frames != out[samples - 2]]
(OUT / "frames.tsv").write_text("samples\tframes\n" + "".join(f"{samples}\t{frames}\n" for samples, frames in changes))

# Learning rates; the exponential in single precision.
def factor(s, w, p, d, maximum, minimum, final, kind, period, times):
    s -= min(s // period, times) * period if period > 0 else 0
    if s < w:
        return ((maximum - minimum) * s / w + minimum) / maximum
    if s <= w + p:
        return 1.0
    if s < w + p + d and kind == "exp":
        return float(torch.exp(torch.tensor(math.log(final / maximum) * (s - w - p) / d, dtype=torch.float32)))
    if s < w + p + d:
        return 1 - (s - w - p) * (maximum - final) / (d * maximum)
    return final / maximum


with (OUT / "rates.tsv").open("w") as rates:
    rates.write("warmup\tplateau\tdecay\tmax\tmin\tfinal\tshape\tperiod\ttimes\tupdates before\trate\n")
    for schedule in [
        (5000, 0, 75_000, 3e-4, 0.0, 1.5e-6, "exp", 0, 1), (5000, 0, 75_000, 3e-4, 0.0, 1.5e-6, "linear", 0, 1),
        (5000, 2000, 60_000, 1e-3, 1e-5, 1e-6, "exp", 30_000, 2), (100, 50, 1000, 2e-4, 2e-5, 1e-5, "linear", 700, 1),
    ]:
        w, p, d, period = schedule[0], schedule[1], schedule[2], schedule[7]
        steps = {0, 1, 2500, 42_500, 79_999, 80_000, 90_000, *(at + by for at in [w, w + p, w + p + d, period, 2 * period, 3 * period] for by in [-1, 0, 1])}
        for s in sorted(step for step in steps if step >= 0):
            rates.write("\t".join(map(str, schedule)) + f"\t{s}\t{schedule[3] * factor(s, *schedule)!r}\n")

# A hundred updates: gradients are divided by 3 and clipped; one parameter is frozen, one never reached. In single precision, as runs are: the
# rounding of 1 − lr·decay alone takes torch 1.4e-6 away from the same updates in double precision.
names = {"lm_head.weight": 6, "lm_head.bias": 3, "wav2vec2.encoder.layer_norm.weight": 4, "wav2vec2.encoder.layers.0.final_layer_norm.weight": 4}
parameters = {name: torch.tensor([0.5 - 0.3 * i for i in range(size)], dtype=torch.float32, requires_grad=True) for name, size in names.items()}
decayed = [p for name, p in parameters.items() if not name.endswith("bias") and ".layer_norm." not in name]
rest = [p for p in parameters.values() if all(p is not other for other in decayed)]
groups = [{"params": decayed, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
for step in range(100):
    for parameter, (name, size) in zip(parameters.values(), names.items()):
        raw = [((step + 1) * (i + 3) + len(name)) % 7 / 4 - 0.75 for i in range(size)]
        parameter.grad = torch.tensor(raw, dtype=torch.float32) / 3
    torch.nn.utils.clip_grad_norm_(parameters.values(), 0.6)
    for group in optimizer.param_groups:
        group["lr"] = 1e-3 * factor(step, 10, 5, 60, 1e-3, 0.0, 1e-5, "exp", 0, 1)
    optimizer.step()
with (OUT / "adamw.tsv").open("w") as rows:
    rows.write("name\tindex\tvalue\n")
    for name, parameter in parameters.items():
        for index, value in enumerate(parameter.tolist()):
            rows.write(f"{name}\t{index}\t{value!r}\n")
