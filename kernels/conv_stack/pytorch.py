"""The op in PyTorch, for the bench of ops."""

import torch.nn.functional as F


def conv_stack(t, s):
    x = t["x"].transpose(1, 2)
    layers = sum(f"weight_{layer}" in t for layer in range(7))
    for layer in range(layers):
        x = F.conv1d(x, t[f"weight_{layer}"], t.get(f"bias_{layer}"), int(s.get(f"stride_{layer}", 1)))
        weight, bias = t.get(f"norm_weight_{layer}"), t.get(f"norm_bias_{layer}")
        if weight is not None and layer < int(s.get("group_norms", 0)):
            x = F.group_norm(x, x.shape[1], weight, bias, 1e-5)
        elif weight is not None:
            x = F.layer_norm(x.transpose(1, 2), x.shape[1:2], weight, bias, 1e-5).transpose(1, 2)
        x = F.gelu(x)
    return x.transpose(1, 2)
