#!/usr/bin/env bash
# Makes bf16.md: training with products of bfloat16 numbers beside training in f32, on a processor with matrix tiles (AMX).
#     results/tables/make_bf16.sh [RUNS_DIR]
# Times want an idle machine. Runs that are there already are reused, and then their times are those of when they ran.
set -euo pipefail
cd "$(dirname "$0")/../.."
runner="${RUNNER:-cargo run --release --quiet --}"
runs="${1:-results/runs}"
table=results/tables/bf16.md
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cat > "$work/bf16.toml" <<TOML
extends = ["$PWD/experiments/tedlium_direct.toml"]
output.runs_dir = "$(realpath -m "$runs")"

[sweep]
seeds = 3

[sweep.axes]
run.precision = ["f32", "bf16"]
TOML
echo "extends = [\"$PWD/experiments/tedlium_direct.toml\", \"$PWD/experiments/base/wav2vec2_base.toml\"]" > "$work/base.toml"
$runner --quiet sweep "$work/bf16.toml" --profile smoke --jobs 1 > /dev/null
# The same step in turns, three times; the median of each.
for turn in 1 2 3; do
  for precision in f32 bf16; do
    $runner --quiet --json profile "$work/base.toml" --steps 4 --warmup 1 -s data.dir=corpora/smoke -s model.wav2vec2.pretrained=random:17 \
      -s data.batch_size=8 -s "run.precision=$precision" 2> /dev/null > "$work/$precision-$turn.json"
  done
done
columns=run.precision,run.seed,test/wer,test/cer,dev/wer,secs_per_step,peak_bytes
points=$($runner results "$runs" --where train.max_steps=1000 --where name=bf16 --columns "$columns" --sort run.precision --format markdown)
python3 - "$runs" "$work" "$points" > "$table" <<'PYTHON'
import glob, json, statistics, sys

runs, work, points = sys.argv[1:]
curves = {}
for folder in sorted(glob.glob(f"{runs}/bf16-*")):
    precision = json.load(open(f"{folder}/run.json"))["precision"]
    for line in open(f"{folder}/metrics.jsonl"):
        line = json.loads(line)
        if "train/loss" in line:
            curves.setdefault(precision, {}).setdefault((line["step"] - 1) // 100, []).append(line["train/loss"])
print("# Products of bfloat16 numbers, on the processor\n")
print("`results/tables/make_bf16.sh`, on a processor with matrix tiles (AMX), two threads. `run.precision = \"bf16\"`: operands of products are rounded to")
print("bfloat16, sums are in f32, and so are weights, moments and everything else.\n")
print("wav2vec2-base (94 million parameters, feature encoder frozen), an update of three batches of eight utterances of the bundled corpus, medians of three times four updates in turns:\n")
print("| | f32 | bf16 | |\n|---|---:|---:|---:|")
parts = {}
for precision in ["f32", "bf16"]:
    turns = [json.load(open(path)) for path in glob.glob(f"{work}/{precision}-*.json")]
    phases = [{phase["name"]: phase["median_ms"] / 1e3 for phase in turn["phases"]} for turn in turns]
    for part in ["forward", "backward", "optimiser"]:
        parts.setdefault(part, []).append(statistics.median(turn[part] for turn in phases))
for part, (f32, bf16) in parts.items():
    print(f"| {part} | {f32:.2f} s | {bf16:.2f} s | {f32 / bf16:.1f} times |")
totals = [sum(times[index] for times in parts.values()) for index in (0, 1)]
print(f"| together | {totals[0]:.2f} s | {totals[1]:.2f} s | {totals[0] / totals[1]:.1f} times |\n")
print("`tedlium_direct --profile smoke` (0.9 million parameters, 1,000 updates), three seeds:\n")
print(points.strip() + "\n")
print("Training loss, mean over three seeds and so many updates:\n")
print("| updates | f32 | bf16 |\n|---|---:|---:|")
for window in sorted(curves["f32"]):
    means = [statistics.mean(curves[precision][window]) for precision in ["f32", "bf16"]]
    print(f"| {100 * window + 1} to {100 * window + 100} | {means[0]:.3f} | {means[1]:.3f} |")
PYTHON
