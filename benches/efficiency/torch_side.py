"""One point of the efficiency study in PyTorch: `torch_side.py SUBJECT WIDTH HEADS TOKENS ROUNDS` prints seconds and megabytes.

Written from the formulas: SSAST's blocks are those of a vision transformer, SSAMBA's those of Vision Mamba v2 in pairs of opposite directions. PyTorch
has no selective scan; step by step is what it offers without compiled extensions.
"""

import resource
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Attention(nn.Module):
    def __init__(self, width, heads, fused):
        super().__init__()
        self.heads, self.fused = heads, fused
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = self.qkv(x).reshape(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            scores = q @ k.transpose(-2, -1) * (c // self.heads) ** -0.5
            y = scores.softmax(-1) @ v
        return self.proj(y.transpose(1, 2).reshape(b, t, c))


class Block(nn.Module):
    def __init__(self, width, heads, fused):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width, heads, fused)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Scanner(nn.Module):
    def __init__(self, inner, state, rank):
        super().__init__()
        self.state, self.rank = state, rank
        self.conv = nn.Conv1d(inner, inner, 4, groups=inner, padding=3)
        self.x_proj = nn.Linear(inner, rank + 2 * state, bias=False)
        self.dt_proj = nn.Linear(rank, inner)
        self.a_log = nn.Parameter(torch.arange(1, state + 1).float().log().repeat(inner, 1))
        self.d = nn.Parameter(torch.ones(inner))

    def forward(self, x, z):
        t = x.shape[1]
        c = F.silu(self.conv(x.transpose(1, 2))[..., :t]).transpose(1, 2)
        low, bm, cm = self.x_proj(c).split([self.rank, self.state, self.state], -1)
        dt, a = F.softplus(self.dt_proj(low)), -self.a_log.exp()
        h, out = torch.zeros(x.shape[0], *a.shape), []
        for i in range(t):
            h = torch.exp(dt[:, i, :, None] * a) * h + (dt[:, i] * c[:, i])[..., None] * bm[:, i, None]
            out.append((h @ cm[:, i, :, None])[..., 0])
        y = torch.stack(out, 1) + self.d * c
        return y * F.silu(z)


class Mixer(nn.Module):
    def __init__(self, width, state=16):
        super().__init__()
        inner, rank = 2 * width, -(-width // 16)
        self.in_proj, self.out_proj = nn.Linear(width, 2 * inner, bias=False), nn.Linear(inner, width, bias=False)
        self.ahead, self.back = Scanner(inner, state, rank), Scanner(inner, state, rank)

    def forward(self, u):
        x, z = self.in_proj(u).chunk(2, -1)
        back = self.back(x.flip(1), z.flip(1)).flip(1)
        return self.out_proj((self.ahead(x, z) + back) / 2)


class Pair(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.mixers = nn.ModuleList(Mixer(width) for _ in range(2))

    def forward(self, x):
        ahead = self.mixers[0](self.norms[0](x))
        back = self.mixers[1](self.norms[1](x.flip(1))).flip(1)
        return x + (ahead + back) / 2


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    subject, width, heads, tokens, rounds = sys.argv[1], *map(int, sys.argv[2:])
    torch.manual_seed(0)
    before = peak()
    if subject == "ssamba_torch":
        layers, extra = [Pair(width) for _ in range(12)], 1
    else:
        layers, extra = [Block(width, heads, subject == "ssast_fused") for _ in range(12)], 2
    net = nn.Sequential(*layers, nn.LayerNorm(width)).eval()
    x = torch.randn(1, tokens + extra, width)
    took = []
    with torch.no_grad():
        warm = 1 if rounds > 1 else 0
        for at in range(rounds + warm):
            start = time.perf_counter()
            net(x)
            if at >= warm:
                took.append(time.perf_counter() - start)
    print(statistics.median(took), (peak() - before) / 1e6)


main()
