//! The words of closed sets, as constants of the types that hold them.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;

/// Words by the name of their schema.
pub(crate) type Words = BTreeMap<String, Vec<String>>;

/// Every schema that is a closed set of words.
pub(crate) fn of(document: &Value) -> Words {
    let schemas = document["components"]["schemas"].as_object();
    let words = |schema: &Value| -> Option<Vec<String>> {
        schema["enum"].as_array()?.iter().map(|word| word.as_str().map(ToOwned::to_owned)).collect()
    };
    schemas.into_iter().flatten().filter_map(|(name, schema)| Some((name.clone(), words(schema)?))).collect()
}

/// Adds `CertificateStatus::ACTIVE` and the like, and the way from such a constant to its type, to the module `types`.
pub(crate) fn add(file: &mut syn::File, words: &Words) -> anyhow::Result<()> {
    let types = file.items.iter_mut().find_map(|item| match item {
        syn::Item::Mod(module) if module.ident == "types" => module.content.as_mut(),
        _ => None,
    });
    let (_, items) = types.context("there is no module `types`")?;
    for (name, words) in words {
        let Some(_) = items.iter().find(|item| matches!(item, syn::Item::Struct(it) if it.ident == *name))
        else {
            continue;
        };
        let name = syn::parse_str::<syn::Ident>(name)?;
        let constants = words.iter().map(|word| constant(word)).collect::<anyhow::Result<Vec<_>>>()?;
        let doc = "The words of this version; a later one may have more.";
        items.push(syn::parse_quote!(
            #[doc = #doc]
            impl #name { #(#constants)* }
        ));
        items.push(syn::parse_quote!(
            impl ::std::convert::From<&str> for #name {
                fn from(word: &str) -> Self {
                    Self(word.to_owned())
                }
            }
        ));
    }
    Ok(())
}

fn constant(word: &str) -> anyhow::Result<syn::ImplItemConst> {
    let doc = format!("`{word}`");
    let name = syn::parse_str::<syn::Ident>(&constant_name(word))?;
    Ok(syn::parse_quote!(
        #[doc = #doc]
        pub const #name: &'static str = #word;
    ))
}

/// `keyCompromise` becomes `KEY_COMPROMISE`, `http-01` `HTTP_01`.
fn constant_name(word: &str) -> String {
    let mut name = String::new();
    for character in word.chars() {
        if character.is_ascii_uppercase()
            && name.ends_with(|it: char| it.is_ascii_lowercase() || it.is_ascii_digit())
        {
            name.push('_');
        }
        name.push(if character.is_ascii_alphanumeric() { character.to_ascii_uppercase() } else { '_' });
    }
    if name.starts_with(|it: char| it.is_ascii_digit()) { format!("_{name}") } else { name }
}
