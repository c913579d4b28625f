//! The section `[retention]`: how long what is over is kept.

use std::fmt;
use std::time::Duration;

use certmill_domain::Retention;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::settings::Span;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The section as it is written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RetentionSettings {
    certificates: Option<Kept>,
    private_keys: Option<Kept>,
    csrs: Option<Kept>,
    acme_orders: Option<Kept>,
    events: Option<Kept>,
    webhook_deliveries: Option<Span>,
}

impl RetentionSettings {
    /// What is set, over the defaults. An error is the setting that is too short, and what is wrong with it.
    pub(crate) fn read(self) -> Result<Retention, (&'static str, String)> {
        let default = Retention::default();
        let kept = |written: Option<Kept>| written.and_then(|kept| kept.0);
        let config = Retention {
            certificates: kept(self.certificates),
            private_keys: kept(self.private_keys),
            csrs: kept(self.csrs),
            acme_orders: kept(self.acme_orders),
            events: kept(self.events),
            webhook_deliveries: self.webhook_deliveries.map_or(default.webhook_deliveries, |span| span.0),
        };
        // Clocks of relying parties differ, and what has only just ended is what people look for.
        for (key, kept, least, shown) in [
            ("retention.certificates", config.certificates, DAY, "1d"),
            ("retention.private_keys", config.private_keys, HOUR, "1h"),
            ("retention.csrs", config.csrs, DAY, "1d"),
            ("retention.acme_orders", config.acme_orders, 7 * DAY, "7d"),
            ("retention.events", config.events, 30 * DAY, "30d"),
            ("retention.webhook_deliveries", Some(config.webhook_deliveries), HOUR, "1h"),
        ] {
            if kept.is_some_and(|kept| kept < least) {
                return Err((key, format!("it must be at least {shown}")));
            }
        }
        Ok(config)
    }
}

/// A duration, or `forever`.
struct Kept(Option<Duration>);

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Kept;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"90d\", or \"forever\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Kept, E> {
                if text == "forever" {
                    return Ok(Kept(None));
                }
                let written = de::value::StrDeserializer::new(text);
                Span::deserialize(written).map(|span| Kept(Some(span.0)))
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Kept, E> {
                self.visit_str(&seconds.to_string())
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Kept, E> {
                self.visit_str(&seconds.to_string())
            }
        }

        deserializer.deserialize_any(Text)
    }
}
