//! The configuration as it may be shown: a configuration file without the secrets.

use std::fmt::{Display, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use certmill_domain::{AcmeLimit, AcmeProvider, CallCategory, ProviderLimit, Retention};

use crate::secret::redacted;
use crate::{AcmeDirectory, AllowedNetwork, Config, LogFormat, S3Credentials, Sources};

impl Config {
    /// The file of the embedded database, which is used where no URL is set.
    pub fn embedded_database(&self) -> PathBuf {
        self.data_dir.join("certmill.db")
    }

    /// The database that is used, without a password.
    pub fn database_shown(&self) -> String {
        match &self.database_url {
            Some(url) => redacted(url),
            None => format!("the embedded database {}", self.embedded_database().display()),
        }
    }

    /// The Redis that is used, without a password.
    pub fn redis_shown(&self) -> Option<String> {
        self.redis_url.as_deref().map(redacted)
    }

    /// A configuration file that amounts to the same, with the layer behind each value that it comes from. Secrets and
    /// what is not set are comments.
    pub fn to_toml(&self, sources: &Sources) -> String {
        let mut file = File { text: String::new(), section: "", sources };
        self.storage(&mut file);
        self.listeners(&mut file);
        self.root_keys(&mut file);
        file.value("shutdown_timeout", span(self.shutdown_timeout));
        self.sections(&mut file);
        file.text
    }

    fn storage(&self, file: &mut File) {
        if self.database_url.is_none() {
            let embedded = self.database_shown();
            file.comment(&format!("No database_url is set: `dev` and `serve --with-worker` use {embedded}."));
        }
        file.secret_url("database_url", self.database_url.as_deref());
        file.value("database_max_connections", self.database_max_connections);
        file.secret_url("redis_url", self.redis_url.as_deref());
        file.value("redis_namespace", quoted(&self.redis_namespace));
        file.value("data_dir", path(&self.data_dir));
    }

    fn listeners(&self, file: &mut File) {
        file.value("listen", quoted(&self.listen));
        file.value("plain_http", self.plain_http);
        file.optional("trusted_proxies", list(self.trusted_proxies.iter().map(quoted)));
        file.optional("tls_cert", self.tls_cert.as_deref().map(path));
        file.optional("tls_key", self.tls_key.as_deref().map(path));
        file.value("tls_client_certificates", self.tls_client_certificates);
        file.optional("metrics_listen", self.metrics_listen.as_ref().map(quoted));
        file.optional("public_url", self.public_url.as_ref().map(quoted));
        file.optional("cors_origins", list(self.cors_origins.iter().map(quoted)));
    }

    fn root_keys(&self, file: &mut File) {
        if self.root_key.is_none() && self.root_key_file.is_none() {
            file.comment(
                "No root key is set: `serve` and `worker` do not start without one. `dev` makes one in data_dir.",
            );
        }
        file.secret("root_key", self.root_key.is_some());
        file.optional("root_key_file", self.root_key_file.as_deref().map(path));
        file.secret("previous_root_keys", !self.previous_root_keys.is_empty());
        let files = self.previous_root_key_files.iter().map(|file| path(file));
        file.optional("previous_root_key_files", list(files));
    }

    fn sections(&self, file: &mut File) {
        file.section("crl");
        file.value("lifetime", span(self.crl.lifetime));
        file.value("renew_before", span(self.crl.renew_before));
        self.publish(file);
        file.section("events");
        file.value(
            "expiring",
            list(self.events.expiring.iter().map(|ahead| span(*ahead))).unwrap_or_else(|| "[]".to_owned()),
        );
        file.section("endpoints");
        file.value("check_every", span(self.endpoints.check_every));
        file.value("deployed_within", span(self.endpoints.deployed_within));
        self.mail(file);
        file.section("acme");
        file.optional("http_listen", self.acme.http_listen.as_ref().map(quoted));
        file.optional("tls_alpn_listen", self.acme.tls_alpn_listen.as_ref().map(quoted));
        file.value("preflight", quoted(&self.acme.preflight.as_str()));
        file.optional("ambient_credentials", list(self.acme.ambient_credentials.iter().map(quoted)));
        file.optional("directories", directories(&self.acme.directories));
        file.optional("fallback_accounts", list(self.acme.fallback_accounts.iter().map(quoted)));
        file.value("fallback_after", span(self.acme.fallback_after));
        file.optional("limits", limits(&self.acme.limits));
        file.section("dns");
        file.optional("resolvers", list(self.dns.resolvers.iter().map(quoted)));
        file.section("egress");
        file.optional("allow", list(self.egress.allow.iter().map(allowed)));
        file.optional("ca_file", self.egress.ca_file.as_deref().map(path));
        file.section("worker");
        file.value("concurrency", self.worker.concurrency);
        file.value("name", quoted(&self.worker.name));
        file.section("key_pool");
        file.value("rsa_2048", self.key_pool.rsa_2048);
        file.value("rsa_3072", self.key_pool.rsa_3072);
        file.value("rsa_4096", self.key_pool.rsa_4096);
        file.section("jobs");
        file.value("keep_done", span(self.jobs.keep_done));
        file.value("keep_dead", span(self.jobs.keep_dead));
        file.value("lease", span(self.jobs.lease));
        self.retention(file);
        file.section("rate_limits");
        for category in CallCategory::ALL {
            file.optional(category.as_str(), self.rate_limits.of(category).as_ref().map(quoted));
        }
        file.section("log");
        let format = match self.log.format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        file.value("format", quoted(&format));
        file.value("filter", quoted(&self.log.filter));
        self.http(file);
    }

    fn publish(&self, file: &mut File) {
        let publish = &self.publish;
        file.section("publish");
        file.optional("folder", publish.folder.as_deref().map(path));
        file.value("late_after", span(publish.late_after));
        let s3 = publish.s3.as_ref();
        file.section("publish.s3");
        file.optional("bucket", s3.map(|s3| quoted(&s3.bucket)));
        file.optional("region", s3.map(|s3| quoted(&s3.region)));
        file.optional("endpoint", s3.and_then(|s3| s3.endpoint.as_ref()).map(quoted));
        file.optional("prefix", s3.map(|s3| quoted(&s3.prefix)));
        let (key, identity) = match s3.map(|s3| &s3.credentials) {
            Some(S3Credentials::Keys { access_key_id, .. }) => (Some(quoted(access_key_id)), None),
            Some(S3Credentials::Ambient(identity)) => (None, Some(quoted(&identity.as_str()))),
            None => (None, None),
        };
        let is_in_file = file.sources.text("publish.s3.secret_access_key_file");
        file.secret("secret_access_key", key.is_some() && is_in_file.is_none());
        file.optional("access_key_id", key);
        file.optional("secret_access_key_file", is_in_file.as_ref().map(quoted));
        file.optional("ambient", identity);
    }

    fn mail(&self, file: &mut File) {
        let server = self.mail.server.as_ref();
        file.section("mail");
        file.optional("host", server.map(|server| quoted(&server.host)));
        file.optional("port", server.map(|server| server.port.to_string()));
        file.optional("tls", server.map(|server| quoted(&server.tls.as_str())));
        file.optional("from", server.map(|server| quoted(&server.from)));
        let login = server.and_then(|server| server.login.as_ref());
        file.optional("username", login.map(|(user, _)| quoted(user)));
        let password_file = named_file(file, "mail.password_file");
        file.secret("password", login.is_some() && password_file.is_none());
        file.optional("password_file", password_file);
        file.optional("ca_file", server.and_then(|server| server.ca_file.as_deref()).map(path));
        let minutes = self.mail.digest_at.as_secs() / 60;
        file.value("digest_at", quoted(&format!("{:02}:{:02}", minutes / 60, minutes % 60)));
        file.optional("default_owners", list(self.mail.default_owners.addresses().iter().map(quoted)));
        file.optional("allowed_domains", list(self.mail.allowed_domains.iter().map(quoted)));
    }

    fn retention(&self, file: &mut File) {
        let kept = |kept: Option<Duration>| kept.map_or_else(|| quoted(&"forever"), span);
        let Retention { certificates, private_keys, csrs, acme_orders, events, webhook_deliveries } =
            self.retention;
        file.section("retention");
        file.value("certificates", kept(certificates));
        file.value("private_keys", kept(private_keys));
        file.value("csrs", kept(csrs));
        file.value("acme_orders", kept(acme_orders));
        file.value("events", kept(events));
        file.value("webhook_deliveries", span(webhook_deliveries));
    }

    fn http(&self, file: &mut File) {
        let http = &self.http;
        file.section("http");
        file.value("header_timeout", span(http.header_timeout));
        file.value("idle_timeout", span(http.idle_timeout));
        file.value("handshake_timeout", span(http.handshake_timeout));
        file.value("body_timeout", span(http.body_timeout));
        file.value("body_min_rate", http.body_min_rate);
        file.value("write_timeout", span(http.write_timeout));
        file.value("max_connections", http.max_connections);
        let per_address = http.max_connections_per_address.as_ref().map(ToString::to_string);
        file.optional("max_connections_per_address", per_address);
        let own = self.tls_self.as_ref();
        file.section("tls_self");
        file.optional("ca", own.map(|own| quoted(&own.ca)));
        file.optional("names", own.and_then(|own| list(own.names.iter().map(quoted))));
        file.optional("tenant", own.map(|own| quoted(&own.tenant)));
        file.optional("validity", own.map(|own| span(own.validity)));
    }
}

/// The path of a file that a secret was read from.
fn named_file(file: &File, key: &str) -> Option<String> {
    file.sources.text(key).as_ref().map(quoted)
}

/// A file that is being written.
struct File<'a> {
    text: String,
    section: &'static str,
    sources: &'a Sources,
}

impl File<'_> {
    fn section(&mut self, name: &'static str) {
        self.section = name;
        self.line(&format!("\n[{name}]"));
    }

    fn comment(&mut self, sentence: &str) {
        self.line(&format!("# {sentence}"));
    }

    fn value(&mut self, name: &str, value: impl Display) {
        let layer = self.layer(name);
        self.line(&format!("{name} = {value}  # {layer}"));
    }

    fn optional(&mut self, name: &str, value: Option<String>) {
        match value {
            Some(value) => self.value(name, value),
            None => self.line(&format!("#{name} =  # not set")),
        }
    }

    fn secret(&mut self, name: &str, is_set: bool) {
        if is_set {
            let layer = self.layer(name);
            self.line(&format!("#{name} = \"***\"  # {layer}; hidden"));
        } else {
            self.optional(name, None);
        }
    }

    /// A URL that may hold a password, or the file that it was read from.
    fn secret_url(&mut self, name: &str, url: Option<&str>) {
        let file_name = format!("{name}_file");
        let file = self.sources.text(&file_name);
        match url.map(|url| (redacted(url), url)) {
            None => self.optional(name, None),
            Some((shown, _)) if file.is_some() => {
                self.line(&format!("#{name} = {}  # what {file_name} holds", quoted(&shown)));
            }
            Some((shown, url)) if shown == url => self.value(name, quoted(&url)),
            Some((shown, _)) => {
                let layer = self.layer(name);
                self.line(&format!("#{name} = {}  # {layer}; *** is hidden", quoted(&shown)));
            }
        }
        self.optional(&file_name, file.as_ref().map(quoted));
    }

    fn layer(&self, name: &str) -> String {
        match self.section {
            "" => self.sources.layer(name),
            section => self.sources.layer(&format!("{section}.{name}")),
        }
    }

    fn line(&mut self, line: &str) {
        // A file name in a comment may have any character, and one that ends the line would end the comment.
        let controls = |character: char| character.is_control() && character != '\n';
        let line = line.strip_prefix('\n').map_or_else(
            || line.replace(|character: char| character.is_control(), "?"),
            |rest| format!("\n{}", rest.replace(controls, "?")),
        );
        // Writing to a text does not fail.
        let _ = writeln!(self.text, "{line}");
    }
}

/// The limits of each provider, and which of the known ones are off.
fn limits(limits: &[ProviderLimit]) -> Option<String> {
    let known = ProviderLimit::known();
    let of =
        |provider, limit| move |known: &&ProviderLimit| (known.provider, known.limit) == (provider, limit);
    let mut providers: Vec<String> = Vec::new();
    for provider in AcmeProvider::ALL {
        let shown = AcmeLimit::ALL.iter().filter_map(|limit| {
            let value = match limits.iter().find(of(*provider, *limit)) {
                Some(found) => found.allowance.to_string(),
                None => known.iter().find(of(*provider, *limit)).map(|_| "off".to_owned())?,
            };
            Some(format!("{limit} = {}", quoted(&value)))
        });
        let shown = shown.collect::<Vec<_>>();
        if !shown.is_empty() {
            providers.push(format!("{provider} = {{ {} }}", shown.join(", ")));
        }
    }
    (!providers.is_empty()).then(|| format!("{{ {} }}", providers.join(", ")))
}

/// As one inline table, so that the reader sees it as a whole.
fn directories(directories: &[AcmeDirectory]) -> Option<String> {
    let mut providers: Vec<String> = Vec::new();
    let mut names: Vec<&str> = directories.iter().map(|directory| directory.provider).collect();
    names.dedup();
    for name in names {
        let of_provider = directories.iter().filter(|directory| directory.provider == name);
        let urls =
            of_provider.map(|directory| format!("{} = {}", directory.environment, quoted(&directory.url)));
        providers.push(format!("{name} = {{ {} }}", urls.collect::<Vec<_>>().join(", ")));
    }
    (!providers.is_empty()).then(|| format!("{{ {} }}", providers.join(", ")))
}

fn quoted(value: &impl ToString) -> String {
    toml::Value::String(value.to_string()).to_string()
}

fn path(path: &Path) -> String {
    quoted(&path.display())
}

fn list(items: impl Iterator<Item = String>) -> Option<String> {
    let items = items.collect::<Vec<_>>();
    (!items.is_empty()).then(|| format!("[{}]", items.join(", ")))
}

/// A duration in the largest unit that it is a whole number of.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let unit = units.into_iter().find(|(length, _)| seconds > 0 && seconds.is_multiple_of(*length));
    let (length, unit) = unit.unwrap_or((1, "s"));
    format!("\"{}{unit}\"", seconds / length)
}

/// As a text, or as a table when it says for what.
fn allowed(allowed: &AllowedNetwork) -> String {
    let AllowedNetwork { network, purposes, ports, tenants } = allowed;
    let limits = [
        ("purpose", list(purposes.iter().map(|purpose| quoted(&purpose.as_str())))),
        ("port", list(ports.iter().map(u16::to_string))),
        ("tenant", list(tenants.iter().map(quoted))),
    ];
    let limits: String =
        limits.into_iter().filter_map(|(name, list)| Some(format!(", {name} = {}", list?))).collect();
    match limits.as_str() {
        "" => quoted(network),
        limits => format!("{{ network = {}{limits} }}", quoted(network)),
    }
}
