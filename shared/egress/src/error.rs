//! What can go wrong, sorted by what the caller can do about it.

use std::{error::Error, time::Duration};

use crate::{Denial, resolver::NoSuchHost};

/// A fetch that failed. No message holds more of the URL than its host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// The URL cannot be used, whatever the network says.
    #[error("the URL cannot be used: {0}")]
    InvalidUrl(String),
    /// The policy does not allow the address, which the URL says itself, or demands https for it. An operator can allow it;
    /// see [`crate::EgressPolicy`].
    #[error("{host} is not connected to: {denial}")]
    Denied {
        /// The host of the URL.
        host: String,
        /// Address and reason.
        denial: Denial,
    },
    /// The host is a name that cannot be looked up, or one whose addresses the policy does not allow. Which of these it is
    /// would tell a tenant what names there are inside, so it is told by the log alone.
    #[error("{host} cannot be looked up, or the egress policy does not allow its address")]
    NoAddress {
        /// The host of the URL.
        host: String,
    },
    /// A redirect leads where redirects are not followed.
    #[error("the redirect by {host} is not followed: {reason}")]
    RefusedRedirect {
        /// The host that answered with the redirect.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The time limit passed first. Trying again later may help.
    #[error("{host} did not answer completely within {} seconds", .limit.as_secs_f32())]
    Timeout {
        /// The host of the first URL.
        host: String,
        /// The limit.
        limit: Duration,
    },
    /// The answer is larger than the limit.
    #[error("{host} answered with more than {max_bytes} octets, the limit")]
    TooLarge {
        /// The host that answered.
        host: String,
        /// The limit, in octets.
        max_bytes: usize,
    },
    /// No connection, a broken one, or an answer that is not HTTP. Trying again later may help.
    #[error("{host} {}: {reason}", if *.sent { "did not answer as it should" } else { "cannot be reached" })]
    Unreachable {
        /// The host of the URL.
        host: String,
        /// The innermost cause.
        reason: String,
        /// Whether the request may have reached the server all the same: the connection stood.
        sent: bool,
    },
    /// The certificate of the server was not found good. An operator can trust its CA.
    #[error(
        "{host} cannot be reached: its TLS certificate is not trusted{why}; an operator lists CAs beside the system's in \
         `egress.ca_file`"
    )]
    Distrusted {
        /// The host of the URL.
        host: String,
        /// What the library says about it, in parentheses; may be empty.
        why: String,
    },
    /// An answer that is not a success; see [`crate::Response::success`].
    #[error("{host} answered with status {status}, where a status of 200 to 299 was expected")]
    BadStatus {
        /// The host that answered.
        host: String,
        /// The status of HTTP.
        status: u16,
    },
    /// The client could not be made. Nothing that a tenant can correct.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
}

impl EgressError {
    /// Whether the request may have reached the server, so that it may have been carried out.
    pub fn may_have_been_sent(&self) -> bool {
        match self {
            Self::Unreachable { sent, .. } => *sent,
            Self::Timeout { .. }
            | Self::TooLarge { .. }
            | Self::BadStatus { .. }
            | Self::RefusedRedirect { .. } => true,
            Self::InvalidUrl(_)
            | Self::Denied { .. }
            | Self::NoAddress { .. }
            | Self::Distrusted { .. }
            | Self::Setup(_) => false,
        }
    }

    /// The name `host` leads to an address that is denied.
    pub(crate) fn denied_by_name(host: &str, denial: Denial) -> Self {
        if denial.is_for_want_of_tls() {
            return Self::Denied { host: host.to_owned(), denial };
        }
        tracing::warn!(host, address = %denial.address(), kind = denial.kind(), "a host is not connected to: egress.allow does not have its address");
        Self::NoAddress { host: host.to_owned() }
    }

    /// What the HTTP client reported.
    pub(crate) fn of_client(host: &str, error: &reqwest::Error) -> Self {
        let sent = !error.is_connect() && !error.is_builder();
        let mut cause: &(dyn Error + 'static) = error;
        loop {
            if let Some(denial) = cause.downcast_ref::<Denial>() {
                return Self::denied_by_name(host, *denial);
            }
            if cause.is::<NoSuchHost>() {
                tracing::info!(host, reason = %cause, "a host cannot be looked up");
                return Self::NoAddress { host: host.to_owned() };
            }
            match cause.source() {
                Some(source) => cause = source,
                // Only the outermost error, reqwest's own, would show the URL.
                None if cause.is::<reqwest::Error>() => {
                    return Self::Unreachable { host: host.to_owned(), reason: "it failed".into(), sent };
                }
                None => {
                    let host = host.to_owned();
                    return match distrust(error) {
                        Some(why) => Self::Distrusted { host, why },
                        None => Self::Unreachable { host, reason: cause.to_string(), sent },
                    };
                }
            }
        }
    }
}

/// Why the certificate of the server was not found good, in parentheses where it is known; none when that is not what failed.
fn distrust(error: &reqwest::Error) -> Option<String> {
    const REFUSED: &str = "certificate verify failed";
    let mut cause = error.source();
    let text = loop {
        let present = cause?;
        let text = present.to_string();
        if text.contains(REFUSED) {
            break text;
        }
        cause = present.source();
    };
    // The library gives the reason in parentheses, after the place in its own source.
    let why = text.rsplit_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    Some(why.map(|why| format!(" ({why})")).unwrap_or_default())
}
