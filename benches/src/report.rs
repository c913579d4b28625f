//! What is printed at the end.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::{
    latency::Percentiles,
    load::{Outcome, Plan},
    process,
};

/// The result of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    command: &'static str,
    count: usize,
    concurrency: usize,
    succeeded: usize,
    failed: u64,
    seconds: f64,
    /// Successes per second.
    rate_per_second: f64,
    latency_ms: Percentiles,
    /// How often each status with its code, or each transport error, came.
    errors: BTreeMap<String, u64>,
    reconnects: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<Cost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generator_cpu_ms: Option<u64>,
}

/// What the service's processes spent, together.
#[derive(Clone, Debug, Serialize)]
struct Cost {
    cpu_ms: u64,
    cpu_ms_per_success: f64,
    /// Successes per second of one core's time.
    per_core_second: f64,
    peak_resident_kib: BTreeMap<u32, u64>,
}

/// CPU times at the start of a run.
pub struct Meter {
    service: BTreeMap<u32, u64>,
    own: Option<u64>,
}

impl Meter {
    /// Reads what the service's processes, and this one, have spent so far.
    ///
    /// # Errors
    /// When one of the processes does not exist.
    pub fn start(pids: &[u32]) -> anyhow::Result<Self> {
        let service =
            pids.iter().map(|&pid| Ok((pid, process::cpu_millis(pid)?))).collect::<anyhow::Result<_>>()?;
        Ok(Self {
            service,
            // Absent where there is no /proc; nobody asked for it.
            own: process::cpu_millis(std::process::id()).ok(),
        })
    }
}

impl Report {
    /// Puts the figures together.
    ///
    /// # Errors
    /// When one of the metered processes is gone.
    pub fn new(command: &'static str, plan: &Plan, outcome: Outcome, meter: &Meter) -> anyhow::Result<Self> {
        let succeeded = outcome.latencies.len();
        let seconds = outcome.elapsed.as_secs_f64();
        let service =
            (!meter.service.is_empty()).then(|| Cost::since(&meter.service, succeeded)).transpose()?;
        let own = process::cpu_millis(std::process::id()).ok();
        Ok(Self {
            command,
            count: plan.count,
            concurrency: plan.concurrency,
            succeeded,
            failed: outcome.errors.values().sum(),
            seconds: rounded(seconds),
            rate_per_second: rounded(ratio(succeeded, seconds)),
            latency_ms: outcome.latencies.percentiles(),
            errors: outcome.errors,
            reconnects: outcome.reconnects,
            service,
            generator_cpu_ms: own.zip(meter.own).map(|(now, then)| now - then),
        })
    }

    /// Requests that did not succeed.
    pub fn failed(&self) -> u64 {
        self.failed
    }
}

impl Cost {
    fn since(start: &BTreeMap<u32, u64>, succeeded: usize) -> anyhow::Result<Self> {
        let mut cpu_ms = 0;
        let mut peak_resident_kib = BTreeMap::new();
        for (&pid, then) in start {
            cpu_ms += process::cpu_millis(pid)?.saturating_sub(*then);
            peak_resident_kib.insert(pid, process::peak_resident_kib(pid)?);
        }
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 ms")]
        let per_success = if succeeded == 0 { 0.0 } else { cpu_ms as f64 / succeeded as f64 };
        let per_core_second = if per_success == 0.0 { 0.0 } else { 1_000.0 / per_success };
        Ok(Self {
            cpu_ms,
            cpu_ms_per_success: rounded(per_success),
            per_core_second: rounded(per_core_second),
            peak_resident_kib,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} of {} in {:.1} s over {} connections = {:.1}/s",
            self.command, self.succeeded, self.count, self.seconds, self.concurrency, self.rate_per_second
        )?;
        let Percentiles { p50, p95, p99, max } = self.latency_ms;
        writeln!(f, "latency ms: p50 {p50:.2}  p95 {p95:.2}  p99 {p99:.2}  max {max:.2}")?;
        if let Some(service) = &self.service {
            write!(
                f,
                "service: {} ms CPU = {:.3} ms each = {:.0}/s per core; peak memory",
                service.cpu_ms, service.cpu_ms_per_success, service.per_core_second
            )?;
            for (pid, kib) in &service.peak_resident_kib {
                write!(f, "  {} MiB (process {pid})", kib / 1024)?;
            }
            writeln!(f)?;
        }
        if let Some(own) = self.generator_cpu_ms {
            writeln!(f, "generator: {own} ms CPU")?;
        }
        if self.reconnects > 0 {
            writeln!(f, "connections made again: {}", self.reconnects)?;
        }
        if self.errors.is_empty() {
            return writeln!(f, "errors: none");
        }
        writeln!(f, "errors: {}", self.failed)?;
        for (label, times) in &self.errors {
            writeln!(f, "  {times:>8}  {label}")?;
        }
        Ok(())
    }
}

fn ratio(count: usize, seconds: f64) -> f64 {
    if seconds == 0.0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    let count = count as f64;
    count / seconds
}

/// To three decimals: more would only look exact.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn report() -> Report {
        let mut outcome = Outcome { elapsed: Duration::from_secs(2), ..Outcome::default() };
        for _ in 0..4 {
            outcome.latencies.record(Duration::from_millis(3));
        }
        outcome.errors.insert("429 rate_limited".into(), 2);
        let plan = Plan { count: 6, concurrency: 2, patience: Duration::from_secs(1) };
        let meter = Meter { service: BTreeMap::new(), own: None };
        Report::new("issue", &plan, outcome, &meter).unwrap()
    }

    #[test]
    fn json_and_text_say_the_same() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!(json["rate_per_second"], 2.0);
        assert_eq!(json["succeeded"], 4);
        assert_eq!(json["failed"], 2);
        assert_eq!(json["latency_ms"]["p99"], 3.0);
        assert_eq!(json["errors"]["429 rate_limited"], 2);
        assert!(json.get("service").is_none());

        let text = report().to_string();
        assert!(text.starts_with("issue: 4 of 6 in 2.0 s over 2 connections = 2.0/s\n"));
        assert!(text.contains("p50 3.00  p95 3.00  p99 3.00  max 3.00"), "{text}");
        assert!(text.contains("       2  429 rate_limited\n"), "{text}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_service_is_charged_with_what_it_spent_since_the_start() {
        let pid = std::process::id();
        let spent = process::cpu_millis(pid).unwrap();
        let cost = Cost::since(&BTreeMap::from([(pid, 0)]), 10).unwrap();
        assert!(cost.cpu_ms >= spent);
        assert!(cost.peak_resident_kib[&pid] > 0);
    }
}
