"""Makes the fixtures beside this file, and prints what libsndfile reads from them (soundfile 0.14.0, libsndfile 1.2.2).

    python src/audio/testdata/make.py

`tests.rs` holds the printed numbers. Vorbis files are not bit-reproducible between libvorbis versions: after a new run,
paste the numbers again.
"""
import pathlib
import numpy as np
import soundfile as sf

HERE = pathlib.Path(__file__).parent


def tone(samples, channels, rate_hz):
    t = np.arange(samples) / rate_hz
    return np.stack([0.5 * np.sin(2 * np.pi * (300 + 170 * c) * t + c) for c in range(channels)], axis=1)


def make(name, samples, channels, rate_hz, subtype):
    path = HERE / name
    sf.write(path, tone(samples, channels, rate_hz), rate_hz, subtype=subtype)
    mono = sf.read(path, dtype="float64", always_2d=True)[0].mean(axis=1).astype("float32")
    picks = [0, 1, samples // 3, samples // 2, samples - 1]
    print(name, rate_hz, channels, len(mono), [float(f"{mono[i]:.9g}") for i in picks], f"{np.abs(mono, dtype='f8').sum():.6f}")


make("mono16.flac", 1000, 1, 16000, "PCM_16")
make("stereo24.flac", 700, 2, 44100, "PCM_24")
make("mono.ogg", 12345, 1, 16000, "VORBIS")
make("stereo.ogg", 3000, 2, 44100, "VORBIS")
make("short.ogg", 100, 1, 16000, "VORBIS")
make("three.ogg", 100, 3, 48000, "VORBIS")
make("float.wav", 200, 2, 22050, "FLOAT")
