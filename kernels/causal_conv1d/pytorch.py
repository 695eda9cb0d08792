"""The op in PyTorch, for the bench of ops."""

import torch.nn.functional as F


def causal_conv1d(t, s):
    width = t["weight"].shape[-1]
    x = F.pad(t["x"].transpose(1, 2), (width - 1, 0))
    return F.silu(F.conv1d(x, t["weight"], t["bias"], groups=x.shape[1]).transpose(1, 2))
