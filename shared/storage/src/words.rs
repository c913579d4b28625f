//! The columns that hold words of closed vocabularies. Reading one takes any word, since a newer version may have written
//! it; writing takes only those of this version.

use std::marker::PhantomData;

use certmill_domain::{
    AccountStatus, AcmeEnvironment, AcmeProvider, CaKind, CertificateSource, ChallengeState, ChallengeType,
    CsrSource, CsrStatus, DeliveryState, DeskRenewal, EndpointState, EventKind, Exposure, OcspSigner,
    OrderCause, OrderState, Scope, SecretType, Stored, TargetState, UnknownWord, Vocabulary, WebhookFormat,
};
use certmill_x509::RevocationReason;

/// A column whose values are words of `T`.
pub(crate) struct Column<T>(PhantomData<fn() -> T>);

impl<T: Vocabulary> Column<T> {
    /// The word that was read.
    #[expect(clippy::unused_self, reason = "the column says which vocabulary the word is of")]
    pub(crate) fn read(&self, text: &str) -> Stored<T> {
        Stored::read(text)
    }

    /// The word to write.
    #[expect(clippy::unused_self, reason = "the column says which vocabulary the word is of")]
    pub(crate) fn write(&self, word: &Stored<T>) -> Result<&'static str, UnknownWord> {
        word.known().map(Vocabulary::word)
    }
}

impl Column<RevocationReason> {
    /// The reason with this number; an absent one is `unspecified`. A number that is not known stands for itself.
    #[expect(clippy::unused_self, reason = "the column says which vocabulary the number is of")]
    pub(crate) fn read_code(&self, code: Option<i64>) -> Stored<RevocationReason> {
        let code = code.unwrap_or(0);
        u8::try_from(code)
            .ok()
            .and_then(RevocationReason::from_code)
            .map_or_else(|| Stored::Unknown(code.to_string()), Stored::Known)
    }
}

macro_rules! columns {
    ($($name:ident: $vocabulary:ty = $table:literal $column:literal;)*) => {
        $(pub(crate) const $name: Column<$vocabulary> = Column(PhantomData);)*

        /// Table and column of every vocabulary: what this crate reads by a [`Column`], and then what it hands on as the
        /// text that it is.
        pub const VOCABULARIES: &[(&str, &str)] = &[
            $(($table, $column),)*
            ("audit_logs", "action"),
            ("audit_logs", "identity"),
            ("certificate_authorities", "key_type"),
            ("certificates", "key_type"),
            ("csrs", "key_type"),
            ("acme_orders", "key_type"),
            ("dns_providers", "kind"),
            ("roles", "settings"),
        ];
    };
}

columns! {
    ACCOUNT_ENVIRONMENT: AcmeEnvironment = "acme_accounts" "environment";
    ACCOUNT_PROVIDER: AcmeProvider = "acme_accounts" "provider";
    ACCOUNT_STATUS: AccountStatus = "acme_accounts" "status";
    CA_KIND: CaKind = "certificate_authorities" "kind";
    CA_REVOCATION_REASON: RevocationReason = "certificate_authorities" "revocation_reason";
    CERTIFICATE_REVOCATION_REASON: RevocationReason = "certificates" "revocation_reason";
    CERTIFICATE_SOURCE: CertificateSource = "certificates" "source";
    CHALLENGE_EXPOSURE: Exposure = "acme_challenges" "exposure";
    CHALLENGE_KIND: ChallengeType = "acme_challenges" "kind";
    CHALLENGE_STATE: ChallengeState = "acme_challenges" "state";
    CSR_SOURCE: CsrSource = "csrs" "source";
    CSR_STATUS: CsrStatus = "csrs" "status";
    DELIVERY_STATE: DeliveryState = "webhook_deliveries" "state";
    DESK_RENEWAL: DeskRenewal = "certificate_authorities" "renewal_of_desk_certificates";
    ENDPOINT_STATE: EndpointState = "certificate_endpoints" "state";
    EVENT_KIND: EventKind = "events" "kind";
    OCSP_SIGNER: OcspSigner = "certificate_authorities" "ocsp_signer";
    ORDER_CAUSE: OrderCause = "acme_orders" "cause";
    ORDER_CHALLENGE_TYPE: ChallengeType = "acme_orders" "challenge_type";
    ORDER_STATE: OrderState = "acme_orders" "state";
    SECRET_TYPE: SecretType = "secrets" "secret_type";
    TARGET_STATE: TargetState = "discovery_targets" "state";
    TOKEN_SCOPES: Scope = "tokens" "scopes";
    WEBHOOK_FORMAT: WebhookFormat = "webhooks" "format";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns with a list of words that are compared by queries and never read, and those of jobs.
    const NEVER_READ: [(&str, &str); 4] =
        [("acme_responses", "kind"), ("certificates", "status"), ("jobs", "state"), ("notices", "state")];

    /// `table`, `column` of each `column … CHECK (column IN (…))`.
    fn lists_of_words(sql: &str) -> Vec<(String, String)> {
        let mut table = String::new();
        let mut found = Vec::new();
        for line in sql.lines() {
            if let Some(name) =
                line.strip_prefix("CREATE TABLE ").or_else(|| line.strip_prefix("ALTER TABLE "))
            {
                name.split(' ').next().unwrap_or_default().clone_into(&mut table);
            }
            if let Some((_, check)) = line.split_once("CHECK (")
                && let Some((column, _)) = check.split_once(" IN (")
                && !column.contains(' ')
            {
                found.push((table.clone(), column.to_owned()));
            }
        }
        found
    }

    #[test]
    fn every_list_of_words_in_the_schema_is_a_vocabulary() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
        let mut seen = 0;
        for database in ["sqlite", "postgres"] {
            for file in std::fs::read_dir(folder.join(database)).unwrap() {
                let sql = std::fs::read_to_string(file.unwrap().path()).unwrap();
                for (table, column) in lists_of_words(&sql) {
                    let place = (table.as_str(), column.as_str());
                    assert!(
                        VOCABULARIES.contains(&place) || NEVER_READ.contains(&place),
                        "{database} {place:?}"
                    );
                    seen += 1;
                }
            }
        }
        assert_eq!(seen, 2 * 20, "the lists of words in the migrations");
    }
}
