//! The engine by itself: what keys, certificates and CRLs cost in this process, in one thread, without
//! a network or a database.

mod crl;
mod report;

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use anyhow::Context;
use certmill_domain::{
    Clock, Entropy, IssuerWindow, NameRequest, RequestedKey, Role, RoleKeyType, RoleSettings, SystemClock,
    SystemEntropy, check,
};
use certmill_keys::{KeyPool, PoolSizes, PrivateKey};
use certmill_x509::{
    BasicConstraints, CertificateSigningRequest, CertificateTemplate, DistinguishedName, KeyAlgorithm,
    SerialNumber,
    ocsp::{OcspQuery, OcspReply, OcspStatus, SingleReply},
    subject_key_id,
};
use openssl::{
    hash::MessageDigest,
    nid::Nid,
    ocsp::{OcspCertId, OcspRequest},
    pkey::PKey,
    stack::Stack,
    x509::{X509, X509NameBuilder, X509ReqBuilder, extension::SubjectAlternativeName},
};
use tokio::runtime::Runtime;

pub use self::report::Report;
use self::report::{Operation, RsaKeys};

/// Rounds per operation. The median of their means counts, so that a disturbance does not.
const ROUNDS: usize = 5;
/// Runs between two looks at the clock: the quickest operation takes about a microsecond.
const RUNS_PER_LOOK: u32 = 8;
const NAME: &str = "node-17.bench.internal";
const HALF_A_DAY: Duration = Duration::from_hours(12);
const YEAR: Duration = Duration::from_hours(365 * 24);

/// How much to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Entries of the greatest CRL.
    entries: u32,
    /// How long one round of one operation lasts.
    round: Duration,
    /// RSA keys that are made, and as many that are taken from the pool.
    rsa_keys: usize,
}

impl Plan {
    /// Figures to quote: about 20 seconds and a CRL.
    pub fn thorough(entries: u32) -> Self {
        Self { entries, round: Duration::from_millis(400), rsa_keys: 40 }
    }
}

/// Measures everything.
///
/// # Errors
/// When an operation fails, or there is no `/proc`.
pub fn run(plan: &Plan, runtime: &Runtime) -> anyhow::Result<Report> {
    // The CRLs first: the peak of the memory is the process's, and nothing else may have raised it.
    let issuer = Issuer::new()?;
    let crls = crl::measure(plan.entries, &issuer)?;
    let operations = operations(plan, &issuer)?;
    let rsa_2048 = rsa_keys(plan, runtime)?;
    Ok(Report { command: "engine", openssl: openssl::version::version(), operations, rsa_2048, crls })
}

/// A CA with an EC key, and a role of it.
pub(crate) struct Issuer {
    pub(crate) key: PrivateKey,
    pub(crate) name_der: Vec<u8>,
    pub(crate) key_id: [u8; 20],
    pub(crate) window: IssuerWindow,
    role: Role,
}

impl Issuer {
    fn new() -> anyhow::Result<Self> {
        let key = PrivateKey::generate(KeyAlgorithm::P256)?;
        let key_id = subject_key_id(key.spki_der())?;
        let now = SystemClock.now();
        let settings = RoleSettings {
            allowed_domains: vec!["bench.internal".to_owned()],
            allow_subdomains: true,
            key_type: RoleKeyType::Ec.into(),
            ..RoleSettings::default()
        };
        Ok(Self {
            name_der: DistinguishedName::with_common_name("Bench CA").to_der(),
            key,
            key_id,
            window: IssuerWindow {
                now,
                not_before: now.minus(YEAR),
                not_after: now.plus(10 * YEAR),
                ends_above: false,
            },
            role: Role::new(settings)?,
        })
    }

    fn approve(&self, request: &NameRequest<'_>) -> anyhow::Result<certmill_domain::Approved> {
        Ok(check(&self.role, request, &self.window)?)
    }

    /// The certificate in DER.
    fn sign(&self, approved: &certmill_domain::Approved, spki_der: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut random = [0; 20];
        SystemEntropy.fill(&mut random);
        let template = CertificateTemplate {
            same_as: None,
            serial_number: &SerialNumber::from_random(random),
            issuer_der: &self.name_der,
            not_before: approved.not_before().unix_seconds(),
            not_after: approved.not_after().unix_seconds(),
            subject: approved.subject(),
            spki_der,
            basic_constraints: BasicConstraints::EndEntity,
            key_usage: approved.key_usage(),
            extended_key_usage: approved.extended_key_usage(),
            policies: approved.policies(),
            must_staple: approved.must_staple(),
            ocsp_nocheck: false,
            subject_alt_names: approved.sans(),
            name_constraints: None,
            authority_key_id: Some(&self.key_id),
            ca_issuers_url: Some("http://pki.bench.internal/pub/ca/ca_01.crt"),
            ocsp_url: None,
            crl_url: Some("http://pki.bench.internal/pub/crl/ca_01.crl"),
        };
        Ok(template.sign(&self.key)?)
    }

    /// Key, check and certificate: what an issuance does besides its row.
    fn issue(&self) -> anyhow::Result<(PrivateKey, Vec<u8>)> {
        let approved = self.approve(&usual_request())?;
        let key = PrivateKey::generate(KeyAlgorithm::P256)?;
        let certificate = self.sign(&approved, key.spki_der())?;
        Ok((key, certificate))
    }

    /// The same for the key of a CSR, whose signature is verified.
    fn sign_csr(&self, csr_pem: &str) -> anyhow::Result<Vec<u8>> {
        let csr = CertificateSigningRequest::from_pem(csr_pem)?;
        let names = csr.subject_alt_names();
        let request = NameRequest {
            common_name: csr.subject().common_name.clone(),
            alt_names: names.dns.iter().map(|name| name.as_str().to_owned()).collect(),
            ip_sans: names.ip.iter().map(ToString::to_string).collect(),
            key: RequestedKey::Csr(csr.public_key()),
            ..NameRequest::default()
        };
        let approved = self.approve(&request)?;
        self.sign(&approved, csr.public_key().spki_der())
    }

    /// A signed answer, *good*, to a request by OCSP.
    fn answer(&self, request: &[u8]) -> anyhow::Result<Vec<u8>> {
        let query = OcspQuery::from_der(request)?;
        let answers: Vec<SingleReply<'_>> = query
            .certificates
            .iter()
            .map(|id| SingleReply { id_der: id.der(), status: OcspStatus::Good })
            .collect();
        let now = self.window.now;
        let reply = OcspReply {
            responder_spki_der: self.key.spki_der(),
            responder_certificate_der: None,
            answers: &answers,
            nonce: query.nonce.as_deref(),
            this_update: now.unix_seconds(),
            next_update: now.plus(HALF_A_DAY).unix_seconds(),
        };
        Ok(reply.sign(&self.key)?)
    }
}

/// What a client asks for in the usual case: a name, one more, and an address.
fn usual_request() -> NameRequest<'static> {
    NameRequest {
        common_name: Some(NAME.to_owned()),
        alt_names: vec!["www.bench.internal".to_owned()],
        ip_sans: vec!["10.1.2.3".to_owned()],
        ..NameRequest::default()
    }
}

fn operations(plan: &Plan, issuer: &Issuer) -> anyhow::Result<Vec<Operation>> {
    let request = usual_request();
    let approved = issuer.approve(&request)?;
    let key = PrivateKey::generate(KeyAlgorithm::P256)?;
    let csr_pem = csr_pem()?;
    let question = ocsp_question(issuer)?;
    Ok(vec![
        operation(plan, "issue: P-256 key, check, certificate", || issuer.issue())?,
        operation(plan, "  of this: P-256 key", || Ok(PrivateKey::generate(KeyAlgorithm::P256)?))?,
        operation(plan, "  of this: check against the role", || issuer.approve(&request))?,
        operation(plan, "  of this: certificate, P-256 issuer", || issuer.sign(&approved, key.spki_der()))?,
        operation(plan, "the key as PKCS#8 PEM", || Ok(key.to_pkcs8_pem()?))?,
        operation(plan, "sign a CSR: read, verify, check, certificate", || issuer.sign_csr(&csr_pem))?,
        operation(plan, "  of this: read the CSR and verify it", || {
            Ok(CertificateSigningRequest::from_pem(&csr_pem)?)
        })?,
        operation(plan, "answer an OCSP request: read, sign by P-256", || issuer.answer(&question))?,
        operation(plan, "  of this: read it", || Ok(OcspQuery::from_der(&question)?))?,
    ])
}

fn operation<T>(
    plan: &Plan,
    name: &'static str,
    mut work: impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<Operation> {
    black_box(work()?);
    let mut means = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let mut runs = 0_u32;
        let elapsed = loop {
            for _ in 0..RUNS_PER_LOOK {
                black_box(work()?);
            }
            runs += RUNS_PER_LOOK;
            let elapsed = start.elapsed();
            if elapsed >= plan.round {
                break elapsed;
            }
        };
        means.push(elapsed.as_secs_f64() / f64::from(runs));
    }
    Operation::new(name, median(means)?)
}

fn median(mut seconds: Vec<f64>) -> anyhow::Result<f64> {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().context("nothing was measured")
}

/// RSA-2048 keys made on the spot against keys from a full pool. A search's length is a matter of luck,
/// so the mean of many counts, and the longest is told too.
fn rsa_keys(plan: &Plan, runtime: &Runtime) -> anyhow::Result<RsaKeys> {
    let mut cold = Vec::with_capacity(plan.rsa_keys);
    for _ in 0..plan.rsa_keys {
        let start = Instant::now();
        black_box(PrivateKey::generate(KeyAlgorithm::Rsa2048)?);
        cold.push(start.elapsed());
    }
    let pool = KeyPool::new(PoolSizes { rsa_2048: plan.rsa_keys, rsa_3072: 0, rsa_4096: 0 });
    while pool.available().into_iter().map(|(_, keys)| keys).sum::<usize>() < plan.rsa_keys {
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut warm = Vec::with_capacity(plan.rsa_keys);
    for _ in 0..plan.rsa_keys {
        let start = Instant::now();
        black_box(runtime.block_on(pool.generate(KeyAlgorithm::Rsa2048))?);
        warm.push(start.elapsed());
    }
    RsaKeys::new(&cold, &warm)
}

/// A request by OCSP about a certificate of the issuer, as another program makes it.
fn ocsp_question(issuer: &Issuer) -> anyhow::Result<Vec<u8>> {
    let (_, certificate) = issuer.issue()?;
    let leaf = X509::from_der(&certificate)?;
    // Whose key and name are hashed does not matter for what an answer costs.
    let mut request = OcspRequest::new()?;
    request.add_id(OcspCertId::from_cert(MessageDigest::sha1(), &leaf, &leaf)?)?;
    Ok(request.to_der()?)
}

/// A CSR with a P-256 key and the names of [`usual_request`], as another program makes it.
fn csr_pem() -> anyhow::Result<String> {
    let key = PKey::ec_gen("P-256")?;
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, NAME)?;
    let mut csr = X509ReqBuilder::new()?;
    csr.set_subject_name(&name.build())?;
    csr.set_pubkey(&key)?;
    let mut names = SubjectAlternativeName::new();
    names.dns(NAME).dns("www.bench.internal").ip(&IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3)).to_string());
    let mut extensions = Stack::new()?;
    extensions.push(names.build(&csr.x509v3_context(None))?)?;
    csr.add_extensions(&extensions)?;
    csr.sign(&key, MessageDigest::sha256())?;
    Ok(String::from_utf8(csr.build().to_pem()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_a_certificate_for_the_names() {
        let issuer = Issuer::new().unwrap();
        for der in [issuer.issue().unwrap().1, issuer.sign_csr(&csr_pem().unwrap()).unwrap()] {
            let certificate = X509::from_der(&der).unwrap();
            let issuer_key = PKey::public_key_from_der(issuer.key.spki_der()).unwrap();
            assert!(certificate.verify(&issuer_key).unwrap());
            let names = certificate.subject_alt_names().unwrap();
            let dns: Vec<_> = names.iter().filter_map(|name| name.dnsname()).collect();
            assert_eq!(dns, [NAME, "www.bench.internal"]);
            assert_eq!(names.iter().filter_map(|name| name.ipaddress()).count(), 1);
        }
    }

    #[test]
    fn the_middle_round_counts() {
        assert!((median(vec![9.0, 1.0, 2.0]).unwrap() - 2.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn json_and_text_have_every_figure() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let plan = Plan { entries: 1000, round: Duration::from_millis(1), rsa_keys: 1 };
        let report = run(&plan, &runtime).unwrap();
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["operations"].as_array().unwrap().len(), 9);
        let whole = json["operations"][0]["micros"].as_f64().unwrap();
        let rate = json["operations"][0]["per_second"].as_f64().unwrap();
        assert!((whole * rate / 1e6 - 1.0).abs() < 0.01, "{whole} µs each, {rate} per second");
        assert_eq!(json["crls"][0]["entries"], 100);
        assert_eq!(json["crls"][1]["entries"], 1000);
        assert!(json["rsa_2048"]["cold_ms"].as_f64().unwrap() > 0.0);
        let text = report.to_string();
        assert!(text.contains("RSA-2048") && text.contains("CRL of 1000 entries"), "{text}");
    }
}
