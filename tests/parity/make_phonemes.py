"""Ids of phonemes by the `tokenizers` library, for src/text/phonemes/: a BPE model over the table of src/text/phonemes/table.rs.

    python3 tests/parity/make_phonemes.py     # writes tests/parity/phonemes.tsv; needs tokenizers

The strings: every symbol and every merge's name, sentences of IPA as espeak-ng 1.51 writes them, and draws from all symbols, from unknown
ones and from those that merge most.
"""

import random
import re
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Tokenizer, models, processors

HERE = Path(__file__).parent
WANTED = 723
SENTENCES = """
ðə bˈɜːtʃ kənˈuː slˈɪd ɔnðə smˈuːð plˈæŋks.
ɡlˈuː ðə ʃˈiːt tə ðə dˈɑːɹk blˈuː bˈækɡɹaʊnd.
ɪts ˈiːzi tə tˈɛl ðə dˈɛpθ əvə wˈɛl.
ðiːz dˈeɪz ɐ tʃˈɪkən lˈɛɡ ɪz ɐ ɹˈɛɹ dˈɪʃ.
ɹˈaɪs ɪz ˈɔfən sˈɜːvd ɪn ɹˈaʊnd bˈoʊlz.
ðə dʒˈuːs ʌv lˈɛmənz mˌeɪks fˈaɪn pˈʌntʃ.
ðə bˈɑːks wʌz θɹˈoʊn bɪsˌaɪd ðə pˈɑːɹkt tɹˈʌk.
həlˈoʊ, wˈɜːld! hˈaʊ ɑːɹ juː?
wˈeɪt... wˌʌt? nˈoʊ wˈeɪ — ðæts ɪmpˈɑːsᵻbəl!
wˈʌns ɐɡˈɛn, ˈɛksələnt wˈɜːk.
ɡuːtən mˈɔɾɡən, viː ɡˈeːt ɛs ˈiːnən? dˈas vˈɛtɜ ɪst ʃˈøːn.
bɔ̃ʒˈuʁ, kɔmɑ̃t alˈe vˈu? ʒə sɥi œ̃ ʃˈa nwˈaʁ.
ko̞nnitɕihˈa, ɡˈɯ̥ o̞ha jˈo̞ːɯɡo̞zaimˈasɯ.
nˈiɜ χˈɑu2, ʂˈi.ɜ tɕˈiɛ5_.
"""


def table():
    text = (HERE / "../../src/text/phonemes/table.rs").read_text()
    symbols = text.split("SYMBOLS: [&str; 79] = [")[1].split("];")[0]
    symbols = re.findall(r'"((?:\\.|[^"\\])*)"', re.sub(r"//.*", "", symbols))
    symbols = [re.sub(r"\\u\{(\w+)\}", lambda m: chr(int(m[1], 16)), s).replace('\\"', '"') for s in symbols]
    merges = re.findall(r'\("(.+?)", "(.+?)"\)', text.split("MERGES:")[1])
    return symbols, merges


def build():
    symbols, merges = table()
    vocabulary = {"<unk>": 0, "<bos>": 1, "</eos>": 2, "<mask>": 3, "1": 211}
    vocabulary.update({symbol: 4 + at for at, alike in enumerate(symbols) for symbol in alike})
    vocabulary.update({left + right: 83 + rank for rank, (left, right) in enumerate(merges)})
    assert len(vocabulary) == 281
    model = models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", fuse_unk=False, byte_fallback=False)
    tokenizer = Tokenizer(model)
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in ("<unk>", "<bos>", "</eos>", "<mask>")])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A </eos>", special_tokens=[("<bos>", 1), ("</eos>", 2)]
    )
    return tokenizer, symbols, merges


def strings(symbols, merges):
    draw = random.Random(12)
    every = [symbol for alike in symbols for symbol in alike] + ["1"]
    pieces = every + [left + right for left, right in merges]
    found = SENTENCES.strip().splitlines() + pieces + ["yː", "χχ", "", "ʌv ðə", "ʌvðə", "a<mask>ðə<unk>", "ʏ😀ɫ1"]
    dense = "ˈˌːɪəaeoʊuiæɛɔʌɑɹndtsðlwmbkfz "
    while len(found) < WANTED:
        kind = draw.randrange(4)
        pool = [every, pieces, dense, every + ["χ", "ɫ", "<", "中"]][kind]
        found.append("".join(draw.choice(pool) for _ in range(draw.randint(1, 60))))
    return found[:WANTED]


def main():
    tokenizer, symbols, merges = build()
    lines = [f"# tokenizers {tokenizers.__version__}"]
    for text in strings(symbols, merges):
        lines.append(" ".join(map(str, tokenizer.encode(text).ids)) + "\t" + text)
    (HERE / "phonemes.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
