#!/usr/bin/env bash
# Makes memory.md: what `runner plan` foresees that training takes, beside the peak of so many updates that all sound was heard once.
#     results/tables/make_memory.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
runner="${RUNNER:-cargo run --release --quiet --}"
table=results/tables/memory.md
scratch=$(mktemp)
trap 'rm "$scratch"' EXIT
row() {
  local name=$1 steps=$2
  shift 2
  local said
  said=$($runner --json profile "experiments/$name.toml" --profile smoke --steps "$steps" "$@" 2> /dev/null)
  python3 - "$name" "$steps" "$said" "$@" <<'PYTHON'
import json, sys

name, steps, said, *sets = sys.argv[1:]
said = json.loads(said)
options = ", ".join(f"`{word}`" for word in sets if word != "-s") or "–"
foreseen, peak = said["planned_bytes"], said["throughput"]["peak_bytes"]
print(f"| {name} | {options} | {steps} | {foreseen / 1e6:.0f} MB | {peak / 1e6:.0f} MB | {foreseen / peak - 1:+.0%} |")
PYTHON
}
{
  echo "# Memory of training, foreseen and measured"
  echo
  echo "\`results/tables/make_memory.sh\`: each experiment under \`smoke\`, in a process of its own, for so many updates that its sound was heard once; the peak is that of the"
  echo "whole process (\`VmHWM\`)."
  echo
  echo "| experiment | options | updates | foreseen | measured | off by |"
  echo "| --- | --- | ---: | ---: | ---: | ---: |"
  row tedlium_direct 90
  row tedlium_waypoint 150
  row tedlium_unguided 250
  row tedlium_unguided 250 -s model.wav2vec2.asr_mamba_use_mamba2=false
  row tacomamba_ljspeech 90
  row tacomamba_ljspeech 70 -s model.tacomamba.autoregressive=true -s model.tacomamba.width=384 -s model.tacomamba.encoder_convs=3 \
    -s model.tacomamba.encoder_layers=4 -s model.tacomamba.decoder_layers=6 -s model.tacomamba.duration_width=256 \
    -s model.tacomamba.postnet_width=512
  row tacomamba_ljspeech 90 -s 'model.tacomamba.design="prefix"'
  row ssamba_speech_commands 70
  row ssast_pretrain_tiny 70
  row speech_commands_classifier 70
  row speakers_librispeech 90
  row speakers_librispeech 90 -s 'model.speaker.encoder="conv1d"'
  row sashimi_sc09 70
  row diffwave_sashimi_sc09 70
} > "$scratch"
mv "$scratch" "$table"
trap - EXIT
cat "$table"
