//! What is printed at the end.

use std::{fmt, time::Duration};

use anyhow::{Context, ensure};
use serde::Serialize;

/// All figures of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub(super) command: &'static str,
    pub(super) openssl: &'static str,
    pub(super) operations: Vec<Operation>,
    pub(super) rsa_2048: RsaKeys,
    /// The same with a tenth of the entries and with all.
    pub(super) crls: Vec<Crl>,
}

/// An operation in one thread.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Operation {
    name: &'static str,
    micros: f64,
    per_second: f64,
}

/// Keys made on the spot, and keys taken from a full pool.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RsaKeys {
    keys: usize,
    cold_ms: f64,
    cold_longest_ms: f64,
    warm_ms: f64,
    warm_longest_ms: f64,
    /// How many times as long a key takes without the pool.
    cold_by_warm: f64,
}

/// The building and signing of one CRL.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Crl {
    pub(super) entries: u32,
    pub(super) build_seconds: f64,
    pub(super) sign_seconds: f64,
    pub(super) bytes: usize,
    /// Greatest resident memory of this process so far.
    pub(super) peak_before_kib: u64,
    pub(super) peak_after_kib: u64,
}

impl Operation {
    pub(super) fn new(name: &'static str, seconds: f64) -> anyhow::Result<Self> {
        ensure!(seconds > 0.0, "`{name}` took no time at all");
        Ok(Self { name, micros: seconds * 1e6, per_second: 1.0 / seconds })
    }
}

impl RsaKeys {
    pub(super) fn new(cold: &[Duration], warm: &[Duration]) -> anyhow::Result<Self> {
        let (cold_ms, cold_longest_ms) = mean_and_longest_ms(cold)?;
        let (warm_ms, warm_longest_ms) = mean_and_longest_ms(warm)?;
        ensure!(warm_ms > 0.0, "the pool took no time at all");
        let cold_by_warm = cold_ms / warm_ms;
        Ok(Self { keys: cold.len(), cold_ms, cold_longest_ms, warm_ms, warm_longest_ms, cold_by_warm })
    }
}

fn mean_and_longest_ms(times: &[Duration]) -> anyhow::Result<(f64, f64)> {
    let longest = times.iter().max().context("nothing was measured")?;
    let count = u32::try_from(times.len())?;
    let mean = times.iter().sum::<Duration>().as_secs_f64() / f64::from(count);
    Ok((mean * 1e3, longest.as_secs_f64() * 1e3))
}

impl Crl {
    fn seconds(&self) -> f64 {
        self.build_seconds + self.sign_seconds
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "engine, one thread, {}", self.openssl)?;
        for Operation { name, micros, per_second } in &self.operations {
            writeln!(f, "  {name:46} {micros:9.1} µs {per_second:11.0}/s")?;
        }
        let RsaKeys { keys, cold_ms, cold_longest_ms, warm_ms, warm_longest_ms, cold_by_warm } =
            self.rsa_2048;
        writeln!(
            f,
            "RSA-2048 key, {keys} of each: made {cold_ms:.1} ms (longest {cold_longest_ms:.1}), from a full pool \
             {warm_ms:.4} ms (longest {warm_longest_ms:.4}) = {cold_by_warm:.0} times as quick"
        )?;
        for crl in &self.crls {
            let Crl { entries, build_seconds, sign_seconds, bytes, peak_before_kib, peak_after_kib } = crl;
            writeln!(
                f,
                "CRL of {entries} entries: build {build_seconds:.4} s, sign {sign_seconds:.4} s, {bytes} bytes; peak \
                 memory {peak_before_kib} KiB before, {peak_after_kib} KiB after"
            )?;
        }
        if let [tenth, whole] = self.crls.as_slice() {
            writeln!(
                f,
                "  {:.1} times the entries took {:.1} times as long",
                f64::from(whole.entries) / f64::from(tenth.entries),
                whole.seconds() / tenth.seconds()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_is_compared_by_means() {
        let ms = Duration::from_millis;
        let keys = RsaKeys::new(&[ms(10), ms(30)], &[ms(1), ms(3)]).unwrap();
        let figures =
            [keys.cold_ms, keys.cold_longest_ms, keys.warm_ms, keys.warm_longest_ms, keys.cold_by_warm];
        for (figure, expected) in figures.into_iter().zip([20.0, 30.0, 2.0, 3.0, 10.0]) {
            assert!((figure - expected).abs() < 1e-9, "{figures:?}");
        }
        assert!(RsaKeys::new(&[], &[]).is_err());
    }
}
