//! `runner data g2p`: texts to phonemes and ids, with a program in the place of espeak-ng that answers as it does.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use tempfile::TempDir;

use super::support::runner;

/// Knows two words, and says names as they are written.
const ESPEAK: &str = r#"#!/bin/sh
while IFS= read -r line; do
  case "$line" in
    Hello) echo "h_ə_l_ˈoʊ" ;;
    world) echo "w_ˈɜː_l_d" ;;
    name*) echo "$line" ;;
    *) echo "t_s" ;;
  esac
done
"#;

fn espeak(folder: &TempDir) -> String {
    let path = folder.path().join("espeak-ng");
    fs::write(&path, ESPEAK).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
    path.display().to_string()
}

#[test]
fn texts_become_phonemes_and_ids() {
    let folder = TempDir::new().expect("a folder");
    let espeak = espeak(&folder);
    let asked = ["data", "g2p", "--espeak", &espeak, "Hello, world!"];
    let said = runner(&asked);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "həlˈoʊ, wˈɜːld!\n", ""));
    let said = runner(&[&asked[..], &["--ids"]].concat());
    assert_eq!(said.out, "1 22 111 100 9 4 37 115 169 5 2\n");
    let said = runner(&[&asked[..], &["--json"]].concat());
    let line: Value = serde_json::from_str(&said.out).expect("a line of JSON");
    assert_eq!(line["phonemes"], "həlˈoʊ, wˈɜːld!");
    assert_eq!((line["language"].as_str(), line["ids"][1].as_u64()), (Some("en"), Some(22)));
}

#[test]
fn a_file_is_answered_line_by_line_whatever_is_in_it() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("lines.txt");
    let mut lines = "Hello\r\n\n今日は\n".as_bytes().to_vec();
    lines.extend(b"\xff\n");
    lines.extend(vec![b'a'; 3 << 20]);
    lines.extend(b"\nworld");
    fs::write(&file, lines).expect("written");
    let said = runner(&["data", "g2p", "--espeak", &espeak(&folder), "--file", &file.display().to_string()]);
    assert_eq!((said.code, said.out.as_str()), (1, "həlˈoʊ\n\n\n\n\nwˈɜːld\n"));
    for words in [
        "text 2: it is empty\n",
        "text 3: how `今` is read depends on the word: Japanese has to be written in kana\n",
        "text 4: it is not UTF-8 text\n",
        "text 5: it is longer than 1 MiB\n",
        "4 of 6 texts have no phonemes\n",
    ] {
        assert!(said.err.contains(words), "no `{words}` in\n{}", said.err);
    }
}

/// Several programs read at once where there are many texts.
#[test]
fn many_texts_are_answered_in_their_order() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("lines.txt");
    let lines: String = (0..300).map(|number| format!("name{number}\n")).collect();
    fs::write(&file, &lines).expect("written");
    let espeak = espeak(&folder);
    let file = file.display().to_string();
    let said = runner(&["data", "g2p", "--language", "en", "--espeak", &espeak, "--file", &file]);
    assert_eq!((said.code, said.out.as_str()), (0, lines.as_str()), "{}", said.err);
    fs::write(&espeak, "#!/bin/sh\necho no such voice >&2\nexit 1\n").expect("written");
    let said = runner(&["data", "g2p", "--language", "en", "--espeak", &espeak, "--file", &file]);
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{}", said.err);
    assert!(said.err.contains("no such voice"), "{}", said.err);
}

#[test]
fn what_is_missing_is_named() {
    let said = runner(&["data", "g2p", "--espeak", "/no/such/espeak-ng", "Hello"]);
    assert_eq!(said.code, 66);
    assert!(
        said.err.contains("cannot start `/no/such/espeak-ng`: ") && said.err.contains("--backend characters"),
        "{}",
        said.err
    );
    let said = runner(&["data", "g2p", "--language", "tlh", "Hello"]);
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("`tlh` is no language") && said.err.contains("en, ja, de, fr, zh, ko, and auto"),
        "{}",
        said.err
    );
    let said = runner(&["data", "g2p", "--file", "/no/such/file"]);
    assert_eq!(said.code, 66, "{}", said.err);
}

#[test]
fn characters_need_nobody_to_read_them() {
    let said = runner(&["data", "g2p", "--backend", "characters", "--ids", "ðə <mask>", "χ"]);
    assert_eq!((said.code, said.out.as_str()), (0, "1 90 4 3 2\n1 0 2\n"));
    assert!(said.err.contains("not in the phoneme vocabulary, and unknown to it: `χ`"), "{}", said.err);
}

/// In a program that was built without them, espeak-ng's rules are asked for in vain; in one with them no espeak-ng program is needed.
#[test]
fn rules_that_are_built_in_are_there_or_named() {
    let said = runner(&["data", "g2p", "--backend", "built-in", "--language", "en", "hello, world!"]);
    if cfg!(feature = "espeak") {
        assert_eq!((said.code, said.out.trim()), (0, "həlˈoʊ, wˈɜːld!"), "{}", said.err);
    } else {
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains("this program was built without espeak-ng's rules"), "{}", said.err);
        assert!(said.err.contains("`--features espeak`"), "{}", said.err);
    }
}
