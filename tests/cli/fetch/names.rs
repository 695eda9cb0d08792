//! What is asked for: names, lists, what no program may fetch.

use crate::support::runner;

#[test]
fn what_no_program_may_fetch_says_where_to_ask() {
    let said = runner(&["data", "fetch", "voxceleb1"]);
    assert_eq!(said.code, 66);
    assert!(said.err.starts_with("error: `voxceleb1` cannot be fetched by a program: ask for access at https://www.robots.ox.ac.uk/"), "{}", said.err);
    assert!(said.err.contains("help: put it into `data/raw/voxceleb1`"), "{}", said.err);
}

#[test]
fn names_are_checked() {
    let said = runner(&["data", "fetch", "librispech"]);
    assert_eq!(
        (said.code, said.err.as_str()),
        (2, "error: there is no corpus `librispech` in the catalogue\nhelp: did you mean `librispeech`?\n")
    );
    let said = runner(&["data", "fetch", "wav2vec2-base"]);
    assert_eq!(
        (said.code, said.err.as_str()),
        (
            2,
            "error: `wav2vec2-base` is a model\nhelp: fetch it with `runner data fetch --model wav2vec2-base`\n"
        )
    );
    let said = runner(&["data", "fetch", "esc-50", "--mirror", "there"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("`there` is no address of a mirror"), "{}", said.err);
    let said = runner(&["data", "fetch", "esc-50", "--catalogue", "Cargo.toml"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("`Cargo.toml` is no catalogue: "), "{}", said.err);
    let said = runner(&["data", "fetch", "--verify"]);
    assert_eq!((said.code, said.err.lines().next()), (2, Some("error: what to fetch is not said")));
}

#[test]
fn the_list_says_what_there_is() {
    let said = runner(&["data", "fetch", "--json"]);
    assert_eq!(said.code, 0);
    let list: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    let entries = list.as_array().expect("a list");
    let named = |name: &str| entries.iter().find(|entry| entry["name"] == name).expect(name).clone();
    assert_eq!(named("ljspeech")["bytes"], 2_748_572_632_u64);
    assert_eq!(named("tedlium3")["roughly"], true);
    assert_eq!(named("voxceleb1")["kind"], "corpus");
    assert_eq!(named("wav2vec2-large-lv60")["hub"], "facebook/wav2vec2-large-lv60");
    let text = runner(&["data", "fetch"]).out;
    for entry in entries {
        let name = entry["name"].as_str().expect("a name");
        assert!(text.lines().any(|line| line.starts_with(name)), "{name}");
    }
}
