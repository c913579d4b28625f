//! Walking from the target to the anchors, depth first with backtracking.

use super::{
    budget::{Budget, Exhausted, MAX_PATH},
    finding::{Code, Flaw},
    options::Options,
    pool::Pool,
};

/// What a walk looks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// Paths that can be valid: certificates that break a rule by themselves are passed by.
    Valid,
    /// Any path, in order to say why none is valid.
    Explain,
}

/// A walk that can be continued after each path it finds.
pub(super) struct Walk {
    mode: Mode,
    at_start: bool,
    /// Anchors that are the target itself, each a path of one.
    own_anchors: Vec<usize>,
    stack: Vec<Frame>,
    /// Where it came furthest without reaching an anchor.
    pub(super) dead_end: Option<DeadEnd>,
}

struct Frame {
    index: usize,
    issuers: Vec<usize>,
    next: usize,
    /// Whether any of the issuers fitted.
    went_on: bool,
    /// What kept the likeliest issuer from fitting.
    fault: Option<Flaw>,
}

/// The end of a path that leads nowhere.
pub(super) struct DeadEnd {
    /// From the target on.
    pub(super) path: Vec<usize>,
    /// What is wrong with its last certificate.
    pub(super) flaw: Flaw,
}

impl Walk {
    pub(super) fn new(mode: Mode, pool: &Pool) -> Self {
        Self {
            mode,
            at_start: true,
            own_anchors: pool.anchors_of_target(),
            stack: Vec::new(),
            dead_end: None,
        }
    }

    /// The next path, from the target to an anchor.
    pub(super) fn next(
        &mut self,
        pool: &mut Pool,
        options: &Options,
        budget: &mut Budget,
    ) -> Result<Option<Vec<usize>>, Exhausted> {
        if let Some(anchor) = self.own_anchors.pop() {
            return Ok(Some(vec![anchor]));
        }
        if std::mem::take(&mut self.at_start) {
            self.enter(0, pool, options);
        }
        while let Some(frame) = self.stack.last_mut() {
            let child = frame.index;
            let Some(issuer) = frame.issuers.get(frame.next).copied() else {
                self.leave();
                continue;
            };
            frame.next += 1;
            budget.step()?;
            if self.is_passed_by(child, issuer, pool, options) {
                continue;
            }
            if self.stack.len() >= MAX_PATH {
                self.fail(Flaw::new(
                    Code::PathTooLong,
                    format!("a path has at most {MAX_PATH} certificates, the anchor included"),
                ));
                continue;
            }
            if let Err(flaw) = pool.verify(child, issuer, budget)? {
                // An issuer of the same name with another key is a stranger.
                if !pool.key_ids_differ(child, issuer) || flaw.code != Code::SignatureInvalid {
                    self.fail(flaw);
                }
                continue;
            }
            if let Some(frame) = self.stack.last_mut() {
                frame.went_on = true;
            }
            if pool.is_anchor(issuer) {
                return Ok(Some(self.path().chain([issuer]).collect()));
            }
            self.enter(issuer, pool, options);
        }
        Ok(None)
    }

    fn path(&self) -> impl Iterator<Item = usize> + '_ {
        self.stack.iter().map(|frame| frame.index)
    }

    fn enter(&mut self, index: usize, pool: &Pool, options: &Options) {
        let issuers = pool.issuers_of(index, options.at);
        self.stack.push(Frame { index, issuers, next: 0, went_on: false, fault: None });
    }

    fn fail(&mut self, flaw: Flaw) {
        if let Some(frame) = self.stack.last_mut() {
            frame.fault.get_or_insert(flaw);
        }
    }

    fn leave(&mut self) {
        let known = self.dead_end.as_ref().map_or(0, |end| end.path.len());
        let path: Vec<usize> = if self.stack.len() > known { self.path().collect() } else { Vec::new() };
        let Some(frame) = self.stack.pop() else {
            return;
        };
        if !frame.went_on && !path.is_empty() {
            let unknown = || {
                Flaw::new(
                    Code::UnknownIssuer,
                    "its issuer is neither among the certificates that were given nor among the trust anchors",
                )
            };
            self.dead_end = Some(DeadEnd { path, flaw: frame.fault.unwrap_or_else(unknown) });
        }
    }

    fn is_passed_by(&self, child: usize, issuer: usize, pool: &mut Pool, options: &Options) -> bool {
        // A target of an anchor's name and key is the anchor's older or newer certificate.
        let renewed_anchor = self.stack.len() == 1 && pool.is_anchor(issuer);
        let is_loop = self.path().any(|passed| pool.same_identity(passed, issuer));
        if is_loop && !(renewed_anchor && child == 0) {
            return true;
        }
        match self.mode {
            Mode::Explain => false,
            Mode::Valid => {
                !pool.is_within_reach(issuer)
                    || !pool.is_sound_issuer(issuer, options)
                    || !self.fits_path_length(issuer, pool)
            }
        }
    }

    /// Whether the CA certificates passed so far are not too many for this issuer.
    fn fits_path_length(&self, issuer: usize, pool: &Pool) -> bool {
        let basic = pool.entry(issuer).certificate.extensions.basic_constraints.as_ref();
        let Some(limit) = basic.and_then(|extension| extension.value.1) else {
            return true;
        };
        let below = self.path().skip(1).filter(|index| !pool.entry(*index).certificate.is_self_issued());
        below.count() <= usize::from(limit)
    }
}
