//! Why an entry of `allowed_domains` permits a name, and why it does not.

use super::{Candidate, DomainPattern, Form, Opening, Switches, is_under};

/// Why an entry does not permit a name.
#[derive(Debug)]
pub(crate) struct Miss {
    /// How far the name is from what the entry permits.
    pub(crate) nearness: Nearness,
    /// What is missing, as a phrase.
    pub(crate) reason: String,
}

/// How far a name is from what an entry permits, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Nearness {
    /// A switch of the role would be enough.
    Switch,
    /// The name is on the wrong side of the entry, or only looks alike.
    Alike,
    /// Names of this sort cannot match, or the pattern does not.
    NoMatch,
    /// Another domain altogether.
    Elsewhere,
}

impl DomainPattern {
    /// Why the entry permits the name.
    pub(crate) fn permission(&self, name: Candidate<'_>, opening: Opening) -> String {
        let text = &self.text;
        let shown = self.shown(name);
        let (apex, by) = match opening {
            Opening::Bare => return format!("`{shown}` is an entry itself (allow_bare_domains)"),
            Opening::Glob => return format!("`{shown}` matches `{text}` (allow_glob_domains)"),
            Opening::Subdomains => (text.as_str(), "allow_subdomains".to_owned()),
            Opening::StarEntry => (self.star_base(), format!("entry `{text}`")),
        };
        if name.wildcard_base == Some(apex) {
            return format!("`{shown}` stands for names directly below `{apex}` ({by})");
        }
        format!("`{shown}` is below `{apex}` ({by})")
    }

    /// Why the entry does not permit the name.
    pub(crate) fn miss(&self, name: Candidate<'_>, switches: Switches) -> Miss {
        // Asking the rule itself, with every switch on, keeps the advice from ever being wrong.
        let every = Switches { bare: true, subdomains: true, globs: true, ..switches };
        let needed = self.opening(name, every).and_then(|opening| opening.switch().map(|by| (opening, by)));
        let (nearness, reason) = match needed {
            Some((opening, switch)) => {
                let reason = format!("{} needs {switch}", self.closed(opening));
                (Nearness::Switch, reason)
            }
            None => self.distance(name),
        };
        Miss { nearness, reason }
    }

    fn closed(&self, opening: Opening) -> String {
        let text = &self.text;
        match opening {
            Opening::Bare => format!("`{text}` itself"),
            Opening::Subdomains => format!("a name below `{text}`"),
            Opening::StarEntry => format!("a name below `{}`", self.star_base()),
            Opening::Glob => format!("a name that matches `{text}`"),
        }
    }

    /// For a name that no switch would make the entry permit.
    fn distance(&self, name: Candidate<'_>) -> (Nearness, String) {
        let text = &self.text;
        let host = name.host;
        let apex = match self.form {
            Form::Plain => text.as_str(),
            Form::Below => self.star_base(),
            Form::Glob => return (Nearness::NoMatch, format!("`{text}` does not match")),
            Form::Email if name.email.is_none() => {
                return (Nearness::NoMatch, format!("`{text}` is for e-mail addresses only"));
            }
            Form::Email => return (Nearness::NoMatch, format!("`{text}` does not match the address")),
        };
        let above = name.wildcard_base.unwrap_or(host);
        let entry = Candidate { host: apex, wildcard_base: None, email: None };
        if host == apex {
            return (Nearness::Alike, format!("`{text}` permits names below `{apex}`, but not `{apex}`"));
        }
        if is_under(entry, above) {
            return (Nearness::Alike, format!("`{host}` is not below `{apex}` but reaches above it"));
        }
        if host.strip_suffix(apex).is_some_and(|rest| !rest.is_empty()) {
            let reason = format!("`{host}` ends in `{apex}`, but without a dot before it is not below it");
            return (Nearness::Alike, reason);
        }
        if host.strip_prefix(apex).is_some_and(|rest| rest.starts_with('.')) {
            let reason = format!("`{host}` has `{apex}` at its start and not at its end");
            return (Nearness::Alike, reason);
        }
        (Nearness::Elsewhere, format!("`{host}` is not within `{apex}`"))
    }

    /// The name in the form that the entry was compared with.
    fn shown<'a>(&self, name: Candidate<'a>) -> &'a str {
        match self.form {
            Form::Email => name.email.unwrap_or(name.host),
            Form::Plain | Form::Below | Form::Glob => name.host,
        }
    }

    fn star_base(&self) -> &str {
        self.text.strip_prefix("*.").unwrap_or(&self.text)
    }
}
