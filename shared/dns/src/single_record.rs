//! Adding and removing one value where a provider has records one by one, each with an id: it is looked first, since most take
//! a second record with the same data.

use crate::DnsError;
use crate::http::Api;
use crate::provider::{Change, Zone};
use crate::vendor::Vendor;

/// A TXT record as the provider has it.
pub(crate) struct Stored {
    /// What the provider calls it.
    pub(crate) id: String,
    /// Its value as plain text.
    pub(crate) value: String,
}

/// A provider that has records one by one.
pub(crate) trait SingleRecords: Vendor {
    /// The TXT records of a name.
    fn records(
        &self,
        api: &Api,
        zone: &Zone,
        name: &str,
    ) -> impl Future<Output = Result<Vec<Stored>, DnsError>> + Send;

    /// Makes a record.
    fn create(
        &self,
        api: &Api,
        zone: &Zone,
        name: &str,
        value: &str,
    ) -> impl Future<Output = Result<(), DnsError>> + Send;

    /// Deletes a record; success when it is gone already.
    fn delete(&self, api: &Api, zone: &Zone, id: &str) -> impl Future<Output = Result<(), DnsError>> + Send;
}

/// The values of a name.
pub(crate) async fn list<V: SingleRecords>(
    vendor: &V,
    api: &Api,
    zone: &Zone,
    name: &str,
) -> Result<Vec<String>, DnsError> {
    let records = vendor.records(api, zone, name).await?;
    Ok(records.into_iter().map(|record| record.value).collect())
}

/// Adds a value.
pub(crate) async fn add<V: SingleRecords>(
    vendor: &V,
    api: &Api,
    (zone, name): (&Zone, &str),
    value: &str,
) -> Result<Change, DnsError> {
    let records = vendor.records(api, zone, name).await?;
    if !records.iter().any(|record| record.value == value) {
        vendor.create(api, zone, name, value).await?;
    }
    Ok(Change::default())
}

/// Removes a value, however often it is there.
pub(crate) async fn remove<V: SingleRecords>(
    vendor: &V,
    api: &Api,
    (zone, name): (&Zone, &str),
    value: &str,
) -> Result<Change, DnsError> {
    for record in vendor.records(api, zone, name).await? {
        if record.value == value {
            vendor.delete(api, zone, &record.id).await?;
        }
    }
    Ok(Change::default())
}
