#!/usr/bin/env bash
# Makes speech.md: what a recogniser understands of recordings, of their spectrograms made sound again, of TacoMamba, and of TacoMamba saying the text
# of another sentence; all on the bundled corpus' test list, under `smoke`.
#     results/tables/make_speech.sh [RUNS_DIR]
# Runs that are there already are reused.
set -euo pipefail
cd "$(dirname "$0")/../.."
runner="${RUNNER:-cargo run --release --quiet --}"
runs="${1:-results/runs}"
# Runs an experiment and prints its folder.
run() {
  local name=$1
  shift
  $runner --quiet --json run "experiments/$name.toml" --profile smoke -s "output.runs_dir=\"$runs\"" "$@" |
    sed -n 's/^ *"dir": "\(.*\)",\{0,1\}$/\1/p'
}
recogniser=$(run tedlium_direct)
judged=$(mktemp -d)
trap 'rm -r "$judged"' EXIT
# Judges a run and prints its table.
judge() {
  $runner --quiet eval "$1" --recogniser "$recogniser" -o "$judged" > /dev/null
  cat "$judged/speech.md"
}
{
  judge "$(run tacomamba_ljspeech)"
  echo
  echo "## The ablation: one stack over text and frames"
  echo
  echo "\`model.tacomamba.design = \"prefix\"\`, everything else the same."
  echo
  judge "$(run tacomamba_ljspeech -s 'model.tacomamba.design="prefix"')"
} > "$judged/both.md"
mv "$judged/both.md" results/tables/speech.md
