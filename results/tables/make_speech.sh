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
  $runner --quiet --json run "experiments/$1.toml" --profile smoke -s "output.runs_dir=\"$runs\"" |
    sed -n 's/^ *"dir": "\(.*\)",\{0,1\}$/\1/p'
}
recogniser=$(run tedlium_direct)
model=$(run tacomamba_ljspeech)
judged=$(mktemp -d)
trap 'rm -r "$judged"' EXIT
$runner --quiet eval "$model" --recogniser "$recogniser" -o "$judged"
cp "$judged/speech.md" results/tables/speech.md
