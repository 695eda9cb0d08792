"""Writes tests/fixtures/datasets/: Hugging Face data sets as the library `datasets` leaves them on disk. Needs datasets 5.2.0 and
pyarrow 26.0.1; run it where the bundled corpus is below the working directory.

    python tests/parity/make_datasets.py

saved/   `save_to_disk` of a DatasetDict shaped like SUPERB's speaker identification (VoxCeleb1): file, audio with bytes, label as class
hub/     parquet shards as on the hub: audio with bytes, text, speaker as class, intent as string
cache/   the folder that `load_dataset` keeps (arrow streams, dataset_info.json): file as a path, label as class
expected.tsv   folder, split, name, recording of the bundled corpus, text, label; in the order of the rows
"""
import json
import os
import pathlib
import shutil
import tempfile

os.environ["HF_HOME"] = tempfile.mkdtemp()
import datasets  # noqa: E402
import pyarrow as pa  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/fixtures/datasets"
SPEAKERS = {"m03": "id10001", "m08": "id10002", "f05": "id10003"}
# The shortest recordings of each speaker.
CLIPS = {
    "train": ["m03/m03_00000823", "m08/m08_00000113", "f05/f05_00000893", "f05/f05_00000175", "m08/m08_00000435"],
    "validation": ["f05/f05_00000227", "m03/m03_00000151"],
    "test": ["m08/m08_00000444", "f05/f05_00000598"],
}


def texts():
    rows = [row.split("|") for path in (ROOT / "corpora/smoke").glob("meta.*.nltLa.txt") for row in path.read_text().splitlines()]
    return {row[0]: (row[2], row[3]) for row in rows if len(row[3].split(",")) > 1}


def dataset(split, columns, features):
    """Around `encode_example`, which would decode the audio: the table is made as it lies on disk."""
    info = datasets.DatasetInfo(features=features)
    return datasets.Dataset(datasets.table.InMemoryTable(pa.table(columns, schema=features.arrow_schema)), info=info, split=split)


def file_of(at, clip):
    """A path as in VoxCeleb1: speaker, video, clip; clip numbers begin anew in every video."""
    return f"/data/VoxCeleb1/wav/{SPEAKERS[clip[:3]]}/video{at // 2}/{1 + at % 2:05}.wav"


def recording(clip):
    return f"corpora/smoke/{clip}.ogg"


def embedded(name, clip):
    return {"bytes": (ROOT / recording(clip)).read_bytes(), "path": name}


def class_of(clip):
    return list(SPEAKERS).index(clip[:3])


def saved(clips):
    features = datasets.Features(
        file=datasets.Value("string"), audio=datasets.Audio(sampling_rate=16_000), label=datasets.ClassLabel(names=list(SPEAKERS.values()))
    )
    splits = {}
    for split, names in clips.items():
        files = [file_of(at, clip) for at, clip in enumerate(names)]
        audio = [embedded(pathlib.Path(file).name, clip) for file, clip in zip(files, names)]
        splits[split] = dataset(split, {"file": files, "audio": audio, "label": [class_of(clip) for clip in names]}, features)
        for file, clip in zip(files, names):
            name = "_".join(pathlib.Path(file).with_suffix("").parts[-3:])
            yield "saved", split, name, recording(clip), "123", SPEAKERS[clip[:3]]
    datasets.DatasetDict(splits).save_to_disk(OUT / "saved", num_shards={split: 2 if split == "train" else 1 for split in splits})


def hub(clips):
    features = datasets.Features(
        audio=datasets.Audio(sampling_rate=16_000),
        text=datasets.Value("string"),
        speaker=datasets.ClassLabel(names=list(SPEAKERS.values())),
        intent=datasets.Value("string"),
    )
    known = texts()
    for split, names in clips.items():
        stems = [pathlib.Path(clip).name for clip in names]
        rows = [{"audio": embedded(f"{stem}.ogg", clip), "speaker": class_of(clip)} for stem, clip in zip(stems, names)]
        for row, stem in zip(rows, stems):
            row["text"], row["intent"] = known[stem][0], known[stem][1].replace(",", "_")
            yield "hub", split, stem, f"corpora/smoke/{stem[:3]}/{stem}.ogg", row["text"], f"{SPEAKERS[stem[:3]]},{row['intent']}"
        shards = 2 if split == "train" else 1
        whole = dataset(split, {column: [row[column] for row in rows] for column in features}, features)
        for shard in range(shards):
            path = OUT / f"hub/data/{split}-{shard:05}-of-{shards:05}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            whole.shard(shards, shard, contiguous=True).to_parquet(path)


def cache(clips):
    features = datasets.Features(file=datasets.Value("string"), label=datasets.ClassLabel(names=list(SPEAKERS.values())))
    with tempfile.TemporaryDirectory() as temporary:
        made = pathlib.Path(temporary)
        for split, names in clips.items():
            rows = {"file": [recording(clip) for clip in names], "label": [class_of(clip) for clip in names]}
            dataset(split, rows, features).to_parquet(made / f"{split}.parquet")
            for clip in names:
                yield "cache", split, "_".join(pathlib.Path(recording(clip)).with_suffix("").parts[-3:]), recording(clip), "123", SPEAKERS[clip[:3]]
        files = {split: str(made / f"{split}.parquet") for split in clips}
        datasets.load_dataset("parquet", data_files=files, cache_dir=str(made / "cache"))
        (info,) = (made / "cache").rglob("dataset_info.json")
        (OUT / "cache").mkdir()
        for path in info.parent.glob("*.arrow"):
            shutil.copy(path, OUT / "cache")
        known = json.loads(info.read_text())
        # Where the files lay when they were made differs from run to run.
        known.pop("download_checksums", None)
        (OUT / "cache/dataset_info.json").write_text(json.dumps(known, indent=1) + "\n")


shutil.rmtree(OUT, ignore_errors=True)
OUT.mkdir(parents=True)
expected = [row for make in (saved, hub, cache) for row in make(CLIPS)]
(OUT / "expected.tsv").write_text("".join("\t".join(row) + "\n" for row in expected))
