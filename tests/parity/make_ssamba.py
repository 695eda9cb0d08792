"""Checkpoints in the layout of the published SSAMBA and SSAST files, and what these models make of a sound: tests/parity/ssamba/.

Written from the formulas, in f64: Vision Mamba's second version in pairs of opposite directions whose streams are added, the last norm twice; a vision
transformer with two tokens. Weights are random. Positions are of 8 × 8 patches; the models are run on 12 × 12 that overlap, as the published fine-tuning does.

    python3 tests/parity/make_ssamba.py       # torch 2.11.0, torchaudio 2.11.0, safetensors 0.6
"""

import math
import pathlib

import torch
import torch.nn.functional as F
import torchaudio
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).parent / "ssamba"
WIDTH, LAYERS, STATE, CLASSES, HEADS = 16, 4, 16, 5, 2
MEAN, STD = -4.2677393, 4.5689974


def drawn(generator, *shape, scale):
    return torch.randn(*shape, generator=generator) * scale


def shared(g, tokens):
    """Parameters that both models have."""
    w = {
        "p_input_fdim": torch.tensor(128),
        "p_input_tdim": torch.tensor(128),
        "mask_embed": drawn(g, 1, 1, WIDTH, scale=0.3),
        "v.cls_token": drawn(g, 1, 1, WIDTH, scale=0.3),
        "v.pos_embed": drawn(g, 1, tokens + 64, WIDTH, scale=0.3),
        "v.patch_embed.proj.weight": drawn(g, WIDTH, 1, 16, 16, scale=1 / 16),
        "v.patch_embed.proj.bias": drawn(g, WIDTH, scale=0.1),
        "v.head.weight": drawn(g, 10, WIDTH, scale=0.1),
        "v.head.bias": drawn(g, 10, scale=0.1),
        "mlp_head.0.weight": 1 + drawn(g, WIDTH, scale=0.1),
        "mlp_head.0.bias": drawn(g, WIDTH, scale=0.1),
        "mlp_head.1.weight": drawn(g, CLASSES, WIDTH, scale=0.3),
        "mlp_head.1.bias": drawn(g, CLASSES, scale=0.1),
    }
    for head in ("cpredlayer", "gpredlayer"):
        w |= {f"{head}.0.weight": drawn(g, WIDTH, WIDTH, scale=0.2), f"{head}.0.bias": drawn(g, WIDTH, scale=0.1)}
        w |= {f"{head}.2.weight": drawn(g, 256, WIDTH, scale=0.2), f"{head}.2.bias": drawn(g, 256, scale=0.1)}
    return w


def mamba_weights(g):
    inner, rank, w = 2 * WIDTH, math.ceil(WIDTH / 16), shared(g, 1)
    for layer in range(LAYERS):
        at = f"v.layers.{layer}."
        w[at + "norm.weight"], w[at + "norm.bias"] = 1 + drawn(g, WIDTH, scale=0.1), drawn(g, WIDTH, scale=0.1)
        at += "mixer."
        w[at + "in_proj.weight"] = drawn(g, 2 * inner, WIDTH, scale=0.25)
        w[at + "out_proj.weight"] = drawn(g, WIDTH, inner, scale=0.2)
        for side, a, d in (("", "A_log", "D"), ("_b", "A_b_log", "D_b")):
            w[at + a] = torch.arange(1.0, STATE + 1).log().repeat(inner, 1) + drawn(g, inner, STATE, scale=0.1)
            w[at + d] = 1 + drawn(g, inner, scale=0.1)
            w[at + f"conv1d{side}.weight"] = drawn(g, inner, 1, 4, scale=0.3)
            w[at + f"conv1d{side}.bias"] = drawn(g, inner, scale=0.1)
            w[at + f"x_proj{side}.weight"] = drawn(g, rank + 2 * STATE, inner, scale=0.2)
            w[at + f"dt_proj{side}.weight"] = drawn(g, inner, rank, scale=0.5)
            w[at + f"dt_proj{side}.bias"] = drawn(g, inner, scale=0.5) - 3
    w["v.norm_f.weight"], w["v.norm_f.bias"] = 1 + drawn(g, WIDTH, scale=0.1), drawn(g, WIDTH, scale=0.1)
    return w


def transformer_weights(g):
    w = shared(g, 2)
    w["v.dist_token"] = drawn(g, 1, 1, WIDTH, scale=0.3)
    w["v.head_dist.weight"], w["v.head_dist.bias"] = drawn(g, 10, WIDTH, scale=0.1), drawn(g, 10, scale=0.1)
    sizes = {"attn.qkv": (3 * WIDTH, WIDTH), "attn.proj": (WIDTH, WIDTH), "mlp.fc1": (4 * WIDTH, WIDTH), "mlp.fc2": (WIDTH, 4 * WIDTH)}
    for layer in range(2):
        at = f"v.blocks.{layer}."
        for norm in ("norm1", "norm2"):
            w[at + norm + ".weight"] = 1 + drawn(g, WIDTH, scale=0.1)
            w[at + norm + ".bias"] = drawn(g, WIDTH, scale=0.1)
        for name, (outputs, inputs) in sizes.items():
            w[at + name + ".weight"] = drawn(g, outputs, inputs, scale=0.3)
            w[at + name + ".bias"] = drawn(g, outputs, scale=0.1)
    w["v.norm.weight"], w["v.norm.bias"] = 1 + drawn(g, WIDTH, scale=0.1), drawn(g, WIDTH, scale=0.1)
    return w


def norm(w, name, x, eps):
    return F.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], eps)


def scan(w, at, side, names, x, z):
    a_log, d = names
    t = x.shape[1]
    c = F.conv1d(x.mT, w[at + f"conv1d{side}.weight"], w[at + f"conv1d{side}.bias"], padding=3, groups=x.shape[2])
    c = F.silu(c[..., :t]).mT
    low, b, cm = (c @ w[at + f"x_proj{side}.weight"].T).split([1, STATE, STATE], -1)
    dt = F.softplus(low @ w[at + f"dt_proj{side}.weight"].T + w[at + f"dt_proj{side}.bias"])
    a, h, out = -w[at + a_log].exp(), torch.zeros(x.shape[0], x.shape[2], STATE, dtype=x.dtype), []
    for i in range(t):
        h = torch.exp(dt[:, i, :, None] * a) * h + (dt[:, i] * c[:, i])[..., None] * b[:, i, None]
        out.append((h * cm[:, i, None]).sum(-1))
    return (torch.stack(out, 1) + w[at + d] * c) * F.silu(z)


def mixer(w, layer, u):
    at = f"v.layers.{layer}.mixer."
    x, z = (u @ w[at + "in_proj.weight"].T).chunk(2, -1)
    ahead = scan(w, at, "", ("A_log", "D"), x, z)
    back = scan(w, at, "_b", ("A_b_log", "D_b"), x.flip(1), z.flip(1)).flip(1)
    return ((ahead + back) / 2) @ w[at + "out_proj.weight"].T


def mamba(w, x):
    hidden = None
    for a in range(0, LAYERS, 2):
        s = x if hidden is None else x + hidden
        ahead = mixer(w, a, norm(w, f"v.layers.{a}.norm", s, 1e-5))
        back = mixer(w, a + 1, norm(w, f"v.layers.{a + 1}.norm", s.flip(1), 1e-5)).flip(1)
        x, hidden = 2 * s, ahead + back
    return norm(w, "v.norm_f", norm(w, "v.norm_f", x + hidden, 1e-5), 1e-5)


def transformer(w, x):
    for layer in range(2):
        at = f"v.blocks.{layer}."
        b, t, c = x.shape
        y = norm(w, at + "norm1", x, 1e-6) @ w[at + "attn.qkv.weight"].T + w[at + "attn.qkv.bias"]
        q, k, v = y.reshape(b, t, 3, HEADS, c // HEADS).permute(2, 0, 3, 1, 4)
        y = (q @ k.mT * (c // HEADS) ** -0.5).softmax(-1) @ v
        x = x + y.transpose(1, 2).reshape(b, t, c) @ w[at + "attn.proj.weight"].T + w[at + "attn.proj.bias"]
        y = F.gelu(norm(w, at + "norm2", x, 1e-6) @ w[at + "mlp.fc1.weight"].T + w[at + "mlp.fc1.bias"])
        x = x + y @ w[at + "mlp.fc2.weight"].T + w[at + "mlp.fc2.bias"]
    return norm(w, "v.norm", x, 1e-6)


def features(waves):
    """[B, 128 frames, 128 bands], padded with zeros before normalisation."""
    rows = []
    for wave in waves:
        wave = (wave - wave.mean()).float()[None]
        energies = torchaudio.compliance.kaldi.fbank(
            wave, htk_compat=True, sample_frequency=16000, use_energy=False, window_type="hanning", num_mel_bins=128, dither=0.0, frame_shift=10
        )[:128]
        rows.append(F.pad(energies, (0, 0, 0, 128 - len(energies))))
    return (torch.stack(rows).double() - MEAN) / (2 * STD)


def logits(w, tokens, trunk, waves):
    w = {name: value.double() for name, value in w.items()}
    x = F.conv2d(features(waves).mT[:, None], w["v.patch_embed.proj.weight"], w["v.patch_embed.proj.bias"], stride=10)
    x = x.flatten(2).mT
    kept, grid = w["v.pos_embed"].split([tokens, 64], 1)
    grid = grid.mT.reshape(1, WIDTH, 8, 8)
    grid = F.interpolate(grid, (8, 12), mode="bilinear")
    grid = F.interpolate(grid, (12, 12), mode="bilinear").flatten(2).mT
    first = [w["v.cls_token"], w["v.dist_token"]] if tokens == 2 else [w["v.cls_token"]]
    x = torch.cat([token.expand(len(x), -1, -1) for token in first] + [x], 1) + torch.cat([kept, grid], 1)
    y = trunk(w, x)[:, tokens:].mean(1)
    y = norm(w, "mlp_head.0", y, 1e-5)
    return y @ w["mlp_head.1.weight"].T + w["mlp_head.1.bias"]


def main():
    OUT.mkdir(exist_ok=True)
    g = torch.Generator().manual_seed(5)
    # Sound of some bands and levels: noise through moving averages.
    waves = []
    for width, level in ((1, 0.3), (8, 0.1)):
        wave = torch.randn(16000, generator=g).double()
        waves.append(level * F.avg_pool1d(wave[None], width, 1, width // 2)[0, :16000])
    waves = torch.stack([F.pad(wave, (0, 16000 - len(wave))) for wave in waves]).float()
    golden = {"input_values": waves}
    for name, weights, tokens, trunk in (("ssamba", mamba_weights(g), 1, mamba), ("ssast", transformer_weights(g), 2, transformer)):
        torch.save({f"module.{key}": value for key, value in weights.items()}, OUT / f"{name}.pth")
        golden[f"{name}.logits"] = logits(weights, tokens, trunk, waves).float()
    save_file({name: value.contiguous() for name, value in golden.items()}, OUT / "golden.safetensors")


main()
