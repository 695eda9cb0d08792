//! Numbers of the reference libraries, as literals.
//!
//! Tokenizer cases were made with transformers 4.44.2:
//!
//! ```python
//! t = Wav2Vec2CTCTokenizer("vocab.json", unk_token="[UNK]", pad_token="[PAD]")
//! t(text).input_ids; t.decode(ids)  # frames
//! t.decode(ids, group_tokens=False)  # labels
//! ```
//!
//! Error counts were made with jiwer 3.0.5:
//!
//! ```python
//! o = jiwer.process_words(reference, hypothesis)  # and process_characters
//! o.hits, o.substitutions, o.deletions, o.insertions
//! ```

use std::path::Path;

use super::*;

/// `[PAD]`=0, a to z, `'`, `|`, `[UNK]`=29: the vocabulary of TED-LIUM.
fn tedlium() -> CtcTokenizer {
    CtcTokenizer::from_json(Path::new("vocab.json"), &vocabulary_json()).expect("a good vocabulary")
}

fn vocabulary_json() -> String {
    let tokens = std::iter::once("[PAD]".to_owned())
        .chain(('a'..='z').map(String::from))
        .chain(["'", "|", "[UNK]"].map(String::from));
    let entries: Vec<String> = tokens.enumerate().map(|(id, t)| format!("{t:?}: {id}")).collect();
    format!("{{{}}}", entries.join(", "))
}

fn refusal(json: &str) -> String {
    CtcTokenizer::from_json(Path::new("vocab.json"), json).expect_err("this vocabulary is wrong").to_string()
}

#[test]
fn sequence_tokens_get_ids_beyond_the_file() {
    let tokenizer = tedlium();
    assert_eq!(tokenizer.size(), 32);
    assert_eq!((tokenizer.pad_id(), tokenizer.unknown_id()), (0, 29));
    let json = r#"{"<pad>":0,"<s>":1,"</s>":2,"<unk>":3,"|":4,"a":5}"#;
    let tokenizer = CtcTokenizer::from_json(Path::new("v"), json).unwrap();
    assert_eq!(tokenizer.size(), 6);
    assert_eq!((tokenizer.pad_id(), tokenizer.unknown_id()), (0, 3));
}

#[test]
fn text_becomes_the_ids_of_the_reference() {
    let cases: [(&str, &[u32]); 22] = [
        ("hello world", &[8, 5, 12, 12, 15, 28, 23, 15, 18, 12, 4]),
        ("Hi 3", &[29, 9, 28, 29]),
        ("a [UNK] b", &[1, 29, 2]),
        ("", &[]),
        ("a <s> b", &[1, 28, 30, 28, 2]),
        ("<s>a</s>", &[30, 1, 31]),
        ("a  b", &[1, 28, 28, 2]),
        (" a ", &[28, 1, 28]),
        ("[PAD]a", &[0, 1]),
        ("a[UNK]b", &[1, 29, 2]),
        ("a   [UNK]   b", &[1, 29, 2]),
        ("[UNK][UNK]", &[29, 29]),
        ("[UNK] [UNK]", &[29, 29]),
        ("a|b", &[1, 28, 2]),
        ("it's", &[9, 20, 27, 19]),
        ("café", &[3, 1, 6, 29]),
        ("a\tb", &[1, 29, 2]),
        ("[UN", &[29, 29, 29]),
        ("<s> [UNK] </s>", &[30, 29, 31]),
        ("a <s> [UNK] b", &[1, 28, 30, 29, 2]),
        ("a\u{a0}[UNK]\u{a0}b", &[1, 29, 2]),
        ("日本", &[29, 29]),
    ];
    for (text, ids) in cases {
        assert_eq!(tedlium().encode(text), ids, "{text:?}");
    }
}

#[test]
fn ids_become_the_text_of_the_reference() {
    let cases: [(&[u32], &str, &str); 13] = [
        (&[8, 8, 5, 12, 0, 12, 15, 28, 28, 23, 15, 18, 12, 4], "hello world", "hhello  world"),
        (&[29, 30, 31], "[UNK]<s></s>", "[UNK]<s></s>"),
        (&[1, 28, 0, 28, 2], "a  b", "a  b"),
        (&[28, 1, 28], "a", "a"),
        (&[29, 29, 0, 29, 1], "[UNK][UNK]a", "[UNK][UNK][UNK]a"),
        (&[30, 30], "<s>", "<s><s>"),
        (&[0, 0], "", ""),
        (&[], "", ""),
        (&[1, 28, 27, 28, 2], "a'b", "a'b"),
        (&[4, 15, 28, 14, 27, 20], "don't", "don't"),
        (&[1, 28, 27, 19, 15], "a'so", "a'so"),
        (&[1, 2, 2, 0, 2], "abb", "abbb"),
        (&[24, 28, 27, 12, 12, 28, 25, 28, 27, 4], "x 'l y 'd", "x 'll y 'd"),
    ];
    for (ids, frames, labels) in cases {
        assert_eq!(tedlium().decode_frames(ids), frames, "frames {ids:?}");
        assert_eq!(tedlium().decode_labels(ids), labels, "labels {ids:?}");
    }
}

#[test]
fn ids_without_a_token_read_as_unknown() {
    assert_eq!(tedlium().decode_frames(&[1, 32, 299, 2]), "a[UNK]b");
    assert_eq!(tedlium().decode_labels(&[1, 32, u32::MAX]), "a[UNK][UNK]");
}

#[test]
fn the_clean_up_takes_spaces_before_punctuation() {
    let json = r#"{"<pad>":0,"<unk>":1,"|":2,"a":3,"b":4,".":5,",":6,"?":7,"!":8}"#;
    let tokenizer = CtcTokenizer::from_json(Path::new("v"), json).unwrap();
    for (text, cleaned) in [("a .", "a."), ("a ?b", "a?b"), ("a , b !", "a, b!"), (" . ", ".")] {
        assert_eq!(tokenizer.decode_labels(&tokenizer.encode(text)), cleaned);
    }
}

#[test]
fn wrong_vocabularies_are_explained() {
    assert_eq!(
        refusal("[1, 2]"),
        "the vocabulary `vocab.json` is not a JSON object of token to id: invalid type: sequence, expected a map at line 1 column 0"
    );
    assert_eq!(refusal("{}"), "the vocabulary `vocab.json` is not a JSON object of token to id: it is empty");
    assert_eq!(
        refusal(r#"{"[PAD]": 0, "a": 7}"#),
        "the vocabulary `vocab.json` holds 2 tokens, so their ids must be 0 to 1, each once; `a` has 7"
    );
    assert_eq!(
        refusal(r#"{"[PAD]": 0, "a": {"b": 1}}"#),
        "the vocabulary `vocab.json` holds 2 tokens, so their ids must be 0 to 1, each once; `a` has {\"b\":1}"
    );
    assert!(refusal(r#"{"[PAD]": 0, "a": 1, "b": 1}"#).ends_with("`a` and `b` both have 1"));
    assert_eq!(
        refusal(r#"{"a": 0, "[UNK]": 1}"#),
        "the vocabulary `vocab.json` has no padding token (`[PAD]` or `<pad>`)"
    );
    assert_eq!(
        refusal(r#"{"a": 0, "[PAD]": 1}"#),
        "the vocabulary `vocab.json` has no unknown token (`[UNK]` or `<unk>`)"
    );
    let error = CtcTokenizer::read(Path::new("no/vocab.json")).unwrap_err();
    assert!(error.to_string().starts_with("cannot read the vocabulary `no/vocab.json`: "));
    assert!(error.is_missing());
}

#[test]
fn a_made_vocabulary_is_read_back() {
    let json = vocabulary_of(["it's 10", "a \"quote\" \\"]);
    let tokenizer = CtcTokenizer::from_json(Path::new("made"), &json).unwrap();
    // " ' 0 1 \ a e i o q s t u, and [PAD] | [UNK] <s> </s>
    assert_eq!(tokenizer.size(), 13 + 5);
    assert_eq!(tokenizer.pad_id(), 0);
    for text in ["it's 10", "a \"quote\" \\"] {
        let ids = tokenizer.encode(text);
        assert!(!ids.contains(&tokenizer.unknown_id()));
        assert_eq!(tokenizer.decode_labels(&ids), text);
    }
}

#[test]
fn rules_clean_transcripts() {
    let rules = TextRules::default();
    for (text, clean) in [
        ("so [UNK] twenty-one  'em", "so twenty one'em"),
        ("it 's [UNK]", "it's"),
        (" - ", ""),
        ("a\t\u{a0}b", "a b"),
        ("'tis", "'tis"),
    ] {
        assert_eq!(rules.apply(text), clean, "{text:?}");
    }
    let upper = TextRules { remove_unk: false, replace_apos: false, upper_only: true };
    assert_eq!(upper.apply("it 's a-b  straße [UNK]"), "IT 'S A-B  STRASSE [UNK]");
}

#[test]
fn white_space_is_collapsed() {
    assert_eq!(collapse_spaces(" \t a \n\u{1f} b "), "a b");
    assert_eq!(collapse_spaces(""), "");
}

/// Hits, substitutions, deletions, insertions.
type Counts = (u64, u64, u64, u64);

fn counts(c: EditCounts) -> Counts {
    (c.hits, c.substitutions, c.deletions, c.insertions)
}

#[test]
fn errors_are_counted_as_jiwer_counts_them() {
    let cases: [(&str, &str, Counts, Counts); 8] = [
        ("a b", "", (0, 0, 2, 0), (0, 0, 3, 0)),
        ("a  b", "a b", (2, 0, 0, 0), (3, 0, 1, 0)),
        ("a b", "a  b", (2, 0, 0, 0), (3, 0, 0, 1)),
        ("the cat sat on the mat", "the cat mat on a the sat", (4, 2, 0, 1), (20, 2, 0, 2)),
        ("turn on the kitchen light", "turn the chicken lights off", (1, 4, 0, 0), (19, 2, 4, 6)),
        ("a b c d", "b c d e", (3, 0, 1, 1), (3, 4, 0, 0)),
        ("naïve café", "naive  cafe ", (0, 2, 0, 0), (8, 2, 0, 1)),
        ("one\ttwo three", "one two three", (1, 1, 0, 1), (12, 1, 0, 0)),
    ];
    for (reference, hypothesis, words, chars) in cases {
        assert_eq!(
            counts(word_errors(reference, hypothesis)),
            words,
            "words of {reference:?} and {hypothesis:?}"
        );
        assert_eq!(
            counts(char_errors(reference, hypothesis)),
            chars,
            "characters of {reference:?} and {hypothesis:?}"
        );
    }
}

#[test]
fn five_thousand_pairs_are_counted_as_jiwer_4_counts_them() {
    let table = include_str!("../../tests/parity/wer.tsv");
    let number = |text: &str| text.parse::<f64>().expect("a number");
    let (mut words, mut pairs) = (EditCounts::default(), 0);
    for line in table.lines() {
        let row: Vec<&str> = line.split('\t').collect();
        let totals = row[0] == "TOTAL";
        let found = if totals { words } else { word_errors(row[0], row[1]) };
        let as_written =
            |c: EditCounts| [c.hits, c.substitutions, c.deletions, c.insertions].map(|n| n.to_string());
        assert_eq!(as_written(found), row[2..6], "{line}");
        let rates = [found.rate(), found.match_error_rate(), found.information_lost()];
        for (rate, theirs) in rates.into_iter().zip(&row[6..9]) {
            assert!((rate - number(theirs)).abs() <= 1e-12, "{rate} {line}");
        }
        if !totals {
            let chars = char_errors(row[0], row[1]);
            assert_eq!(as_written(chars), row[9..13], "{line}");
            assert!((chars.rate() - number(row[13])).abs() <= 1e-12, "{line}");
            (words, pairs) = (words + found, pairs + 1);
        }
    }
    assert!(pairs > 5000);
}

#[test]
fn rates_pool_over_utterances() {
    let pooled: EditCounts = [("a b c d", "a b c"), ("e", "f g")]
        .into_iter()
        .map(|(reference, hypothesis)| word_errors(reference, hypothesis))
        .sum();
    assert_eq!(pooled.errors(), 3);
    assert_eq!(pooled.reference_len(), 5);
    assert_eq!(pooled.rate(), 3.0 / 5.0);
    assert_eq!(word_errors("a b", "").rate(), 1.0);
    assert_eq!(word_errors("a  b", "a b").rate(), 0.0);
    assert_eq!(char_errors("a b", "a  b").rate(), 1.0 / 3.0);
}

#[test]
fn an_empty_reference_counts_insertions() {
    assert_eq!(counts(word_errors("", "a b")), (0, 0, 0, 2));
    assert_eq!(word_errors(" ", "a b").rate(), 2.0);
    assert_eq!(word_errors("", "").rate(), 0.0);
    assert_eq!(EditCounts::default().rate(), 0.0);
    let pooled = word_errors("", "a") + word_errors("a b", "a b");
    assert_eq!(pooled.rate(), 0.5);
}
