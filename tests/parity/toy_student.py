"""The mixers of section 3 of the method in plain torch, step by step in time: what make_training.py and make_losses.py hold `runner` to.

Written from the equations (Mamba-2: Dao & Gu 2024, arXiv 2405.21060; the bidirectional wrapper: CALD, arXiv 2410.06846); slow on purpose.
"""
import math

import torch
from torch import nn
from torch.nn import functional


class Mamba2(nn.Module):
    """One causal mixer; parameters in the order and under the names of the published state dict."""

    def __init__(self, width, head_dim, state, taps=4):
        super().__init__()
        self.sizes = (width, head_dim, state, taps)
        heads, mixed = width // head_dim, width + 2 * state
        dt = torch.exp(torch.empty(heads).uniform_(math.log(1e-3), math.log(1e-1))).clamp(min=1e-4)
        self.dt_bias = nn.Parameter(dt + torch.log(-torch.expm1(-dt)))
        self.A_log = nn.Parameter(torch.empty(heads).uniform_(1, 16).log())
        self.D = nn.Parameter(torch.ones(heads))
        self.in_proj = nn.Linear(width, width + mixed + heads, bias=False)
        self.conv1d = nn.Conv1d(mixed, mixed, taps, groups=mixed, padding=taps - 1)
        self.norm = nn.Module()
        self.norm.weight = nn.Parameter(torch.ones(width))
        self.out_proj = nn.Linear(width, width, bias=False)

    def forward(self, u):
        width, head_dim, state, _ = self.sizes
        heads, time = width // head_dim, u.shape[1]
        z, mixed, dt = self.in_proj(u).split([width, width + 2 * state, heads], dim=-1)
        mixed = functional.silu(self.conv1d(mixed.transpose(1, 2))[..., :time].transpose(1, 2))
        x, b, c = mixed.split([width, state, state], dim=-1)
        x = x.unflatten(-1, (heads, head_dim))
        dt = functional.softplus(dt + self.dt_bias)
        decay = torch.exp(-dt * self.A_log.exp())
        s, outputs = torch.zeros(u.shape[0], heads, head_dim, state, dtype=u.dtype), []
        for t in range(time):
            s = decay[:, t, :, None, None] * s + dt[:, t, :, None, None] * x[:, t, :, :, None] * b[:, t, None, None, :]
            outputs.append((s * c[:, t, None, None, :]).sum(-1) + self.D[:, None] * x[:, t])
        y = torch.stack(outputs, 1).flatten(2) * functional.silu(z)
        y = y * torch.rsqrt(y.square().mean(-1, keepdim=True) + 1e-5) * self.norm.weight
        return self.out_proj(y)


def reverse(u, lens):
    """Each row's first `lens` frames backwards, zeros behind them."""
    rows = [functional.pad(row[:n].flip(0), (0, 0, 0, len(row) - n)) for row, n in zip(u, lens)]
    return torch.stack(rows)


class BiMamba2(nn.Module):
    """Stands where attention stood; `lens` is set before each forward pass."""

    def __init__(self, width, head_dim, state, residual_inside):
        super().__init__()
        self.fw_mamba, self.bw_mamba = Mamba2(width, head_dim, state), Mamba2(width, head_dim, state)
        self.residual_inside, self.lens = residual_inside, None

    def forward(self, hidden_states, **_):
        u, lens = hidden_states, self.lens
        y = self.fw_mamba(u) + reverse(self.bw_mamba(reverse(u, lens)), lens)
        y = y + u if self.residual_inside else y
        mask = torch.arange(u.shape[1])[None, :] < torch.tensor(lens)[:, None]
        return y * mask[..., None], None
