"""Checkpoints of SaShiMi in the layouts in which the papers' programs publish theirs, with made-up values. Needs torch and omegaconf.

    python tests/parity/make_sashimi_files.py                 (torch 2.11, omegaconf 2.3) small files, and the lists of parameters
    python tests/parity/make_sashimi_files.py --full FOLDER   the published sizes, not for the repository: about 370 MB

simple.pt      simple-sashimi's training: weights and buffers, AdamW, the plateau schedule, settings as text (`ckpt_01100000.pt`)
diffwave.pt    DiffWave-unconditional's training, here with one pooling: weights and buffers, Adam, no settings (`800000.pt`)
first.pt       the authors' weights of February 2022: bare, nodes as buffers, complex poles, Q beside P, no GLU (`sashimi_youtubemix.pt`)
third.ckpt     the authors' training of August 2022 under Lightning: settings as OmegaConf's objects
fourth.pt      the authors' weights since 2023: bare, kernels under other names
settings.*     settings of every kind that OmegaConf writes, as its text and as JSON
*.tsv          name and shape of every parameter of the published models, buffers left out: by name, extents with spaces between

Every value follows from the parameter's name and place, so that a test can tell what it must be: see `values`.
"""
import collections
import json
import math
import pathlib
import sys

import torch
from omegaconf import OmegaConf

OUT = pathlib.Path(__file__).parent / "sashimi"
STATE = "layer.kernel.kernel."


def s4_block(width, of, glu, tied, pairs, channels, scalar, step_width):
    """Shapes of a block of S4, in the layout of simple-sashimi."""
    sets = 1 if tied else width
    shapes = {"fc_t.weight": (width, step_width), "fc_t.bias": (width,)} if step_width else {}
    shapes |= {
        "layer.D": (1, width),
        STATE + "C": (channels, width, pairs, 2),
        STATE + "log_dt": (width,),
        STATE + "B": (1, sets, pairs, 2),
        STATE + "P": (1, sets, pairs, 2),
        STATE + "log_w_real": (sets, pairs),
        STATE + "w_imag": (sets, pairs),
        STATE + "omega": (of // 2 + 1, 2),
        STATE + "z": (of // 2 + 1, 2),
    }
    rows = 2 * width if glu else width
    output = "layer.output_linear.0."
    return shapes | {output + "weight": (rows, width), output + "bias": (rows, 1)} | norm(width, scalar)


def norm(width, scalar):
    return {"norm.m": (1,), "norm.s": (1,)} if scalar else {"norm.weight": (width,), "norm.bias": (width,)}


def feed_forward_block(width, factor, scalar):
    inner = width * factor
    return {
        "layer.ff.0.0.weight": (inner, width),
        "layer.ff.0.0.bias": (inner, 1),
        "layer.ff.2.weight": (width, inner),
        "layer.ff.2.bias": (width, 1),
    } | norm(width, scalar)


def pool(rows, columns):
    return {"linear.bias": (rows, 1), "linear.weight_g": (rows, 1), "linear.weight_v": (rows, columns)}


def model(width, blocks, pools=(4, 4), expand=2, factor=2, pairs=32, period=16000, glu=True, tied=True, unet=False, levels=256,
          steps=None, scalar=False, per_tier=False):
    """Shapes of a whole model by name, buffers too. `steps`: widths of the diffusion step's embedding, before and behind its layers."""
    shapes = collections.OrderedDict()

    def put(prefix, some):
        shapes.update({f"sashimi.{prefix}{name}": shape for name, shape in some.items()})

    def put_blocks(prefix, first, wide, of):
        for index in range(blocks):
            at = first + 2 * index
            s4 = s4_block(wide, of, glu, tied, pairs, 2 if steps else 1, scalar, steps and steps[1])
            put(f"{prefix}.{at}.", s4)
            put(f"{prefix}.{at + 1}.", feed_forward_block(wide, factor, scalar))
        return first + 2 * blocks

    if steps:
        put("init_conv.0.conv.", {"bias": (width,), "weight_g": (width, 1, 1), "weight_v": (width, 1, 1)})
        put("fc_t1.", {"weight": (steps[1], steps[0]), "bias": (steps[1],)})
        put("fc_t2.", {"weight": (steps[1], steps[1]), "bias": (steps[1],)})
        put("final_conv.0.conv.", {"bias": (width,), "weight_g": (width, 1, 1), "weight_v": (width, width, 1)})
        put("final_conv.2.conv.", {"weight": (1, width, 1), "bias": (1,)})
    at, wide, of = 0, width, period
    for factor_down in pools:
        if unet:
            at = put_blocks("d_layers", at, wide, of)
        put(f"d_layers.{at}.", pool(wide * expand, wide * factor_down))
        at, wide, of = at + 1, wide * expand, of // factor_down if per_tier else of
    put_blocks("c_layers", 0, wide, of)
    for index, factor_up in enumerate(reversed(pools)):
        of = of * factor_up if per_tier else of
        put(f"u_layers.{index}.0.", pool(wide // expand * factor_up, wide))
        wide //= expand
        put_blocks(f"u_layers.{index}", 1, wide, of)
    put("", norm(width, False))
    if not steps:
        shapes |= {"mu_embedder.weight": (levels, width), "head.weight": (levels, width), "head.bias": (levels,)}
    return shapes


BUFFERS = ("omega", "z")


def is_buffer(name):
    return name.rsplit(".", 1)[1] in BUFFERS


def values(name, shape):
    """(37 i + 11 n) mod 101 − 50, over 64: i counts the elements, n the letters of the name. Buffers: their nodes."""
    if is_buffer(name):
        length = 2 * (shape[0] - 1)
        omega = torch.tensor(complex(math.cos(2 * math.pi / length), -math.sin(2 * math.pi / length)), dtype=torch.complex64)
        omega = omega ** torch.arange(shape[0])
        return torch.view_as_real(omega if name.endswith("omega") else 2 * (1 - omega) / (1 + omega)).contiguous()
    count = math.prod(shape)
    return (((37 * torch.arange(count) + 11 * len(name)) % 101 - 50).float() / 64).view(shape)


def made(shapes):
    return collections.OrderedDict((name, values(name, shape)) for name, shape in shapes.items())


def trained(state, optimizer):
    """The state of an optimiser after an update of all parameters."""
    parameters = {name: torch.nn.Parameter(value.clone()) for name, value in state.items() if not is_buffer(name)}
    optimizer = optimizer(parameters)
    for parameter in parameters.values():
        parameter.grad = torch.full_like(parameter, 0.01)
    optimizer.step()
    return optimizer


def simple(path, full, **sizes):
    """A checkpoint of simple-sashimi's train.py."""
    state = made(model(**sizes))
    special = ("log_dt", "B", "P", "log_w_real", "w_imag")

    def adamw(parameters):
        of = {last: [p for name, p in parameters.items() if (name.rsplit(".", 1)[1] in special) == last] for last in (False, True)}
        return torch.optim.AdamW([{"params": of[False]}, {"params": of[True], "lr": 0.001}], 0.004, weight_decay=0)

    optimizer = trained(state, adamw)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="min", factor=0.2, patience=20)
    scheduler.step(1.5)
    step = 1100000 if full else 2500
    settings = {
        "distributed": {"dist_backend": "nccl", "dist_url": "tcp://localhost:54321", "n_nodes": 1, "n_gpus_per_node": 1},
        "model_cfg": {
            "mu_levels": sizes.get("levels", 256), "glu": True, "d_model": sizes["width"], "n_layers": sizes["blocks"], "pool": [4, 4],
            "expand": 2, "ff": 2, "bidirectional": False, "unet": False, "diffwave": False, "dropout": 0.0,
            "trainable": {"dt": True, "A": True, "P": True, "B": True}, "lr": 0.001, "l_max": sizes.get("period", 16000),
        },
        "device": "cuda", "seed": 1775, "batch_size": 8, "num_workers": 8, "fp16": False, "max_steps": 1100000,
        "summary_interval": 25, "checkpoint_interval": 2500, "stdout_interval": 100, "validation_interval": 1000, "start_lr": 0.004,
        "plateau_mode": "min", "plateau_factor": 0.2, "plateau_patience": 20, "plateau_min_lr": 0.0, "grad_clip": 0,
        "checkpoint_path": "runs/an experiment: with a name so long that it is folded into two lines, or more than two of them",
        "train_csv": "splits/sc09-train.csv", "valid_csv": "splits/sc09-valid.csv", "resume_checkpoint": "", "sample_rate": 16000,
        "seq_len": 16000, "batch_size_per_gpu": 8,
    }
    torch.save({
        "model_state_dict": state,
        "optim_state_dict": optimizer.state_dict(),
        "scheduler_state_dict": scheduler.state_dict(),
        "scaler_state_dict": None,
        "steps": step,
        "epoch": 3,
        "cfg_yaml": OmegaConf.to_yaml(OmegaConf.create(settings)),
    }, path)


def diffwave(path, full, **sizes):
    """A checkpoint of DiffWave-unconditional's train.py."""
    state = made(model(unet=True, tied=False, **sizes))
    optimizer = trained(state, lambda parameters: torch.optim.Adam(parameters.values(), lr=2e-4))
    torch.save({
        "model_state_dict": state,
        "optimizer_state_dict": optimizer.state_dict(),
        "steps": 800000 if full else 10000,
        "lr": 4e-5,
    }, path)


def authors(state, version):
    """The same model as the authors' programs of a version hold it."""
    theirs = collections.OrderedDict()
    sequence, glu = "" if version == 1 else "0.", True
    outside = {"mu_embedder.weight": f"encoder.{sequence}weight"}
    outside |= {f"head.{last}": f"decoder.{sequence}output_transform.{last}" for last in ("weight", "bias")}
    for name, value in state.items():
        kernel, last = name.rsplit(".", 1)
        if name in outside:
            theirs[outside[name]] = value
            continue
        name = "model" + name.removeprefix("sashimi")
        if ".output_linear.0.weight" in name:
            glu = value.shape[0] > value.shape[1]
        if not glu:
            # Without an activation behind it the linear layer stands for itself.
            name = name.replace(".output_linear.0.", ".output_linear.")
        if last in ("m", "s"):
            name = name.replace(".norm.", ".norm.norm.")
        if STATE not in name:
            # Biases lost their second axis in August 2022.
            value = value.squeeze(-1) if version > 1 and last == "bias" else value
            theirs[name.replace(".layer.D", ".layer.layer.D") if version == 4 else name] = value
            continue
        if version == 1:
            if last == "log_w_real":
                value = torch.stack([-value.exp(), state[f"{kernel}.w_imag"]], dim=-1)
            if last != "w_imag":
                theirs[name.replace("log_w_real", "w")] = value
            if last == "P":
                theirs[name.removesuffix("P") + "Q"] = value * torch.tensor([1.0, -1.0])
            continue
        if last == "z":
            continue
        if last == "omega":
            last, value = "L", torch.tensor(2 * (len(value) - 1))
        if version == 3:
            theirs[f"model{kernel.removeprefix('sashimi')}.{'inv_w_real' if last == 'log_w_real' else last}"] = value
            continue
        last = {"log_w_real": "A_real", "w_imag": "A_imag", "log_dt": "inv_dt", "L": "l_kernel"}.get(last, last)
        value = -value if last == "A_imag" else value.unsqueeze(-1) if last == "inv_dt" else value
        kernel = "model" + kernel.removeprefix("sashimi").replace(".layer.kernel.kernel", ".layer.layer.kernel")
        theirs[f"{kernel}.{last}"] = value
    return theirs


def lightning(path, state, sizes):
    """A checkpoint as Lightning writes it for the authors' train.py."""
    settings = OmegaConf.create({
        "train": {"seed": 0, "monitor": "val/loss", "mode": "min", "ema": 0.0},
        "dataset": {"_name_": "qautoaudio", "path": "beethoven", "bits": 8, "quantization": "linear", "__l_max": sizes["period"]},
        "model": {
            "_name_": "sashimi", "d_model": sizes["width"], "n_layers": sizes["blocks"], "pool": [4, 4], "expand": 2, "ff": 2,
            "prenorm": True, "dropout": 0.1, "norm": "layer", "l_max": "${dataset.__l_max}",
            "layer": {"_name_": "s4", "d_state": 2 * sizes["pairs"], "postact": "glu", "dt_min": 0.001, "dt_max": 0.1, "l_max": None},
        },
    })
    torch.save({
        "epoch": 7,
        "global_step": 1234,
        "pytorch-lightning_version": "1.5.10",
        "state_dict": state,
        "callbacks": {"ModelCheckpoint": {"dirpath": pathlib.PurePosixPath("checkpoints"), "best_model_score": torch.tensor(0.9)}},
        "optimizer_states": [{"state": {0: {"step": 1, "exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.004, "betas": (0.9, 0.999)}]}],
        "lr_schedulers": [{"best": math.inf, "mode": "min"}],
        "hparams_name": "config",
        "hyper_parameters": settings,
    }, path)


def write_settings():
    """Strings, numbers and containers that a reader of OmegaConf's text could get wrong."""
    settings = {
        "numbers": [0, -3, 1100000, 0.004, 1e-5, 2.5e20, -0.0, 1e3],
        "words": ["null", "true", "no", "1e5", "0x1f", "~", "", "???", "- a", "a: b", "a:", "# no", "it's", 'say "x"', "é ü 音", "1_000"],
        "lines": "first\nsecond\n\nfourth",
        "tab": "a\tb\\c \x07",
        "long": "word " * 40 + "end",
        "long quoted": "it: " + "word's " * 30 + "end",
        "long escaped": "\t" + "word  " * 30 + "end",
        "${key}: odd": None,
        "nothing": None, "yes": True, "empty": [], "none": {},
        "deep": {"list": [{"a": 1, "b": [2, [3, 4]]}, {"c": {"d": "e"}}, [], [[5]]], "after": False},
    }
    assert OmegaConf.to_container(OmegaConf.create(settings)) == settings
    (OUT / "settings.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(settings)))
    (OUT / "settings.json").write_text(json.dumps(settings, ensure_ascii=False, indent=1) + "\n")


def list_parameters(path, shapes):
    lines = [f"{name}\t{' '.join(map(str, shape))}\n" for name, shape in sorted(shapes.items()) if not is_buffer(name)]
    path.write_text("".join(lines))
    return sum(math.prod(shape) for name, shape in shapes.items() if not is_buffer(name)), len(lines), len(shapes)


SC09 = {"width": 64, "blocks": 8}
DIFFWAVE = {"width": 128, "blocks": 6, "steps": (128, 512)}
SMALL = {"width": 4, "blocks": 1, "pairs": 4, "period": 64}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--full"] and len(sys.argv) == 3:
        folder = pathlib.Path(sys.argv[2])
        folder.mkdir(parents=True, exist_ok=True)
        simple(folder / "ckpt_01100000.pt", True, **SC09)
        diffwave(folder / "800000.pt", True, **DIFFWAVE)
        torch.save(authors(made(model(scalar=True, per_tier=True, **SC09)), 1), folder / "sashimi_sc09.pt")
    else:
        folder = OUT
        folder.mkdir(exist_ok=True)
        print("sc09", list_parameters(OUT / "sashimi_sc09.tsv", model(**SC09)))
        print("diffwave", list_parameters(OUT / "diffwave_sc09.tsv", model(unet=True, tied=False, **DIFFWAVE)))
        write_settings()
        simple(OUT / "simple.pt", False, **SMALL)
        diffwave(OUT / "diffwave.pt", False, steps=(6, 8), pools=(4,), **SMALL)
        torch.save(authors(made(model(scalar=True, per_tier=True, glu=False, **SMALL)), 1), OUT / "first.pt")
        third = authors(made(model(scalar=True, per_tier=True, **SMALL)), 3)
        lightning(OUT / "third.ckpt", third, SMALL)
        torch.save(authors(made(model(scalar=True, tied=False, **SMALL)), 4), OUT / "fourth.pt")
    for path in sorted(folder.iterdir()):
        print(path.name, path.stat().st_size)
