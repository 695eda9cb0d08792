"""Goldens for the loss terms, the heads and the mixers' wrapper, from the equations in double precision, and for AdamW.

    python tests/parity/make_losses.py        (torch 2.11.0, safetensors)

losses/golden.safetensors   inputs and, per case, loss terms and their gradients; pooled class scores; BiMamba outputs; class predictions
losses/adamw.tsv            parameters after a hundred updates of torch's AdamW
"""
import math
import pathlib

import torch
from safetensors.torch import save_file
from torch.nn import functional
from toy_student import BiMamba2

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


# Rates of the learning-rate schedule; the exponential in single precision.
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
