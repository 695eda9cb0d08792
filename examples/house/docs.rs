//! What a reader is owed in words: docs of public items, reasons for `unsafe`, and no promises to do it later.

use syn::visit::{self, Visit};
use syn::{Attribute, Visibility};

use super::source::Source;

/// Public items without docs, and apart from them public fields and variants, whose names may say enough. A variant with an
/// `#[error]` sentence has its doc in that sentence.
pub fn undocumented<'a>(sources: impl IntoIterator<Item = &'a Source>) -> (Vec<String>, Vec<String>) {
    let (mut items, mut members) = (Vec::new(), Vec::new());
    for source in sources.into_iter().filter(|source| !source.is_test) {
        Docs { source, items: &mut items, members: &mut members }.visit_file(&source.syntax);
    }
    (items, members)
}

struct Docs<'a> {
    source: &'a Source,
    items: &'a mut Vec<String>,
    members: &'a mut Vec<String>,
}

impl Docs<'_> {
    fn check(&mut self, visibility: &Visibility, attributes: &[Attribute], name: &syn::Ident) {
        if matches!(visibility, Visibility::Public(_)) {
            self.items.extend(self.missing(attributes, name));
        }
    }

    fn missing(&self, attributes: &[Attribute], name: &syn::Ident) -> Option<String> {
        let line = name.span().start().line;
        let says =
            |attribute: &Attribute| ["doc", "error"].iter().any(|path| attribute.path().is_ident(path));
        let missing = !attributes.iter().any(says) && !self.source.tests(line);
        missing.then(|| format!("{} {name}", self.source.place(line)))
    }
}

/// Arguments and verbs have their words where they are used: their own would become help, in the place of those.
fn is_of_clap(attributes: &[Attribute]) -> bool {
    let mut of_clap = false;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        _ = attribute.parse_nested_meta(|derive| {
            of_clap |= ["Args", "Subcommand"].iter().any(|name| derive.path.is_ident(name));
            Ok(())
        });
    }
    of_clap
}

impl<'ast> Visit<'ast> for Docs<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.check(&item.vis, &item.attrs, &item.sig.ident);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        if !is_of_clap(&item.attrs) {
            self.check(&item.vis, &item.attrs, &item.ident);
        }
        for field in &item.fields {
            if let (Some(name), Visibility::Public(_)) = (&field.ident, &field.vis) {
                self.members.extend(self.missing(&field.attrs, name));
            }
        }
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        if !is_of_clap(&item.attrs) {
            self.check(&item.vis, &item.attrs, &item.ident);
        }
        if matches!(item.vis, Visibility::Public(_)) {
            for variant in &item.variants {
                self.members.extend(self.missing(&variant.attrs, &variant.ident));
            }
        }
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.check(&item.vis, &item.attrs, &item.ident);
        if matches!(item.vis, Visibility::Public(_)) {
            for member in &item.items {
                let missing = match member {
                    syn::TraitItem::Fn(member) => self.missing(&member.attrs, &member.sig.ident),
                    syn::TraitItem::Type(member) => self.missing(&member.attrs, &member.ident),
                    syn::TraitItem::Const(member) => self.missing(&member.attrs, &member.ident),
                    _ => None,
                };
                self.items.extend(missing);
            }
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        // What a trait's implementation does stands with the trait.
        if item.trait_.is_none() {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.check(&item.vis, &item.attrs, &item.sig.ident);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.check(&item.vis, &item.attrs, &item.ident);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.check(&item.vis, &item.attrs, &item.ident);
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.check(&item.vis, &item.attrs, &item.ident);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.check(&item.vis, &item.attrs, &item.ident);
    }
}

/// Files without a module doc.
pub fn silent_files<'a>(sources: impl IntoIterator<Item = &'a Source>) -> Vec<String> {
    let silent = |source: &&Source| {
        !source.is_test && !source.syntax.attrs.iter().any(|attribute| attribute.path().is_ident("doc"))
    };
    sources.into_iter().filter(silent).map(|source| source.path.display().to_string()).collect()
}

/// `unsafe` with neither a `SAFETY:` comment just above nor, for a function, a `# Safety` section.
pub fn unsafe_without_reason(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let lines: Vec<&str> = source.text.lines().collect();
        for token in source.tokens.iter().filter(|token| token.text == "unsafe" && !token.is_literal) {
            let said = |line: &&&str| line.contains("SAFETY:") || line.contains("# Safety");
            // From the line itself upwards, as far as the comment and the statement that it stands over may reach.
            if !lines[..token.line].iter().rev().take(8).any(|line| said(&line)) {
                found.push(source.place(token.line));
            }
        }
    }
    found
}

/// Comments that put something off.
pub fn put_off(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for (at, line) in source.text.lines().enumerate() {
            let comment = line.split_once("//").map_or("", |(_, comment)| comment);
            if ["TODO", "FIXME", "HACK"].iter().any(|word| comment.contains(word)) {
                found.push(source.place(at + 1));
            }
        }
    }
    found
}
