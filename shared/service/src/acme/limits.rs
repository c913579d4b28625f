//! What a rate limit is about. RFC 8555 section 6.6 has one problem for all limits (`rateLimited`), so that only the CA's words
//! tell whose requests will be refused as well.
//!
//! A limit that is clearly about names holds up these names only, however many there are of the kind: a CA that counts
//! certificates per set of names, or failed validations per host, takes everything else. One that is about the account holds up
//! the account. Of words that are not understood the harmless reading is taken, names; when the CA refuses several sets of
//! names in such words and takes none in between, it is the account after all (`pauses.rs`).

use certmill_acme::Problem;

/// Who else will be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// Orders for these names.
    Names,
    /// Perhaps others, perhaps not.
    Unclear,
    /// Every order of the account.
    Account,
    /// Everybody at our address.
    Address,
}

/// Words of limits that are about names, as Boulder and others have them, and as the page is called that they refer to.
const NAMES: [&str; 11] = [
    "exact set",
    "exact-set",
    "duplicate certificate",
    "already issued",
    "failed authorization",
    "failed validation",
    "authorization failures",
    "authorization-failures",
    "registered domain",
    "registered-domain",
    "per domain",
];
const ADDRESS: [&str; 7] = [
    "ip address",
    "ip range",
    "this ip",
    "your ip",
    "requests per second",
    "overall-requests",
    "overall requests",
];
const ACCOUNT: [&str; 8] = [
    "new order",
    "new-order",
    "neworder",
    "pending authorization",
    "pending order",
    "account",
    "quota",
    "subscriber",
];

/// Reads what a CA says of a limit that the order for these names met.
pub(super) fn limit(problem: &Problem, names: &[String]) -> Limit {
    let mut text = format!("{} {}", problem.detail, problem.instance.as_deref().unwrap_or_default());
    for part in &problem.subproblems {
        text.push(' ');
        text.push_str(&part.detail);
    }
    let text = text.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    // A part of a problem that has an identifier is about this one (RFC 8555 section 6.7.1).
    let has_identifier =
        problem.identifier.is_some() || problem.subproblems.iter().any(|part| part.identifier.is_some());
    if says(&NAMES) || has_identifier || names_one(&text, names) {
        Limit::Names
    } else if says(&ADDRESS) {
        Limit::Address
    } else if says(&ACCOUNT) {
        Limit::Account
    } else {
        Limit::Unclear
    }
}

/// Whether one of the names, or a domain of two labels or more above one of them, is a word of the text.
fn names_one(text: &str, names: &[String]) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | ':');
    text.split(|letter| !is_part(letter)).map(|word| word.trim_matches(['.', ':'])).any(|word| {
        word.contains(['.', ':'])
            && names.iter().any(|name| {
                let name = name.strip_prefix("*.").unwrap_or(name);
                name == word || name.strip_suffix(word).is_some_and(|below| below.ends_with('.'))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(detail: &str) -> Problem {
        Problem { kind: "rateLimited".to_owned(), detail: detail.to_owned(), ..Problem::default() }
    }

    #[test]
    fn the_words_of_a_ca_tell_whom_a_limit_is_about() {
        let names = ["www.example.com".to_owned(), "*.example.org".to_owned()];
        let docs = "see https://ca.example/docs/rate-limits/#";
        for (detail, expected) in [
            (
                "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s",
                Limit::Names,
            ),
            (
                &*format!(
                    "too many failed authorizations (5) for \"www.example.com\" in the last 1h0m0s: {docs}authorization-failures-per-identifier-per-account"
                ),
                Limit::Names,
            ),
            ("too many certificates (50) for \"example.com\" in the last 168h0m0s", Limit::Names),
            ("Limit reached for domain EXAMPLE.ORG.", Limit::Names),
            (
                &*format!(
                    "too many new orders (300) from this account in the last 3h0m0s: {docs}new-orders-per-account"
                ),
                Limit::Account,
            ),
            ("too many currently pending authorizations", Limit::Account),
            ("too many new registrations (10) from this IP address in the last 3h0m0s", Limit::Address),
            ("come back later, example.net and ple.com are busy", Limit::Unclear),
            ("no reason given", Limit::Unclear),
        ] {
            assert_eq!(limit(&problem(detail), &names), expected, "{detail}");
        }
    }

    #[test]
    fn a_part_with_an_identifier_is_about_it() {
        let part = Problem { identifier: Some("a.example".to_owned()), ..problem("busy") };
        let whole = Problem { subproblems: vec![part], ..problem("some of the account's names are busy") };
        assert_eq!(limit(&whole, &[]), Limit::Names);
    }
}
