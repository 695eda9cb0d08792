#!/usr/bin/env bash
# Makes long_audio.md: time and peak memory of transcribing 1, 2, 5 and 10 minutes of sound in one piece, with attention and with Mamba-2.
#     results/tables/make_long_audio.sh TEACHER_RUN STUDENT_RUN        (needs sox; RUNNER names the program)
set -euo pipefail
cd "$(dirname "$0")/../.."
runner="${RUNNER:-target/release/runner}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sox $(ls corpora/smoke/f02/*.ogg | head -100) "$work/all.wav"
table=results/tables/long_audio.md
{
  echo "# Long sound in one piece"
  echo
  echo "\`runner predict\`, the models of the smoke runs, median of 3; $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs) with $(nproc) cores."
  echo "\`results/tables/make_long_audio.sh TEACHER_RUN STUDENT_RUN\`"
  echo
  echo "| minutes | attention, s | attention, MB | Mamba-2, s | Mamba-2, MB |"
  echo "|---:|---:|---:|---:|---:|"
} > "$work/table"
measure() {
  for _ in 1 2 3; do /usr/bin/time -f '%e %M' -a -o "$work/times" "$runner" predict "$1" "$2" > /dev/null; done
  sort -n "$work/times" | sed -n 2p
  rm "$work/times"
}
for minutes in 1 2 5 10; do
  sox "$work/all.wav" "$work/long.wav" repeat 60 trim 0 $((minutes * 60))
  read -r teacher_secs teacher_kb <<< "$(measure "$1" "$work/long.wav")"
  read -r student_secs student_kb <<< "$(measure "$2" "$work/long.wav")"
  echo "| $minutes | $teacher_secs | $((teacher_kb / 1000)) | $student_secs | $((student_kb / 1000)) |" >> "$work/table"
done
mv "$work/table" "$table"
cat "$table"
