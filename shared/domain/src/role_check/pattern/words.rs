//! Why an entry of `allowed_domains` permits a name, and why it does not.

use super::{Candidate, DomainPattern, Form, Opening, Switches, is_under};

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

/// What lies between an entry and a name that it does not permit; most know the name that the entry is about.
enum Gap<'a> {
    /// A switch that is off.
    Switch(Opening, &'static str),
    NoMatch,
    EmailOnly,
    OtherEmail,
    Apex(&'a str),
    Above(&'a str),
    NoDot(&'a str),
    AtStart(&'a str),
    Elsewhere(&'a str),
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

    /// How far the name is from what the entry permits. Nothing is written for it.
    pub(crate) fn nearness(&self, name: Candidate<'_>, switches: Switches) -> Nearness {
        match self.gap(name, switches) {
            Gap::Switch(..) => Nearness::Switch,
            Gap::Apex(_) | Gap::Above(_) | Gap::NoDot(_) | Gap::AtStart(_) => Nearness::Alike,
            Gap::NoMatch | Gap::EmailOnly | Gap::OtherEmail => Nearness::NoMatch,
            Gap::Elsewhere(_) => Nearness::Elsewhere,
        }
    }

    /// Why the entry does not permit the name, as a phrase.
    pub(crate) fn miss(&self, name: Candidate<'_>, switches: Switches) -> String {
        let (text, host) = (&self.text, name.host);
        match self.gap(name, switches) {
            Gap::Switch(opening, switch) => format!("{} needs {switch}", self.closed(opening)),
            Gap::NoMatch => format!("`{text}` does not match"),
            Gap::EmailOnly => format!("`{text}` is for e-mail addresses only"),
            Gap::OtherEmail => format!("`{text}` does not match the address"),
            Gap::Apex(apex) => format!("`{text}` permits names below `{apex}`, but not `{apex}`"),
            Gap::Above(apex) => format!("`{host}` is not below `{apex}` but reaches above it"),
            Gap::NoDot(apex) => {
                format!("`{host}` ends in `{apex}`, but without a dot before it is not below it")
            }
            Gap::AtStart(apex) => format!("`{host}` has `{apex}` at its start and not at its end"),
            Gap::Elsewhere(apex) => format!("`{host}` is not within `{apex}`"),
        }
    }

    fn gap(&self, name: Candidate<'_>, switches: Switches) -> Gap<'_> {
        // Asking the rule itself, with every switch on, keeps the advice from ever being wrong.
        let every = Switches { bare: true, subdomains: true, globs: true, ..switches };
        let needed = self.opening(name, every).and_then(|opening| opening.switch().map(|by| (opening, by)));
        match needed {
            Some((opening, switch)) => Gap::Switch(opening, switch),
            None => self.distance(name),
        }
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
    fn distance(&self, name: Candidate<'_>) -> Gap<'_> {
        let host = name.host;
        let apex = match self.form {
            Form::Plain => self.text.as_str(),
            Form::Below => self.star_base(),
            Form::Glob => return Gap::NoMatch,
            Form::Email if name.email.is_none() => return Gap::EmailOnly,
            Form::Email => return Gap::OtherEmail,
        };
        let above = name.wildcard_base.unwrap_or(host);
        let entry = Candidate { host: apex, wildcard_base: None, email: None };
        if host == apex {
            return Gap::Apex(apex);
        }
        if is_under(entry, above) {
            return Gap::Above(apex);
        }
        if host.strip_suffix(apex).is_some_and(|rest| !rest.is_empty()) {
            return Gap::NoDot(apex);
        }
        if host.strip_prefix(apex).is_some_and(|rest| rest.starts_with('.')) {
            return Gap::AtStart(apex);
        }
        Gap::Elsewhere(apex)
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
