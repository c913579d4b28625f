//! What is printed when a command fails.

use std::error::Error;

use certmill_service::ServiceError;

/// The error and its causes in one sentence. Left out are the names of classes of failures, which only matter to
/// clients of the API, and causes that the sentence before has already quoted.
pub(crate) fn of(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    let mut last = String::new();
    for cause in error.chain() {
        let said = cause.to_string();
        let is_class = cause.downcast_ref::<ServiceError>().is_some_and(|error| error.source().is_some());
        if is_class || (!last.is_empty() && last.contains(&said)) {
            continue;
        }
        if !sentence.is_empty() {
            sentence.push_str(": ");
        }
        sentence.push_str(&said);
        last = said;
    }
    sentence
}

/// A text that may be somebody else's, as it may be shown on a terminal: without control characters, by which it could write over
/// what is there. Ends of lines stay.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(clean("\u{1b}[31mred\u{9b}\r\nnext"), " [31mred  \nnext");
    }

    #[test]
    fn a_cause_is_told_once_and_classes_are_not_told() {
        let refused = || std::io::Error::other("refused");
        for (error, sentence) in [
            (anyhow::anyhow!("one").context("two"), "two: one"),
            (anyhow::Error::from(ServiceError::Internal(Box::new(refused()))), "refused"),
            (
                Err::<(), _>(ServiceError::Unavailable(Box::new(refused()))).context("outer").unwrap_err(),
                "outer: refused",
            ),
            (anyhow::Error::from(refused()).context("it was refused"), "it was refused"),
        ] {
            assert_eq!(of(&error), sentence);
        }
    }
}
