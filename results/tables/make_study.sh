#!/usr/bin/env bash
# Makes study.csv and study.md: the five families of CALD on the bundled corpus' three tasks, three seeds each, under `study`.
#     results/tables/make_study.sh [RUNS_DIR]
# Every seed has its own teacher; its students are guided by that one, and its hybrid goes on from its own target-guided run. All start
# from the same source weights. Runs that are there already are reused.
set -euo pipefail
cd "$(dirname "$0")/../.."
runner="${RUNNER:-cargo run --release --quiet --}"
runs="${1:-results/runs}"
# Runs an experiment and prints its folder.
run() {
  local experiment=$1
  shift
  $runner --quiet --json run "experiments/$experiment.toml" --profile study -s run.seed="$seed" -s "output.runs_dir=\"$runs\"" "$@" |
    sed -n 's/^ *"dir": "\(.*\)",\{0,1\}$/\1/p'
}
SECONDS=0
for seed in 0 1 2; do
  for corpus in tedlium slurp voxceleb; do
    teacher=$(run "${corpus}_direct")
    for inside in true false; do
      run "${corpus}_unguided" -s model.wav2vec2.asr_mamba_residual_inside=$inside > /dev/null
    done
    run "${corpus}_waypoint" -s "distill.teacher=\"$teacher\"" > /dev/null
    target=$(run "${corpus}_target" -s "distill.teacher=\"$teacher\"")
    run "${corpus}_hybrid" -s "distill.teacher=\"$teacher\"" -s "continue_from=\"$target@200\"" > /dev/null
  done
done
echo "all runs took $((SECONDS / 60)) min $((SECONDS % 60)) s" >&2
columns=name,model.wav2vec2.asr_mamba_residual_inside,train.max_steps,run.seed,params,test/wer,test/cer,test/clf_acc,test/clf_joint,secs_per_step
for format in csv markdown; do
  extension=${format/markdown/md}
  $runner results "$runs" --where project=study --columns "$columns" --group-by --sort name --format "$format" > "results/tables/study.$extension"
done
cat results/tables/study.md
