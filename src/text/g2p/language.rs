//! Languages, the voices that read them, and how one is recognised.

/// The languages that phonemes are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    English,
    Japanese,
    German,
    French,
    Chinese,
    Korean,
}

/// Words that are common in one of three languages and in none of the others.
const WORDS: [(Language, &[&str]); 3] = [
    (
        Language::English,
        &[
            "the", "and", "of", "is", "to", "that", "it", "you", "with", "this", "are", "was", "for", "have",
            "he", "his", "they", "from", "what", "how", "there", "your", "my", "hello",
        ],
    ),
    (
        Language::German,
        &[
            "der", "die", "das", "und", "ist", "nicht", "ein", "eine", "ich", "sie", "mit", "auf", "den",
            "dem", "von", "zu", "wir", "sind", "wie", "was", "guten", "auch", "nach", "ja", "nein",
        ],
    ),
    (
        Language::French,
        &[
            "le", "la", "les", "et", "est", "une", "un", "des", "du", "que", "qui", "dans", "pas", "je",
            "vous", "nous", "il", "elle", "pour", "avec", "ce", "bonjour", "au", "sur", "oui",
        ],
    ),
];

impl Language {
    /// All of them.
    pub const ALL: [Language; 6] = [
        Language::English,
        Language::Japanese,
        Language::German,
        Language::French,
        Language::Chinese,
        Language::Korean,
    ];

    /// Its tag of two letters, which metadata has.
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Japanese => "ja",
            Language::German => "de",
            Language::French => "fr",
            Language::Chinese => "zh",
            Language::Korean => "ko",
        }
    }

    /// The language of a tag such as `en`, `en-us`, `zh-cn` or of a name such as `english`, as speech recognisers write it; `None` where it is
    /// none of these.
    pub fn of(tag: &str) -> Option<Self> {
        let tag = tag.to_ascii_lowercase();
        let main = tag.split(['-', '_']).next().unwrap_or_default();
        Some(match main {
            "en" | "english" => Language::English,
            "ja" | "japanese" => Language::Japanese,
            "de" | "german" => Language::German,
            "fr" | "french" => Language::French,
            "zh" | "cmn" | "chinese" => Language::Chinese,
            "ko" | "korean" => Language::Korean,
            _ => return None,
        })
    }

    /// The voice of espeak-ng that reads it.
    pub fn voice(self) -> &'static str {
        match self {
            Language::English => "en-us",
            Language::Japanese => "ja",
            Language::German => "de",
            Language::French => "fr-fr",
            Language::Chinese => "cmn-latn-pinyin",
            Language::Korean => "ko",
        }
    }

    /// The language that a text is most likely in: by its script; in Latin letters by the commonest words and by letters of one language alone,
    /// English where neither says anything. The same text always gives the same answer.
    pub fn detected(text: &str) -> Self {
        let count = |of: fn(char) -> bool| text.chars().filter(|&c| of(c)).count();
        let (kana, hangul, han) = (count(is_kana), count(is_hangul), count(is_han));
        if hangul > kana + han {
            return Language::Korean;
        }
        // Japanese is written in both, Chinese never in kana.
        if kana > 0 && 8 * kana >= han {
            return Language::Japanese;
        }
        if han > 0 && 4 * han >= count(|c| c.is_ascii_alphabetic()) {
            return Language::Chinese;
        }
        Self::in_latin_letters(&text.to_lowercase())
    }

    fn in_latin_letters(text: &str) -> Self {
        let words: Vec<&str> = text.split(|c: char| !c.is_alphabetic() && c != '\'').collect();
        let common = |known: &[&str]| words.iter().filter(|word| known.contains(word)).count();
        let letters = |of: &str| text.chars().filter(|&c| of.contains(c)).count();
        let score = |language: Language, known: &[&str]| match language {
            Language::German => 2 * common(known) + letters("äöüß"),
            Language::French => 2 * common(known) + letters("éèêëàâçùûîïôœ"),
            _ => 2 * common(known),
        };
        let mut best = (Language::English, 0);
        for (language, known) in WORDS {
            let score = score(language, known);
            if score > best.1 {
                best = (language, score);
            }
        }
        best.0
    }
}

fn is_kana(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9d}')
}

fn is_hangul(c: char) -> bool {
    matches!(c, '\u{ac00}'..='\u{d7a3}' | '\u{1100}'..='\u{11ff}' | '\u{3131}'..='\u{318e}')
}

/// Chinese characters, which Japanese has too.
pub(super) fn is_han(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2fa1f}' | '々')
}
