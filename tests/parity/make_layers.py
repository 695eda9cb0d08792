"""Writes tests/parity/layers.safetensors: outputs and gradients of layers and small models, in double precision.

    python tests/parity/make_layers.py        (made with transformers 4.44.2, torch 2.11.0)

Feature encoders, positional convolution and transformers are Hugging Face's; mixers are the recurrences of reference.py. Weights and inputs
come from `pattern`. Of long outputs only some frames are kept: `kept(T)`, or every sixth.
"""
import pathlib

import torch
import transformers
from reference import TINY, Bidirectional, Mamba1, Mamba2, Reference, fill, noise
from safetensors.torch import save_file
from transformers import Wav2Vec2Config
from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2PositionalConvEmbedding

out = {}


def keep(name, tensor):
    out[name] = tensor.detach().float().contiguous().clone()


def kept(time):
    return sorted({0, 1, 2, 63, 64, time // 2, time - 2, time - 1} & set(range(time)))


# Feature encoders of seven convolutions, ragged rows: padding is zero there.
lengths = [4000, 2511]
waveforms = noise("waveforms", (2, 4000))
waveforms[1, lengths[1]:] = 0
seven = dict(conv_dim=(8,) * 7, conv_kernel=(10, 3, 3, 3, 3, 2, 2), conv_stride=(5, 2, 2, 2, 2, 2, 2), num_feat_extract_layers=7)
with torch.no_grad():
    for style in ("base", "large"):
        model = Reference(style, **seven)
        keep(f"features.{style}", model.wav2vec2.feature_extractor(waveforms).transpose(1, 2))

    # The positional convolution at its real kernel and groups.
    config = Wav2Vec2Config(hidden_size=32, num_conv_pos_embeddings=128, num_conv_pos_embedding_groups=16)
    position = fill(Wav2Vec2PositionalConvEmbedding(config).double())
    for time in (1, 5, 150):
        keep(f"position.{time}", position(noise("x", (2, time, 32)))[:, kept(time)])

# Mixers: outputs at many lengths, gradients at one.
for kind, make in (("mamba2", lambda: Mamba2(32, head=16, state=8)), ("mamba1", lambda: Mamba1(32, state=4))):
    mixer = fill(make())
    with torch.no_grad():
        for time in (1, 3, 255, 256, 257, 1000):
            keep(f"{kind}.{time}", mixer(noise("u", (1, time, 32)))[:, kept(time)])
    u = noise("u", (2, 257, 32)).requires_grad_()
    (mixer(u) * noise("dy", (2, 257, 32))).sum().backward()
    keep(f"{kind}.grad.u", u.grad[:, kept(257)])
    for name, parameter in mixer.named_parameters():
        keep(f"{kind}.grad.{name}", parameter.grad)
    with torch.no_grad():
        for inside in (False, True):
            both = fill(Bidirectional(make, inside))
            u = noise("u", (4, 40, 32))
            for title, lens in (("ragged", [40, 33, 1, 0]), ("whole", None)):
                both.lens = lens
                keep(f"both.{kind}.{int(inside)}.{title}", both(u)[0][:, ::4])

# Whole models on a padded batch: every hidden state, the logits, the classes.
samples = [6400, 4801, 1603]
waveforms = noise("waveforms", (3, 6400))
for row, valid in enumerate(samples):
    waveforms[row, valid:] = 0


def whole(name, states, *arguments, **options):
    with torch.no_grad():
        made = Reference(*arguments, **options).eval()(waveforms, samples)
    for index in states:
        keep(f"{name}.hidden_states.{index}", made["hidden"][index][:, ::6])
    keep(f"{name}.logits", made["logits"][:, ::6])
    for head, scores in enumerate(made["classes"]):
        keep(f"{name}.class_logits.{head}", scores)
    print(name, made["lens"], float(made["logits"].abs().max()))


for style, layers in (("base", 12), ("large", 24)):
    whole(f"{style}.2", range(3), style, classes=(5, 7))
    whole(f"{style}.{layers}", (layers // 2, layers), style, num_hidden_layers=layers)
    for mixer in ("mamba2", "mamba1"):
        for inside in (False, True):
            whole(f"{style}.{mixer}.{int(inside)}", (0, 1, 2), style, mixer, inside, classes=(5, 7), pooling="first")

notes = {"transformers": transformers.__version__, "torch": torch.__version__, "script": "make_layers.py"}
path = pathlib.Path(__file__).parent / "layers.safetensors"
save_file(out, path, metadata=notes)
print(len(out), path.stat().st_size)
