//! The rules around espeak-ng, with a program in its place that says what it is given.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::marks::{Cut, removed};
use super::*;

/// Reads as espeak-ng does, a line for each, and notes that it was started.
const PARROT: &str = r#"#!/bin/sh
echo "$@" >> "$0.started"
[ "$7" = ko ] && { echo "Error: The specified espeak-ng voice does not exist." >&2; exit 1; }
while IFS= read -r line; do
  case "$line" in
    "[["*) echo ts_t ;;
    mute) ;;
    two) echo "ˈt_u"; echo "_(en)_ˈt_u_(ja)_" ;;
    *) echo "ˈ$line" ;;
  esac
done
"#;

fn parrot(folder: &Path) -> PathBuf {
    let path = folder.join("espeak-ng");
    std::fs::write(&path, PARROT).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn started(program: &Path) -> Vec<String> {
    let noted = std::fs::read_to_string(program.with_extension("started")).unwrap_or_default();
    noted.lines().map(str::to_owned).collect()
}

fn english(text: &str) -> Text<'_> {
    Text { text, language: Some(Language::English) }
}

fn read(g2p: &mut G2p, text: &str) -> Result<String, Unreadable> {
    let mut said = g2p.read(&[english(text)]).unwrap();
    said.remove(0).map(|said| said.phonemes)
}

#[test]
fn texts_are_cut_at_runs_of_marks() {
    for (text, want) in [
        ("Hello, world! How are you?", vec!["Hello", "world", "How are you"]),
        ("Wait... what? No way — that's impossible!", vec!["Wait", "what", "No way", "that's impossible"]),
        ("19,99 is 1.5, or 2.", vec!["19,99 is 1.5", "or 2"]),
        ("«a» (b)", vec!["a", "b"]),
        ("...", vec![]),
        ("plain", vec!["plain"]),
        (" ( a ) b", vec!["a", "b"]),
        ("1.,2", vec!["1", "2"]),
    ] {
        let cut = Cut::at_marks(text);
        assert_eq!(cut.pieces().collect::<Vec<_>>(), want, "{text}");
        assert_eq!(cut.restored(str::to_owned, false), text);
    }
    assert_eq!(removed("Wait... what? 1.5!"), "Wait what 1.5");
}

#[test]
fn marks_stand_where_they_stood() {
    let folder = tempfile::tempdir().unwrap();
    let mut g2p = G2p::new(Backend::Espeak(parrot(folder.path())), Kept::default());
    assert_eq!(read(&mut g2p, "«hello»,  you… yes!").unwrap(), "«ˈhello»,  ˈyou… ˈyes!");
    assert_eq!(read(&mut g2p, "...").unwrap(), "...");
    // Clauses are joined, and tags of other languages left out.
    assert_eq!(read(&mut g2p, "two").unwrap(), "ˈtu ˈtu");
    assert_eq!(read(&mut g2p, " \n"), Err(Unreadable::Empty));
    assert_eq!(read(&mut g2p, "mute"), Err(Unreadable::Silent));
}

#[test]
fn options_leave_out_what_is_not_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let program = parrot(folder.path());
    let said =
        |kept: Kept, text: &str| read(&mut G2p::new(Backend::Espeak(program.clone()), kept), text).unwrap();
    let kept = Kept::default();
    assert_eq!(said(Kept { stress: false, ..kept }, "a, b"), "a, b");
    assert_eq!(said(Kept { punctuation: false, ..kept }, "a, b!"), "ˈa b");
    assert_eq!(said(Kept { language_tags: true, ..kept }, "two"), "ˈtu (en)ˈtu(ja)");
    assert_eq!(said(Kept { last_space: true, ..kept }, "a, b"), "ˈa, ˈb ");
    assert_eq!(said(Kept { last_space: true, ..kept }, "a, b. "), "ˈa, ˈb. ");
}

#[test]
fn few_texts_are_read_by_one_process_and_nothing_is_asked_twice() {
    let folder = tempfile::tempdir().unwrap();
    let program = parrot(folder.path());
    let mut g2p = G2p::new(Backend::Espeak(program.clone()), Kept::default());
    let texts = ["a, b", "b, c", "d"].map(english);
    let said = g2p.read(&texts).unwrap();
    assert_eq!(
        said.into_iter().map(|said| said.unwrap().phonemes).collect::<Vec<_>>(),
        ["ˈa, ˈb", "ˈb, ˈc", "ˈd"]
    );
    assert_eq!(started(&program), ["-q --ipa --sep=_ -b 1 -v en-us -s 400"]);
    g2p.read(&texts).unwrap();
    assert_eq!(started(&program).len(), 1);
    let german = Text { text: "a", language: Some(Language::German) };
    g2p.read(&[german]).unwrap();
    assert_eq!(started(&program)[1], "-q --ipa --sep=_ -b 1 -v de -s 400");
}

#[test]
fn a_voice_or_a_program_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut g2p = G2p::new(Backend::Espeak(parrot(folder.path())), Kept::default());
    let korean = Text { text: "안녕", language: None };
    let error = g2p.read(std::slice::from_ref(&korean)).unwrap_err();
    assert!(
        error.to_string().ends_with(
            "cannot read with the voice `ko`: Error: The specified espeak-ng voice does not exist."
        ),
        "{error}"
    );
    let mut g2p = G2p::new(Backend::Espeak("no-such-espeak".into()), Kept::default());
    let error = g2p.read(&[korean]).unwrap_err();
    assert!(
        error.is_missing() && error.to_string().starts_with("cannot start `no-such-espeak`: "),
        "{error}"
    );
}

#[test]
fn languages_are_detected_the_same_way_each_time() {
    for (text, want) in [
        ("Hello world", Language::English),
        ("Hi", Language::English),
        ("Guten Tag", Language::German),
        ("Wie ist das möglich?", Language::German),
        ("Où est la gare, s'il vous plaît ?", Language::French),
        ("안녕하세요", Language::Korean),
        ("今日は良い天気ですね", Language::Japanese),
        ("トマト", Language::Japanese),
        ("妈麻马骂吗", Language::Chinese),
        ("42", Language::English),
    ] {
        assert_eq!(Language::detected(text), want, "{text}");
    }
    for (tag, want) in [
        ("en-us", Some(Language::English)),
        ("zh-cn", Some(Language::Chinese)),
        ("japanese", Some(Language::Japanese)),
        ("es", None),
    ] {
        assert_eq!(Language::of(tag), want, "{tag}");
    }
}

#[test]
fn japanese_is_read_in_kana_and_mandarin_has_its_tones_marked() {
    assert_eq!(kana::hiragana("コンピューター、ぁ").unwrap(), "こんぴゅーたー、ぁ");
    assert_eq!(kana::hiragana("今日は"), Err(Unreadable::Kanji('今')));
    assert_eq!(tones::marked("mˈɑ5 mˈɑ2 mɑ1"), "mˈɑ_ mˈɑˉ mɑˇ");
    assert_eq!(without_language_tags("(en)a(fr-fr) b (2) (c) (cmn-latn-pinyin)("), "a b (2) (c) (");
}

#[test]
fn characters_are_their_own_phonemes() {
    let mut g2p = G2p::new(Backend::Characters, Kept::default());
    assert_eq!(read(&mut g2p, " Hello, (en) world! ").unwrap(), "Hello, (en) world!");
}
