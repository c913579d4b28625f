use std::io::Write;
use std::time::Duration;

use certmill_domain::Ttl;
use tempfile::NamedTempFile;

use super::*;
use crate::{LogFormat, MailTls, S3Credentials, S3Identity};

const SAMPLE: &str = include_str!("../../../../certmill.sample.toml");
/// Settings without a default that a line could show.
const WITHOUT_DEFAULT: [&str; 51] = [
    "database_url",
    "database_url_file",
    "redis_url",
    "redis_url_file",
    "trusted_proxies",
    "tls_cert",
    "tls_key",
    "metrics_listen",
    "public_url",
    "root_key",
    "root_key_file",
    "previous_root_keys",
    "previous_root_key_files",
    "allow",
    "ca_file",
    "http_listen",
    "tls_alpn_listen",
    "ambient_credentials",
    "directories",
    "fallback_accounts",
    "resolvers",
    "issue",
    "sign",
    "admin",
    "acme",
    "validate",
    "read",
    "max_connections_per_address",
    "cors_origins",
    "ca",
    "names",
    "tenant",
    "validity",
    "folder",
    "bucket",
    "region",
    "endpoint",
    "prefix",
    "access_key_id",
    "secret_access_key",
    "secret_access_key_file",
    "ambient",
    "host",
    "port",
    "tls",
    "from",
    "username",
    "password",
    "password_file",
    "default_owners",
    "allowed_domains",
];

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn load(text: &str, variables: &[(&str, &str)], flags: &Flags) -> Result<Config, ConfigError> {
    let file = file(text);
    let environment = variables.iter().map(|(name, value)| (name.into(), value.into()));
    Config::load_with_environment(Some(file.path()), environment, flags)
}

fn from_file(text: &str) -> Result<Config, ConfigError> {
    load(text, &[], &Flags::default())
}

fn from_environment(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    load("", variables, &Flags::default())
}

fn error(result: Result<Config, ConfigError>) -> String {
    result.err().unwrap().to_string()
}

fn seconds(text: &str) -> std::time::Duration {
    text.parse::<Ttl>().unwrap().duration()
}

/// The key of a line of the sample that is a setting.
fn sample_key(line: &str) -> Option<&str> {
    let (key, _) = line.strip_prefix('#')?.split_once(" = ")?;
    key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_').then_some(key)
}

/// The sample with the `#` taken from the settings that are chosen.
fn sample_with(chosen: impl Fn(&str) -> bool) -> String {
    let lines = SAMPLE.lines().map(|line| match sample_key(line) {
        Some(key) if chosen(key) => line.trim_start_matches('#'),
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every setting there is, as `section.name`, from what the parser says that it knows.
fn known_settings() -> Vec<String> {
    let known = |path: &str| {
        let figment = Figment::from(&Layer { origin: Origin::Flags, data: Dict::new(), places: None })
            .merge((format!("{path}no_such_setting"), 1));
        match figment.extract::<Settings>().err().unwrap().kind {
            Kind::UnknownField(_, known) => known,
            other => panic!("{other}"),
        }
    };
    let sections = [
        "crl",
        "events",
        "endpoints",
        "acme",
        "dns",
        "egress",
        "worker",
        "key_pool",
        "jobs",
        "retention",
        "rate_limits",
        "log",
        "http",
        "tls_self",
        "publish",
        "mail",
    ];
    let mut settings = Vec::new();
    for name in known("") {
        if sections.contains(name) {
            for inner in known(&format!("{name}.")) {
                let inner = format!("{name}.{inner}");
                if inner == "publish.s3" {
                    settings.extend(known("publish.s3.").iter().map(|name| format!("{inner}.{name}")));
                } else {
                    settings.push(inner);
                }
            }
        } else {
            settings.push((*name).to_owned());
        }
    }
    settings
}

#[test]
fn the_sample_as_it_stands_changes_nothing() {
    assert_eq!(format!("{:?}", from_file(SAMPLE).unwrap()), format!("{:?}", Config::default()));
}

#[test]
fn the_defaults_in_the_sample_are_the_defaults() {
    let text = sample_with(|key| !WITHOUT_DEFAULT.contains(&key));
    assert!(text.contains("\nlifetime = \"72h\""), "{text}");
    assert_eq!(format!("{:?}", from_file(&text).unwrap()), format!("{:?}", Config::default()));
}

#[test]
fn the_examples_in_the_sample_are_accepted() {
    let alternatives = [
        "database_url_file",
        "redis_url_file",
        "root_key_file",
        "previous_root_key_files",
        "plain_http",
        "password_file",
        "ca",
        "names",
        "secret_access_key_file",
        "ambient",
    ];
    let own = from_file(&sample_with(|key| ["ca", "names", "tenant", "validity"].contains(&key))).unwrap();
    assert_eq!(own.tls_self.unwrap().names, ["pki.example.com", "192.0.2.10"]);
    let config = from_file(&sample_with(|key| !alternatives.contains(&key))).unwrap();
    assert!(config.database_url.is_some() && config.redis_url.is_some());
    assert!(config.tls_cert.is_some() && config.metrics_listen.is_some() && config.public_url.is_some());
    let mail = config.mail.server.as_ref().unwrap();
    assert_eq!((mail.port, mail.login.as_ref().unwrap().0.as_str()), (587, "certmill"));
    assert_eq!(config.root_key_text().unwrap().unwrap().len(), 64);
    assert_eq!(config.previous_root_key_texts().unwrap().len(), 1);
    let config = from_file(&sample_with(|key| key.ends_with("root_key_file") || key.ends_with("key_files")));
    assert_eq!(config.unwrap().previous_root_key_files.len(), 1);
}

#[test]
fn the_sample_has_every_setting_once_in_its_section() {
    let mut section = String::new();
    let mut documented = Vec::new();
    for line in SAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some(key) = sample_key(line) {
            documented.push(format!("{section}{key}"));
        }
    }
    let mut known = known_settings();
    known.sort();
    documented.sort();
    assert_eq!(documented, known);
}

#[test]
fn unknown_settings_are_refused_with_their_place() {
    let message = error(from_file("[crl]\nlife_time = \"1h\""));
    assert!(message.contains("`crl.life_time`") && message.contains("lifetime, renew_before"), "{message}");
    assert!(error(from_file("lsten = 1")).starts_with("`lsten` in "));
    assert!(error(from_file("[crll]\nlifetime = \"1h\"")).contains("`crll`"));
    for name in ["CERTMILL_FOO", "CERTMILL_CRL__FOO", "CERTMILL_CRL_LIFETIME"] {
        for value in ["1h", ""] {
            let message = error(from_environment(&[(name, value)]));
            assert!(message.contains(&format!("the environment ({name})")), "{message}");
            assert!(message.contains("no such setting"), "{message}");
        }
    }
}

#[test]
fn variables_of_others_do_no_harm() {
    from_environment(&[
        ("CERTMILL_TOKEN", "cmt_x"),
        ("CERTMILL_CONFIG", "/nonexistent, and not read because the file is an argument"),
        ("CERTMILL_SERVICE_HOST", "10.0.0.1"),
        ("CERTMILL_SERVICE_PORT", "8080"),
        ("CERTMILL_SERVICE_PORT_HTTP", "8080"),
        ("CERTMILL_PORT", "tcp://10.0.0.1:8080"),
        ("CERTMILL_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("CERTMILL_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("CERTMILL_API_PORT_8080_TCP_PROTO", "tcp"),
        ("CERTMILL_REDIS_URL", ""),
        ("PATH", "/bin"),
        ("CERTMILLFOO", "1"),
    ])
    .unwrap();
    assert!(error(from_environment(&[("CERTMILL_PORT", "8080")])).contains("CERTMILL_PORT"));
}

#[test]
fn the_later_place_wins() {
    let text = "listen = \"127.0.0.1:1\"\nredis_namespace = \"file\"\n[crl]\nlifetime = \"100h\"";
    let variables = [
        ("CERTMILL_LISTEN", "127.0.0.1:2"),
        ("CERTMILL_CRL__RENEW_BEFORE", "90h"),
        ("DATABASE_URL", "postgres://common/x"),
    ];
    let flags = Flags {
        listen: Some("127.0.0.1:3".to_owned()),
        log_format: Some("json".to_owned()),
        ..Flags::default()
    };
    let config = load(text, &variables, &flags).unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.redis_namespace, "file");
    assert_eq!((config.crl.lifetime, config.crl.renew_before), (seconds("100h"), seconds("90h")));
    assert_eq!(config.database_url.as_deref(), Some("postgres://common/x"));
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.filter, "info");
    assert_eq!(load(text, &variables, &Flags::default()).unwrap().listen.port(), 2);

    let both = [("CERTMILL_DATABASE_URL", "postgres://own/x"), ("DATABASE_URL", "postgres://common/x")];
    assert_eq!(from_environment(&both).unwrap().database_url.as_deref(), Some("postgres://own/x"));
}

#[test]
fn every_flag_arrives() {
    let flags = Flags {
        data_dir: Some("/data".into()),
        listen: Some("[::1]:443".to_owned()),
        database_url: Some("sqlite:///x".to_owned()),
        redis_url: Some("redis://x".to_owned()),
        plain_http: Some(false),
        tls_cert: Some("/c".into()),
        tls_key: Some("/k".into()),
        public_url: Some("https://p/".to_owned()),
        log_format: None,
    };
    let config = load("plain_http = true", &[], &flags).unwrap();
    assert_eq!(config.data_dir, Path::new("/data"));
    assert_eq!(config.listen.to_string(), "[::1]:443");
    assert_eq!(config.database_url.as_deref(), Some("sqlite:///x"));
    assert_eq!(config.redis_url.as_deref(), Some("redis://x"));
    assert!(!config.plain_http);
    assert_eq!(config.tls_cert.as_deref(), Some(Path::new("/c")));
    assert_eq!(config.tls_key.as_deref(), Some(Path::new("/k")));
    assert_eq!(config.public_url.as_deref(), Some("https://p"));
    let wrong = Flags { log_format: Some("xml".to_owned()), ..Flags::default() };
    let message = error(load("", &[], &wrong));
    assert_eq!(message, "`log.format` in the command line: `xml` is not one of text, json");
}

#[test]
fn the_environment_can_hold_every_kind_of_value() {
    // All digits, and the form of a number with an exponent: still texts.
    for key in ["1".repeat(64), format!("{}e{}", "1".repeat(31), "2".repeat(32))] {
        let config = from_environment(&[
            ("CERTMILL_ROOT_KEY", &key),
            ("CERTMILL_PREVIOUS_ROOT_KEYS", &format!("{key}, {key}")),
            ("CERTMILL_PLAIN_HTTP", "true"),
            ("CERTMILL_WORKER__CONCURRENCY", "3"),
            ("CERTMILL_WORKER__NAME", "7"),
            ("CERTMILL_CRL__LIFETIME", "360000"),
        ])
        .unwrap();
        assert_eq!(*config.root_key_text().unwrap().unwrap(), key);
        assert_eq!(config.previous_root_key_texts().unwrap().len(), 2);
        assert!(config.plain_http);
        assert_eq!((config.worker.concurrency, config.worker.name.as_str()), (3, "7"));
        assert_eq!(config.crl.lifetime, seconds("100h"));
    }
    assert_eq!(from_file("[crl]\nlifetime = 360000").unwrap().crl.lifetime, seconds("100h"));
}

#[test]
fn wrong_values_are_named_with_what_would_be_right() {
    for (text, key, expected) in [
        ("listen = \"localhost:8080\"", "`listen`", "127.0.0.1:8080"),
        ("listen = 8080", "`listen`", "an IP address and a port"),
        ("[crl]\nlifetime = \"3 days\"", "`crl.lifetime`", "`90d`"),
        ("[crl]\nlifetime = -1", "`crl.lifetime`", "`90d`"),
        ("[crl]\nlifetime = true", "`crl.lifetime`", "\"72h\""),
        ("crl = 1", "`crl`", "a section with settings of its own"),
        ("plain_http = \"maybe\"", "`plain_http`", "true or false"),
        ("database_max_connections = \"many\"", "`database_max_connections`", "a whole number"),
        ("database_max_connections = -1", "`database_max_connections`", "a whole number"),
        ("database_max_connections = 0", "`database_max_connections`", "at least 1"),
        ("[worker]\nconcurrency = 0", "`worker.concurrency`", "at least 1"),
        ("[worker]\nname = \"a b\"", "`worker.name`", "1 to 64"),
        ("redis_namespace = \"\"", "`redis_namespace`", "1 to 64"),
        ("database_url = \"mysql://root:hunter2@x\"", "`database_url`", "postgres://"),
        ("redis_url = \"localhost\"", "`redis_url`", "redis://"),
        ("root_key = 7357", "`root_key`", "a text in quotes"),
        ("previous_root_keys = [7357]", "`previous_root_keys.0`", "a text in quotes"),
        ("previous_root_key_files = 1", "`previous_root_key_files`", "a text in quotes"),
        ("[log]\nformat = \"xml\"", "`log.format`", "text, json"),
    ] {
        let message = error(from_file(text));
        assert!(message.contains(key) && message.contains(expected), "{text}: {message}");
        assert!(!message.contains("hunter2") && !message.contains("7357"), "{message}");
    }
}

#[test]
fn a_mistake_in_the_file_shows_although_the_environment_covers_it() {
    let file = file("listen = \"nowhere\"");
    let environment = [("CERTMILL_LISTEN".into(), "127.0.0.1:1".into())];
    let message = error(Config::load_with_environment(Some(file.path()), environment, &Flags::default()));
    assert!(message.contains(&file.path().display().to_string()), "{message}");
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (text, variables, expected) in [
        ("tls_cert = \"c\"", &[][..], "`tls_key` is missing"),
        ("", &[("CERTMILL_TLS_KEY", "k")], "`tls_cert` is missing"),
        (
            "tls_cert = \"c\"\ntls_key = \"k\"",
            &[("CERTMILL_PLAIN_HTTP", "true")],
            "`plain_http` in the environment (CERTMILL_PLAIN_HTTP)",
        ),
        ("[crl]\nlifetime = \"24h\"", &[], "`crl.lifetime` in "),
        (
            "[crl]\nlifetime = \"24h\"",
            &[("CERTMILL_CRL__RENEW_BEFORE", "24h")],
            "`crl.renew_before` in the env",
        ),
        ("metrics_listen = \"127.0.0.1:8080\"", &[], "`metrics_listen`"),
    ] {
        let message = error(load(text, variables, &Flags::default()));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_public_url_is_a_base() {
    for (url, base) in [
        ("https://pki.example.com", "https://pki.example.com"),
        ("http://pki.example.com:8080/", "http://pki.example.com:8080"),
        ("https://example.com/pki/", "https://example.com/pki"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ] {
        let config = from_environment(&[("CERTMILL_PUBLIC_URL", url)]).unwrap();
        assert_eq!(config.public_url.as_deref(), Some(base));
    }
    for url in [
        "pki.example.com",
        "ftp://x",
        "https://",
        "https:///x",
        "https://x?y",
        "https://u:hunter2@x",
        "https://a b",
        "https://é.fr",
    ] {
        let message = error(from_environment(&[("CERTMILL_PUBLIC_URL", url)]));
        assert!(message.contains("https://pki.example.com") && !message.contains("hunter2"), "{message}");
    }
}

#[test]
fn secrets_are_read_from_files() {
    let key = file(" 0123abcd\n");
    let old = file("4567\n");
    let url = file("postgres://u:p@db/x\n");
    let redis = file("redis://:p@cache\n");
    let path = |file: &NamedTempFile| file.path().to_str().unwrap().to_owned();
    let config = from_environment(&[
        ("CERTMILL_ROOT_KEY_FILE", &path(&key)),
        ("CERTMILL_PREVIOUS_ROOT_KEY_FILES", &format!("{},{}", path(&old), path(&key))),
        ("CERTMILL_DATABASE_URL_FILE", &path(&url)),
        ("CERTMILL_REDIS_URL_FILE", &path(&redis)),
    ])
    .unwrap();
    assert_eq!(**config.root_key_text().unwrap().unwrap(), *"0123abcd");
    let previous = config.previous_root_key_texts().unwrap();
    assert_eq!(previous.iter().map(|text| text.as_str()).collect::<Vec<_>>(), ["4567", "0123abcd"]);
    assert_eq!(config.database_url.as_deref(), Some("postgres://u:p@db/x"));
    assert_eq!(config.redis_url.as_deref(), Some("redis://:p@cache"));
}

#[test]
fn a_file_that_is_missing_or_empty_is_named() {
    let empty = file(" \n");
    let config = from_file("root_key_file = \"/nonexistent/key\"").unwrap();
    let message = config.root_key_text().err().unwrap().to_string();
    assert!(message.contains("`root_key_file`") && message.contains("/nonexistent/key"), "{message}");
    let config = Config { root_key_file: Some(empty.path().to_owned()), ..Config::default() };
    assert!(config.root_key_text().err().unwrap().to_string().contains("is empty"));
    let message = error(from_environment(&[("CERTMILL_DATABASE_URL_FILE", "/nonexistent/url")]));
    assert!(message.contains("(CERTMILL_DATABASE_URL_FILE)"), "{message}");
    let named = [("CERTMILL_CONFIG".into(), "/nonexistent/certmill.toml".into())];
    let message = error(Config::load_with_environment(None, named, &Flags::default()));
    assert!(message.contains("(CERTMILL_CONFIG)") && message.contains("certmill.toml"), "{message}");
    assert!(Config::default().root_key_text().unwrap().is_none());
}

#[test]
fn a_secret_by_value_and_by_file_is_refused() {
    for (value, file) in [
        ("root_key = \"aa\"", "CERTMILL_ROOT_KEY_FILE"),
        ("previous_root_keys = [\"aa\"]", "CERTMILL_PREVIOUS_ROOT_KEY_FILES"),
        ("database_url = \"sqlite://aa\"", "CERTMILL_DATABASE_URL_FILE"),
        ("redis_url = \"redis://aa\"", "CERTMILL_REDIS_URL_FILE"),
        (
            "[publish.s3]\nbucket = \"pki\"\naccess_key_id = \"k\"\nsecret_access_key = \"aa\"",
            "CERTMILL_PUBLISH__S3__SECRET_ACCESS_KEY_FILE",
        ),
    ] {
        let message = error(load(value, &[(file, "/x")], &Flags::default()));
        assert!(message.contains("not both") && message.contains(file), "{message}");
        assert!(!message.contains("aa"), "{message}");
    }
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_line_and_column_and_without_the_text() {
    let file = file("# é\nroot_key = \"hunter2\n");
    let message = error(Config::load_with_environment(Some(file.path()), [], &Flags::default()));
    assert!(message.contains(", line 2, column "), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn printing_shows_no_secret() {
    let config = from_file(
        "root_key = \"hunter2\"\nprevious_root_keys = [\"hunter2\"]\ndatabase_url = \"postgres://u:hunter2@db/x\"\n\
         redis_url = \"redis://:hunter2@cache\"\n[publish.s3]\nbucket = \"pki\"\naccess_key_id = \"k\"\n\
         secret_access_key = \"hunter2\"",
    )
    .unwrap();
    let shown = format!("{config:#?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("postgres://u:***@db/x") && shown.contains("redis://:***@cache"), "{shown}");
}

#[test]
fn rate_limits_are_read_from_file_and_environment() {
    let file = "[rate_limits]\nissue = \"600/m\"\nsign = \"10/s burst 3\"\nread = \"9/d\"";
    let config = load(file, &[("CERTMILL_RATE_LIMITS__READ", "off")], &Flags::default()).unwrap();
    assert_eq!(config.rate_limits.issue, "600/m".parse().ok());
    assert_eq!(config.rate_limits.sign, "10/s burst 3".parse().ok());
    assert_eq!((config.rate_limits.read, config.rate_limits.admin), (None, None));
    assert_eq!(from_file("").unwrap().rate_limits, certmill_domain::RateLimits::default());
}

#[test]
fn rate_limits_that_cannot_be_are_told_why() {
    for (value, wanted) in [
        ("\"600\"", "`600` is not a limit"),
        ("\"0/m\"", "a whole number from 1 on"),
        ("\"5/y\"", "one of s, m, h and d"),
        ("600", "\"600/m burst 100\", or \"off\""),
        ("{ per_minute = 600 }", "\"600/m burst 100\", or \"off\""),
    ] {
        let message = error(from_file(&format!("[rate_limits]\nissue = {value}")));
        assert!(message.contains("rate_limits.issue") && message.contains(wanted), "{value}: {message}");
    }
    let message = error(from_file("[rate_limits]\nrenew = \"1/m\""));
    assert!(message.contains("here are known: issue, sign, admin, acme, validate, read"), "{message}");
}

#[test]
fn mistakes_in_toml_are_told_in_plain_words() {
    for (text, place, expected) in [
        ("listen = localhost", "line 1, column 10", "listen = \"…\""),
        ("listen = 127.0.0.1:8080", "line 1, column 15", "listen = \"…\""),
        ("\ndata_dir = ./x", "line 2, column 12", "data_dir = \"…\""),
        ("database_url = postgres://u:hunter2@h/x", "line 1, column 16", "database_url = \"…\""),
        ("[crl]\nlifetime = 72h", "line 2, column 12", "lifetime = \"…\""),
        ("log.format = json", "line 1, column 14", "`log.format` stands without quotes"),
        ("tls_cert = 2024-01-01", "line 1, column 12", "tls_cert = \"…\""),
        ("root_key = 0b0b0b0b", "line 1, column 15", "root_key = \"…\""),
        ("previous_root_key_files = [a]", "line 1", "previous_root_key_files = [\"…\", \"…\"]"),
        ("plain_http = True", "line 1, column 14", "plain_http = true"),
        ("plain_http = no # x", "line 1, column 14", "plain_http = false"),
        ("listen =", "line 1", "no value"),
        ("listen = \"127.0.0.1:1\nplain_http = true", "line 1", "no quotation mark at its end"),
        ("tls_cert = \"C:\\x\"", "line 1", "'single quotes'"),
        ("listen: 127.0.0.1", "line 1", "`name = value`"),
        ("[crl\nlifetime = \"1h\"", "line 1", "such as [crl]"),
        (
            "listen = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"",
            "line 2, column 1",
            "`listen` stands here for the second",
        ),
        ("[crl]\n[acme]\n[crl]", "line 3, column 2", "`crl` stands here for the second"),
    ] {
        let message = error(from_file(text));
        assert!(message.contains(place) && message.contains(expected), "{text}: {message}");
        for forbidden in ["hunter2", "expected", "float", "literal string"] {
            assert!(!message.contains(forbidden), "{text}: {message}");
        }
    }
}

#[test]
fn a_wrong_value_in_the_file_is_told_with_line_and_column() {
    for (text, place) in [
        ("\nlisten = 8080", "line 2, column 1"),
        ("[crl]\n  lifetim = \"1h\"", "line 2, column 3"),
        ("[crl]\nlifetime = \"soon\"", "line 2, column 1"),
        ("\n\nprevious_root_keys = [7]", "line 3, column 1"),
        // What only the whole shows.
        ("\ndatabase_max_connections = 0", "line 2, column 1"),
        ("\n[crl]\nlifetime = \"1h\"", "line 3, column 1"),
    ] {
        let message = error(from_file(text));
        assert!(message.contains(place), "{text}: {message}");
    }
}

fn load_with_sources(
    text: &str,
    variables: &[(&str, &str)],
    flags: &Flags,
) -> (Config, Sources, NamedTempFile) {
    let file = file(text);
    let environment = variables.iter().map(|(name, value)| (name.into(), value.into()));
    let sources = read(Some(file.path()), environment, flags).unwrap();
    (check::finish(&sources).unwrap(), sources, file)
}

#[test]
fn what_is_shown_is_a_configuration_file_that_amounts_to_the_same() {
    // Every setting that is no secret, one from each layer, and characters that TOML has to quote.
    let alternatives = [
        "database_url",
        "redis_url",
        "root_key",
        "previous_root_keys",
        "plain_http",
        "ca",
        "names",
        "access_key_id",
        "secret_access_key",
        "secret_access_key_file",
        "username",
        "password",
        "password_file",
    ];
    let url = file("postgres://u:hunter2@db/x");
    let text = sample_with(|key| !alternatives.contains(&key))
        .replace("/run/secrets/database_url", url.path().to_str().unwrap())
        .replace("/run/secrets/redis_url", url.path().to_str().unwrap())
        .replace("redis_url_file", "# redis_url_file");
    let flags = Flags { data_dir: Some("/da\"ta\\".into()), ..Flags::default() };
    let (config, sources, file) = load_with_sources(&text, &[("CERTMILL_WORKER__NAME", "w1")], &flags);
    let shown = config.to_toml(&sources);
    let again = from_file(&shown).unwrap();
    assert_eq!(format!("{again:?}"), format!("{config:?}"), "{shown}");
    assert_eq!(again.database_url, config.database_url);

    let path = file.path().display();
    let line = |beginning: &str| shown.lines().find(|line| line.starts_with(beginning)).unwrap();
    assert!(line("data_dir = ").ends_with("# flag --data"), "{shown}");
    assert!(line("name = ").ends_with("# environment CERTMILL_WORKER__NAME"), "{shown}");
    assert!(line("tls_cert = ").contains(&format!("# file {path}, line ")), "{shown}");
    assert!(line("lifetime = ").contains(&format!("# file {path}, line ")), "{shown}");
    assert!(line("plain_http = ").ends_with("# default"), "{shown}");
    assert!(!shown.contains("hunter2") && shown.contains("postgres://u:***@db/x"), "{shown}");
}

#[test]
fn limits_that_are_off_are_shown_as_such() {
    let text = "[acme.limits]\nletsencrypt = { account_orders = \"off\", set_certificates = \"4/7d\" }\n\
                custom = { failed_validations = \"off\", domain_certificates = \"9/1d\" }";
    let (config, sources, _file) = load_with_sources(text, &[], &Flags::default());
    let shown = config.to_toml(&sources);
    assert_eq!(from_file(&shown).unwrap().acme.limits, config.acme.limits, "{shown}");
    assert!(shown.contains("account_orders = \"off\""), "{shown}");
}

#[test]
fn what_is_shown_has_every_setting_and_no_secret() {
    let (config, sources, _file) = load_with_sources("", &[], &Flags::default());
    let bare = config.to_toml(&sources);
    assert!(bare.contains("No root key is set") && bare.contains("No database_url is set"), "{bare}");
    assert_eq!(format!("{:?}", from_file(&bare).unwrap()), format!("{:?}", Config::default()));
    let secrets = [
        ("CERTMILL_ROOT_KEY", "hunter2"),
        ("CERTMILL_PREVIOUS_ROOT_KEYS", "hunter2,hunter2"),
        ("DATABASE_URL", "postgres://u:hunter2@db/x"),
        ("CERTMILL_REDIS_URL", "redis://:hunter2@cache"),
        ("CERTMILL_PUBLISH__S3__BUCKET", "pki"),
        ("CERTMILL_PUBLISH__S3__ACCESS_KEY_ID", "k"),
        ("CERTMILL_PUBLISH__S3__SECRET_ACCESS_KEY", "hunter2"),
    ];
    let (config, sources, _file) = load_with_sources("", &secrets, &Flags::default());
    let full = config.to_toml(&sources);
    for layer in
        ["environment CERTMILL_ROOT_KEY", "environment DATABASE_URL", "environment CERTMILL_REDIS_URL"]
    {
        assert!(full.contains(layer), "{full}");
    }
    assert!(
        !full.contains("hunter2") && !full.contains("No root key") && full.contains("postgres://u:***@db/x")
    );
    // Without its secret, which is not shown, a bucket is not complete.
    let message = error(from_file(&full));
    assert!(message.contains("secret_access_key_file` is missing"), "{message}");
    for shown in [bare, full] {
        let mut section = String::new();
        let mut settings = Vec::new();
        for line in shown.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = format!("{name}.");
            } else if let Some((key, _)) = line.trim_start_matches('#').split_once(" =") {
                settings.push(format!("{section}{key}"));
            }
        }
        let mut known = known_settings();
        known.sort();
        settings.sort();
        assert_eq!(settings, known, "{shown}");
    }
}

#[test]
fn networks_are_opened_for_what_their_tables_say() {
    let allow =
        |text: &str| from_file(&format!("[egress]\nallow = {text}")).map(|config| config.egress.allow);
    let entries = allow(
        r#"["192.0.2.7", { network = "10.0.0.0/8", purpose = ["acme", "dns"], port = [443, 8443], tenant = "team-a" }, { network = "fd00::/8", port = 53 }]"#,
    )
    .unwrap();
    let [open, limited, port] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!(open.network.to_string(), "192.0.2.7/32");
    assert!(open.purposes.is_empty() && open.ports.is_empty() && open.tenants.is_empty());
    assert_eq!(limited.purposes, [crate::EgressPurpose::Acme, crate::EgressPurpose::Dns]);
    assert_eq!(
        (limited.ports.as_slice(), limited.tenants.as_slice()),
        ([443, 8443].as_slice(), ["team-a".to_owned()].as_slice())
    );
    assert_eq!(port.ports, [53]);
    for (text, told) in [
        (r#"[{ network = "10.0.0.0/8", purpose = "crl" }]"#, "validation"),
        (r#"[{ network = "10.0.0.0/8", port = 0 }]"#, "1 to 65535"),
        (r#"[{ network = "10.0.0.0/8", port = 70000 }]"#, "1 to 65535"),
        (r#"[{ network = "10.0.0.0/8", ports = [1] }]"#, "ports"),
        (r#"[{ purpose = "dns" }]"#, "network"),
        ("[7]", "network"),
    ] {
        let problem = allow(text).unwrap_err().to_string();
        assert!(problem.contains(told), "{text}: {problem}");
    }
}

#[test]
fn what_is_over_is_kept_for_ever_or_for_long_enough() {
    let retention =
        from_file("[retention]\ncertificates = \"90d\"\nprivate_keys = \"forever\"").unwrap().retention;
    assert_eq!(retention.certificates, Some(Duration::from_hours(90 * 24)));
    assert_eq!((retention.private_keys, retention.csrs), (None, None));
    for (setting, kept, least) in [
        ("certificates", "23h", "1d"),
        ("private_keys", "59m", "1h"),
        ("acme_orders", "6d", "7d"),
        ("events", "29d", "30d"),
    ] {
        let message = error(from_file(&format!("[retention]\n{setting} = \"{kept}\"")));
        assert!(message.contains(&format!("retention.{setting}")) && message.contains(least), "{message}");
    }
    assert!(error(from_file("[retention]\ncsrs = \"never\"")).contains("`never`"));
}

#[test]
fn a_folder_and_a_bucket_are_whole_or_refused_with_what_is_missing() {
    let secret = file("sesame\n");
    let secret = secret.path().display().to_string();
    let variables = [
        ("CERTMILL_PUBLISH__FOLDER", "/srv/pki"),
        ("CERTMILL_PUBLISH__LATE_AFTER", "5m"),
        ("CERTMILL_PUBLISH__S3__BUCKET", "pki.example"),
        ("CERTMILL_PUBLISH__S3__ENDPOINT", "http://minio:9000/"),
        ("CERTMILL_PUBLISH__S3__PREFIX", "/a/b/"),
        ("CERTMILL_PUBLISH__S3__ACCESS_KEY_ID", "k"),
        ("CERTMILL_PUBLISH__S3__SECRET_ACCESS_KEY_FILE", secret.as_str()),
    ];
    let publish = from_environment(&variables).unwrap().publish;
    assert_eq!(publish.folder.as_deref(), Some(Path::new("/srv/pki")));
    assert_eq!(publish.late_after, Duration::from_mins(5));
    let s3 = publish.s3.unwrap();
    assert_eq!((s3.region.as_str(), s3.prefix.as_str()), ("us-east-1", "a/b/"));
    let S3Credentials::Keys { secret_access_key, .. } = s3.credentials else { panic!("keys are set") };
    assert_eq!(secret_access_key.expose(), "sesame");
    let ambient = from_file("[publish.s3]\nbucket = \"pki\"\nambient = \"web_identity\"").unwrap().publish;
    let identity = ambient.s3.unwrap().credentials;
    assert!(matches!(identity, S3Credentials::Ambient(S3Identity::WebIdentity)), "{identity:?}");

    let keys = "access_key_id = \"k\"\nsecret_access_key = \"s\"";
    for (text, expected) in [
        ("folder = \"srv\"".to_owned(), "from / on"),
        ("late_after = \"10s\"".to_owned(), "from 1m to 24h"),
        ("late_after = \"25h\"".to_owned(), "from 1m to 24h"),
        ("s3 = { prefix = \"x\" }".to_owned(), "`publish.s3.bucket` is missing"),
        ("s3 = { bucket = \"pki\" }".to_owned(), "with what it is written"),
        ("s3 = { bucket = \"pki\", access_key_id = \"k\" }".to_owned(), "secret_access_key_file` is missing"),
        ("s3 = { bucket = \"pki\", secret_access_key = \"k\" }".to_owned(), "access_key_id` is missing"),
        (
            "s3 = { bucket = \"pki\", ambient = \"instance\", access_key_id = \"k\" }".to_owned(),
            "keys are set as well",
        ),
        ("s3 = { bucket = \"pki\", ambient = \"azure\" }".to_owned(), "instance, web_identity"),
        (format!("[publish.s3]\n{keys}\nbucket = \"PKI\""), "3 to 63"),
        (format!("[publish.s3]\n{keys}\nbucket = \"pki\"\nregion = \"eu central\""), "eu-central-1"),
        (format!("[publish.s3]\n{keys}\nbucket = \"pki\"\nendpoint = \"minio:9000\""), "https://"),
        (format!("[publish.s3]\n{keys}\nbucket = \"pki\"\nendpoint = \"https://minio/pki\""), "https://"),
        (format!("[publish.s3]\n{keys}\nbucket = \"pki\"\nprefix = \"a b\""), "up to 512"),
        (format!("[publish.s3]\n{keys}\nbucket = \"pki\"\nprefix = \"a/../b\""), "up to 512"),
    ] {
        let message = error(from_file(&format!("[publish]\n{text}")));
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn a_mail_server_is_named_whole_or_not_at_all() {
    let good = "[mail]\nhost = \"::1\"\nfrom = \"pki@Example.com\"\ndigest_at = \"23:59\"\nallowed_domains = \"Example.com\"\n";
    let mail = from_file(good).unwrap().mail;
    let server = mail.server.unwrap();
    assert_eq!((server.port, server.tls, server.login.is_some()), (587, MailTls::StartTls, false));
    assert_eq!((server.from.as_str(), mail.digest_at), ("pki@example.com", seconds("23h59m")));
    assert_eq!(mail.allowed_domains, ["example.com"]);
    for (settings, key, said) in [
        ("port = 25", "mail.port", "`mail.host` is missing"),
        ("host = \"a\"", "mail.host", "`mail.from` is missing"),
        ("host = \"a:b c\"\nfrom = \"a@b\"", "mail.host", "the port is `mail.port`"),
        ("host = \"mail.example.com:25\"\nfrom = \"a@b\"", "mail.host", "the port is `mail.port`"),
        ("host = \"a\"\nfrom = \"a\"", "mail.from", "pki@example.com"),
        ("host = \"a\"\nfrom = \"a@b\"\nport = 0", "mail.port", "from 1 to 65535"),
        ("host = \"a\"\nfrom = \"a@b\"\ntls = \"ssl\"", "mail.tls", "starttls"),
        ("host = \"a\"\nfrom = \"a@b\"\nusername = \"u\"", "mail.username", "`mail.password` or"),
        ("host = \"a\"\nfrom = \"a@b\"\npassword = \"p\"", "mail.password", "`mail.username` is missing"),
        (
            "host = \"a\"\nfrom = \"a@b\"\nusername = \"u\"\npassword = \"hunter2\"\ntls = \"none\"",
            "mail.password",
            "in the clear",
        ),
        ("digest_at = \"6:00\"", "mail.digest_at", "\"06:00\""),
        ("digest_at = \"24:00\"", "mail.digest_at", "\"06:00\""),
        ("default_owners = [\"ann\"]", "mail.default_owners", "`ann`"),
        ("allowed_domains = [\"a@b\"]", "mail.allowed_domains", "`a@b`"),
    ] {
        let error = error(from_file(&format!("[mail]\n{settings}\n")));
        assert!(
            error.contains(key) && error.contains(said) && !error.contains("hunter2"),
            "{settings}: {error}"
        );
    }
    let secret = "[mail]\nhost = \"a\"\nfrom = \"a@b\"\nusername = \"u\"\npassword = \"hunter2\"\n";
    let (config, sources, _file) = load_with_sources(secret, &[], &Flags::default());
    assert!(!format!("{config:?}{}", config.to_toml(&sources)).contains("hunter2"));
}
