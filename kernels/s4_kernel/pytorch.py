"""The op in PyTorch, for the bench of ops."""

import math

import torch


def s4_kernel(t, s):
    """The generating function at all nodes, both members of each pair; exact nodes on the imaginary axis, infinity apart."""
    period, length = int(s["period"]), int(s["len"])
    pair = lambda v: torch.view_as_complex(v.contiguous())
    p, b, c = pair(t["p"]), pair(t["b"]), pair(t["c"])
    dt = t["log_dt"].exp()[:, None]
    a = dt * torch.complex(-t["log_w_real"].exp(), t["w_imag"])
    y = 2 * torch.tan(math.pi * torch.arange(period // 2, device=dt.device) / period)
    z = torch.complex(torch.zeros_like(y), y)
    near, far = 1 / (z - a[..., None]), 1 / (z - a.conj()[..., None])

    def r(v):
        return dt * (torch.einsum("...hm,hmj->...hj", v.expand(*v.shape[:-2], *a.shape), near)
                     + torch.einsum("...hm,hmj->...hj", v.conj().expand(*v.shape[:-2], *a.shape), far))  # fmt: skip

    low = r(b * p.conj()) * r(p * c) / (1 + r((p * p.conj())))
    k = (1 + z / 2) * (r(b * c) - low)
    last = (dt[:, 0] * (b * c).real.sum(-1))[..., None].to(k.dtype)
    return torch.fft.irfft(torch.cat([k, last], -1), period)[..., :length]
