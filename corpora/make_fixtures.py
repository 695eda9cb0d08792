#!/usr/bin/env python3
"""Make tiny corpora in the formats of published ones from the bundled one: `tests/fixtures/`.

Needs Python 3 (standard library only) and `sox` with Ogg Vorbis and flac support:

    python3 corpora/make_fixtures.py

They are what `runner data prepare` is tested on: folders, headers, metadata and lists have the form of the published
corpora, down to the sizes of NIST headers and the fields of SLURP's JSON. The sound is that of `smoke/`; transcripts were
changed where a preparer has something to do with them, so nothing can be learned from these corpora. Each has files
and lines that cannot be used. Made with SoX 14.4.2; other versions may write other flac bytes.

Every script in `corpora/fixtures/` makes one corpus, and is called like its verb: `make(out)` fills an empty place, `FLAWS` says what
cannot be used of it.
"""

import argparse
import importlib.util
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
SIZE_LIMIT_BYTES = 2_000_000

# Scripts leave nothing beside themselves.
sys.dont_write_bytecode = True


def loaded(path):
    """The script at `path`, under a name that no other module has."""
    spec = importlib.util.spec_from_file_location(f"fixtures_{path.stem}", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent / "tests" / "fixtures")
    out = parser.parse_args().out
    for path in sorted((HERE / "fixtures").glob("*.py")):
        script, folder = loaded(path), out / path.stem
        shutil.rmtree(folder, ignore_errors=True)
        script.make(folder)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        print(f"{folder}: {size:,} bytes; flaws: {script.FLAWS}")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    assert size <= SIZE_LIMIT_BYTES, f"{size} bytes are too many"


if __name__ == "__main__":
    main()
