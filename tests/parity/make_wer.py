"""Writes tests/parity/wer.tsv: what jiwer counts on hand-picked and random pairs. Needs jiwer.

    python tests/parity/make_wer.py

Columns: reference, hypothesis, then of words and of characters each: hits, substitutions, deletions, insertions, WER (CER), MER, WIL.
"""
import pathlib
import random

import jiwer

HAND_PICKED = [
    ("", ""), ("", "a"), ("", "a b c"), ("a", ""), ("a b c", ""), ("a", "a"), ("a b", "b a"), ("a b c d", "b c d e"),
    ("the cat sat", "the cat sat"), ("the cat sat", "the cat sat on"), ("the cat sat on", "cat on"),
    ("a a a a", "a a"), ("a b a b", "b a b a"), ("naïve café", "naive cafe"), ("日本語 の 文", "日本 語 の 文"),
    ("it's", "its"), ("A b", "a B"), ("hello  world", "hello world"), (" lead", "lead "), ("x y z", "p q r s t"),
    ("e\u0301t\u00e9", "\u00e9te\u0301"), ("🙂 ok", "ok 🙂"),
]
random.seed(4)
LETTERS = "abcdeéß"


def sentence(longest):
    return " ".join("".join(random.choices(LETTERS, k=random.randint(1, 3))) for _ in range(random.randint(0, longest)))


def corrupted(text):
    words = []
    for word in text.split():
        draw = random.random()
        if draw < 0.15:
            continue
        words.append(sentence(1) or "a" if draw < 0.3 else word)
        if draw > 0.85:
            words.append(sentence(1) or "b")
    return " ".join(words)


pairs = list(HAND_PICKED)
for _ in range(5000):
    reference = sentence(9)
    pairs.append((reference, corrupted(reference) if random.random() < 0.7 else sentence(9)))

lines = []
for reference, hypothesis in pairs:
    row = [reference, hypothesis]
    for process, rate in ((jiwer.process_words, "wer"), (jiwer.process_characters, "cer")):
        out = process(reference, hypothesis)
        row += [out.hits, out.substitutions, out.deletions, out.insertions, repr(getattr(out, rate))]
        if process is jiwer.process_words:
            row += [repr(out.mer), repr(out.wil)]
    lines.append("\t".join(map(str, row)))
total = jiwer.process_words([r for r, _ in pairs], [h for _, h in pairs])
lines.append("\t".join(["TOTAL", "", *map(repr, (total.hits, total.substitutions, total.deletions, total.insertions, total.wer, total.mer, total.wil))]))
(pathlib.Path(__file__).parent / "wer.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
print(jiwer.__file__, len(pairs), lines[1], lines[-1])
