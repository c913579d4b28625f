//! All certificates of one search, with what was found out about them: who could have issued whom,
//! and whose signature is right.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{NameKey, PublicKey};

use super::{
    Certificate,
    budget::{Budget, Exhausted},
    finding::{CertificateRef, Class, Code, Finding, Flaw, Place, Ruling},
    options::Options,
    profile::{self, Role},
    signature,
};

/// A certificate with its place and, for comparing, numbers of its key and of its name and key.
pub(super) struct Entry {
    pub(super) certificate: Arc<Certificate>,
    pub(super) place: Place,
    identity: usize,
    key: usize,
    /// Whether a chain of names leads from here to an anchor.
    within_reach: bool,
    /// As an issuer; found out when it is asked for.
    is_sound: Option<bool>,
}

/// The target is entry 0; then come the anchors, then the candidates.
pub(super) struct Pool {
    entries: Vec<Entry>,
    by_subject: HashMap<NameKey, Vec<usize>>,
    keys: HashMap<usize, Result<PublicKey, Flaw>>,
    signatures: HashMap<(usize, usize), Ruling>,
    /// About candidates that were left aside.
    pub(super) warnings: Vec<Finding>,
}

/// More candidates than this are no chain.
const MAX_CANDIDATES: usize = 500;

impl Pool {
    pub(super) fn new<C: AsRef<[u8]>>(
        target: Certificate,
        candidates: &[C],
        anchors: &[Arc<Certificate>],
    ) -> Self {
        let mut filler = Filler::default();
        let mut seen: HashSet<Vec<u8>> = HashSet::from([target.der().to_vec()]);
        filler.add(Arc::new(target), Place::Target);
        for (index, anchor) in anchors.iter().enumerate() {
            seen.insert(anchor.der().to_vec());
            filler.add(Arc::clone(anchor), Place::Anchor(index));
        }
        for (index, der) in candidates.iter().map(AsRef::as_ref).enumerate() {
            if seen.contains(der) {
                continue;
            }
            if index >= MAX_CANDIDATES {
                filler.ignore(format!("only the first {MAX_CANDIDATES} candidates are looked at"));
                break;
            }
            match Certificate::from_der(der) {
                Ok(certificate) => filler.add(Arc::new(certificate), Place::Candidate(index)),
                Err(error) => filler.ignore(format!("the candidate with index {index}: {error}")),
            }
            seen.insert(der.to_vec());
        }
        filler.finish()
    }

    pub(super) fn entry(&self, index: usize) -> &Entry {
        // Invariant: indexes are made by this type, and entries are never removed.
        &self.entries[index]
    }

    /// The anchors that are the target itself.
    pub(super) fn anchors_of_target(&self) -> Vec<usize> {
        let target = self.entry(0).certificate.der();
        let same = |entry: &Entry| is_anchor(entry) && entry.certificate.der() == target;
        (0..self.entries.len()).filter(|index| same(self.entry(*index))).collect()
    }

    /// Who could have issued a certificate by its names, the likeliest first.
    pub(super) fn issuers_of(&self, child: usize, at: i64) -> Vec<usize> {
        let child = &self.entry(child).certificate;
        let mut issuers = self.by_subject.get(&child.issuer).cloned().unwrap_or_default();
        issuers.sort_by_cached_key(|index| {
            let entry = self.entry(*index);
            let issuer = &entry.certificate;
            (
                key_ids(child, issuer),
                !is_anchor(entry),
                !issuer.is_valid_at(at),
                !issuer.is_ca(),
                std::cmp::Reverse(issuer.not_before()),
            )
        });
        issuers
    }

    /// Whether the key ids of child and issuer speak against each other.
    pub(super) fn key_ids_differ(&self, child: usize, issuer: usize) -> bool {
        let ids = key_ids(&self.entry(child).certificate, &self.entry(issuer).certificate);
        ids == KeyIds::Different
    }

    pub(super) fn is_anchor(&self, index: usize) -> bool {
        is_anchor(self.entry(index))
    }

    /// Whether two certificates are of the same name and key; a path passes each such pair once.
    pub(super) fn same_identity(&self, a: usize, b: usize) -> bool {
        self.entry(a).identity == self.entry(b).identity
    }

    pub(super) fn is_within_reach(&self, index: usize) -> bool {
        self.entry(index).within_reach
    }

    /// Whether nothing about a certificate itself keeps it from being an issuer in a valid path.
    pub(super) fn is_sound_issuer(&mut self, index: usize, options: &Options) -> bool {
        if let Some(known) = self.entry(index).is_sound {
            return known;
        }
        let role = if self.is_anchor(index) { Role::Anchor } else { Role::Issuer };
        let is_sound = self.findings(index, role, options.at).iter().all(|flaw| {
            match role.class(flaw.code, options.conformance) {
                Class::Advice => true,
                Class::Fatal | Class::Time | Class::Profile => false,
            }
        });
        if let Some(entry) = self.entries.get_mut(index) {
            entry.is_sound = Some(is_sound);
        }
        is_sound
    }

    /// Every rule that a certificate breaks in this role, its key's included.
    pub(super) fn findings(&mut self, index: usize, role: Role, at: i64) -> Vec<Flaw> {
        let mut flaws = profile::findings(&self.entry(index).certificate, role, at);
        if let Err(flaw) = self.public_key(index) {
            flaws.push(flaw.clone());
        }
        flaws
    }

    /// Whether `issuer`'s key made the signature of `child`. Each pair costs once.
    pub(super) fn verify(
        &mut self,
        child: usize,
        issuer: usize,
        budget: &mut Budget,
    ) -> Result<Ruling, Exhausted> {
        let pair = (child, self.entry(issuer).key);
        if let Some(known) = self.signatures.get(&pair) {
            return Ok(known.clone());
        }
        budget.signature()?;
        let certificate = Arc::clone(&self.entry(child).certificate);
        let answer = match self.public_key(issuer) {
            Ok(key) => signature::verify(&certificate, key),
            // The flaw of the key is the issuer's own; here it only means that nothing is proven.
            Err(_) => Err(Flaw::new(Code::SignatureInvalid, "its issuer's key cannot be used to verify it")),
        };
        self.signatures.insert(pair, answer.clone());
        Ok(answer)
    }

    pub(super) fn reference(&self, index: usize) -> CertificateRef {
        let entry = self.entry(index);
        CertificateRef::new(entry.place, &entry.certificate)
    }

    fn public_key(&mut self, index: usize) -> &Result<PublicKey, Flaw> {
        let entry = &self.entries[index]; // Invariant: as in `entry`.
        let parse = || signature::public_key(entry.certificate.spki_der());
        self.keys.entry(entry.key).or_insert_with(parse)
    }
}

fn is_anchor(entry: &Entry) -> bool {
    matches!(entry.place, Place::Anchor(_))
}

/// How the authority key id of a child and the subject key id of an issuer go together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum KeyIds {
    Same,
    Unknown,
    Different,
}

fn key_ids(child: &Certificate, issuer: &Certificate) -> KeyIds {
    match (child.authority_key_id(), issuer.subject_key_id()) {
        (Some(wanted), Some(own)) if wanted == own => KeyIds::Same,
        (Some(_), Some(_)) => KeyIds::Different,
        (None, _) | (_, None) => KeyIds::Unknown,
    }
}

/// Numbers names and keys while certificates are added.
#[derive(Default)]
struct Filler {
    entries: Vec<Entry>,
    keys: HashMap<Vec<u8>, usize>,
    identities: HashMap<(NameKey, usize), usize>,
    by_subject: HashMap<NameKey, Vec<usize>>,
    warnings: Vec<Finding>,
}

impl Filler {
    fn add(&mut self, certificate: Arc<Certificate>, place: Place) {
        let next = self.keys.len();
        let key = *self.keys.entry(certificate.spki_der().to_vec()).or_insert(next);
        let next = self.identities.len();
        let identity = *self.identities.entry((certificate.subject.clone(), key)).or_insert(next);
        // The target issues nothing in its own path.
        if place != Place::Target {
            self.by_subject.entry(certificate.subject.clone()).or_default().push(self.entries.len());
        }
        self.entries.push(Entry { certificate, place, identity, key, within_reach: false, is_sound: None });
    }

    fn ignore(&mut self, message: String) {
        // One text per candidate would let a client decide how long the answer is.
        if self.warnings.len() < 20 {
            self.warnings.push(Finding { code: Code::CandidateIgnored, message, certificate: None });
        }
    }

    fn finish(mut self) -> Pool {
        self.mark_within_reach();
        Pool {
            entries: self.entries,
            by_subject: self.by_subject,
            keys: HashMap::new(),
            signatures: HashMap::new(),
            warnings: self.warnings,
        }
    }

    /// From the anchors downwards, each certificate once, so that a mesh without an anchor is not
    /// walked.
    fn mark_within_reach(&mut self) {
        let mut by_issuer: HashMap<NameKey, Vec<usize>> = HashMap::new();
        for (index, entry) in self.entries.iter().enumerate() {
            by_issuer.entry(entry.certificate.issuer.clone()).or_default().push(index);
        }
        let mut open: Vec<NameKey> = Vec::new();
        for entry in self.entries.iter_mut().filter(|entry| is_anchor(entry)) {
            entry.within_reach = true;
            open.push(entry.certificate.subject.clone());
        }
        while let Some(name) = open.pop() {
            for index in by_issuer.remove(&name).unwrap_or_default() {
                if let Some(entry) = self.entries.get_mut(index) {
                    entry.within_reach = true;
                    open.push(entry.certificate.subject.clone());
                }
            }
        }
    }
}
