//! What client commands print: tables that fit the terminal, single objects, JSON, templates and short sentences.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};

use anyhow::Context;
use certmill_domain::{Clock, SystemClock};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::failure::Failure;
use crate::message::clean;

/// Columns are not made narrower than this: shorter ones are states and times, which have to stay readable.
const NARROWEST: usize = 24;
const GAP: &str = "  ";

/// How the user wants to read.
#[derive(Clone)]
pub(super) struct Output {
    pub(super) json: bool,
    pub(super) quiet: bool,
    pub(super) yes: bool,
    pub(super) template: Option<String>,
}

/// What a cell says, and how much it matters.
#[derive(Default)]
pub(super) struct Cell {
    text: String,
    mark: Mark,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    #[default]
    Plain,
    Good,
    Warning,
    Bad,
}

/// A column: its head, and what a row says there.
pub(super) struct Column(pub(super) &'static str, pub(super) fn(&Value) -> Cell);

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), mark: Mark::Plain }
    }
}

impl Cell {
    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn marked(text: impl Into<String>, mark: Mark) -> Self {
        Self { text: text.into(), mark }
    }
}

impl Output {
    /// Rows as a table, as the objects of the API, or by the template.
    pub(super) fn rows(&self, columns: &[Column], rows: &[Value], has_more: bool) -> anyhow::Result<()> {
        if let Some(template) = &self.template {
            return rows.iter().try_for_each(|row| print(&filled(template, row)?));
        }
        if self.json {
            return print(&serde_json::to_string_pretty(rows)?);
        }
        if rows.is_empty() {
            self.note("nothing found");
            return Ok(());
        }
        print(&table(columns, rows, width(), coloured()))?;
        if has_more {
            self.note(&format!("first {} shown; --all shows everything", rows.len()));
        }
        Ok(())
    }

    /// One object: as it is, by the template, or as lines of name and value.
    pub(super) fn object(&self, object: &Value) -> anyhow::Result<()> {
        if self.is_for_programs() {
            return self.raw(object);
        }
        let mut lines = Vec::new();
        describe(object, "", &mut lines);
        let widest = lines.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
        let mut text = String::new();
        for (name, value) in &lines {
            let _ = writeln!(text, "{name:widest$}  {}", clean(value));
        }
        print(text.trim_end())
    }

    /// Whether `--json` or `--template` was asked for.
    pub(super) const fn is_for_programs(&self) -> bool {
        self.json || self.template.is_some()
    }

    /// An object for programs.
    pub(super) fn raw(&self, object: &Value) -> anyhow::Result<()> {
        match &self.template {
            Some(template) => print(&filled(template, object)?),
            None => print(&serde_json::to_string_pretty(object)?),
        }
    }

    /// One of many objects that come one by one: a line of JSON, by the template, or `text`.
    pub(super) fn line(&self, object: &Value, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        match &self.template {
            Some(template) => print(&filled(template, object)?),
            None if self.json => print(&object.to_string()),
            None => print(&clean(&text())),
        }
    }

    /// After a change: the object for programs, and a sentence for people.
    pub(super) fn done(&self, object: &Value, sentence: &str) -> anyhow::Result<()> {
        if self.is_for_programs() {
            return self.raw(object);
        }
        self.note(sentence);
        Ok(())
    }

    /// A sentence for people, on standard error.
    pub(super) fn note(&self, sentence: &str) {
        if !self.quiet {
            eprintln!("{sentence}");
        }
    }

    /// Asks before something that cannot be undone.
    pub(super) fn confirm(&self, question: &str) -> anyhow::Result<()> {
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Failure::usage(format!("{question} Nobody can be asked here: add --yes")));
        }
        eprint!("{question} [y/N] ");
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).context("no answer")?;
        if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
            return Ok(());
        }
        Err(anyhow::anyhow!("nothing was changed"))
    }
}

/// Writes to the standard output. A closed pipe is no error: the reader needs no more.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// The text at a field of an object; empty when it is absent.
pub(super) fn text(object: &Value, field: &str) -> String {
    match &object[field] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(one_line).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn one_line(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A state, with the colour of what it means.
pub(super) fn state(object: &Value, field: &str) -> Cell {
    let text = text(object, field);
    let mark = match text.as_str() {
        "active" | "valid" | "signed" | "approved" | "succeeded" | "done" => Mark::Good,
        "revoked" | "invalid" | "expired" | "dead" | "rejected" | "deactivated" => Mark::Bad,
        "pending" | "processing" | "ready" | "queued" | "running" => Mark::Warning,
        _ => Mark::Plain,
    };
    Cell::marked(text, mark)
}

/// A time to come, with the days that are left: `2026-12-28 (30 d)`.
pub(super) fn end(object: &Value, field: &str) -> Cell {
    let written = text(object, field);
    let Some(left) = seconds_left(&written) else {
        return written.into();
    };
    let date = written.split('T').next().unwrap_or_default();
    let mark = match left {
        i64::MIN..=604_799 => Mark::Bad,
        604_800..=2_591_999 => Mark::Warning,
        _ => Mark::Plain,
    };
    Cell::marked(format!("{date} ({})", span(left)), mark)
}

/// The same for what is renewed by itself: only what is over is bad.
pub(super) fn renewed_by(object: &Value, field: &str) -> Cell {
    let cell = end(object, field);
    let is_over = seconds_left(&text(object, field)).is_some_and(|left| left < 0);
    Cell { mark: if is_over { Mark::Bad } else { Mark::Plain }, ..cell }
}

/// Seconds from now to a time of the API; negative for the past.
pub(super) fn seconds_left(time: &str) -> Option<i64> {
    let end = OffsetDateTime::parse(time, &Rfc3339).ok()?;
    Some(end.unix_timestamp() - SystemClock.now().unix_micros() / 1_000_000)
}

fn span(seconds: i64) -> String {
    let ago = if seconds < 0 { " ago" } else { "" };
    let seconds = seconds.unsigned_abs();
    match seconds {
        0..=3_599 => format!("{} min{ago}", seconds / 60),
        3_600..=172_799 => format!("{} h{ago}", seconds / 3_600),
        _ => format!("{} d{ago}", seconds / 86_400),
    }
}

/// Replaces `{field}` and `{outer.inner}`; `{{` and `}}` are braces.
fn filled(template: &str, object: &Value) -> anyhow::Result<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if from.starts_with("{{") || from.starts_with("}}") {
            out.push_str(&from[..1]);
            rest = &from[2..];
            continue;
        }
        let Some((path, after)) = from.strip_prefix('{').and_then(|from| from.split_once('}')) else {
            return Err(Failure::usage(format!(
                "the template `{template}` has a brace without its other half"
            )));
        };
        let value = path.split('.').fold(object, |value, field| match value {
            Value::Array(items) => {
                field.parse().ok().and_then(|at: usize| items.get(at)).unwrap_or(&Value::Null)
            }
            other => &other[field],
        });
        match value {
            Value::Null => {}
            Value::Array(items) => {
                out.push_str(&clean(&items.iter().map(one_line).collect::<Vec<_>>().join(",")));
            }
            other => out.push_str(&clean(&one_line(other))),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Names and values of an object, nested ones with their path. What is null or empty is left out.
fn describe(value: &Value, prefix: &str, lines: &mut Vec<(String, String)>) {
    let Value::Object(fields) = value else {
        return;
    };
    for (name, value) in fields {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Null => {}
            Value::Object(_) => describe(value, &path, lines),
            Value::Array(items) if items.is_empty() => {}
            Value::Array(items) if items.iter().any(Value::is_object) => {
                for (at, item) in items.iter().enumerate() {
                    describe(item, &format!("{path}.{at}"), lines);
                }
            }
            Value::Array(items) => {
                lines.push((path, items.iter().map(one_line).collect::<Vec<_>>().join(", ")));
            }
            // PEM is for files; `--json` and `--template` give it.
            Value::String(text) if text.starts_with("-----BEGIN") || text.is_empty() => {}
            Value::String(text) => {
                let left = seconds_left(text).map(|left| format!(" ({})", span(left))).unwrap_or_default();
                lines.push((path, format!("{text}{left}")));
            }
            other => lines.push((path, other.to_string())),
        }
    }
}

fn table(columns: &[Column], rows: &[Value], width: Option<usize>, coloured: bool) -> String {
    let cells: Vec<Vec<Cell>> =
        rows.iter().map(|row| columns.iter().map(|column| (column.1)(row)).collect()).collect();
    let mut widths: Vec<usize> = columns.iter().map(|column| column.0.width()).collect();
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.text.width());
        }
    }
    let cells_widths = widths.clone();
    if let Some(width) = width {
        // An id is there to be copied.
        let mut texts: Vec<&mut usize> = columns
            .iter()
            .zip(&mut widths)
            .filter(|(column, _)| column.0 != "id")
            .map(|(_, width)| width)
            .collect();
        let ids: usize = columns
            .iter()
            .zip(&cells_widths)
            .filter(|(column, _)| column.0 == "id")
            .map(|(_, width)| *width)
            .sum();
        fit(&mut texts, width.saturating_sub(ids + GAP.len() * columns.len().saturating_sub(1)));
    }
    let mut out = String::new();
    let head = columns.iter().map(|column| Cell::from(column.0.to_uppercase()));
    line(&mut out, &head.collect::<Vec<_>>(), &widths, false);
    for row in &cells {
        out.push('\n');
        line(&mut out, row, &widths, coloured);
    }
    out
}

/// Takes from the widest column until they fit; a table that cannot is left to the terminal.
fn fit(widths: &mut [&mut usize], room: usize) {
    while widths.iter().map(|width| **width).sum::<usize>() > room {
        match widths.iter_mut().max() {
            Some(widest) if **widest > NARROWEST => **widest -= 1,
            _ => return,
        }
    }
}

fn line(out: &mut String, cells: &[Cell], widths: &[usize], coloured: bool) {
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let shown = cut(&cell.text, *width);
        let blanks = if at + 1 == cells.len() { 0 } else { width - shown.width() + GAP.len() };
        let colour = match cell.mark {
            _ if !coloured => None,
            Mark::Plain => None,
            Mark::Good => Some("32"),
            Mark::Warning => Some("33"),
            Mark::Bad => Some("31"),
        };
        match colour {
            Some(colour) => {
                let _ = write!(out, "\u{1b}[{colour}m{shown}\u{1b}[0m");
            }
            None => out.push_str(&shown),
        }
        out.extend(std::iter::repeat_n(' ', blanks));
    }
    out.truncate(out.trim_end_matches(' ').len());
}

/// The text in at most `width` columns. Control characters do not reach the terminal.
fn cut(text: &str, width: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if clean.width() <= width {
        return clean;
    }
    let mut out = String::new();
    let mut used = 1;
    for character in clean.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        out.push(character);
    }
    out.push('…');
    out
}

/// The width of the terminal; none when the output goes elsewhere.
fn width() -> Option<usize> {
    rustix::termios::tcgetwinsize(std::io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
}

/// Colours only on a terminal, and not against NO_COLOR (no-color.org).
fn coloured() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_fits_and_control_characters_do_not_reach_the_terminal() {
        let columns =
            [Column("name", |row| text(row, "name").into()), Column("status", |row| state(row, "status"))];
        let rows = [
            json!({"name": "a-very-long-name-indeed.example.internal", "status": "active"}),
            json!({"name": "b\u{1b}[2J", "status": "revoked"}),
        ];
        assert_eq!(
            table(&columns, &rows, Some(33), false),
            "NAME                      STATUS\na-very-long-name-indeed…  active\nb [2J                     revoked"
        );
        assert!(table(&columns, &rows, None, true).contains("\u{1b}[32mactive\u{1b}[0m"));
    }

    #[test]
    fn templates_reach_into_objects_and_lists() {
        let object = json!({"name": "web", "sans": {"dns": ["a", "b"]}, "crl": null, "n": 3});
        for (template, said) in [
            ("{name} {n}", "web 3"),
            ("{sans.dns}|{sans.dns.1}|{crl}|{none.here}", "a,b|b||"),
            ("{{{name}}}", "{web}"),
        ] {
            assert_eq!(filled(template, &object).unwrap(), said);
        }
        assert!(filled("{name", &object).is_err());
        assert!(filled("name}", &object).is_err());
    }
}
