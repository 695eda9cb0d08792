#!/usr/bin/env bash
# Makes codec_lm.md: what a recogniser understands of a language model of codes, as `speech.md` has it of TacoMamba; on the bundled corpus' test list, under
# `smoke`. What the codec leaves of a voice is a whisper, so that the recogniser is one that has learnt from such: of the corpus' codes made sound again.
#     results/tables/make_codec_lm.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
runner="${RUNNER:-cargo run --release --quiet --}"
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
levels=4
copies="$scratch/copies"
for voice in corpora/smoke/[fm][0-9][0-9]; do
  name=$(basename "$voice")
  $runner --quiet data encode "$voice"/*.ogg --to "$scratch/codes/$name" --audio-backend cepstral
  $runner --quiet data decode "$scratch/codes/$name"/* --to "$copies/$name" --audio-backend cepstral --levels "$levels"
done
cp corpora/smoke/*.txt corpora/smoke/*.json "$copies"
# Runs an experiment and prints its folder.
run() {
  local name=$1
  shift
  $runner --quiet --json run "experiments/$name.toml" --profile smoke -s "output.runs_dir=\"$scratch/runs\"" "$@" |
    sed -n 's/^ *"dir": "\(.*\)",\{0,1\}$/\1/p'
}
recogniser=$(run tedlium_direct -s "data.dir=\"$copies\"")
model=$(run codec_lm -s "model.codec_lm.levels=$levels")
{
  echo "# What a language model of codes says, judged by what is understood of it"
  echo
  echo "\`results/tables/make_codec_lm.sh\`: \`experiments/codec_lm.toml\` under \`smoke\`, its codes drawn at several temperatures. The recogniser has learnt from codes"
  echo "made sound again, not from recordings: the first two rows say how much it understands of these."
  for temperature in 1 0.7 0.4 0.2; do
    $runner --quiet eval "$model" --recogniser "$recogniser" --temperature "$temperature" -o "$scratch/judged" > /dev/null
    echo
    echo "## Temperature $temperature"
    echo
    cat "$scratch/judged/speech.md"
  done
} > "$scratch/codec_lm.md"
mv "$scratch/codec_lm.md" results/tables/codec_lm.md
cat results/tables/codec_lm.md
