//! What stays of other people's values where a change writes the rest of the set.

use fake_dns::{Lab, vendors::godaddy};

const NAME: &str = "_acme-challenge.mail.example.test";

#[tokio::test]
async fn quoted_values_stay_as_they_are() {
    let lab = godaddy::lab().await;
    let others = [r#""v=DKIM1; " "p=abc""#, "bare"];
    {
        let mut state = lab.fake().zones().lock();
        let zone = state.zone(Lab::ZONE).unwrap().id;
        for value in others {
            state.add_record(zone, (NAME, "TXT"), 600, value).unwrap();
        }
    }
    let provider = lab.open().unwrap();
    let zone = provider.find_zone(NAME).await.unwrap();
    provider.add_txt(&zone, NAME, "ours").await.unwrap();
    assert_eq!(lab.fake().zones().txt(NAME).len(), 3);
    provider.remove_txt(&zone, NAME, "ours").await.unwrap();
    assert_eq!(lab.fake().zones().txt(NAME), others);
}
