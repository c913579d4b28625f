//! Objects of a store with the API of S3.

use std::sync::Arc;
use std::time::Duration;

use certmill_aws::Credentials;
use certmill_aws::s3::{Bucket, Call, Object, Present, S3Error};
use certmill_dns::Providers;
use certmill_domain::{CrlId, Timestamp};
use certmill_egress::EgressError;
use tokio::sync::Mutex;

use super::{Failed, File, Place, StoreCredentials, Wanted, confirm};
use crate::App;
use crate::jobs::Lease;

/// Credentials that a machine is given are good for a quarter of an hour at least.
const USED_AGAIN: Duration = Duration::from_mins(5);

/// An object store.
pub(super) struct Store {
    bucket: Bucket,
    name: String,
    credentials: StoreCredentials,
    given: Mutex<Option<(Timestamp, Credentials)>>,
}

impl Store {
    pub(super) fn new(bucket: Bucket, name: String, credentials: StoreCredentials) -> Self {
        Self { bucket, name, credentials, given: Mutex::new(None) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The number of a list that is there, as it was written with it.
    pub(super) async fn number(
        &self,
        (providers, now): (&Providers, Timestamp),
        list: CrlId,
    ) -> Result<Option<i64>, String> {
        let credentials = self.credentials((providers, now)).await?;
        let call = Call { credentials: &credentials, unix_seconds: now.unix_seconds() };
        match self.bucket.look(&File::Crl(list).to_string(), call).await.map_err(|error| self.said(&error))? {
            Present::There { number, .. } => Ok(number.or(Some(0))),
            Present::Absent => Ok(None),
            Present::Unseen => Err(format!("{}: {UNSEEN}", self.name)),
        }
    }

    async fn credentials(&self, (providers, now): (&Providers, Timestamp)) -> Result<Credentials, String> {
        let identity = match &self.credentials {
            StoreCredentials::Keys(keys) => return Ok(keys.clone()),
            StoreCredentials::Machine(identity) => *identity,
        };
        // Whoever holds the lock asks for them, and the others wait for that.
        let mut given = self.given.lock().await;
        if let Some((since, credentials)) = &*given
            && now.since(*since) < USED_AGAIN
        {
            return Ok(credentials.clone());
        }
        let fresh = providers.aws_credentials(identity).await;
        let fresh = fresh.map_err(|error| format!("this machine's credentials cannot be had: {error}"))?;
        *given = Some((now, fresh.clone()));
        Ok(fresh)
    }

    fn said(&self, error: &S3Error) -> String {
        format!("{}: {error}", self.name)
    }
}

/// S3 answers 403 for what is not there to those who may not list the bucket.
const UNSEEN: &str =
    "what is there may not be read: allow s3:GetObject and s3:ListBucket beside s3:PutObject";

impl Place for Store {
    async fn bring(&self, app: &App, lease: &Lease, file: File, wanted: &Arc<Wanted>) -> Result<i64, Failed> {
        let place = |error: S3Error| Failed::Place(self.said(&error));
        let (_, _, providers) = app.outgoing();
        let credentials = self.credentials((providers, app.now())).await.map_err(Failed::Place)?;
        let call = Call { credentials: &credentials, unix_seconds: app.now().unix_seconds() };
        let (name, own) = (file.to_string(), wanted.crl.info.number);
        let number = matches!(file, File::Crl(_)).then_some(own);
        let seen = self.bucket.look(&name, call).await.map_err(place)?;
        if let Present::There { number: there, .. } = &seen {
            // What was written before the process died is there, whole.
            if there.is_some() && *there == number {
                return Ok(own);
            }
            // Anybody who may write there can write a number, so the list itself is asked; and certificates have none.
            if there.is_none_or(|there| there > own) {
                let read = match self.bucket.read(&name, wanted.largest(file), call).await {
                    // Too large for what it should be, so it is something else.
                    Err(S3Error::Unreachable(EgressError::TooLarge { .. })) => None,
                    read => read.map_err(place)?,
                };
                if let Some(kept) = read.and_then(|there| wanted.keeps(file, there)) {
                    return Ok(kept);
                }
            }
        }
        // After the look: whoever has taken over the job has not written before it, or the condition does not hold.
        confirm(app, lease).await?;
        let object = Object {
            body: wanted.octets(file),
            content_type: file.content_type(),
            cache_control: file.cache_control(),
            number,
        };
        let call = Call { credentials: &credentials, unix_seconds: app.now().unix_seconds() };
        let written = self.bucket.write(&name, &object, &seen, call).await;
        written.map_err(|error| match (&error, &seen) {
            (S3Error::Changed, Present::Unseen) => Failed::Place(format!("{}: {UNSEEN}", self.name)),
            _ => place(error),
        })?;
        Ok(own)
    }
}
