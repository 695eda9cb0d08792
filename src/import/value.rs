//! A flag's value, as TOML and as a number.

use serde_json::{Value as Json, json};

use super::flag::Takes;

/// A value in the form its flag takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    Integer(i64),
    /// The number, and how it was written.
    Number(f64, String),
    Boolean(bool),
    Integers(Vec<i64>),
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

impl Value {
    /// `text` as a flag takes it; `None` where it is not of that form.
    pub fn parse(text: &str, takes: Takes) -> Option<Self> {
        let whole = |text: &str| text.trim().replace('_', "").parse::<i64>().ok();
        match takes {
            Takes::Switch => Some(Self::Boolean(true)),
            Takes::Text => Some(Self::Text(text.to_owned())),
            Takes::Integer => whole(text).map(Self::Integer),
            Takes::Number => {
                let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite())?;
                Some(Self::Number(number, toml_number(text.trim(), number)))
            }
            Takes::Boolean => match text {
                "true" | "True" => Some(Self::Boolean(true)),
                "false" | "False" => Some(Self::Boolean(false)),
                number => whole(number).map(|number| Self::Boolean(number != 0)),
            },
            Takes::Literal => match text {
                "True" => Some(Self::Boolean(true)),
                "False" => Some(Self::Boolean(false)),
                _ => None,
            },
            Takes::Word => match text {
                "true" => Some(Self::Boolean(true)),
                "false" => Some(Self::Boolean(false)),
                _ => None,
            },
            Takes::Integers => whole_list(text.trim_matches(['[', ']', '"']), ','),
            Takes::Steps => whole_list(text, ':'),
            Takes::Choice(choices) => choices.contains(&text).then(|| Self::Text(text.to_owned())),
        }
    }

    /// The value that stands so in TOML, the quotes of text left out.
    pub fn plain(text: &str) -> Self {
        [Takes::Word, Takes::Integer, Takes::Number]
            .into_iter()
            .find_map(|takes| Self::parse(text, takes))
            .unwrap_or_else(|| Self::Text(text.to_owned()))
    }

    /// The value in a TOML file.
    pub fn toml(&self) -> String {
        match self {
            Value::Text(text) => basic_string(text),
            Value::Integer(number) => number.to_string(),
            Value::Number(_, written) => written.clone(),
            Value::Boolean(on) => on.to_string(),
            Value::Integers(numbers) => list(numbers.iter().map(i64::to_string)),
            Value::Numbers(numbers) => list(numbers.iter().map(f64::to_string)),
            Value::Texts(texts) => list(texts.iter().map(|text| basic_string(text))),
        }
    }

    /// The value as JSON, for typing an experiment.
    pub fn json(&self) -> Json {
        match self {
            Value::Text(text) => json!(text),
            Value::Integer(number) => json!(number),
            Value::Number(number, _) => json!(number),
            Value::Boolean(on) => json!(on),
            Value::Integers(numbers) => json!(numbers),
            Value::Numbers(numbers) => json!(numbers),
            Value::Texts(texts) => json!(texts),
        }
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Integer(number) => Some(*number as f64),
            Value::Number(number, _) => Some(*number),
            _ => None,
        }
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

fn whole_list(text: &str, separator: char) -> Option<Value> {
    let numbers: Option<Vec<i64>> = text.split(separator).map(|part| part.trim().parse().ok()).collect();
    numbers.map(Value::Integers)
}

/// The number as it was written if TOML reads it so, else in TOML's form: Python also writes `1.` and `.5`.
fn toml_number(text: &str, number: f64) -> String {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let mantissa = mantissa.trim_start_matches('-');
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits(whole) && digits(part) && (whole == "0" || !whole.starts_with('0'));
    match plain && digits(exponent.trim_start_matches(['-', '+'])) {
        true => text.to_owned(),
        false => format!("{number:?}"),
    }
}

/// A TOML basic string.
pub fn basic_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            letter if letter.is_control() => quoted.push_str(&format!("\\u{:04X}", letter as u32)),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_the_form_they_were_written_in_where_toml_takes_it() {
        let number = |text| Value::parse(text, Takes::Number).map(|value| value.toml());
        for text in ["2.5e6", "4e11", "-4.2677393", "1e-8", "15", "5E-3", "0.1"] {
            assert_eq!(number(text).as_deref(), Some(text));
        }
        assert_eq!(number("0.").as_deref(), Some("0.0"));
        assert_eq!(number(".5").as_deref(), Some("0.5"));
        assert_eq!(number("007").as_deref(), Some("7.0"));
        assert_eq!(number("nan"), None);
        assert_eq!(Value::parse("0.5", Takes::Integer), None);
        assert_eq!(Value::parse("18,46", Takes::Integers), Some(Value::Integers(vec![18, 46])));
        assert_eq!(Value::parse("true", Takes::Literal), None);
        assert_eq!(Value::Text("a\"b\\c\u{1}".into()).toml(), "\"a\\\"b\\\\c\\u0001\"");
    }
}
