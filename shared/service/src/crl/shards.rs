//! The shards of a CA: which of them a certificate is in, the first list of each, and the lists that a revocation changes.

use std::time::Duration;

use certmill_domain::{Ca, CaId, Crl, CrlId, CrlInfo, Timestamp, shard_numbers};
use certmill_storage::Tx;
use certmill_storage::crls::FirstCrl;
use certmill_storage::jobs::Enqueued;
use certmill_x509::chain::Certificate;
use certmill_x509::revocation::RevocationSources;
use certmill_x509::{CrlBuilder, SerialNumber};

use super::{CrlIssuer, Scope, next_number, signed};
use crate::issuer::crl_url;
use crate::jobs::Job;
use crate::{App, Caller, ServiceError};

/// The list of a shard says by which addresses certificates name it; so many, when the address of the service changes again and
/// again.
const MOST_ADDRESSES: usize = 16;

/// A list that is to be made, and the addresses that stand in it.
pub(crate) type Named = (CrlId, Vec<String>);

/// All lists of a CA with so many shards, the full one first.
pub(crate) fn lists(app: &App, ca: CaId, shards: u32) -> Vec<Named> {
    let mut lists = vec![(CrlId::full(ca), Vec::new())];
    lists.extend(added(app, ca, (1, shards)));
    lists
}

/// The names of all lists of a CA, the full one first.
pub(crate) fn all(ca: &Ca) -> Vec<CrlId> {
    let shards = shard_numbers(ca.crl_shards).map(|shard| CrlId::of_shard(ca.id, shard));
    std::iter::once(CrlId::full(ca.id)).chain(shards).collect()
}

/// Those that a CA gets when it goes from one number of shards to another.
pub(crate) fn added(app: &App, ca: CaId, (from, to): (u32, u32)) -> Vec<Named> {
    let known = shard_numbers(from);
    let new = shard_numbers(to).filter(|shard| !known.contains(shard));
    new.map(|shard| CrlId::of_shard(ca, shard)).map(|list| (list, vec![crl_url(app, list)])).collect()
}

/// The addresses of a list after its next build: the present one in front of those by which it was named before.
pub(super) fn addresses(app: &App, list: CrlId, mut known: Vec<String>) -> Vec<String> {
    if list.is_full() {
        return Vec::new();
    }
    let present = crl_url(app, list);
    known.retain(|address| *address != present);
    known.insert(0, present);
    known.truncate(MOST_ADDRESSES);
    known
}

/// The first lists of a CA, without entries. The full one has number 1. A shard may have been there before the database went
/// back to a backup, so its number goes on with the clock.
pub(crate) fn sign_first(
    issuer: &CrlIssuer<'_>,
    lists: Vec<Named>,
    (this_update, next_update): (Timestamp, Timestamp),
) -> Result<Vec<FirstCrl>, ServiceError> {
    lists
        .into_iter()
        .map(|(list, urls)| {
            let number = if list.is_full() { 1 } else { next_number(0, this_update) };
            let info = CrlInfo { number, this_update, next_update, entries: 0, builds: 1 };
            let scope = Scope { urls: &urls, ..Scope::default() };
            let der = signed(issuer, CrlBuilder::new(), &info, &scope)?.into_der();
            Ok(FirstCrl { list, urls, crl: Crl { info, der } })
        })
        .collect()
}

/// The shard of a certificate about to be issued: serial numbers are random, so each gets as many as the others.
pub(crate) fn of_serial(serial_number: &SerialNumber, shards: u32) -> u32 {
    if shards < 2 {
        return 0;
    }
    let last = serial_number.as_bytes().iter().rev().take(8);
    let value = last.fold(0_u64, |value, octet| value << 8 | u64::from(*octet));
    // Invariant: the remainder is less than a number of 32 bits.
    1 + u32::try_from(value % u64::from(shards)).unwrap_or_default()
}

/// The shard whose list a certificate of this CA names that comes from outside: one that a backup did not have.
pub(crate) fn named_by(ca: &Ca, certificate_der: &[u8]) -> u32 {
    let Ok(certificate) = Certificate::from_der(certificate_der) else { return 0 };
    let sources = RevocationSources::of(&certificate);
    let names = |shard: &u32| {
        // Whatever the address of the service was then.
        let end = format!("/pub/crl/{}.crl", CrlId::of_shard(ca.id, *shard));
        sources.crls.iter().flatten().any(|url| url.ends_with(&end))
    };
    shard_numbers(ca.crl_shards).find(names).unwrap_or(0)
}

/// The lists that change when a certificate of this shard is revoked.
pub(crate) fn changed(ca: CaId, shard: u32) -> Vec<CrlId> {
    let full = CrlId::full(ca);
    if shard == 0 { vec![full] } else { vec![full, CrlId::of_shard(ca, shard)] }
}

/// Has the first deltas of a new CA made: they come after lists that name them.
pub(crate) async fn begin_deltas(
    app: &App,
    caller: &Caller,
    tx: &mut Tx,
    ca: &Ca,
) -> Result<(), ServiceError> {
    if ca.delta_crl_validity.is_some() {
        enqueue(app, tx, &all(ca), Some(&caller.request_id), Duration::ZERO).await?;
    }
    Ok(())
}

/// The job that builds a list anew.
pub(crate) fn job(list: CrlId) -> Job {
    match (list.is_delta(), list.is_full()) {
        (true, _) => Job::RebuildDeltaCrl(list),
        (false, true) => Job::RebuildCrl(list.ca()),
        (false, false) => Job::RebuildCrlShard(list),
    }
}

/// Has lists built anew after `delay`. The full one is first everywhere, so that nobody waits for another in a circle.
pub(crate) async fn enqueue(
    app: &App,
    tx: &mut Tx,
    lists: &[CrlId],
    request_id: Option<&str>,
    delay: Duration,
) -> Result<Vec<Enqueued>, ServiceError> {
    let mut enqueued = Vec::with_capacity(lists.len());
    for list in lists {
        enqueued.push(app.enqueue_after(tx, job(*list), request_id, delay).await?);
    }
    Ok(enqueued)
}

#[cfg(test)]
mod tests {
    use certmill_domain::{Entropy, SystemEntropy};
    use certmill_keys::PrivateKey;
    use certmill_x509::{DistinguishedName, KeyAlgorithm, KeyPair, SignatureAlgorithm, Signer, X509Error};

    use super::*;

    /// A key that signs with another one, as a broken signer would.
    struct Broken {
        own: PrivateKey,
        other: PrivateKey,
    }

    impl Signer for Broken {
        fn signature_algorithm(&self) -> SignatureAlgorithm {
            self.own.signature_algorithm()
        }

        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, X509Error> {
            self.other.sign(message)
        }
    }

    impl KeyPair for Broken {
        fn spki_der(&self) -> &[u8] {
            self.own.spki_der()
        }
    }

    #[test]
    fn a_first_list_that_the_key_has_not_signed_is_none() {
        let key = || PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let name = DistinguishedName { common_name: Some("CA".to_owned()), ..DistinguishedName::default() };
        let ca = CaId::generate(Timestamp::from_unix_seconds(0), &SystemEntropy);
        let times =
            (Timestamp::from_unix_seconds(1_800_000_000), Timestamp::from_unix_seconds(1_800_003_600));
        let first = |key: &dyn KeyPair| {
            let issuer = CrlIssuer { subject_der: &name.to_der(), key_id: &[1; 20], key };
            sign_first(&issuer, vec![(CrlId::full(ca), Vec::new())], times)
        };
        assert_eq!(first(&key()).unwrap().len(), 1);
        assert!(first(&Broken { own: key(), other: key() }).is_err());
    }

    #[test]
    fn serial_numbers_spread_over_the_shards() {
        let mut counts = [0; 5];
        for _ in 0..4_000 {
            let mut random = [0; 20];
            SystemEntropy.fill(&mut random);
            let serial = SerialNumber::from_random(random);
            assert_eq!(of_serial(&serial, 1), 0);
            let shard = of_serial(&serial, 4);
            assert_eq!(of_serial(&serial, 4), shard, "the same number has the same shard");
            counts[shard as usize] += 1;
        }
        assert_eq!(counts[0], 0);
        assert!(counts[1..].iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }
}
