//! Documentation in lines of its own: in a block, which is indented with the code, rustdoc takes paragraphs for examples.

use syn::visit_mut::VisitMut;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, parse_quote};

/// Splits every text into one attribute a line.
pub(crate) struct OneLineEach;

impl VisitMut for OneLineEach {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        *attributes = attributes.drain(..).flat_map(split).collect();
    }
}

fn split(attribute: Attribute) -> Vec<Attribute> {
    let Meta::NameValue(meta) = &attribute.meta else { return vec![attribute] };
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &meta.value else { return vec![attribute] };
    if !meta.path.is_ident("doc") {
        return vec![attribute];
    }
    let line = |line: &str| {
        let line = if line.is_empty() { String::new() } else { format!(" {}", line.trim()) };
        parse_quote!(#[doc = #line])
    };
    text.value().trim().lines().map(line).collect()
}
