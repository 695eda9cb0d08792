"""Writes packing.tsv and feeder.json in tests/parity/: batches and data order as the published programs make them. Made with numpy 2.4.6.

    python tests/parity/make_data.py

Both are written from the rules (specification of the reference's data pipeline), not from code: ours or the reference's.

packing.tsv: most utterances, limit on n·len, limit on n·len²; ascending lengths; sizes of the batches. The reference begins with an empty batch
where the first length breaks a limit on its own; that batch, on which it later stops, is left out.

feeder.json: cases of names with lengths and texts, what bounds them, and the batches of names that training gives in order (three epochs and
more, `wraps` counts them), and those of an evaluation.
"""
import json
import pathlib
import random

import numpy as np

HERE = pathlib.Path(__file__).parent


def pack(lengths, most, frames, quad):
    batches = [[]]
    for index, length in enumerate(lengths):
        count = len(batches[-1])
        if count == most or (count + 1) * length > frames or (count + 1) * length**2 > quad:
            batches.append([])
        batches[-1].append(index)
    return [batch for batch in batches if batch]


random.seed(7)
lines = ["# make_data.py"]
for _ in range(150):
    longest = random.choice([10, 100, 5_000, 160_000, 400_000])
    lengths = sorted(random.randint(1, longest) for _ in range(random.randint(0, 40)))
    most = random.choice([1, 2, 3, 8, 24])
    frames = random.choice([longest / 2, longest * 1.0, longest * 2.5, longest * 7.25, 2.5e6])
    quad = random.choice([longest**2 / 3, longest**2 * 1.0, longest**2 * 2.5, 4e11])
    sizes = [len(batch) for batch in pack(lengths, most, frames, quad)]
    lines.append("\t".join(map(str, [most, repr(frames), repr(float(quad)), " ".join(map(str, lengths)), " ".join(map(str, sizes))])))
(HERE / "packing.tsv").write_text("\n".join(lines) + "\n")


class Feeder:
    """The producer: an endless list of groups, each a list of batches."""

    def __init__(self, items, case, seed):
        self.case, self.random = case, np.random.RandomState(seed)
        self.items = sorted(items, key=lambda item: item[0])
        if case["shuffle"]:
            self.random.shuffle(self.items)
        self.offset = self.epoch = 0

    def next(self):
        while True:
            item = self.items[self.offset]
            self.offset += 1
            if self.offset == len(self.items):
                self.offset, self.epoch = 0, self.epoch + 1
                if self.case["shuffle"]:
                    self.random.shuffle(self.items)
            if not self.filtered(item):
                return item

    def filtered(self, item):
        if not self.case["filters"]:
            return False
        _, length, text = item
        low, high = self.case["low"], self.case["high"]
        return high > 0 and not low <= length <= high or len(text) <= self.case["chars_above"] > 0

    def group(self):
        drawn = [self.next() for _ in range(self.case["bucket_size"])]
        return self.batches(drawn, 1.0)

    def batches(self, items, share):
        case = self.case
        items = sorted(items, key=lambda item: item[1])
        packed = pack([length for _, length, _ in items], case["batch_size"], case["frames"] * share, case["quad_frames"] * share)
        batches = [[items[index][0] for index in batch] for batch in packed]
        self.random.shuffle(batches)
        return batches

    def evaluation(self):
        """All items once, drawn as in training: the second shuffle comes with the last of them."""
        case = dict(self.case, filters=False)
        whole = Feeder([], case, 0)
        whole.items = sorted(self.items, key=lambda item: item[0])
        if case["shuffle"]:
            whole.random.shuffle(whole.items)
        drawn = [whole.next() for _ in range(len(self.items))]
        return whole.batches(drawn, 0.5)


BASE = dict(shuffle=True, filters=False, low=0, high=0, chars_above=0, bucket_size=16, batch_size=4, frames=6000.0, quad_frames=6e6)
CASES = {
    "plain": dict(count=50),
    "two groups are an epoch": dict(count=32),
    "a group is longer than an epoch": dict(count=11, bucket_size=30),
    "a seed of its own": dict(count=40, seed=12345),
    "bounds in force": dict(count=60, filters=True, low=500, high=1500, chars_above=2),
    "no shuffle": dict(count=21, shuffle=False),
    "one utterance": dict(count=1, bucket_size=3),
}
cases = []
for title, changes in CASES.items():
    case = dict(BASE, seed=0, title=title) | changes
    # Few lengths, so that the stable sort has ties to keep; names whose string order is not that of their numbers.
    items = [(f"s{(i * 7) % 5}_{i}", 400 + 100 * random.randint(0, 14), "x" * random.randint(1, 6)) for i in range(case.pop("count"))]
    feeder = Feeder(items, case, case["seed"])
    batches = []
    while feeder.epoch < 4:
        batches += feeder.group()
    case |= dict(utterances=items, batches=batches, wraps=feeder.epoch, evaluation=Feeder(items, case, 0).evaluation())
    cases.append(case)
notes = dict(script="make_data.py", numpy=np.__version__)
text = json.dumps(dict(notes=notes, cases=cases), separators=(",", ":")).replace('{"shuffle"', '\n{"shuffle"')
(HERE / "feeder.json").write_text(text + "\n")
print({case["title"]: (len(case["batches"]), case["wraps"]) for case in cases})
