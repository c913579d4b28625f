//! Keys made from passwords, within a limit of work.

use openssl::error::ErrorStack;
use openssl::hash::{Hasher, MessageDigest};
use openssl::pkcs5;
use zeroize::Zeroizing;

use crate::KeyError;

/// The most iterations for one key or bundle, all of its derivations together: some seconds of one
/// processor. OpenSSL writes 2048, Java 10,000, the strictest advice is 1,300,000.
const MOST_ITERATIONS: u64 = 10_000_000;
/// The most memory for scrypt. OpenSSL writes keys that take 16 MiB.
const MOST_MEMORY: u64 = 256 << 20;

/// A password in the two encodings that derivations take.
pub struct Password {
    utf8: Zeroizing<Vec<u8>>,
    bmp: Zeroizing<Vec<u8>>,
}

impl Password {
    pub fn new(text: &str) -> Self {
        let utf8 = Zeroizing::new(text.as_bytes().to_vec());
        // UTF-16 is at most twice as long as UTF-8.
        let mut bmp = Zeroizing::new(Vec::with_capacity(2 * text.len() + 2));
        let units = text.encode_utf16().chain(std::iter::once(0));
        bmp.extend(units.flat_map(u16::to_be_bytes));
        Self { utf8, bmp }
    }

    /// No password at all, which some programs take an empty one for.
    pub fn absent() -> Self {
        Self { utf8: Zeroizing::default(), bmp: Zeroizing::default() }
    }

    /// UTF-8, for PBKDF2, scrypt and old PEM headers.
    pub fn utf8(&self) -> &[u8] {
        &self.utf8
    }
}

/// The work that is left to be spent on one key or bundle.
pub struct Work {
    iterations: u64,
}

impl Work {
    pub fn new() -> Self {
        Self { iterations: MOST_ITERATIONS }
    }

    fn spend(&mut self, iterations: u64) -> Result<(), KeyError> {
        self.iterations = self.iterations.checked_sub(iterations).ok_or_else(|| {
            KeyError::ExcessiveWork(format!(
                "its key derivation has {iterations} iterations, and {MOST_ITERATIONS} are done at most for \
                 all of it; encrypt it with fewer, such as 100000"
            ))
        })?;
        Ok(())
    }
}

/// PBKDF2 (RFC 8018 §5.2).
pub struct Pbkdf2<'a> {
    pub salt: &'a [u8],
    pub iterations: u64,
    pub digest: MessageDigest,
}

impl Pbkdf2<'_> {
    pub fn derive(
        &self,
        password: &Password,
        length: usize,
        work: &mut Work,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        work.spend(self.iterations)?;
        let iterations =
            usize::try_from(self.iterations).ok().filter(|count| *count > 0).ok_or_else(no_iterations)?;
        let mut key = Zeroizing::new(vec![0; length]);
        pkcs5::pbkdf2_hmac(password.utf8(), self.salt, iterations, self.digest, &mut key)?;
        Ok(key)
    }
}

/// scrypt (RFC 7914 §2).
pub struct Scrypt<'a> {
    pub salt: &'a [u8],
    pub cost: u64,
    pub block_size: u64,
    pub parallelization: u64,
}

impl Scrypt<'_> {
    pub fn derive(
        &self,
        password: &Password,
        length: usize,
        work: &mut Work,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let legal = self.cost.is_power_of_two() && self.cost > 1 && self.block_size > 0;
        if !legal || self.parallelization == 0 {
            return Err(KeyError::InvalidKey("its scrypt parameters are not legal (RFC 7914)".into()));
        }
        let blocks = self.cost.checked_mul(self.block_size);
        let memory = blocks
            .and_then(|blocks| blocks.checked_add(self.block_size.checked_mul(self.parallelization)?))
            .and_then(|blocks| blocks.checked_mul(128));
        if memory.is_none_or(|memory| memory > MOST_MEMORY) {
            let most = MOST_MEMORY >> 20;
            return Err(KeyError::ExcessiveWork(format!("scrypt may take {most} MiB of memory at most")));
        }
        // Each block is mixed twice, and costs about as much as an iteration of PBKDF2.
        let iterations = blocks.and_then(|blocks| blocks.checked_mul(2)?.checked_mul(self.parallelization));
        work.spend(iterations.unwrap_or(u64::MAX))?;
        let mut key = Zeroizing::new(vec![0; length]);
        let (n, r, p) = (self.cost, self.block_size, self.parallelization);
        // OpenSSL counts its own overhead too.
        pkcs5::scrypt(password.utf8(), self.salt, n, r, p, 2 * MOST_MEMORY, &mut key)?;
        Ok(key)
    }
}

/// What a key of PKCS #12 is for (RFC 7292 §B.3).
#[derive(Clone, Copy)]
pub enum Purpose {
    Key = 1,
    InitialVector = 2,
    Mac = 3,
}

/// The derivation of PKCS #12 (RFC 7292 §B.2), which OpenSSL's safe API does not offer.
pub struct Pkcs12<'a> {
    pub salt: &'a [u8],
    pub iterations: u64,
    pub digest: MessageDigest,
}

impl Pkcs12<'_> {
    pub fn derive(
        &self,
        (password, purpose): (&Password, Purpose),
        length: usize,
        work: &mut Work,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        if self.iterations == 0 {
            return Err(no_iterations());
        }
        let mut hasher = Hasher::new(self.digest)?;
        let block = self.digest.block_size();
        let diversifier = vec![purpose as u8; block];
        let mut input = Zeroizing::new(Vec::with_capacity(self.salt.len() + password.bmp.len() + 2 * block));
        for part in [self.salt, &password.bmp] {
            let whole_blocks = part.len().next_multiple_of(block);
            input.extend(part.iter().cycle().take(whole_blocks));
        }
        let mut key = Zeroizing::new(Vec::with_capacity(length + self.digest.size()));
        while key.len() < length {
            work.spend(self.iterations)?;
            let hash = self.hash(&mut hasher, &diversifier, &input)?;
            key.extend_from_slice(&hash);
            add_to_blocks(&mut input, block, &hash);
        }
        key.truncate(length);
        Ok(key)
    }

    fn hash(
        &self,
        hasher: &mut Hasher,
        diversifier: &[u8],
        input: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        hasher.update(diversifier)?;
        hasher.update(input)?;
        let mut hash = hasher.finish()?;
        for _ in 1..self.iterations {
            hasher.update(&hash)?;
            hash = hasher.finish()?;
        }
        Ok(Zeroizing::new(hash.to_vec()))
    }
}

/// Adds the hash, repeated to the length of a block, and one to each block of the input.
fn add_to_blocks(input: &mut [u8], block: usize, hash: &[u8]) {
    let addend: Zeroizing<Vec<u8>> = Zeroizing::new(hash.iter().copied().cycle().take(block).collect());
    for digits in input.chunks_mut(block) {
        let mut carry = 1;
        for (digit, add) in digits.iter_mut().zip(addend.iter()).rev() {
            let sum = u16::from(*digit) + u16::from(*add) + carry;
            let [high, low] = sum.to_be_bytes();
            *digit = low;
            carry = u16::from(high);
        }
    }
}

fn no_iterations() -> KeyError {
    KeyError::InvalidKey("its number of iterations is not legal".into())
}
