#!/usr/bin/env bash
# Makes similar.md: of which utterances of the bundled corpus the most similar one is of the same voice, by what they are compared by; sentences and
# single words of 14 voices, of which one was in no training. The classifiers of speakers are those of make_speakers.sh, three seeds.
#     results/tables/make_similar.sh [RUNS_DIR]
# Runs that are there already are reused.
set -euo pipefail
cd "$(dirname "$0")/../.."
runner="${RUNNER:-cargo run --release --quiet --}"
runs="${1:-results/runs}"
table=results/tables/similar.md
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

# Metadata of the test sentences and of the test words, a folder each.
python3 - "$scratch" <<'PYTHON'
import collections, json, pathlib, sys

for kind, group, listed in (
    ("sentences", "smoke", "corpora/smoke/meta.test.voices.nltLa.txt"),
    ("words", "words", "corpora/smoke/words/meta.test.voices.nltLa.txt"),
):
    voices = collections.defaultdict(dict)
    for line in open(listed):
        name, _, text, voice, language = line.strip().split("|")
        voices[voice][name] = {"text": text, "language": language}
    folder = pathlib.Path(sys.argv[1], kind, group)
    folder.mkdir(parents=True)
    for voice, known in voices.items():
        (folder / f"{voice}.json").write_text(json.dumps(known))
PYTHON

# The share of utterances whose most similar one is of the same voice, of sentences and of words.
percent='import json, sys; print("{accuracy:.1%} of {utterances}".format(**json.load(sys.stdin)))'
row() {
  local name="$1" cells="" said
  shift
  for set in "sentences corpora" "words corpora/smoke"; do
    read -r kind audio <<< "$set"
    said=$($runner --quiet --json data similar --metadata "$scratch/$kind" --audio "$audio" --across speakers --min-score -2 --top-k 1 \
      --out "$scratch/out" "$@")
    cells+=" | $(python3 -c "$percent" <<< "$said")"
  done
  echo "| $name$cells |"
}

{
  echo "# Whose utterances are alike"
  echo
  echo "\`results/tables/make_similar.sh\`: for how many test utterances of the bundled corpus the most similar one, of all others, is of the same voice. 14 voices; the classifiers"
  echo "of speakers are those of [speakers.md](speakers.md) (mamba), trained on sentences of 13 of them and on none of these."
  echo
  echo "| compared by | sentences | single words |"
  echo "| --- | ---: | ---: |"
  for normalise in none mean mean_variance; do
    row "mfcc, \`--normalise $normalise\`" --features mfcc --normalise "$normalise"
  done
  for seed in 0 1 2; do
    said=$($runner --quiet --json run experiments/speakers_librispeech.toml --profile smoke -s run.seed=$seed \
      -s 'model.speaker.encoder="mamba"' -s "output.runs_dir=\"$runs\"")
    dir=$(sed -n 's/^ *"dir": "\(.*\)",\{0,1\}$/\1/p' <<< "$said")
    for normalise in none mean mean_variance; do
      row "speaker, seed $seed, \`--normalise $normalise\`" --features speaker --run "$dir" --normalise "$normalise"
    done
  done
  voices=$(cut -d'|' -f4 corpora/smoke/meta.test.voices.nltLa.txt | sort | uniq -c | awk '{print $1}' | sort -n | tr '\n' ' ')
  echo
  echo "Utterances of each voice among the sentences: ${voices% }. By chance about one in 14 would be right."
} > "$scratch/similar.md"
mv "$scratch/similar.md" "$table"
cat "$table"
