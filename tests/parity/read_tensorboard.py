"""Reads every run's scalars with TensorBoard's own EventAccumulator and compares them with metrics.jsonl.

    python tests/parity/read_tensorboard.py RUNS_DIR        (needs tensorboard)
"""
import json
import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

checked = 0
for run in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if not (run / "metrics.jsonl").is_file():
        continue
    wanted = {}
    for line in (run / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        step = row.pop("step")
        for tag, value in row.items():
            if value is not None:
                wanted.setdefault(tag, []).append((step, value))
    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    for tag, points in wanted.items():
        got = [(event.step, event.value) for event in events.Scalars(tag)]
        assert [step for step, _ in got] == [step for step, _ in points], (run.name, tag, got[:3], points[:3])
        for (_, a), (_, b) in zip(got, points):
            assert abs(a - b) <= 1e-6 * max(1.0, abs(b)), (run.name, tag, a, b)
        checked += len(points)
    print(f"{run.name}: {len(wanted)} scalars agree")
assert checked, "no run was read"
