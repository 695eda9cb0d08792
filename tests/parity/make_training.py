"""Goldens for training: a toy wav2vec2 of transformers, taught in torch by a loop written from the equations, in double precision.

    python tests/parity/make_training.py        (torch 2.11.0, transformers 5.23.0, safetensors, soundfile, numpy)

training/meta.txt               eight short utterances of the bundled corpus
training/{teacher,student}/     first weights: with attention; the same ones with Mamba-2 mixers in its place
training/curves.tsv             run, update, quantity, value: what `runner run` has to write to metrics.jsonl
training/gradients.safetensors  clipped gradients of one update of a student, cut into k = 1, 2 and 4 micro-batches; tensors of up to 400 values

One update: k micro-batches are run, each back-propagated as it is, the gradients divided by N (label characters, or utterances), clipped to the
global norm, and AdamW takes a step with the rate of the schedule. `reference` distillation scales a micro-batch's sums over frames by its own
characters over the frames of all k.
"""
import copy
import math
import pathlib

import numpy
import soundfile
import torch
from safetensors.torch import save_file
from torch.nn import functional
from toy_student import BiMamba2
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

HERE = pathlib.Path(__file__).parent
CORPUS, OUT = HERE.parent.parent / "corpora" / "smoke", HERE / "training"
LAYERS, WIDTH = 2, 24
CONFIG = dict(
    hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=4, intermediate_size=40, conv_dim=(8, 8, 12), conv_kernel=(10, 8, 4),
    conv_stride=(5, 8, 4), conv_bias=True, feat_extract_norm="layer", do_stable_layer_norm=True, num_conv_pos_embeddings=16,
    num_conv_pos_embedding_groups=4, vocab_size=32, layer_norm_eps=1e-5, attn_implementation="eager",
)
UPDATES, MAX_LR, FINAL_LR, WARMUP, PLATEAU, DECAY = 20, 3e-3, 3e-4, 4, 3, 10
REG, MAX_NORM = 0.05, 1.0


def corpus():
    """Normalised waveforms and labels of the utterances, in name order."""
    lines = [line.split("|") for line in (CORPUS / "meta.train.txt").read_text().splitlines()]
    lines = sorted(sorted(lines, key=lambda line: int(line[1]))[:8])
    (OUT / "meta.txt").write_text("".join("|".join(line) + "\n" for line in lines))
    letters = " abcdefghijklmnopqrstuvwxyz'"
    found = []
    for name, samples, text in lines:
        wave, rate = soundfile.read(CORPUS / name.split("_")[0] / f"{name}.ogg", dtype="float32")
        assert rate == 16000 and len(wave) == int(samples)
        wave = (wave - wave.mean()) / numpy.sqrt(wave.var() + 1e-7)
        found.append((torch.from_numpy(wave).double(), [28 if c == " " else letters.index(c) for c in text]))
    return found


def batches(group, size):
    """A group's batches: by length, `size` at a time."""
    group = sorted(group, key=lambda utterance: len(utterance[0]))
    return [group[at : at + size] for at in range(0, len(group), size)]


def forward(model, batch):
    """Hidden states (the last one normalised), logits and frames."""
    longest = -(-max(len(wave) for wave, _ in batch) // 8) * 8
    x, mask = torch.zeros(len(batch), longest).double(), torch.zeros(len(batch), longest, dtype=torch.long)
    for row, (wave, _) in enumerate(batch):
        x[row, : len(wave)], mask[row, : len(wave)] = wave, 1
    frames = model._get_feat_extract_output_lengths(mask.sum(-1)).tolist()
    states, hooks = [], []
    for layer in model.wav2vec2.encoder.layers:
        if isinstance(layer.attention, BiMamba2):
            layer.attention.lens = frames
        hooks.append(layer.register_forward_hook(lambda _m, _i, out: states.append(out[0] if isinstance(out, tuple) else out)))
    out = model.wav2vec2(x, attention_mask=mask)
    for hook in hooks:
        hook.remove()
    states[-1] = out.last_hidden_state
    return states, model.lm_head(out.last_hidden_state), frames


def micro_batch(student, teacher, batch, all_frames, run):
    """Loss terms of one micro-batch (sums over it), its share of N, and what is back-propagated."""
    states, logits, frames = forward(student, batch)
    per_sample = run["normalise"] == "sample"
    targets = [torch.tensor(labels) for _, labels in batch]
    lengths = torch.tensor([len(labels) for labels in targets])
    ctc = functional.ctc_loss(
        logits.log_softmax(-1).transpose(0, 1), torch.cat(targets), torch.tensor(frames), lengths, reduction="none", zero_infinity=True
    )
    finite = ctc != 0
    terms = {"ctc": ctc.sum() if per_sample else (ctc / lengths).sum()}
    count = float((finite * lengths).sum()) if per_sample else float(finite.sum())
    total = terms["ctc"]
    if teacher is not None:
        with torch.no_grad():
            taught, taught_logits, _ = forward(teacher, batch)
        mask = (torch.arange(logits.shape[1])[None] < torch.tensor(frames)[:, None]) & finite[:, None]
        scale = count / all_frames if per_sample else 1.0
        over = (lambda e: e.sum()) if per_sample else (lambda e: (e.sum(1) / mask.sum(1).clamp(min=1)).sum())
        norm = lambda h: functional.layer_norm(mask[..., None] * h, (WIDTH,), eps=1e-5)
        distances = [over((norm(t) - norm(s)).square().mean(-1)) for s, t in zip(states, taught)]
        terms["layer_distill"] = scale * sum(distances) / LAYERS
        p, q = (taught_logits / 2).softmax(-1), (logits / 2).log_softmax(-1)
        terms["logits_distill"] = scale * over(mask * (p * (p.log() - q)).sum(-1))
        total = total + run["layer"] * terms["layer_distill"] + run["logits"] * terms["logits_distill"]
    return {name: float(value.detach()) for name, value in terms.items()}, count, total


def gradients(student, teacher, group, run):
    """One update's clipped gradients; losses as logged, and the norm before clipping."""
    student.zero_grad(set_to_none=True)
    cut = batches(group, run["size"])
    frames = sum(int(student._get_feat_extract_output_lengths(torch.tensor(len(wave)))) for wave, _ in group)
    logged, n = {"loss": 0.0}, 0.0
    for batch in cut:
        terms, count, total = micro_batch(student, teacher, batch, frames, run)
        total.backward()
        n += count
        for name, value in [*terms.items(), ("loss", float(total.detach()))]:
            logged[name] = logged.get(name, 0.0) + value
    parameters = [p for p in student.parameters() if p.grad is not None]
    for parameter in parameters:
        parameter.grad /= n
    logged = {name: value / n for name, value in logged.items()}
    logged["grad_norm"] = float(torch.nn.utils.clip_grad_norm_(parameters, MAX_NORM))
    return logged


def factor(s):
    if s < WARMUP:
        return s / WARMUP
    if s <= WARMUP + PLATEAU:
        return 1.0
    share = (s - WARMUP - PLATEAU) / DECAY
    return math.exp(math.log(FINAL_LR / MAX_LR) * share) if share < 1 else FINAL_LR / MAX_LR


def decays(name):
    parts = name.split(".")
    return parts[-1] != "bias" and parts[-2] != "layer_norm"


def learn(student, teacher, utterances, run):
    for parameter in student.wav2vec2.feature_extractor.parameters():
        parameter.requires_grad_(False)
    named = [(name, p) for name, p in student.named_parameters() if p.requires_grad]
    groups = [
        {"params": [p for name, p in named if decays(name)], "weight_decay": REG},
        {"params": [p for name, p in named if not decays(name)], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=MAX_LR, betas=(0.9, 0.999), eps=1e-8)
    for step in range(UPDATES):
        logged = gradients(student, teacher, utterances[:4] if step % 2 == 0 else utterances[4:], run)
        for group in optimizer.param_groups:
            group["lr"] = logged["lr"] = MAX_LR * factor(step)
        optimizer.step()
        yield step + 1, logged


def first_weights():
    torch.manual_seed(33)
    teacher = Wav2Vec2ForCTC(Wav2Vec2Config(**CONFIG)).eval()
    with torch.no_grad():
        for parameter in teacher.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    student = copy.deepcopy(teacher)
    for layer in student.wav2vec2.encoder.layers:
        layer.attention = BiMamba2(WIDTH, 12, 8, residual_inside=True)
    for name, model in [("teacher", teacher), ("student", student)]:
        (OUT / name).mkdir(parents=True, exist_ok=True)
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, OUT / name / "model.safetensors")
    return teacher.double(), student.double()


def main():
    OUT.mkdir(exist_ok=True)
    utterances, (teacher, student) = corpus(), first_weights()
    distil = dict(layer=2.0, logits=0.5)
    runs = {
        "attention": (teacher, None, dict(normalise="sample", size=2)),
        "attention per utterance": (teacher, None, dict(normalise="utterance", size=2)),
        "student": (student, teacher, dict(normalise="sample", size=2, **distil)),
        "student per utterance": (student, teacher, dict(normalise="utterance", size=2, **distil)),
    }
    with (OUT / "curves.tsv").open("w") as curves:
        curves.write("run\tstep\tname\tvalue\n")
        for run, (model, taught_by, settings) in runs.items():
            for step, logged in learn(copy.deepcopy(model), taught_by, utterances, settings):
                for name, value in sorted(logged.items()):
                    curves.write(f"{run}\t{step}\t{name}\t{value!r}\n")
                print(run, step, logged)
    kept = {}
    for k, size in [(1, 4), (2, 2), (4, 1)]:
        model = copy.deepcopy(student)
        logged = gradients(model, teacher, utterances[:4], dict(normalise="sample", size=size, **distil))
        print("k", k, logged)
        kept |= {f"{k}.{name}": torch.tensor([value], dtype=torch.float32) for name, value in logged.items()}
        for name, parameter in model.named_parameters():
            if parameter.grad is not None and parameter.numel() <= 400 and "feature_extractor" not in name:
                kept[f"{k}.{name}"] = parameter.grad.float()
    save_file(kept, OUT / "gradients.safetensors", metadata={"torch": torch.__version__, "script": "make_training.py"})


main()
