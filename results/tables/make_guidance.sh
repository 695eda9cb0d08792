#!/usr/bin/env bash
# Makes guidance.csv and guidance.md: waypoint-guided against unguided students on the bundled corpus, three seeds each, one teacher.
#     results/tables/make_guidance.sh [RUNS_DIR]
# Order of batches, heads and mixers follow the seed; the source weights and the teacher are the same for all.
set -euo pipefail
cd "$(dirname "$0")/../.."
runner="${RUNNER:-cargo run --release --quiet --}"
runs="${1:-results/runs}"
for seed in 0 1 2; do
  for experiment in tedlium_waypoint tedlium_unguided; do
    $runner --quiet run "experiments/$experiment.toml" --profile smoke -s run.seed=$seed -s "output.runs_dir=\"$runs\""
  done
done
columns=name,run.seed,train.max_steps,params,test/wer,test/cer,dev/wer,secs_per_step,peak_bytes
for format in csv markdown; do
  extension=${format/markdown/md}
  $runner results "$runs" --where train.max_steps=600 --columns "$columns" --sort name --format "$format" > "results/tables/guidance.$extension"
done
