"""The bundled corpus as lists and samples, and files to write samples to: what the scripts in `fixtures/` are made with."""

import math
import pathlib
import struct
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
SMOKE = HERE / "smoke"
RATE_HZ = 16_000

# Low bits that are zeroed in flac files: they hold noise, and a repository pays for noise.
SILENCED_BITS = 5


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
    places = [SMOKE / part / folder / f"{name}.ogg" for part in ("", "words", "events")]
    path = next(path for path in places if path.is_file())
    raw = ["-t", "raw", "-e", "signed", "-b", "16", "-r", str(RATE_HZ), "-c", "1", "-L", "-"]
    out = subprocess.run(["sox", "-D", str(path), *raw], check=True, capture_output=True).stdout
    return list(struct.unpack(f"<{len(out) // 2}h", out))


def to_raw(samples, endian="<"):
    return struct.pack(f"{endian}{len(samples)}h", *samples)


def flac(path, samples):
    quiet = [x >> SILENCED_BITS << SILENCED_BITS for x in samples]
    raw = ["-t", "raw", "-e", "signed", "-b", "16", "-r", str(RATE_HZ), "-c", "1", "-L", "-"]
    command = ["sox", "-D", *raw, "-C", "8", "--comment", "", "-b", "16", str(path)]
    subprocess.run(command, input=to_raw(quiet), check=True)


def wav(path, samples, rate_hz=RATE_HZ, channels=1):
    """Channels take turns in `samples`."""
    data = to_raw(samples)
    form = struct.pack("<HHIIHH", 1, channels, rate_hz, rate_hz * 2 * channels, 2 * channels, 16)
    head = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data))
    path.write_bytes(b"RIFF" + struct.pack("<I", len(head) + len(data)) + head + data)


def tone(hz, samples, rate_hz):
    """A tone that dies away: for corpora of sounds that are no speech."""
    return [round(9_000 * math.exp(-4 * at / samples) * math.sin(2 * math.pi * hz * at / rate_hz)) for at in range(samples)]


def shortest(rows, wanted):
    """Names of the shortest clips that `wanted` takes."""
    names = [name for name, fields in rows.items() if wanted(name, fields)]
    return sorted(names, key=lambda name: (int(rows[name][0]), name))
