//! Makes `src/generated.rs` of certmill-client from `openapi/certmill.json`.
//!
//! Usage: `certmill-client-generate DOCUMENT OUTPUT`. The first lines of the output name the SHA-256 of the document, of
//! this program's sources and of what was generated, so that a test can say whether the committed file is current without building
//! this program.

mod docs;
mod document;
mod methods;
mod queries;
mod words;

use std::{env, fs, process::Command};

use anyhow::{Context, bail};
use progenitor_impl::{GenerationSettings, Generator, InterfaceStyle, TypeImpl};
use schemars::schema::{InstanceType, SchemaObject};
use sha2::{Digest, Sha256};
use syn::visit_mut::{self, VisitMut};

/// What this program is made of, in the order of the files' names.
const SOURCES: [&str; 7] = [
    include_str!("../Cargo.lock"),
    include_str!("docs.rs"),
    include_str!("document.rs"),
    include_str!("main.rs"),
    include_str!("methods.rs"),
    include_str!("queries.rs"),
    include_str!("words.rs"),
];

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [document, output] = arguments.as_slice() else {
        bail!("usage: certmill-client-generate DOCUMENT OUTPUT")
    };
    let text = fs::read(document).with_context(|| format!("{document} cannot be read"))?;
    let mut document: serde_json::Value = serde_json::from_slice(&text)?;
    let words = words::of(&document);
    document::narrow(&mut document)?;
    let spec = serde_json::from_value(document)?;

    let mut settings = GenerationSettings::default();
    settings
        .with_interface(InterfaceStyle::Positional)
        .with_conversion(text_of("date-time"), "crate::Timestamp", [TypeImpl::Display].into_iter())
        .with_conversion(text_of("password"), "crate::Secret", std::iter::empty())
        .with_conversion(text_of("secret-json"), "crate::SecretJson", std::iter::empty());
    let tokens = Generator::new(&settings).generate_tokens(&spec)?;
    let mut file: syn::File = syn::parse2(tokens)?;
    DeriveDefault::everywhere(&mut file);
    queries::collect(&mut file)?;
    words::add(&mut file, &words)?;
    forget_constructor(&mut file);
    methods::adapt(&mut file);
    docs::OneLineEach.visit_file_mut(&mut file);

    let code = rustfmt(&methods::adapt_text(&prettyplease::unparse(&file)))?;
    let head = format!(
        "// Generated from openapi/certmill.json by openapi/clients/rust/generate. Not to be edited.\n\
         // document: {}\n// generator: {}\n// code: {}\n",
        sha256(&text),
        sha256(SOURCES.concat().as_bytes()),
        sha256(code.as_bytes())
    );
    fs::write(output, head + &code).with_context(|| format!("{output} cannot be written"))
}

fn text_of(format: &str) -> SchemaObject {
    SchemaObject {
        instance_type: Some(InstanceType::String.into()),
        format: Some(format.to_owned()),
        ..SchemaObject::default()
    }
}

/// Takes away `Client::new`, which has neither token nor bounds: `Api::client` makes clients.
fn forget_constructor(file: &mut syn::File) {
    for item in &mut file.items {
        if let syn::Item::Impl(block) = item {
            block
                .items
                .retain(|item| !matches!(item, syn::ImplItem::Fn(method) if method.sig.ident == "new"));
        }
    }
}

/// Gives every struct a default, so that a request is written with the fields that matter and `..Default::default()`.
struct DeriveDefault;

impl DeriveDefault {
    fn everywhere(file: &mut syn::File) {
        let types = file.items.iter_mut().find_map(|item| match item {
            syn::Item::Mod(module) if module.ident == "types" => Some(module),
            _ => None,
        });
        if let Some(types) = types {
            Self.visit_item_mod_mut(types);
        }
    }
}

impl VisitMut for DeriveDefault {
    fn visit_item_struct_mut(&mut self, item: &mut syn::ItemStruct) {
        for attribute in &mut item.attrs {
            if attribute.path().is_ident("derive") {
                let mut derived = Vec::new();
                let _ = attribute.parse_nested_meta(|meta| {
                    derived.push(meta.path);
                    Ok(())
                });
                if !derived.iter().any(|path| path.segments.last().is_some_and(|it| it.ident == "Default")) {
                    *attribute = syn::parse_quote!(#[derive(#(#derived),*, Default)]);
                }
            }
        }
        visit_mut::visit_item_struct_mut(self, item);
    }
}

fn rustfmt(code: &str) -> anyhow::Result<String> {
    let folder = env::temp_dir().join(format!("certmill-client-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let file = folder.join("generated.rs");
    fs::write(&file, code)?;
    let status = Command::new("rustfmt")
        .args(["--edition", "2024", "--config", "max_width=110,use_small_heuristics=Max"])
        .arg(&file)
        .status()
        .context("rustfmt cannot be run")?;
    let formatted = fs::read_to_string(&file)?;
    fs::remove_dir_all(&folder)?;
    if !status.success() {
        bail!("rustfmt does not take what was generated");
    }
    Ok(formatted)
}

fn sha256(octets: &[u8]) -> String {
    Sha256::digest(octets).iter().map(|octet| format!("{octet:02x}")).collect()
}
