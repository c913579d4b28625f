//! What is done in the name of an account.

use std::future::Future;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use zeroize::Zeroizing;

use crate::budget::Budget;
use crate::fields::{self, Fields};
use crate::jws::{self, Signatory};
use crate::server::{Reply, Server};
use crate::shim::{LastReply, Shim, take, unwrapped};
use crate::wire::{self, Authorization, AuthorizationStatus, Identifier, Order};
use crate::{AccountKey, AcmeError, chain};

/// How often a call through `instant-acme`, which tries three nonces, is begun anew because of them.
const ROUNDS: usize = 4;
/// The most alternates of a chain that are looked at.
const ALTERNATES: usize = 5;

/// What of an answer could be understood, where the request went well.
type Understood<T> = Result<T, AcmeError>;

/// An account that its server knows, for one piece of work: what a server can make it do is bounded.
pub struct Account {
    server: Arc<Server>,
    url: String,
    key: AccountKey,
    budget: Arc<Budget>,
}

/// What is ordered.
#[derive(Debug, Clone, Default)]
pub struct NewOrder {
    /// For whom.
    pub identifiers: Vec<Identifier>,
    /// One of the server's profiles.
    pub profile: Option<String>,
    /// The id of the certificate that is replaced (RFC 9773 section 5); left out when the server knows nothing of that.
    pub replaces: Option<String>,
}

/// A certificate and what is above it.
#[derive(Debug, Clone)]
pub struct IssuedChain {
    /// In DER: the end-entity certificate first, and each further one has signed the one before.
    pub certificates_der: Vec<Vec<u8>>,
    /// Whether it is the preferred chain; true when none was named.
    pub chain_matched: bool,
}

impl Account {
    pub(crate) fn new(server: Arc<Server>, url: String, key: AccountKey) -> Self {
        Self { server, url, key, budget: Arc::default() }
    }

    /// Has the server make an order. For the same names it may answer one that it has.
    ///
    /// # Errors
    /// Why it did not; after [`AcmeError::OutcomeUnknown`] it may have.
    pub async fn new_order(&self, order: &NewOrder) -> Result<Order, AcmeError> {
        let directory = self.server.directory().await?;
        match &order.replaces {
            Some(replaces) if directory.renewal_info.is_some() => {
                let mut payload =
                    json!({ "identifiers": sent_identifiers(&order.identifiers), "replaces": replaces });
                if let Some(profile) = &order.profile {
                    payload["profile"] = json!(profile);
                }
                let reply = self.post(&directory.new_order, &payload.to_string()).await?;
                placed(reply)
            }
            _ => self
                .through_instant(async |account, last| {
                    let identifiers: Vec<_> = order.identifiers.iter().map(instant_identifier).collect();
                    let mut wish = instant_acme::NewOrder::new(&identifiers);
                    if let Some(profile) = &order.profile {
                        wish = wish.profile(profile);
                    }
                    account.new_order(&wish).await?;
                    Ok(take(&last))
                })
                .await
                .and_then(placed),
        }
    }

    /// Reads an order.
    ///
    /// # Errors
    /// Why the server did not answer it.
    pub async fn order(&self, url: &str) -> Result<Order, AcmeError> {
        let reply = self.post(url, "").await?;
        Order::parse(url.to_owned(), &reply.body, reply.retry_after)
    }

    /// Reads an order and, if it is ready, sends the CSR. The answer is the order as it is then.
    ///
    /// # Errors
    /// Why that failed; after [`AcmeError::OutcomeUnknown`] the server may have the CSR.
    pub async fn finalize(&self, order_url: &str, csr_der: &[u8]) -> Result<Order, AcmeError> {
        wire::https(order_url)?;
        let reply = self
            .through_instant(async |account, last| {
                let mut order = account.order(order_url.to_owned()).await?;
                if order.state().status == instant_acme::OrderStatus::Ready {
                    if order.state().finalize.is_empty() {
                        return Ok(Err(AcmeError::protocol("its order has no `finalize`")));
                    }
                    order.finalize_csr(csr_der).await?;
                }
                Ok(take(&last))
            })
            .await?;
        Order::parse(order_url.to_owned(), &reply.body, reply.retry_after)
    }

    /// Reads the authorizations of an order for so many names, each with its URL. There is at most one for each name
    /// (RFC 8555 section 7.1.3); an order with more is not read any further.
    ///
    /// # Errors
    /// Why the server did not answer them.
    pub async fn authorizations(
        &self,
        order_url: &str,
        names: usize,
    ) -> Result<Vec<(String, Authorization)>, AcmeError> {
        let order = self.post(order_url, "").await?;
        let urls = wire::authorizations(&order.body)?;
        if urls.len() > names {
            let message = format!("its order for {names} names has {} authorizations", urls.len());
            return Err(AcmeError::protocol(message));
        }
        let mut read = Vec::with_capacity(urls.len());
        for url in urls {
            let authorization = self.authorization(&url).await?;
            read.push((url, authorization));
        }
        Ok(read)
    }

    /// Reads one authorization.
    ///
    /// # Errors
    /// Why the server did not answer it.
    pub async fn authorization(&self, url: &str) -> Result<Authorization, AcmeError> {
        let reply = self.post(url, "").await?;
        Authorization::parse(&reply.body, reply.retry_after)
    }

    /// Gives up an authorization (RFC 8555 section 7.5.2). Believed only when the server confirms it.
    ///
    /// # Errors
    /// Why it may still be there.
    pub async fn deactivate_authorization(&self, url: &str) -> Result<(), AcmeError> {
        let reply = self.post(url, r#"{"status":"deactivated"}"#).await?;
        match Authorization::parse(&reply.body, reply.retry_after)?.status {
            AuthorizationStatus::Deactivated => Ok(()),
            status => {
                let message = format!("asked to deactivate an authorization, it answered `{status}`");
                Err(AcmeError::protocol(message))
            }
        }
    }

    /// Tells the server to look at the answer of a challenge.
    ///
    /// # Errors
    /// Why it did not take note; repeating it does no harm.
    pub async fn answer_challenge(&self, url: &str) -> Result<(), AcmeError> {
        self.post(url, "{}").await.map(drop)
    }

    /// Fetches a certificate with its chain: that which ends with an issuer of the common name `preferred_chain`, where the
    /// server has one, else the server's first. An alternate that the server fails to give is an error while the caller
    /// `insists`, and passes for another one else.
    ///
    /// # Errors
    /// Why the server did not answer it. It can be fetched again.
    pub async fn certificate(
        &self,
        url: &str,
        preferred_chain: Option<&str>,
        insists: bool,
    ) -> Result<IssuedChain, AcmeError> {
        let first = self.post(url, "").await?;
        let default = chain::parse(&first.body)?;
        let Some(preferred) = preferred_chain else {
            return Ok(IssuedChain { certificates_der: default, chain_matched: true });
        };
        if chain::ends_with(&default, preferred) {
            return Ok(IssuedChain { certificates_der: default, chain_matched: true });
        }
        for alternate in first.alternates.iter().take(ALTERNATES) {
            let read = async { chain::parse(&self.post(alternate, "").await?.body) };
            match read.await {
                Ok(other) if chain::ends_with(&other, preferred) => {
                    return Ok(IssuedChain { certificates_der: other, chain_matched: true });
                }
                // One that the server does not have, or that cannot be read, is not the preferred one.
                Ok(_) | Err(AcmeError::Problem { .. } | AcmeError::Protocol(_)) => {}
                Err(AcmeError::Server { status, .. }) if status < 500 => {}
                Err(error) if insists => return Err(error),
                Err(_) => {}
            }
        }
        Ok(IssuedChain { certificates_der: default, chain_matched: false })
    }

    /// Changes whom the server may write to (RFC 8555 section 7.3.2): `mailto:` URLs.
    ///
    /// # Errors
    /// Why the server did not take note; repeating it does no harm.
    pub async fn set_contact(&self, contact: &[String]) -> Result<(), AcmeError> {
        let payload = json!({ "contact": contact }).to_string();
        let reply = self.post(&self.url, &payload).await?;
        Fields::of(&fields::json(&reply.body, "account")?, "account").map(drop)
    }

    /// Has the server know the account by another key (RFC 8555 section 7.3.5).
    ///
    /// # Errors
    /// Why it does not, as far as we know. After [`AcmeError::OutcomeUnknown`] it may; [`crate::Acme::find_account`] tells.
    pub async fn change_key(&self, new: &AccountKey) -> Result<(), AcmeError> {
        let directory = self.server.directory().await?;
        let url = directory.key_change.as_deref();
        let url = url.ok_or_else(|| AcmeError::protocol("it offers no change of an account's key"))?;
        wire::https(url)?;
        let inner = jws::key_change(new.key(), self.key.key(), &self.url, url)?;
        self.post(url, &inner.to_string()).await.map(drop)
    }

    /// Deactivates the account. Believed only when the server confirms it, or says that it was done before.
    ///
    /// # Errors
    /// Why it is not deactivated, as far as we know.
    pub async fn deactivate(&self) -> Result<(), AcmeError> {
        match self.post(&self.url, r#"{"status":"deactivated"}"#).await {
            Ok(reply) => {
                let body = fields::json(&reply.body, "account")?;
                let status = Fields::of(&body, "account")?.needed_text("status")?;
                if status == "deactivated" {
                    return Ok(());
                }
                let status: String = status.chars().take(50).collect();
                Err(AcmeError::protocol(format!("asked to deactivate the account, it answered `{status}`")))
            }
            Err(AcmeError::Problem { problem, status: 401 | 403, .. })
                if problem.detail.to_ascii_lowercase().contains("deactivated") =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) async fn post(&self, url: &str, payload: &str) -> Result<Reply, AcmeError> {
        self.budget.request()?;
        let reply = self.server.post(self.key.key(), Signatory::Account(&self.url), url, payload).await?;
        self.budget.answer(reply.body.len())?;
        Ok(reply)
    }

    /// Does something with an account of `instant-acme`, anew when all its nonces were refused.
    pub(crate) async fn through_instant<T, W, F>(&self, work: W) -> Result<T, AcmeError>
    where
        W: Fn(instant_acme::Account, LastReply) -> F,
        F: Future<Output = Result<Understood<T>, instant_acme::Error>>,
    {
        let mut rounds = 0;
        loop {
            let last = LastReply::default();
            let account = self.instant(&last).await?;
            rounds += 1;
            match work(account, last).await.map_err(unwrapped) {
                Err(error) if error.is_problem("badNonce") && rounds < ROUNDS => {}
                other => return other?,
            }
        }
    }

    async fn instant(&self, last: &LastReply) -> Result<instant_acme::Account, AcmeError> {
        let pkcs8 = self.key.to_pkcs8_der()?;
        let key = Zeroizing::new(URL_SAFE_NO_PAD.encode(&*pkcs8));
        let credentials = Zeroizing::new(format!(
            r#"{{"id":{},"key_pkcs8":"{}","directory":{}}}"#,
            json!(self.url),
            *key,
            json!(self.server.url())
        ));
        let credentials: instant_acme::AccountCredentials =
            serde_json::from_str(&credentials).map_err(|error| AcmeError::Material(error.to_string()))?;
        let shim = Shim {
            server: Arc::clone(&self.server),
            last: Arc::clone(last),
            budget: Arc::clone(&self.budget),
        };
        instant_acme::Account::builder_with_http(Box::new(shim))
            .from_credentials(credentials)
            .await
            .map_err(unwrapped)
    }
}

fn placed(reply: Reply) -> Result<Order, AcmeError> {
    let url = reply.location.ok_or_else(|| AcmeError::protocol("a new order has no URL"))?;
    Order::parse(url, &reply.body, reply.retry_after)
}

fn instant_identifier(identifier: &Identifier) -> instant_acme::Identifier {
    match identifier {
        Identifier::Dns(name) => instant_acme::Identifier::Dns(name.clone()),
        Identifier::Ip(address) => instant_acme::Identifier::Ip(*address),
    }
}

fn sent_identifiers(identifiers: &[Identifier]) -> Vec<serde_json::Value> {
    let sent = |identifier: &Identifier| match identifier {
        Identifier::Dns(name) => json!({ "type": "dns", "value": name }),
        Identifier::Ip(address) => json!({ "type": "ip", "value": address.to_string() }),
    };
    identifiers.iter().map(sent).collect()
}
