//! Plausible certificates of many tenants, stored as the service stores them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use certmill_domain::{
    Certificate, CertificateId, CertificateSource, Clock, Entropy, Sans, SystemClock, SystemEntropy, Tenant,
    TenantId, Timestamp,
};
use certmill_storage::certificates::{self, Labels, NewCertificate};
use certmill_storage::{Database, tenants};
use certmill_x509::{RevocationReason, SerialNumber};

/// Tenants beside the great one.
const OTHERS: u64 = 199;
/// Certificates stored in one transaction.
const BATCH: u64 = 2_000;
const DAY: Duration = Duration::from_hours(24);
/// Every certificate lives so long, and the first was issued so long before now that two of five have ended.
const LIFETIME: u32 = 90;
const SINCE: u32 = 150;

/// Fills a database; answers the tenant that has every third certificate.
pub(super) async fn fill(database: &Database, count: u64) -> anyhow::Result<TenantId> {
    let now = SystemClock.now();
    let mut all = Vec::new();
    for number in 0..=OTHERS {
        let name = format!("tenant-{number}").parse().map_err(anyhow::Error::msg)?;
        let tenant = Tenant { id: TenantId::generate(now, &SystemEntropy), name, created_at: now };
        let mut tx = database.begin_system().await?;
        tenants::insert(&mut tx, &tenant).await?;
        tx.commit().await?;
        all.push(tenant.id);
    }
    let (great, others) = all.split_first().ok_or_else(|| anyhow::anyhow!("there is a tenant"))?;
    let mut first = 0;
    while first < count {
        let numbers = first..count.min(first + BATCH);
        // Small tenants have fewer the later they come.
        let (mut of_great, mut of_other) = (Vec::new(), Vec::new());
        for number in numbers.clone() {
            (if number % 3 == 0 { &mut of_great } else { &mut of_other }).push(number);
        }
        let turn = usize::try_from(first / BATCH)?;
        let other = others[(turn * turn) % (turn % others.len() + 1)];
        for (tenant, numbers) in [(*great, of_great), (other, of_other)] {
            store(database, tenant, &numbers, count, now).await?;
        }
        first = numbers.end;
    }
    for tenant in &all {
        loop {
            let mut tx = database.begin(*tenant).await?;
            let marked = certificates::expire_batch(&mut tx, now, 5_000).await?;
            tx.commit().await?;
            if marked < 5_000 {
                break;
            }
        }
    }
    Ok(*great)
}

async fn store(
    database: &Database,
    tenant: TenantId,
    numbers: &[u64],
    count: u64,
    now: Timestamp,
) -> anyhow::Result<()> {
    let mut tx = database.begin(tenant).await?;
    let rows: Vec<Certificate> = numbers.iter().map(|number| certificate(*number, count, now)).collect();
    let new =
        rows.iter().cloned().map(|certificate| NewCertificate { certificate, sealed_key: None }).collect();
    certificates::insert(&mut tx, new).await?;
    for (number, row) in numbers.iter().zip(&rows) {
        if number % 31 == 0 {
            certificates::revoke(&mut tx, row.id, RevocationReason::Superseded, row.created_at).await?;
        }
        if number % 20 == 0 {
            let tags = BTreeMap::from([
                ("env".to_owned(), if number % 40 == 0 { "production" } else { "test" }.to_owned()),
                ("team".to_owned(), format!("team-{}", number % 97)),
            ]);
            let labels = Labels { tags: Some(tags), description: None };
            certificates::set_labels(&mut tx, row.id, labels).await?;
        }
    }
    Ok(tx.commit().await?)
}

fn certificate(number: u64, count: u64, now: Timestamp) -> Certificate {
    let span = u128::from(count - number) * (SINCE * DAY).as_micros() / u128::from(count);
    let issued = now.minus(Duration::from_micros(u64::try_from(span).unwrap_or(u64::MAX)));
    let mut random = [0; 700];
    SystemEntropy.fill(&mut random);
    let mut serial = [0; 20];
    serial.copy_from_slice(&random[..20]);
    let hex = |octets: &[u8]| {
        octets.iter().fold(String::new(), |mut text, octet| {
            // Invariant: writing to a String cannot fail.
            let _ = write!(text, "{octet:02x}");
            text
        })
    };
    let name = format!("service-{number}.team-{}.example.com", number % 97);
    let source = match number {
        number if number % 500 == 7 => CertificateSource::Imported,
        number if number % 33 == 1 => CertificateSource::Acme,
        number if number % 10 == 2 => CertificateSource::Signed,
        _ => CertificateSource::Issued,
    };
    Certificate {
        id: CertificateId::generate(issued, &SystemEntropy),
        serial_number: SerialNumber::from_random(serial),
        subject: format!("CN={name}"),
        sans: Sans { dns: vec![name.clone()], ..Sans::default() },
        common_name: Some(name),
        ca_id: None,
        crl_shard: 0,
        role: (!number.is_multiple_of(50)).then(|| format!("role-{}", number % 12)),
        source: source.into(),
        key_type: "ec".to_owned(),
        key_size: 256,
        fingerprint_sha256: hex(&random[20..52]),
        spki_sha256: hex(&random[52..84]),
        not_before: issued,
        not_after: issued.plus(LIFETIME * DAY),
        revoked_at: None,
        revocation_reason: None,
        has_private_key: false,
        renewed_from: None,
        renewed_by: None,
        acme_order_id: None,
        tags: BTreeMap::new(),
        description: String::new(),
        created_at: issued,
        der: random[84..].to_vec(),
    }
}
