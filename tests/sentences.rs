//! All that the program says, on one page: `docs/sentences.txt`, to be read in one sitting beside the rules of speech in
//! ARCHITECTURE.md.
//!
//! Completeness does not hang on a list of functions that speak: every string literal of two words or more in code that is no test is on
//! the page, whatever it is handed to, and so are the shorter ones that a macro prints and the doc comments that become help. Left out are
//! the words of `expect` and assertions, which no user is meant to meet.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

const PAGE: &str = "docs/sentences.txt";

/// Macros whose every literal is printed, or made to be.
const PRINTING: [&str; 7] = ["print", "println", "eprint", "eprintln", "write", "writeln", "format_args"];
/// Words for developers: a promise that does not hold, and instructions.
const FOR_DEVELOPERS: [&str; 9] = [
    "asm",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "panic",
    "unreachable",
    "expect",
];

/// What hands a sentence on.
const TRANSPARENT: [&str; 11] =
    ["", "Some", "Ok", "Err", "String::from", "format", "vec", "json", "into", "push", "map_or_else"];

/// One sentence and what says it: the nearest of the attribute, call or macro that it is handed to, the variable that it becomes, and the
/// function that it stands in. What formats it does not count.
struct Sentence {
    speaker: String,
    text: String,
}

fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is").into()
}

/// The files whose code is no test and no program beside the two crates, nor what such a program alone says, as paths from the root.
fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for crate_root in ["src", "kernels"] {
        walk(&root().join(crate_root), &mut files);
    }
    let inside = files.iter().map(|file| file.strip_prefix(root()).unwrap().to_path_buf());
    let mut files: Vec<PathBuf> = inside.collect();
    files.retain(|file| {
        file.file_name()
            .is_some_and(|name| name != "tests.rs" && name != "reference.rs" && name != "on_files.rs")
            && !file.iter().any(|part| part == "tests" || part == "examples" || part == "on_files")
            || file == Path::new("src/cli/reference.rs")
    });
    files.sort();
    files
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            walk(&entry, files);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
}

/// Every sentence, by file, in the order of reading.
fn sentences() -> BTreeMap<PathBuf, Vec<Sentence>> {
    let mut all = BTreeMap::new();
    for path in files() {
        let syntax = syn::parse_file(&fs::read_to_string(root().join(&path)).unwrap()).unwrap();
        let documented = path.starts_with("src/cli/arguments")
            || path == Path::new("src/cli/arguments.rs")
            || path.starts_with("src/config");
        let mut speech = Speech { documented, speaker: Vec::new(), found: Vec::new() };
        speech.visit_file(&syntax);
        if !speech.found.is_empty() {
            all.insert(path, speech.found);
        }
    }
    all
}

struct Speech {
    /// Whether doc comments of this file become help.
    documented: bool,
    speaker: Vec<String>,
    found: Vec<Sentence>,
}

impl Speech {
    fn within(&mut self, speaker: String, visit: impl FnOnce(&mut Self)) {
        if FOR_DEVELOPERS.contains(&speaker.as_str()) {
            return;
        }
        if !self.speaker.is_empty() && TRANSPARENT.contains(&speaker.as_str()) {
            return visit(self);
        }
        self.speaker.push(speaker);
        visit(self);
        self.speaker.pop();
    }

    fn add(&mut self, text: &str) {
        let speaker = self.speaker.last().cloned().unwrap_or_default();
        let words = text.split_whitespace().filter(|word| word.contains(char::is_alphabetic)).count();
        let printed = PRINTING.contains(&speaker.as_str()) && words > 0;
        if printed || words > 1 {
            self.push(speaker, text);
        }
    }

    /// Once a file: tables say some things many times.
    fn push(&mut self, speaker: String, text: &str) {
        let speaker = if speaker.is_empty() { "text".into() } else { speaker };
        if !self.found.iter().any(|said| said.speaker == speaker && said.text == text) {
            self.found.push(Sentence { speaker, text: text.to_owned() });
        }
    }

    fn tokens(&mut self, tokens: TokenStream) {
        let mut last = None;
        for token in tokens {
            match &token {
                TokenTree::Group(group) => match last.take() {
                    // A call inside a macro speaks for itself.
                    Some(name) => self.within(name, |speech| speech.tokens(group.stream())),
                    None => self.tokens(group.stream()),
                },
                TokenTree::Literal(literal) => {
                    if let Ok(literal) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                        self.add(&literal.value());
                    }
                }
                _ => {}
            }
            last = match token {
                TokenTree::Ident(name) => Some(name.to_string()),
                TokenTree::Punct(mark) if mark.as_char() == '!' => last,
                _ => None,
            };
        }
    }

    /// The doc comment of a field or choice, its lines put together as clap and schemars do.
    fn help(&mut self, attributes: &[syn::Attribute]) {
        if !self.documented {
            return;
        }
        let mut text = String::new();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
            if let syn::Meta::NameValue(doc) = &attribute.meta
                && let syn::Expr::Lit(doc) = &doc.value
                && let syn::Lit::Str(doc) = &doc.lit
            {
                text.push_str(&doc.value());
            }
        }
        if !text.is_empty() {
            self.push("doc".into(), text.trim());
        }
    }
}

impl<'ast> Visit<'ast> for Speech {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
        };
        if !module.attrs.iter().any(is_test) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.within(function.sig.ident.to_string(), |speech| visit::visit_item_fn(speech, function));
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.within(function.sig.ident.to_string(), |speech| visit::visit_impl_item_fn(speech, function));
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        match &local.pat {
            syn::Pat::Ident(name) => {
                self.within(name.ident.to_string(), |speech| visit::visit_local(speech, local))
            }
            _ => visit::visit_local(self, local),
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        let name = attribute.path().get_ident().map(ToString::to_string).unwrap_or_default();
        if let ("error" | "arg" | "command" | "value", syn::Meta::List(list)) =
            (name.as_str(), &attribute.meta)
        {
            self.within(name, |speech| speech.tokens(list.tokens.clone()));
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if matches!(field.vis, syn::Visibility::Public(_)) {
            self.help(&field.attrs);
        }
        visit::visit_field(self, field);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.help(&variant.attrs);
        visit::visit_variant(self, variant);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let name = call.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        self.within(name, |speech| speech.tokens(call.tokens.clone()));
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        let name = match call.func.as_ref() {
            syn::Expr::Path(path) => {
                let names: Vec<_> =
                    path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
                names[names.len().saturating_sub(2)..].join("::")
            }
            _ => String::new(),
        };
        self.within(name, |speech| visit::visit_expr_call(speech, call));
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.visit_expr(&call.receiver);
        let arguments = |speech: &mut Self| call.args.iter().for_each(|argument| speech.visit_expr(argument));
        self.within(call.method.to_string(), arguments);
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.add(&literal.value());
    }
}

/// One line of the page.
fn shown(text: &str) -> String {
    text.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'")
}

#[test]
fn the_committed_sentences_are_fresh() {
    let mut page = String::from(
        "All that runner says, by file: what says it, then the sentence. The rules are in ARCHITECTURE.md, \"How it speaks\".\n\
         Written by `RUNNER_UPDATE=1 cargo test the_committed_sentences_are_fresh`; never edited by hand.\n",
    );
    for (path, sentences) in sentences() {
        page.push_str(&format!("\n{}\n", path.display()));
        for Sentence { speaker, text } in sentences {
            page.push_str(&format!("  {speaker}: {}\n", shown(&text)));
        }
    }
    let committed = root().join(PAGE);
    if std::env::var_os("RUNNER_UPDATE").is_some() {
        fs::write(&committed, &page).unwrap();
    }
    assert!(
        fs::read_to_string(&committed).is_ok_and(|text| text == page),
        "{PAGE} is stale: write it anew with RUNNER_UPDATE=1, and read what changed"
    );
}

/// What begins with a capital because it is a name, or quotes one, besides the corpora.
const NAMES: [&str; 12] =
    ["Array", "Arrow", "CTC", "CUDA", "EnCodec", "GPU", "JSON", "NeMo", "RF64", "SHA-256", "SSAST", "Vocos"];

/// The names of the corpora: the help of each one's verb begins with it.
fn corpora(all: &BTreeMap<PathBuf, Vec<Sentence>>) -> Vec<&str> {
    let verbs = all.values().flatten().filter(|said| said.speaker == "Published::new");
    verbs.filter_map(|said| said.text.split([':', ',']).next()).collect()
}

/// Why an error's or an advice's sentence breaks the rules of speech, if it does.
fn fault(text: &str, corpora: &[&str]) -> Option<&'static str> {
    // What a note or a warning is about stands before it as a place does: bare.
    let text = match text.split_once(": ") {
        Some((place, rest))
            if !place.contains('`') && place.starts_with("--") || text.starts_with("hparams.json: ") =>
        {
            rest
        }
        _ => text,
    };
    let literals = text.split('`').count() - 1;
    let outside: String = text.split('`').step_by(2).collect();
    let last = text.trim_end();
    let sentences = last.matches(". ").count() + 1;
    let lower = outside.to_lowercase();
    match () {
        () if literals % 2 == 1 => Some("a back-tick has no partner"),
        () if text.starts_with(char::is_uppercase)
            && !NAMES.iter().chain(corpora).any(|name| text.starts_with(name)) =>
        {
            Some("it begins with a capital")
        }
        () if sentences == 1 && last.ends_with('.') || last.ends_with('!') => Some("it ends with a mark"),
        () if ["error: ", "help: "].iter().any(|word| lower.starts_with(word) && lower != "help: {help}") => {
            Some("what it is, the printer says")
        }
        () if ["please", "sorry", "illegal", "invalid", "you must", "you have to"]
            .iter()
            .any(|word| lower.contains(word)) =>
        {
            Some("it pleads or blames")
        }
        () if names_a_table(&outside) => Some("a table of the experiment stands without back-ticks"),
        () if ["--", "{}.", ".json", ".toml", ".safetensors"]
            .iter()
            .any(|part| bare_literal(&outside, part)) =>
        {
            Some("a flag or a file stands without back-ticks")
        }
        () => None,
    }
}

/// Whether `[train]` or the like stands in the text; shapes such as `[B, T]` are none.
fn names_a_table(text: &str) -> bool {
    let tables = ["run", "data", "model", "train", "distill", "eval", "output", "profile"];
    text.split('[').skip(1).any(|rest| {
        let inside = rest.split(']').next().unwrap_or_default();
        tables.iter().any(|table| inside == *table || inside.starts_with(&format!("{table}.")))
    })
}

/// Labels of one to three words are no sentences.
fn bare_literal(text: &str, part: &str) -> bool {
    if text.split_whitespace().count() < 4 {
        return false;
    }
    text.split_whitespace().any(|word| match part {
        "--" => word.starts_with("--") && word.len() > 2,
        _ => word.trim_end_matches([',', ')', ';', ':']).ends_with(part) && !word.contains("://"),
    })
}

/// What is no error and no advice: help and reference in whole sentences, names of corpora, tables, places that messages point to.
const OTHER: [&str; 13] = [
    "doc",
    "Published::new",
    "CorpusOption::switch",
    "CorpusOption::path",
    "corpus",
    "Code::new",
    "println",
    "writeln",
    "macro_rules",
    "Source::argument",
    "origin",
    "malformed",
    "trim_start_matches",
];
/// Files whose words are help, reference, or what is written into a file: on a page, whole sentences and headings.
const OTHER_FILES: [&str; 20] = [
    "src/cli/arguments.rs",
    "src/cli/arguments/data.rs",
    "src/cli/arguments/model.rs",
    "src/cli/arguments/prepare.rs",
    "src/cli/arguments/results.rs",
    "src/cli/export.rs",
    "src/cli/reference.rs",
    "src/config/schema.rs",
    "src/config/sweep/declared.rs",
    "src/import/experiment.rs",
    "src/import/page.rs",
    "src/report/page/confusion.rs",
    "src/report/page/alignment.rs",
    "src/report/page/curves.rs",
    "src/report/page/differences.rs",
    "src/report/page/log.rs",
    "src/report/page/mistakes.rs",
    "src/report/page/settings.rs",
    "src/report/page/sounds.rs",
    "src/report/page/study.rs",
];

/// The rules that a program can judge.
#[test]
fn errors_and_advice_keep_the_rules() {
    let mut faults = Vec::new();
    let all = sentences();
    let corpora = corpora(&all);
    assert!(corpora.contains(&"TED-LIUM 3"), "{corpora:?}");
    for (path, sentences) in &all {
        if OTHER_FILES.iter().any(|other| path.as_path() == Path::new(other)) {
            continue;
        }
        for Sentence { speaker, text } in
            sentences.iter().filter(|said| !OTHER.contains(&said.speaker.as_str()))
        {
            if let Some(fault) = fault(text, &corpora) {
                faults.push(format!("{}: {fault}: {speaker}: {}", path.display(), shown(text)));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_rules_find_what_breaks_them() {
    for (text, wanted) in [
        ("cannot read `x", "a back-tick has no partner"),
        ("Cannot read `x`", "it begins with a capital"),
        ("cannot read `x`.", "it ends with a mark"),
        ("error: cannot read `x`", "what it is, the printer says"),
        ("please give a folder", "it pleads or blames"),
        ("set it in [train]", "a table of the experiment stands without back-ticks"),
        ("give --to a folder", "a flag or a file stands without back-ticks"),
        ("there is no config.json", "a flag or a file stands without back-ticks"),
    ] {
        assert_eq!(fault(text, &["TED-LIUM 3"]), Some(wanted), "{text}");
    }
    for text in ["`x` has the axes [B, T]", "TED-LIUM 3 has none", "it is `a`. It was `b`.", "set `[train]`"]
    {
        assert_eq!(fault(text, &["TED-LIUM 3"]), None, "{text}");
    }
}
