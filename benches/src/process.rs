//! What processes cost, as Linux accounts for it (proc_pid_stat(5), proc_pid_status(5)).

use std::{fs, path::Path};

use anyhow::{Context, bail};

/// `USER_HZ`: the unit of times in `/proc`, 100 per second on every Linux architecture in use.
const MILLIS_PER_TICK: u64 = 10;

/// The CPU time of a process so far, user and system, all threads, in milliseconds (resolution 10 ms).
///
/// # Errors
/// When there is no such process, or no `/proc`.
pub fn cpu_millis(pid: u32) -> anyhow::Result<u64> {
    let text = read(pid, "stat")?;
    // The name in parentheses may itself hold spaces and parentheses, so fields count from the last one.
    let Some((_, fields)) = text.rsplit_once(')') else {
        bail!("/proc/{pid}/stat has no process name");
    };
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || -> anyhow::Result<u64> {
        let field = fields.next().context("/proc stat ends early")?;
        field.parse().with_context(|| format!("{field} is not a number of clock ticks"))
    };
    Ok((ticks()? + ticks()?) * MILLIS_PER_TICK)
}

/// The greatest resident memory of a process so far, in KiB.
///
/// # Errors
/// When there is no such process, or no `/proc`.
pub fn peak_resident_kib(pid: u32) -> anyhow::Result<u64> {
    let text = read(pid, "status")?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|value| value.trim().strip_suffix(" kB"))
        .with_context(|| format!("/proc/{pid}/status has no VmHWM"))?;
    value.parse().with_context(|| format!("{value} is not a number of kB"))
}

fn read(pid: u32, file: &str) -> anyhow::Result<String> {
    let path = Path::new("/proc").join(pid.to_string()).join(file);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn cpu_time_grows_with_work_and_not_faster_than_the_machine() {
        let pid = std::process::id();
        let before = cpu_millis(pid).unwrap();
        let started = Instant::now();
        while cpu_millis(pid).unwrap() < before + 50 {
            assert!(started.elapsed() < Duration::from_mins(1));
        }
        let cores = std::thread::available_parallelism().unwrap().get();
        let limit = started.elapsed() * u32::try_from(cores).unwrap() + Duration::from_millis(100);
        let spent = Duration::from_millis(cpu_millis(pid).unwrap() - before);
        assert!(spent <= limit, "{spent:?} of at most {limit:?}");
    }

    #[test]
    fn memory_is_that_of_a_test_process() {
        let peak = peak_resident_kib(std::process::id()).unwrap();
        assert!((500..50_000_000).contains(&peak), "{peak} KiB");
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(cpu_millis(u32::MAX).is_err());
    }
}
