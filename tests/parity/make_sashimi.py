"""Writes tests/parity/sashimi.safetensors: SaShiMi and its DiffWave variant, outputs and gradients of all parameters, in double precision.

    python tests/parity/make_sashimi.py        (made with torch 2.11.0)

Written from the method's formulas: the generating function of S4 (both members of each conjugate pair, exact nodes, the limit at infinity), long
convolutions by Fourier transforms, tiers with both kinds of skips and norms. Weights and inputs come from `pattern`; parameters have the names of the
released checkpoints, and the shapes of those without axes of 1. A gradient is that of the sum of outputs times noise.
"""
import math
import pathlib

import torch
import torch.nn.functional as F
from reference import noise, pattern
from safetensors.torch import save_file

CASES = {
    "ar": dict(width=4, blocks=2, pool=(2, 2), period=48, same=True),
    "ar_plain": dict(width=6, blocks=1, pool=(4,), glu=False, scalar=True, tied=False),
    "ar_alone": dict(width=4, blocks=1, pool=(2,), ff=0, bidirectional=True),
    "ar_unet": dict(width=4, blocks=2, pool=(2,), unet=True),
    "diffwave": dict(width=4, blocks=1, pool=(2, 2), unet=True, bidirectional=True, tied=False, same=True, diffwave=True),
    "diffwave_pair": dict(width=6, blocks=2, pool=(2,), unet=True, bidirectional=True, pair=True, scalar=True, diffwave=True),
}  # fmt: skip
BATCH, LENGTH, LEVELS, PAIRS, EXPAND, STEPS = 2, 32, 16, 3, 2, (3, 171)
STEP_EMBEDDING, STEP_WIDTH = 8, 6


class Network:
    """One case: parameters come into being when they are first asked for."""

    def __init__(self, width, blocks, pool, period=LENGTH, same=False, glu=True, scalar=False, tied=True, ff=2, unet=False,
                 bidirectional=False, pair=False, diffwave=False):  # fmt: skip
        self.__dict__.update(locals())
        self.parameters = {}

    def get(self, name, *shape):
        if name not in self.parameters:
            self.parameters[name] = torch.from_numpy(pattern(name, shape)).double().requires_grad_()
        return self.parameters[name]

    def linear(self, name, x, outputs, bias=True):
        weight = self.get(f"{name}.weight", outputs, x.shape[-1])
        return F.linear(x, weight, self.get(f"{name}.bias", outputs) if bias else None)

    def normed_linear(self, name, x, outputs):
        v, g = self.get(f"{name}.weight_v", outputs, x.shape[-1]), self.get(f"{name}.weight_g", outputs)
        return F.linear(x, v * (g / v.norm(dim=1))[:, None], self.get(f"{name}.bias", outputs))

    def norm(self, name, x, scalar):
        if not scalar:
            weight, bias = self.get(f"{name}.weight", x.shape[-1]), self.get(f"{name}.bias", x.shape[-1])
            return F.layer_norm(x, x.shape[-1:], weight, bias, 1e-5)
        deviation = x.std(-1, unbiased=False, keepdim=True)
        return self.get(f"{name}.s", 1) / deviation * (x - x.mean(-1, keepdim=True) + self.get(f"{name}.m", 1))

    def kernel(self, name, width, length, period):
        """The first samples of the impulse responses whose C̃ stand for a period: [R, H, length]."""
        groups, ways = 1 if self.tied else width, 2 if self.bidirectional else 1
        dt = self.get(f"{name}.log_dt", width).exp()[:, None]
        w = torch.complex(-self.get(f"{name}.log_w_real", groups, PAIRS).exp(), self.get(f"{name}.w_imag", groups, PAIRS))
        pairs = lambda leaf, *shape: torch.view_as_complex(self.get(f"{name}.{leaf}", *shape, PAIRS, 2))
        p, b, c = pairs("P", groups), pairs("B", groups), pairs("C", ways, width)
        z = 2j * torch.tan(math.pi * torch.arange(period // 2, dtype=torch.float64) / period)
        a = (dt * w)[..., None]

        def r(v):
            v = v.expand(*v.shape[:-2], *a.shape[:2])[..., None]
            return dt * (v / (z - a) + v.conj() / (z - a.conj())).sum(-2)

        spectrum = (1 + z / 2) * (r(b * c) - r(b * p.conj()) * r(p * c) / (1 + r(p * p.conj())))
        last = dt[:, 0] * (b * c).sum(-1).real
        return torch.fft.irfft(torch.cat([spectrum, last[..., None]], -1), period)[..., :length]

    def s4(self, name, x, period):
        length, width = x.shape[1:]
        u, k = x.transpose(1, 2), self.kernel(f"{name}.kernel.kernel", width, length, period)
        k = torch.cat([k[0], k[1].flip(-1)], -1) if self.bidirectional else F.pad(k[0], (0, length))
        y = torch.fft.irfft(torch.fft.rfft(u, 2 * length) * torch.fft.rfft(k), 2 * length)[..., :length]
        y = F.gelu(y + self.get(f"{name}.D", width)[:, None] * u).transpose(1, 2)
        y = self.linear(f"{name}.output_linear.0", y, 2 * width if self.glu else width)
        return F.glu(y) if self.glu else y

    def units(self, name, first, width, tier, step):
        """What a skip goes around: each block, or each pair of them."""
        period = self.period if self.same else self.period // math.prod(self.pool[:tier])
        blocks = []
        for _ in range(self.blocks):

            def s4(x, name=f"{name}.{first + len(blocks)}"):
                y = self.norm(f"{name}.norm", x, self.scalar)
                if step is not None:
                    y = y + self.linear(f"{name}.fc_t", step, width)[:, None]
                return x + self.s4(f"{name}.layer", y, period)

            blocks.append(s4)
            if self.ff:

                def ff(x, name=f"{name}.{first + len(blocks)}"):
                    y = self.norm(f"{name}.norm", x, self.scalar)
                    y = F.gelu(self.linear(f"{name}.layer.ff.0.0", y, self.ff * width))
                    return x + self.linear(f"{name}.layer.ff.2", y, width)

                blocks.append(ff)
        if not (self.pair and self.ff):
            return blocks
        return [lambda x, s4=s4, ff=ff: ff(s4(x)) for s4, ff in zip(blocks[::2], blocks[1::2])]

    def tiers(self, x, step=None):
        (batch, length, width), states, place = x.shape, [x], 0
        for tier, pool in enumerate(self.pool):
            for unit in self.units("sashimi.d_layers", place, width, tier, step) if self.unet else []:
                x = unit(x)
                states.append(x)
            place += self.blocks * (2 if self.ff else 1) if self.unet else 0
            length, width = length // pool, width * EXPAND
            z = x.reshape(batch, length, pool, -1).transpose(2, 3).reshape(batch, length, -1)
            x = self.normed_linear(f"sashimi.d_layers.{place}.linear", z, width)
            place += 1
            states.append(x)
        for unit in self.units("sashimi.c_layers", 0, width, len(self.pool), step):
            x = unit(x)
        x = x + states.pop()
        for index, (tier, pool) in enumerate(reversed(list(enumerate(self.pool)))):
            width //= EXPAND
            name = f"sashimi.u_layers.{index}"
            v = self.normed_linear(f"{name}.0.linear", x, width * pool)
            if not self.bidirectional:
                v = F.pad(v, (0, 0, 1, 0))[:, :-1]
            length *= pool
            x = v.reshape(batch, -1, width, pool).transpose(2, 3).reshape(batch, length, width) + states.pop()
            before = x
            for unit in self.units(name, 1, width, tier, step):
                x = unit(x)
                if self.unet:
                    x = x + states.pop()
            if not self.unet:
                x = x + before
        assert not states
        return self.norm("sashimi.norm", x, self.scalar and self.diffwave)

    def run(self):
        if not self.diffwave:
            codes = ((noise("codes", (BATCH, LENGTH)) + 1) / 2 * LEVELS).long()
            return self.linear("head", self.tiers(self.get("mu_embedder.weight", LEVELS, self.width)[codes]), LEVELS)
        x = F.relu(self.normed_linear("sashimi.init_conv.0.conv", noise("x", (BATCH, LENGTH))[..., None], self.width))
        half = STEP_EMBEDDING // 2
        angles = torch.tensor(STEPS)[:, None] * torch.exp(-math.log(10000) / (half - 1) * torch.arange(half).double())
        step = F.silu(self.linear("sashimi.fc_t1", torch.cat([angles.sin(), angles.cos()], -1), STEP_WIDTH))
        step = F.silu(self.linear("sashimi.fc_t2", step, STEP_WIDTH))
        y = F.relu(self.normed_linear("sashimi.final_conv.0.conv", self.tiers(x, step), self.width))
        return self.linear("sashimi.final_conv.2.conv", y, 1)[..., 0]


out = {}
for case, options in CASES.items():
    network = Network(**options)
    y = network.run()
    (y * noise("dy", tuple(y.shape))).sum().backward()
    out[f"{case}.y"] = y.detach().float()
    for name, parameter in network.parameters.items():
        out[f"{case}.grad.{name}"] = parameter.grad.float()
    print(case, len(network.parameters), sum(p.numel() for p in network.parameters.values()), float(y.detach().abs().max()))
save_file({name: tensor.contiguous().clone() for name, tensor in out.items()}, pathlib.Path(__file__).parent / "sashimi.safetensors")
