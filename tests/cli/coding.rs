//! `runner data encode` and `decode`: sound to codes and back by the small EnCodec of tests/parity/encodec.

use std::fs;

use tempfile::TempDir;

use super::support::{Said, root, runner};

const SOUND: &str = "tests/fixtures/esc50/audio/1-100037-A-0.wav";
const CODEC: &str = "tests/parity/encodec";

fn coded(folder: &TempDir, verb: &str, files: &[&str], more: &[&str]) -> Said {
    let to = folder.path().join("out").display().to_string();
    runner(&[&["data", verb], files, &["--to", &to, "--weights", CODEC], more].concat())
}

fn length(path: &std::path::Path) -> runner::audio::Facts {
    runner::audio::facts(path).expect("sound")
}

#[test]
fn sound_becomes_codes_and_sound_again_as_long_as_it_was() {
    let folder = TempDir::new().expect("a folder");
    let said = coded(&folder, "encode", &[SOUND], &["--bandwidth", "48"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.err.contains("codes of 1 file: ") && said.err.contains("times as fast as it is heard"),
        "{}",
        said.err
    );
    let codes = folder.path().join("out/1-100037-A-0.enc");
    let first = fs::read(&codes).expect("codes");
    // What is there is not made again, unless that is asked for; then it is the same.
    let said = coded(&folder, "encode", &[SOUND], &["--bandwidth", "48"]);
    assert!(said.err.contains("done before: 1 file") && said.code == 0, "{}", said.err);
    coded(&folder, "encode", &[SOUND], &["--bandwidth", "48", "--again"]);
    assert!(fs::read(&codes).expect("codes") == first);
    let said = coded(&folder, "decode", &[&codes.display().to_string()], &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    let (recorded, made) = (length(&root().join(SOUND)), length(&folder.path().join("out/1-100037-A-0.wav")));
    assert_eq!(made.rate_hz, 24_000);
    assert_eq!(made.samples, (recorded.samples * 24_000).div_ceil(u64::from(recorded.rate_hz)));
}

#[test]
fn our_own_container_says_the_same() {
    let folder = TempDir::new().expect("a folder");
    coded(&folder, "encode", &[SOUND], &["--bandwidth", "48"]);
    coded(&folder, "encode", &[SOUND], &["--bandwidth", "48", "--safetensors"]);
    let read = |ending: &str| {
        let path = folder.path().join("out/1-100037-A-0").with_extension(ending);
        runner::codec::artifact::Artifact::read(&path).expect("codes")
    };
    assert_eq!(read("enc"), read("safetensors"));
    assert_eq!(read("enc").codes.levels(), 5);
}

#[test]
fn bad_files_are_named_and_the_others_coded() {
    let folder = TempDir::new().expect("a folder");
    let broken = folder.path().join("broken.wav");
    fs::write(&broken, b"RIFF").expect("written");
    let said = coded(
        &folder,
        "encode",
        &[&broken.display().to_string(), SOUND, "/no/such.wav"],
        &["--bandwidth", "48"],
    );
    assert_eq!(said.code, 66, "{}", said.err);
    assert!(
        said.err.contains("broken.wav") && said.err.contains("left out: 2 files, which cannot be used"),
        "{}",
        said.err
    );
    assert!(folder.path().join("out/1-100037-A-0.enc").exists());
    let dac = root().join("tests/parity/artifacts/old.dac");
    let said = coded(&folder, "decode", &[&dac.display().to_string()], &[]);
    assert!(
        said.code == 1 && said.err.contains("has codes of dac, which EnCodec cannot decode"),
        "{}",
        said.err
    );
}

/// Ten hours of silence by its header: a file with a hole takes no room on disk, and nothing of it is decoded.
#[test]
fn recordings_that_are_too_long_are_named_and_the_others_coded() {
    let folder = TempDir::new().expect("a folder");
    let long = folder.path().join("ten_hours.wav");
    let mut header = runner::audio::wav_bytes(&[], 16_000);
    let bytes = 2 * 16_000 * 36_000_u32;
    header[4..8].copy_from_slice(&(36 + bytes).to_le_bytes());
    header[40..44].copy_from_slice(&bytes.to_le_bytes());
    fs::write(&long, &header).expect("a file");
    let file = fs::OpenOptions::new().write(true).open(&long).expect("a file");
    file.set_len(44 + u64::from(bytes)).expect("a file with a hole");
    let long = long.display().to_string();
    let said = coded(&folder, "encode", &[&long, SOUND], &["--bandwidth", "48"]);
    assert_eq!(said.code, 1, "{}", said.err);
    let why = format!("error: `{long}` lasts 10 h 00 min, longer than the 1 h 00 min of `--max-duration`");
    assert!(said.err.contains(&why), "{}", said.err);
    assert!(said.err.contains("codes of 1 file: ") && said.err.contains("left out: 1 file"), "{}", said.err);
    let said = coded(&folder, "encode", &[SOUND], &["--again", "--max-duration", "0.01"]);
    assert!(
        said.code == 1 && said.err.contains("longer than the 0.01 s of `--max-duration`"),
        "{}",
        said.err
    );
}

#[test]
fn wrong_requests_are_refused_before_any_work() {
    let folder = TempDir::new().expect("a folder");
    let said = coded(&folder, "encode", &[SOUND], &["--bandwidth", "0.1"]);
    assert!(said.code == 2 && said.err.contains("below that of one level"), "{}", said.err);
    let said = coded(&folder, "encode", &[SOUND, "elsewhere/1-100037-A-0.flac"], &["--bandwidth", "48"]);
    assert!(said.code == 2 && said.err.contains("would both be"), "{}", said.err);
    let said = runner(&["data", "encode", SOUND, "--to", "x", "--weights", "no/such"]);
    assert!(said.code == 66 && said.err.contains("runner data fetch --model encodec-24khz"), "{}", said.err);
}

/// The codec without weights: sound, codes of any reader of safetensors, and sound again as long as it was.
#[test]
fn cepstra_need_no_weights() {
    let folder = TempDir::new().expect("a folder");
    let to = folder.path().join("out").display().to_string();
    let with = ["--to", &to, "--audio-backend", "cepstral"];
    let said = runner(&[&["data", "encode", SOUND, "--bandwidth", "5"], &with[..]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    let codes = folder.path().join("out/1-100037-A-0.safetensors").display().to_string();
    let said = runner(&[&["data", "decode", &codes], &with[..]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    let (recorded, made) = (length(&root().join(SOUND)), length(&folder.path().join("out/1-100037-A-0.wav")));
    assert_eq!(made.rate_hz, 16_000);
    assert_eq!(made.samples, (recorded.samples * 16_000).div_ceil(u64::from(recorded.rate_hz)));
    let said = runner(&[&["data", "decode", &codes, "--weights", CODEC], &with[..]].concat());
    assert!(said.code == 2 && said.err.contains("has no weights"), "{}", said.err);
}

const DAC: &str = "tests/parity/dac/authors.pth";

#[test]
fn dac_keeps_rate_and_loudness_of_the_recording() {
    let folder = TempDir::new().expect("a folder");
    let to = folder.path().display().to_string();
    let said = runner(&["data", "encode", SOUND, "--to", &to, "--audio-backend", "dac", "--weights", DAC]);
    assert_eq!(said.code, 0, "{}", said.err);
    let codes = folder.path().join("1-100037-A-0.dac");
    let artifact = runner::codec::artifact::Artifact::read(&codes).expect("codes");
    let notes = artifact.metadata.dac.expect("notes");
    assert!(notes.padding && notes.chunk_length == artifact.codes.frames() as u64 && notes.input_db < 0.0);
    let codes = codes.display().to_string();
    let said = runner(&["data", "decode", &codes, "--to", &to, "--audio-backend", "dac", "--weights", DAC]);
    assert_eq!(said.code, 0, "{}", said.err);
    let (recorded, made) = (length(&root().join(SOUND)), length(&folder.path().join("1-100037-A-0.wav")));
    assert_eq!((made.rate_hz, made.samples), (recorded.rate_hz, recorded.samples));
    // Weights that are not there are named, with the way to them.
    let said = runner(&["data", "decode", &codes, "--to", &to, "--audio-backend", "dac"]);
    assert!(said.code == 66 && said.err.contains("runner data fetch --model dac"), "{}", said.err);
}

#[test]
fn codes_are_cut_joined_and_mixed() {
    let folder = TempDir::new().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    coded(&folder, "encode", &[SOUND], &["--bandwidth", "48"]);
    let whole = at("out/1-100037-A-0.enc");
    let edit = |arguments: &[&str], to: &str| {
        let said = runner(&[&["data", "codes"], arguments, &["--to", &at(to)]].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        runner::codec::artifact::Artifact::read(&folder.path().join(to)).expect("codes")
    };
    let frames = runner::codec::artifact::Artifact::read(whole.as_ref()).expect("codes").codes.frames();
    assert_eq!(edit(&["trim", &whole, "--seconds", "-0.2"], "end.enc").codes.frames(), 15);
    assert_eq!(edit(&["trim", &whole, "--seconds", "0.2", "--random", "7"], "any.enc").codes.frames(), 15);
    assert_eq!(edit(&["repeat", &at("end.enc"), "--seconds", "1"], "again.enc").codes.frames(), 75);
    assert_eq!(edit(&["pad", &at("end.enc"), "--seconds", "0.4"], "padded.enc").codes.frames(), 45);
    assert_eq!(edit(&["silence", "--seconds", "2"], "silence.enc").codes.frames(), 150);
    let between = ["concat", &whole, &whole, "--between", &at("any.enc")];
    assert_eq!(edit(&between, "long.safetensors").codes.frames(), 2 * frames + 15);
    let mix = ["mix", &at("again.enc"), &at("any.enc"), "--weights", CODEC, "--bandwidth", "48"];
    // The tiny codec has frames of 10 samples, and its files of codes speak of 320.
    assert_eq!(edit(&mix, "mixed.enc").codes.frames(), 75);
    let said = runner(&["data", "codes", "trim", &whole, "--seconds", "0", "--to", &at("none.enc")]);
    assert!(said.code == 1 && said.err.contains("nothing would be left"), "{}", said.err);
    assert!(!folder.path().join("none.enc").exists());
}
