//! Lists of Cloudflare that are longer than a page.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use fake_dns::{Fault, Lab, vendors};

const NAME: &str = "_acme-challenge.many.example.test";

/// Every zone is listed, whatever page it is on, and so is every value of a name: one that is on a later page is neither added
/// twice nor left behind.
async fn every_page_is_read(lab: Lab) {
    let provider = lab.open().unwrap();
    let mut zones = provider.verify().await.unwrap();
    zones.sort_unstable();
    zones.dedup();
    assert_eq!(zones.len(), 253);

    // Two full pages and a part of a third; of the full ones nobody says that another one follows.
    let mut values: Vec<String> = (0..120).map(|number| format!("value-{number:03}")).collect();
    {
        let mut state = lab.fake().zones().lock();
        let zone = state.zone(Lab::ZONE).unwrap().id;
        for value in &values {
            state.add_record(zone, (NAME, "TXT"), 120, value);
        }
    }
    let zone = provider.find_zone(NAME).await.unwrap();
    let mut listed = provider.list_txt(&zone, NAME).await.unwrap();
    listed.sort_unstable();
    assert_eq!(listed, values);
    let last = values.pop().unwrap();
    provider.remove_txt(&zone, NAME, &last).await.unwrap();
    assert_eq!(lab.fake().zones().txt(NAME), values);
    let changes = lab.fake().requests().len();
    provider.add_txt(&zone, NAME, &values[110]).await.unwrap();
    assert_eq!(lab.fake().zones().txt(NAME), values);
    assert!(lab.fake().requests()[changes..].iter().all(|request| request.starts_with("GET")));
    // Somebody else adds the same between our look and our change.
    lab.fake().fail(Fault::ChangeMadeBefore);
    provider.add_txt(&zone, NAME, &last).await.unwrap();
    values.push(last);
    assert_eq!(lab.fake().zones().txt(NAME), values);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_that_tell_how_many_pages_they_have() {
    every_page_is_read(vendors::cloudflare::lab().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_that_do_not_tell() {
    every_page_is_read(vendors::cloudflare::lab_without_totals().await).await;
}
