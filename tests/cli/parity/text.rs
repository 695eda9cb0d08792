//! Texts and ids: goldens made by make_tokenizer.py (Hugging Face's CTC tokenizer).

use std::collections::BTreeMap;
use std::path::Path;

use runner::text::CtcTokenizer;
use serde_json::{Value as Json, json};

use super::golden_text;

fn tokenizer(tokens: &Json) -> CtcTokenizer {
    let tokens = tokens.as_array().expect("a list of tokens").iter().enumerate();
    let ids: serde_json::Map<String, Json> =
        tokens.map(|(id, token)| (token.as_str().expect("a token").to_owned(), json!(id))).collect();
    CtcTokenizer::from_json(Path::new("vocab.json"), &Json::from(ids).to_string()).expect("a vocabulary")
}

#[test]
fn texts_and_ids_become_what_transformers_makes_of_them() {
    let lines = golden_text("tokenizer.jsonl");
    let mut lines = lines.lines().map(|line| serde_json::from_str::<Json>(line).expect("a line of JSON"));
    let head = lines.next().expect("a head");
    let vocabularies = head["vocabularies"].as_object().expect("vocabularies");
    let tokenizers: BTreeMap<&String, CtcTokenizer> =
        vocabularies.iter().map(|(name, tokens)| (name, tokenizer(tokens))).collect();
    let mut cases = 0;
    for case in lines {
        let tokenizer = &tokenizers[&case["vocabulary"].as_str().expect("a name").to_owned()];
        let ids: Vec<u32> = serde_json::from_value(case["ids"].clone()).expect("ids");
        if let Some(text) = case["text"].as_str() {
            assert_eq!(tokenizer.encode(text), ids, "{case}");
            assert_eq!(tokenizer.decode_labels(&ids), case["decoded"], "{case}");
        } else {
            assert_eq!(tokenizer.decode_frames(&ids), case["frames"], "{case}");
            assert_eq!(tokenizer.decode_labels(&ids), case["labels"], "{case}");
        }
        cases += 1;
    }
    assert!(cases > 650, "{cases}");
}
