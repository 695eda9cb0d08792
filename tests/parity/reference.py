"""The reference model and losses for the golden scripts: Hugging Face's modules, and what they lack written from the method's formulas.

Not run by itself. Weights and inputs are not stored but drawn by `pattern`, which tests/cli/parity/pattern.rs repeats bit for bit.
Everything computes in double precision unless a script says otherwise.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC


def uniform(name, count):
    """Numbers in [-0.5, 0.5) that depend on the name and the index alone."""
    state = 2166136261
    for byte in name.encode():
        state = (state ^ byte) * 16777619 % 2**32
    x = ((state + np.arange(count, dtype=np.uint64) * 2654435761) % 2**32).astype(np.uint32)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = (x ^ (x >> shift)) * np.uint32(factor)
    x ^= x >> 16
    return (x >> 8).astype(np.float64) / 2**24 - 0.5


def pattern(name, shape):
    """First values of a parameter, by what its name says it is; anything else is noise of variance about 1 / fan in."""
    u = uniform(name, math.prod(shape))
    leaf, module = name.rsplit(".", 1)[-1], "." + name.rsplit(".", 1)[0]
    if leaf == "A_log":
        values = 1.25 + 2.0 * u
    elif leaf == "dt_bias" or name.endswith("dt_proj.bias"):
        values = -3.0 + 2.0 * u
    elif leaf in ("D", "original0", "s"):
        values = 1.0 + u
    elif leaf == "log_dt":
        values = -3.0 + 2.0 * u
    elif leaf == "log_w_real":
        values = -0.7 + 0.4 * u
    elif leaf == "w_imag":
        values = 4.0 + 8.0 * u
    elif leaf == "C":
        values = 2.0 * u
    elif leaf == "weight" and module.endswith("norm"):
        values = 1.0 + 0.5 * u
    elif leaf == "bias":
        values = 0.5 * u
    elif len(shape) < 2:
        values = 2.0 * u
    else:
        values = u * (3.5 / math.sqrt(math.prod(shape[1:])))
    return values.astype(np.float32).reshape(shape)


def noise(name, shape):
    return torch.from_numpy(2.0 * uniform(name, math.prod(shape)).reshape(shape)).float().double()


def fill(module, prefix=""):
    """Sets every parameter to its pattern, in the module's own precision."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(torch.from_numpy(pattern(prefix + name, tuple(parameter.shape))))
    return module


class Holder(nn.Module):
    """A submodule that only holds `weight` and, if asked, `bias`."""

    def __init__(self, weight, bias=None):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(*weight, dtype=torch.float64))
        if bias:
            self.bias = nn.Parameter(torch.empty(bias, dtype=torch.float64))


def causal_conv(x, conv):
    return F.silu(F.conv1d(F.pad(x.transpose(1, 2), (3, 0)), conv.weight, conv.bias, groups=x.shape[-1]).transpose(1, 2))


class Mamba2(nn.Module):
    """The recurrence, step by step."""

    def __init__(self, width, head=64, state=128):
        super().__init__()
        self.width, self.head, self.state, self.heads = width, head, state, width // head
        vector = lambda: nn.Parameter(torch.empty(self.heads, dtype=torch.float64))
        self.dt_bias, self.A_log, self.D = vector(), vector(), vector()
        mixed = width + 2 * state
        self.in_proj = Holder((width + mixed + self.heads, width))
        self.conv1d = Holder((mixed, 1, 4), mixed)
        self.norm = Holder((width,))
        self.out_proj = Holder((width, width))

    def forward(self, u):
        z, xbc, dt = (u @ self.in_proj.weight.T).split([self.width, self.width + 2 * self.state, self.heads], -1)
        x, b, c = causal_conv(xbc, self.conv1d).split([self.width, self.state, self.state], -1)
        x = x.unflatten(-1, (self.heads, self.head))
        dt = F.softplus(dt + self.dt_bias)
        decay = torch.exp(-dt * torch.exp(self.A_log))
        state = torch.zeros(u.shape[0], self.heads, self.head, self.state, dtype=u.dtype)
        steps = []
        for t in range(u.shape[1]):
            added = (dt[:, t, :, None] * x[:, t])[..., None] * b[:, t, None, None, :]
            state = decay[:, t, :, None, None] * state + added
            steps.append((state @ c[:, t, None, :, None]).squeeze(-1) + self.D[:, None] * x[:, t])
        v = torch.stack(steps, 1).flatten(2) * F.silu(z)
        v = v * (v.square().mean(-1, keepdim=True) + 1e-5).rsqrt() * self.norm.weight
        return v @ self.out_proj.weight.T


class Mamba1(nn.Module):
    def __init__(self, width, state=16):
        super().__init__()
        self.width, self.state, self.rank = width, state, -(-width // 16)
        self.A_log = nn.Parameter(torch.empty(width, state, dtype=torch.float64))
        self.D = nn.Parameter(torch.empty(width, dtype=torch.float64))
        self.in_proj = Holder((2 * width, width))
        self.conv1d = Holder((width, 1, 4), width)
        self.x_proj = Holder((self.rank + 2 * state, width))
        self.dt_proj = Holder((width, self.rank), width)
        self.out_proj = Holder((width, width))

    def forward(self, u):
        x, z = (u @ self.in_proj.weight.T).split(self.width, -1)
        x = causal_conv(x, self.conv1d)
        low, b, c = (x @ self.x_proj.weight.T).split([self.rank, self.state, self.state], -1)
        dt = F.softplus(low @ self.dt_proj.weight.T + self.dt_proj.bias)
        a = -torch.exp(self.A_log)
        state = torch.zeros(u.shape[0], self.width, self.state, dtype=u.dtype)
        steps = []
        for t in range(u.shape[1]):
            state = torch.exp(dt[:, t, :, None] * a) * state + (dt[:, t] * x[:, t])[..., None] * b[:, t, None, :]
            steps.append((state * c[:, t, None, :]).sum(-1) + self.D * x[:, t])
        return (torch.stack(steps, 1) * F.silu(z)) @ self.out_proj.weight.T


def reverse(u, lens):
    out = torch.zeros_like(u)
    for row, valid in enumerate(lens):
        out[row, :valid] = u[row, :valid].flip(0)
    return out


class Bidirectional(nn.Module):
    """Stands for an attention module: its first argument in, its first output out. `lens` is set before a forward pass."""

    def __init__(self, make, residual_inside):
        super().__init__()
        self.fw_mamba, self.bw_mamba, self.residual_inside, self.lens = make(), make(), residual_inside, None

    def forward(self, u, **_):
        lens = [u.shape[1]] * len(u) if self.lens is None else self.lens
        y = self.fw_mamba(u) + reverse(self.bw_mamba(reverse(u, lens)), lens)
        if self.residual_inside:
            y = y + u
        valid = torch.arange(u.shape[1])[None, :] < torch.tensor(lens)[:, None]
        return y * valid[..., None], None, None


TINY = dict(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, conv_dim=(8, 8, 12), conv_kernel=(10, 8, 4),
    conv_stride=(5, 8, 4), num_feat_extract_layers=3, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, vocab_size=32,
    layerdrop=0.0, hidden_dropout=0.0, attention_dropout=0.0, activation_dropout=0.0, feat_proj_dropout=0.0, final_dropout=0.0,
    apply_spec_augment=False, pad_token_id=0,
)
STYLES = {
    "base": dict(do_stable_layer_norm=False, feat_extract_norm="group", conv_bias=False),
    "large": dict(do_stable_layer_norm=True, feat_extract_norm="layer", conv_bias=True),
}


class Reference(nn.Module):
    """The whole model: Hugging Face's, with mixers for attention if asked, and with classifier heads."""

    def __init__(self, style, mixer="attention", residual_inside=False, classes=(), pooling="mean", **options):
        super().__init__()
        config = Wav2Vec2Config(**(TINY | STYLES[style] | options), attn_implementation="eager")
        body = Wav2Vec2ForCTC(config)
        self.wav2vec2, self.lm_head, self.pooling = body.wav2vec2, body.lm_head, pooling
        self.config, self.lengths = config, body._get_feat_extract_output_lengths
        for layer in self.wav2vec2.encoder.layers if mixer != "attention" else []:
            width = config.hidden_size
            make = {"mamba2": lambda: Mamba2(width, head=16, state=8), "mamba1": lambda: Mamba1(width, state=4)}[mixer]
            layer.attention = Bidirectional(make, residual_inside)
        self.classifier = nn.Module()
        self.classifier.linear = nn.ModuleList(nn.Linear(config.hidden_size, count) for count in classes)
        fill(self.double())

    def forward(self, waveforms, samples):
        lens = self.lengths(torch.tensor(samples)).tolist()
        for module in self.modules():
            if isinstance(module, Bidirectional):
                module.lens = lens
        attention = torch.arange(waveforms.shape[1])[None, :] < torch.tensor(samples)[:, None]
        out = self.wav2vec2(waveforms, attention_mask=attention.long(), output_hidden_states=True)
        last = out.last_hidden_state
        valid = (torch.arange(last.shape[1])[None, :] < torch.tensor(lens)[:, None]).to(last.dtype)
        pooled = (last * valid[..., None]).sum(1) / valid.sum(1, keepdim=True) if self.pooling == "mean" else last[:, 0]
        return dict(
            hidden=list(out.hidden_states[:-1]) + [last], logits=self.lm_head(last), lens=lens, features=out.extract_features,
            classes=[linear(pooled) for linear in self.classifier.linear],
        )


def micro_batch(student, teacher, labels, frames_of_update, settings):
    """Loss terms of one micro-batch. `labels`: symbols, characters and one class per head (-100: none) for each utterance."""
    s, logits, lens = settings, student["logits"], student["lens"]
    targets = torch.tensor([symbol for one in labels for symbol in one["symbols"]], dtype=torch.long)
    ctc = F.ctc_loss(
        logits.log_softmax(-1).transpose(0, 1), targets, torch.tensor(lens), torch.tensor([len(one["symbols"]) for one in labels]),
        blank=0, reduction="none", zero_infinity=True,
    )
    chars = torch.tensor([float(one["chars"]) for one in labels], dtype=torch.float64)
    finite = (ctc != 0).double()
    counted = finite if s["ctc_weight"] else torch.ones_like(finite)
    per_sample = s["normalise"] == "sample"
    terms = {}
    if per_sample:
        n, terms["ctc"] = (counted * chars).sum().item(), ctc.sum()
    else:
        n, terms["ctc"] = finite.sum().item(), (ctc / chars).sum()
    total = s["ctc_weight"] * terms["ctc"] if s["ctc_weight"] else 0.0
    mask = (torch.arange(logits.shape[1])[None, :] < torch.tensor(lens)[:, None]).double() * counted[:, None]
    scale = n / frames_of_update if per_sample else 1.0
    reduce = (lambda e: e.sum()) if per_sample else (lambda e: (e.sum(1) / mask.sum(1).clamp(min=1)).sum())
    if s["alpha_layer"] > 0:
        norm = lambda x: F.layer_norm(x * mask[..., None], x.shape[-1:], eps=1e-5)
        each = [
            reduce((norm(t.detach()) - norm(h)).square().mean(-1)) for t, h in zip(teacher["hidden"][1:], student["hidden"][1:])
        ]
        terms["layer_distill"] = scale * torch.stack(each).mean()
        total = total + s["alpha_layer"] * terms["layer_distill"]
    if s["alpha_logits"] > 0:
        p = (teacher["logits"].detach() / 2).log_softmax(-1)
        q = (p.exp() * (p - (logits / 2).log_softmax(-1))).sum(-1)
        # Per utterance, the reference does not mask this one.
        terms["logits_distill"] = scale * reduce(q * mask if per_sample else q)
        total = total + s["alpha_logits"] * terms["logits_distill"]
    if student["classes"]:
        each = [
            F.cross_entropy(scores, torch.tensor([one["classes"][head] for one in labels]), ignore_index=-100, reduction="sum")
            for head, scores in enumerate(student["classes"])
        ]
        terms["classifier"] = torch.stack(each).mean()
        total = total + s["classifier_weight"] * terms["classifier"]
    return total, terms, n
