//! Validating certificates: paths to the tenant's trust anchors and root CAs (RFC 5280 §6), and revocation.

mod anchors;
mod fetching;
mod input;
mod revocation;
mod signers;

use std::collections::BTreeSet;
use std::sync::Arc;

use certmill_domain::Timestamp;
use certmill_egress::Purpose;
use certmill_x509::chain::{self, Conformance, ExpectedName, Finding, Options, PolicyOptions};
use certmill_x509::{ExtendedKeyUsage, ObjectIdentifier, X509Error};

use self::anchors::Trust;
pub use self::anchors::{Anchor, AnchorSource};
use self::fetching::Fetching;
use self::input::Input;
use self::revocation::{Evidence, Standing};
use crate::{App, Caller, ServiceError};

/// Paths that are looked at when the certificates of better ones are revoked.
const MOST_PATHS: usize = 8;
/// Purposes that a request may name.
const MOST_PURPOSES: usize = 20;
/// Intermediates that a request may bound a path by: longer paths are not followed.
const MOST_DEPTH: usize = 14;
/// Policies that a request may name.
const MOST_POLICIES: usize = 100;

/// What is to be validated, as the request says it.
#[derive(Debug, Clone, Default)]
pub struct ValidateRequest {
    /// The certificate, PEM or DER in base64.
    pub certificate: String,
    /// Certificates that may stand between it and a trust anchor, in any order; strangers do no harm.
    pub chain: Option<String>,
    /// CRLs.
    pub crls: Option<String>,
    /// Whether to find out about revocation.
    pub check_revocation: bool,
    /// Whether the answer is *invalid* when that could not be found out. It asks for `check_revocation`.
    pub require_revocation: bool,
    /// When it is to be valid; now when absent.
    pub at: Option<Timestamp>,
    /// Whether to trust what the machine trusts, too.
    pub trust_system: bool,
    /// What it is to be used for: any purpose when absent.
    pub purpose: Option<String>,
    /// More purposes, all of which it must permit.
    pub purposes: Vec<String>,
    /// The host name or IP address under which it was met.
    pub hostname: Option<String>,
    /// The e-mail address that it must be for.
    pub email: Option<String>,
    /// How many intermediate certificates may stand between it and the anchor.
    pub max_depth: Option<i64>,
    /// Certificate policies, as dotted OIDs; any when absent.
    pub policies: Option<Vec<String>>,
    /// Whether the path must be valid for one of them.
    pub require_explicit_policy: bool,
    /// Whether policy mappings are ignored.
    pub inhibit_policy_mapping: bool,
    /// Whether anyPolicy counts for nothing.
    pub inhibit_any_policy: bool,
    /// Whether breaches of the rules for issuers are errors (RFC 5280 §4), and not only warnings.
    pub lenient: bool,
}

/// What was found out.
#[derive(Debug, Clone)]
pub struct Validation {
    /// Whether it is to be trusted: the chain is right, nothing has ended, nothing is known to be revoked.
    pub valid: bool,
    /// Whether a path leads to a trust anchor and is right but for the time.
    pub chain_valid: bool,
    /// Whether everything on the path is within its validity.
    pub not_expired: bool,
    /// Whether nothing on the path is revoked; unknown when it was not asked, or could not be found out.
    pub not_revoked: Option<bool>,
    /// The trust anchor that the path leads to.
    pub trusted_anchor: Option<Anchor>,
    /// The path: the certificate first, the anchor last.
    pub chain: Vec<Link>,
    /// What is wrong.
    pub errors: Vec<Problem>,
    /// What should be better, and what could not be found out.
    pub warnings: Vec<Problem>,
    /// The policies for which the path is valid.
    pub policies: Vec<String>,
}

/// A certificate of a path.
#[derive(Debug, Clone)]
pub struct Link {
    /// Its subject (RFC 4514).
    pub subject: String,
    /// Its issuer (RFC 4514).
    pub issuer: String,
    /// SHA-256 of its DER, lower-case hex.
    pub fingerprint_sha256: String,
    /// Its end.
    pub not_after: Timestamp,
}

/// Something that is wrong, or could not be found out.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What programs branch on.
    pub code: String,
    /// What is wrong and what would be right.
    pub message: String,
    /// Fingerprint and subject of the certificate that it is about.
    pub certificate: Option<(String, String)>,
}

/// Validates a certificate. Fetches CRLs and OCSP answers when revocation is asked for.
pub async fn validate(
    app: &App,
    caller: &Caller,
    request: ValidateRequest,
) -> Result<Validation, ServiceError> {
    let at = request.at.unwrap_or_else(|| app.now());
    let options = options(&request, at)?;
    let (trust_system, require_revocation) = (request.trust_system, request.require_revocation);
    let ask_others = request.check_revocation || require_revocation;
    let Input { target, candidates, certificates, crls } =
        app.in_turn(caller.tenant, move || Input::read(&request)).await?;
    let trust = Trust::of(app, caller, trust_system).await?;
    let egress = app.egress(caller.tenant, Purpose::Validation).await?;
    let evidence = Evidence {
        crls: Arc::new(crls),
        given: Arc::new(certificates),
        at,
        ask_others,
        fetching: Arc::new(Fetching::with(egress)),
    };
    let search = Search { trust, target, candidates, options };
    let mut validation = with_revocation(app, caller, search, &evidence, require_revocation).await?;
    if require_revocation && validation.not_revoked.is_none() {
        validation.valid = false;
        validation.errors.push(Problem {
            code: "revocation_not_determined".to_owned(),
            message: "it could not be found out whether it was revoked, which the warnings explain"
                .to_owned(),
            certificate: None,
        });
    }
    Ok(validation)
}

/// A search that has not begun.
struct Search {
    trust: Trust,
    target: chain::Certificate,
    candidates: Vec<Vec<u8>>,
    options: Options,
}

impl Search {
    fn begin(self) -> (Trust, chain::Paths, Option<chain::Verdict>) {
        let Self { trust, target, mut candidates, options } = self;
        candidates.extend(trust.own_cas.iter().cloned());
        let mut paths = chain::Paths::new(target, &candidates, &trust.certificates, options);
        let first = paths.next_valid();
        (trust, paths, first)
    }
}

/// Takes the first valid path on which nothing is known to be revoked, and with `require` one on which that was found out, if
/// there is one; when there is none, the first one says what is revoked.
async fn with_revocation(
    app: &App,
    caller: &Caller,
    search: Search,
    evidence: &Evidence,
    require: bool,
) -> Result<Validation, ServiceError> {
    let (trust, mut paths, mut found) = app.in_turn(caller.tenant, move || Ok(search.begin())).await?;
    let mut first: Option<Validation> = None;
    let mut undetermined: Option<Validation> = None;
    // A certificate that is revoked on one path is revoked on every other, even if evidence cannot be had a second time.
    let mut revoked: BTreeSet<String> = BTreeSet::new();
    for _ in 0..MOST_PATHS {
        let Some(verdict) = found else { break };
        let mut fingerprints =
            verdict.path.certificates.iter().map(|certificate| certificate.fingerprint_sha256());
        if !fingerprints.any(|fingerprint| revoked.contains(fingerprint)) {
            let standing = revocation::of_path(app, caller, &trust, &verdict.path, evidence).await?;
            let about = standing.errors.iter().filter_map(|problem| problem.certificate.clone());
            revoked.extend(about.map(|(fingerprint, _)| fingerprint));
            let validation = validation(&trust, verdict, standing);
            match validation.not_revoked {
                Some(true) => return Ok(validation),
                None if !require => return Ok(validation),
                None => _ = undetermined.get_or_insert(validation),
                Some(false) => _ = first.get_or_insert(validation),
            }
        }
        let next = move || {
            let next = paths.next_valid();
            Ok((paths, next))
        };
        (paths, found) = app.in_turn(caller.tenant, next).await?;
    }
    if let Some(best) = undetermined.or(first) {
        return Ok(best);
    }
    let verdict = app.in_turn(caller.tenant, move || Ok(paths.explain())).await?;
    let standing = revocation::of_path(app, caller, &trust, &verdict.path, evidence).await?;
    Ok(validation(&trust, verdict, standing))
}

fn validation(trust: &Trust, verdict: chain::Verdict, standing: Standing) -> Validation {
    let chain_valid = verdict.is_chain_valid();
    let not_revoked = standing.not_revoked;
    let mut errors: Vec<Problem> = verdict.errors.into_iter().map(Problem::from).collect();
    let mut warnings: Vec<Problem> = verdict.warnings.into_iter().map(Problem::from).collect();
    errors.extend(standing.errors);
    warnings.extend(standing.warnings);
    Validation {
        valid: errors.is_empty() && not_revoked != Some(false),
        chain_valid,
        not_expired: verdict.not_expired,
        not_revoked,
        trusted_anchor: verdict.path.anchor().and_then(|index| trust.anchors.get(index).cloned()),
        chain: verdict.path.certificates.iter().map(|certificate| Link::of(certificate)).collect(),
        errors,
        warnings,
        policies: verdict.path.policies.iter().map(ToString::to_string).collect(),
    }
}

impl Link {
    fn of(certificate: &chain::Certificate) -> Self {
        Self {
            subject: certificate.subject_text(),
            issuer: certificate.issuer_text(),
            fingerprint_sha256: certificate.fingerprint_sha256().to_owned(),
            not_after: Timestamp::from_unix_seconds(certificate.not_after()),
        }
    }
}

impl From<Finding> for Problem {
    fn from(finding: Finding) -> Self {
        Self {
            code: finding.code.as_str().to_owned(),
            message: finding.message,
            certificate: finding.certificate.map(|about| (about.fingerprint_sha256, about.subject)),
        }
    }
}

fn options(request: &ValidateRequest, at: Timestamp) -> Result<Options, ServiceError> {
    let wrong = |field: &'static str| move |error: X509Error| ServiceError::field(field, error.to_string());
    let purpose = request.purpose.as_deref().map(ExtendedKeyUsage::from_name).transpose();
    let mut name = request.hostname.as_deref().map(str::parse::<ExpectedName>).transpose();
    if let Some(email) = &request.email {
        if request.hostname.is_some() {
            return Err(ServiceError::field("email", "is instead of hostname: give one of the two"));
        }
        name = Ok(Some(ExpectedName::Email(email.parse().map_err(wrong("email"))?)));
    }
    if request.purposes.len() > MOST_PURPOSES {
        let problem =
            format!("has {} entries, of which {MOST_PURPOSES} are the most", request.purposes.len());
        return Err(ServiceError::field("purposes", problem));
    }
    let more = request.purposes.iter().map(|name| ExtendedKeyUsage::from_name(name));
    let more_purposes = more.collect::<Result<Vec<_>, _>>().map_err(wrong("purposes"))?;
    let depth =
        request.max_depth.map(|depth| usize::try_from(depth).ok().filter(|depth| *depth <= MOST_DEPTH));
    let max_depth = match depth {
        Some(None) => {
            return Err(ServiceError::field("max_depth", format!("must be from 0 to {MOST_DEPTH}")));
        }
        Some(depth) => depth,
        None => None,
    };
    let count = request.policies.as_ref().map_or(0, Vec::len);
    if count > MOST_POLICIES {
        let problem = format!("has {count} entries, of which {MOST_POLICIES} are the most");
        return Err(ServiceError::field("policies", problem));
    }
    let acceptable = request
        .policies
        .as_ref()
        .map(|oids| oids.iter().map(|oid| oid.parse::<ObjectIdentifier>()).collect::<Result<Vec<_>, _>>());
    Ok(Options {
        at: at.unix_seconds(),
        purpose: purpose.map_err(wrong("purpose"))?,
        more_purposes,
        max_depth,
        name: name.map_err(wrong("hostname"))?,
        policies: PolicyOptions {
            acceptable: acceptable.transpose().map_err(wrong("policies"))?,
            require_explicit: request.require_explicit_policy,
            inhibit_mapping: request.inhibit_policy_mapping,
            inhibit_any: request.inhibit_any_policy,
        },
        conformance: if request.lenient { Conformance::Report } else { Conformance::Enforce },
    })
}
