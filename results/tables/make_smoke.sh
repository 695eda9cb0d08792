#!/usr/bin/env bash
# Makes smoke.md: what every experiment that is shipped comes to under `smoke`, on the bundled corpus.
#     results/tables/make_smoke.sh [RUNS_DIR]
# Runs that are there already are reported; without any it takes an hour.
set -euo pipefail
cd "$(dirname "$0")/../.."
runner="${RUNNER:-cargo run --release --quiet --}"
runs="${1:-results/runs}"
table=results/tables/smoke.md
scratch=$(mktemp)
trap 'rm "$scratch"' EXIT
for experiment in experiments/*.toml; do
  $runner --quiet run "$experiment" --profile smoke -s "output.runs_dir=\"$runs\"" > /dev/null
done
family() {
  echo
  echo "## $1"
  echo
  $runner results "$runs" "${@:2}" --format md
}
{
  echo "# Every experiment under \`smoke\`"
  echo
  echo "\`results/tables/make_smoke.sh\`: small models on the bundled corpus, each in minutes. They say that every experiment trains, is judged and saved, not what the papers' sizes"
  echo "come to. Experiments that are one under \`smoke\` have one id there. Other work ran beside some of it, which times show."
  echo
  echo "$(lscpu | sed -n 's/^Model name: *//p'), $(nproc) cores; $($runner --version)."
  family "Speech to text" 'tedlium_*'
  family "Intents of commands (SLURP)" 'slurp_*'
  family "Speakers (VoxCeleb by distillation, LibriSpeech)" 'voxceleb_*' 'speakers_*'
  family "Masked patches, before and after" 'ssamba_*' 'ssast_*' 'speech_commands_*'
  family "Samples" 'sashimi_*' 'diffwave_*'
  family "Speech" 'tacomamba_*' 'codec_lm'
} > "$scratch"
mv "$scratch" "$table"
trap - EXIT
cat "$table"
