"""The op in PyTorch, for the bench of ops."""

import torch
import torch.nn.functional as F


def ssd(t, s):
    """Chunks as in the Mamba-2 paper's listing: decays within a chunk, states between chunks."""
    heads, state, chunk = t["dt"].shape[-1], int(s["state"]), int(s["chunk"])
    x, b, c = t["xbc"].split([t["xbc"].shape[-1] - 2 * state, state, state], -1)
    batch, steps, _ = x.shape
    x = x.unflatten(-1, (heads, -1))
    delta = F.softplus(t["dt"] + t["dt_bias"])
    skip = x * t["d"][:, None]
    padding = -steps % chunk
    fold = lambda v: F.pad(v, (0, 0) * (v.dim() - 2) + (0, padding)).unflatten(1, (-1, chunk))
    xs, bs, cs = fold(x * delta[..., None]), fold(b), fold(c)
    log = fold(delta * -torch.exp(t["a_log"])).permute(0, 3, 1, 2)
    total = log.cumsum(-1)

    def between(v):
        span = v.shape[-1]
        seen = torch.ones(span, span, dtype=torch.bool, device=v.device).tril()
        v = v[..., None].expand(*v.shape, span).masked_fill(~seen.tril(-1), 0).cumsum(-2)
        return v.masked_fill(~seen, -torch.inf).exp()

    within = torch.einsum("bcln,bcsn,bhcls,bcshp->bclhp", cs, bs, between(log), xs)
    states = torch.einsum("bcln,bhcl,bclhp->bchpn", bs, (total[..., -1:] - total).exp(), xs)
    states = F.pad(states, (0, 0, 0, 0, 0, 0, 1, 0))
    states = torch.einsum("bhzc,bchpn->bzhpn", between(F.pad(total[..., -1], (1, 0))), states)[:, :-1]
    carried = torch.einsum("bcln,bchpn,bhcl->bclhp", cs, states, total.exp())
    return ((within + carried).flatten(1, 2)[:, :steps] + skip).flatten(2)
