//! Judging one path from the anchor down to the target (RFC 5280 §6.1). Signatures and the chain
//! of names hold already: the walk goes no other way.

use std::{collections::BTreeSet, sync::Arc};

use crate::{EmailAddress, ExtendedKeyUsage, ObjectIdentifier};

use super::{
    Certificate,
    budget::{Budget, Exhausted},
    extensions::Oid,
    finding::{Class, Code, Flaw},
    general_name::{GeneralName, address},
    name_rules::{NameRules, Subject},
    options::{ExpectedName, Options},
    policies::{Policies, PolicyFault},
    pool::Pool,
    profile::Role,
};

/// Contents of the OID of anyExtendedKeyUsage (RFC 5280 §4.2.1.12).
const ANY_PURPOSE: &[u8] = b"\x55\x1d\x25\x00";

/// What §6.1 says of a path. Flaws come with the index of their certificate in the pool.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    pub(super) errors: Vec<(usize, Flaw)>,
    pub(super) warnings: Vec<(usize, Flaw)>,
    pub(super) policies: Vec<ObjectIdentifier>,
}

/// Judges a path of indexes into the pool, target first, anchor last.
///
/// # Errors
/// [`Exhausted`] when the budget does not cover the comparisons.
pub(super) fn judge(
    path: &[usize],
    pool: &mut Pool,
    options: &Options,
    budget: &mut Budget,
) -> Result<Judgement, Exhausted> {
    let mut judgement = judge_alone(path, pool, options);
    let downwards: Vec<Step> = path
        .iter()
        .rev()
        .map(|index| Step { index: *index, certificate: Arc::clone(&pool.entry(*index).certificate) })
        .collect();
    let [anchor, below @ ..] = downwards.as_slice() else {
        return Ok(judgement);
    };
    judge_path_length(anchor, below, &mut judgement);
    judge_depth(&downwards, options, &mut judgement);
    judge_names(anchor, below, budget, &mut judgement)?;
    judge_policies(anchor, below, options, budget, &mut judgement)?;
    judge_purposes(&downwards, options, &mut judgement);
    if let (Some(expected), Some(target)) = (&options.name, downwards.last())
        && !answers_to(&target.certificate, expected)
    {
        let message = format!("none of its subject alternative names is {expected}");
        judgement.errors.push((target.index, Flaw::new(Code::NameMismatch, message)));
    }
    Ok(judgement)
}

/// What is wrong with each certificate of a path by itself; the path may end before an anchor.
pub(super) fn judge_alone(path: &[usize], pool: &mut Pool, options: &Options) -> Judgement {
    let mut judgement = Judgement::default();
    for (position, index) in path.iter().enumerate() {
        let role = match (position, pool.is_anchor(*index)) {
            (0, true) => Role::TrustedTarget,
            (0, false) => Role::Target,
            (_, false) => Role::Issuer,
            (_, true) => Role::Anchor,
        };
        for flaw in pool.findings(*index, role, options.at) {
            match role.class(flaw.code, options.conformance) {
                Class::Advice => judgement.warnings.push((*index, flaw)),
                Class::Fatal | Class::Time | Class::Profile => judgement.errors.push((*index, flaw)),
            }
        }
    }
    judgement
}

struct Step {
    index: usize,
    certificate: Arc<Certificate>,
}

/// §6.1.4 (l) and (m).
fn judge_path_length(anchor: &Step, below: &[Step], judgement: &mut Judgement) {
    let limit = |certificate: &Certificate| {
        certificate.extensions.basic_constraints.as_ref().and_then(|extension| extension.value.1)
    };
    let mut left = limit(&anchor.certificate);
    let Some((_target, issuers)) = below.split_last() else {
        return;
    };
    for step in issuers {
        if !step.certificate.is_self_issued() {
            match left {
                Some(0) => {
                    let message = "a CA above it permits fewer CA certificates below itself (path length)";
                    judgement.errors.push((step.index, Flaw::new(Code::PathLengthExceeded, message)));
                    return;
                }
                Some(number) => left = Some(number - 1),
                None => {}
            }
        }
        left = match (left, limit(&step.certificate)) {
            (Some(left), Some(own)) => Some(left.min(own)),
            (left, own) => left.or(own),
        };
    }
}

/// §6.1.3 (b) and (c), §6.1.4 (g).
fn judge_names(
    anchor: &Step,
    below: &[Step],
    budget: &mut Budget,
    judgement: &mut Judgement,
) -> Result<(), Exhausted> {
    let mut rules: Vec<&NameRules> = Vec::new();
    rules.extend(anchor.certificate.extensions.name_rules.as_ref().map(|extension| &extension.value));
    for (position, step) in below.iter().enumerate() {
        let is_last = position + 1 == below.len();
        if !rules.is_empty() && (is_last || !step.certificate.is_self_issued()) {
            for flaw in names_against(&step.certificate, &rules, budget)? {
                judgement.errors.push((step.index, flaw));
            }
        }
        rules.extend(step.certificate.extensions.name_rules.as_ref().map(|extension| &extension.value));
    }
    Ok(())
}

/// At most ten: the rest would not tell more.
fn names_against(
    certificate: &Certificate,
    rules: &[&NameRules],
    budget: &mut Budget,
) -> Result<Vec<Flaw>, Exhausted> {
    let names = certificate.alternative_names();
    let has_email = names.iter().any(|name| matches!(name, GeneralName::Email(_)));
    let emails = if has_email { Vec::new() } else { certificate.subject_emails() };
    let distinguished = (!certificate.subject.is_empty())
        .then(|| Subject::Distinguished(&certificate.subject, certificate.subject_text()));
    let subjects: Vec<Subject<'_>> = distinguished
        .into_iter()
        .chain(emails.iter().map(|email| Subject::Email(email)))
        .chain(names.iter().map(Subject::Alternative))
        .collect();
    let mut flaws = Vec::new();
    for rule in rules {
        for subject in &subjects {
            if let Err(flaw) = rule.check(subject, budget)? {
                flaws.push(flaw);
                if flaws.len() == 10 {
                    return Ok(flaws);
                }
            }
        }
    }
    Ok(flaws)
}

/// §6.1.3 (d) to (f), §6.1.4 (a), (b) and (h) to (j), §6.1.5 (a), (b) and (g).
fn judge_policies(
    anchor: &Step,
    below: &[Step],
    options: &Options,
    budget: &mut Budget,
    judgement: &mut Judgement,
) -> Result<(), Exhausted> {
    let mut policies = Policies::new(&options.policies, below.len(), &anchor.certificate);
    for (position, step) in below.iter().enumerate() {
        match policies.follow(&step.certificate, position + 1 == below.len(), budget) {
            Ok(()) => {}
            Err(PolicyFault::Exhausted) => return Err(Exhausted),
            Err(PolicyFault::Flaw(flaw)) => {
                judgement.errors.push((step.index, flaw));
                return Ok(());
            }
        }
    }
    match policies.finish() {
        Ok(valid) => judgement.policies = valid,
        Err(flaw) => judgement.errors.push((below.last().unwrap_or(anchor).index, flaw)),
    }
    Ok(())
}

/// The caller's own bound; anchor and target are not counted.
fn judge_depth(downwards: &[Step], options: &Options, judgement: &mut Judgement) {
    let between = downwards.len().saturating_sub(2);
    if let (Some(most), Some(target)) = (options.max_depth.filter(|most| between > *most), downwards.last()) {
        let message = format!("its path has {between} intermediate certificates, where {most} are permitted");
        judgement.errors.push((target.index, Flaw::new(Code::PathTooLong, message)));
    }
}

/// A purpose is permitted when the target and every CA above it permit it.
fn judge_purposes(downwards: &[Step], options: &Options, judgement: &mut Judgement) {
    let mut wanted = options.purpose.iter().chain(&options.more_purposes).peekable();
    let is_any = wanted.peek().is_none();
    let wanted: Vec<_> = wanted.collect();
    let mut common: Option<BTreeSet<&Oid>> = None;
    for step in downwards {
        let Some(own) = &step.certificate.extensions.purposes else {
            continue;
        };
        if own.iter().any(|oid| oid.as_slice() == ANY_PURPOSE) {
            continue;
        }
        let common = match &mut common {
            None => common.insert(own.iter().collect()),
            Some(common) => {
                common.retain(|oid| own.contains(oid));
                common
            }
        };
        let is_missing =
            |purpose: &&&ExtendedKeyUsage| !common.iter().any(|oid| oid.as_slice() == purpose.oid_contents());
        let message = match wanted.iter().find(is_missing) {
            Some(purpose) => format!("its extended key usage does not permit {purpose}"),
            None if is_any && common.is_empty() => {
                "its extended key usage permits nothing that the CAs above it permit".to_owned()
            }
            None => continue,
        };
        judgement.errors.push((step.index, Flaw::new(Code::PurposeNotPermitted, message)));
        return;
    }
}

/// RFC 9525 §6: only alternative names count; a wildcard is a whole left-most label and stands for
/// one label.
fn answers_to(certificate: &Certificate, expected: &ExpectedName) -> bool {
    certificate.alternative_names().iter().any(|name| match (name, expected) {
        (GeneralName::Dns(presented), ExpectedName::Dns(wanted)) => {
            let wanted = wanted.as_str();
            match presented.strip_prefix("*.") {
                Some(base) => wanted.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(base)),
                None => presented.eq_ignore_ascii_case(wanted),
            }
        }
        (GeneralName::Ip(octets), ExpectedName::Ip(wanted)) => address(octets) == Some(*wanted),
        (GeneralName::Email(presented), ExpectedName::Email(wanted)) => {
            presented.parse::<EmailAddress>().is_ok_and(|presented| presented == *wanted)
        }
        _ => false,
    })
}
