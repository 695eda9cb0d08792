#!/usr/bin/env python3
"""Make tiny corpora in the formats of TED-LIUM 3, SLURP and VoxCeleb1 from the bundled one: `tests/fixtures/`.

Needs Python 3 (standard library only) and `sox` with Ogg Vorbis and flac support:

    python3 corpora/make_fixtures.py

They are what `runner data prepare` is tested on: folders, headers, metadata and lists have the form of the published
corpora, down to the sizes of NIST headers and the fields of SLURP's JSON. The sound is that of `smoke/`; transcripts were
changed where a preparer has something to do with them, so nothing can be learned from these corpora. Each has files
and lines that cannot be used, listed in `FLAWS` below. Made with SoX 14.4.2; other versions may write other flac bytes.
"""

import argparse
import json
import pathlib
import shutil
import struct
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
SMOKE = HERE / "smoke"
RATE_HZ = 16_000
SIZE_LIMIT_BYTES = 1_500_000

# Low bits that are zeroed in flac files: they hold noise, and a repository pays for noise.
SILENCED_BITS = 5

FLAWS = {
    "tedlium": "a talk cut short, a segment beyond its recording, one that outlasts it, one on another channel",
    "slurp": "a recording cut short, one that is missing, a line that is no JSON",
    "voxceleb1": "a clip cut short, one that is missing, an unknown speaker",
}


def listed(*names):
    """name -> fields after it, of the lists named."""
    rows = {}
    for name in names:
        for line in (SMOKE / name).read_text().splitlines():
            fields = line.split("|")
            rows[fields[0]] = fields[1:]
    return rows


def samples_of(name):
    """The samples of a clip of the bundled corpus, 16 bits."""
    folder = name.split("_")[0]
    places = [SMOKE / folder / f"{name}.ogg", SMOKE / "words" / folder / f"{name}.ogg"]
    path = next(path for path in places if path.is_file())
    raw = ["-t", "raw", "-e", "signed", "-b", "16", "-r", str(RATE_HZ), "-c", "1", "-L", "-"]
    out = subprocess.run(["sox", "-D", str(path), *raw], check=True, capture_output=True).stdout
    return list(struct.unpack(f"<{len(out) // 2}h", out))


def to_raw(samples, endian="<"):
    return struct.pack(f"{endian}{len(samples)}h", *samples)


def ulaw(sample):
    """ITU-T G.711."""
    size = min(abs(sample), 32_635) + 132
    exponent = max(size.bit_length() - 8, 0)
    byte = exponent << 4 | (size >> (exponent + 3)) & 15
    return ~(byte | (0x80 if sample < 0 else 0)) & 0xFF


def sphere(path, samples, coding, rate_hz=RATE_HZ, promised=None):
    """Writes a NIST Sphere file: a header of 1024 bytes, then samples. `promised` lies about their number."""
    kind, order = {
        "big": ("pcm", "10"),
        "little": ("pcm", "01"),
        "ulaw": ("ulaw", "1"),
    }[coding]
    data = {
        "big": lambda: to_raw(samples, ">"),
        "little": lambda: to_raw(samples, "<"),
        "ulaw": lambda: bytes(map(ulaw, samples)),
    }[coding]()
    lines = [
        "NIST_1A",
        "   1024",
        f"sample_count -i {promised or len(samples)}",
        f"sample_n_bytes -i {1 if coding == 'ulaw' else 2}",
        "channel_count -i 1",
        f"sample_byte_format -s{len(order)} {order}",
        f"sample_rate -i {rate_hz}",
        f"sample_coding -s{len(kind)} {kind}",
        "end_head",
    ]
    header = "\n".join(lines).encode() + b"\n"
    path.write_bytes(header.ljust(1024, b" ") + data)


def flac(path, samples):
    quiet = [x >> SILENCED_BITS << SILENCED_BITS for x in samples]
    raw = ["-t", "raw", "-e", "signed", "-b", "16", "-r", str(RATE_HZ), "-c", "1", "-L", "-"]
    command = ["sox", "-D", *raw, "-C", "8", "--comment", "", "-b", "16", str(path)]
    subprocess.run(command, input=to_raw(quiet), check=True)


def wav(path, samples):
    data = to_raw(samples)
    form = struct.pack("<HHIIHH", 1, 1, RATE_HZ, RATE_HZ * 2, 2, 16)
    head = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data))
    path.write_bytes(b"RIFF" + struct.pack("<I", len(head) + len(data)) + head + data)


def shortest(rows, wanted):
    """Names of the shortest clips that `wanted` takes."""
    names = [name for name, fields in rows.items() if wanted(name, fields)]
    return sorted(names, key=lambda name: (int(rows[name][0]), name))


# ---------------------------------------------------------------------------------------------------- TED-LIUM

def tedlium(out):
    rows = listed("meta.train.txt")
    clips = {voice: shortest(rows, lambda name, _: name.startswith(voice)) for voice in ("f01", "m01", "m02", "f03")}

    def talk(split, name, clips, coding, lines, rate_hz=RATE_HZ, promised=None):
        """A recording of clips with pauses, and its STM. `lines` makes STM lines from the clips' times and texts."""
        samples, spoken = [0] * (RATE_HZ // 5), []
        for clip in clips:
            start = len(samples)
            samples += samples_of(clip)
            spoken.append((start / RATE_HZ, len(samples) / RATE_HZ, rows[clip][1]))
            samples += [0] * (RATE_HZ // 10)
        folder = out / "legacy" / split
        for kind in ("sph", "stm"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        every = RATE_HZ // rate_hz
        sphere(folder / "sph" / f"{name}.sph", samples[::every], coding, rate_hz, promised)
        text = "".join(f"{line}\n" for line in lines(name, spoken, len(samples) / RATE_HZ))
        (folder / "stm" / f"{name}.stm").write_text(text, encoding="utf-8")

    def stm(name, start, end, text, label="<NA>", channel=1):
        return f"{name} {channel} {name} {start:.2f} {end:.2f} {label} {text}"

    def money(name, spoken, secs):
        (a, b, first), (c, d, second), (e, f, third) = spoken
        yield stm(name, 0, a, "ignore_time_segment_in_scoring", "<o,f0,unknown>")
        yield stm(name, a, b, first)
        yield stm(name, c, d, f"it cost $1,000 & 5% on the 3rd of may {second}")
        yield ";; a comment counts as a line"
        yield stm(name, e, f, f"<unk> {third} [laughter] caf\u00e9")
        yield stm(name, e, secs + 1, f"{third} and on")
        yield stm(name, secs + 1, secs + 2, "nobody hears this")
        yield stm(name, a, b, first, channel=2)

    def plain(name, spoken, _):
        for start, end, text in spoken:
            yield stm(name, start, end, text, "<o,f0,male>")

    talk("train", "AnnaSmith_2010", clips["f01"][:3], "big", money)
    talk("train", "DavidJones_2012X", clips["m01"][:4], "ulaw", plain)
    talk("train", "MariaCut_2011", clips["f03"][:1], "ulaw", plain, promised=10 * RATE_HZ)
    talk("dev", "PeterBrown_2009", clips["m02"][:2], "ulaw", plain)
    talk("test", "EmilyHall_2008", clips["f01"][3:5], "little", plain, rate_hz=8_000)


# ------------------------------------------------------------------------------------------------------- SLURP

def slurp(out):
    rows = listed("meta.train.nltLa.txt", "meta.dev.nltLa.txt", "meta.test.nltLa.txt")
    real, synthetic = out / "audio" / "slurp_real", out / "audio" / "slurp_synth"
    metadata = out / "dataset" / "slurp"
    for folder in (real, synthetic, metadata):
        folder.mkdir(parents=True)
    commands = shortest(rows, lambda _, fields: not fields[2].startswith("number"))
    # A second voice with the same sentence, as a headset recording.
    by_text = {}
    for name in commands:
        by_text.setdefault(rows[name][1], []).append(name)
    pairs = [names[:2] for names in by_text.values() if len(names) > 1]
    single = [names[0] for names in by_text.values() if len(names) == 1]
    number = iter(range(1, 100))

    def sentence(names, folder=real):
        count = next(number)
        _, text, labels, _ = rows[names[0]]
        scenario, action = labels.split(",")
        files = []
        for take, name in enumerate(names):
            ending = ("", "-headset")[take] if folder is real else "-synth"
            file = f"audio-{1_490_000_000 + count}{ending}.flac"
            flac(folder / file, samples_of(name))
            files.append(file)
        return {
            "slurp_id": count,
            "sentence": text,
            "sentence_annotation": text,
            "intent": f"{scenario}_{action}",
            "action": action,
            "tokens": [{"surface": word, "id": at} for at, word in enumerate(text.split())],
            "scenario": scenario,
            "recordings": [{"file": file, "wer": 0.0, "ent_wer": 0.0, "status": "correct"} for file in files],
            "entities": [],
        }

    def write(name, sentences, more=""):
        text = "".join(json.dumps(sentence) + "\n" for sentence in sentences)
        (metadata / name).write_text(text + more)

    train = [sentence(pair) for pair in pairs[:4]]
    # One recording twice: the second is the first.
    train[1]["recordings"].append(train[0]["recordings"][0])
    train[2]["recordings"].append({"file": "audio-1490999999.flac", "wer": 1.0, "ent_wer": 1.0, "status": "lost"})
    cut = sentence([single[0]])
    path = real / cut["recordings"][0]["file"]
    path.write_bytes(path.read_bytes()[:6_000])
    write("train.jsonl", [*train, cut], '{"slurp_id": 99, "sentence": "cut\n')
    write("devel.jsonl", [sentence([pairs[4][0]]), sentence([single[1]])])
    write("test.jsonl", [sentence([pairs[5][0]]), sentence([single[2]])])
    write("train_synthetic.jsonl", [sentence([pair[1]], synthetic) for pair in pairs[4:6]])


# --------------------------------------------------------------------------------------------------- VoxCeleb1

def voxceleb1(out):
    rows = listed("words/meta.train.txt")
    lines = []
    for speaker, voice in (("id10001", "f02"), ("id10002", "m03"), ("id10003", "f04"), ("id11251", "m05")):
        clips = shortest(rows, lambda name, _: name.startswith(voice))
        for at, (part, video, name) in enumerate(zip((1, 1, 2, 3), ("1zcIwhmdeo4", "7gWzIy6yIIk", "a_b-C_d4E5f", "zELwAz2W6hM"), clips)):
            if part == 2 and speaker in ("id10003", "id11251"):
                continue
            clip = f"{speaker}/{video}/{at + 1:05}.wav"
            path = out / "wav" / clip
            path.parent.mkdir(parents=True)
            wav(path, samples_of(name))
            lines.append(f"{part} {clip}")
    cut = out / "wav" / "id10003/cut0cut0cut/00009.wav"
    cut.parent.mkdir(parents=True)
    wav(cut, samples_of(shortest(rows, lambda name, _: name.startswith("f04"))[0]))
    cut.write_bytes(cut.read_bytes()[:3_000])
    lines += ["1 id10003/cut0cut0cut/00009.wav", "2 id10003/notThere000/00001.wav", "3 id20001/abcdefghijk/00001.wav"]
    (out / "iden_split.txt").write_text("".join(f"{line}\n" for line in lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent / "tests" / "fixtures")
    out = parser.parse_args().out
    for make in (tedlium, slurp, voxceleb1):
        folder = out / make.__name__
        shutil.rmtree(folder, ignore_errors=True)
        make(folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{folder}: {size:,} bytes; flaws: {FLAWS[make.__name__]}")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    assert size <= SIZE_LIMIT_BYTES, f"{size} bytes are too many"


if __name__ == "__main__":
    main()
