//! How long functions are, from their signature to the closing brace.

use proc_macro2::Span;
use syn::visit::{self, Visit};

use super::source::Source;

/// One function.
pub struct Function {
    pub name: String,
    pub place: String,
    pub lines: usize,
    pub is_test: bool,
}

/// Every function with a body.
pub fn all(sources: &[Source]) -> Vec<Function> {
    let mut found = Vec::new();
    for source in sources {
        let mut visitor = Functions { source, found: &mut found };
        visitor.visit_file(&source.syntax);
    }
    found
}

struct Functions<'a> {
    source: &'a Source,
    found: &'a mut Vec<Function>,
}

impl Functions<'_> {
    fn add(&mut self, signature: &syn::Signature, end: Span) {
        let line = signature.fn_token.span.start().line;
        self.found.push(Function {
            name: signature.ident.to_string(),
            place: self.source.place(line),
            lines: end.end().line + 1 - line,
            is_test: self.source.tests(line),
        });
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, item.block.brace_token.span.close());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, item.block.brace_token.span.close());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block.brace_token.span.close());
        }
        visit::visit_trait_item_fn(self, item);
    }
}
