"""The op in PyTorch, for the bench of ops."""

import torch.nn.functional as F


def layer_norm(t, s):
    return F.layer_norm(t["x"], t["x"].shape[-1:], t["weight"], t["bias"], 1e-5)
