//! The settings of what is brought to places beside `/pub`.

use std::time::Duration;

use super::{Origins, span};
use crate::config::read_secret;
use crate::publish::{PublishSettings, S3Settings};
use crate::{ConfigError, PublishConfig, S3Config, S3Credentials, Secret};

const SHORTEST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_hours(24);

pub(super) fn fill_in(
    written: PublishSettings,
    default: PublishConfig,
    origins: &Origins<'_>,
) -> Result<PublishConfig, ConfigError> {
    let PublishSettings { folder, late_after, s3 } = written;
    let late_after = span(late_after, default.late_after);
    if !(SHORTEST..=LONGEST).contains(&late_after) {
        return Err(origins.problem("publish.late_after", "it must be from 1m to 24h".to_owned()));
    }
    if folder.as_ref().is_some_and(|folder| !folder.is_absolute()) {
        let problem = "write the whole path, from / on: processes are started in other folders".to_owned();
        return Err(origins.problem("publish.folder", problem));
    }
    Ok(PublishConfig { folder, s3: bucket(s3, origins)?, late_after })
}

/// The bucket; nothing when nothing is said of one.
fn bucket(written: S3Settings, origins: &Origins<'_>) -> Result<Option<S3Config>, ConfigError> {
    let problem =
        |name: &str, problem: &str| origins.problem(&format!("publish.s3.{name}"), problem.to_owned());
    let is_any = |name: &&&str| origins.is_set(&format!("publish.s3.{name}"));
    const OTHERS: [&str; 7] = [
        "region",
        "endpoint",
        "prefix",
        "access_key_id",
        "secret_access_key",
        "secret_access_key_file",
        "ambient",
    ];
    let Some(bucket) = &written.bucket else {
        return match OTHERS.iter().find(is_any) {
            Some(present) => Err(problem(present, "`publish.s3.bucket` is missing: which bucket is meant")),
            None => Ok(None),
        };
    };
    let fits = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || b"-.".contains(&octet);
    if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(fits) {
        return Err(problem("bucket", "write 3 to 63 of a to z, 0 to 9, `-` and `.`, as S3 has it"));
    }
    let region = written.region.clone().unwrap_or_else(|| "us-east-1".to_owned());
    if region.is_empty() || !region.bytes().all(fits) {
        return Err(problem("region", "write a region, such as `eu-central-1`"));
    }
    if let Some(endpoint) = &written.endpoint {
        let rest = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
        let host = rest.map(|rest| rest.trim_end_matches('/')).unwrap_or_default();
        if host.is_empty()
            || !host.bytes().all(|octet| octet.is_ascii_graphic() && !b"/?#@\\".contains(&octet))
        {
            let wanted = "write `https://` or `http://`, a host and perhaps a port, such as `https://minio.example.com:9000`";
            return Err(problem("endpoint", wanted));
        }
    }
    let prefix = written.prefix.as_deref().unwrap_or_default().trim_matches('/');
    let fits = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~/".contains(&octet);
    if prefix.len() > 512
        || !prefix.bytes().all(fits)
        || prefix.split('/').any(|part| part == "." || part == "..")
    {
        let wanted =
            "write up to 512 letters, digits, `-`, `.`, `_`, `~` and `/`, without `.` and `..` as parts";
        return Err(problem("prefix", wanted));
    }
    Ok(Some(S3Config {
        bucket: bucket.clone(),
        region,
        endpoint: written.endpoint.clone(),
        prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") },
        credentials: credentials(written, origins)?,
    }))
}

fn credentials(written: S3Settings, origins: &Origins<'_>) -> Result<S3Credentials, ConfigError> {
    let (value, file) = ("publish.s3.secret_access_key", "publish.s3.secret_access_key_file");
    origins.refuse_both(value, file)?;
    let secret = match (written.secret_access_key, written.secret_access_key_file) {
        (Some(secret), _) => Some(secret),
        (None, Some(path)) => {
            Some(Secret::new(read_secret(file, &origins.origin(file), &path)?.as_str().to_owned()))
        }
        (None, None) => None,
    };
    match (written.access_key_id, secret, written.ambient) {
        (Some(access_key_id), Some(secret_access_key), None) => {
            Ok(S3Credentials::Keys { access_key_id, secret_access_key })
        }
        (None, None, Some(identity)) => Ok(S3Credentials::Ambient(identity)),
        (None, None, None) => Err(origins.problem(
            "publish.s3.bucket",
            "nothing says with what it is written: set `access_key_id` and `secret_access_key_file`, or `ambient`"
                .to_owned(),
        )),
        (_, _, Some(_)) => Err(origins.problem(
            "publish.s3.ambient",
            "keys are set as well: choose the credentials of this machine or keys".to_owned(),
        )),
        (Some(_), None, None) => Err(origins.problem(
            "publish.s3.access_key_id",
            "`publish.s3.secret_access_key_file` is missing: the secret that belongs to it".to_owned(),
        )),
        (None, Some(_), None) => Err(origins.problem(
            "publish.s3.bucket",
            "`publish.s3.access_key_id` is missing: whose the secret access key is".to_owned(),
        )),
    }
}
