//! `runner data metadata`: what is known of utterances in codes, by speaker.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{Said, root, runner};

fn told(folder: &TempDir) -> Said {
    let [from, to] = ["codes", "metadata"].map(|name| folder.path().join(name).display().to_string());
    runner(&["data", "metadata", "--from", &from, "--to", &to])
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

#[test]
fn each_speaker_has_a_file_and_bad_codes_are_named() {
    let folder = TempDir::new().expect("a folder");
    let speaker = folder.path().join("codes/LibriTTS/84");
    fs::create_dir_all(&speaker).expect("a folder");
    let artifacts = root().join("tests/parity/artifacts");
    for (from, to) in
        [("old.enc", "b.1.enc"), ("new.dac", "a.dac"), ("new.nem", "c.nem"), ("hostile.enc", "d.enc")]
    {
        fs::copy(artifacts.join(from), speaker.join(to)).expect("a copy");
    }
    let said = told(&folder);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("its pickle asks for `posix.system`"), "{}", said.err);
    assert!(said.err.contains("tells of 3 utterances of 1 speaker, 0.22 s"), "{}", said.err);
    assert!(said.err.contains("left out: 1 file, which cannot be used"), "{}", said.err);
    let file = folder.path().join("metadata/LibriTTS/84.json");
    let mut known = read(&file);
    let ids: Vec<&String> = known.as_object().expect("an object").keys().collect();
    assert_eq!(ids, ["a", "b.1", "c"]);
    let want = json!({"duration": 0.08, "language": "en", "phonemes": "wˈʌns ɐɡˈɛn.", "text": "Once again."});
    assert_eq!(known["b.1"], want);
    assert_eq!(known["c"].as_object().expect("an object").len(), 1);
    // What other verbs have put there stays as long as it is about the same utterances.
    known["a"]["similar"] = json!([1, 2]);
    fs::write(&file, known.to_string()).expect("written");
    told(&folder);
    assert_eq!(read(&file)["a"]["similar"], json!([1, 2]));
    fs::remove_file(speaker.join("c.nem")).expect("removed");
    told(&folder);
    assert_eq!(read(&file)["a"]["similar"], Value::Null);
}

#[test]
fn a_folder_without_codes_is_said() {
    let folder = TempDir::new().expect("a folder");
    assert_eq!(told(&folder).code, 66);
    fs::create_dir_all(folder.path().join("codes/group/speaker")).expect("a folder");
    let said = told(&folder);
    assert!(said.code == 66 && said.err.contains("there are no codes in `"), "{}", said.err);
}
