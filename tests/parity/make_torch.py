"""Writes tests/parity/torch/: checkpoints as PyTorch writes them, for the reader that does without it. Needs torch.

    python tests/parity/make_torch.py
"""
from pathlib import Path

import torch

here = Path(__file__).parent / "torch"
here.mkdir(exist_ok=True)
ramp = torch.arange(24, dtype=torch.float32) / 8
tensors = {
    "plain": ramp.view(2, 3, 4).clone(),
    "transposed": ramp.view(4, 6).t(),
    "slice": ramp.view(4, 6)[1:3, 2:5],
    "shared.a": ramp[:5],
    "shared.b": ramp[5:9],
    "half": ramp[:6].half(),
    "bfloat16": ramp[:6].bfloat16(),
    "double": ramp[:6].double(),
    "long": torch.tensor([-3, 0, 70000]),
    "scalar": torch.tensor(2.5),
    "flag": torch.tensor([True, False]),
    "empty": torch.zeros(0, 3),
}
torch.save(tensors, here / "bare.bin")
model = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv1d(4, 4, 3, groups=2), dim=2)
with torch.no_grad():
    for index, parameter in enumerate(model.parameters()):
        parameter.copy_(torch.arange(parameter.numel()).view(parameter.shape) + index)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
model(torch.ones(1, 4, 8)).sum().backward()
optimizer.step()
torch.save(
    {"model": model.state_dict(), "optim": optimizer.state_dict(), "sched": {"last": [1, 2.5, None, "x"]}, "step": 7},
    here / "model.ckpt-7",
)
print({name: tuple(tensor.shape) for name, tensor in model.state_dict().items()})
print(model.state_dict()["bias"])
torch.save({"model_state_dict": {"a": ramp[:4], "b": ramp[2:8].view(2, 3)}, "optim": {"state": ramp.double()}, "steps": 3},
           here / "older.pt", _use_new_zipfile_serialization=False)
