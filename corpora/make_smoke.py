#!/usr/bin/env python3
"""Make the small speech corpus that every experiment can run on: `corpora/smoke/`.

Needs Python 3 (standard library only), `espeak-ng` and `sox` with Ogg Vorbis support:

    python3 corpora/make_smoke.py --out corpora/smoke

What it writes is the *prepared format* that the real corpora get: meta files in the formats `nlt` and `nltLa`,
`vocab.json`, `categories.json`, and one folder of recordings per speaker. See README.md beside this file.

Everything follows from SEED: which sentences exist, who says them, at what pitch and rate, and in which split they
are. Two runs with the same versions of espeak-ng and sox write the same bytes; sox puts a random stream number into
every Ogg file, which is replaced by a number made from the recording's name.

The script ends by checking what it wrote (`--check` does only that) and fails if a rule of the corpus is broken.
"""

import argparse
import concurrent.futures
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import zlib

SEED = 20
SAMPLE_RATE_HZ = 16_000
VORBIS_QUALITY = "0"
SIZE_LIMIT_BYTES = 17_500_000

# Utterances per split. The held-out speaker is heard in `test` only, on top of the others.
TRAIN_UTTERANCES = 1060
DEV_UTTERANCES = 36
TEST_UTTERANCES = 64
TEST_UTTERANCES_HELD_OUT = 7

# Recordings of one isolated word by one speaker that go to train; dev and test get the pattern in `word_splits`.
WORD_TRAIN_TAKES = 2
WORD_FIRST_NUMBER = 100_000

# name: (espeak-ng voice + variant, pitch 0..99, words per minute)
SPEAKERS = {
    "f01": ("en-us+f2", 62, 165),
    "f02": ("en-gb+f4", 72, 155),
    "f03": ("en-us+f5", 85, 175),
    "f04": ("en-gb-x-rp+f3", 52, 150),
    "f05": ("en-gb-x-gbcwmd+belinda", 60, 170),
    "m01": ("en-us", 45, 160),
    "m02": ("en-gb", 38, 170),
    "m03": ("en-us+m3", 28, 175),
    "m04": ("en-gb-scotland+m2", 50, 155),
    "m05": ("en-us+m7", 32, 150),
    "m06": ("en-gb-x-rp+m1", 55, 180),
    "m07": ("en-029+m4", 48, 160),
    "m08": ("en-us-nyc+edward", 40, 165),
    "f06": ("en-gb-x-gbclan+f1", 66, 160),
}
HELD_OUT_SPEAKER = "f06"

DIGITS = "zero one two three four five six seven eight nine".split()
KEYWORDS = (
    "yes no up down left right on off stop go cat dog bed happy house bird tree wow marvin sheila".split()
)

ROOMS = "kitchen bedroom garden office hall".split()
DEVICES = "light fan heater radio".split()
NAMES = "anna peter maria david".split()
GENRES = "jazz rock piano".split()
CITIES = "london paris boston".split()
DAYS = "today tomorrow".split()
HOURS = DIGITS[1:]

# (scenario, action, template, slots). Every word of every template and slot is heard in training; of the sentences
# themselves a part is kept for dev and test.
TEMPLATES = [
    ("home", "turn_on", "turn on the {} {}", (ROOMS, DEVICES)),
    ("home", "turn_off", "turn off the {} {}", (ROOMS, DEVICES)),
    ("home", "open", "open the {} {}", (ROOMS, ["door", "window"])),
    ("home", "close", "close the {} {}", (ROOMS, ["door", "window"])),
    ("alarm", "set", "set an alarm for {} {}", (HOURS, DAYS)),
    ("alarm", "cancel", "cancel the alarm for {} {}", (HOURS, DAYS)),
    ("timer", "set", "set a timer for {} {}", (HOURS, ["minutes", "hours"])),
    ("music", "play", "play {} music in the {}", (GENRES, ROOMS)),
    ("music", "stop", "stop the music in the {}", (ROOMS,)),
    ("weather", "query", "what is the weather in {} {}", (CITIES, DAYS)),
    ("phone", "call", "call {} {}", (NAMES, DAYS)),
    ("phone", "message", "send a message to {}", (NAMES,)),
]
DIGIT_INTENT = ("number", "dictate")
DIGIT_STRING_SHARE = 0.5
DIGIT_STRING_LENGTHS = (3, 4, 5, 6)
# Of the sentences of a template, one in so many is kept out of training.
HELD_OUT_SENTENCE_STRIDE = 4


class Recording:
    """One recording: who says what, how, and where it belongs."""

    def __init__(self, split, speaker, number, text, labels, rng):
        voice, pitch, rate_wpm = SPEAKERS[speaker]
        self.split = split
        self.speaker = speaker
        self.name = f"{speaker}_{number:08d}"
        self.text = text
        self.labels = labels
        self.voice = voice
        self.pitch = pitch + rng.randint(-6, 6)
        self.rate_wpm = rate_wpm + rng.randint(-12, 12)
        self.lead_secs = rng.uniform(0.05, 0.15)
        self.trail_secs = rng.uniform(0.05, 0.15)
        self.length_samples = 0


# ---------------------------------------------------------------- sentences


def command_sentences():
    """All commands as (text, (scenario, action)), divided into those training may hear and the held-out ones."""
    heard, held_out = [], []
    for scenario, action, template, slots in TEMPLATES:
        combinations = [()]
        for slot in slots:
            combinations = [c + (word,) for c in combinations for word in slot]
        for i, combination in enumerate(combinations):
            sentence = (template.format(*combination), (scenario, action))
            # The shift by row keeps any word of the last slot from always falling on the stride.
            row = i // len(slots[-1])
            kept_out = len(slots) > 1 and (i + row) % HELD_OUT_SENTENCE_STRIDE == HELD_OUT_SENTENCE_STRIDE - 1
            (held_out if kept_out else heard).append(sentence)
    return heard, held_out


def digit_sentence(rng, taken):
    """A digit string nobody said before; `taken` remembers it."""
    while True:
        text = " ".join(rng.choices(DIGITS, k=rng.choice(DIGIT_STRING_LENGTHS)))
        if text not in taken:
            taken.add(text)
            return text, DIGIT_INTENT


def cycle_shuffled(rng, items):
    """Endless: every item once in a random order, then again in another one."""
    while True:
        order = list(items)
        rng.shuffle(order)
        yield from order


def utterances():
    """The spoken digit strings and commands of all three splits."""
    rng = random.Random(SEED)
    heard, held_out = command_sentences()
    rng.shuffle(held_out)
    third = len(held_out) // 3
    pools = {"train": heard, "dev": held_out[:third], "test": held_out[third:]}
    known = [s for s in SPEAKERS if s != HELD_OUT_SPEAKER]
    wanted = {"train": TRAIN_UTTERANCES, "dev": DEV_UTTERANCES, "test": TEST_UTTERANCES}

    recordings, taken_digits, number = [], set(), 0
    for split, count in wanted.items():
        commands = cycle_shuffled(rng, pools[split])
        speakers = cycle_shuffled(rng, known)
        voices = [next(speakers) for _ in range(count)]
        if split == "test":
            voices += [HELD_OUT_SPEAKER] * TEST_UTTERANCES_HELD_OUT
        for i, speaker in enumerate(voices):
            is_digits = int((i + 1) * DIGIT_STRING_SHARE) > int(i * DIGIT_STRING_SHARE)
            text, labels = digit_sentence(rng, taken_digits) if is_digits else next(commands)
            recordings.append(Recording(split, speaker, number, text, labels, rng))
            number += 1
    return recordings


def word_splits(word_index, speaker_index, held_out):
    """The splits that the takes of one word by one speaker go to."""
    if held_out:
        return ["test"]
    last = {0: ["dev"], 1: ["test"], 2: ["test"], 3: []}[(word_index + speaker_index) % 4]
    return ["train"] * WORD_TRAIN_TAKES + last


def words():
    """The isolated words of all three splits."""
    rng = random.Random(SEED + 1)
    recordings, number = [], WORD_FIRST_NUMBER
    for speaker_index, speaker in enumerate(SPEAKERS):
        for word_index, word in enumerate(DIGITS + KEYWORDS):
            for split in word_splits(word_index, speaker_index, speaker == HELD_OUT_SPEAKER):
                recording = Recording(split, speaker, number, word, (word,), rng)
                recording.lead_secs = rng.uniform(0.15, 0.30)
                recording.trail_secs = rng.uniform(0.20, 0.35)
                recordings.append(recording)
                number += 1
    return recordings


# ---------------------------------------------------------------- sound


def synthesise(recording, root):
    """Speak, resample to 16 kHz, trim, scale, encode; sets the recording's length."""
    folder = os.path.join(root, recording.speaker)
    path = os.path.join(folder, recording.name + ".ogg")
    speak = ["espeak-ng", "-z", "-v", recording.voice, "-p", str(recording.pitch), "-s", str(recording.rate_wpm)]
    speech = subprocess.run(speak + ["--stdout", recording.text], check=True, capture_output=True).stdout
    # espeak-ng leaves the lengths of a piped WAV header open, so the samples are handed over without one.
    rate_hz, samples = split_wav(speech)
    raw = ["-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-r", str(rate_hz)]
    trim = ["silence", "1", "0.01", "0.1%", "reverse", "silence", "1", "0.01", "0.1%", "reverse"]
    pad = ["pad", f"{recording.lead_secs:.3f}", f"{recording.trail_secs:.3f}"]
    encode = ["sox", "-D", *raw, "-", "-C", VORBIS_QUALITY, "-r", str(SAMPLE_RATE_HZ), "-t", "ogg", "-"]
    ogg = subprocess.run(encode + [*trim, *pad, "gain", "-n", "-3"], input=samples, check=True, capture_output=True)
    data = with_serial(ogg.stdout, zlib.crc32(recording.name.encode()))
    with open(path, "wb") as file:
        file.write(data)
    recording.length_samples = ogg_length_samples(data)


def split_wav(data):
    """Sample rate and samples of a mono 16-bit WAV whose header may say nothing of its length."""
    if data[:4] != b"RIFF" or data[36:40] != b"data":
        raise ValueError("espeak-ng wrote something that is not a plain WAV")
    return struct.unpack_from("<I", data, 24)[0], data[44:]


def ogg_pages(data):
    """(start, end) of every page of an Ogg stream."""
    at = 0
    while at < len(data):
        if data[at : at + 4] != b"OggS":
            raise ValueError(f"no Ogg page at byte {at}")
        segments = data[at + 26]
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        yield at, end
        at = end


def ogg_length_samples(data):
    """Length that the end-of-stream granule position of the last page gives."""
    *_, (start, _) = ogg_pages(data)
    return struct.unpack_from("<q", data, start + 6)[0]


def ogg_crc_table():
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
        table.append(value & 0xFFFFFFFF)
    return table


OGG_CRC = ogg_crc_table()


def with_serial(data, serial):
    """The same Ogg stream under another stream number, and so with other page checksums."""
    out = bytearray(data)
    for start, end in ogg_pages(data):
        struct.pack_into("<I", out, start + 14, serial)
        struct.pack_into("<I", out, start + 22, 0)
        crc = 0
        for byte in out[start:end]:
            crc = ((crc << 8) & 0xFFFFFFFF) ^ OGG_CRC[(crc >> 24) ^ byte]
        struct.pack_into("<I", out, start + 22, crc)
    return bytes(out)


# ---------------------------------------------------------------- files


def vocabulary():
    """The 30 entries of the TED-LIUM character vocabulary."""
    tokens = ["[PAD]", *"abcdefghijklmnopqrstuvwxyz", "'", "|", "[UNK]"]
    return {token: i for i, token in enumerate(tokens)}


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
        file.write("\n")


def write_meta(root, recordings):
    for split in ("train", "dev", "test"):
        rows = sorted((r for r in recordings if r.split == split), key=lambda r: r.name)
        plain = [f"{r.name}|{r.length_samples}|{r.text}" for r in rows]
        labelled = [f"{line}|{','.join(r.labels)}|en" for line, r in zip(plain, rows)]
        by_speaker = [
            f"{line}|{r.speaker}|en" for line, r in zip(plain, rows) if r.speaker != HELD_OUT_SPEAKER
        ]
        lists = [
            (f"meta.{split}.txt", plain),
            (f"meta.{split}.nltLa.txt", labelled),
            (f"meta.{split}.speaker.nltLa.txt", by_speaker),
        ]
        if split == "test":
            # Whose voice it is, the held-out speaker's too: for comparing voices.
            lists.append(("meta.test.voices.nltLa.txt", [f"{line}|{r.speaker}|en" for line, r in zip(plain, rows)]))
        for name, lines in lists:
            with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                file.writelines(line + "\n" for line in lines)


def write_tables(root, recordings):
    """vocab.json and the class numbers: one dictionary per classifier head, in name order."""
    heads = [sorted({r.labels[h] for r in recordings}) for h in range(len(recordings[0].labels))]
    speakers = sorted(s for s in SPEAKERS if s != HELD_OUT_SPEAKER)
    write_json(os.path.join(root, "vocab.json"), vocabulary())
    write_json(os.path.join(root, "categories.json"), [{n: i for i, n in enumerate(h)} for h in heads])
    write_json(os.path.join(root, "categories.speaker.json"), [{n: i for i, n in enumerate(speakers)}])


def write_corpus(root, recordings):
    for speaker in SPEAKERS:
        os.makedirs(os.path.join(root, speaker), exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(lambda r: synthesise(r, root), recordings):
            pass
    write_meta(root, recordings)
    write_tables(root, recordings)


# ---------------------------------------------------------------- check


def read_meta(path):
    with open(path, encoding="utf-8") as file:
        return [line.rstrip("\n").split("|") for line in file]


def total_bytes(root):
    """What `du -b` says: every file and every folder at its own size."""
    total = os.path.getsize(root)
    for folder, folders, files in os.walk(root):
        total += sum(os.path.getsize(os.path.join(folder, n)) for n in folders + files)
    return total


def check_folder(root, names):
    """Rules of one prepared folder; returns (split, rows, seconds) per split."""
    vocab = json.load(open(os.path.join(root, "vocab.json"), encoding="utf-8"))
    categories = json.load(open(os.path.join(root, "categories.json"), encoding="utf-8"))
    summary, texts = [], {}
    for split in ("train", "dev", "test"):
        rows = read_meta(os.path.join(root, f"meta.{split}.txt"))
        labelled = read_meta(os.path.join(root, f"meta.{split}.nltLa.txt"))
        if [r[:3] for r in labelled] != rows:
            raise SystemExit(f"{root}: the two meta files of `{split}` disagree")
        for name, length, text, labels, _ in labelled:
            if name in names:
                raise SystemExit(f"{name}: name used twice")
            names.add(name)
            if any(c not in vocab for c in text.replace(" ", "|")):
                raise SystemExit(f"{name}: `{text}` has a character outside the vocabulary")
            if any(label not in head for label, head in zip(labels.split(","), categories)):
                raise SystemExit(f"{name}: label of `{labels}` not in categories.json")
            if split != "test" and name.startswith(HELD_OUT_SPEAKER):
                raise SystemExit(f"{name}: the held-out speaker is in `{split}`")
        check_lengths(root, rows)
        texts[split] = {r[2] for r in rows}
        summary.append((split, rows, sum(int(r[1]) for r in rows) / SAMPLE_RATE_HZ))
    unknown = {w for t in texts["dev"] | texts["test"] for w in t.split()}
    unknown -= {w for t in texts["train"] for w in t.split()}
    if unknown:
        raise SystemExit(f"{root}: words that training never hears: {sorted(unknown)}")
    return summary, texts


def check_lengths(root, rows):
    """The meta length is what sox finds when it opens the file."""
    paths = [os.path.join(root, name.rsplit("_", 1)[0], name + ".ogg") for name, *_ in rows]
    out = subprocess.run(["sox", "--info", "-s", *paths], check=True, capture_output=True, text=True).stdout.split()
    rates = subprocess.run(["sox", "--info", "-r", *paths], check=True, capture_output=True, text=True).stdout.split()
    for (name, length, _), found, rate in zip(rows, out, rates):
        if found != length or rate != str(SAMPLE_RATE_HZ):
            raise SystemExit(f"{name}: meta says {length} samples, sox finds {found} at {rate} Hz")


def check(root):
    names = set()
    for folder, is_words in ((root, False), (os.path.join(root, "words"), True)):
        summary, texts = check_folder(folder, names)
        if not is_words and texts["train"] & (texts["dev"] | texts["test"]):
            raise SystemExit("a held-out sentence is in train")
        if not is_words and texts["dev"] & texts["test"]:
            raise SystemExit("a sentence of dev is in test")
        for split, rows, secs in summary:
            speakers = {r[0].split("_")[0] for r in rows}
            held_out = sum(r[0].startswith(HELD_OUT_SPEAKER) for r in rows)
            spoken = sum(len(r[2].split()) for r in rows)
            print(
                f"{'words' if is_words else 'utterances':<11}{split:<6}{len(rows):>5} recordings {secs:>7.1f} s"
                f" {spoken:>5} words {len({r[2] for r in rows}):>4} texts {len(speakers):>3} speakers"
                f" {held_out:>3} by the held-out speaker"
            )
    size = total_bytes(root)
    print(f"{len(names)} recordings, {size} bytes")
    if size > SIZE_LIMIT_BYTES:
        raise SystemExit(f"{size} bytes are more than the {SIZE_LIMIT_BYTES} allowed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--out", default=os.path.join(here, "smoke"), help="folder to write (replaced if it exists)")
    parser.add_argument("--check", action="store_true", help="only check what is there")
    args = parser.parse_args()
    if not args.check:
        for tool in ("espeak-ng", "sox"):
            if shutil.which(tool) is None:
                sys.exit(f"`{tool}` is not installed (Debian: apt install espeak-ng sox)")
        shutil.rmtree(args.out, ignore_errors=True)
        write_corpus(args.out, utterances())
        write_corpus(os.path.join(args.out, "words"), words())
    check(args.out)


if __name__ == "__main__":
    main()
