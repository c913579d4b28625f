//! What is particular about acme-dns: one name, two values, nothing to read and nothing to remove.

use certmill_dns::DnsError;
use fake_dns::vendors::acme_dns::{NAME, lab};

fn value(letter: char) -> String {
    letter.to_string().repeat(43)
}

#[tokio::test]
async fn the_last_two_values_are_there() {
    let lab = lab().await;
    let provider = lab.open().unwrap();
    assert_eq!(provider.verify().await.unwrap(), [NAME]);
    assert!(lab.txt(NAME).await.is_empty(), "proving the credentials publishes nothing");
    assert_eq!(provider.traits().most_values, Some(2));
    let zone = provider.find_zone(NAME).await.unwrap();
    for letter in ['a', 'b'] {
        provider.add_txt(&zone, NAME, &value(letter)).await.unwrap();
    }
    assert_eq!(lab.txt(NAME).await, [value('a'), value('b')]);
    provider.remove_txt(&zone, NAME, &value('a')).await.unwrap();
    provider.add_txt(&zone, NAME, &value('c')).await.unwrap();
    assert_eq!(lab.txt(NAME).await, [value('b'), value('c')]);
}

#[tokio::test]
async fn other_names_need_an_alias() {
    let lab = lab().await;
    let provider = lab.open().unwrap();
    let error = provider.find_zone("_acme-challenge.www.example.test").await.unwrap_err();
    assert!(
        matches!(&error, DnsError::ZoneNotFound(message) if message.contains("CNAME") && message.contains(NAME))
    );
    let zone = provider.find_zone(NAME).await.unwrap();
    let error = provider.add_txt(&zone, NAME, "short").await.unwrap_err();
    assert!(matches!(error, DnsError::Invalid(_)), "{error}");
}

#[tokio::test]
async fn wrong_credentials_are_told() {
    let lab = lab().await;
    let error = lab.open_with(&lab.wrong).unwrap().verify().await.unwrap_err();
    assert!(matches!(error, DnsError::Auth(_)), "{error:?}");
    assert!(!error.to_string().contains("wrong-secret"));
    let config = lab.config_with(serde_json::json!({ "fulldomain": "other.example.test" }));
    assert!(lab.open_with(&config).err().unwrap().to_string().contains("fulldomain"));
}
