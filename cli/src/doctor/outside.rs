//! What others see: CRLs and the API at their public address, and Redis.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, bail};
use certmill_config::Config;
use certmill_domain::{CaId, Clock, CrlId, SystemClock};
use certmill_queue::RedisState;
use certmill_storage::{Database, crls, figures};
use certmill_x509::revocation::ParsedCrl;
use reqwest::{Client, Response};
use tokio::task::JoinSet;

use super::findings::Findings;
use crate::{compose, message};

const TIME_LIMIT: Duration = Duration::from_secs(20);
const CONNECT: Duration = Duration::from_secs(5);
/// CAs whose CRLs are fetched: those that end first.
const MOST_CAS: i64 = 40;
/// CRLs that are fetched, and how many at a time.
const MOST_LISTS: usize = 200;
const AT_A_TIME: usize = 8;
/// A CRL of a million entries has some 40 MB.
const MOST_OCTETS: usize = 128 * 1024 * 1024;
/// What `/readyz` says has some hundred octets.
const MOST_SAID: usize = 64 * 1024;

/// Fetches CRLs as relying parties do, by the address that certificates name.
pub(super) async fn crls(config: &Config, database: &Database, findings: &mut Findings) {
    let base = base(config);
    let client = match client(config) {
        Ok(client) => client,
        Err(error) => return findings.failure("crls", message::of(&error), "mend this setting"),
    };
    let (wanted, all) = match numbers(database).await {
        Ok(wanted) => wanted,
        Err(error) => return findings.failure("crls", message::of(&error), "mend the database first"),
    };
    let (mut good, mut bad) = (0_usize, Vec::new());
    for some in wanted.chunks(AT_A_TIME) {
        let mut looks = JoinSet::new();
        for (list, number) in some {
            let (client, url) = (client.clone(), format!("{base}/pub/crl/{list}.crl"));
            let number = *number;
            looks.spawn(async move { look(&client, &url, number).await.with_context(|| url) });
        }
        while let Some(looked) = looks.join_next().await {
            match looked.map_err(anyhow::Error::from).flatten() {
                Ok(()) => good += 1,
                Err(error) => bad.push(message::of(&error)),
            }
        }
    }
    match bad.first() {
        None if good == 0 => findings.ok("crls", "there is none"),
        None => findings.ok("crls", format!("{good} of {all} were fetched below {base}/pub/crl/, and are those of the database")),
        Some(first) => findings.failure(
            "crls",
            format!("{} of {} cannot be had as relying parties have them: {first}", bad.len(), bad.len() + good),
            "see that public_url leads to an API process, from outside too, and that nothing on the way keeps old copies",
        ),
    }
}

/// The lists of the CAs in use that end first, those of their shards and the deltas to them too, with their numbers; and how many
/// lists there are.
pub(super) async fn numbers(database: &Database) -> anyhow::Result<(Vec<(CrlId, i64)>, usize)> {
    let mut session = database.read_system().await?;
    let cas = figures::cas(&mut session, SystemClock.now(), MOST_CAS).await?;
    let places: HashMap<CaId, usize> =
        cas.iter().enumerate().filter_map(|(place, ca)| Some((ca.id.parse().ok()?, place))).collect();
    let mut lists = crls::all(&mut session).await?;
    lists.extend(crls::deltas::all(&mut session).await?);
    let all = lists.len();
    let mut wanted: Vec<(usize, CrlId)> =
        lists.into_iter().filter_map(|(_, list)| Some((*places.get(&list.ca())?, list))).collect();
    wanted.sort_unstable();
    let mut found = Vec::new();
    for (_, list) in wanted.into_iter().take(MOST_LISTS) {
        let number = crls::public_info(&mut session, list).await?.map(|info| info.number);
        // Lists name a delta that is missing, so that is looked for too.
        found.extend(number.or(list.is_delta().then_some(0)).map(|number| (list, number)));
    }
    Ok((found, all))
}

async fn look(client: &Client, url: &str, number: i64) -> anyhow::Result<()> {
    let answer = client.get(url).send().await.map_err(without_url)?;
    if !answer.status().is_success() {
        bail!("the answer is {}", answer.status());
    }
    let crl = ParsedCrl::from_der(body(answer, MOST_OCTETS).await?).context("what is there is no CRL")?;
    if crl.next_update().is_some_and(|end| end < SystemClock.now().unix_seconds()) {
        bail!("what is there is past its end");
    }
    // One that was made since the database was asked is as good.
    match crl.number().and_then(certmill_x509::revocation::CrlNumber::to_i64) {
        Some(found) if found >= number => Ok(()),
        found => bail!("number {} is there, and the present one is {number}", found.unwrap_or_default()),
    }
}

/// The body of an answer, of which no more is read than this.
async fn body(mut answer: Response, most: usize) -> anyhow::Result<Vec<u8>> {
    let mut octets = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(without_url)? {
        if octets.len() + chunk.len() > most {
            bail!("the answer has more than {most} octets");
        }
        octets.extend_from_slice(&chunk);
    }
    Ok(octets)
}

/// Whether an API process answers at the public address, and how it is.
pub(super) async fn api(config: &Config, findings: &mut Findings) {
    let asked = async {
        let url = format!("{}/readyz", base(config));
        let answer =
            client(config)?.get(&url).send().await.map_err(without_url).with_context(|| url.clone())?;
        let status = answer.status();
        let said = body(answer, MOST_SAID).await.with_context(|| url.clone())?;
        let said: serde_json::Value = serde_json::from_slice(&said).unwrap_or_default();
        anyhow::Ok((url, status, said))
    };
    match asked.await {
        Err(error) => findings.failure(
            "api",
            format!("no API process answers: {}", message::of(&error)),
            "start `certmill serve`, and see that public_url leads to it; a proxy may have to let /readyz and /pub/ through",
        ),
        Ok((url, status, said)) => {
            let word = said["status"].as_str().unwrap_or("not what certmill says").to_owned();
            let told = format!("{url} says {word}");
            match (status.as_u16(), word.as_str()) {
                (200, "ready") => findings.ok("api", told),
                (200, "degraded") => {
                    findings.warning("api", format!("{told}: {}", said["errors"]), "see the check of Redis");
                }
                _ => findings.failure("api", format!("{told}: {}", said["errors"]), "mend what it says"),
            }
        }
    }
}

/// Whether Redis answers, and what it does when it is full.
pub(super) async fn redis(config: &Config, findings: &mut Findings) {
    let (Some(url), Some(shown)) = (&config.redis_url, config.redis_shown()) else {
        if config.database_url.as_deref().is_some_and(|url| !url.starts_with("sqlite://")) {
            findings.warning(
                "redis",
                "no REDIS_URL is set, with a database that several processes can share",
                "set it where API and workers are several processes: they find work a second later, and count rate limits alone",
            );
        }
        return;
    };
    let state = match RedisState::ask(url).await {
        Ok(state) => state,
        Err(error) => {
            return findings.warning(
                "redis",
                format!("{shown}: {error}"),
                "the service works without it, a second later for each job; mend the server or the URL",
            );
        }
    };
    let told = format!("{shown} has version {} and the policy {}", state.version, state.policy);
    if state.is_too_old() {
        findings.warning("redis", told, "use Redis 7 or newer");
    } else if state.most > 0 && state.policy != "noeviction" {
        findings.warning(
            "redis",
            format!("{told} ({} keys were dropped for room)", state.evicted),
            "set maxmemory-policy to noeviction: what it drops are counts of rate limits, which then let more calls through",
        );
    } else if state.most > 0 && state.used > state.most / 10 * 9 {
        findings.warning(
            "redis",
            format!("{told}, and {} of {} octets are in use", state.used, state.most),
            "raise maxmemory, or see what else is in there: a full one takes no wake-ups and counts no calls",
        );
    } else {
        findings.ok("redis", told);
    }
}

/// Whether the mail server answers and takes user and password. Nothing is sent.
pub(super) async fn mail(config: &Config, findings: &mut Findings) {
    let mailer = match compose::mailer(config) {
        Ok(Some(mailer)) => mailer,
        Ok(None) => {
            return findings.ok("mail", "no server is configured: owners are told nothing");
        }
        Err(error) => return findings.failure("mail", message::of(&error), "mend this setting"),
    };
    let server = mailer.server();
    let asked = async {
        let mut connection = mailer.connect().await?;
        connection.check().await?;
        connection.close().await;
        Ok::<_, certmill_mail::MailError>(())
    };
    match asked.await {
        Ok(()) => findings.ok("mail", format!("{server} answers")),
        Err(error) => findings.failure(
            "mail",
            format!("{server}: {error}"),
            "mend the server or the settings in [mail]: until then owners are told nothing, and notices wait for up to three days",
        ),
    }
}

/// Where the service is for others.
fn base(config: &Config) -> String {
    let scheme = if config.tls_cert.is_some() || config.tls_self.is_some() { "https" } else { "http" };
    let own = || format!("{scheme}://{}", config.listen);
    config.public_url.clone().unwrap_or_else(own)
}

fn client(config: &Config) -> anyhow::Result<Client> {
    let mut client = Client::builder()
        .user_agent(concat!("certmill-doctor/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .timeout(TIME_LIMIT);
    if let Some(pem) = compose::trusted_pem(config)? {
        for certificate in reqwest::Certificate::from_pem_bundle(pem.as_bytes())? {
            client = client.add_root_certificate(certificate);
        }
    }
    Ok(client.build()?)
}

/// The address stands in the sentence already.
fn without_url(error: reqwest::Error) -> reqwest::Error {
    error.without_url()
}
