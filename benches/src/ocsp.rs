//! What OCSP answers cost: a CA, its certificates, and questions about them.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use certmill_x509::ocsp::OcspQuery;
use openssl::{
    hash::MessageDigest,
    ocsp::{OcspCertId, OcspCertStatus, OcspFlag, OcspRequest, OcspResponse, OcspResponseStatus},
    sha,
    stack::Stack,
    x509::{X509, store::X509StoreBuilder},
};

use crate::{
    client::{Connection, PostHead, Response, Target},
    load::Exercise,
};

const REQUEST: &str = "application/ocsp-request";
/// `id-pkix-ocsp-nonce` and `id-pkix-ocsp-nocheck` (RFC 6960 §4.4.1 and §4.2.2.2.1).
const NONCE: &[u8] = b"\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x02";
const NOCHECK: &[u8] = b"\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x05";
/// How often it is asked whether a delegated responder has its certificate, and how many times.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: usize = 300;

/// Asks about certificates in turn.
pub struct Ask {
    head: PostHead,
    ca: X509,
    first: X509,
    /// `CertID`s.
    ids: Vec<Vec<u8>>,
    /// Whether each question has a nonce of its own, so that no answer can be given twice.
    with_nonce: bool,
}

impl Ask {
    /// Questions about certificates, PEM, of one CA.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn new(
        target: &Target,
        (ca_id, ca_pem): (&str, &str),
        leaves: &[String],
        with_nonce: bool,
    ) -> anyhow::Result<Self> {
        let ca = X509::from_pem(ca_pem.as_bytes()).context("the certificate of the CA cannot be read")?;
        let leaves =
            leaves.iter().map(|leaf| X509::from_pem(leaf.as_bytes())).collect::<Result<Vec<_>, _>>()?;
        let ids = leaves.iter().map(|leaf| cert_id(&ca, leaf)).collect::<anyhow::Result<Vec<_>>>()?;
        let first = leaves.into_iter().next().context("there is nothing to ask about")?;
        let head = target.post_of(&format!("/pub/ocsp/{ca_id}"), REQUEST);
        Ok(Self { head, ca, first, ids, with_nonce })
    }

    /// The question with this number, in DER.
    fn question(&self, index: usize) -> Vec<u8> {
        let id = self.ids.get(index % self.ids.len().max(1)).map_or(&[][..], Vec::as_slice);
        let mut tbs = tlv(0x30, &tlv(0x30, id));
        if self.with_nonce {
            let nonce = tlv(0x04, &tlv(0x04, sha::sha256(&index.to_be_bytes()).as_slice()));
            tbs.extend(tlv(0xA2, &tlv(0x30, &tlv(0x30, &[NONCE, &nonce].concat()))));
        }
        tlv(0x30, &tlv(0x30, &tbs))
    }

    /// Asks the first question until the answer is signed as it is to be, and has the answer judged: what is measured afterwards is
    /// looked at no more than quickly.
    ///
    /// # Errors
    /// When the answer is wrong, or does not come to be signed so.
    pub async fn check(&self, connection: &mut Connection, delegated: bool) -> anyhow::Result<()> {
        OcspQuery::from_der(&self.question(0)).context("the question is wrong")?;
        let mut request = Vec::new();
        self.append_request(0, &mut request);
        for _ in 0..LOOKS {
            let response = connection.exchange(&request).await.context("no answer to the first question")?;
            ensure!(self.accept(&response), "the first answer was {} {:x?}", response.status, response.body);
            if response.body.windows(NOCHECK.len()).any(|window| window == NOCHECK) == delegated {
                return self.judge(response.body);
            }
            tokio::time::sleep(LOOK).await;
        }
        bail!("the answers do not come to be signed as they are to be: does a worker run?")
    }

    /// Verifies an answer to the first question, which says *good*.
    fn judge(&self, der: &[u8]) -> anyhow::Result<()> {
        let answer = OcspResponse::from_der(der)?;
        ensure!(
            answer.status() == OcspResponseStatus::SUCCESSFUL,
            "the answer is {}",
            answer.status().as_raw()
        );
        let mut store = X509StoreBuilder::new()?;
        store.add_cert(self.ca.clone())?;
        let mut certificates = Stack::new()?;
        certificates.push(self.ca.clone())?;
        let basic = answer.basic()?;
        basic
            .verify(&certificates, &store.build(), OcspFlag::empty())
            .context("the answer is signed wrongly")?;
        let id = OcspCertId::from_cert(MessageDigest::sha1(), &self.first, &self.ca)?;
        let found = basic.find_status(&id).context("the answer is about something else")?;
        ensure!(found.status == OcspCertStatus::GOOD, "the answer is {}", found.status.as_raw());
        Ok(())
    }
}

impl Exercise for Ask {
    fn append_request(&self, index: usize, request: &mut Vec<u8>) {
        self.head.append_octets(&self.question(index), request);
    }

    /// A response of OCSP that is *successful*, in a head of two to four octets.
    fn accept(&self, response: &Response<'_>) -> bool {
        response.status == 200
            && response.body.get(..8).is_some_and(|head| head.windows(3).any(|window| window == [0x0A, 1, 0]))
    }
}

/// The `CertID` of a certificate, out of a request by openssl, where it is in four lists.
fn cert_id(ca: &X509, leaf: &X509) -> anyhow::Result<Vec<u8>> {
    let mut request = OcspRequest::new()?;
    request.add_id(OcspCertId::from_cert(MessageDigest::sha1(), leaf, ca)?)?;
    let der = request.to_der()?;
    let id = (0..4).try_fold(der.as_slice(), |der, _| inside(der)).context("a request has no CertID")?;
    Ok(id.to_vec())
}

/// The contents of a DER value of up to 65,535 octets.
fn inside(der: &[u8]) -> Option<&[u8]> {
    let head = match der.get(1)? {
        ..=0x7f => 2,
        0x81 => 3,
        _ => 4,
    };
    der.get(head..)
}

/// A DER value of up to 65,535 octets.
fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    match contents.len() {
        short @ ..0x80 => der.extend(u8::try_from(short)),
        middle @ ..0x100 => der.extend(std::iter::once(0x81).chain(u8::try_from(middle))),
        long => der.extend([0x82].into_iter().chain(u16::try_from(long).unwrap_or(u16::MAX).to_be_bytes())),
    }
    der.extend_from_slice(contents);
    der
}

#[cfg(test)]
mod tests {
    use certmill_x509::{ParsedCertificate, pem};
    use openssl::{
        asn1::Asn1Time,
        bn::BigNum,
        ec::{EcGroup, EcKey},
        nid::Nid,
        pkey::PKey,
        x509::{X509Builder, X509NameBuilder},
    };

    use super::*;

    fn certificate(serial: u32) -> X509 {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_nid(Nid::COMMONNAME, "Bench").unwrap();
        let name = name.build();
        let mut builder = X509Builder::new().unwrap();
        builder.set_serial_number(&BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        builder.build()
    }

    fn text(certificate: &X509) -> String {
        String::from_utf8(certificate.to_pem().unwrap()).unwrap()
    }

    #[test]
    fn questions_are_those_of_openssl() {
        let target = Target::parse("http://localhost:8080", "cmt_t").unwrap();
        let ca = certificate(1);
        // The second has a first bit that is not a sign.
        let leaves = [certificate(0x17), certificate(0x8000_0001)];
        let texts: Vec<String> = leaves.iter().map(text).collect();
        let ask = Ask::new(&target, ("ca_1", &text(&ca)), &texts, false).unwrap();
        for (index, leaf) in leaves.iter().enumerate() {
            let mut request = OcspRequest::new().unwrap();
            request.add_id(OcspCertId::from_cert(MessageDigest::sha1(), leaf, &ca).unwrap()).unwrap();
            assert_eq!(ask.question(index), request.to_der().unwrap());
            assert_eq!(ask.question(index + 2), ask.question(index));
        }
        let ask = Ask::new(&target, ("ca_1", &text(&ca)), &texts, true).unwrap();
        let [one, other] = [0, 2].map(|index| OcspQuery::from_der(&ask.question(index)).unwrap());
        assert_eq!(one.certificates, other.certificates);
        assert_ne!(one.nonce, other.nonce);
        let der = pem::decode_one(&[pem::CERTIFICATE], &text(&ca)).unwrap();
        let parsed = ParsedCertificate::from_der(&der).unwrap();
        assert!(one.certificates[0].is_of(parsed.subject_der(), parsed.spki_der()).unwrap());
    }

    #[test]
    fn refusals_are_no_successes() {
        let target = Target::parse("http://localhost:8080", "cmt_t").unwrap();
        let ca = certificate(1);
        let ask = Ask::new(&target, ("ca_1", &text(&ca)), &[text(&certificate(2))], false).unwrap();
        let mut request = Vec::new();
        ask.append_request(0, &mut request);
        assert!(request.starts_with(b"POST /pub/ocsp/ca_1 HTTP/1.1\r\n"));
        let accepts = |status, body: &[u8]| ask.accept(&Response { status, body });
        assert!(accepts(200, &[0x30, 0x82, 2, 1, 0x0A, 1, 0, 0xA0]));
        assert!(!accepts(304, &[0x30, 0x82, 2, 1, 0x0A, 1, 0, 0xA0]));
        for refusal in [1, 2, 3, 6] {
            assert!(!accepts(200, &[0x30, 3, 0x0A, 1, refusal]));
        }
        assert!(Ask::new(&target, ("ca_1", &text(&ca)), &[], false).is_err());
    }
}
