//! The log.

use std::env;
use std::io::{self, IsTerminal};
use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::TelemetryError;
use crate::escape::Escaped;

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people, one line per event; in colours when standard error is a terminal and `NO_COLOR` is not set.
    Text,
    /// One JSON object per line: `timestamp`, `level`, `message`, `target`, the event's own fields, and
    /// `spans`, an array of objects with the spans' fields (such as `request.id`), outermost first.
    Json,
}

/// Starts the log of this process, on standard error. `filter` is a level, or a list of directives
/// such as `info,certmill_queue=debug` (the syntax of `tracing_subscriber::EnvFilter`).
///
/// # Errors
/// [`TelemetryError::InvalidFilter`]; [`TelemetryError::AlreadyInstalled`] when called twice.
pub fn init_logging(format: Format, filter: &str) -> Result<(), TelemetryError> {
    // https://no-color.org: present and not empty.
    let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let ansi = io::stderr().is_terminal() && !no_color;
    let subscriber = subscriber(format, parse_filter(filter)?, ansi, io::stderr);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::AlreadyInstalled("logs"))
}

fn subscriber<W>(
    format: Format,
    filter: EnvFilter,
    ansi: bool,
    writer: W,
) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    // A line that cannot be written, because the disk of the log is full, is lost; complaining on the standard error,
    // which may be the same file, would end the work at hand with a panic.
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).log_internal_errors(false);
    match format {
        Format::Text => Box::new(builder.with_ansi(ansi).fmt_fields(Escaped).finish()),
        Format::Json => Box::new(
            // All spans and not just the innermost, because the request's id is in the outermost.
            builder.json().flatten_event(true).with_current_span(false).with_span_list(true).finish(),
        ),
    }
}

fn parse_filter(filter: &str) -> Result<EnvFilter, TelemetryError> {
    let invalid = |problem: String| TelemetryError::InvalidFilter { filter: filter.to_owned(), problem };
    let directives: Vec<&str> = filter.split(',').map(str::trim).collect();
    for directive in &directives {
        // A bare word that is no level would be taken for the name of a part: `inof` would silence the log.
        let is_level = !directive.is_empty() && LevelFilter::from_str(directive).is_ok();
        if !is_level && !directive.contains(['=', '[']) {
            return Err(invalid(format!("`{directive}` is not a level")));
        }
    }
    EnvFilter::builder().parse(directives.join(",")).map_err(|error| invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written while `events` runs.
    fn log(format: Format, filter: &str, events: impl FnOnce()) -> Vec<String> {
        written(format, filter, events).lines().map(str::to_owned).collect()
    }

    fn written(format: Format, filter: &str, events: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(format, parse_filter(filter).unwrap(), false, move || writer.clone());
        tracing::subscriber::with_default(subscriber, events);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn answer_a_request() {
        let request = tracing::info_span!("request", request.id = "req_1");
        let _request = request.enter();
        let inner = tracing::info_span!("inner", ca.id = "ca_1");
        let _inner = inner.enter();
        tracing::info!(certificate.serial = "0a:0b", "the certificate is \"issued\"\nnow");
        tracing::debug!("not logged");
    }

    #[test]
    fn json_is_one_object_per_line_with_the_fields_of_all_spans() {
        let lines = log(Format::Json, "info", answer_a_request);
        assert_eq!(lines.len(), 1, "{lines:?}");
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(line["message"], "the certificate is \"issued\"\nnow");
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["certificate.serial"], "0a:0b");
        assert_eq!(line["spans"][0]["request.id"], "req_1");
        assert_eq!(line["spans"][1]["ca.id"], "ca_1");
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn text_has_the_fields_and_no_colour() {
        let lines = log(Format::Text, "info", answer_a_request);
        let text = lines.join("\n");
        assert!(
            text.contains("request.id=\"req_1\"") && text.contains("certificate.serial=\"0a:0b\""),
            "{text}"
        );
        assert!(!text.contains('\u{1b}') && !text.contains("not logged"), "{text}");
    }

    /// An ACME server, a DNS provider or a client may have written any text that is logged.
    #[test]
    fn foreign_texts_make_no_lines_of_their_own_and_steer_no_terminal() {
        let foreign = "no\n2026-01-01T00:00:00Z  INFO certmill::audit: admin token created\r\u{1b}[2Jx\0\u{9b}y\u{202e}z\u{2028}";
        let events = || {
            let error = std::io::Error::other(foreign);
            let span = tracing::info_span!("request", shown = %foreign, debugged = ?foreign);
            let _span = span.enter();
            span.record("debugged", tracing::field::display(foreign));
            tracing::warn!(error = &error as &dyn std::error::Error, shown = %foreign, plain = foreign, "{foreign}");
        };
        let bytes = written(Format::Text, "info", events);
        let line = bytes.strip_suffix('\n').unwrap();
        assert!(line.matches("admin token created").count() >= 6, "every way to log a text: {line:?}");
        let harmful = |c: char| c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c);
        assert!(!line.contains(harmful), "{line:?}");
        assert!(
            line.contains(r"no\n2026") && line.contains(r"\u{1b}[2J") && line.contains(r"\u{202e}z"),
            "{line:?}"
        );
        let bytes = written(Format::Json, "info", events);
        assert!(!bytes.trim_end_matches('\n').contains(|c: char| c < ' '), "{bytes:?}");
    }

    #[test]
    fn parts_have_levels_of_their_own() {
        let lines = log(Format::Text, "warn, certmill_telemetry::logging=debug", answer_a_request);
        assert!(lines.iter().any(|line| line.contains("not logged")), "{lines:?}");
        assert!(log(Format::Text, "off", answer_a_request).is_empty());
    }

    #[test]
    fn a_filter_that_would_silence_the_log_by_mistake_is_refused() {
        for filter in ["inof", "", "info,", "certmill_api", "info,certmill_api=loud", "info;debug"] {
            let message = parse_filter(filter).err().map(|error| error.to_string());
            assert!(message.is_some_and(|message| message.contains("info,certmill_queue=debug")), "{filter}");
        }
        for filter in ["info", "WARN", "info,certmill_queue=debug", "off,[request]=info"] {
            assert!(parse_filter(filter).is_ok(), "{filter}");
        }
    }
}
