//! Where random bytes come from.

/// A source of cryptographically secure random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `target` with random bytes.
    fn fill(&self, target: &mut [u8]);
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    /// # Panics
    /// When the operating system has no random numbers to give: nothing safe can be done then.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the operating system for randomness"
    )]
    fn fill(&self, target: &mut [u8]) {
        // Invariant: the kernel's generator is available after early boot.
        getrandom::fill(target).expect("the operating system's random number generator failed");
    }
}
