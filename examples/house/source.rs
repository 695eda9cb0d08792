//! The Rust files of the project, parsed, each with the room it stands in and the lines that are tests.

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// One file.
pub struct Source {
    /// Its room: a folder of `src/`, `kernels`, or `tests`, `benches`, `examples`; `src` for what stands in no room.
    pub room: String,
    /// From the root of the project.
    pub path: PathBuf,
    pub text: String,
    pub syntax: syn::File,
    /// Every token with its line, groups taken apart, doc comments left out.
    pub tokens: Vec<Token>,
    /// The lines of `#[cfg(test)]` modules.
    inline_tests: Vec<RangeInclusive<usize>>,
    /// Whether the file as a whole is tests.
    pub is_test: bool,
}

/// One token of a file.
pub struct Token {
    /// From 1.
    pub line: usize,
    pub text: String,
    pub is_literal: bool,
}

impl Source {
    fn read(root: &Path, path: PathBuf) -> Result<Self, String> {
        let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(root.join(&path)).map_err(|error| wrong(&error))?;
        let syntax = syn::parse_file(&text).map_err(|error| wrong(&error))?;
        let stream: TokenStream = text.parse().map_err(|error| wrong(&error))?;
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        let mut tests = InlineTests::default();
        tests.visit_file(&syntax);
        let room = room(&path);
        let is_test = room == "tests"
            || path.components().any(|part| part.as_os_str() == "tests")
            || path.file_stem().is_some_and(|stem| stem == "tests");
        Ok(Source { room, path, text, syntax, tokens, inline_tests: tests.0, is_test })
    }

    /// Whether the line belongs to tests.
    pub fn tests(&self, line: usize) -> bool {
        self.is_test || self.inline_tests.iter().any(|lines| lines.contains(&line))
    }

    /// Lines in all, and lines without tests.
    pub fn lines(&self) -> (usize, usize) {
        let all = self.text.lines().count();
        (all, (1..=all).filter(|line| !self.tests(*line)).count())
    }

    /// `path:line`.
    pub fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}

/// Every file of the project, in the order of paths.
pub fn all(root: &Path) -> Result<Vec<Source>, String> {
    let mut paths = Vec::new();
    for folder in ["src", "kernels", "tests", "benches", "examples"] {
        walk(&root.join(folder), &mut paths).map_err(|error| format!("{folder}: {error}"))?;
    }
    paths.sort();
    let inside = |path: PathBuf| path.strip_prefix(root).map(Path::to_path_buf).unwrap_or(path);
    paths.into_iter().map(|path| Source::read(root, inside(path))).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
    Ok(())
}

fn room(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    match parts.as_slice() {
        [src, room, _, ..] if src == "src" => room.clone(),
        [kernels, inner, _, ..] if kernels == "kernels" && (inner == "examples" || inner == "tests") => {
            inner.clone()
        }
        [first, ..] => first.clone(),
        [] => String::new(),
    }
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let line = tree.span().start().line;
        let mut push = |line, text: &str| tokens.push(Token { line, text: text.into(), is_literal: false });
        match tree {
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                let bang = trees.next_if(|next| matches!(next, TokenTree::Punct(p) if p.as_char() == '!'));
                if trees.next_if(is_doc).is_none() {
                    push(line, if bang.is_some() { "#!" } else { "#" });
                }
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                push(line, open);
                flatten(group.stream(), tokens);
                tokens.push(Token {
                    line: group.span_close().start().line,
                    text: close.into(),
                    is_literal: false,
                });
            }
            TokenTree::Ident(name) => push(line, &name.to_string()),
            TokenTree::Punct(mark) => push(line, &mark.to_string()),
            TokenTree::Literal(literal) => {
                tokens.push(Token { line, text: literal.to_string(), is_literal: true });
            }
        }
    }
}

fn is_doc(tree: &TokenTree) -> bool {
    let TokenTree::Group(group) = tree else { return false };
    matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(name)) if name == "doc")
}

#[derive(Default)]
struct InlineTests(Vec<RangeInclusive<usize>>);

impl<'ast> Visit<'ast> for InlineTests {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let is_test = |attr: &syn::Attribute| {
            attr.path().is_ident("cfg")
                && attr.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
        };
        if module.attrs.iter().any(is_test) {
            let span = module.span();
            self.0.push(span.start().line..=span.end().line);
        }
        visit::visit_item_mod(self, module);
    }
}
