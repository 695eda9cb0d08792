//! The published schema and this program accept the same files: thousands of generated ones, judged by both.

use std::fmt::Write as _;

use jsonschema::Validator;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::Value as Json;

use crate::config::schema::Schema;
use crate::config::source::Source;
use crate::config::tree::Table;
use crate::config::{schema, walk};

const FILES: usize = 10_000;

#[test]
fn schema_and_program_agree_on_ten_thousand_files() {
    let validator = jsonschema::validator_for(schema()).expect("a schema");
    let mut rng = Pcg64Mcg::seed_from_u64(7);
    let mut accepted = 0;
    for _ in 0..FILES {
        let text = file(&mut rng);
        let (ours, theirs) = (accepts(&text), valid(&validator, &text));
        assert_eq!(ours, theirs, "program {ours}, schema {theirs}:\n{text}");
        accepted += usize::from(ours);
    }
    // Both kinds must be there for the agreement to mean something.
    assert!((FILES / 10..FILES * 9 / 10).contains(&accepted), "{accepted} of {FILES} accepted");
}

fn accepts(text: &str) -> bool {
    let (table, error) = Table::parse(text);
    assert!(error.is_none(), "the generator wrote no TOML:\n{text}");
    let schema = Schema::get();
    walk::check(&table, schema.file(), schema, &Source::file("x.toml", text)).is_empty()
}

fn valid(validator: &Validator, text: &str) -> bool {
    let value: toml::Value = toml::from_str(text).expect("TOML");
    validator.is_valid(&serde_json::to_value(value).expect("JSON"))
}

/// An experiment file with a few options, now and then one that should not be there.
fn file(rng: &mut Pcg64Mcg) -> String {
    let mut text = String::new();
    if rng.random_ratio(1, 6) {
        text +=
            ["extends = [\"a.toml\"]\n", "extends = []\n", "extends = \"a.toml\"\n", "extends = [\"\"]\n"]
                .choose(rng)
                .expect("one");
    }
    options(rng, &mut text);
    if rng.random_ratio(1, 4) {
        text += ["[profile.p]\ninherits = \"q\"\n", "[profile.p]\n", "[profile.p]\nextends = []\n"]
            .choose(rng)
            .expect("one");
        options(rng, &mut text);
    }
    text
}

/// Some options by their dotted paths, in whatever table is open: the file itself or a profile.
fn options(rng: &mut Pcg64Mcg, text: &mut String) {
    let leaves = Schema::get().leaves();
    let mut chosen: Vec<usize> =
        (0..rng.random_range(0..5)).map(|_| rng.random_range(0..leaves.len())).collect();
    chosen.sort_unstable();
    chosen.dedup();
    for index in chosen {
        let leaf = &leaves[index];
        let path: Vec<&str> = leaf.path.iter().map(String::as_str).collect();
        let option = Schema::get().at(&path).expect("an option");
        let mut name = leaf.dotted();
        if rng.random_ratio(1, 30) {
            name.push('x');
        }
        _ = writeln!(text, "{name} = {}", value(rng, option));
    }
}

fn value(rng: &mut Pcg64Mcg, option: &Json) -> String {
    if rng.random_ratio(1, 12) {
        return foreign(rng);
    }
    if let Some(choices) = option["enum"].as_array() {
        let choice = choices.choose(rng).expect("a choice").to_string();
        return if rng.random_ratio(1, 12) { choice.to_uppercase() } else { choice };
    }
    match option["type"].as_str().unwrap_or_default() {
        "boolean" => rng.random_bool(0.5).to_string(),
        "integer" => around(rng, option).round().to_string(),
        "number" => number(rng, option),
        "array" => {
            let items: Vec<String> =
                (0..rng.random_range(0..4)).map(|_| value(rng, &option["items"])).collect();
            format!("[{}]", items.join(", "))
        }
        _ => (*["\"\"", "\"a\"", "\"a@1\"", "\"a b\"", "\"ä-1.2_x\""].choose(rng).expect("one")).to_owned(),
    }
}

fn number(rng: &mut Pcg64Mcg, option: &Json) -> String {
    let value = around(rng, option);
    // A whole number may be written without its fraction.
    if rng.random_ratio(1, 3) { (value.round() as i64).to_string() } else { format!("{value:?}") }
}

/// A number at or about one of the option's bounds.
fn around(rng: &mut impl Rng, option: &Json) -> f64 {
    let bounds = ["minimum", "maximum", "exclusiveMinimum"];
    let bounds: Vec<f64> = bounds.iter().filter_map(|bound| option[bound].as_f64()).chain([3.0]).collect();
    let bound = bounds.choose(rng).expect("a bound").min(1e15);
    bound + *[-1.0, -0.25, 0.0, 0.0, 0.25, 1.0, 7.0].choose(rng).expect("a step")
}

/// A value of some type or other. No whole number with a fraction of zero: to JSON that is an integer, to TOML it is none.
fn foreign(rng: &mut impl Rng) -> String {
    let values = ["1", "1.5", "-1", "true", "\"word\"", "[]", "[1]", "{}", "{ a = 1 }", "[[1]]"];
    (*values.choose(rng).expect("a value")).to_owned()
}
