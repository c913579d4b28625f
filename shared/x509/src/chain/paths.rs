//! The search: first for valid paths, and when there is none, for the best reason.

use std::sync::Arc;

use super::{
    Certificate,
    budget::Budget,
    finding::{Class, Code, Finding, Flaw},
    options::Options,
    pool::Pool,
    rules::{self, Judgement},
    verdict::{Path, Verdict},
    walk::{Mode, Walk},
};

/// Paths that are judged in order to say why none is valid.
const MAX_EXPLAINED: usize = 50;

/// A search for paths from a target to trust anchors, which can be continued.
pub struct Paths {
    pool: Pool,
    options: Options,
    walk: Walk,
    budget: Budget,
    exhausted: bool,
}

impl Paths {
    /// Begins a search. `candidates` are certificates in DER in any order, strangers among them
    /// welcome; those that cannot be read become warnings.
    pub fn new<C: AsRef<[u8]>>(
        target: Certificate,
        candidates: &[C],
        anchors: &[Arc<Certificate>],
        options: Options,
    ) -> Self {
        let pool = Pool::new(target, candidates, anchors);
        let walk = Walk::new(Mode::Valid, &pool);
        Self { pool, options, walk, budget: Budget::SEARCH, exhausted: false }
    }

    /// The next valid path, with its warnings; none when there are no more, or the bounds on work
    /// are met.
    pub fn next_valid(&mut self) -> Option<Verdict> {
        while !self.exhausted {
            let found = self.walk.next(&mut self.pool, &self.options, &mut self.budget);
            let judged = found.and_then(|path| match path {
                None => Ok(None),
                Some(path) => {
                    let judgement = rules::judge(&path, &mut self.pool, &self.options, &mut self.budget)?;
                    Ok(Some((path, judgement)))
                }
            });
            match judged {
                Err(_) => self.exhausted = true,
                Ok(None) => return None,
                Ok(Some((path, judgement))) if judgement.errors.is_empty() => {
                    return Some(self.verdict(&path, judgement));
                }
                Ok(Some(_)) => {}
            }
        }
        None
    }

    /// Why there is no valid path: what is wrong with the path that came nearest. Its first error
    /// is [`Code::PathBudgetExceeded`] when the search for valid paths was not finished. To be asked
    /// when [`Self::next_valid`] has never answered one; otherwise it may be a valid path again.
    pub fn explain(&mut self) -> Verdict {
        let mut walk = Walk::new(Mode::Explain, &self.pool);
        let mut budget = Budget::EXPLANATION;
        let mut best: Option<(usize, usize, Vec<usize>, Judgement)> = None;
        for _ in 0..MAX_EXPLAINED {
            let Ok(Some(path)) = walk.next(&mut self.pool, &self.options, &mut budget) else {
                break;
            };
            let Ok(judgement) = rules::judge(&path, &mut self.pool, &self.options, &mut budget) else {
                break;
            };
            let lasting =
                judgement.errors.iter().filter(|(_, flaw)| flaw.code.class() != Class::Time).count();
            let rank = (lasting, judgement.errors.len());
            if best.as_ref().is_none_or(|(lasting, all, ..)| rank < (*lasting, *all)) {
                best = Some((rank.0, rank.1, path, judgement));
            }
        }
        let found_anything = best.is_some() || walk.dead_end.is_some();
        let mut verdict = match (best, walk.dead_end) {
            (Some((_, _, path, judgement)), _) => self.verdict(&path, judgement),
            (None, Some(end)) => {
                let last = end.path.last().copied().unwrap_or_default();
                let mut judgement = rules::judge_alone(&end.path, &mut self.pool, &self.options);
                judgement.errors.insert(0, (last, end.flaw));
                self.verdict(&end.path, judgement)
            }
            (None, None) => self.verdict(&[0], Judgement::default()),
        };
        // Without a dead end, even the explanation was too much work.
        if !found_anything || (self.exhausted && !verdict.errors.is_empty()) {
            verdict.errors.insert(0, budget_exceeded());
        }
        verdict
    }

    fn verdict(&self, path: &[usize], judgement: Judgement) -> Verdict {
        let finding = |(index, flaw): (usize, Flaw)| Finding {
            code: flaw.code,
            message: flaw.message,
            certificate: Some(self.pool.reference(index)),
        };
        let entries = path.iter().map(|index| self.pool.entry(*index));
        let path = Path {
            certificates: entries.clone().map(|entry| Arc::clone(&entry.certificate)).collect(),
            places: entries.map(|entry| entry.place).collect(),
            policies: judgement.policies,
        };
        let own_warnings = judgement.warnings.into_iter().map(finding);
        Verdict {
            not_expired: path.is_valid_at(self.options.at),
            errors: judgement.errors.into_iter().map(finding).collect(),
            warnings: own_warnings.chain(self.pool.warnings.iter().cloned()).collect(),
            path,
        }
    }
}

/// Whether there is a valid path from a target to an anchor, and if not, why.
pub fn validate<C: AsRef<[u8]>>(
    target_der: &[u8],
    candidates: &[C],
    anchors: &[Arc<Certificate>],
    options: &Options,
) -> Verdict {
    let target = match Certificate::from_der(target_der) {
        Ok(target) => target,
        Err(error) => {
            return Verdict {
                path: Path::default(),
                errors: vec![Finding {
                    code: Code::MalformedCertificate,
                    message: error.to_string(),
                    certificate: None,
                }],
                warnings: Vec::new(),
                not_expired: false,
            };
        }
    };
    let mut paths = Paths::new(target, candidates, anchors, options.clone());
    paths.next_valid().unwrap_or_else(|| paths.explain())
}

fn budget_exceeded() -> Finding {
    Finding {
        code: Code::PathBudgetExceeded,
        message:
            "the search was given up: there are too many certificates, names or constraints to try; give \
                  fewer intermediate certificates"
                .into(),
        certificate: None,
    }
}
