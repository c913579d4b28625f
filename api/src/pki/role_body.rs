//! The bodies of roles. Create and change have the same settings; they differ in what must be there.

use certmill_service::ServiceError;
use certmill_service::domain::{RoleKeyType, RoleSettings, Stored, Timestamp};
use poem_openapi::Object;
use poem_openapi::types::MaybeUndefined;
use serde::Deserialize;

use super::revoke::parse_time;
use crate::faults::Noted;
use crate::scalars::{DurationText, TextList};
use crate::words::Word;

/// Puts fields of a request over settings, each read by `$how`; what is wrong is noted.
macro_rules! set {
    ($request:ident, $settings:ident, $default:ident, $noted:ident, $how:ident => $($setting:ident),* $(,)?) => {$(
        match $request.$setting {
            MaybeUndefined::Undefined => {}
            MaybeUndefined::Null => $settings.$setting = $default.$setting,
            MaybeUndefined::Value(value) => match $how(stringify!($setting), value) {
                Ok(value) => $settings.$setting = value,
                Err(error) => $noted.note(error)?,
            },
        }
    )*};
}

/// Declares a request object with the given fields before all settings of a role.
macro_rules! role_request {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Object, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $($(#[$field_doc])* pub(crate) $field: $type,)*
            /// Domains and patterns that names may be in. An entry `*.example.com` permits every name below it.
            #[serde(default)]
            pub(crate) allowed_domains: MaybeUndefined<TextList>,
            /// Permit names below the domains, wildcards included. Default false.
            #[serde(default)]
            pub(crate) allow_subdomains: MaybeUndefined<bool>,
            /// Permit the domains themselves. Default false.
            #[serde(default)]
            pub(crate) allow_bare_domains: MaybeUndefined<bool>,
            /// Take `*` in the domains as a glob over the whole name. Default false.
            #[serde(default)]
            pub(crate) allow_glob_domains: MaybeUndefined<bool>,
            /// Permit wildcard names at all. Default true.
            #[serde(default)]
            pub(crate) allow_wildcard_certificates: MaybeUndefined<bool>,
            /// Permit `localhost`. Default true.
            #[serde(default)]
            pub(crate) allow_localhost: MaybeUndefined<bool>,
            /// Permit any host name. Default false.
            #[serde(default)]
            pub(crate) allow_any_name: MaybeUndefined<bool>,
            /// Permit IP addresses. Default true.
            #[serde(default)]
            pub(crate) allow_ip_sans: MaybeUndefined<bool>,
            /// Only addresses in these networks; all when empty.
            #[serde(default)]
            pub(crate) allowed_ip_sans_cidr: MaybeUndefined<TextList>,
            /// URI patterns, `*` standing for anything; none when empty.
            #[serde(default)]
            pub(crate) allowed_uri_sans: MaybeUndefined<TextList>,
            /// Permit e-mail addresses whose host is permitted. Default false.
            #[serde(default)]
            pub(crate) allow_email_sans: MaybeUndefined<bool>,
            /// Validity when a request names none. Default: the lesser of 768h and `max_ttl`.
            #[serde(default)]
            pub(crate) ttl: MaybeUndefined<DurationText>,
            /// Longest validity that a request may name. Default 768h.
            #[serde(default)]
            pub(crate) max_ttl: MaybeUndefined<DurationText>,
            /// How far before now certificates begin, for clocks that are behind. Default 30s.
            #[serde(default)]
            pub(crate) not_before_duration: MaybeUndefined<DurationText>,
            /// `rsa` (default), `ec`, `ed25519` or `any`.
            #[serde(default)]
            pub(crate) key_type: MaybeUndefined<Word<RoleKeyType>>,
            /// Bits: exact for keys that the service makes, the least for those of CSRs. 0: 2048 for RSA, 256 for EC.
            #[serde(default)]
            pub(crate) key_bits: MaybeUndefined<u32>,
            /// Key usages. Default DigitalSignature, KeyAgreement, KeyEncipherment.
            #[serde(default)]
            pub(crate) key_usage: MaybeUndefined<TextList>,
            /// Extended key usages beside those of the flags: names or OIDs.
            #[serde(default)]
            pub(crate) ext_key_usage: MaybeUndefined<TextList>,
            /// For servers (serverAuth). Default true.
            #[serde(default)]
            pub(crate) server_flag: MaybeUndefined<bool>,
            /// For clients (clientAuth). Default true.
            #[serde(default)]
            pub(crate) client_flag: MaybeUndefined<bool>,
            /// Refuse requests without a common name. Default true.
            #[serde(default)]
            pub(crate) require_cn: MaybeUndefined<bool>,
            /// Organization of every subject.
            #[serde(default)]
            pub(crate) organization: MaybeUndefined<TextList>,
            /// Organizational unit of every subject.
            #[serde(default)]
            pub(crate) organizational_unit: MaybeUndefined<TextList>,
            /// Country of every subject, two letters.
            #[serde(default)]
            pub(crate) country: MaybeUndefined<TextList>,
            /// Locality of every subject.
            #[serde(default)]
            pub(crate) locality: MaybeUndefined<TextList>,
            /// State or province of every subject.
            #[serde(default)]
            pub(crate) province: MaybeUndefined<TextList>,
            /// Keep the private keys that the service makes, sealed. Default false.
            #[serde(default)]
            pub(crate) store_private_keys: MaybeUndefined<bool>,
            /// Permit wildcards whose `*` is a part of a label only, as in `w*.example.com`. Clients do not match them
            /// (RFC 9525). Default false.
            #[serde(default)]
            pub(crate) allow_partial_wildcards: MaybeUndefined<bool>,
            /// Keep of a certificate only its serial number and its end, for as long as it can be revoked: for what lives for
            /// hours and is issued by the thousand. It is in no list, and cannot be read, renewed or revoked later at a set time.
            /// Not together with `store_private_keys`. Default false.
            #[serde(default)]
            pub(crate) no_store: MaybeUndefined<bool>,
            /// Other names (`otherName`) that are permitted, as `oid;UTF8:value`, `*` standing for anything in the value; `*` alone
            /// permits all, none when empty. User principal names have the OID `1.3.6.1.4.1.311.20.2.3`.
            #[serde(default)]
            pub(crate) allowed_other_sans: MaybeUndefined<TextList>,
            /// OIDs of the policies that certificates name.
            #[serde(default)]
            pub(crate) policy_identifiers: MaybeUndefined<TextList>,
            /// Have certificates demand a stapled OCSP answer of their servers (RFC 7633). The CA must have `ocsp` on. Default false.
            #[serde(default)]
            pub(crate) must_staple: MaybeUndefined<bool>,
            /// Let a certificate stand in the place of a token to read and renew itself, as a TLS client: whoever has its key can renew
            /// it for as long as it is neither revoked nor ended. Not together with `no_store`. Default false.
            #[serde(default)]
            pub(crate) allow_self_renewal: MaybeUndefined<bool>,
            /// When certificates end at the latest. It is the end of those whose request names no `ttl`, unless the role has a `ttl` or
            /// `max_ttl` that ends before; a `ttl` of a request beyond it is refused. `max_ttl` has no default beside it.
            #[serde(default)]
            pub(crate) not_after: MaybeUndefined<String>,
            /// The mail addresses of those who are told what happens to its certificates, where these name nobody themselves. Up to
            /// 16; none when absent.
            #[serde(default)]
            pub(crate) owners: MaybeUndefined<TextList>,
        }

        impl $name {
            /// The owners that were sent, none of them for null. They are no setting.
            pub(crate) fn take_owners(&mut self) -> Option<Vec<String>> {
                match std::mem::take(&mut self.owners) {
                    MaybeUndefined::Undefined => None,
                    MaybeUndefined::Null => Some(Vec::new()),
                    MaybeUndefined::Value(list) => Some(list.0),
                }
            }

            /// Puts what was sent over the settings: absent leaves one as it is, null sets it back to its default.
            pub(crate) fn apply(self, settings: &mut RoleSettings) -> Result<(), ServiceError> {
                let (default, mut noted) = (RoleSettings::default(), Noted::default());
                set!(self, settings, default, noted, plain => allow_subdomains, allow_bare_domains, allow_glob_domains, allow_wildcard_certificates,
                     allow_localhost, allow_any_name, allow_ip_sans, allow_email_sans, key_bits, server_flag,
                     client_flag, require_cn, store_private_keys, allow_partial_wildcards, no_store, must_staple, allow_self_renewal);
                set!(self, settings, default, noted, list => allowed_domains, allowed_ip_sans_cidr, allowed_uri_sans, allowed_other_sans,
                     policy_identifiers, key_usage, ext_key_usage,
                     organization, organizational_unit, country, locality, province);
                set!(self, settings, default, noted, some_duration => ttl, max_ttl);
                set!(self, settings, default, noted, duration => not_before_duration);
                set!(self, settings, default, noted, key_type => key_type);
                set!(self, settings, default, noted, some_time => not_after);
                noted.end()
            }
        }
    };
}

role_request! {
    /// What a new role is to be.
    CreateRoleRequest {
        /// Unique in the tenant: 1 to 128 of letters, digits, `.`, `_`, `-`.
        name: String,
        /// The CA that issues under it.
        ca_id: String,
    }
}

role_request! {
    /// What is to change: absent leaves a setting as it is, null sets it back to its default.
    UpdateRoleRequest {
        /// Another CA.
        ca_id: Option<String>,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "one of several readers of a setting, some of which can fail")]
fn plain<T>(_: &str, value: T) -> Result<T, ServiceError> {
    Ok(value)
}

#[expect(clippy::unnecessary_wraps, reason = "one of several readers of a setting, some of which can fail")]
fn list(_: &str, value: TextList) -> Result<Vec<String>, ServiceError> {
    Ok(value.0)
}

fn duration(field: &str, value: DurationText) -> Result<certmill_service::domain::Ttl, ServiceError> {
    value.parse(field)
}

fn some_duration(
    field: &str,
    value: DurationText,
) -> Result<Option<certmill_service::domain::Ttl>, ServiceError> {
    value.parse(field).map(Some)
}

fn some_time(field: &str, value: String) -> Result<Option<Timestamp>, ServiceError> {
    parse_time(&value, field).map(|at| Some(at.whole_seconds()))
}

fn key_type(field: &str, value: Word<RoleKeyType>) -> Result<Stored<RoleKeyType>, ServiceError> {
    value.value(field).map(RoleKeyType::into)
}
