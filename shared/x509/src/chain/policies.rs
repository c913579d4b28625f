//! Certificate policies: the valid policy graph of RFC 9618, which takes the place of the tree of
//! RFC 5280 §6.1. A graph has one node per policy and depth, so its size is that of the
//! certificates; the tree doubles with each pair of mapped policies.

use std::collections::{BTreeMap, BTreeSet};

use crate::{ObjectIdentifier, X509Error, reader::Reader, writer::tag};

use super::{
    Certificate,
    budget::{Budget, Exhausted},
    extensions::{ANY_POLICY, Oid, shown},
    finding::{Code, Flaw},
    options::PolicyOptions,
};

/// One depth: the valid policies with their nodes.
type Level = BTreeMap<Oid, Node>;

#[derive(Clone, Debug)]
struct Node {
    expected: BTreeSet<Oid>,
    /// Valid policies of the nodes above.
    parents: BTreeSet<Oid>,
}

/// The state of RFC 5280 §6.1.2 that concerns policies.
pub(super) struct Policies<'a> {
    options: &'a PolicyOptions,
    /// Depth 0 first; none once no policy is valid (`NULL`).
    graph: Option<Vec<Level>>,
    explicit: u32,
    mapping: u32,
    inhibit_any: u32,
}

/// Why the policies of a path are not followed further.
pub(super) enum PolicyFault {
    /// A rule is broken.
    Flaw(Flaw),
    /// The budget is spent.
    Exhausted,
}

impl From<Exhausted> for PolicyFault {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

impl From<Flaw> for PolicyFault {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}

impl<'a> Policies<'a> {
    /// §6.1.2 for a path of `length` certificates below `anchor`, whose policy constraints hold for
    /// them (RFC 5937).
    pub(super) fn new(options: &'a PolicyOptions, length: usize, anchor: &Certificate) -> Self {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let initial = |inhibited: bool| if inhibited { 0 } else { length.saturating_add(1) };
        let any = ANY_POLICY.to_vec();
        let root = Node { expected: BTreeSet::from([any.clone()]), parents: BTreeSet::new() };
        let mut policies = Self {
            options,
            graph: Some(vec![Level::from([(any, root)])]),
            explicit: initial(options.require_explicit),
            mapping: initial(options.inhibit_mapping),
            inhibit_any: initial(options.inhibit_any),
        };
        policies.constrain(anchor);
        policies
    }

    /// §6.1.3 (d) to (f) for the next certificate, and §6.1.4 unless it is the last.
    pub(super) fn follow(
        &mut self,
        certificate: &Certificate,
        is_last: bool,
        budget: &mut Budget,
    ) -> Result<(), PolicyFault> {
        let counts_any = self.inhibit_any > 0 || (!is_last && certificate.is_self_issued());
        match &certificate.extensions.policies {
            Some(policies) => self.grow(policies, counts_any, budget)?,
            None => self.graph = None,
        }
        if self.explicit == 0 && self.graph.is_none() {
            return Err(no_valid_policy().into());
        }
        if is_last {
            self.explicit = self.explicit.saturating_sub(1);
            let constraints = certificate.extensions.policy_constraints.as_ref();
            if constraints.is_some_and(|extension| extension.value.require_explicit == Some(0)) {
                self.explicit = 0;
            }
            return Ok(());
        }
        self.map(&certificate.extensions.mappings, budget)?;
        if !certificate.is_self_issued() {
            self.explicit = self.explicit.saturating_sub(1);
            self.mapping = self.mapping.saturating_sub(1);
            self.inhibit_any = self.inhibit_any.saturating_sub(1);
        }
        self.constrain(certificate);
        Ok(())
    }

    /// §6.1.5 (g): the policies for which the path is valid and that the caller accepts. A path
    /// that holds for every policy answers anyPolicy.
    pub(super) fn finish(self) -> Result<Vec<ObjectIdentifier>, Flaw> {
        let authorised = self.authorised();
        let accepted: BTreeSet<Oid> = match &self.options.acceptable {
            None => authorised,
            Some(acceptable) => {
                let any_is_authorised = authorised.contains(ANY_POLICY);
                let any_is_accepted = acceptable.iter().any(|oid| oid.contents() == ANY_POLICY);
                if any_is_accepted {
                    authorised
                } else {
                    let wanted = acceptable.iter().map(|oid| oid.contents().to_vec());
                    wanted.filter(|oid| any_is_authorised || authorised.contains(oid)).collect()
                }
            }
        };
        if self.explicit == 0 && accepted.is_empty() {
            return Err(no_valid_policy());
        }
        Ok(accepted.iter().filter_map(|oid| ObjectIdentifier::from_contents(oid).ok()).collect())
    }

    /// RFC 9618: the policies of the nodes that hang on an anyPolicy, in the terms of the anchor.
    fn authorised(&self) -> BTreeSet<Oid> {
        let Some(graph) = &self.graph else {
            return BTreeSet::new();
        };
        let below_any = graph
            .iter()
            .flatten()
            .filter(|(policy, node)| policy.as_slice() != ANY_POLICY && node.parents.contains(ANY_POLICY));
        let mut authorised: BTreeSet<Oid> = below_any.map(|(policy, _)| policy.clone()).collect();
        if graph.last().is_some_and(|level| level.contains_key(ANY_POLICY)) {
            authorised.insert(ANY_POLICY.to_vec());
        }
        authorised
    }

    /// §6.1.3 (d).
    fn grow(&mut self, policies: &[Oid], counts_any: bool, budget: &mut Budget) -> Result<(), Exhausted> {
        let Some(above) = self.graph.as_ref().and_then(|graph| graph.last()) else {
            return Ok(());
        };
        let size: usize = above.values().map(|node| node.expected.len()).sum();
        budget.comparisons(size + policies.len())?;
        // The nodes one level up that expect a policy.
        let mut expecting: BTreeMap<&Oid, BTreeSet<Oid>> = BTreeMap::new();
        for (policy, node) in above {
            for expected in &node.expected {
                expecting.entry(expected).or_default().insert(policy.clone());
            }
        }
        let any = ANY_POLICY.to_vec();
        let mut level = Level::new();
        let mut insert = |policy: &Oid, parents: BTreeSet<Oid>| {
            let expected = BTreeSet::from([policy.clone()]);
            level.entry(policy.clone()).or_insert(Node { expected, parents });
        };
        for policy in policies.iter().filter(|policy| policy.as_slice() != ANY_POLICY) {
            match expecting.get(policy) {
                Some(parents) => insert(policy, parents.clone()),
                None if above.contains_key(&any) => insert(policy, BTreeSet::from([any.clone()])),
                None => {}
            }
        }
        if counts_any && policies.contains(&any) {
            for (policy, parents) in expecting {
                insert(policy, parents);
            }
        }
        if let Some(graph) = &mut self.graph {
            graph.push(level);
        }
        self.prune();
        Ok(())
    }

    /// §6.1.4 (a) and (b).
    fn map(&mut self, mappings: &[(Oid, Oid)], budget: &mut Budget) -> Result<(), PolicyFault> {
        if mappings.is_empty() {
            return Ok(());
        }
        if mappings.iter().any(|(from, to)| from.as_slice() == ANY_POLICY || to.as_slice() == ANY_POLICY) {
            let message = "it maps a policy from or to anyPolicy, which is not permitted";
            return Err(Flaw::new(Code::AnyPolicyMapped, message).into());
        }
        budget.comparisons(mappings.len())?;
        let mut targets: BTreeMap<&Oid, BTreeSet<Oid>> = BTreeMap::new();
        for (from, to) in mappings {
            targets.entry(from).or_default().insert(to.clone());
        }
        let Some(level) = self.graph.as_mut().and_then(|graph| graph.last_mut()) else {
            return Ok(());
        };
        let counts_any = level.contains_key(ANY_POLICY);
        for (policy, expected) in targets {
            if self.mapping == 0 {
                level.remove(policy);
            } else if let Some(node) = level.get_mut(policy) {
                node.expected = expected;
            } else if counts_any {
                let parents = BTreeSet::from([ANY_POLICY.to_vec()]);
                level.insert(policy.clone(), Node { expected, parents });
            }
        }
        self.prune();
        Ok(())
    }

    /// §6.1.3 (d) (3): nodes without a child go, from the depth above the last one upwards.
    fn prune(&mut self) {
        let Some(graph) = &mut self.graph else {
            return;
        };
        let mut wanted: Option<BTreeSet<Oid>> = None;
        for level in graph.iter_mut().rev() {
            if let Some(wanted) = &wanted {
                level.retain(|policy, _| wanted.contains(policy));
            }
            wanted = Some(level.values().flat_map(|node| node.parents.iter().cloned()).collect());
        }
        if graph.first().is_none_or(BTreeMap::is_empty) || graph.last().is_none_or(BTreeMap::is_empty) {
            self.graph = None;
        }
    }

    /// §6.1.4 (i) and (j).
    fn constrain(&mut self, certificate: &Certificate) {
        let lower =
            |count: &mut u32, limit: Option<u32>| *count = limit.map_or(*count, |limit| limit.min(*count));
        if let Some(constraints) = &certificate.extensions.policy_constraints {
            lower(&mut self.explicit, constraints.value.require_explicit);
            lower(&mut self.mapping, constraints.value.inhibit_mapping);
        }
        let inhibit_any = certificate.extensions.inhibit_any.as_ref();
        lower(&mut self.inhibit_any, inhibit_any.map(|extension| extension.value));
    }
}

fn no_valid_policy() -> Flaw {
    Flaw::new(
        Code::NoValidPolicy,
        "the path holds for none of the acceptable certificate policies, and one is required",
    )
}

/// Qualifiers are for people, but one that is critical and of an unknown kind cannot be told to them: the certificate must be
/// rejected then (RFC 5280 §4.2.1.4).
pub(super) fn refuse_unknown_qualifiers(qualifiers: &[u8]) -> Result<(), X509Error> {
    /// `id-qt-cps` and `id-qt-unotice`.
    const KNOWN: [&[u8]; 2] = [b"\x2b\x06\x01\x05\x05\x07\x02\x01", b"\x2b\x06\x01\x05\x05\x07\x02\x02"];
    let mut qualifiers = Reader::new(qualifiers)?;
    while !qualifiers.is_at_end() {
        let kind = qualifiers.sequence()?.value(tag::OBJECT_IDENTIFIER)?;
        if !KNOWN.contains(&kind) {
            return Err(X509Error::InvalidCertificate(format!(
                "it is critical and has the policy qualifier {}, which is not known (RFC 5280 section 4.2.1.4)",
                shown(kind)
            )));
        }
    }
    Ok(())
}
