//! What would come of an order, without ordering.

use std::time::Duration;

use certmill_dns::CaaVerdict;
use certmill_domain::{
    AcmeIdentifier, AcmeOrder, AcmeOrderId, ChallengeType, DnsProviderId, Failure, Renewal, Timestamp,
};
use certmill_storage::acme_orders;
use tokio::time::{Instant, timeout_at};

use super::validate::well_formed;
use super::{MOST_BESIDE, NewOrder, needless, usable_account};
use crate::acme::grants;
use crate::acme::ledger::{self, BudgetLine};
use crate::acme::preflight::{self, Preflight, Sight};
use crate::acme::txt_place::{self, NoPlace, Placement, TxtPlace};
use crate::{App, Caller, ServiceError};

/// How long all looks outside may take together.
const LOOKS: Duration = Duration::from_secs(20);

/// What would come of an order.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// The order as it would be made.
    pub order: AcmeOrder,
    /// Its names.
    pub names: Vec<NameForecast>,
    /// A certificate for the same names that is good and not due for renewal.
    pub certificate: Option<Renewal>,
    /// The open order that would be the answer.
    pub open_order_id: Option<AcmeOrderId>,
    /// Other open orders of the account for the same names.
    pub open_beside: Vec<AcmeOrderId>,
    /// The known limits of the CA that the order counts for.
    pub budget: Vec<BudgetLine>,
    /// Until when one of them has no room, and which.
    pub waits: Option<(Timestamp, String)>,
}

/// How control of a name would be proven.
#[derive(Debug, Clone)]
pub struct NameForecast {
    /// The name, as it is ordered.
    pub identifier: String,
    /// Why that would fail, as far as it can be seen from here.
    pub problem: Option<Failure>,
    /// What may be in its way and cannot be told from here.
    pub warnings: Vec<String>,
    /// For dns-01: where the TXT value would go, after aliases were followed.
    pub record_name: Option<String>,
    /// The provider that would be asked to.
    pub dns_provider_id: Option<DnsProviderId>,
    /// The zone in which.
    pub zone: Option<String>,
}

impl Forecast {
    /// Whether nothing speaks against the order, as far as it can be seen from here.
    pub fn is_good(&self) -> bool {
        let is_needed = self.certificate.is_none() || self.open_order_id.is_some();
        is_needed && self.waits.is_none() && self.names.iter().all(|name| name.problem.is_none())
    }
}

/// Looks what would come of an order. Nothing is ordered, published or counted.
pub async fn forecast(app: &App, caller: &Caller, new: NewOrder) -> Result<Forecast, ServiceError> {
    let account = usable_account(app, caller, &new.account_id).await?;
    let order = well_formed(app, caller, &account, &new).await?;
    let certificate = needless::good(app, caller, &order).await?.filter(|_| !new.force);
    let mut session = app.database().read(caller.tenant).await?;
    let open = acme_orders::find_open(&mut session, &order).await?;
    let open_beside = acme_orders::open_beside(&mut session, &order, MOST_BESIDE).await?;
    let (budget, full) = ledger::outlook(app, &mut session, &account, &order).await?;
    drop(session);
    let open_order_id = open.map(|open| open.id);
    let _place = app.place_to_call_out(caller.tenant).await?;
    let method = order.challenge_type.known()?;
    let caa = preflight::caa(app, caller.tenant, &account, (&order.identifiers, method));
    let (names, verdicts) = tokio::join!(looks(app, caller, &order), caa);
    let mut names = names?;
    for (name, verdict) in names.iter_mut().zip(verdicts?) {
        name.heed(verdict);
    }
    if method == ChallengeType::Http01 {
        look_for_servers(app, caller, &mut names).await?;
    }
    Ok(Forecast {
        names,
        certificate,
        open_order_id,
        open_beside: open_beside.into_iter().filter(|id| Some(*id) != open_order_id).collect(),
        budget,
        waits: full.map(|full| (full.until, full.message)),
        order,
    })
}

impl NameForecast {
    /// Takes in what the CAA records say. What is in the way already is told first.
    fn heed(&mut self, verdict: CaaVerdict) {
        match verdict {
            CaaVerdict::Allowed => {}
            CaaVerdict::Denied(reason) => {
                self.problem.get_or_insert_with(|| Failure::new("caa_denied", reason));
            }
            CaaVerdict::Unknown(reason) => self.warnings.push(reason),
        }
    }
}

/// Looks how control of each name would be proven, as far as the time goes.
async fn looks(app: &App, caller: &Caller, order: &AcmeOrder) -> Result<Vec<NameForecast>, ServiceError> {
    let end = Instant::now() + LOOKS;
    let mut names = Vec::new();
    for name in order.identifiers.iter() {
        let looked = timeout_at(end, look(app, caller, order, name)).await;
        names.push(looked.unwrap_or_else(|_| {
            let message = "there was no time left to look: check fewer names at once";
            Ok(failed(name, Failure::new("not_looked_at", message)))
        })?);
    }
    Ok(names)
}

/// Looks whether there is a server for the CA to ask at each name that nothing else is wrong with. An order goes on where none is
/// seen from here, unless the operator has it wait.
async fn look_for_servers(
    app: &App,
    caller: &Caller,
    names: &mut [NameForecast],
) -> Result<(), ServiceError> {
    let mut good: Vec<&mut NameForecast> = names.iter_mut().filter(|name| name.problem.is_none()).collect();
    let identifiers: Vec<String> = good.iter().map(|name| name.identifier.clone()).collect();
    let seen = preflight::http01_servers(app, caller.tenant, &identifiers).await?;
    for (name, sight) in good.iter_mut().zip(seen) {
        match sight {
            Sight::There => {}
            Sight::Missing(reason) if app.settings().preflight == Preflight::Require => {
                name.problem = Some(Failure::new("http01_not_reachable", reason));
            }
            Sight::Missing(reason) => {
                name.warnings.push(format!("seen from here, nobody answers on port 80: {reason}"));
            }
            Sight::Untold(reason) => {
                name.warnings.push(format!("whether a server is there cannot be told from here: {reason}"));
            }
        }
    }
    Ok(())
}

fn plain(name: &AcmeIdentifier) -> NameForecast {
    let identifier = name.to_string();
    NameForecast {
        identifier,
        problem: None,
        warnings: Vec::new(),
        record_name: None,
        dns_provider_id: None,
        zone: None,
    }
}

fn failed(name: &AcmeIdentifier, failure: Failure) -> NameForecast {
    NameForecast { problem: Some(failure), ..plain(name) }
}

/// Looks how control of a name would be proven, by the steps that an order takes.
async fn look(
    app: &App,
    caller: &Caller,
    order: &AcmeOrder,
    name: &AcmeIdentifier,
) -> Result<NameForecast, ServiceError> {
    match order.challenge_type.known()? {
        ChallengeType::Dns01 => look_at_dns(app, caller, order, name).await,
        ChallengeType::Http01 | ChallengeType::TlsAlpn01 => {
            let mut session = app.database().read(caller.tenant).await?;
            let problem = grants::refusal(&mut session, caller.tenant, name).await?;
            Ok(NameForecast { problem, ..plain(name) })
        }
    }
}

async fn look_at_dns(
    app: &App,
    caller: &Caller,
    order: &AcmeOrder,
    name: &AcmeIdentifier,
) -> Result<NameForecast, ServiceError> {
    let base = name.base();
    let found = match txt_place::find(app, caller.tenant, order.dns_provider_id, &base).await? {
        Placement::Found(TxtPlace { name: record_name, provider, zone }) => NameForecast {
            record_name: Some(record_name),
            dns_provider_id: Some(provider),
            zone: Some(zone.apex),
            ..plain(name)
        },
        Placement::NotFound(NoPlace { name: record_name, provider, why }) => {
            NameForecast { record_name, dns_provider_id: provider, ..failed(name, why.failure()) }
        }
    };
    Ok(found)
}
