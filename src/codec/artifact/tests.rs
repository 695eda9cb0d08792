//! Files that numpy wrote (tests/parity/make_artifacts.py) are read, ours are written so that numpy reads them, and bad ones are refused.

use std::path::PathBuf;

use super::{Artifact, Codes, Dac, Form, Kind, Metadata};

fn file(name: &str) -> PathBuf {
    crate::checkout().join("tests/parity/artifacts").join(name)
}

/// The codes of the script.
fn codes(levels: usize, size: usize) -> Codes {
    Codes::new(levels, 6, (0..levels * 6).map(|index| (index * 37 % size) as u16).collect())
}

fn said(dac: Option<Dac>) -> Metadata {
    Metadata {
        original_length: 3_500,
        sample_rate: 44_100,
        text: Some("Once again.".into()),
        phonemes: Some("wˈʌns ɐɡˈɛn.".into()),
        language: Some("en".into()),
        dac,
    }
}

fn encodec() -> Artifact {
    Artifact { kind: Kind::Encodec, codes: codes(8, 1024), metadata: said(None) }
}

fn dac() -> Artifact {
    let dac = Dac { input_db: -21.5, chunk_length: 6, channels: 1, padding: true };
    Artifact { kind: Kind::Dac, codes: codes(9, 1024), metadata: said(Some(dac)) }
}

fn nemo() -> Artifact {
    let metadata = Metadata { original_length: 3_500, sample_rate: 16_000, ..Metadata::default() };
    Artifact { kind: Kind::Nemo, codes: codes(8, 1000), metadata }
}

#[test]
fn both_protocols_of_all_codecs_are_read() {
    for (ending, want) in [("enc", encodec()), ("dac", dac()), ("nem", nemo())] {
        for name in ["old", "new"] {
            let read = Artifact::read(&file(&format!("{name}.{ending}"))).unwrap();
            assert_eq!(read, want, "{name}.{ending}");
        }
    }
    // Other element types, byte orders and orders of axes are the same codes.
    assert_eq!(Artifact::read(&file("fortran.enc")).unwrap(), encodec());
}

/// That numpy reads these very bytes is what the script says at its end.
#[test]
fn what_is_written_has_the_bytes_that_numpy_was_shown() {
    for (name, artifact) in [("ours.enc", encodec()), ("ours.dac", dac())] {
        let path = file(name);
        if std::env::var_os("RUNNER_UPDATE").is_some() {
            std::fs::write(&path, artifact.bytes_for(&path).unwrap()).unwrap();
        }
        let bytes = artifact.bytes(Form::Numpy(artifact.kind));
        assert!(bytes == std::fs::read(&path).unwrap(), "{name}");
        assert_eq!(Artifact::read(&path).unwrap(), artifact, "{name}");
    }
}

#[test]
fn every_container_gives_back_what_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let long = Metadata { original_length: u64::from(u32::MAX) + 7, ..said(None) };
    let long = Artifact { metadata: long, ..encodec() };
    for artifact in [encodec(), dac(), nemo(), long] {
        for ending in [artifact.kind.ending(), super::SAFE] {
            let path = folder.path().join(format!("a.b.{ending}"));
            std::fs::write(&path, artifact.bytes_for(&path).unwrap()).unwrap();
            assert_eq!(Artifact::read(&path).unwrap(), artifact, "{ending}");
        }
    }
    assert!((encodec().secs() - 0.08).abs() < 1e-9);
}

fn refusal(form: Form, bytes: &[u8]) -> String {
    Artifact::parse(form, bytes).unwrap_err().to_string()
}

#[test]
fn what_is_no_file_of_codes_is_refused_with_a_reason() {
    let enc = Form::Numpy(Kind::Encodec);
    let hostile = std::fs::read(file("hostile.enc")).unwrap();
    assert_eq!(
        refusal(enc, &hostile),
        "its pickle asks for `posix.system`, which no file of codes needs; nothing of it was run"
    );
    assert_eq!(refusal(enc, b"RIFF"), "it is no numpy file of one object: it does not begin as one");
    let plain = encodec().bytes(enc).into_iter().take(128).collect::<Vec<_>>();
    assert_eq!(refusal(enc, &plain), "its pickle is damaged: its pickle ends too early");
    let numbers = String::from_utf8_lossy(&plain[10..]).replace("'|O'", "'<u2'");
    let numbers = [&plain[..10], numbers.as_bytes()].concat();
    assert_eq!(refusal(enc, &numbers), "it is no numpy file of one object: its elements are '<u2'");
    assert_eq!(
        refusal(Form::Numpy(Kind::Nemo), &dac().bytes(enc)),
        "9 levels of 6 frames are no codes of nemo"
    );
    let large = Artifact { codes: codes(8, 1024), ..nemo() };
    let large = Artifact {
        codes: Codes::new(8, 6, large.codes.values().iter().map(|code| code + 600).collect()),
        ..large
    };
    assert_eq!(
        refusal(Form::Numpy(Kind::Nemo), &large.bytes(Form::Numpy(Kind::Nemo))),
        "nemo has no code 1007"
    );
    assert!(refusal(Form::Safe, b"{}").starts_with("it is no safetensors file of codes: "));
}

#[test]
fn files_are_named_where_they_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let error = Artifact::read(&folder.path().join("no.enc")).unwrap_err();
    assert!(error.is_missing(), "{error}");
    let error = encodec().bytes_for(&folder.path().join("a.nem")).unwrap_err().to_string();
    assert!(error.ends_with("the name is one for codes of nemo, these are of encodec"), "{error}");
    let error = encodec().bytes_for(&folder.path().join("a.wav")).unwrap_err().to_string();
    assert!(error.contains("ends in none of `.enc`"), "{error}");
}

#[test]
fn cut_and_changed_files_never_panic() {
    for (name, form) in [("old.dac", Form::Numpy(Kind::Dac)), ("new.nem", Form::Numpy(Kind::Nemo))] {
        let whole = std::fs::read(file(name)).unwrap();
        for cut in 0..whole.len() {
            assert!(Artifact::parse(form, &whole[..cut]).is_err(), "{name} cut at {cut}");
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] = bytes[at].wrapping_add(0x55);
            _ = Artifact::parse(form, &bytes);
        }
    }
}
