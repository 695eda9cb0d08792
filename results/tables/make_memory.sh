#!/usr/bin/env bash
# Makes memory.md: what `runner plan` foresees that training takes, beside the peak of runs that were trained, judged and saved.
#     results/tables/make_memory.sh [RUNS_DIR]
# Runs that are there already are reused.
set -euo pipefail
cd "$(dirname "$0")/../.."
runner="${RUNNER:-cargo run --release --quiet --}"
runs="${1:-results/runs}"
table=results/tables/memory.md
scratch=$(mktemp)
trap 'rm "$scratch"' EXIT
row() {
  local name=$1 steps=$2
  shift 2
  local sets=() option planned dir
  for option in "$@"; do sets+=(-s "$option"); done
  local asked=("experiments/$name.toml" --profile smoke -s train.max_steps="$steps" -s "output.runs_dir=\"$runs\"" "${sets[@]}")
  $runner --quiet run "${asked[@]}" > /dev/null
  planned=$($runner --json plan "${asked[@]}" 2> /dev/null)
  python3 - "$name" "$steps" "$planned" "$@" <<'PYTHON'
import json, sys

name, steps, planned, *options = sys.argv[1:]
planned = json.loads(planned)
peak = json.load(open(f"{planned['dir']}/status.json"))["peak_bytes"]
options = ", ".join(f"`{option}`" for option in options) or "–"
foreseen = planned["memory_bytes"]
print(f"| {name} | {options} | {steps} | {foreseen / 1e6:.0f} MB | {peak / 1e6:.0f} MB | {foreseen / peak - 1:+.0%} |")
PYTHON
}
{
  echo "# Memory of training, foreseen and measured"
  echo
  echo "\`results/tables/make_memory.sh\`: each experiment under \`smoke\`, so many updates with what \`smoke\` judges and saves on the way; foreseen by \`runner plan\`, measured is the"
  echo "peak of the whole process (\`VmHWM\`), as its run's \`status.json\` has it."
  echo
  echo "| experiment | options | updates | foreseen | measured | off by |"
  echo "| --- | --- | ---: | ---: | ---: | ---: |"
  row tedlium_direct 1000
  row tedlium_waypoint 600
  row tedlium_unguided 600
  row tedlium_unguided 600 model.wav2vec2.asr_mamba_use_mamba2=false
  row tacomamba_ljspeech 400
  row tacomamba_ljspeech 100 model.tacomamba.autoregressive=true model.tacomamba.width=384 model.tacomamba.encoder_convs=3 \
    model.tacomamba.encoder_layers=4 model.tacomamba.decoder_layers=6 model.tacomamba.duration_width=256 model.tacomamba.postnet_width=512
  row tacomamba_ljspeech 400 'model.tacomamba.design="prefix"'
  row ssamba_speech_commands 600
  row ssast_pretrain_tiny 600
  row speech_commands_classifier 400
  row speakers_librispeech 300
  row speakers_librispeech 300 'model.speaker.encoder="conv1d"'
  row codec_lm 400
  row sashimi_sc09 200
  row diffwave_sashimi_sc09 200
} > "$scratch"
mv "$scratch" "$table"
trap - EXIT
cat "$table"
