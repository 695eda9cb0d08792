//! `runner data stats`: what a folder of sound is like.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::support::runner;

/// Two voices: one second at a tenth of full scale, and half a second, silent for most of it; and what is no sound.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    for voice in ["anna", "ben"] {
        fs::create_dir(folder.path().join(voice)).unwrap();
    }
    let write = |name: &str, samples: &[f32], rate_hz: u32| {
        fs::write(folder.path().join(name), runner::audio::wav_bytes(samples, rate_hz)).unwrap();
    };
    write("anna/1.wav", &[0.1; 16_000], 16_000);
    write("ben/1.wav", &[vec![0.0; 2_400], vec![1.0; 1_600]].concat(), 8_000);
    fs::write(folder.path().join("ben/notes.txt"), "no sound").unwrap();
    let known = r#"{"1": {"language": "en"}, "2": {"language": "de"}, "3": {"language": "en"}}"#;
    fs::write(folder.path().join("ben.json"), known).unwrap();
    folder
}

#[test]
fn a_folder_is_summed_up() {
    let folder = folder();
    let dir = folder.path().display().to_string();
    let said = runner(&["data", "stats", &dir]);
    assert_eq!(said.code, 0, "{}", said.err);
    for line in [
        &format!("{dir}: 2 sound files, 1.50 s, in 2 folders\n"),
        "rate      16,000 Hz (1), 8,000 Hz (1)\n",
        "channels  1 (2)\n",
        "format    wav (2)\n",
        "language  de (1), en (2)\n",
        "clipping  1,600 samples at full scale in 1 file\n",
        "silence   20.0 % of the time: 20 ms more than 60 dB below full scale\n",
    ] {
        assert!(said.out.contains(line), "no `{line}` in\n{}", said.out);
    }
    let said = runner(&["data", "stats", &dir, "--json", "--threads", "1"]);
    let data: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(data["lengths"]["0.5 to 1 s"], 1);
    assert_eq!(data["lengths"]["1 to 2 s"], 1);
    assert_eq!(
        data["levels"]["-20 to -10 dB"].as_u64().unwrap() + data["levels"]["-30 to -20 dB"].as_u64().unwrap(),
        1
    );
    assert_eq!(
        (data["clipped_samples"].as_u64(), data["folder_secs"]["anna"].as_u64()),
        (Some(1_600), Some(1))
    );
}

#[test]
fn bad_files_are_named_and_left_out() {
    let folder = folder();
    fs::write(folder.path().join("ben/2.flac"), b"fLaC and nothing more").unwrap();
    fs::write(folder.path().join("ben/3.wav"), b"").unwrap();
    let said = runner(&["data", "stats", &folder.path().display().to_string()]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains(": 2 sound files, "), "{}", said.out);
    assert!(said.err.contains("2.flac") && said.err.contains("3.wav"), "{}", said.err);
    assert!(said.err.contains("left out: 2 files, which cannot be read\n"), "{}", said.err);
}

#[test]
fn a_folder_without_sound_or_none_at_all_is_said() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().display().to_string();
    let said = runner(&["data", "stats", &dir]);
    assert_eq!(said.code, 66);
    assert!(said.err.contains(&format!("error: there is no sound file in `{dir}`")), "{}", said.err);
    let said = runner(&["data", "stats", &format!("{dir}/absent")]);
    assert!(said.code == 66 && said.err.contains("error: cannot read `"), "{}", said.err);
}

#[test]
fn it_is_drawn() {
    let folder = folder();
    let dir = folder.path().display().to_string();
    fs::create_dir(folder.path().join("<b>")).unwrap();
    fs::copy(folder.path().join("anna/1.wav"), folder.path().join("<b>/1.wav")).unwrap();
    let picture = folder.path().join("what.svg");
    let said = runner(&["data", "stats", &dir, "-o", &picture.display().to_string()]);
    assert_eq!(said.code, 0, "{}", said.err);
    let svg = fs::read_to_string(&picture).unwrap();
    for text in
        [": 3 sound files, 2.50 s, in 3 folders", "files by length", "16,000 Hz", "anna", "&lt;b&gt;", "en"]
    {
        assert!(svg.contains(text), "no `{text}` in\n{svg}");
    }
    // Two of the three files last from one to two seconds: the longest bar, with the one beside it half as long.
    let long = |name: &str| -> f64 {
        let bar = svg.split(&format!(">{name}</text>")).nth(1).unwrap();
        bar.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
    };
    assert!((long("1 to 2 s") - 2.0 * long("0.5 to 1 s")).abs() < 0.2 && long("5 to 10 s") == 0.0, "{svg}");
    let said = runner(&["data", "stats", &dir, "-o", "what.png"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("error: `what.png` is no picture that can be drawn"), "{}", said.err);
    assert!(said.err.contains("ends in `.svg`"), "{}", said.err);
}
