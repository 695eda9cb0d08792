#!/usr/bin/env bash
# Makes speakers.md: four encoders that tell the bundled corpus' 13 speakers apart, three seeds each, under `smoke`; and by what they stand on,
# whether two recordings are of one voice, all voices of test and pairs with the one that none of them heard.
#     results/tables/make_speakers.sh [RUNS_DIR]
# Runs that are there already are reused.
set -euo pipefail
cd "$(dirname "$0")/../.."
runner="${RUNNER:-cargo run --release --quiet --}"
runs="${1:-results/runs}"
table=results/tables/speakers.md
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
{
  echo "# Who speaks"
  echo
  echo "\`results/tables/make_speakers.sh\`: four encoders of 300 updates on 13 voices of the bundled corpus (64 test sentences), and, by the cosine between what their classifiers stand"
  echo "on, whether one voice said both of two recordings: equal error rates of all pairs of the 71 test sentences, and of those with the voice that no model was told of."
  echo
  echo "| encoder | parameters | seed | accuracy | most frequent mistake | EER, all pairs | EER, unheard voice |"
  echo "| --- | ---: | ---: | ---: | --- | ---: | ---: |"
  for encoder in mamba conv1d conv2d transformer; do
    for seed in 0 1 2; do
      said=$($runner --quiet --json run experiments/speakers_librispeech.toml --profile smoke -s run.seed=$seed \
        -s "model.speaker.encoder=\"$encoder\"" -s "output.runs_dir=\"$runs\"")
      dir=$(sed -n 's/^ *"dir": "\(.*\)",\{0,1\}$/\1/p' <<< "$said")
      $runner --quiet eval "$dir" --voices meta.test.voices.nltLa.txt -o "$scratch/$encoder-$seed" > /dev/null
      $runner --quiet eval "$dir" -o "$scratch/$encoder-$seed-test" > /dev/null
      python3 - "$dir" "$scratch/$encoder-$seed" "$encoder" "$seed" <<'PYTHON'
import csv, json, os, sys

run, judged, encoder, seed = sys.argv[1:]
voices = json.load(open(f"{judged}/metrics.json"))
status, identity = json.load(open(f"{run}/status.json")), json.load(open(f"{run}/run.json"))
rows = list(csv.DictReader(open(f"{judged}-test/confusion.csv")))
wrong = [row for row in rows if row["truth"] != row["prediction"]]
wrong.sort(key=lambda row: -int(row["count"]))
most = f"{wrong[0]['truth']} taken for {wrong[0]['prediction']}, {wrong[0]['count']}" if wrong else "–"
accuracy = status["metrics"]["test/clf_acc"]
print(f"| {encoder} | {identity['params']:,} | {seed} | {accuracy:.2%} | {most} | {voices['eer']:.2%} "
      f"| {voices['eer/unheard']:.2%} |")
PYTHON
    done
  done
} > "$scratch/speakers.md"
mv "$scratch/speakers.md" "$table"
cat "$table"
