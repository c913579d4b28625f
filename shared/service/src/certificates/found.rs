//! Taking certificates into the inventory that servers have shown.

use certmill_domain::CertificateId;
use certmill_storage::certificates::{self, Labels, NewCertificate};
use certmill_storage::{StorageError, Tx};
use certmill_x509::{KeyKind, ParsedCertificate, sha256};

use super::import::{certificate, invalid, refuse_odd};
use crate::{App, ServiceError};

/// A certificate that a server has shown.
pub(crate) struct Found {
    pub(crate) parsed: ParsedCertificate,
    kind: KeyKind,
    /// Those above it in their order, as far as the server has sent them.
    chain: Vec<Vec<u8>>,
}

impl Found {
    /// Reads what a server has shown; of the others only what issued the one below it, by name.
    pub(crate) fn read(leaf: &[u8], others: Vec<Vec<u8>>) -> Result<Self, ServiceError> {
        let parsed = ParsedCertificate::from_der(leaf).map_err(invalid)?;
        let kind = KeyKind::of(parsed.spki_der()).map_err(invalid)?;
        refuse_odd(&parsed)?;
        let mut issuer = parsed.issuer_der().to_vec();
        let mut chain = Vec::new();
        for other in others {
            match ParsedCertificate::from_der(&other) {
                Ok(above) if above.subject_der() == issuer && refuse_odd(&above).is_ok() => {
                    issuer = above.issuer_der().to_vec();
                    chain.push(other);
                }
                _ => break,
            }
        }
        Ok(Self { parsed, kind, chain })
    }
}

/// What became of a certificate that a server has shown.
pub(crate) enum Taken {
    /// It is in the inventory now.
    New(CertificateId),
    /// It was there already, octet by octet.
    Known(CertificateId),
    /// Another one with its issuer and serial number is there. A CA never issues two of them (RFC 5280 section 4.1.2.2), so one of the
    /// two was made by somebody else.
    Twin(CertificateId),
    /// Another transaction has taken it meanwhile, and this one is of no use.
    Overtaken,
}

/// Takes it into the inventory unless it is there.
pub(crate) async fn take_found(
    app: &App,
    tx: &mut Tx,
    found: &Found,
    place: &str,
) -> Result<Taken, ServiceError> {
    let parsed = &found.parsed;
    if let Some(known) = certificates::find_by_fingerprint(tx, &parsed.fingerprint_sha256()).await? {
        return Ok(Taken::Known(known));
    }
    for known in certificates::find_by_serial_number(tx, parsed.serial_number()).await? {
        if ParsedCertificate::from_der(&known.der)?.issuer_der() == parsed.issuer_der() {
            return Ok(Taken::Twin(known.id));
        }
    }
    let id = CertificateId::generate(app.now(), app.entropy());
    let row = certificate(app, id, parsed, found.kind.clone(), (None, 0))?;
    let new = NewCertificate { certificate: row, sealed_key: None };
    let labels = Labels { tags: None, description: Some(format!("Found at {place}")) };
    let stored: Result<(), StorageError> = async {
        certificates::insert(tx, vec![new]).await?;
        certificates::set_import(tx, id, &sha256(parsed.issuer_der()), found.chain.concat()).await?;
        certificates::set_labels(tx, id, labels).await.map(drop)
    }
    .await;
    match stored {
        Err(StorageError::AlreadyExists) => Ok(Taken::Overtaken),
        other => Ok(other.map(|()| Taken::New(id))?),
    }
}
