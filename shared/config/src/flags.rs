//! Settings from the command line.

use std::path::PathBuf;

use serde::Serialize;

/// Settings from the command line. Those that are there win over the environment and the file.
///
/// It cannot be printed, because URLs may hold passwords.
#[derive(Clone, Default, Serialize)]
pub struct Flags {
    /// See [`Config::data_dir`](crate::Config::data_dir).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// See [`Config::listen`](crate::Config::listen).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// See [`Config::database_url`](crate::Config::database_url).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// See [`Config::redis_url`](crate::Config::redis_url).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_url: Option<String>,
    /// See [`Config::plain_http`](crate::Config::plain_http).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_http: Option<bool>,
    /// See [`Config::tls_cert`](crate::Config::tls_cert).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// See [`Config::tls_key`](crate::Config::tls_key).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// See [`Config::public_url`](crate::Config::public_url).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// See [`LogConfig::format`](crate::LogConfig::format).
    #[serde(skip)]
    pub log_format: Option<String>,
}
