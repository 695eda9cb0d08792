"""An update of TacoMamba in PyTorch: `torch_side.py UTTERANCES SYMBOLS FRAMES` prints the median seconds of three.

Written from the formulas, in the recommended sizes. Alignments are given: only our side looks for them. PyTorch has no selective scan; step by step is
what it offers without compiled extensions.
"""

import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

WIDTH, INNER, STATE, RANK, BANDS = 384, 768, 16, 24, 80


class Mamba(nn.Module):
    def __init__(self):
        super().__init__()
        self.in_proj, self.out_proj = nn.Linear(WIDTH, 2 * INNER, bias=False), nn.Linear(INNER, WIDTH, bias=False)
        self.conv = nn.Conv1d(INNER, INNER, 4, groups=INNER, padding=3)
        self.x_proj = nn.Linear(INNER, RANK + 2 * STATE, bias=False)
        self.dt_proj = nn.Linear(RANK, INNER)
        self.a_log = nn.Parameter(torch.arange(1, STATE + 1).float().log().repeat(INNER, 1))
        self.d = nn.Parameter(torch.ones(INNER))

    def forward(self, u):
        x, z = self.in_proj(u).chunk(2, -1)
        x = F.silu(self.conv(x.transpose(1, 2))[..., : u.shape[1]]).transpose(1, 2)
        low, b, c = self.x_proj(x).split([RANK, STATE, STATE], -1)
        dt, a = F.softplus(self.dt_proj(low)), -self.a_log.exp()
        h, out = torch.zeros(u.shape[0], INNER, STATE), []
        for t in range(u.shape[1]):
            h = torch.exp(dt[:, t, :, None] * a) * h + (dt[:, t] * x[:, t])[..., None] * b[:, t, None]
            out.append((h @ c[:, t, :, None])[..., 0])
        return self.out_proj((torch.stack(out, 1) + self.d * x) * F.silu(z))


class Block(nn.Module):
    def __init__(self, ways):
        super().__init__()
        self.norm, self.mixers = nn.RMSNorm(WIDTH), nn.ModuleList(Mamba() for _ in range(ways))

    def forward(self, x):
        n = self.norm(x)
        y = self.mixers[0](n)
        return x + (y if len(self.mixers) == 1 else y + self.mixers[1](n.flip(1)).flip(1))


def conv(inputs, outputs, taps):
    return nn.Conv1d(inputs, outputs, taps, padding=taps // 2)


class Convs(nn.Module):
    """conv → norm → activation → dropout, again and again."""

    def __init__(self, widths, taps, norm, rate):
        super().__init__()
        self.convs = nn.ModuleList(conv(a, b, taps) for a, b in zip(widths, widths[1:]))
        self.norms, self.rate = nn.ModuleList(norm(width) for width in widths[1:]), rate


class Tacomamba(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(152, WIDTH)
        self.front = Convs([WIDTH] * 4, 5, nn.RMSNorm, 0.1)
        self.encoder = nn.Sequential(*[Block(2) for _ in range(4)], nn.RMSNorm(WIDTH))
        self.mean = nn.Linear(WIDTH, BANDS)
        self.durations, self.duration_out = Convs([WIDTH, 256, 256], 3, nn.LayerNorm, 0.1), nn.Linear(256, 1)
        self.position = nn.Linear(2, WIDTH)
        self.prenet = nn.Sequential(
            nn.Linear(BANDS, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, WIDTH)
        )
        self.decoder = nn.Sequential(*[Block(1) for _ in range(6)], nn.RMSNorm(WIDTH), nn.Linear(WIDTH, BANDS))
        self.postnet = Convs([BANDS, 512, 512, 512, 512, BANDS], 5, nn.RMSNorm, 0.5)

    def forward(self, text, mel, at, places):
        x = self.embedding(text)
        for one, norm in zip(self.front.convs, self.front.norms):
            x = x + F.dropout(F.relu(norm(one(x.transpose(1, 2)).transpose(1, 2))), self.front.rate)
        h = self.encoder(x)
        d = h.detach()
        for one, norm in zip(self.durations.convs, self.durations.norms):
            d = F.dropout(norm(F.relu(one(d.transpose(1, 2))).transpose(1, 2)), self.durations.rate)
        z = h[:, at] + self.position(places) + self.prenet(F.pad(mel, (0, 0, 1, 0))[:, :-1])
        made = self.decoder(z)
        p = made
        for i, (one, norm) in enumerate(zip(self.postnet.convs, self.postnet.norms)):
            p = norm(one(p.transpose(1, 2)).transpose(1, 2))
            p = F.dropout(torch.tanh(p) if i < 4 else p, self.postnet.rate)
        return made, made + p, self.mean(h)[:, at], self.duration_out(d)[..., 0]


def main():
    utterances, symbols, frames = map(int, sys.argv[1:4])
    torch.set_num_threads(2)
    torch.manual_seed(0)
    model = Tacomamba()
    optimiser = torch.optim.AdamW(model.parameters(), 1e-4, (0.9, 0.98), weight_decay=0.01)
    text = torch.randint(38, 64, (utterances, symbols))
    mel = torch.rand(utterances, frames, BANDS) * 2 - 1
    last = frames // symbols
    at = torch.arange(frames) // last
    places = torch.stack([(torch.arange(frames) % last + 0.5) / last, torch.full((frames,), float(last)).log()], -1)
    logs = torch.full((utterances, symbols), float(last)).log()

    def update():
        optimiser.zero_grad()
        made, refined, means, told = model(text, mel, at, places)
        loss = F.mse_loss(made, mel) + F.mse_loss(refined, mel) + F.l1_loss(refined, mel)
        loss = loss + 0.5 * F.mse_loss(means, mel) + F.mse_loss(told, logs)
        loss.backward()
        optimiser.step()

    update()
    secs = []
    for _ in range(3):
        began = time.perf_counter()
        update()
        secs.append(time.perf_counter() - began)
    print(statistics.median(secs))


if __name__ == "__main__":
    main()
