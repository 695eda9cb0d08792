"""Files of codes as numpy writes them, for src/codec/artifact/; and a look at the one that the program writes.

    python3 tests/parity/make_artifacts.py     # writes tests/parity/artifacts/; needs numpy

`old.*` are as numpy before version 2 wrote them (protocol 3, `numpy.core`), `new.*` as it does since. `ours.enc` and `ours.dac` are written by
the tests (RUNNER_UPDATE=1) and only read here.
"""

import io
import pickle
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent / "artifacts"
FRAMES = 6


def codes(levels, size, axes):
    values = (np.arange(levels * FRAMES).reshape(levels, FRAMES) * 37 % size).astype(np.uint16)
    return values[None] if axes == 3 else values


def metadata(**more):
    return {"original_length": 3500, "sample_rate": 44100, **more}


SAID = {"text": "Once again.", "phonemes": "wˈʌns ɐɡˈɛn.", "language": "en"}
LOUDNESS = {"input_db": np.array([-21.5], np.float32), "chunk_length": FRAMES, "channels": 1, "padding": True, "dac_version": "1.0.0"}
FILES = {
    "enc": {"codes": codes(8, 1024, 3), "metadata": metadata(**SAID)},
    "dac": {"codes": codes(9, 1024, 3), "metadata": metadata(**LOUDNESS, **SAID)},
    "nem": {"codes": codes(8, 1000, 2), "metadata": metadata(sample_rate=np.int64(16000), text=None)},
}


def old(content):
    out = io.BytesIO()
    np.save(out, np.array({}, dtype=object), allow_pickle=True)
    head = out.getvalue()[:128]
    body = pickle.dumps(np.array(content, dtype=object), protocol=3)
    return head + body.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def hostile():
    """Asks for a command to be run when it is loaded."""

    class Command:
        def __reduce__(self):
            import os

            return os.system, ("touch /tmp/loaded",)

    content = {"codes": codes(8, 1024, 3), "metadata": metadata(text=Command())}
    return old(content)


def main():
    HERE.mkdir(exist_ok=True)
    for ending, content in FILES.items():
        (HERE / f"old.{ending}").write_bytes(old(content))
        with open(HERE / f"new.{ending}", "wb") as out:
            np.save(out, np.array(content, dtype=object), allow_pickle=True)
    (HERE / "hostile.enc").write_bytes(hostile())
    np.save(HERE / "fortran.npy", np.array({**FILES["enc"], "codes": np.asfortranarray(codes(8, 1024, 2).astype(">i4"))}, dtype=object))
    (HERE / "fortran.npy").rename(HERE / "fortran.enc")
    for name in ("ours.enc", "ours.dac"):
        if not (HERE / name).exists():
            continue
        read, want = np.load(HERE / name, allow_pickle=True)[()], FILES[name.split(".")[1]]
        assert read["codes"].dtype == np.uint16 and np.array_equal(read["codes"], want["codes"])
        assert read["metadata"] == want["metadata"], read["metadata"]
        print(f"numpy {np.__version__} reads {name}")


if __name__ == "__main__":
    main()
