"""Writes tests/parity/tokenizer.jsonl: what Wav2Vec2CTCTokenizer makes of texts and ids. Made with transformers 4.44.2.

    python tests/parity/make_tokenizer.py

First line: the vocabulary and notes. Then lines of `text`, `ids` (its encoding) and `decoded` (of those ids as labels), and lines of `ids`,
`frames` (decoded with repeats merged) and `labels` (without).
"""
import json
import pathlib
import random
import tempfile

import transformers
from transformers import Wav2Vec2CTCTokenizer

HERE = pathlib.Path(__file__).parent
LETTERS = [chr(code) for code in range(ord("a"), ord("z") + 1)]
# TED-LIUM's, and one with the punctuation that the decoder's clean-up looks for.
VOCABULARIES = {
    "tedlium": ["[PAD]", *LETTERS, "'", "|", "[UNK]"],
    "punctuated": ["[PAD]", *LETTERS, "'", ".", ",", "?", "!", "-", "|", "[UNK]"],
}
SPECIALS = ["[UNK]", "[PAD]", "<s>", "</s>"]
WORDS = ["don't", "it's", "we 've", "i 'm", "they 're", "o ' clock", "n't", "'s", "a", "hello", "world", "x", "is n't", "he 's"]
ODD = ["H", "3", "é", "日本", "\t", "\u00a0", "-", "  ", "   ", " ", "[", "[UN", "<s", "|", ".", ",", "?", "!", " .", " ,", "'", "''", "🙂", "e\u0301"]


def text(draw):
    pieces = [draw.choice(draw.choice([WORDS, WORDS, ODD, SPECIALS, [" "], LETTERS])) for _ in range(draw.randint(0, 12))]
    return draw.choice(["", " "]).join(pieces)


def ids(draw, tokens):
    out = []
    for _ in range(draw.randint(0, 30)):
        # Spaces and blanks often; repeats often.
        token = draw.choice(["[PAD]", "|", "'", "s", "m", draw.choice(tokens), draw.choice(tokens), draw.choice(SPECIALS)])
        out += [tokens.index(token)] * draw.choice([1, 1, 1, 2, 3])
    return out


lines = [json.dumps(dict(vocabularies=VOCABULARIES, transformers=transformers.__version__, script="make_tokenizer.py"))]
draw = random.Random(11)
for name, tokens in VOCABULARIES.items():
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({token: index for index, token in enumerate(tokens)}, file)
        file.flush()
        tokenizer = Wav2Vec2CTCTokenizer(file.name, unk_token="[UNK]", pad_token="[PAD]", word_delimiter_token="|")
    assert len(tokenizer) == len(tokens) + 2
    texts = ["", " ", "  ", "hello world", "Hi 3", "a [UNK] b", *WORDS, *ODD, *SPECIALS] + [text(draw) for _ in range(150)]
    for value in texts:
        encoded = tokenizer(value).input_ids
        decoded = tokenizer.decode(encoded, group_tokens=False)
        lines.append(json.dumps(dict(vocabulary=name, text=value, ids=encoded, decoded=decoded)))
    every = tokens + ["<s>", "</s>"]
    for _ in range(150):
        value = ids(draw, every)
        frames, labels = tokenizer.decode(value), tokenizer.decode(value, group_tokens=False)
        lines.append(json.dumps(dict(vocabulary=name, ids=value, frames=frames, labels=labels)))
(HERE / "tokenizer.jsonl").write_text("\n".join(lines) + "\n")
print(len(lines), lines[1], lines[-1])
