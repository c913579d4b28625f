//! One provider to be judged: how it is configured, where its zones are seen, and what it can do.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;

use certmill_dns::{DnsError, DnsProvider, DnsSettings, Providers};
use certmill_domain::SystemClock;
use certmill_egress::{Egress, EgressOptions, EgressPolicy};
use serde_json::Value;

use crate::FakeDns;

/// A provider with two zones, [`Lab::ZONE`] and [`Lab::BELOW`], which lies below the first.
pub struct Lab {
    /// The type of the provider.
    pub kind: &'static str,
    /// A configuration that works.
    pub config: Value,
    /// One with wrong credentials of the right form; `wrong-secret` is in each of them.
    pub wrong: Value,
    /// Where the zones are served.
    pub name_server: SocketAddr,
    /// The vendor's API, where it is not a real server.
    pub fake: Option<FakeDns>,
    /// Whether the API can be asked for the values of a name.
    pub can_list: bool,
    /// Whatever has to live as long.
    pub guard: Option<Box<dyn Any + Send + Sync>>,
}

impl Lab {
    /// The zone in which most happens.
    pub const ZONE: &'static str = "example.test";
    /// A zone of its own below [`Lab::ZONE`].
    pub const BELOW: &'static str = "sub.example.test";
    /// A value at [`Lab::KEPT_AT`] that is there from the beginning, and that nobody may touch.
    pub const KEPT: &'static str = "v=spf1 -all; \"kept\"";
    /// Where [`Lab::KEPT`] is.
    pub const KEPT_AT: &'static str = "_acme-challenge.www.example.test";

    /// A lab on a fake; the zones are those that [`Lab::zones`] makes.
    pub fn on(kind: &'static str, fake: FakeDns, config: Value, wrong: Value) -> Self {
        let name_server = fake.name_server();
        Self { kind, config, wrong, name_server, fake: Some(fake), can_list: true, guard: None }
    }

    /// The zones of every lab: both of its own, one that only looks like a parent, and 250 more in a shuffled order.
    pub fn zones() -> crate::Zones {
        let others: Vec<String> = (0..250_u32).map(|n| format!("zone-{}.test", (n * 97) % 250)).collect();
        let (first, second) = others.split_at(125);
        let all = first.iter().map(String::as_str).chain(["ample.test", Self::ZONE]);
        let zones = crate::Zones::new(all.chain(second.iter().map(String::as_str)).chain([Self::BELOW]));
        {
            let mut state = zones.lock();
            let zone = state.zone(Self::ZONE).expect("it was just made").id;
            state.add_record(zone, (Self::KEPT_AT, "TXT"), 300, Self::KEPT);
        }
        zones
    }

    /// The provider, opened.
    ///
    /// # Errors
    /// What the product says of the configuration.
    pub fn open(&self) -> Result<Box<dyn DnsProvider>, DnsError> {
        self.open_with(&self.config)
    }

    /// The provider with another configuration.
    ///
    /// # Errors
    /// What the product says of the configuration.
    pub fn open_with(&self, config: &Value) -> Result<Box<dyn DnsProvider>, DnsError> {
        let parsed = certmill_dns::parse_config(self.kind, config)
            .map_err(|error| DnsError::Invalid(error.to_string()))?;
        providers().open(self.kind, &parsed.public, &parsed.secret)
    }

    /// The configuration with some fields changed.
    pub fn config_with(&self, changes: Value) -> Value {
        let mut config = self.config.clone();
        if let (Value::Object(fields), Value::Object(changes)) = (&mut config, changes) {
            fields.extend(changes);
        }
        config
    }

    /// The fake; panics where the provider is a real server.
    pub fn fake(&self) -> &FakeDns {
        self.fake.as_ref().expect("this provider is judged by a fake")
    }

    /// The TXT values that the name server answers, sorted.
    pub async fn txt(&self, name: &str) -> Vec<String> {
        crate::txt_values(self.name_server, name).await
    }
}

fn providers() -> Providers {
    let policy = EgressPolicy::allowing(vec!["127.0.0.1/32".parse().expect("a network")]);
    let options = EgressOptions { keep_alive: true, ..EgressOptions::default() };
    let egress = Egress::with_options(policy.clone(), &options).expect("a client");
    Providers::new(DnsSettings::default(), policy, egress, Arc::new(SystemClock))
}
