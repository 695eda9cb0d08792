"""PyTorch's side of the bench, on the processor or the GPU that is named: one request per line on stdin, one answer per line on stdout, both JSON.

    {"do": "load", "case": "layer_norm", "file": "in.safetensors", "settings": {"eps": "1e-5"}, "threads": 2}
    {"do": "check", "to": "out.safetensors"}     results, for comparison
    {"do": "time", "what": "training", "repeat": 5}

Operands and results have the names that `cargo run -p kernels --example op -- NAME --help` lists. An op's function is in `pytorch.py` of its
folder in kernels/. Models are transformers' own; where it has no whole model (students), its mixers stand where CALD puts them; SaShiMi is that of
tests/parity. Started by `cargo bench --bench cpu`; not for use alone.
"""

import gc
import importlib.util
import json
import runpy
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file


DEVICE = sys.argv[1]
if DEVICE != "cpu":
    if not torch.cuda.is_available():
        sys.exit("this PyTorch knows no GPU")
    torch.cuda.set_device(DEVICE)
# On the GPU, too, f32 is f32 where nothing else is said.
torch.backends.cudnn.allow_tf32 = False


def wait():
    if DEVICE != "cpu":
        torch.cuda.synchronize()


# Functions called like their ops, of operands and settings by name. One that gives an operand no gradient detaches it.
OPS = {}
for path in sorted(Path(__file__).parents[2].glob("kernels/*/pytorch.py")):
    OPS |= runpy.run_path(str(path))


class Op:
    def __init__(self, name, tensors, settings):
        self.run, self.settings = OPS[name], settings
        self.dy = tensors.pop("dy")
        self.tensors = {n: t.requires_grad_() for n, t in tensors.items()}

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
        if getattr(self.run, "checked_in_double", False):
            self.tensors = {n: t.detach().double().requires_grad_() for n, t in self.tensors.items()}
            self.dy = self.dy.double()
            exact = self.checked(gradients)
            self.tensors = {n: t.detach().float().requires_grad_() for n, t in self.tensors.items()}
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
    return Mamba2Mixer(config, 0).to(DEVICE)


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
        self.model = Wav2Vec2ForCTC(config).to(DEVICE)
        if s["mixer"] == "mamba2":
            for layer in self.model.wav2vec2.encoder.layers:
                layer.attention = Both(config.hidden_size, s)
        self.x, self.targets = tensors.pop("waveforms"), tensors.pop("targets").long()
        self.watched = s["watched"].split(" ")
        missing, unexpected = self.model.load_state_dict(tensors, strict=False)
        assert not missing and not unexpected, (missing, unexpected)
        self.model.freeze_feature_encoder()
        rounded = s.get("precision") == "bf16"
        self.cast = lambda: torch.autocast(DEVICE.split(":")[0], dtype=torch.bfloat16, enabled=rounded)
        if s.get("recompute") == "block":
            self.model.gradient_checkpointing_enable()
            self.model.train()  # Else it is not heeded; nothing drops.

    def forward(self):
        with torch.no_grad(), self.cast():
            return self.model(self.x).logits.float()

    def training(self):
        self.model.zero_grad(set_to_none=True)
        with self.cast():
            loss = self.model(self.x, labels=self.targets).loss
        loss.backward()

    def results(self, gradients):
        results = {"logits": self.forward()}
        if gradients:
            # PyTorch's gradient of CTC in single precision is 5e-4 and more away from its own in double.
            self.model.zero_grad(set_to_none=True)
            with self.cast():
                logits = self.model(self.x).logits
            scores = logits.double().log_softmax(-1).transpose(0, 1)
            lens = [torch.full([len(self.x)], len(scores)), torch.full([len(self.x)], self.targets.shape[1])]
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


class Sashimi:
    """The formulas that the parity tests compare with, in single precision."""

    def __init__(self, tensors, _):
        sys.path.append(str(Path(__file__).parents[2] / "tests/parity"))
        from sashimi_reference import Network

        self.codes = tensors.pop("codes").long()
        get = lambda name, *_: tensors[name]
        self.network = Network(get, width=64, blocks=8, pool=(4, 4), period=16000, pairs=32, levels=256, same=True)

    def forward(self):
        with torch.no_grad():
            return self.network.scores(self.codes)

    def results(self, _):
        return {"logits": self.forward()}


class Features:
    def __init__(self, tensors, _):
        self.waveform = tensors["waveform"][None]

    def forward(self):
        from torchaudio.compliance import kaldi

        return kaldi.fbank(self.waveform, num_mel_bins=128, window_type="hanning", dither=0.0)

    def results(self, _):
        return {"y": self.forward()}


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
    tensors, settings = load_file(request["file"], device=DEVICE), request["settings"]
    if request["case"] == "wav2vec2":
        return Wav2vec2(tensors, settings)
    if request["case"] == "sashimi":
        return Sashimi(tensors, settings)
    if request["case"] == "kaldi_fbank":
        return Features(tensors, settings)
    if request["case"] == "adamw":
        return AdamW(tensors, settings)
    if request["case"] == "mamba2_mixer":
        return Mixer(tensors, settings)
    return Op(request["case"], tensors, settings)


def peak_mb():
    if DEVICE != "cpu":
        return torch.cuda.max_memory_allocated() / 1e6
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1e3
    return 0.0


def answer(request, subject):
    if request["do"] == "check":
        results = subject.results(request["gradients"])
        save_file({n: t.contiguous().cpu() for n, t in results.items()}, request["to"])
        return {}
    work = getattr(subject, request["what"])
    wait()
    started = time.perf_counter()
    for _ in range(request["repeat"]):
        work()
        wait()
    return {"ms": (time.perf_counter() - started) / request["repeat"] * 1e3, "peak_mb": peak_mb()}


def main():
    subject = None
    torchaudio = importlib.util.find_spec("torchaudio") is not None
    print(json.dumps({"torch": torch.__version__, "torchaudio": torchaudio}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "load":
                subject, said = load(request), {}
                gc.collect()
                if DEVICE != "cpu":
                    torch.cuda.reset_peak_memory_stats()
                with open("/proc/self/clear_refs", "w") as refs:
                    refs.write("5")  # What loading took is not the subject's.
            else:
                said = answer(request, subject)
        except Exception as error:
            said = {"error": repr(error)[-2000:]}
        print(json.dumps(said), flush=True)


main()
