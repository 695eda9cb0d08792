//! espeak-ng's rules in Rust, as the crate `espeak-ng` has them, with its dictionaries: for machines where no program can be installed.
//!
//! It is not the program: its dictionaries are those of version 1.53, of which it reads some sentences otherwise than version 1.51 does, and words that the program says in one
//! have to be joined ([`JOINED`]), since its lookup does not find them. Mandarin is read from Chinese characters. Not for: models that were trained on what the program says. Start
//! at [`ask`].

use std::path::{Path, PathBuf};

use espeak_ng::EspeakNg;

use super::G2pError;

/// Words that are said in one, and what is said for them.
const JOINED: [(&str, &str); 26] = [
    ("ʌv ðə", "ʌvðə"),
    ("ɪn ðə", "ɪnðə"),
    ("ˌɔn ðə", "ɔnðə"),
    ("fɹʌm ðə", "fɹʌmðə"),
    ("fɔːɹ ɐ", "fɚɹə"),
    ("ʌv ɐ", "əvə"),
    ("wʌz ɐ", "wʌzɐ"),
    ("fɔːɹ ðə", "fɚðə"),
    ("wɪð ðə", "wɪððə"),
    ("ɪn ðɪ", "ɪnðɪ"),
    ("æɾ ɐ", "æɾə"),
    ("tə biː", "təbi"),
    ("æt wˈʌns", "ɐtwˈʌns"),
    ("fɹʌm ðɪ", "fɹʌmðɪ"),
    ("ðɛɹ ɑːɹ", "ðɛɹˌɑːɹ"),
    ("ˌɔn ðɪ", "ɔnðɪ"),
    ("ðɐn ɐ", "ðˌænə"),
    ("fɔːɹ ðɪ", "fɚðɪ"),
    ("dˈʌz nˌɑːt", "dʌznˌɑːt"),
    ("ðɛɹ wʌz", "ðɛɹwˌʌz"),
    ("ðæt wˈʌn", "ðˈætwˌʌn"),
    ("wʌz ðɪ", "wʌzðɪ"),
    ("ˈaʊt ʌv", "ˌaʊɾəv"),
    ("ʌv ðɪ", "ʌvðɪ"),
    ("wɪð ðɪ", "wɪððɪ"),
    ("ɪn wˌɪtʃ", "ɪnwˌɪtʃ"),
];

/// What the voice says to each piece, with spaces between words.
///
/// # Errors
/// The dictionaries cannot be unpacked, or there is no such voice.
pub(super) fn ask(voice: &'static str, pieces: &[String]) -> Result<Vec<String>, G2pError> {
    let refused = |said: String| G2pError::BuiltIn { voice, said };
    let unpacked = Unpacked::new().map_err(|error| refused(error.to_string()))?;
    let engine = EspeakNg::builder().voice(known_as(voice)).data_dir(&unpacked.0).build();
    let engine = engine.map_err(|error| refused(error.to_string()))?;
    let read = |piece: &String| {
        let said = engine.text_to_phonemes(piece).map_err(|error| refused(error.to_string()))?;
        Ok(if voice == "en-us" { joined(&said) } else { said })
    };
    pieces.iter().map(read).collect()
}

/// What the crate calls a voice of the program's.
fn known_as(voice: &str) -> &str {
    match voice {
        "fr-fr" => "fr",
        // It reads Chinese characters, and no pinyin.
        "cmn-latn-pinyin" => "cmn",
        other => other,
    }
}

/// With those words in one that stand whole beside each other.
fn joined(said: &str) -> String {
    let mut words: Vec<&str> = said.split_whitespace().collect();
    let mut at = 0;
    while at + 1 < words.len() {
        let pair = [words[at], words[at + 1]];
        let is_it = |(apart, _): &&(&str, &str)| apart.split(' ').eq(pair);
        if let Some((_, one)) = JOINED.iter().find(is_it) {
            words[at] = one;
            words.remove(at + 1);
        }
        at += 1;
    }
    words.join(" ")
}

/// A folder with the dictionaries, which the engine reads from a disk; gone when dropped.
struct Unpacked(PathBuf);

impl Unpacked {
    fn new() -> std::io::Result<Self> {
        static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("runner-espeak-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let unpacked = Unpacked(folder);
        espeak_ng::install_bundled_languages(&unpacked.0, &["en", "de", "fr", "ja", "ko", "cmn"])?;
        Ok(unpacked)
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // What is left lies among the system's temporary files, and is some megabytes.
        _ = std::fs::remove_dir_all(Path::new(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::g2p::{Backend, G2p, Kept, Language, Text};

    #[test]
    fn words_that_are_said_in_one_are() {
        assert_eq!(joined("ʌv ðə wˈɛl"), "ʌvðə wˈɛl");
        assert_eq!(joined("lˈʌv ðə"), "lˈʌv ðə");
        assert_eq!(joined("ɪn ðə mˈɪdəl ʌv ðə ɹˈoʊd"), "ɪnðə mˈɪdəl ʌvðə ɹˈoʊd");
    }

    #[test]
    fn sentences_are_read_without_a_program() {
        let mut g2p = G2p::new(Backend::BuiltIn, Kept::default());
        let said = |g2p: &mut G2p, text: &str, language| {
            let read = g2p.read(&[Text { text, language: Some(language) }]).unwrap();
            read.into_iter().next().unwrap().unwrap().phonemes
        };
        assert_eq!(said(&mut g2p, "hello, world!", Language::English), "həlˈoʊ, wˈɜːld!");
        assert_eq!(said(&mut g2p, "of the well", Language::English), "ʌvðə wˈɛl");
        assert_eq!(said(&mut g2p, "Guten Tag", Language::German), "ɡˈuːtən tˈɑːk");
        for (text, language) in [
            ("bonjour", Language::French),
            ("こんにちは", Language::Japanese),
            ("안녕", Language::Korean),
            ("你好", Language::Chinese),
        ] {
            assert!(said(&mut g2p, text, language).chars().count() > 3, "{text}");
        }
        let left = std::fs::read_dir(std::env::temp_dir()).unwrap();
        let ours = format!("runner-espeak-{}", std::process::id());
        assert_eq!(
            left.filter_map(Result::ok)
                .filter(|one| one.file_name().to_string_lossy().starts_with(&ours))
                .count(),
            0
        );
    }
}
