//! The types of DNS providers as they are answered: what a form needs to be filled in.

use certmill_service::dns_providers::{Field, ProviderType};
use poem_openapi::Object;
use serde::Serialize;

/// The types of DNS providers.
#[derive(Object, Serialize)]
pub(super) struct DnsProviderTypeList {
    /// Every type.
    types: Vec<DnsProviderTypeView>,
}

impl DnsProviderTypeList {
    /// The types as they are answered.
    pub(super) fn of(types: Vec<ProviderType>) -> Self {
        Self { types: types.into_iter().map(type_view).collect() }
    }
}

/// A type of DNS provider.
#[derive(Object, Serialize)]
#[oai(rename = "DnsProviderType")]
struct DnsProviderTypeView {
    /// What `type` is called.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    kind: String,
    /// What it may be called too.
    aliases: Vec<String>,
    /// The fields of `config`.
    fields: Vec<DnsProviderFieldView>,
}

/// A field of the configuration of a DNS provider.
#[derive(Object, Serialize)]
#[oai(rename = "DnsProviderField")]
struct DnsProviderFieldView {
    name: String,
    /// `string`, `url` (a text), `integer`, `boolean`, `string_list`, `json` (an object, or its text) or `object`.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    kind: String,
    /// Whether it has to be there.
    required: bool,
    /// A field in whose presence it may be absent although it is required.
    required_unless: Option<String>,
    /// Whether it is a credential: sealed, and answered as `***`.
    secret: bool,
    description: String,
    /// The texts that it takes, where these are few.
    choices: Vec<String>,
    /// The fields of an object; none of these is an object itself.
    fields: Vec<DnsProviderInnerFieldView>,
}

/// A field within a field.
#[derive(Object, Serialize)]
#[oai(rename = "DnsProviderInnerField")]
struct DnsProviderInnerFieldView {
    name: String,
    /// As with the field that it is part of.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    kind: String,
    /// Whether it has to be there.
    required: bool,
    description: String,
    /// The texts that it takes, where these are few.
    choices: Vec<String>,
}

fn type_view(ProviderType { name, aliases, fields }: ProviderType) -> DnsProviderTypeView {
    DnsProviderTypeView {
        kind: name.to_owned(),
        aliases: texts(aliases),
        fields: fields.into_iter().map(field_view).collect(),
    }
}

fn field_view(field: Field) -> DnsProviderFieldView {
    let inner = field.kind.fields().iter().map(|inner| DnsProviderInnerFieldView {
        name: inner.name.to_owned(),
        kind: inner.kind.as_str().to_owned(),
        required: inner.required,
        description: inner.description.to_owned(),
        choices: texts(inner.kind.choices()),
    });
    DnsProviderFieldView {
        name: field.name.to_owned(),
        kind: field.kind.as_str().to_owned(),
        required: field.required,
        required_unless: field.unless.map(str::to_owned),
        secret: field.secret,
        description: field.description.to_owned(),
        choices: texts(field.kind.choices()),
        fields: inner.collect(),
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
