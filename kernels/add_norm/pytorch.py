"""The op in PyTorch, for the bench of ops: at rest, since masks differ."""

import torch.nn.functional as F


def add_norm(t, s):
    return F.layer_norm(t["x"] + t["f"], t["x"].shape[-1:], t["weight"], t["bias"], 1e-5)
