"""Goldens for `runner forward`: a tiny Wav2Vec2ForCTC of Hugging Face transformers, both norm variants.

    python tests/parity/make_wav2vec2.py        (needs torch, transformers, safetensors; nothing else of the project does)

Writes, per variant, a pretrained folder (config.json, model.safetensors) as `save_pretrained` makes it, and golden.safetensors with the
input, the mask, every hidden state, the normalised features and the logits. The versions used are in the file's metadata.
"""
import json
import pathlib
import shutil

import torch
import transformers
from safetensors.torch import save_file
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

HERE = pathlib.Path(__file__).parent
SHARED = dict(
    hidden_size=24, num_hidden_layers=3, num_attention_heads=4, intermediate_size=40,
    conv_dim=(8, 8, 12), conv_kernel=(10, 4, 3), conv_stride=(5, 4, 2),
    num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, vocab_size=32, layer_norm_eps=1e-5,
)
VARIANTS = {
    "base": dict(do_stable_layer_norm=False, feat_extract_norm="group", conv_bias=False),
    "large": dict(do_stable_layer_norm=True, feat_extract_norm="layer", conv_bias=True),
}


def make(name, options):
    torch.manual_seed(20)
    folder = HERE / f"wav2vec2_{name}"
    shutil.rmtree(folder, ignore_errors=True)
    model = Wav2Vec2ForCTC(Wav2Vec2Config(**SHARED, **options, attn_implementation="eager")).eval()
    # Away from the initial values, so that a forgotten gain, bias or norm shows.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder, safe_serialization=True)
    (folder / "generation_config.json").unlink(missing_ok=True)

    lengths = [2400, 1880]
    x = torch.randn(2, max(lengths))
    mask = torch.zeros(2, max(lengths), dtype=torch.long)
    for row, length in enumerate(lengths):
        x[row] = (x[row] - x[row, :length].mean()) / (x[row, :length].var(unbiased=False) + 1e-7).sqrt()
        x[row, length:] = 0
        mask[row, :length] = 1
    with torch.no_grad():
        out = model(x, attention_mask=mask, output_hidden_states=True)
        body = model.wav2vec2(x, attention_mask=mask)
    frames = model._get_feat_extract_output_lengths(torch.tensor(lengths))
    tensors = {f"hidden_states.{i}": h.contiguous() for i, h in enumerate(out.hidden_states)}
    # transformers 4 lists a stable model's last hidden state after the encoder's layer norm, transformers 5 before it. Ours is 4's.
    tensors[f"hidden_states.{SHARED['num_hidden_layers']}"] = body.last_hidden_state.contiguous()
    tensors |= {
        "logits": out.logits.contiguous(), "extract_features": body.extract_features.contiguous(), "input_values": x,
        "lengths": torch.tensor(lengths, dtype=torch.float32), "frames": frames.to(torch.float32),
    }
    notes = {"transformers": transformers.__version__, "torch": torch.__version__, "script": "make_wav2vec2.py"}
    save_file(tensors, folder / "golden.safetensors", metadata=notes)
    print(name, {k: tuple(v.shape) for k, v in tensors.items()}, json.dumps(notes))


for variant, settings in VARIANTS.items():
    make(variant, settings)
