"""Writes tests/parity/sashimi.safetensors: SaShiMi and its DiffWave variant, outputs and gradients of all parameters, in double precision.

    python tests/parity/make_sashimi.py        (made with torch 2.11.0)

The networks are those of sashimi_reference.py. Weights and inputs come from `pattern`. A gradient is that of the sum of outputs times noise.
"""

import pathlib

import torch
from reference import noise, pattern
from safetensors.torch import save_file
from sashimi_reference import Network

CASES = {
    "ar": dict(width=4, blocks=2, pool=(2, 2), period=48, same=True),
    "ar_plain": dict(width=6, blocks=1, pool=(4,), glu=False, scalar=True, tied=False),
    "ar_alone": dict(width=4, blocks=1, pool=(2,), ff=0, bidirectional=True),
    "ar_unet": dict(width=4, blocks=2, pool=(2,), unet=True),
    "diffwave": dict(width=4, blocks=1, pool=(2, 2), unet=True, bidirectional=True, tied=False, same=True, diffwave=True),
    "diffwave_pair": dict(width=6, blocks=2, pool=(2,), unet=True, bidirectional=True, pair=True, scalar=True, diffwave=True),
}  # fmt: skip
BATCH, LENGTH, LEVELS = 2, 32, 16

out = {}
for case, options in CASES.items():
    parameters = {}

    def get(name, *shape):
        if name not in parameters:
            parameters[name] = torch.from_numpy(pattern(name, shape)).double().requires_grad_()
        return parameters[name]

    network = Network(get, **{"period": LENGTH, "pairs": 3, "levels": LEVELS, **options})
    if network.diffwave:
        y = network.noise(noise("x", (BATCH, LENGTH)), torch.tensor([3.0, 171.0]).double(), 8, 6)
    else:
        y = network.scores(((noise("codes", (BATCH, LENGTH)) + 1) / 2 * LEVELS).long())
    (y * noise("dy", tuple(y.shape))).sum().backward()
    out[f"{case}.y"] = y.detach().float()
    out |= {f"{case}.grad.{name}": parameter.grad.float() for name, parameter in parameters.items()}
    print(case, len(parameters), sum(p.numel() for p in parameters.values()), float(y.detach().abs().max()))
save_file({name: tensor.contiguous().clone() for name, tensor in out.items()}, pathlib.Path(__file__).parent / "sashimi.safetensors")
