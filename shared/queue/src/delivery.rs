//! The only thing the queue carries.

use std::{fmt, str::FromStr};

use crate::QueueError;

/// The text form's version. A later version gets another prefix, so that old workers drop what they do not understand.
const VERSION: &str = "v1:";

/// A wake-up for one attempt of one job. Its text form is `v1:<job id>:<attempt>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Delivery {
    job_id: String,
    attempt: i64,
}

impl Delivery {
    /// A wake-up for this attempt, as counted in the jobs table.
    pub fn new(job_id: impl Into<String>, attempt: i64) -> Self {
        Self { job_id: job_id.into(), attempt }
    }

    /// The job's id in the jobs table.
    pub fn job_id(&self) -> &str {
        &self.job_id
    }

    /// Which attempt of the job is meant; a handler drops a delivery of another attempt.
    pub fn attempt(&self) -> i64 {
        self.attempt
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{VERSION}{}:{}", self.job_id, self.attempt)
    }
}

impl FromStr for Delivery {
    type Err = QueueError;

    fn from_str(text: &str) -> Result<Self, QueueError> {
        let (job_id, attempt) = text
            .strip_prefix(VERSION)
            .and_then(|rest| rest.rsplit_once(':'))
            .filter(|(job_id, _)| !job_id.is_empty())
            .ok_or(QueueError::MalformedDelivery)?;
        let attempt = attempt.parse().map_err(|_| QueueError::MalformedDelivery)?;
        Ok(Self::new(job_id, attempt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_stable() {
        let delivery = Delivery::new("job_01", 3);
        assert_eq!(delivery.to_string(), "v1:job_01:3");
        assert_eq!((delivery.job_id(), delivery.attempt()), ("job_01", 3));
    }

    #[test]
    fn text_form_is_read_back() {
        for delivery in [Delivery::new("a", 0), Delivery::new("with:colon", i64::MAX), Delivery::new("ü", -1)]
        {
            assert_eq!(delivery.to_string().parse::<Delivery>().unwrap(), delivery);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "v1:", "v1::1", "v1:a", "v1:a:", "v1:a:x", "v2:a:1", "a:1", "v1:a:9223372036854775808"]
        {
            assert!(text.parse::<Delivery>().is_err(), "{text:?}");
        }
    }
}
