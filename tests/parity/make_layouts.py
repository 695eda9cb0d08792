"""The large variant's weights in the other layouts that checkpoints come in, for the reader. Needs torch and transformers.

    python tests/parity/make_layouts.py        (after make_wav2vec2.py)

shards/   safetensors in several files with an index, as save_pretrained writes large models
bin/      pytorch_model.bin of Wav2Vec2ForPreTraining: with quantizer, without a head, weight norm under its old names
bare/     pytorch_model.bin of Wav2Vec2Model: names without `wav2vec2.`
ckpt/     a training checkpoint of the reference: `asr_model.` before every name, under `model`
"""
import pathlib
import shutil

import torch
from transformers import Wav2Vec2ForCTC, Wav2Vec2ForPreTraining

HERE = pathlib.Path(__file__).parent
SOURCE = HERE / "wav2vec2_large"
OUT = HERE / "wav2vec2_layouts"
shutil.rmtree(OUT, ignore_errors=True)

model = Wav2Vec2ForCTC.from_pretrained(SOURCE)
model.save_pretrained(OUT / "shards", max_shard_size="30KB")
(OUT / "shards" / "generation_config.json").unlink(missing_ok=True)


def old_names(state):
    old = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    renamed = {}
    for name, value in state.items():
        for new, before in old.items():
            name = name.replace(new, before)
        renamed[name] = value
    return renamed


def write(folder, name, state):
    (OUT / folder).mkdir(parents=True)
    shutil.copy(SOURCE / "config.json", OUT / folder / "config.json")
    torch.save(state, OUT / folder / name)


model.config.num_codevectors_per_group, model.config.codevector_dim, model.config.proj_codevector_dim = 4, 8, 8
pretraining = Wav2Vec2ForPreTraining(model.config)
pretraining.wav2vec2.load_state_dict(model.wav2vec2.state_dict())
write("bin", "pytorch_model.bin", old_names(pretraining.state_dict()))
write("bare", "pytorch_model.bin", old_names(model.wav2vec2.state_dict()))
state = {f"asr_model.{name}": value for name, value in model.state_dict().items()}
write("ckpt", "pytorch_model.bin", {"model": state, "optim": {"state": {}, "param_groups": []}, "step": 3})
for path in sorted(OUT.rglob("*")):
    if path.is_file():
        print(path.relative_to(OUT), path.stat().st_size)
