//! What a CRL costs, and whether ten times the entries cost more than ten times as much.

use std::{
    hint::black_box,
    process,
    time::{Duration, Instant},
};

use certmill_x509::{CrlBuilder, CrlHeader, RevocationReason, SerialNumber};

use super::{Issuer, report::Crl};
use crate::process::peak_resident_kib;

/// Reasons in the mixture of a usual CRL: most entries have one, some have none.
const REASONS: [RevocationReason; 4] = [
    RevocationReason::CessationOfOperation,
    RevocationReason::Superseded,
    RevocationReason::KeyCompromise,
    RevocationReason::Unspecified,
];

/// A CRL of a tenth of the entries, then one of all: the peak of the memory only rises.
pub(super) fn measure(entries: u32, issuer: &Issuer) -> anyhow::Result<Vec<Crl>> {
    [entries / 10, entries].into_iter().map(|entries| one(entries, issuer)).collect()
}

fn one(entries: u32, issuer: &Issuer) -> anyhow::Result<Crl> {
    let peak_before_kib = peak_resident_kib(process::id())?;
    let start = Instant::now();
    let builder = collect(entries, issuer);
    let build = start.elapsed();
    let start = Instant::now();
    let der = sign(builder, issuer)?;
    let sign = start.elapsed();
    let bytes = black_box(&der).len();
    let peak_after_kib = peak_resident_kib(process::id())?;
    Ok(Crl {
        entries,
        build_seconds: build.as_secs_f64(),
        sign_seconds: sign.as_secs_f64(),
        bytes,
        peak_before_kib,
        peak_after_kib,
    })
}

fn collect(entries: u32, issuer: &Issuer) -> CrlBuilder {
    let now = issuer.window.now.unix_seconds();
    // As the service does it, which knows the number from the CRL before.
    let mut builder = CrlBuilder::with_capacity(entries as usize);
    for (index, reason) in (0..entries).zip(REASONS.into_iter().cycle()) {
        builder.push(&serial_number(index), now - i64::from(index % 1_000_000), reason);
    }
    builder
}

fn sign(builder: CrlBuilder, issuer: &Issuer) -> anyhow::Result<Vec<u8>> {
    let this_update = issuer.window.now;
    let header = CrlHeader {
        issuer_der: &issuer.name_der,
        authority_key_id: &issuer.key_id,
        crl_number: 7,
        this_update: this_update.unix_seconds(),
        next_update: this_update.plus(Duration::from_hours(72)).unix_seconds(),
        distribution_points: &[],
        base_number: None,
        delta_url: None,
    };
    Ok(builder.sign(&header, &issuer.key)?)
}

/// A serial number of the usual length, for next to nothing: random octets would be measured too.
fn serial_number(index: u32) -> SerialNumber {
    let mixed = (u64::from(index) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut octets = [0x5a; 20];
    for (octet, value) in octets.iter_mut().zip(mixed.to_be_bytes()) {
        *octet = value;
    }
    SerialNumber::from_random(octets)
}

#[cfg(test)]
mod tests {
    use openssl::{pkey::PKey, x509::X509Crl};

    use super::*;

    #[test]
    fn what_is_measured_is_a_crl_with_as_many_entries() {
        let issuer = Issuer::new().unwrap();
        let der = sign(collect(1000, &issuer), &issuer).unwrap();
        let crl = X509Crl::from_der(&der).unwrap();
        assert_eq!(crl.get_revoked().unwrap().len(), 1000);
        assert!(crl.verify(&PKey::public_key_from_der(issuer.key.spki_der()).unwrap()).unwrap());
    }
}
