//! Fields that are declared and read by nobody.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};

use super::source::Source;

/// The fields of a room's types that are read from a file, as `path:line name`, whose name nobody outside the room reads: neither after a dot
/// nor in a pattern. Names are compared without their types, so two fields of one name hide each other.
pub fn unread(sources: &[Source], room: &str) -> Vec<String> {
    let mut read = Reads::default();
    for source in sources.iter().filter(|source| source.room != room && !source.is_test) {
        read.visit_file(&source.syntax);
        // Macros are tokens to the parser.
        for three in source.tokens.windows(3).filter(|three| three[0].text == "." && three[2].text != "(") {
            read.0.insert(three[1].text.clone());
        }
    }
    let mut declared = Declared(Vec::new());
    let mut unread = Vec::new();
    for source in sources.iter().filter(|source| source.room == room && !source.is_test) {
        declared.visit_file(&source.syntax);
        for field in declared.0.drain(..).filter(|field| !read.0.contains(&field.to_string())) {
            let line = field.span().start().line;
            if !source.tests(line) {
                unread.push(format!("{} {field}", source.place(line)));
            }
        }
    }
    unread
}

#[derive(Default)]
struct Reads(BTreeSet<String>);

impl<'ast> Visit<'ast> for Reads {
    fn visit_field_pat(&mut self, field: &'ast syn::FieldPat) {
        if let syn::Member::Named(name) = &field.member {
            self.0.insert(name.to_string());
        }
        visit::visit_field_pat(self, field);
    }
}

struct Declared(Vec<syn::Ident>);

impl Declared {
    fn add(&mut self, attributes: &[syn::Attribute], fields: &syn::Fields) {
        let mut read = false;
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
            _ = attribute.parse_nested_meta(|derive| {
                read |= derive.path.is_ident("Deserialize");
                Ok(())
            });
        }
        if read {
            self.0.extend(fields.iter().filter_map(|field| field.ident.clone()));
        }
    }
}

impl<'ast> Visit<'ast> for Declared {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add(&item.attrs, &item.fields);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        for variant in &item.variants {
            self.add(&item.attrs, &variant.fields);
        }
    }
}
