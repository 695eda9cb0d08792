#!/usr/bin/env bash
# Makes processes.md's rows: updates of one experiment with four batches each, in one process and in two, and side by side on two threads.
#     results/tables/make_processes.sh [ROUNDS]
# Every round runs each way once, in turn, on the bundled corpus, in folders that are removed again. The first update of a run is left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
runner="${RUNNER:-cargo run --release --quiet --}"
rounds="${1:-5}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ways=(
  "one process, one thread|run.processes=1 run.threads=1"
  "one process, two threads, in turn|run.processes=1 run.threads=2 run.micro_batches=\"in_turn\""
  "one process, two threads, side by side|run.processes=1 run.threads=2 run.micro_batches=\"side_by_side\""
  "two processes, one thread each|run.processes=2 run.threads=2"
)
# Milliseconds of the updates of a run, one a line.
updates() {
  sed -n 's/.*"time\/step_secs":\([0-9.e-]*\).*/\1/p' "$1"/*/timings.jsonl | tail -n +2 | awk '{ print $1 * 1000 }'
}
median() {
  sort -g | awk '{ at[NR] = $1 } END { print NR % 2 ? at[(NR + 1) / 2] : (at[NR / 2] + at[NR / 2 + 1]) / 2 }'
}
for experiment in ${EXPERIMENTS:-tedlium_direct tedlium_unguided}; do
  for round in $(seq "$rounds"); do
    for at in "${!ways[@]}"; do
      sets=()
      for set in ${ways[$at]#*|}; do sets+=(-s "$set"); done
      runs="$work/$experiment-$at-$round"
      $runner --quiet run "experiments/$experiment.toml" --profile smoke "${sets[@]}" -s train.accumulation_steps=4 -s train.max_steps=10 \
        -s output.summary_interval=1 -s eval.test_at_end=false -s eval.eval_interval=100000 -s eval.max_eval_batches=1 \
        -s "output.runs_dir=\"$runs\"" > "$work/said"
      updates "$runs" | median >> "$work/$experiment-$at"
      sha256sum < "$(echo "$runs"/*/checkpoints/latest/model.safetensors)" >> "$work/$experiment-weights"
    done
  done
  [ "$(sort -u "$work/$experiment-weights" | wc -l)" = 1 ] || echo "$experiment: the weights differ" >&2
  for at in "${!ways[@]}"; do
    printf '| %s | %s | %.0f (%.0f to %.0f) |\n' "$experiment" "${ways[$at]%|*}" "$(median < "$work/$experiment-$at")" \
      "$(sort -g "$work/$experiment-$at" | head -1)" "$(sort -g "$work/$experiment-$at" | tail -1)"
  done
done
