"""Reads every run with TensorBoard's own reader: scalars as in metrics.jsonl, sounds and spectrograms as in sounds/, histograms as in
histograms.jsonl, texts as in config.toml and plan.json; and the page of hyperparameters with its plugin's own backend: a row for each group
of repetitions, a session for each run, the values of status.json.

    python tests/parity/read_tensorboard.py RUNS_DIR        (needs tensorboard)
"""
import json
import pathlib
import struct
import sys

from tensorboard import context
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

# Nothing is left out.
ALL = {"scalars": 0, "audio": 0, "images": 0, "histograms": 0, "tensors": 0}


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


def check_histograms(run, events):
    """Every histogram of histograms.jsonl is there, once, and nothing else; how many there are."""
    wanted = {}
    file = run / "histograms.jsonl"
    for line in file.read_text().splitlines() if file.is_file() else []:
        row = json.loads(line)
        for name, histogram in row["weights"].items():
            wanted.setdefault(f"weights/{name}", []).append((row["step"], histogram))
    assert sorted(events.Tags()["histograms"]) == sorted(wanted), run.name
    for tag, points in wanted.items():
        got = events.Histograms(tag)
        assert [event.step for event in got] == [step for step, _ in points], (run.name, tag)
        for event, (_, histogram) in zip(got, points):
            assert list(event.histogram_value.bucket) == histogram["counts"], (run.name, tag)
            assert event.histogram_value.max == histogram["max"], (run.name, tag)
    if wanted:
        print(f"{run.name}: histograms of {len(wanted)} parameters agree")
    return sum(map(len, wanted.values()))


def check_texts(run, events):
    """config.toml to the letter, and the plan with the id of the run."""
    text = lambda tag: events.Tensors(tag)[0].tensor_proto.string_val[0].decode()
    assert (run / "config.toml").read_text().strip() in text("config"), run.name
    plan = json.loads((run / "plan.json").read_text())
    for part in plan["parts"]:
        assert f"| {part['name']} | " in text("plan"), (run.name, part)
    assert run.name in text("run"), run.name


def check_hparams(runs_dir, runs):
    """A row for each run, called by its folder, with the numbers of status.json."""
    multiplexer = plugin_event_multiplexer.EventMultiplexer(size_guidance=ALL)
    multiplexer.AddRunsFromDirectory(str(runs_dir))
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(runs_dir))
    shared = base_plugin.TBContext(logdir=str(runs_dir), multiplexer=multiplexer, data_provider=provider)
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0,
        slice_size=10_000,
        allowed_statuses=[api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE, api_pb2.STATUS_RUNNING],
        aggregation_type=api_pb2.AGGREGATION_AVG,
    )
    handler = list_session_groups.Handler(context.RequestContext(), backend_context.Context(shared), "", request)
    groups = handler.run().session_groups
    sessions = {session.name: (group, session) for group in groups for session in group.sessions}
    assert sorted(sessions) == sorted(run.name for run in runs), sorted(sessions)
    extra = set(multiplexer.Runs()) - set(sessions) - {"."}
    assert not extra, f"runs that are none: {extra}"
    assert sorted(group.name for group in groups) == sorted(sessions), [group.name for group in groups]
    for run in runs:
        identity = json.loads((run / "run.json").read_text())
        status = json.loads((run / "status.json").read_text())
        group, session = sessions[run.name]
        finished = status["state"] == "finished"
        assert session.status == (api_pb2.STATUS_SUCCESS if finished else session.status), run.name
        lr = json.loads(identity["config"]["train.max_lr"])
        assert group.hparams["train.max_lr"].number_value == lr, run.name
        if "run.seed" in group.hparams:
            assert group.hparams["run.seed"].number_value == int(identity["config"]["run.seed"]), run.name
        values = {value.name.tag: value.value for value in session.metric_values}
        for tag, value in status["metrics"].items():
            if not tag.startswith("teacher/"):
                assert abs(values[tag] - value) <= 1e-6 * max(1.0, abs(value)), (run.name, tag, values)
    print(f"hyperparameters: {len(groups)} rows, {len(sessions)} runs agree")


def main(runs_dir):
    runs, checked, sounds, histograms = [], 0, 0, 0
    for run in sorted(runs_dir.iterdir()):
        if not (run / "metrics.jsonl").is_file():
            continue
        runs.append(run)
        events = EventAccumulator(str(run), size_guidance=ALL)
        events.Reload()
        checked += check_scalars(run, events)
        sounds += check_sounds(run, events)
        histograms += check_histograms(run, events)
        check_texts(run, events)
    assert checked, "no run was read"
    check_hparams(runs_dir, runs)
    for what, count in [("sound", sounds), ("histogram", histograms)]:
        assert count or "--some" in sys.argv, f"no run made a {what}"


main(pathlib.Path(sys.argv[1]))
