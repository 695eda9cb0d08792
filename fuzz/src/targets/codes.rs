//! Files of codes: numpy's with a pickle inside, and ours.

use std::path::Path;

use runner::codec::artifact::{Artifact, Form, Kind};

use super::said;
use crate::{Target, repair};

const WORDS: &[&str] = &[
    "\u{80}\x03",
    "cnumpy.core.multiarray\n_reconstruct\n",
    "cnumpy._core.multiarray\nscalar\n",
    "cnumpy\nndarray\n",
    "cnumpy\ndtype\n",
    "cos\nsystem\n",
    "X\x05\0\0\0codes",
    "X\x08\0\0\0metadata",
    "X\x0f\0\0\0original_length",
    "X\x0b\0\0\0sample_rate",
    "X\x02\0\0\0u2",
    "X\x02\0\0\0O8",
    "(",
    ")",
    "t",
    "R",
    "b",
    "](",
    "}(",
    "u",
    "e",
    "K\x01",
    "J\x7f\u{7f}\u{7f}\u{7f}",
    "B\0\0\0\0",
    "C\x01b",
    "q\0",
    "h\0",
    "'|O'",
    "'shape': ()",
];

pub fn targets() -> Vec<Target> {
    vec![
        Target {
            name: "codes",
            seeds: &[
                "tests/parity/artifacts/old.enc",
                "tests/parity/artifacts/new.dac",
                "tests/parity/artifacts/new.nem",
                "tests/parity/artifacts/fortran.enc",
                "tests/parity/artifacts/hostile.enc",
            ],
            words: WORDS,
            repair: repair::none,
            run: published,
            most_bytes: 32 << 10,
        },
        Target {
            name: "codes.safetensors",
            seeds: &[],
            words: &[
                "\"codes\":",
                "\"dtype\":\"U16\"",
                "\"shape\":[",
                "\"data_offsets\":[",
                "utterance",
                "\\\"codec\\\":",
            ],
            repair: repair::none,
            run: ours,
            most_bytes: 16 << 10,
        },
    ]
}

fn published(_: &Path, bytes: &[u8]) -> String {
    let endings = Kind::ALL.map(|kind| {
        let form = Form::Numpy(kind);
        let read = Artifact::parse(form, bytes);
        if let Ok(artifact) = &read {
            let again = Artifact::parse(form, &artifact.bytes(form)).expect("what was read can be written");
            assert_eq!(&again, artifact, "what was written is read as something else");
        }
        said(read)
    });
    endings.join(" / ")
}

fn ours(_: &Path, bytes: &[u8]) -> String {
    let read = Artifact::parse(Form::Safe, bytes);
    if let Ok(artifact) = &read {
        let again =
            Artifact::parse(Form::Safe, &artifact.bytes(Form::Safe)).expect("what was read can be written");
        assert_eq!(&again, artifact, "what was written is read as something else");
    }
    said(read)
}
