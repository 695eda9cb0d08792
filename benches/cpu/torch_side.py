"""PyTorch's side of the CPU bench: one request per line on stdin, one answer per line on stdout, both JSON.

    {"do": "load", "case": "layer_norm", "file": "in.safetensors", "settings": {"eps": "1e-5"}, "threads": 2}
    {"do": "check", "to": "out.safetensors"}     results, for comparison
    {"do": "time", "what": "training", "repeat": 5}

Operands and results have the names that `cargo run -p kernels --example op -- NAME --help` lists. Models are transformers' own; where it has no
whole model (students), its mixers stand where CALD puts them. Started by `cargo bench --bench cpu`; not for use alone.
"""

import gc
import json
import sys
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file


def linear(t, s):
    return F.linear(t["x"], t["weight"], t.get("bias"))


def attention(t, s):
    heads = int(s["heads"])
    split = lambda x: x.unflatten(-1, (heads, -1)).transpose(1, 2)
    return F.scaled_dot_product_attention(*(split(t[n]) for n in "qkv")).transpose(1, 2).flatten(2)


def conv1d(t, s):
    x = F.pad(t["x"].transpose(1, 2), (int(s.get("left", 0)), int(s.get("right", 0))))
    y = F.conv1d(x, t["weight"], t.get("bias"), int(s.get("stride", 1)), 0, int(s.get("dilation", 1)), int(s.get("groups", 1)))
    return y.transpose(1, 2)


def causal_conv1d(t, s):
    width = t["weight"].shape[-1]
    x = F.pad(t["x"].transpose(1, 2), (width - 1, 0))
    return F.silu(F.conv1d(x, t["weight"], t["bias"], groups=x.shape[1]).transpose(1, 2))


def group_norm(t, s):
    x = t["x"]
    groups = int(s.get("groups", x.shape[-1]))
    return F.group_norm(x.transpose(1, 2), groups, t["weight"], t["bias"], 1e-5).transpose(1, 2)


def selective_scan(t, s):
    """The recurrence, step by step: what runs where the fused CUDA kernel does not."""
    delta = F.softplus(t["delta"] + t["delta_bias"])
    a = -torch.exp(t["a_log"])
    h = torch.zeros(t["u"].shape[0], *a.shape)
    decay = torch.exp(delta[..., None] * a)
    push = (delta * t["u"])[..., None] * t["b"][:, :, None]
    ys = []
    for step in range(t["u"].shape[1]):
        h = decay[:, step] * h + push[:, step]
        ys.append((h * t["c"][:, step, None]).sum(-1))
    return (torch.stack(ys, 1) + t["d"] * t["u"]) * F.silu(t["z"])


def ssd(t, s):
    """Chunks as in the Mamba-2 paper's listing: decays within a chunk, states between chunks."""
    heads, state, chunk = t["dt"].shape[-1], int(s["state"]), int(s["chunk"])
    x, b, c = t["xbc"].split([t["xbc"].shape[-1] - 2 * state, state, state], -1)
    batch, steps, _ = x.shape
    x = x.unflatten(-1, (heads, -1))
    delta = F.softplus(t["dt"] + t["dt_bias"])
    skip = x * t["d"][:, None]
    padding = -steps % chunk
    fold = lambda v: F.pad(v, (0, 0) * (v.dim() - 2) + (0, padding)).unflatten(1, (-1, chunk))
    xs, bs, cs = fold(x * delta[..., None]), fold(b), fold(c)
    log = fold(delta * -torch.exp(t["a_log"])).permute(0, 3, 1, 2)
    total = log.cumsum(-1)

    def between(v):
        span = v.shape[-1]
        v = v[..., None].expand(*v.shape, span).masked_fill(~torch.ones(span, span).tril(-1).bool(), 0).cumsum(-2)
        return v.masked_fill(~torch.ones(span, span).tril().bool(), -torch.inf).exp()

    within = torch.einsum("bcln,bcsn,bhcls,bcshp->bclhp", cs, bs, between(log), xs)
    states = torch.einsum("bcln,bhcl,bclhp->bchpn", bs, (total[..., -1:] - total).exp(), xs)
    states = F.pad(states, (0, 0, 0, 0, 0, 0, 1, 0))
    states = torch.einsum("bhzc,bchpn->bzhpn", between(F.pad(total[..., -1], (1, 0))), states)[:, :-1]
    carried = torch.einsum("bcln,bchpn,bhcl->bclhp", cs, states, total.exp())
    return ((within + carried).flatten(1, 2)[:, :steps] + skip).flatten(2)


def ctc_loss(t, s):
    logits = t["logits"]
    flat = [row[row >= 0].long() for row in t["targets"]]
    frames = torch.full((len(flat),), logits.shape[1])
    targets, lens = torch.cat(flat), torch.tensor([len(row) for row in flat])
    return F.ctc_loss(logits.log_softmax(-1).transpose(0, 1), targets, frames, lens, reduction="none", zero_infinity=True)


OPS = {
    "add": lambda t, s: t["a"] + t["b"],
    "gelu": lambda t, s: F.gelu(t["x"]),
    "silu": lambda t, s: F.silu(t["x"]),
    "layer_norm": lambda t, s: F.layer_norm(t["x"], t["x"].shape[-1:], t["weight"], t["bias"], 1e-5),
    "feed_forward": lambda t, s: F.linear(F.gelu(F.linear(t["x"], t["weight_in"], t["bias_in"])), t["weight_out"], t["bias_out"]),
    **{f.__name__: f for f in (linear, attention, conv1d, causal_conv1d, group_norm, selective_scan, ssd, ctc_loss)},
}
CONSTANT = {"targets"}


class Op:
    def __init__(self, name, tensors, settings):
        self.run, self.settings = OPS[name], settings
        self.dy = tensors.pop("dy")
        self.tensors = {n: t.requires_grad_(n not in CONSTANT) for n, t in tensors.items()}

    def forward(self):
        with torch.no_grad():
            return self.run(self.tensors, self.settings)

    def training(self):
        for tensor in self.tensors.values():
            tensor.grad = None
        y = self.run(self.tensors, self.settings)
        y.backward(self.dy)
        return y

    def results(self, gradients):
        if self.run is ctc_loss:
            # PyTorch's gradient of CTC in single precision is 5e-4 of the largest value away from its own in double.
            self.tensors = {n: t.detach().double().requires_grad_(n not in CONSTANT) for n, t in self.tensors.items()}
            self.dy = self.dy.double()
            exact = self.checked(gradients)
            self.tensors = {n: t.detach().float().requires_grad_(n not in CONSTANT) for n, t in self.tensors.items()}
            self.dy = self.dy.float()
            return {n: t.float() for n, t in exact.items()}
        return self.checked(gradients)

    def checked(self, gradients):
        if not gradients:
            return {"y": self.forward()}
        y = self.training()
        return {"y": y.detach(), **{f"d{n}": t.grad for n, t in self.tensors.items() if t.grad is not None}}


def mixer(width, s):
    from transformers import Mamba2Config
    from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer

    config = Mamba2Config(
        hidden_size=width, state_size=int(s["state"]), head_dim=int(s["head_dim"]), num_heads=int(s["inner"]) // int(s["head_dim"]),
        expand=int(s["inner"]) // width, n_groups=1, chunk_size=int(s["chunk"]), conv_kernel=int(s["taps"]), use_bias=False, num_hidden_layers=1,
    )  # fmt: skip
    return Mamba2Mixer(config, 0)


class Both(torch.nn.Module):
    """CALD's replacement of attention: one mixer ahead, one backward in time, on unpadded rows."""

    def __init__(self, width, s):
        super().__init__()
        self.fw_mamba, self.bw_mamba = mixer(width, s), mixer(width, s)

    def forward(self, x, *_, **__):
        return self.fw_mamba(x) + self.bw_mamba(x.flip(1)).flip(1), None


class Wav2vec2:
    def __init__(self, tensors, s):
        from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

        config = Wav2Vec2Config(**json.loads(s["config"]))
        self.model = Wav2Vec2ForCTC(config)
        if s["mixer"] == "mamba2":
            for layer in self.model.wav2vec2.encoder.layers:
                layer.attention = Both(config.hidden_size, s)
        self.x, self.targets = tensors.pop("waveforms"), tensors.pop("targets").long()
        self.watched = s["watched"].split(" ")
        missing, unexpected = self.model.load_state_dict(tensors, strict=False)
        assert not missing and not unexpected, (missing, unexpected)
        self.model.freeze_feature_encoder()
        if s.get("recompute") == "block":
            self.model.gradient_checkpointing_enable()
            self.model.train()  # Else it is not heeded; nothing drops.

    def forward(self):
        with torch.no_grad():
            return self.model(self.x).logits

    def training(self):
        self.model.zero_grad(set_to_none=True)
        self.model(self.x, labels=self.targets).loss.backward()

    def results(self, gradients):
        results = {"logits": self.forward()}
        if gradients:
            # PyTorch's gradient of CTC in single precision is 5e-4 and more away from its own in double.
            self.model.zero_grad(set_to_none=True)
            scores = self.model(self.x).logits.double().log_softmax(-1).transpose(0, 1)
            lens = [torch.tensor([len(scores)]), torch.tensor([self.targets.numel()])]
            blank = self.model.config.pad_token_id
            F.ctc_loss(scores, self.targets, *lens, blank=blank, reduction="sum", zero_infinity=True).backward()
            parameters = dict(self.model.named_parameters())
            results |= {f"d{name}": parameters[name].grad for name in self.watched}
        return results


class Mixer(Op):
    def __init__(self, tensors, s):
        self.dy, x = tensors.pop("dy"), tensors.pop("x").requires_grad_()
        self.module = mixer(x.shape[-1], s)
        self.module.load_state_dict(tensors)
        self.tensors, self.settings = {"x": x, **dict(self.module.named_parameters())}, s
        self.run = lambda t, s: self.module(x)


class AdamW:
    """One update of all parameters: the gradients' norm, then the step."""

    def __init__(self, tensors, _):
        self.parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in tensors["grad"]]
        for parameter, gradient in zip(self.parameters, tensors["grad"]):
            parameter.grad = gradient.clone()
        self.optimizer = torch.optim.AdamW(self.parameters, lr=1e-3, weight_decay=0.01, fused=True)

    def forward(self):
        torch.nn.utils.clip_grad_norm_(self.parameters, 1e9)
        self.optimizer.step()

    def results(self, _):
        self.forward()
        return {"param": torch.stack([p.detach() for p in self.parameters])}


def load(request):
    torch.set_num_threads(request["threads"])
    tensors, settings = load_file(request["file"]), request["settings"]
    if request["case"] == "wav2vec2":
        return Wav2vec2(tensors, settings)
    if request["case"] == "adamw":
        return AdamW(tensors, settings)
    if request["case"] == "mamba2_mixer":
        return Mixer(tensors, settings)
    return Op(request["case"], tensors, settings)


def peak_mb():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1e3
    return 0.0


def answer(request, subject):
    if request["do"] == "check":
        results = subject.results(request["gradients"])
        save_file({n: t.contiguous() for n, t in results.items()}, request["to"])
        return {}
    work = getattr(subject, request["what"])
    started = time.perf_counter()
    for _ in range(request["repeat"]):
        work()
    return {"ms": (time.perf_counter() - started) / request["repeat"] * 1e3, "peak_mb": peak_mb()}


def main():
    subject = None
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "load":
                subject, said = load(request), {}
                gc.collect()
                with open("/proc/self/clear_refs", "w") as refs:
                    refs.write("5")  # What loading took is not the subject's.
            else:
                said = answer(request, subject)
        except Exception as error:
            said = {"error": repr(error)[-2000:]}
        print(json.dumps(said), flush=True)


main()
