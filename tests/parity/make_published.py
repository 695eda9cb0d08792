"""A run folder as CALD's programs leave it, and what transformers and jiwer make of its checkpoint. Needs torch, transformers, jiwer, soundfile.

    python tests/parity/make_published.py        (after make_wav2vec2.py)

published/hparams.json      all hparams, as train.py writes them
published/model.ckpt-3      a training checkpoint: names with `asr_model.`, optimiser and scheduler beside the model
published/model.ckpt-5-wer-1.0000    one that train.py called best
published/meta.txt          eight utterances of the bundled corpus
published/golden.json       per checkpoint: transcripts of these, decoded greedily over all frames of the padded batch, WER and CER

The network is the tiny large-norm one with random weights, so the transcripts are noise; every letter of it has to be the same.
"""
import json
import pathlib
import shutil
import subprocess
import tempfile

import jiwer
import numpy
import soundfile
import torch
import transformers
from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2ForCTC

HERE = pathlib.Path(__file__).parent
CORPUS = HERE.parent.parent / "corpora" / "smoke"
OUT = HERE / "published"
HPARAMS = dict(
    sr=16000, max_eval_batches=10000, data_format="nlt", bucket_size=1024, shuffle_training_data=True, batch_frame_limit=2.5e6,
    batch_quad_frame_limit=4e11, batch_size=24, data_warmup_steps=5000, input_length_lower_bound=0, input_length_upper_bound=160000,
    target_length_lower_bound=2, use_attention_mask=True, sample_partial_data=1.0, pad_token_id=0, reg_weight=5e-3, max_grad_norm=1.0,
    feat_proj_dropout=0.2, final_dropout=0.0, hidden_dropout=0.2, activation_dropout=0.2, mask_time_prob=0.1, warmup_steps=5000,
    plateau_steps=0, reset_period=0, reset_times=1, max_lr=3e-4, min_lr=0.0, final_lr=1.5e-6, decay_steps=75000, decay_rate=1e-2,
    decay_type="exp", adam_eps=1e-8, loss_normalize_type="sample", remove_unk=True, replace_apos=True, upper_only=False,
    asr_model_type="ctc", asr_vocab_size=32, asr_model_name="tests/parity/wav2vec2_large", asr_processor_name="",
    asr_keep_feature_encoder_only=False, asr_use_flash_attn=True, asr_use_mamba=False, asr_mamba_residual_inside=True,
    asr_mamba_use_mamba2=True, freeze_module=".", freeze_steps=10000, reinit_module=".", use_decoder=False, decoder_type="bart",
    decoder_name="facebook/bart-base", decoder_stack_encoder=False, decoder_model_name="", decoder_weight=1.0, ctc_weight=1.0,
    decoder_dropout=0.2, adaptor_type="conv", adaptor_num_layers=3, adaptor_pos_encoding=False, adaptor_pos_encoding_mode="encoding",
    adaptor_pe_weight=0.1, adaptor_use_layernorm=False, adaptor_use_glu=True, eval_num_beams=5, eval_length_penalty=1.0,
    teacher_snapshot_cycle=10000, alpha_layer_distill_loss=1, alpha_logits_distill_loss=1, use_classifier=False,
    classifier_num_targets="18,46", classifier_weight=1.0, classifier_pooling="mean",
)
UTTERANCES = 8

shutil.rmtree(OUT, ignore_errors=True)
OUT.mkdir()
(OUT / "hparams.json").write_text(json.dumps(HPARAMS, indent=1) + "\n")
lines = (CORPUS / "meta.test.txt").read_text().splitlines()[:: 71 // UTTERANCES][:UTTERANCES]
(OUT / "meta.txt").write_text("".join(line + "\n" for line in lines))
rows = [line.split("|") for line in lines]
waveforms = []
for name, samples, _ in rows:
    wave, rate = soundfile.read(CORPUS / name.rsplit("_", 1)[0] / f"{name}.ogg", dtype="float32")
    assert rate == 16000 and len(wave) == int(samples), name
    waveforms.append((wave - wave.mean()) / numpy.sqrt(wave.var() + 1e-7))
longest = -(-max(map(len, waveforms)) // 8) * 8
batch, mask = torch.zeros(UTTERANCES, longest), torch.zeros(UTTERANCES, longest, dtype=torch.long)
for row, wave in enumerate(waveforms):
    batch[row, : len(wave)], mask[row, : len(wave)] = torch.from_numpy(wave), 1
with tempfile.TemporaryDirectory() as folder:
    shutil.copy(CORPUS / "vocab.json", folder)
    tokenizer = Wav2Vec2CTCTokenizer(f"{folder}/vocab.json", unk_token="[UNK]", pad_token="[PAD]", word_delimiter_token="|")

golden = {"versions": {"transformers": transformers.__version__, "jiwer": jiwer.__version__ if hasattr(jiwer, "__version__") else "4.0.0"}}
model = Wav2Vec2ForCTC.from_pretrained(HERE / "wav2vec2_large", attn_implementation="eager").eval()
for seed, name, step in [(1, "model.ckpt-3", 3), (2, "model.ckpt-5-wer-1.0000", 5)]:
    torch.manual_seed(seed)
    with torch.no_grad():
        # Wide scores, so that many letters win and none by a hair.
        model.lm_head.weight.copy_(3 * torch.randn_like(model.lm_head.weight))
        logits = model(batch, attention_mask=mask).logits
    top = logits.topk(2).values
    state = {f"asr_model.{key}": value for key, value in model.state_dict().items()}
    torch.save({"model": state, "optim": {"state": {}, "param_groups": []}, "sched": {"last_epoch": step}, "step": step}, OUT / name)
    texts = [tokenizer.decode(ids, clean_up_tokenization_spaces=True) for ids in logits.argmax(-1)]
    wanted = [text for _, _, text in rows]
    golden[name] = {
        "preds": {row[0]: text for row, text in zip(rows, texts)},
        "wer": jiwer.wer(wanted, texts), "cer": jiwer.cer(wanted, texts), "closest": (top[..., 0] - top[..., 1]).min().item(),
    }
    print(name, golden[name])
(OUT / "golden.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")
