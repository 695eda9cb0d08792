//! Sounds: from their headers alone, and decoded to the rate of speech.

use std::path::Path;

use runner::audio::{facts_bytes, read_bytes};

use super::said;
use crate::{Target, repair};

const RATE_HZ: u32 = 16_000;

pub fn targets() -> Vec<Target> {
    let target =
        |name, seeds, words, repair| Target { name, seeds, words, repair, run, most_bytes: 96 << 10 };
    vec![
        target(
            "wav",
            &[
                "tests/fixtures/audioset/bal_train/stereo_wave0.wav",
                "tests/fixtures/esc50/audio/1-100037-A-0.wav",
                "tests/fixtures/esc50/audio/5-200000-B-10.wav",
            ],
            &[
                "RIFF", "WAVE", "fmt ", "data", "LIST", "\x01\0", "\x03\0", "\u{fe}\0", "\x10\0", "\x18\0",
                "\x20\0", "\0\0",
            ],
            repair::none,
        ),
        target(
            "flac",
            &[
                "src/audio/testdata/mono16.flac",
                "src/audio/testdata/stereo24.flac",
                "tests/fixtures/librispeech/LibriSpeech/dev-clean/84/121123/84-121123-0000.flac",
            ],
            &["fLaC", "\0\0\0\x22", "\u{7f}", "\0\0\0\0"],
            repair::none,
        ),
        target(
            "ogg",
            &["src/audio/testdata/short.ogg", "src/audio/testdata/mono.ogg"],
            &["OggS", "\x01vorbis", "\x03vorbis", "\x05vorbis", "BCV", "OpusHead"],
            repair::ogg,
        ),
        target(
            "sph",
            &["tests/fixtures/tedlium/legacy/train/sph/MariaCut_2011.sph"],
            &[
                "NIST_1A\n   1024\n",
                "end_head\n",
                "sample_count -i ",
                "sample_rate -i ",
                "channel_count -i ",
                "sample_n_bytes -i ",
                "sample_coding -s4 ulaw\n",
                "sample_byte_format -s2 01\n",
            ],
            repair::none,
        ),
    ]
}

fn run(_: &Path, bytes: &[u8]) -> String {
    let facts = facts_bytes("it", bytes);
    let read = read_bytes("it", bytes.to_vec(), RATE_HZ);
    // Of what is read, the header says how long it is.
    if let (Ok(facts), Ok(samples)) = (&facts, &read) {
        let wanted = (facts.samples * u64::from(RATE_HZ)).div_ceil(u64::from(facts.rate_hz));
        assert_eq!(samples.len() as u64, wanted, "the header tells another length than the sound has");
        assert!(samples.iter().all(|sample| sample.is_finite()), "a sample is no number");
    }
    format!("{} / {}", said(facts), said(read))
}
