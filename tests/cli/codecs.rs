//! `runner data encode` and `decode` by other codecs than EnCodec: the small Vocos and the small codec of NeMo's of tests/parity.

use std::fs;

use tempfile::TempDir;

use super::support::{Said, root, runner};

const SOUND: &str = "tests/fixtures/esc50/audio/1-100037-A-0.wav";

fn coded(folder: &TempDir, verb: &str, file: &str, backend: &str, more: &[&str]) -> Said {
    let to = folder.path().join("out").display().to_string();
    runner(&[&["data", verb, file, "--to", &to, "--audio-backend", backend], more].concat())
}

fn length(path: &std::path::Path) -> runner::audio::Facts {
    runner::audio::facts(path).expect("sound")
}

#[test]
fn nemos_codec_goes_both_ways() {
    let folder = TempDir::new().expect("a folder");
    let weights = ["--weights", "tests/parity/nemo"];
    let said = coded(&folder, "encode", SOUND, "nemo", &weights);
    assert_eq!(said.code, 0, "{}", said.err);
    let codes = folder.path().join("out/1-100037-A-0.nem");
    let artifact = runner::codec::artifact::Artifact::read(&codes).expect("codes");
    let recorded = length(&root().join(SOUND));
    let samples = (recorded.samples * 44_100).div_ceil(u64::from(recorded.rate_hz));
    assert_eq!(artifact.codes.levels(), 2);
    assert_eq!(artifact.codes.frames() as u64, samples.div_ceil(6));
    let said = coded(&folder, "decode", &codes.display().to_string(), "nemo", &weights);
    assert_eq!(said.code, 0, "{}", said.err);
    let made = length(&folder.path().join("out/1-100037-A-0.wav"));
    assert_eq!((made.rate_hz, made.samples), (44_100, samples));
    // No group refines another, so none can be left out.
    let said = coded(
        &folder,
        "decode",
        &codes.display().to_string(),
        "nemo",
        &[&weights[..], &["--levels", "1", "--again"]].concat(),
    );
    assert!(said.code == 1 && said.err.contains("all 2 are needed"), "{}", said.err);
}

#[test]
fn vocos_decodes_what_encodec_made() {
    let folder = TempDir::new().expect("a folder");
    let encodec = ["--weights", "tests/parity/encodec", "--bandwidth", "48"];
    let vocos = ["--weights", "tests/parity/vocos"];
    // Asked to make codes, it has EnCodec make them.
    let said = coded(&folder, "encode", SOUND, "vocos", &encodec);
    assert_eq!(said.code, 0, "{}", said.err);
    let codes = folder.path().join("out/1-100037-A-0.enc");
    let said = coded(&folder, "decode", &codes.display().to_string(), "vocos", &vocos);
    assert_eq!(said.code, 0, "{}", said.err);
    let sound = folder.path().join("out/1-100037-A-0.wav");
    let (recorded, made) = (length(&root().join(SOUND)), length(&sound));
    assert_eq!(made.rate_hz, 24_000);
    assert_eq!(made.samples, (recorded.samples * 24_000).div_ceil(u64::from(recorded.rate_hz)));
    let by_vocos = fs::read(&sound).expect("sound");
    coded(
        &folder,
        "decode",
        &codes.display().to_string(),
        "encodec",
        &["--weights", "tests/parity/encodec", "--again"],
    );
    assert!(fs::read(&sound).expect("sound") != by_vocos, "EnCodec's own decoder made the same sound");
}

#[test]
fn what_a_codec_cannot_do_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let said =
        coded(&folder, "encode", SOUND, "nemo", &["--weights", "tests/parity/nemo", "--bandwidth", "6"]);
    assert!(said.code == 2 && said.err.contains("has one bandwidth, which cannot be chosen"), "{}", said.err);
    let said = coded(&folder, "encode", SOUND, "nemo", &["--weights", "no/such"]);
    assert!(
        said.code == 66 && said.err.contains("runner data fetch --model nemo-audio-codec-44khz"),
        "{}",
        said.err
    );
    let codes = "tests/parity/artifacts/old.enc";
    let said = coded(&folder, "decode", codes, "nemo", &["--weights", "tests/parity/nemo"]);
    assert!(said.code == 1 && said.err.contains("codes of encodec"), "{}", said.err);
    let said = coded(&folder, "decode", codes, "vocos", &["--weights", "tests/parity/nemo/small.nemo"]);
    assert!(said.code != 0 && said.err.contains("small.nemo"), "{}", said.err);
}
