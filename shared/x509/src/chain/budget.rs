//! Bounds on the work of one search. The sender of the certificates decides how long a search
//! could take: a mesh of cross-signed CAs has more paths than can be walked, and names times name
//! constraints are a product of two of their numbers.

/// Certificates in a path, the anchor included.
pub(super) const MAX_PATH: usize = 16;

/// What is left. All counts are of one search.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    signatures: u32,
    steps: u32,
    comparisons: u32,
}

/// A bound was met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Exhausted;

impl Budget {
    /// For the search of valid paths.
    pub(super) const SEARCH: Self = Self { signatures: 1_000, steps: 20_000, comparisons: 500_000 };

    /// For finding out why there is none.
    pub(super) const EXPLANATION: Self = Self { signatures: 200, steps: 2_000, comparisons: 500_000 };

    /// A signature that is verified.
    pub(super) fn signature(&mut self) -> Result<(), Exhausted> {
        spend(&mut self.signatures, 1)
    }

    /// An issuer that is tried.
    pub(super) fn step(&mut self) -> Result<(), Exhausted> {
        spend(&mut self.steps, 1)
    }

    /// Names that are compared with constraints, or policies that are followed.
    pub(super) fn comparisons(&mut self, number: usize) -> Result<(), Exhausted> {
        spend(&mut self.comparisons, u32::try_from(number).unwrap_or(u32::MAX))
    }
}

fn spend(left: &mut u32, number: u32) -> Result<(), Exhausted> {
    let rest = left.checked_sub(number);
    // A step that exceeds the budget uses it up.
    *left = rest.unwrap_or(0);
    rest.map(drop).ok_or(Exhausted)
}
