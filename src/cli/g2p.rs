//! `runner data g2p`: text as phonemes, and their ids.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, stdin};
use std::path::Path;

use serde_json::{Value as Json, json};

use super::Talk;
use super::arguments::G2pArguments;
use super::failure::{self, Failure};
use crate::record::units;
use crate::text::g2p::{G2p, G2pError, Kept, Language, Said, Text};
use crate::text::phonemes::PhonemeTokenizer;

/// Texts that are read together.
const BATCH: usize = 1024;
/// The longest text, in bytes: a book is given by its lines.
const LONGEST: u64 = 1 << 20;

/// Prints the phonemes of each text.
pub fn g2p(arguments: &G2pArguments, talk: Talk) -> Result<u8, Failure> {
    let language = language(&arguments.language)?;
    let backend = arguments.backend.backend(&arguments.espeak);
    let kept = Kept {
        punctuation: !arguments.no_punctuation,
        stress: !arguments.no_stress,
        language_tags: arguments.keep_language_tags,
        last_space: arguments.no_strip,
    };
    let mut reader = Reader {
        g2p: G2p::new(backend, kept),
        tokenizer: PhonemeTokenizer::new(),
        language,
        ids: arguments.ids,
        talk,
        texts: 0,
        silent: 0,
        unknown: BTreeSet::new(),
    };
    match &arguments.file {
        Some(path) => reader.file(path)?,
        None => {
            let texts: Vec<Result<String, &'static str>> = arguments.text.iter().cloned().map(Ok).collect();
            reader.batch(&texts)?;
        }
    }
    reader.end()
}

/// The language that a tag names; `None` for `auto`.
fn language(tag: &str) -> Result<Option<Language>, Failure> {
    if tag == "auto" {
        return Ok(None);
    }
    let tags: Vec<&str> = Language::ALL.iter().map(|language| language.tag()).collect();
    Language::of(tag).map(Some).ok_or_else(|| {
        Failure::new(failure::REQUEST, format!("`{tag}` is no language that phonemes are made of"))
            .help(format!("there are {}, and auto", tags.join(", ")))
    })
}

/// Reads texts batch by batch and prints as it goes.
struct Reader {
    g2p: G2p,
    tokenizer: PhonemeTokenizer,
    language: Option<Language>,
    ids: bool,
    talk: Talk,
    texts: u64,
    silent: u64,
    unknown: BTreeSet<char>,
}

impl Reader {
    /// The texts of a file, one on each line.
    fn file(&mut self, path: &Path) -> Result<(), Failure> {
        let unreadable = |error: std::io::Error| Failure::unread(path.display(), &error);
        let mut input: Box<dyn BufRead> = match path.to_str() {
            Some("-") => Box::new(stdin().lock()),
            _ => Box::new(BufReader::new(File::open(path).map_err(unreadable)?)),
        };
        loop {
            let mut texts = Vec::new();
            while texts.len() < BATCH {
                match line(&mut *input).map_err(unreadable)? {
                    Some(text) => texts.push(text),
                    None => break,
                }
            }
            if texts.is_empty() {
                return Ok(());
            }
            self.batch(&texts)?;
        }
    }

    /// Reads and prints texts; those that are none by a reason of their own.
    fn batch(&mut self, texts: &[Result<String, &'static str>]) -> Result<(), Failure> {
        let whole = texts.iter().flatten();
        let asked: Vec<Text<'_>> = whole.map(|text| Text { text, language: self.language }).collect();
        let mut said = self.g2p.read(&asked)?.into_iter();
        for text in texts {
            self.texts += 1;
            let ended = match text {
                Ok(text) => said.next().map(|said| (text.as_str(), said.map_err(|why| why.to_string()))),
                Err(why) => Some(("", Err((*why).to_owned()))),
            };
            if let Some((text, ended)) = ended {
                self.print(text, ended);
            }
        }
        Ok(())
    }

    fn print(&mut self, text: &str, ended: Result<Said, String>) {
        match ended {
            Ok(said) => {
                let ids = self.tokenizer.encode(&said.phonemes);
                self.unknown.extend(self.tokenizer.unknown(&said.phonemes));
                if self.talk.json {
                    println!("{}", line_of(text, &said, &ids));
                } else if self.ids {
                    println!("{}", ids.iter().map(u8::to_string).collect::<Vec<_>>().join(" "));
                } else {
                    println!("{}", said.phonemes);
                }
            }
            Err(why) => {
                self.silent += 1;
                self.talk.say(format_args!("text {}: {why}", units::count(self.texts)));
                match self.talk.json {
                    true => println!("{}", json!({"text": text, "error": why})),
                    // So that lines stay side by side with those of the texts.
                    false => println!(),
                }
            }
        }
    }

    /// Says what was left out.
    fn end(&self) -> Result<u8, Failure> {
        if !self.unknown.is_empty() {
            let symbols: Vec<String> = self.unknown.iter().map(|symbol| format!("`{symbol}`")).collect();
            self.talk
                .say(format_args!("not in the phoneme vocabulary, and unknown to it: {}", symbols.join(" ")));
        }
        if self.silent == 0 {
            return Ok(0);
        }
        let (silent, texts) = (units::count(self.silent), units::count(self.texts));
        self.talk.say(format_args!("{silent} of {texts} texts have no phonemes"));
        Ok(failure::FAILED)
    }
}

fn line_of(text: &str, said: &Said, ids: &[u8]) -> Json {
    json!({"text": text, "language": said.language.tag(), "phonemes": said.phonemes, "ids": ids})
}

/// The next line, or why it is none; `None` at the end.
fn line(input: &mut dyn BufRead) -> std::io::Result<Option<Result<String, &'static str>>> {
    let mut bytes = Vec::new();
    (&mut *input).take(LONGEST).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() as u64 == LONGEST && !bytes.ends_with(b"\n") {
        // What follows of it is passed over.
        let mut rest = Vec::new();
        loop {
            rest.clear();
            (&mut *input).take(LONGEST).read_until(b'\n', &mut rest)?;
            if rest.is_empty() || rest.ends_with(b"\n") {
                break;
            }
        }
        return Ok(Some(Err("it is longer than 1 MiB")));
    }
    let ended = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1);
    bytes.truncate(ended);
    Ok(Some(String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text")))
}

impl From<G2pError> for Failure {
    fn from(error: G2pError) -> Self {
        let code = if error.is_missing() {
            failure::MISSING
        } else if error.is_request() {
            failure::REQUEST
        } else {
            failure::FAILED
        };
        let failure = Failure::new(code, error.to_string());
        match error.help() {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}
