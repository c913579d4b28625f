//! Issuing and signing under a role.

use certmill_domain::{
    Action, CertificateSource, NameRequest, RequestedKey, RoleKeyType, RoleSettings, Sans, Ttl,
};
use certmill_x509::{CertificateSigningRequest, X509Error};

use super::pipeline::{Approval, Bound, Issued, Wanted, run};
use crate::app::off_thread;
use crate::{App, Caller, ServiceError};

/// A certificate with a key that the service makes.
#[derive(Debug, Clone, Default)]
pub struct IssueRequest {
    /// Common name of the subject.
    pub common_name: Option<String>,
    /// More names: host names, e-mail addresses and IP addresses.
    pub alt_names: Vec<String>,
    /// IP addresses.
    pub ip_sans: Vec<String>,
    /// URIs.
    pub uri_sans: Vec<String>,
    /// Other names, as `oid;UTF8:value`.
    pub other_sans: Vec<String>,
    /// Validity; the role's when absent.
    pub ttl: Option<Ttl>,
    /// `rsa`, `ec` or `ed25519`, for a role that leaves it open.
    pub key_type: Option<RoleKeyType>,
    /// Bits of the key, for a role that leaves them open.
    pub key_bits: Option<u32>,
}

/// A certificate for a key that the caller has.
#[derive(Debug, Clone, Default)]
pub struct SignRequest {
    /// The request, in PEM.
    pub csr_pem: String,
    /// Common name instead of the CSR's; none when empty.
    pub common_name: Option<String>,
    /// Names instead of the CSR's.
    pub sans: Option<Sans>,
    /// Validity; the role's when absent.
    pub ttl: Option<Ttl>,
}

/// Issues a certificate with a new key under a role.
pub async fn issue(
    app: &App,
    caller: &Caller,
    role: &str,
    request: IssueRequest,
) -> Result<Issued, ServiceError> {
    let wanted = Wanted {
        approval: Approval::Role { name: role, request: request.into_names(), bound: Bound::default() },
        public_key: None,
        kept_key: None,
        reservation: None,
        action: Action::CertificateIssue,
        source: CertificateSource::Issued,
    };
    run(app, caller, &wanted).await
}

/// Signs a CSR under a role. Of the CSR count its key, its common name and its names; its other wishes do not.
pub async fn sign(
    app: &App,
    caller: &Caller,
    role: &str,
    request: SignRequest,
) -> Result<Issued, ServiceError> {
    caller.check_role(Some(role))?;
    let (csr, request) = request.read().await?;
    // What the role says counts only where names take the place of the CSR's, or where the CSR asks for other names.
    let own_others = request.sans.is_none() && !csr.subject_alt_names().other.is_empty();
    let terms = if request.sans.is_some() || own_others {
        Terms::of(app.roles().read(app, caller.tenant, role).await?.role.settings())
    } else {
        Terms::default()
    };
    let left_out = if own_others && !terms.takes_others {
        Sans::from(csr.subject_alt_names()).other
    } else {
        Vec::new()
    };
    let request = request.into_names(&csr, terms);
    let wanted = Wanted {
        approval: Approval::Role { name: role, request, bound: Bound::default() },
        public_key: Some(csr.public_key()),
        kept_key: None,
        reservation: None,
        action: Action::CertificateSign,
        source: CertificateSource::Signed,
    };
    let issued = run(app, caller, &wanted).await?;
    let by_role = left_out.iter().map(|name| format!("{name}, and the role permits no other names"));
    let warnings = csr.names_left_out().iter().cloned().chain(by_role);
    let warnings = warnings.map(|name| format!("the CSR asks for {name}: it was left out"));
    Ok(Issued { warnings: warnings.collect(), ..issued })
}

impl IssueRequest {
    /// What the role is asked.
    pub(super) fn into_names(self) -> NameRequest<'static> {
        NameRequest {
            common_name: self.common_name,
            alt_names: self.alt_names,
            ip_sans: self.ip_sans,
            uri_sans: self.uri_sans,
            email_sans: Vec::new(),
            other_sans: self.other_sans,
            ttl: self.ttl,
            key: RequestedKey::Generate { key_type: self.key_type, key_bits: self.key_bits },
        }
    }
}

/// What a role says of how a CSR is read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Terms {
    /// Requests need a common name.
    requires_cn: bool,
    /// Other names are asked for; without it those of a CSR are left out.
    takes_others: bool,
}

impl Terms {
    pub(super) fn of(settings: &RoleSettings) -> Self {
        Self { requires_cn: settings.require_cn, takes_others: !settings.allowed_other_sans.is_empty() }
    }
}

impl SignRequest {
    /// The CSR, its signature checked.
    pub(super) async fn read(self) -> Result<(CertificateSigningRequest, Self), ServiceError> {
        let csr = read_csr(self.csr_pem.clone()).await?;
        if csr.asks_for_ca() {
            return Err(ServiceError::CsrInvalid(
                "the CSR asks for a CA certificate (basicConstraints CA:TRUE): a role issues end-entity \
                 certificates only; make an intermediate with POST /v1/pki/ca"
                    .to_owned(),
            ));
        }
        Ok((csr, self))
    }

    /// What the role is asked. Names that stand in the place of the CSR's stand in the place of its common name too, unless
    /// it is among them or the role demands one.
    pub(super) fn into_names(self, csr: &CertificateSigningRequest, terms: Terms) -> NameRequest<'_> {
        let own = csr.subject().common_name.clone();
        let own = match &self.sans {
            Some(sans) if !terms.requires_cn => {
                // An IP address is a name of its own kind, and no common name.
                let mut known = sans.dns.iter().chain(&sans.email);
                own.filter(|name| known.any(|known| known.eq_ignore_ascii_case(name)))
            }
            Some(_) | None => own,
        };
        let sans = self.sans.unwrap_or_else(|| {
            let mut own = Sans::from(csr.subject_alt_names());
            own.other.retain(|_| terms.takes_others);
            own
        });
        NameRequest {
            common_name: self.common_name.or(own),
            alt_names: sans.dns,
            ip_sans: sans.ip,
            uri_sans: sans.uri,
            email_sans: sans.email,
            other_sans: sans.other,
            ttl: self.ttl,
            key: RequestedKey::Csr(csr.public_key()),
        }
    }
}

/// Reads a CSR strictly; its signature is checked.
pub(crate) async fn read_csr(csr_pem: String) -> Result<CertificateSigningRequest, ServiceError> {
    off_thread(move || CertificateSigningRequest::from_pem(&csr_pem).map_err(csr_error)).await
}

/// What is wrong with a CSR is the caller's business.
pub(crate) fn csr_error(error: X509Error) -> ServiceError {
    ServiceError::CsrInvalid(error.to_string())
}
