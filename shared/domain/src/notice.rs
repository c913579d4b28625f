//! Notices: mails to owners about what happened to what they own.

use crate::{EmailAddress, EventKind, NoticeId, Stored, Timestamp};

/// A mail to one owner: the digest of a day, or what cannot wait for it.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Its id, from which the Message-ID follows.
    pub id: NoticeId,
    /// Whom it is for.
    pub address: EmailAddress,
    /// Whether it is sent out of turn.
    pub is_urgent: bool,
    /// Until when it takes further lines; it is complete then, and sent.
    pub due_at: Timestamp,
    /// How often it was sent in vain.
    pub attempts: i64,
    /// How many lines there would be beyond those that are kept.
    pub more: i64,
}

/// A line of a notice. What happens again to the same object before the notice is due takes the place of what did before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeLine {
    /// What happened.
    pub kind: Stored<EventKind>,
    /// The id of what it happened to.
    pub object: String,
    /// What is said of it.
    pub text: String,
}
