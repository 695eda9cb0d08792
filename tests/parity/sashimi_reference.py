"""SaShiMi and its DiffWave variant in PyTorch, written from the method's formulas. Not run by itself.

The generating function of S4 with both members of each conjugate pair, exact nodes and the limit at infinity; long convolutions by Fourier transforms;
tiers with both kinds of skips and norms. Parameters have the names of the released checkpoints, and the shapes of those without axes of 1.
"""

import math

import torch
import torch.nn.functional as F


class Network:
    """An autoregressive model, or with `diffwave` a noise predictor. `get(name, *shape)` gives its parameters; real ones of any precision."""

    def __init__(self, get, width, blocks, pool, period, pairs, levels=0, expand=2, same=False, glu=True, scalar=False, tied=True,
                 ff=2, unet=False, bidirectional=False, pair=False, diffwave=False):  # fmt: skip
        self.__dict__.update(locals())

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
        groups, ways, count = 1 if self.tied else width, 2 if self.bidirectional else 1, self.pairs
        dt = self.get(f"{name}.log_dt", width).exp()[:, None]
        w = torch.complex(-self.get(f"{name}.log_w_real", groups, count).exp(), self.get(f"{name}.w_imag", groups, count))
        pairs = lambda leaf, *shape: torch.view_as_complex(self.get(f"{name}.{leaf}", *shape, count, 2))
        p, b, c = pairs("P", groups), pairs("B", groups), pairs("C", ways, width)
        z = (2j * torch.tan(math.pi * torch.arange(period // 2, dtype=torch.float64, device=w.device) / period)).to(w.dtype)
        a = (dt * w)[..., None]
        near, far = 1 / (z - a), 1 / (z - a.conj())

        def r(v):
            v = v.expand(*v.shape[:-2], *a.shape[:2])
            return dt * (torch.einsum("...hm,hmj->...hj", v, near) + torch.einsum("...hm,hmj->...hj", v.conj(), far))

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
            length, width = length // pool, width * self.expand
            z = x.reshape(batch, length, pool, -1).transpose(2, 3).reshape(batch, length, -1)
            x = self.normed_linear(f"sashimi.d_layers.{place}.linear", z, width)
            place += 1
            states.append(x)
        for unit in self.units("sashimi.c_layers", 0, width, len(self.pool), step):
            x = unit(x)
        x = x + states.pop()
        for index, (tier, pool) in enumerate(reversed(list(enumerate(self.pool)))):
            width //= self.expand
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

    def scores(self, codes):
        """Of the level behind each of the codes [B, L]: [B, L, levels]."""
        x = self.get("mu_embedder.weight", self.levels, self.width)[codes]
        return self.linear("head", self.tiers(x), self.levels)

    def noise(self, x, steps, inputs, width):
        """In waveforms [B, L] at steps [B], whose waves have `inputs` values and their embedding `width`: [B, L]."""
        x = F.relu(self.normed_linear("sashimi.init_conv.0.conv", x[..., None], self.width))
        half = inputs // 2
        angles = steps[:, None] * torch.exp(-math.log(10000) / (half - 1) * torch.arange(half).to(x))
        step = F.silu(self.linear("sashimi.fc_t1", torch.cat([angles.sin(), angles.cos()], -1), width))
        step = F.silu(self.linear("sashimi.fc_t2", step, width))
        y = F.relu(self.normed_linear("sashimi.final_conv.0.conv", self.tiers(x, step), self.width))
        return self.linear("sashimi.final_conv.2.conv", y, 1)[..., 0]
