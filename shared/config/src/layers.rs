//! The places that settings come from, one upon the other.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use figment::error::{Actual, Kind};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use crate::places::{Places, syntax_error};
use crate::settings::Settings;
use crate::sources::{Origin, in_words};
use crate::{Config, ConfigError, Flags, Sources, check};

const PREFIX: &str = "CERTMILL_";
/// Names without the prefix that hosting platforms set. The prefixed ones win over them.
const COMMON_NAMES: [&str; 2] = ["DATABASE_URL", "REDIS_URL"];
/// The path of the configuration file.
const FILE_NAME: &str = "CERTMILL_CONFIG";
/// What client commands read, which may well be set where the service runs.
const OF_CLIENTS: [&str; 4] = ["CERTMILL_TOKEN", "CERTMILL_URL", "CERTMILL_PROFILE", "CERTMILL_CA_FILE"];

impl Config {
    /// Reads and checks the settings: defaults, then the file, then the environment, then the flags;
    /// the later wins. Without `file`, `CERTMILL_CONFIG` may name it.
    ///
    /// # Errors
    /// [`ConfigError`] for the first thing that is wrong, with its place.
    pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Self, ConfigError> {
        Self::load_with_environment(file, env::vars_os(), flags)
    }

    /// As [`Self::load`], with where each setting was written.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with_sources(file: Option<&Path>, flags: &Flags) -> Result<(Self, Sources), ConfigError> {
        let sources = read(file, env::vars_os(), flags)?;
        Ok((check::finish(&sources)?, sources))
    }

    /// As [`Self::load`], with the environment as an argument.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with_environment(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        flags: &Flags,
    ) -> Result<Self, ConfigError> {
        check::finish(&read(file, environment, flags)?)
    }
}

/// All layers in one, every one of them checked by itself first: a mistake in the file shows even
/// while the environment covers it, and its place is known.
fn read(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    flags: &Flags,
) -> Result<Sources, ConfigError> {
    let variables = variables(environment)?;
    let named = variables.iter().find(|variable| variable.name == FILE_NAME && !variable.value.is_empty());
    let mut layers = Vec::new();
    match (file, named) {
        (Some(path), _) => layers.push(Layer::file(path, "the command line or CERTMILL_CONFIG")?),
        (None, Some(variable)) => {
            layers.push(Layer::file(Path::new(&variable.value), &variable.origin().to_string())?);
        }
        (None, None) => {}
    }
    for variable in variables.iter().filter(|variable| variable.name != FILE_NAME) {
        layers.extend(Layer::variable(variable)?);
    }
    layers.push(Layer::flags(flags)?);
    let mut sources = Sources { merged: Figment::new(), origins: Vec::new(), places: Places::default() };
    for layer in layers {
        layer.check()?;
        sources.merged = sources.merged.merge(&layer);
        sources.origins.push(layer.origin);
        if let Some(places) = layer.places {
            sources.places = places;
        }
    }
    Ok(sources)
}

/// Settings from one place: the file, one variable, or the flags.
struct Layer {
    origin: Origin,
    data: Dict,
    /// Where each setting stands in the file.
    places: Option<Places>,
}

impl Layer {
    fn file(path: &Path, named_in: &str) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            key: "config".to_owned(),
            origin: named_in.to_owned(),
            path: path.to_owned(),
            source,
        })?;
        let data = toml::from_str(&text).map_err(|error| syntax_error(path, &text, &error))?;
        let places = Some(Places::of(path, &text)?);
        Ok(Self { origin: Origin::File(path.to_owned()), data, places })
    }

    /// Nothing for a variable that is empty, as compose files write those that are not set.
    fn variable(variable: &Variable) -> Result<Option<Self>, ConfigError> {
        let key = variable.name.strip_prefix(PREFIX).unwrap_or(&variable.name).to_ascii_lowercase();
        // A text, always: a guess would make a number of a key that happens to be `12e5…`.
        let value = Value::from(variable.value.as_str());
        let mut names = key.split("__").collect::<Vec<_>>().into_iter().rev();
        let innermost = names.next().unwrap_or_default().to_owned();
        let data = names.fold(Dict::from([(innermost, value)]), |inner, name| {
            Dict::from([(name.to_owned(), Value::from(inner))])
        });
        let layer = Self { origin: variable.origin(), data, places: None };
        if !variable.value.is_empty() {
            return Ok(Some(layer));
        }
        match layer.extract() {
            Err(error) if matches!(error.kind, Kind::UnknownField(..)) => Err(layer.problem(&error)),
            _ => Ok(None),
        }
    }

    fn flags(flags: &Flags) -> Result<Self, ConfigError> {
        let value = Value::serialize(flags).map_err(|error| ConfigError::Invalid {
            key: "flags".to_owned(),
            origin: Origin::Flags.to_string(),
            problem: error.to_string(),
        })?;
        let mut data = value.into_dict().unwrap_or_default();
        if let Some(format) = &flags.log_format {
            let format = Dict::from([("format".to_owned(), Value::from(format.as_str()))]);
            data.insert("log".to_owned(), Value::from(format));
        }
        Ok(Self { origin: Origin::Flags, data, places: None })
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.extract().map(drop).map_err(|error| self.problem(&error))
    }

    #[expect(clippy::result_large_err, reason = "figment's error; it is made once, at the start")]
    fn extract(&self) -> figment::Result<Settings> {
        Figment::from(self).extract_lossy()
    }

    fn problem(&self, error: &figment::Error) -> ConfigError {
        let key = error.path.join(".");
        let origin = match &self.places {
            Some(places) => in_words(&self.origin, places, &key),
            None => self.origin.to_string(),
        };
        ConfigError::Invalid { key, origin, problem: problem(&error.kind) }
    }
}

impl Provider for &Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.to_string())
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Map::from([(Profile::Default, self.data.clone())]))
    }
}

/// An environment variable that concerns this program.
struct Variable {
    name: String,
    value: String,
}

impl Variable {
    fn origin(&self) -> Origin {
        Origin::Variable(self.name.clone())
    }
}

/// The variables that concern this program; the common names first, so that the prefixed ones win.
fn variables(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<Variable>, ConfigError> {
    let mut variables = Vec::new();
    for (name, value) in environment {
        let Some(name) = name.to_str() else { continue };
        if !(name.starts_with(PREFIX) || COMMON_NAMES.contains(&name)) || OF_CLIENTS.contains(&name) {
            continue;
        }
        let Ok(value) = value.into_string() else {
            return Err(ConfigError::Invalid {
                key: name.trim_start_matches(PREFIX).to_ascii_lowercase(),
                origin: Origin::Variable(name.to_owned()).to_string(),
                problem: "the value is not UTF-8 text".to_owned(),
            });
        };
        if !is_service_link(name, &value) {
            variables.push(Variable { name: name.to_owned(), value });
        }
    }
    variables.sort_by_key(|variable| (variable.name.starts_with(PREFIX), variable.name.clone()));
    Ok(variables)
}

/// Whether a cluster set this variable to tell where a service is: Kubernetes gives every pod
/// `<SERVICE>_SERVICE_HOST`, `<SERVICE>_PORT=tcp://…`, `<SERVICE>_PORT_8080_TCP_ADDR` and more for
/// each service, and one of them is probably named `certmill`.
fn is_service_link(name: &str, value: &str) -> bool {
    let port_of_protocol = ["_TCP", "_UDP", "_SCTP"].iter().any(|protocol| {
        name.split_once("_PORT_").is_some_and(|(_, rest)| {
            rest.split_once(protocol)
                .is_some_and(|(port, _)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
        })
    });
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && value.contains("://"))
        || port_of_protocol
}

/// What is wrong and what would be right, without the value, which may be a secret.
fn problem(kind: &Kind) -> String {
    match kind {
        Kind::UnknownField(_, known) => {
            format!("there is no such setting; here are known: {}", known.join(", "))
        }
        Kind::UnknownVariant(found, known) => format!("`{found}` is not one of {}", known.join(", ")),
        Kind::InvalidType(found, wanted) | Kind::InvalidValue(found, wanted) => {
            format!("this is {}, but {} is wanted", described(found), wanted_value(wanted))
        }
        Kind::ISizeOutOfRange(_) | Kind::USizeOutOfRange(_) => "the number is out of range".to_owned(),
        other => other.to_string(),
    }
}

fn described(found: &Actual) -> &'static str {
    match found {
        Actual::Bool(_) => "a boolean",
        Actual::Unsigned(_) | Actual::Signed(_) => "a whole number",
        Actual::Float(_) => "a number with a fraction",
        Actual::Char(_) | Actual::Str(_) => "a text",
        Actual::Seq => "a list",
        Actual::Map => "a section",
        Actual::Unit | Actual::Option => "nothing",
        _ => "something else",
    }
}

/// Says in the reader's words what serde calls by the names of Rust's types.
fn wanted_value(wanted: &str) -> &str {
    match wanted {
        "u16" => "a number from 1 to 65535",
        "u32" | "usize" => "a whole number that is not negative",
        "a boolean" | "bool" => "true or false",
        "a string" | "string" | "path string" => "a text in quotes",
        wanted if wanted.starts_with("struct ") => "a section with settings of its own",
        wanted => wanted,
    }
}

#[cfg(test)]
mod tests;
