//! The section `[publish]`: where CRLs and CA certificates are brought beside `/pub`.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::Secret;
use crate::settings::Span;

/// Where CRLs and CA certificates are brought.
#[derive(Debug, Clone)]
pub struct PublishConfig {
    /// A folder, from which a web server answers.
    pub folder: Option<PathBuf>,
    /// A bucket of an object store.
    pub s3: Option<S3Config>,
    /// After how long something that is not there is told of.
    pub late_after: Duration,
}

/// A bucket of a store with the API of S3.
#[derive(Debug, Clone)]
pub struct S3Config {
    /// The bucket.
    pub bucket: String,
    /// The region that is signed for.
    pub region: String,
    /// Scheme, host and port of the store; Amazon's when absent.
    pub endpoint: Option<String>,
    /// What the names of all objects begin with; empty, or with a slash at its end.
    pub prefix: String,
    /// With what it is written.
    pub credentials: S3Credentials,
}

/// With what an object store is written.
#[derive(Debug, Clone)]
pub enum S3Credentials {
    /// Keys.
    Keys {
        /// The id of the access key.
        access_key_id: String,
        /// The secret access key.
        secret_access_key: Secret,
    },
    /// Those of this machine.
    Ambient(S3Identity),
}

/// Where the credentials of this machine come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum S3Identity {
    /// The role of an EC2 instance.
    Instance,
    /// The token of a web identity, as on EKS.
    WebIdentity,
}

impl S3Identity {
    /// The word of the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::WebIdentity => "web_identity",
        }
    }
}

/// The section as it is written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PublishSettings {
    pub(crate) folder: Option<PathBuf>,
    pub(crate) late_after: Option<Span>,
    pub(crate) s3: S3Settings,
}

/// The bucket as it is written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct S3Settings {
    pub(crate) bucket: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) prefix: Option<String>,
    pub(crate) access_key_id: Option<String>,
    pub(crate) secret_access_key: Option<Secret>,
    pub(crate) secret_access_key_file: Option<PathBuf>,
    pub(crate) ambient: Option<S3Identity>,
}
