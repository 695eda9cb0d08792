"""Reads every run with TensorBoard's own EventAccumulator: scalars as in metrics.jsonl, sounds and spectrograms as in sounds/.

    python tests/parity/read_tensorboard.py RUNS_DIR        (needs tensorboard)
"""
import json
import pathlib
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

# Nothing is left out.
ALL = {"scalars": 0, "audio": 0, "images": 0}


def check_scalars(run, events):
    """Every number of metrics.jsonl is there, once; how many there are."""
    wanted = {}
    for line in (run / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        step = row.pop("step")
        for tag, value in row.items():
            if value is not None:
                wanted.setdefault(tag, []).append((step, value))
    for tag, points in wanted.items():
        got = [(event.step, event.value) for event in events.Scalars(tag)]
        assert [step for step, _ in got] == [step for step, _ in points], (run.name, tag, got[:3], points[:3])
        for (_, a), (_, b) in zip(got, points):
            assert abs(a - b) <= 1e-6 * max(1.0, abs(b)), (run.name, tag, a, b)
    print(f"{run.name}: {len(wanted)} scalars agree")
    return sum(len(points) for points in wanted.values())


def check_sounds(run, events):
    """Every file of sounds/ is there with a picture, once, and nothing else; how many there are."""
    wanted = {}
    for file in sorted((run / "sounds").glob("step_*_*.wav")):
        _, step, number = file.stem.split("_")
        wanted.setdefault(f"sounds/{number}", []).append((int(step), file.read_bytes()))
    tags = events.Tags()
    assert sorted(tags["audio"]) == sorted(wanted), (run.name, tags["audio"])
    assert sorted(tags["images"]) == sorted(f"{tag}/spectrogram" for tag in wanted), (run.name, tags["images"])
    for tag, files in wanted.items():
        got = events.Audio(tag)
        assert [(sound.step, sound.encoded_audio_string) for sound in got] == files, (run.name, tag)
        for sound in got:
            (rate_hz,) = struct.unpack("<I", sound.encoded_audio_string[24:28])
            assert (sound.content_type, sound.sample_rate) == ("audio/wav", rate_hz), (run.name, tag)
        pictures = events.Images(f"{tag}/spectrogram")
        assert [picture.step for picture in pictures] == [step for step, _ in files], (run.name, tag)
        for picture in pictures:
            png = picture.encoded_image_string
            assert png[:8] == b"\x89PNG\r\n\x1a\n", (run.name, tag)
            assert struct.unpack(">II", png[16:24]) == (picture.width, picture.height), (run.name, tag)
    if wanted:
        print(f"{run.name}: {sum(map(len, wanted.values()))} sounds with spectrograms agree")
    return sum(map(len, wanted.values()))


checked = sounds = 0
for run in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if not (run / "metrics.jsonl").is_file():
        continue
    events = EventAccumulator(str(run), size_guidance=ALL)
    events.Reload()
    checked += check_scalars(run, events)
    sounds += check_sounds(run, events)
assert checked, "no run was read"
assert sounds, "no run made a sound"
