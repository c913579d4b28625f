//! Tenants: the owners of rows.

use std::str::FromStr;

use crate::{TenantId, Timestamp};

/// A tenant's name: 1 to 64 of `a-z 0-9 - _`, starting with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantName(String);

impl TenantName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let starts = text.bytes().next().is_some_and(legal);
        if starts && text.len() <= 64 && text.bytes().all(|b| legal(b) || b == b'-' || b == b'_') {
            Ok(Self(text.to_owned()))
        } else {
            Err("a tenant's name is 1 to 64 characters of a-z, 0-9, - and _, starting with a letter or digit"
                .into())
        }
    }
}

/// A tenant.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The tenant's id.
    pub id: TenantId,
    /// Its unique name.
    pub name: TenantName,
    /// When it was made.
    pub created_at: Timestamp,
}
