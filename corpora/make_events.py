#!/usr/bin/env python3
"""Make the small corpus of sounds that are no speech: `corpora/smoke/events/`.

Needs Python 3 (standard library only) and `sox` with Ogg Vorbis support:

    python3 corpora/make_events.py --out corpora/smoke/events

Every recording has three seconds, and each of them one of eight kinds of sound; a recording has one to three kinds. Two lists
say so in two ways: `meta.*.nltLa.txt` the kinds that are in it, `meta.*.scenes.nltLa.txt` the kind of each second.

Everything follows from SEED; see README.md beside this file.
"""

import argparse
import array
import math
import os
import random
import subprocess
import zlib

from make_smoke import SAMPLE_RATE_HZ, VORBIS_QUALITY, ogg_length_samples, with_serial, write_json

SEED = 41
SECONDS = 3
RECORDINGS = {"train": 96, "dev": 16, "test": 32}
FADE_SECS = 0.02
BACKGROUND = 0.003


def tone(phase_of):
    """A second of a wave whose phase, in turns, is a function of time."""
    return [math.sin(2 * math.pi * phase_of(n / SAMPLE_RATE_HZ)) for n in range(SAMPLE_RATE_HZ)]


def hum(rng):
    base = rng.uniform(50, 110)
    waves = [(k, rng.uniform(0.3, 1.0) / k) for k in (1, 2, 3, 5)]
    parts = [(weight, tone(lambda t, k=k: k * base * t)) for k, weight in waves]
    return [sum(weight * part[n] for weight, part in parts) / 2 for n in range(SAMPLE_RATE_HZ)]


def beep(rng):
    pitch, rate = rng.uniform(900, 2200), rng.uniform(3, 6)
    return [x if (n / SAMPLE_RATE_HZ * rate) % 1 < 0.5 else 0.0 for n, x in enumerate(tone(lambda t: pitch * t))]


def siren(rng):
    middle, swing, rate = rng.uniform(700, 1000), rng.uniform(250, 400), rng.uniform(1, 2.5)
    return tone(lambda t: middle * t - swing / (2 * math.pi * rate) * math.cos(2 * math.pi * rate * t))


def chirp(rng):
    low, high, rate = rng.uniform(1500, 2500), rng.uniform(4000, 6500), rng.choice((3, 4, 5))

    def phase(t):
        within = t * rate % 1 / rate
        return low * within + (high - low) * rate * within * within / 2

    return tone(phase)


def hiss(rng):
    smooth, last, out = rng.uniform(0.0, 0.6), 0.0, []
    for _ in range(SAMPLE_RATE_HZ):
        last = smooth * last + (1 - smooth) * rng.uniform(-1, 1)
        out.append(last)
    return out


def clicks(rng):
    out = [0.0] * SAMPLE_RATE_HZ
    pitch, gap = rng.uniform(1500, 3500), SAMPLE_RATE_HZ // rng.randint(8, 16)
    for start in range(rng.randint(0, gap), SAMPLE_RATE_HZ - 400, gap):
        for n in range(400):
            out[start + n] += math.exp(-n / 40) * math.sin(2 * math.pi * pitch * n / SAMPLE_RATE_HZ)
    return out


def bell(rng):
    base = rng.uniform(350, 700)
    partials = [(1.0, 3), (2.76, 5), (5.4, 8)]
    waves = [(tone(lambda t, r=ratio: base * r * t), decay) for ratio, decay in partials]
    return [sum(w[n] * math.exp(-d * n / SAMPLE_RATE_HZ) for w, d in waves) / 2 for n in range(SAMPLE_RATE_HZ)]


def drill(rng):
    rate = rng.uniform(70, 130)
    return [
        (2 * (n / SAMPLE_RATE_HZ * rate % 1) - 1) * 0.6 + rng.uniform(-0.5, 0.5) for n in range(SAMPLE_RATE_HZ)
    ]


KINDS = {f.__name__: f for f in (beep, bell, chirp, clicks, drill, hiss, hum, siren)}


def second(kind, rng):
    """One second of a kind: some level, faded in and out."""
    level, fade = rng.uniform(0.1, 0.4), int(FADE_SECS * SAMPLE_RATE_HZ)
    sound = KINDS[kind](rng)
    loudest = max(abs(x) for x in sound)
    edge = lambda n: min(1.0, n / fade, (SAMPLE_RATE_HZ - 1 - n) / fade)
    return [level * edge(n) * x / loudest for n, x in enumerate(sound)]


def recordings():
    """(split, name, the kind of each second)."""
    rng, number = random.Random(SEED), 0
    for split, count in RECORDINGS.items():
        for _ in range(count):
            heard = rng.sample(sorted(KINDS), rng.choice((1, 2, 2, 3)))
            kinds = heard + [rng.choice(heard) for _ in range(SECONDS - len(heard))]
            rng.shuffle(kinds)
            yield split, f"events_{number:04d}", kinds
            number += 1


def write_sound(path, name, kinds):
    rng = random.Random(f"{SEED} {name}")
    samples = [x + rng.gauss(0, BACKGROUND) for kind in kinds for x in second(kind, rng)]
    pcm = array.array("h", (max(-32768, min(32767, round(x * 32767))) for x in samples)).tobytes()
    raw = ["-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-r", str(SAMPLE_RATE_HZ)]
    encode = ["sox", "-D", *raw, "-", "-C", VORBIS_QUALITY, "-t", "ogg", "-"]
    ogg = subprocess.run(encode, input=pcm, check=True, capture_output=True).stdout
    data = with_serial(ogg, zlib.crc32(name.encode()))
    with open(path, "wb") as file:
        file.write(data)
    return ogg_length_samples(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True)
    root = parser.parse_args().out
    os.makedirs(os.path.join(root, "events"), exist_ok=True)
    lists = {(split, form): [] for split in RECORDINGS for form in ("", ".scenes")}
    for split, name, kinds in recordings():
        length = write_sound(os.path.join(root, "events", name + ".ogg"), name, kinds)
        for form, labels in (("", sorted(set(kinds))), (".scenes", kinds)):
            lists[split, form].append(f"{name}|{length}|{' '.join(kinds)}|{','.join(labels)}|en\n")
    for (split, form), lines in lists.items():
        with open(os.path.join(root, f"meta.{split}{form}.nltLa.txt"), "w", encoding="utf-8") as file:
            file.writelines(lines)
    write_json(os.path.join(root, "categories.json"), [{kind: i for i, kind in enumerate(sorted(KINDS))}])
    sizes = [os.path.getsize(os.path.join(root, "events", n)) for n in os.listdir(os.path.join(root, "events"))]
    print(f"{len(sizes)} recordings, {sum(sizes)} bytes")


if __name__ == "__main__":
    main()
