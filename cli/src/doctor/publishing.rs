//! The places beside `/pub`: whether what is wanted there is there.

use std::time::Duration;

use certmill_config::Config;
use certmill_domain::{Clock, CrlId, SystemClock};
use certmill_service::publish::{self, Target};
use certmill_storage::{Database, publications};

use super::findings::Findings;
use super::outside::numbers;
use crate::{compose, message};

/// What is behind is read up to here.
const MOST_BEHIND: i64 = 1_000;
/// Lists that are looked at: the same as are fetched from `/pub`, as far as they fit.
const MOST_LOOKED_AT: usize = 50;
/// What a place may take to show them.
const PATIENCE: Duration = Duration::from_mins(1);

/// Looks at each place that is set.
pub(super) async fn places(config: &Config, database: &Database, findings: &mut Findings) {
    let check = |target| match target {
        Target::Folder => "publish_folder",
        Target::ObjectStore => "publish_store",
    };
    let set = async {
        let publisher = compose::publisher(config)?;
        let (mut lists, _) = numbers(database).await?;
        lists.truncate(MOST_LOOKED_AT);
        anyhow::Ok((publisher, compose::providers(config)?, lists))
    };
    let (publisher, providers, lists) = match set.await {
        Ok(set) => set,
        Err(error) => return findings.failure("publish", message::of(&error), "mend what it says"),
    };
    for (target, name) in publisher.places() {
        let row = publish::row(target, name);
        let behind = async {
            let mut session = database.read_system().await?;
            publications::behind(&mut session, row, None, MOST_BEHIND).await
        };
        let behind = match behind.await {
            Ok(behind) => behind,
            Err(error) => {
                findings.failure(check(target), error.to_string(), "mend the database first");
                continue;
            }
        };
        let now = SystemClock.now();
        let late = behind
            .iter()
            .filter(|behind| behind.since.is_some_and(|since| since.plus(publisher.late_after()) <= now));
        let (late, failure) = late.fold((0_usize, None), |(count, failure), behind| {
            (count + 1, failure.or(behind.failure.clone()))
        });
        if late > 0 {
            let why = failure.unwrap_or_else(|| "no worker has tried".to_owned());
            findings.failure(
                check(target),
                format!("{late} CRLs should be at {name} since longer than publish.late_after: {why}"),
                "mend what it says; it goes on by itself, and what certificates name at /pub is not concerned",
            );
            continue;
        }
        // What is on its way is not missing.
        let is_on_its_way = |list: &CrlId| behind.iter().any(|behind| behind.list == *list);
        // A delta that was never made has the number 0.
        let is_made = |(list, number): &(CrlId, i64)| *number > 0 && !is_on_its_way(list);
        let lists: Vec<_> = lists.iter().copied().filter(is_made).collect();
        let look = publish::look(&publisher, (&providers, now), target, &lists);
        let look = tokio::time::timeout(PATIENCE, look).await;
        match look.unwrap_or_else(|_| Err(format!("it does not answer within {} s", PATIENCE.as_secs()))) {
            Err(error) => findings.failure(
                check(target),
                format!("nothing can be seen at {name}: {error}"),
                "mend what it says: workers cannot publish there either, or this command runs with other rights than they",
            ),
            Ok(look) => match look.bad.first() {
                Some(first) => findings.failure(
                    check(target),
                    format!("{} of {} are not at {name} as they were brought there: {first}", look.bad.len(), lists.len()),
                    "somebody has changed what is there: `certmill ca crl CA --rebuild` has a new one brought there",
                ),
                None if behind.iter().any(|behind| behind.failure.is_some()) => {
                    let failure = behind.iter().find_map(|behind| behind.failure.clone()).unwrap_or_default();
                    findings.warning(
                        check(target),
                        format!("{} CRLs are on their way to {name}, and the last try failed: {failure}", behind.len()),
                        "mend what it says; it is tried again by itself",
                    );
                }
                None => findings.ok(
                    check(target),
                    format!("{} were looked at in {name}, and {} are on their way", look.good, behind.len()),
                ),
            },
        }
    }
}
