//! What the only tenant is granted before a second one shares the responders with it. Its renewals would fail otherwise, weeks
//! later, on names that nobody else can hold yet.

use std::collections::{BTreeMap, BTreeSet};

use certmill_domain::{AcmeIdentifier, ChallengeType, TenantId};
use certmill_storage::{SystemTx, domain_grants};

use super::lineage;
use crate::{App, ServiceError};

/// Orders that are read at a time.
const PAGE: i64 = 1_000;

/// Grants a tenant every name that its open orders and its coming renewals prove through what tenants share; answers the
/// names. Names that another one of them covers get no grant of their own.
///
/// # Errors
/// When a row cannot be read, or a newer version has stored how control is proven: then nobody can say what the tenant
/// needs.
pub(crate) async fn grant_what_is_in_use(
    app: &App,
    tx: &mut SystemTx,
    tenant: TenantId,
) -> Result<Vec<String>, ServiceError> {
    let names = names_in_use(tx, tenant).await?;
    let mut granted = Vec::new();
    for (base, name) in &names {
        let above = lineage(name, base);
        if above.iter().skip(1).any(|parent| names.contains_key(parent))
            || domain_grants::holder(tx, &above).await?.is_some()
        {
            continue;
        }
        if domain_grants::insert_for(tx, tenant, base, app.now()).await? {
            granted.push(base.clone());
        }
    }
    Ok(granted)
}

async fn names_in_use(
    tx: &mut SystemTx,
    tenant: TenantId,
) -> Result<BTreeMap<String, AcmeIdentifier>, ServiceError> {
    let own_zone = in_zones_of_its_own(domain_grants::dns_records(tx, tenant).await?);
    let mut names = BTreeMap::new();
    let mut after = None;
    loop {
        let orders = domain_grants::orders_in_use(tx, tenant, after, PAGE).await?;
        let Some(last) = orders.last() else { return Ok(names) };
        after = Some(last.id);
        for order in &orders {
            let by_dns = match order.challenge_type.known()? {
                ChallengeType::Dns01 => true,
                ChallengeType::Http01 | ChallengeType::TlsAlpn01 => false,
            };
            for name in order.identifiers.iter() {
                let base = name.base();
                if !(by_dns && own_zone.contains(&base)) {
                    names.insert(base, name.clone());
                }
            }
        }
    }
}

/// The names whose TXT values went to the name itself and never to an alias. A name of which that is not known, because
/// the CA took an earlier proof, is none of them.
fn in_zones_of_its_own(records: Vec<(String, String)>) -> BTreeSet<String> {
    let (mut direct, mut aliased) = (BTreeSet::new(), BTreeSet::new());
    for (name, record) in records {
        let own = record.eq_ignore_ascii_case(&format!("_acme-challenge.{name}"));
        if own {
            direct.insert(name)
        } else {
            aliased.insert(name)
        };
    }
    direct.retain(|name| !aliased.contains(name));
    direct
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_never_went_through_an_alias_need_no_grant() {
        let records = [
            ("a.example", "_acme-challenge.a.example"),
            ("b.example", "b.validation.example"),
            ("c.example", "_ACME-challenge.c.example"),
            ("c.example", "c.validation.example"),
        ];
        let records = records.map(|(name, record)| (name.to_owned(), record.to_owned())).to_vec();
        assert_eq!(in_zones_of_its_own(records), BTreeSet::from(["a.example".to_owned()]));
    }
}
