//! Optional arguments as fields of a structure.
//!
//! Positional methods take every parameter of an operation. A list has a dozen filters, of which a call names one or two, and a
//! filter that is added later must not break the calls that exist.

use std::mem;

use anyhow::Context;
use syn::{FnArg, Ident, ImplItem, ImplItemFn, Item, Pat, Type, parse_quote};

/// Fewer than this stay arguments.
const FEWEST: usize = 3;

/// Gives each method with many optional arguments one structure for them, in a module `queries`.
pub(crate) fn collect(file: &mut syn::File) -> anyhow::Result<()> {
    let methods = file.items.iter_mut().filter_map(|item| match item {
        Item::Impl(block) if block.trait_.is_none() => Some(&mut block.items),
        _ => None,
    });
    let methods = methods.flatten().filter_map(|item| match item {
        ImplItem::Fn(method) if method.sig.asyncness.is_some() => Some(method),
        _ => None,
    });
    let mut structures: Vec<Item> = Vec::new();
    for method in methods {
        structures.extend(collected(method)?);
    }
    file.items.push(parse_quote!(
        /// What calls may be narrowed by. Everything is optional: name what matters, and take the rest from `Default`.
        pub mod queries {
            use super::types;
            #(#structures)*
        }
    ));
    Ok(())
}

fn collected(method: &mut ImplItemFn) -> anyhow::Result<Option<Item>> {
    let optional: Vec<(Ident, Type)> = method.sig.inputs.iter().filter_map(optional).collect();
    if optional.len() < FEWEST {
        return Ok(None);
    }
    let name: Ident = syn::parse_str(&in_camel_case(&method.sig.ident.to_string()))?;
    let inputs = mem::take(&mut method.sig.inputs);
    method.sig.inputs = inputs.into_iter().filter(|argument| self::optional(argument).is_none()).collect();
    // The body, where there is one, stays last.
    let body = method.sig.inputs.iter().position(|argument| name_of(argument).is_some_and(|it| it == "body"));
    let place = body.unwrap_or(method.sig.inputs.len());
    method.sig.inputs.insert(place, parse_quote!(query: queries::#name<'a>));
    let names: Vec<&Ident> = optional.iter().map(|(name, _)| name).collect();
    method.block.stmts.insert(0, parse_quote!(let queries::#name { #(#names),* } = query;));

    let documented = documentation(method)?;
    let fields = optional.iter().map(|(name, kind)| -> syn::Field {
        let said = documented.iter().find(|(it, _)| name == it).map_or("", |(_, said)| said);
        parse_quote!(#[doc = #said] pub #name: #kind)
    });
    let doc = format!(" Of [`Client::{}`](super::Client::{0}).", method.sig.ident);
    Ok(Some(parse_quote!(
        #[doc = #doc]
        #[derive(Clone, Copy, Debug, Default)]
        pub struct #name<'a> { #(#fields),* }
    )))
}

fn name_of(argument: &FnArg) -> Option<&Ident> {
    let FnArg::Typed(argument) = argument else { return None };
    let Pat::Ident(name) = argument.pat.as_ref() else { return None };
    Some(&name.ident)
}

/// Name and type of an argument that is an `Option`.
fn optional(argument: &FnArg) -> Option<(Ident, Type)> {
    let name = name_of(argument)?.clone();
    let FnArg::Typed(argument) = argument else { return None };
    let Type::Path(path) = argument.ty.as_ref() else { return None };
    (path.path.segments.last()?.ident == "Option").then(|| (name, (*argument.ty).clone()))
}

/// What the text above the method says of each argument, in lines such as "- `san`: A name." It is taken out there for those
/// that are fields now.
fn documentation(method: &mut ImplItemFn) -> anyhow::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let stays: Vec<String> = method.sig.inputs.iter().filter_map(name_of).map(ToString::to_string).collect();
    for attribute in method.attrs.iter_mut().filter(|it| it.path().is_ident("doc")) {
        let value = &attribute.meta.require_name_value()?.value;
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = value else { continue };
        let text = text.value();
        let Some((above, arguments)) = text.split_once("\n\nArguments:\n") else { continue };
        let mut left = String::new();
        for entry in arguments.split("\n- `").filter(|it| !it.trim().is_empty()) {
            let entry = entry.trim_start_matches("- `");
            let (name, said) = entry.split_once('`').context("an argument without a name")?;
            let said = said.trim_start_matches(':').trim().to_owned();
            if stays.iter().any(|it| it == name) {
                left.push_str(&format!("\n- `{name}`: {said}"));
            }
            found.push((name.to_owned(), format!(" {said}")));
        }
        let text = if left.is_empty() { above.to_owned() } else { format!("{above}\n\nArguments:{left}\n") };
        *attribute = parse_quote!(#[doc = #text]);
    }
    Ok(found)
}

fn in_camel_case(name: &str) -> String {
    let capitalized = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|it| it.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.split('_').map(capitalized).collect()
}
