// Generated from openapi/certmill.json by openapi/clients/rust/generate. Not to be edited.
// document: 550679dde316fcf340996b192bf81f55d8c4834102f71eeef01b5e7aa37a5cff
// generator: 60b46d14a2a9a73ca922f62b7b88daa25bd0f4dbbac3fb6fe451a510f036d0a5
// code: afdca8ce3bd5071d738fd9abf34f51ae56fb68736e4afd741882eeea9ed5cb84
use crate::answer::{ByteStream, Error, QueryParam, ResponseValue, encode_path};
/// Types used as operation parameters and responses.
#[allow(clippy::all)]
pub mod types {
    /// A page of accounts.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct AccountList {
        /// The rows of this page.
        pub accounts: ::std::vec::Vec<AcmeAccount>,
        /// Send it as `cursor` for the next page; null on the last one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// Whether another page follows.
        pub has_more: bool,
        /// Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub total: ::std::option::Option<i64>,
    }
    /// status of an ACME account
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct AccountStatus(pub ::std::string::String);
    impl ::std::ops::Deref for AccountStatus {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<AccountStatus> for ::std::string::String {
        fn from(value: AccountStatus) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for AccountStatus {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for AccountStatus {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for AccountStatus {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// An account at an ACME server.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct AcmeAccount {
        /// What the CA knows it by.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub account_url: ::std::option::Option<::std::string::String>,
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// Whether it is asked when the CA of an account that names no others cannot issue in time.
        pub default_fallback: bool,
        /// The directory of the ACME server (RFC 8555 §7.1.1).
        pub directory_url: ::std::string::String,
        /// Key id of the external account.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub eab_kid: ::std::option::Option<::std::string::String>,
        /// E-mail address.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub email: ::std::option::Option<::std::string::String>,
        /// Which of the provider's servers it is.
        pub environment: AcmeEnvironment,
        /// Why it is invalid.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub error: ::std::option::Option<AcmeFailure>,
        /// The accounts that are asked when its CA cannot issue in time.
        pub fallback_account_ids: ::std::vec::Vec<::std::string::String>,
        /// `acct_…`
        pub id: ::std::string::String,
        /// Whether a worker finds out if the CA has taken a new key of the account.
        pub key_change_pending: bool,
        /// Always `ec`: P-256.
        pub key_type: AcmeKeyType,
        /// Its name.
        pub name: ::std::string::String,
        /// Whose ACME server it is.
        pub provider: AcmeProvider,
        /// `valid`, `deactivated`, `pending` while a worker finds out what became of a registration, `invalid` when the CA
        /// refuses it.
        pub status: AccountStatus,
        /// The terms that were agreed to.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub terms_of_service: ::std::option::Option<::std::string::String>,
        /// What you should know about its CA, such as that it has announced its end.
        pub warnings: ::std::vec::Vec<::std::string::String>,
    }
    /// What is left of the limits of an account's CA, as far as they are known here.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct AcmeBudget {
        /// The ACME account.
        pub account_id: ::std::string::String,
        /// The directory of the ACME server (RFC 8555 §7.1.1).
        pub directory_url: ::std::string::String,
        /// Empty when no limit of the CA is known.
        pub limits: ::std::vec::Vec<AcmeBudgetLine>,
    }
    /// A limit, and how much of it is used.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct AcmeBudgetLine {
        /// When there is room again; null while there is.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub available_at: ::std::option::Option<crate::Timestamp>,
        /// `account_orders`, `domain_certificates`, `set_certificates` or `failed_validations`.
        pub limit: ::std::string::String,
        /// How many the CA permits.
        pub most: i64,
        /// How many are left.
        pub remaining: i64,
        /// The registered domain, the names, or the name that is counted; null for the account itself.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub subject: ::std::option::Option<::std::string::String>,
        /// By every account of this service at this CA.
        pub used: i64,
        /// In so much time.
        pub window_seconds: i64,
    }
    /// A challenge of an order.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct AcmeChallenge {
        /// For dns-01: the record, at its place after aliases were followed once that is known.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub dns_record: ::std::option::Option<AcmeDnsRecord>,
        /// For dns-01: what each name server had in the last look.
        pub dns_servers: ::std::vec::Vec<AcmeDnsServer>,
        /// What went wrong; absent or empty when nothing did.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub error: ::std::option::Option<AcmeFailure>,
        /// For http-01: where the CA looks.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub http_path: ::std::option::Option<::std::string::String>,
        /// `chal_…`
        pub id: ::std::string::String,
        /// What control is proven of.
        pub identifier: ::std::string::String,
        /// The key authorization (RFC 8555 §8.1).
        pub key_authorization: ::std::string::String,
        /// When it is worked on next, at the latest.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub next_attempt_at: ::std::option::Option<crate::Timestamp>,
        /// What was seen last, and what a person has to do where one has to.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub note: ::std::option::Option<::std::string::String>,
        /// `waiting`, `published`, `propagating`, `submitted`, `validated` or `cleaned_up`.
        pub progress: ChallengeProgress,
        /// `pending`, `processing`, `valid` or `invalid`.
        pub status: ChallengeStatus,
        /// The token (RFC 8555 §8.1).
        pub token: ::std::string::String,
        /// `http-01`, `dns-01` or `tls-alpn-01`.
        #[serde(rename = "type")]
        pub type_: ChallengeType,
        /// Its URL at the CA.
        pub url: ::std::string::String,
        /// When the CA found it in order.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub validated_at: ::std::option::Option<crate::Timestamp>,
        /// Whether it is for a wildcard.
        pub wildcard: bool,
    }
    /// A TXT record.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct AcmeDnsRecord {
        /// Its name.
        pub name: ::std::string::String,
        /// `TXT`
        #[serde(rename = "type")]
        pub type_: RecordType,
        /// The value.
        pub value: ::std::string::String,
    }
    /// A name server that was asked for a TXT value.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct AcmeDnsServer {
        /// Each of its addresses; none when they could not be found.
        pub addresses: ::std::vec::Vec<AcmeDnsServerAddress>,
        /// Its name, or its address where it has none.
        pub name: ::std::string::String,
        /// What it had, by the address that tells most: `value`, `other_values`, `absent`, `no_route` (left out: it cannot be asked
        /// from here), or `failed`.
        pub seen: Seen,
    }
    /// An address of a name server.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct AcmeDnsServerAddress {
        /// The address.
        pub address: ::std::string::String,
        /// Why it failed.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub error: ::std::option::Option<::std::string::String>,
        /// As with the server.
        pub seen: Seen,
        /// Some of the other values that are there.
        pub values: ::std::vec::Vec<::std::string::String>,
    }
    /// environment of an ACME provider
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct AcmeEnvironment(pub ::std::string::String);
    impl ::std::ops::Deref for AcmeEnvironment {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<AcmeEnvironment> for ::std::string::String {
        fn from(value: AcmeEnvironment) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for AcmeEnvironment {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for AcmeEnvironment {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for AcmeEnvironment {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// Why something failed or does not go on.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct AcmeFailure {
        /// What went wrong, as a word.
        pub code: ::std::string::String,
        /// What went wrong, as a sentence for people.
        pub message: ::std::string::String,
        /// What the server at the other end said, such as a problem document of RFC 8555.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub upstream: ::std::option::Option<::serde_json::Value>,
    }
    /// What would come of an order.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct AcmeForecast {
        /// The ACME account.
        pub account_id: ::std::string::String,
        /// A certificate for the same names that is good and not due for renewal: ordering needs `force`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub certificate: ::std::option::Option<AcmeGoodCertificate>,
        /// The kind of challenge.
        pub challenge_type: ::std::string::String,
        /// Bits of its key.
        pub key_size: i64,
        /// The kind of its key.
        pub key_type: ::std::string::String,
        /// The known limits of the CA that the order counts for.
        pub limits: ::std::vec::Vec<AcmeBudgetLine>,
        /// What would come of each name.
        pub names: ::std::vec::Vec<AcmeNameForecast>,
        /// Other open orders of the account for the same names.
        pub open_beside: ::std::vec::Vec<::std::string::String>,
        /// The open order that would be the answer, because it is for the same.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub open_order_id: ::std::option::Option<::std::string::String>,
        /// Whether nothing speaks against it, as far as that can be seen from here.
        pub ready: bool,
        /// Which one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub waits_because: ::std::option::Option<::std::string::String>,
        /// Until when one of them has no room.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub waits_until: ::std::option::Option<::std::string::String>,
    }
    /// A certificate that is there already.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct AcmeGoodCertificate {
        /// Its id.
        pub id: ::std::string::String,
        /// Until when it is valid.
        pub not_after: crate::Timestamp,
        /// When it is due for renewal.
        pub renew_at: crate::Timestamp,
    }
    /// type of key for ACME
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct AcmeKeyType(pub ::std::string::String);
    impl ::std::ops::Deref for AcmeKeyType {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<AcmeKeyType> for ::std::string::String {
        fn from(value: AcmeKeyType) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for AcmeKeyType {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for AcmeKeyType {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for AcmeKeyType {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// How control of a name would be proven.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct AcmeNameForecast {
        /// The DNS provider that would be asked to publish it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub dns_provider_id: ::std::option::Option<::std::string::String>,
        /// The name or the IP address, as it would be ordered.
        pub identifier: ::std::string::String,
        /// Why that would fail.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub problem: ::std::option::Option<AcmeFailure>,
        /// For dns-01: where the TXT value would go, after aliases were followed.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub record_name: ::std::option::Option<::std::string::String>,
        /// What may be in its way and cannot be told from here: CAA records that cannot be looked up, no server seen on port 80.
        pub warnings: ::std::vec::Vec<::std::string::String>,
        /// The zone in which.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub zone: ::std::option::Option<::std::string::String>,
    }
    /// An order at an ACME server.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct AcmeOrder {
        /// The ACME account.
        pub account_id: ::std::string::String,
        /// How often it was worked on.
        pub attempts: i64,
        /// Whether the certificate is renewed on its own.
        pub auto_renew: bool,
        /// Who wanted it: `api`, `renewal` or `manual`.
        pub cause: OrderCause,
        /// The id of the certificate.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub certificate_id: ::std::option::Option<::std::string::String>,
        /// The kind of challenge.
        pub challenge_type: ChallengeType,
        /// Its challenges.
        pub challenges: ::std::vec::Vec<AcmeChallenge>,
        /// The common name of the CSR, where one was asked for.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub common_name: ::std::option::Option<::std::string::String>,
        /// When it ended.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub completed_at: ::std::option::Option<crate::Timestamp>,
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// In the answer to a wish: whether the same was on order before.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub deduplicated: ::std::option::Option<bool>,
        /// The DNS provider for `dns-01`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub dns_provider_id: ::std::option::Option<::std::string::String>,
        /// Sorted; names that a wildcard among them covers are left out, because CAs refuse such an overlap.
        pub domains: ::std::vec::Vec<::std::string::String>,
        /// Why it failed, or what it waits for; of a valid order, what is to be said about its certificate (`more_names`,
        /// `preferred_chain_unavailable`).
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub error: ::std::option::Option<AcmeFailure>,
        /// When the CA forgets it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub expires_at: ::std::option::Option<crate::Timestamp>,
        /// The order that could not succeed in time at another CA before this one was made.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub fallback_of: ::std::option::Option<::std::string::String>,
        /// The order that was made at the next CA because this one could not succeed in time.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub fallback_order_id: ::std::option::Option<::std::string::String>,
        /// `ord_…`
        pub id: ::std::string::String,
        /// Bits of its key.
        pub key_size: i64,
        /// The kind of its key.
        pub key_type: AcmeKeyType,
        /// When it is worked on next, at the latest.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub next_attempt_at: ::std::option::Option<crate::Timestamp>,
        /// In the answer to a wish: other open orders of the account for the same names, with another wish.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub open_beside: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// The same.
        pub order_id: ::std::string::String,
        /// Whether the key is the caller's: ordered with a `csr_pem`.
        pub own_key: bool,
        /// The chain that was asked for.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub preferred_chain: ::std::option::Option<::std::string::String>,
        /// The profile that was asked for.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub profile: ::std::option::Option<::std::string::String>,
        /// The certificate that it renews.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub renewal_of: ::std::option::Option<::std::string::String>,
        /// Whether renewals keep the key of the certificate.
        pub reuse_key: bool,
        /// What it is at: `new`, `authorizing`, `challenging`, `finalizing`, `issuing`, `issued` or `failed`.
        pub state: OrderState,
        /// `pending`, `ready`, `processing`, `valid` or `invalid`, as RFC 8555 has them.
        pub status: OrderStatus,
        /// In the answer to a wish: what this call has changed about an order that was open before, `auto_renew` or `reuse_key`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub updated: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// When it was last changed.
        pub updated_at: crate::Timestamp,
        /// What was found wrong before it was sent to the CA, where the operator has that looked for (`acme.preflight`): CAA records
        /// that do not permit the CA, names whose records cannot be looked up.
        pub warnings: ::std::vec::Vec<::std::string::String>,
    }
    /// provider of ACME servers
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct AcmeProvider(pub ::std::string::String);
    impl ::std::ops::Deref for AcmeProvider {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<AcmeProvider> for ::std::string::String {
        fn from(value: AcmeProvider) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for AcmeProvider {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for AcmeProvider {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for AcmeProvider {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// action
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct Action(pub ::std::string::String);
    impl ::std::ops::Deref for Action {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<Action> for ::std::string::String {
        fn from(value: Action) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for Action {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for Action {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for Action {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// source of trust anchors
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct AnchorKind(pub ::std::string::String);
    impl ::std::ops::Deref for AnchorKind {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<AnchorKind> for ::std::string::String {
        fn from(value: AnchorKind) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for AnchorKind {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for AnchorKind {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for AnchorKind {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// A row of the audit log.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct AuditLog {
        /// What, such as `certificate.issue`.
        pub action: Action,
        /// SHA-256 of the object after. Of a certificate, its fingerprint.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub after_sha256: ::std::option::Option<::std::string::String>,
        /// SHA-256 of the object before, where it was there and changed.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub before_sha256: ::std::option::Option<::std::string::String>,
        /// The code of the error with which it was refused.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub error_code: ::std::option::Option<::std::string::String>,
        /// The hash of this row, which the next one carries.
        pub hash: ::std::string::String,
        /// `log_…`
        pub id: ::std::string::String,
        /// Who: the id of a token or of a certificate in the place of one, `operator` for the command line, or `service`.
        pub identity: ::std::string::String,
        /// The id of the object; of a refused call, what the call named; of `calls.refused`, how many there were, when, and with
        /// which codes.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub object: ::std::option::Option<::std::string::String>,
        /// The hash of the row before in the chain.
        pub previous_hash: ::std::string::String,
        /// As in the header `X-Request-ID` of the answer.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub request_id: ::std::option::Option<::std::string::String>,
        /// Its place in the tenant's chain, from 1 on without gaps.
        pub sequence: i64,
        /// The caller's address.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub source_address: ::std::option::Option<::std::string::String>,
        /// Whether it was done.
        pub success: bool,
        /// When.
        pub timestamp: crate::Timestamp,
    }
    /// A page of the audit log.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct AuditLogList {
        /// Send it as `cursor` for the next page; null on the last one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// Whether another page follows.
        pub has_more: bool,
        /// The rows of this page.
        pub logs: ::std::vec::Vec<AuditLog>,
        /// Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub total: ::std::option::Option<i64>,
    }
    /// Why a request of a batch was refused, as issue would have answered.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct BatchError {
        /// The code, one of those of `ErrorContent`.
        pub code: ::std::string::String,
        /// More, depending on the code, as in `ErrorContent`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub details: ::std::option::Option<::serde_json::Map<::std::string::String, ::serde_json::Value>>,
        /// A sentence for people: what is wrong and what would be right.
        pub message: ::std::string::String,
    }
    /// What became of one request: a certificate or an error.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct BatchItem {
        /// The certificate that was issued.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub certificate: ::std::option::Option<IssuedCertificate>,
        /// Why none was issued.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub error: ::std::option::Option<BatchError>,
    }
    /// A key to be blocked: one of `spki_sha256`, `certificate_pem` and `private_key_pem` says which.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct BlockKeyRequest {
        /// A certificate with the key: PEM, or DER in base64.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub certificate_pem: ::std::option::Option<::std::string::String>,
        /// Who says so, and why: up to 1,024 characters.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub comment: ::std::option::Option<::std::string::String>,
        /// The private key, as it was found: unencrypted, PEM or DER in base64. It is not kept.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub private_key_pem: ::std::option::Option<crate::Secret>,
        /// Whether to revoke, as keyCompromise, what this service's CAs have issued for the key. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub revoke: ::std::option::Option<bool>,
        /// SHA-256 of the subject public key info: 64 hexadecimal digits.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub spki_sha256: ::std::option::Option<::std::string::String>,
    }
    /// A key that nothing is issued for.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct BlockedKey {
        /// Who says so, and why.
        pub comment: ::std::string::String,
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// `bkey_…`
        pub id: ::std::string::String,
        /// SHA-256 of the subject public key info, lower-case hex.
        pub spki_sha256: ::std::string::String,
    }
    /// A blocked key, and the certificates that have it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct BlockedKeyDetail {
        /// Certificates with the key, whatever their source, newest first: up to 1,000.
        pub certificates: ::std::vec::Vec<CertificateWithKey>,
        /// Who says so, and why.
        pub comment: ::std::string::String,
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// Whether there are more.
        pub has_more: bool,
        /// `bkey_…`
        pub id: ::std::string::String,
        /// Which of them this call has revoked.
        pub revoked: ::std::vec::Vec<::std::string::String>,
        /// SHA-256 of the subject public key info, lower-case hex.
        pub spki_sha256: ::std::string::String,
    }
    /// A page of blocked keys.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct BlockedKeyList {
        /// The keys of this page.
        pub blocked_keys: ::std::vec::Vec<BlockedKey>,
        /// Send it as `cursor` for the next page; null on the last one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// Whether another page follows.
        pub has_more: bool,
        /// Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub total: ::std::option::Option<i64>,
    }
    /// A CRL that was just built, or the present one while its successor is being built.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct BuiltCrl {
        /// The number of the CRL (RFC 5280 §5.2.3).
        pub crl_number: i64,
        /// The CRL in PEM; null with `202`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl_pem: ::std::option::Option<::std::string::String>,
        /// How many certificates it lists.
        pub entries: i64,
        /// When there will be a newer one at the latest.
        pub next_update: crate::Timestamp,
        /// When the CRL was made.
        pub this_update: crate::Timestamp,
    }
    /// The certificate that a CA elsewhere has made of a CSR.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct CaCertificateRequest {
        /// The certificate: PEM, or DER in base64. The text may hold its chain too, in any order.
        pub certificate_pem: ::std::string::String,
        /// The certificates above it, in any order: at least that of its issuer. The topmost is trusted as it is.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub chain_pem: ::std::option::Option<::std::string::String>,
    }
    /// A CA's certificate with its chain.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CaCertificateView {
        /// The certificate in PEM.
        pub certificate_pem: ::std::string::String,
        /// The certificates above it up to the root; empty for a root.
        pub chain_pem: ::std::string::String,
        /// Those that it had before for the same name and key, the last one first. What it has issued stays good by each of them
        /// until that ends.
        pub former: ::std::vec::Vec<FormerCaCertificate>,
    }
    /// The certificates of one CA.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CaCounts {
        /// Valid.
        pub active: i64,
        /// The id of the CA; null for those that no CA of ours issued.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ca_id: ::std::option::Option<::std::string::String>,
        /// Over, and not revoked.
        pub expired: i64,
        /// Revoked.
        pub revoked: i64,
    }
    /// CAs in numbers.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CaFigures {
        /// Neither revoked nor over.
        pub active: i64,
        /// Active ones that end within 90 days.
        pub ending_90d: i64,
        /// Over, and not revoked.
        pub expired: i64,
        /// Active ones whose CRL should have been replaced by now: it is in the last hour of its time, or in the last tenth if that
        /// is less.
        pub late_crls: i64,
        /// The CAs that the two figures before count, those that end first; at most 100.
        pub near_end: ::std::vec::Vec<CaNearEnd>,
        /// Revoked.
        pub revoked: i64,
    }
    /// type of CA
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct CaKind(pub ::std::string::String);
    impl ::std::ops::Deref for CaKind {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<CaKind> for ::std::string::String {
        fn from(value: CaKind) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for CaKind {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for CaKind {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for CaKind {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// A page of CAs.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CaList {
        /// The rows of this page.
        pub certificate_authorities: ::std::vec::Vec<CertificateAuthority>,
        /// Send it as `cursor` for the next page; null on the last one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// Whether another page follows.
        pub has_more: bool,
        /// Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub total: ::std::option::Option<i64>,
    }
    /// A CA that somebody should look at.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CaNearEnd {
        /// Whether its CRL should have been replaced by now.
        pub has_late_crl: bool,
        /// `ca_…`
        pub id: ::std::string::String,
        /// Whether it ends within 90 days.
        pub is_ending: bool,
        /// Its name.
        pub name: ::std::string::String,
        /// When its CRL ends; null when it has none.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub next_update: ::std::option::Option<crate::Timestamp>,
        /// When its certificate ends.
        pub valid_until: crate::Timestamp,
    }
    /// The revocation of a CA and its progress.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CaRevocation {
        /// Certificates and sub-CAs revoked so far in consequence.
        pub certificates_revoked: i64,
        /// How many there are to revoke.
        pub certificates_total: i64,
        /// When the last of them was done.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub completed_at: ::std::option::Option<crate::Timestamp>,
        /// Why.
        pub reason: RevocationReason,
        /// When it was revoked.
        pub revoked_at: crate::Timestamp,
    }
    /// status of a CA
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct CaStatus(pub ::std::string::String);
    impl ::std::ops::Deref for CaStatus {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<CaStatus> for ::std::string::String {
        fn from(value: CaStatus) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for CaStatus {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for CaStatus {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for CaStatus {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// A certificate.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct Certificate {
        /// The order at an ACME server that it came from.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub acme_order_id: ::std::option::Option<::std::string::String>,
        /// The CA of ours that issued it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ca_id: ::std::option::Option<::std::string::String>,
        /// Common name of the subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub common_name: ::std::option::Option<::std::string::String>,
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// A text of the tenant's.
        pub description: ::std::string::String,
        /// SHA-256 of the DER, lower-case hex.
        pub fingerprint_sha256: ::std::string::String,
        /// Whether its private key is kept here.
        pub has_private_key: bool,
        /// `cert_…`
        pub id: ::std::string::String,
        /// Bits of its key.
        pub key_size: i64,
        /// The kind of its key.
        pub key_type: KeyType,
        /// Until when it is valid.
        pub not_after: crate::Timestamp,
        /// From when on it is valid.
        pub not_before: crate::Timestamp,
        /// The certificate that renews it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub renewed_by: ::std::option::Option<::std::string::String>,
        /// The certificate that it renews.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub renewed_from: ::std::option::Option<::std::string::String>,
        /// Why.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub revocation_reason: ::std::option::Option<RevocationReason>,
        /// When it was revoked.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub revoked_at: ::std::option::Option<crate::Timestamp>,
        /// Name of the role under which it was issued.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub role: ::std::option::Option<::std::string::String>,
        /// Its subject alternative names.
        pub sans: SubjectAlternativeNames,
        /// Its serial number: lower-case pairs of hexadecimal digits joined by `:`.
        pub serial_number: ::std::string::String,
        /// `issued`, `signed`, `csr`, `acme`, `imported` or `renewed`.
        pub source: CertificateSource,
        /// SHA-256 of the subject public key info, lower-case hex.
        pub spki_sha256: ::std::string::String,
        /// `active`, `expired` or `revoked`.
        pub status: CertificateStatus,
        /// RFC 4514.
        pub subject: ::std::string::String,
        /// Labels: keys with values.
        pub tags: ::std::collections::HashMap<::std::string::String, ::std::string::String>,
    }
    /// A certificate authority.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CertificateAuthority {
        /// Where the public finds its certificate.
        pub ca_issuers_url: ::std::string::String,
        /// `root` or `intermediate`.
        pub ca_type: CaKind,
        /// Certificates issued so far, sub-CAs not counted.
        pub certificates_issued: i64,
        /// Common name of the subject.
        pub common_name: ::std::string::String,
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// Its present full CRL.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl: ::std::option::Option<CrlFigures>,
        /// By how much the next CRL comes before the end of the present one; null is a third of `crl_validity`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl_overlap: ::std::option::Option<::std::string::String>,
        /// Into how many shards what it issues is divided, each with a CRL of its own; 1 when there is the full CRL only.
        pub crl_shards: i64,
        /// Where the public finds its full CRL.
        pub crl_url: ::std::string::String,
        /// How long its CRLs are good; null is as the operator has configured it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl_validity: ::std::option::Option<::std::string::String>,
        /// The request for its certificate, if a CA elsewhere signs it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub csr_pem: ::std::option::Option<::std::string::String>,
        /// How long its delta CRLs are good; null when it has none.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub delta_crl_validity: ::std::option::Option<::std::string::String>,
        /// `ca_…`
        pub id: ::std::string::String,
        /// Whether it may issue now.
        pub is_active: bool,
        /// Bits of its key.
        pub key_size: i64,
        /// `rsa`, `ec` or `ed25519`.
        pub key_type: KeyType,
        /// Its name.
        pub name: ::std::string::String,
        /// Whether its certificates name the OCSP responder.
        pub ocsp: bool,
        /// `ca` or `delegated`: who signs OCSP answers about what it has issued.
        pub ocsp_signer: OcspSigner,
        /// Where the public asks about its certificates.
        pub ocsp_url: ::std::string::String,
        /// The mail addresses of those who are told what happens to it.
        pub owners: ::std::vec::Vec<::std::string::String>,
        /// The CA that signed it; null for a root.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub parent_ca_id: ::std::option::Option<::std::string::String>,
        /// `admin` or `desk`: who may renew, with another key, what a person approved at the CSR desk.
        pub renewal_of_desk_certificates: DeskRenewal,
        /// Set once it is revoked.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub revocation: ::std::option::Option<CaRevocation>,
        /// Null while it waits for its certificate.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub serial_number: ::std::option::Option<::std::string::String>,
        /// `pending` while it waits for a certificate from elsewhere, `active`, `revoked` or `expired`.
        pub status: CaStatus,
        /// Whether it signs by RSASSA-PSS.
        pub use_pss: bool,
        /// Null while it waits for its certificate.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub valid_from: ::std::option::Option<crate::Timestamp>,
        /// Null while it waits for its certificate.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub valid_until: ::std::option::Option<crate::Timestamp>,
    }
    /// A certificate with its PEM and chain.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CertificateDetail {
        /// The order at an ACME server that it came from.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub acme_order_id: ::std::option::Option<::std::string::String>,
        /// The CA of ours that issued it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ca_id: ::std::option::Option<::std::string::String>,
        /// The certificate in PEM.
        pub certificate_pem: ::std::string::String,
        /// The certificates of its CA and of those above it.
        pub chain_pem: ::std::string::String,
        /// Common name of the subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub common_name: ::std::option::Option<::std::string::String>,
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// A text of the tenant's.
        pub description: ::std::string::String,
        /// Where it is meant to be served, and what was found there.
        pub endpoints: ::std::vec::Vec<CertificateEndpoint>,
        /// SHA-256 of the DER, lower-case hex.
        pub fingerprint_sha256: ::std::string::String,
        /// Whether its private key is kept here.
        pub has_private_key: bool,
        /// `cert_…`
        pub id: ::std::string::String,
        /// Bits of its key.
        pub key_size: i64,
        /// The kind of its key.
        pub key_type: KeyType,
        /// Until when it is valid.
        pub not_after: crate::Timestamp,
        /// From when on it is valid.
        pub not_before: crate::Timestamp,
        /// Only for certificates from ACME servers: how they are renewed.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub renewal: ::std::option::Option<Renewal>,
        /// The certificate that renews it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub renewed_by: ::std::option::Option<::std::string::String>,
        /// The certificate that it renews.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub renewed_from: ::std::option::Option<::std::string::String>,
        /// Why.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub revocation_reason: ::std::option::Option<RevocationReason>,
        /// When it was revoked.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub revoked_at: ::std::option::Option<crate::Timestamp>,
        /// Name of the role under which it was issued.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub role: ::std::option::Option<::std::string::String>,
        /// Its subject alternative names.
        pub sans: SubjectAlternativeNames,
        /// Only for certificates that are to be revoked later.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub scheduled_revocation: ::std::option::Option<ScheduledRevocation>,
        /// Its serial number: lower-case pairs of hexadecimal digits joined by `:`.
        pub serial_number: ::std::string::String,
        /// `issued`, `signed`, `csr`, `acme`, `imported` or `renewed`.
        pub source: CertificateSource,
        /// SHA-256 of the subject public key info, lower-case hex.
        pub spki_sha256: ::std::string::String,
        /// `active`, `expired` or `revoked`.
        pub status: CertificateStatus,
        /// RFC 4514.
        pub subject: ::std::string::String,
        /// Labels: keys with values.
        pub tags: ::std::collections::HashMap<::std::string::String, ::std::string::String>,
        /// Only for keys that nothing would be issued for: `close_factors`, `small_factor`,
        /// `square_modulus`, `prime_modulus`, `roca`, `long_exponent`, `small_order`, `published_key` or `blocked`; in imports also
        /// `weak_key` (too short, or too small an exponent) and `unsupported_key` (another algorithm, curve or form).
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub weak_key: ::std::option::Option<::std::string::String>,
    }
    /// Where a certificate is meant to be served, and what was found there.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CertificateEndpoint {
        /// When somebody last looked.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub checked_at: ::std::option::Option<crate::Timestamp>,
        /// Since when this certificate has been seen there and no other; what cannot be reached for a while leaves it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub deployed_since: ::std::option::Option<::std::string::String>,
        /// `host:port`, or `scheme:host:port` with `smtp`, `imap`, `pop3`, `ftp`, `ldap` or `postgres`.
        pub endpoint: ::std::string::String,
        /// What is wrong with that certificate, whichever it is: `expired`, `not_yet_valid`, `name_mismatch` (it is not for the
        /// host), `revoked`.
        pub findings: ::std::vec::Vec<::std::string::String>,
        /// When the next look is due.
        pub next_check_at: crate::Timestamp,
        /// Why none was seen.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub reason: ::std::option::Option<::std::string::String>,
        /// What was served when a certificate was seen last.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub served: ::std::option::Option<ServedCertificate>,
        /// `deployed`: it serves this certificate; `serving_old`: one that this one has replaced; `other_certificate`: another one;
        /// `unreachable`: none was seen; `unchecked`: nobody has looked since it was named or the certificate was renewed.
        pub state: EndpointState,
    }
    /// Certificates in numbers.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CertificateFigures {
        /// By the CA that issued them, most first; at most 1,000 CAs.
        pub by_ca: ::std::vec::Vec<CaCounts>,
        /// By how they came to be, most first.
        pub by_source: ::std::vec::Vec<SourceCounts>,
        /// How many are in each state.
        pub by_status: StatusCounts,
        /// The active ones by their ends: 90 days in UTC (the first one from now on), the rest of the month, 23 months, and one
        /// entry for everything later.
        pub expiring: ::std::vec::Vec<ExpiringCertificates>,
        /// How many there are, whatever their state.
        pub total: i64,
        /// Those that are not revoked and that no other certificate renews: what somebody may have forgotten.
        pub unrenewed: UnrenewedCertificates,
    }
    /// A page of certificates.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CertificateList {
        /// The rows of this page.
        pub certificates: ::std::vec::Vec<Certificate>,
        /// Send it as `cursor` for the next page; null on the last one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// Whether another page follows.
        pub has_more: bool,
        /// Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub total: ::std::option::Option<i64>,
    }
    /// order of certificates
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct CertificateSort(pub ::std::string::String);
    impl ::std::ops::Deref for CertificateSort {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<CertificateSort> for ::std::string::String {
        fn from(value: CertificateSort) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for CertificateSort {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for CertificateSort {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for CertificateSort {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// source of certificates
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct CertificateSource(pub ::std::string::String);
    impl ::std::ops::Deref for CertificateSource {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<CertificateSource> for ::std::string::String {
        fn from(value: CertificateSource) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for CertificateSource {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for CertificateSource {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for CertificateSource {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// status of a certificate
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct CertificateStatus(pub ::std::string::String);
    impl ::std::ops::Deref for CertificateStatus {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<CertificateStatus> for ::std::string::String {
        fn from(value: CertificateStatus) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for CertificateStatus {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for CertificateStatus {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for CertificateStatus {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// A certificate with a blocked key.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CertificateWithKey {
        /// `cert_…`
        pub certificate_id: ::std::string::String,
        /// Until when it is valid.
        pub not_after: crate::Timestamp,
        /// When it was revoked.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub revoked_at: ::std::option::Option<crate::Timestamp>,
        /// Its serial number: lower-case pairs of hexadecimal digits joined by `:`.
        pub serial_number: ::std::string::String,
        /// Where it comes from, such as `issued` or `imported`.
        pub source: ::std::string::String,
        /// RFC 4514.
        pub subject: ::std::string::String,
    }
    /// A certificate of the path.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct ChainLink {
        /// SHA-256 of the DER, lower-case hex.
        pub fingerprint_sha256: ::std::string::String,
        /// RFC 4514.
        pub issuer: ::std::string::String,
        /// Until when it is valid.
        pub not_after: crate::Timestamp,
        /// RFC 4514.
        pub subject: ::std::string::String,
    }
    /// progress of an ACME challenge
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct ChallengeProgress(pub ::std::string::String);
    impl ::std::ops::Deref for ChallengeProgress {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<ChallengeProgress> for ::std::string::String {
        fn from(value: ChallengeProgress) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for ChallengeProgress {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for ChallengeProgress {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for ChallengeProgress {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// status of an ACME challenge
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct ChallengeStatus(pub ::std::string::String);
    impl ::std::ops::Deref for ChallengeStatus {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<ChallengeStatus> for ::std::string::String {
        fn from(value: ChallengeStatus) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for ChallengeStatus {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for ChallengeStatus {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for ChallengeStatus {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// type of ACME challenge
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct ChallengeType(pub ::std::string::String);
    impl ::std::ops::Deref for ChallengeType {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<ChallengeType> for ::std::string::String {
        fn from(value: ChallengeType) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for ChallengeType {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for ChallengeType {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for ChallengeType {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// The body of an issue request, or, with `csr_pem`, that of a sign request.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct CheckRoleRequest {
        /// As for issue.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub alt_names: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// As for issue and sign.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub common_name: ::std::option::Option<::std::string::String>,
        /// As for sign.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub csr_pem: ::std::option::Option<::std::string::String>,
        /// As for issue.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ip_sans: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// As for issue.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub key_bits: ::std::option::Option<i64>,
        /// As for issue.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub key_type: ::std::option::Option<KeyType>,
        /// As for issue.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub other_sans: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// As for sign.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub san: ::std::option::Option<CheckRoleRequestSan>,
        /// As for issue and sign.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ttl: ::std::option::Option<::std::string::String>,
        /// As for issue.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub uri_sans: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
    }
    /// As for sign.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct CheckRoleRequestSan {
        /// Host names.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub dns: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// E-mail address.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub email: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// IP addresses.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ip: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Everything else that it asks for.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub other: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// URIs.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub uri: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
    }
    /// result of a check
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct CheckStatus(pub ::std::string::String);
    impl ::std::ops::Deref for CheckStatus {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<CheckStatus> for ::std::string::String {
        fn from(value: CheckStatus) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for CheckStatus {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for CheckStatus {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for CheckStatus {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// What a new CA is to be.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct CreateCaRequest {
        /// `root` or `intermediate`.
        pub ca_type: CaKind,
        /// Common name of the subject.
        pub common_name: ::std::string::String,
        /// Country of the subject, two letters.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub country: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// By how much the next CRL comes before the end of the present one: at least 2m. A third of `crl_validity` when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl_overlap: ::std::option::Option<::std::string::String>,
        /// Into how many shards what it issues is divided (1 to 128), each with a CRL of its own, which its certificates name, and
        /// which stays short. Default 1: all name the full CRL.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl_shards: ::std::option::Option<i64>,
        /// How long its CRLs are good: `nextUpdate` (10m to 366d). As the operator has configured it when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl_validity: ::std::option::Option<::std::string::String>,
        /// How long its delta CRLs are good (10m to less than `crl_validity`), which list what has changed since a CRL that somebody
        /// holds, and which its CRLs name (`freshestCRL`). It has none when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub delta_crl_validity: ::std::option::Option<::std::string::String>,
        /// It may not certify names in these domains.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub excluded_dns_domains: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Whether a CA elsewhere signs this intermediate. Default false. It then has a key and a CSR (`csr_pem`), which asks for
        /// what is said here, and is `pending` until its certificate comes by `POST /v1/pki/ca/{id}/certificate`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub external: ::std::option::Option<bool>,
        /// 2048 (default), 3072 or 4096 for RSA; 256 (default), 384 or 521 for EC.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub key_size: ::std::option::Option<i64>,
        /// `rsa` (default), `ec` or `ed25519`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub key_type: ::std::option::Option<KeyType>,
        /// Locality of the subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub locality: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// How many CAs may follow below it. By default one less than the parent permits.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub max_path_length: ::std::option::Option<i64>,
        /// Unique in the tenant.
        pub name: ::std::string::String,
        /// Whether its certificates name the OCSP responder of this service (`/pub/ocsp/{ca_id}`), which answers for every CA.
        /// Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ocsp: ::std::option::Option<bool>,
        /// Who signs OCSP answers about what it has issued: `ca` (default), or `delegated` for a responder with a certificate of its
        /// own (RFC 6960 §4.2.2.2), which the CA issues for a week at most, which is renewed by itself, and which is in the answers.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ocsp_signer: ::std::option::Option<OcspSigner>,
        /// Organization of the subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub organization: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Organizational unit of the subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub organizational_unit: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// The mail addresses of those who are told what happens to it, and to its certificates where neither these nor their role name
        /// anybody. Up to 16.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub owners: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// The CA that signs it: required for an intermediate, unless `external`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub parent_ca_id: ::std::option::Option<::std::string::String>,
        /// It may certify names in these domains only (RFC 5280 §4.2.1.10).
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub permitted_dns_domains: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// State or province of the subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub province: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Who may renew, with another key, what a person approved at the CSR desk: `admin` (default) needs `pki:admin`; with
        /// `desk` the wish waits at the desk for a person.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub renewal_of_desk_certificates: ::std::option::Option<DeskRenewal>,
        /// Whether it signs certificates, CRLs and OCSP answers by RSASSA-PSS (RFC 4055) with its RSA key, instead of PKCS #1 v1.5. It
        /// stays so. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub use_pss: ::std::option::Option<bool>,
        /// Days of validity: 3650 by default for a root, 1825 for an intermediate. An intermediate may not outlive its parent.
        /// With `external` it is up to the CA that signs.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub validity_days: ::std::option::Option<i64>,
    }
    /// A CSR that the service is to make.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct CreateCsrRequest {
        /// Bits: 2048 (default), 3072 or 4096 for RSA; 256 (default), 384 or 521 for EC.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub key_size: ::std::option::Option<i64>,
        /// `rsa` (default), `ec` or `ed25519`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub key_type: ::std::option::Option<KeyType>,
        /// Host names.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub san_dns: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// E-mail addresses.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub san_email: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// IP addresses.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub san_ip: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Other names, as `oid;UTF8:value`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub san_other: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// URIs.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub san_uri: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        pub subject: CreateCsrRequestSubject,
    }
    /// An object, or an RFC 4514 string such as `CN=web.example.com,O=Example`.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct CreateCsrRequestSubject {
        /// Common name of the subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub common_name: ::std::option::Option<::std::string::String>,
        /// Country of the subject, two letters.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub country: ::std::option::Option<::std::string::String>,
        /// E-mail address.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub email: ::std::option::Option<::std::string::String>,
        /// Locality of the subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub locality: ::std::option::Option<::std::string::String>,
        /// Organization of the subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub organization: ::std::option::Option<::std::string::String>,
        /// Organizational unit of the subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub organizational_unit: ::std::option::Option<::std::string::String>,
        /// State or province of the subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub province: ::std::option::Option<::std::string::String>,
    }
    /// A DNS provider to add.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct CreateDnsProviderRequest {
        /// Settings of its type, credentials among them, which are sealed and never answered. In the place of credentials
        /// `credentials_path` can name a secret (`PUT /v1/secrets/{path}`) that has them by the same names; its newest version is
        /// used. Credentials are in bold.
        ///
        /// - `aws_route53`: `access_key_id`, **`secret_access_key`**, **`session_token`**, `role_arn`, `external_id`, `region`,
        /// `hosted_zone_id`, `private_zone`, `sts_url`, `ambient` (`instance`, `web_identity`)
        /// - `cloudflare`: **`api_token`**, **`zone_api_token`**, `zone_id`
        /// - `google_cloud_dns`: **`service_account_json`**, `project`, `managed_zone`, `private_zone`, `token_url`,
        /// `ambient` (`metadata`)
        /// - `azure_dns`: `tenant_id`, `client_id`, **`client_secret`**, `subscription_id`, `resource_group`, `zone_name`,
        /// `environment` (`public`, `china`, `usgovernment`), `zone_type` (`public`, `private`), `login_url`, `ambient`
        /// (`managed_identity`, `workload_identity`)
        /// - `digitalocean`, `linode`, `desec`: **`token`**
        /// - `hetzner`: **`api_token`** (of the Cloud API)
        /// - `powerdns`: **`api_key`**, `base_url`, `server_id`
        /// - `ovh`: `application_key`, **`application_secret`**, **`consumer_key`**, `endpoint` (`ovh-eu`, `ovh-ca`, `ovh-us`)
        /// - `gandi`: **`personal_access_token`**
        /// - `vultr`: **`api_key`**
        /// - `porkbun`: **`api_key`**, **`secret_api_key`**
        /// - `bunny`: **`access_key`**
        /// - `scaleway`: **`secret_key`**, `project_id`
        /// - `namecheap`: `api_user`, **`api_key`**, `client_ip`, `username`
        /// - `godaddy`: **`api_key`**, **`api_secret`**
        /// - `acme_dns`: `base_url`, `username`, **`password`**, `subdomain`, `fulldomain`, `allowfrom`
        /// - `webhook`: `base_url`, **`secret`**
        /// - `rfc2136`: `nameserver` (host, or address and port), `tsig_key`, **`tsig_secret`** (base64), `tsig_algorithm`
        /// (`hmac-sha256`, `hmac-sha384`, `hmac-sha512`), `zone` or `zones`, `protocol` (`tcp`, `udp`), `timeout_seconds`, `ttl`
        /// - `manual`: none; the order shows the records to publish
        ///
        /// `ambient` takes the place of credentials: those of the machine, where the operator allows it. Those over HTTP take
        /// `base_url`, `ttl` and `timeout_seconds` (1 to 60). Every type takes `propagation`: `mode` (`authoritative`, `majority`,
        /// `recursive`, `wait`, `none`), `nameservers` to ask instead of the zone's own, `resolvers` that know the zones,
        /// `timeout_seconds`, `settle_seconds`, `wait_seconds`, `min_success` (`all`, `majority`).
        /// `GET /v1/pki/dns-providers/types` has all of this as data: which fields are needed, and what each is.
        pub config: crate::SecretJson,
        /// Whether it is used; true when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub is_active: ::std::option::Option<bool>,
        /// What to call it: 1 to 128 characters, unique in the tenant.
        pub name: ::std::string::String,
        /// `aws_route53` (or `route53`), `cloudflare`, `google_cloud_dns` (`google`), `azure_dns` (`azure`), `digitalocean`,
        /// `hetzner`, `rfc2136`, `powerdns`, `desec`, `ovh`, `gandi`, `linode`, `vultr`, `porkbun`, `bunny`, `scaleway`, `namecheap`,
        /// `godaddy`, `acme_dns`, `webhook` or `manual`.
        #[serde(rename = "type")]
        pub type_: ::std::string::String,
        /// Whether the credentials are proven by a read before anything is stored; true when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub verify: ::std::option::Option<bool>,
        /// The zones that it serves; what it tells of itself when absent. A name goes to the longest zone that it lies in. Any DNS
        /// name can be one, `_acme-challenge.kube.example.com` too.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub zones: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
    }
    /// What a new role is to be.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct CreateRoleRequest {
        /// Permit any host name. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_any_name: ::std::option::Option<bool>,
        /// Permit the domains themselves. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_bare_domains: ::std::option::Option<bool>,
        /// Permit e-mail addresses whose host is permitted. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_email_sans: ::std::option::Option<bool>,
        /// Take `*` in the domains as a glob over the whole name. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_glob_domains: ::std::option::Option<bool>,
        /// Permit IP addresses. Default true.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_ip_sans: ::std::option::Option<bool>,
        /// Permit `localhost`. Default true.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_localhost: ::std::option::Option<bool>,
        /// Permit wildcards whose `*` is a part of a label only, as in `w*.example.com`. Clients do not match them
        /// (RFC 9525). Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_partial_wildcards: ::std::option::Option<bool>,
        /// Let a certificate stand in the place of a token to read and renew itself, as a TLS client: whoever has its key can renew
        /// it for as long as it is neither revoked nor ended. Not together with `no_store`. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_self_renewal: ::std::option::Option<bool>,
        /// Permit names below the domains, wildcards included. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_subdomains: ::std::option::Option<bool>,
        /// Permit wildcard names at all. Default true.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_wildcard_certificates: ::std::option::Option<bool>,
        /// Domains and patterns that names may be in. An entry `*.example.com` permits every name below it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allowed_domains: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Only addresses in these networks; all when empty.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allowed_ip_sans_cidr: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Other names (`otherName`) that are permitted, as `oid;UTF8:value`, `*` standing for anything in the value; `*` alone
        /// permits all, none when empty. User principal names have the OID `1.3.6.1.4.1.311.20.2.3`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allowed_other_sans: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// URI patterns, `*` standing for anything; none when empty.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allowed_uri_sans: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// The CA that issues under it.
        pub ca_id: ::std::string::String,
        /// For clients (clientAuth). Default true.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub client_flag: ::std::option::Option<bool>,
        /// Country of every subject, two letters.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub country: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Extended key usages beside those of the flags: names or OIDs.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ext_key_usage: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Bits: exact for keys that the service makes, the least for those of CSRs. 0: 2048 for RSA, 256 for EC.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub key_bits: ::std::option::Option<i64>,
        /// `rsa` (default), `ec`, `ed25519` or `any`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub key_type: ::std::option::Option<RoleKeyType>,
        /// Key usages. Default DigitalSignature, KeyAgreement, KeyEncipherment.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub key_usage: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Locality of every subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub locality: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Longest validity that a request may name. Default 768h.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub max_ttl: ::std::option::Option<::std::string::String>,
        /// Have certificates demand a stapled OCSP answer of their servers (RFC 7633). The CA must have `ocsp` on. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub must_staple: ::std::option::Option<bool>,
        /// Unique in the tenant: 1 to 128 of letters, digits, `.`, `_`, `-`.
        pub name: ::std::string::String,
        /// Keep of a certificate only its serial number and its end, for as long as it can be revoked: for what lives for
        /// hours and is issued by the thousand. It is in no list, and cannot be read, renewed or revoked later at a set time.
        /// Not together with `store_private_keys`. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub no_store: ::std::option::Option<bool>,
        /// When certificates end at the latest. It is the end of those whose request names no `ttl`, unless the role has a `ttl` or
        /// `max_ttl` that ends before; a `ttl` of a request beyond it is refused. `max_ttl` has no default beside it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub not_after: ::std::option::Option<crate::Timestamp>,
        /// How far before now certificates begin, for clocks that are behind. Default 30s.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub not_before_duration: ::std::option::Option<::std::string::String>,
        /// Organization of every subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub organization: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Organizational unit of every subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub organizational_unit: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// The mail addresses of those who are told what happens to its certificates, where these name nobody themselves. Up to
        /// 16; none when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub owners: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// OIDs of the policies that certificates name.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub policy_identifiers: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// State or province of every subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub province: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Refuse requests without a common name. Default true.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub require_cn: ::std::option::Option<bool>,
        /// For servers (serverAuth). Default true.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub server_flag: ::std::option::Option<bool>,
        /// Keep the private keys that the service makes, sealed. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub store_private_keys: ::std::option::Option<bool>,
        /// Validity when a request names none. Default: the lesser of 768h and `max_ttl`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ttl: ::std::option::Option<::std::string::String>,
    }
    /// What a new token is to be.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct CreateTokenRequest {
        /// What it is for: 1 to 128 characters.
        pub name: ::std::string::String,
        /// The networks that it may be used from, such as `10.0.0.0/8`, `2001:db8::/32` or one address: up to 64; from
        /// everywhere when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub networks: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// The roles under which `pki:issue` lets it issue, sign and renew, read stored keys and change tags: up to 64. It then
        /// permits nothing else that needs `pki:issue`. Every role when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub roles: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Any of `pki:read`, `pki:issue`, `pki:admin`.
        pub scopes: ::std::vec::Vec<Scope>,
        /// How long it is accepted; for ever when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ttl: ::std::option::Option<::std::string::String>,
    }
    /// A new trust anchor.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct CreateTrustAnchorRequest {
        /// A CA certificate in PEM.
        pub certificate_pem: ::std::string::String,
        /// What to call it: 1 to 128 characters.
        pub name: ::std::string::String,
    }
    /// A webhook to make.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct CreateWebhookRequest {
        /// Types of events as in `GET /v1/events`, `certificate.*` for all about certificates, `*` for everything.
        pub events: ::std::vec::Vec<::std::string::String>,
        /// Which of these events; all when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub filters: ::std::option::Option<WebhookFiltersRequest>,
        /// `certmill` (default), `cloudevents` (CloudEvents 1.0, structured JSON) or `slack` (a text, as Slack, Teams and Mattermost
        /// show it).
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub format: ::std::option::Option<WebhookFormat>,
        /// True when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub is_active: ::std::option::Option<bool>,
        /// What to call it: 1 to 128 characters, unique in the tenant.
        pub name: ::std::string::String,
        /// 32 to 256 printable ASCII characters. One is made, and answered this once, when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub secret: ::std::option::Option<crate::Secret>,
        /// Where events are sent by `POST`: https, or http to an address that the operator's egress policy lists.
        pub url: ::std::string::String,
    }
    /// A new token with its secret, which is shown this once.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreatedToken {
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// From when on it is refused.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub expires_at: ::std::option::Option<crate::Timestamp>,
        /// `tok_…`
        pub id: ::std::string::String,
        /// When it was last used, to about a minute.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub last_used_at: ::std::option::Option<crate::Timestamp>,
        /// The address that it was used from then.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub last_used_from: ::std::option::Option<::std::string::String>,
        /// What it is for.
        pub name: ::std::string::String,
        /// The networks that it may be used from; null without a limit.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub networks: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// When it was revoked.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub revoked_at: ::std::option::Option<crate::Timestamp>,
        /// The roles that its `pki:issue` is limited to; null without a limit.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub roles: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Its scopes.
        pub scopes: ::std::vec::Vec<Scope>,
        /// The tenant in whose name it acts.
        pub tenant_id: ::std::string::String,
        /// The secret: send it as `Authorization: Bearer <token>`. It cannot be read again.
        pub token: crate::Secret,
    }
    /// The figures of a CRL.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CrlFigures {
        /// How many certificates it lists.
        pub entries: i64,
        /// When there will be a newer one at the latest.
        pub next_update: crate::Timestamp,
        /// The number of the CRL (RFC 5280 §5.2.3).
        pub number: i64,
        /// When the CRL was made.
        pub this_update: crate::Timestamp,
    }
    /// The CRL of a shard.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CrlShard {
        /// Where the public finds it: the distribution point of the shard's certificates.
        pub crl_url: ::std::string::String,
        /// How many certificates it lists.
        pub entries: i64,
        /// When there will be a newer one at the latest.
        pub next_update: crate::Timestamp,
        /// The number of the CRL (RFC 5280 §5.2.3).
        pub number: i64,
        /// The number of the shard.
        pub shard: i64,
        /// When the CRL was made.
        pub this_update: crate::Timestamp,
    }
    /// A page of the CRLs of a CA's shards.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CrlShardList {
        /// Send it as `cursor` for the next page; null on the last one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// Whether another page follows.
        pub has_more: bool,
        /// One for each shard, in the order of their numbers.
        pub shards: ::std::vec::Vec<CrlShard>,
        /// Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub total: ::std::option::Option<i64>,
    }
    /// update of a CRL
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct CrlUpdate(pub ::std::string::String);
    impl ::std::ops::Deref for CrlUpdate {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<CrlUpdate> for ::std::string::String {
        fn from(value: CrlUpdate) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for CrlUpdate {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for CrlUpdate {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for CrlUpdate {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// A CSR on the desk.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct Csr {
        /// The certificate that came out of it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub certificate_id: ::std::option::Option<::std::string::String>,
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// The CSR in PEM.
        pub csr_pem: ::std::string::String,
        /// When it was approved or rejected.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub decided_at: ::std::option::Option<crate::Timestamp>,
        /// Whether its private key is kept here. It follows the certificate once that is signed.
        pub has_private_key: bool,
        /// `csr_…`
        pub id: ::std::string::String,
        /// Bits of its key.
        pub key_size: i64,
        /// The kind of its key.
        pub key_type: KeyType,
        /// Why it was rejected.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub rejection_reason: ::std::option::Option<::std::string::String>,
        /// The certificate whose renewal it asks for. Subject and names are then those of the certificate, whatever stands in the
        /// CSR itself.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub renewal_of: ::std::option::Option<::std::string::String>,
        /// Its subject alternative names.
        pub sans: SubjectAlternativeNames,
        /// `generated` or `imported`.
        pub source: CsrSource,
        /// `pending`, `approved`, `rejected` or `signed`.
        pub status: CsrStatus,
        /// The subject (RFC 4514).
        pub subject: SubjectAttributes,
    }
    /// A CSR with everything that is in it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CsrDetail {
        /// The certificate that came out of it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub certificate_id: ::std::option::Option<::std::string::String>,
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// The CSR in PEM.
        pub csr_pem: ::std::string::String,
        /// When it was approved or rejected.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub decided_at: ::std::option::Option<crate::Timestamp>,
        /// SHA-256 of the CSR's DER, lower-case hex.
        pub fingerprint_sha256: ::std::string::String,
        /// Whether its private key is kept here. It follows the certificate once that is signed.
        pub has_private_key: bool,
        /// `csr_…`
        pub id: ::std::string::String,
        /// Bits of its key.
        pub key_size: i64,
        /// About how many bits of work it takes to break the key (NIST SP 800-57).
        pub key_strength_bits: i64,
        /// The kind of its key.
        pub key_type: KeyType,
        /// Why it was rejected.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub rejection_reason: ::std::option::Option<::std::string::String>,
        /// The certificate whose renewal it asks for. Subject and names are then those of the certificate, whatever stands in the
        /// CSR itself.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub renewal_of: ::std::option::Option<::std::string::String>,
        /// What it asks for beside names.
        pub requested_extensions: RequestedExtensions,
        /// Its subject alternative names.
        pub sans: SubjectAlternativeNames,
        /// Such as `ecdsa-with-SHA256`.
        pub signature_algorithm: ::std::string::String,
        /// `generated` or `imported`.
        pub source: CsrSource,
        /// SHA-256 of the subject public key info, lower-case hex.
        pub spki_sha256: ::std::string::String,
        /// `pending`, `approved`, `rejected` or `signed`.
        pub status: CsrStatus,
        /// The subject (RFC 4514).
        pub subject: SubjectAttributes,
        /// The subject as it stands in the CSR (RFC 4514), attributes that certificates do not get included.
        pub subject_text: ::std::string::String,
        /// What a person should look at before approving.
        pub warnings: ::std::vec::Vec<CsrWarning>,
    }
    /// CSRs that wait.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CsrFigures {
        /// Approved, and not signed.
        pub approved: i64,
        /// Nobody has decided about them.
        pub pending: i64,
    }
    /// A page of CSRs.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CsrList {
        /// The rows of this page.
        pub csrs: ::std::vec::Vec<Csr>,
        /// Send it as `cursor` for the next page; null on the last one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// Whether another page follows.
        pub has_more: bool,
        /// Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub total: ::std::option::Option<i64>,
    }
    /// source of CSRs
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct CsrSource(pub ::std::string::String);
    impl ::std::ops::Deref for CsrSource {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<CsrSource> for ::std::string::String {
        fn from(value: CsrSource) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for CsrSource {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for CsrSource {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for CsrSource {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// status of a CSR
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct CsrStatus(pub ::std::string::String);
    impl ::std::ops::Deref for CsrStatus {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<CsrStatus> for ::std::string::String {
        fn from(value: CsrStatus) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for CsrStatus {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for CsrStatus {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for CsrStatus {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// Something to look at.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CsrWarning {
        /// Such as `weak_signature_hash` or `wildcard_name`.
        pub code: ::std::string::String,
        /// What went wrong, as a sentence for people.
        pub message: ::std::string::String,
    }
    /// state of a delivery
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct DeliveryState(pub ::std::string::String);
    impl ::std::ops::Deref for DeliveryState {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<DeliveryState> for ::std::string::String {
        fn from(value: DeliveryState) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for DeliveryState {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for DeliveryState {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for DeliveryState {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// way to renew desk certificates
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct DeskRenewal(pub ::std::string::String);
    impl ::std::ops::Deref for DeskRenewal {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<DeskRenewal> for ::std::string::String {
        fn from(value: DeskRenewal) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for DeskRenewal {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for DeskRenewal {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for DeskRenewal {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// Which servers are looked at.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct DiscoverRequest {
        /// Up to 1,000 servers: `host:port` for TLS from the start, or `scheme:host:port` with `smtp`, `imap`, `pop3`, `ftp`, `ldap`
        /// or `postgres`.
        pub targets: ::std::vec::Vec<::std::string::String>,
    }
    /// A list of servers that are looked at, and what was found so far.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct Discovery {
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// How many were looked at.
        pub done_count: i64,
        /// When all were looked at.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub finished_at: ::std::option::Option<crate::Timestamp>,
        /// `disc_…`
        pub id: ::std::string::String,
        /// Whether all targets were looked at.
        pub is_done: bool,
        /// In the order of the request, each once.
        pub targets: ::std::vec::Vec<DiscoveryTarget>,
        /// How many targets there are.
        pub targets_count: i64,
    }
    /// One of the servers.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct DiscoveryTarget {
        /// The certificate in the inventory.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub certificate_id: ::std::option::Option<::std::string::String>,
        /// Where it is.
        pub endpoint: ::std::string::String,
        /// Why none was seen or taken.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub reason: ::std::option::Option<::std::string::String>,
        /// `waiting`; `imported`: its certificate was taken into the inventory; `known`: it was there; `refused`: it shows a certificate
        /// that cannot be taken; `unreachable`: no certificate was seen.
        pub state: TargetState,
    }
    /// A DNS provider.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct DnsProvider {
        /// With `***` for credentials.
        pub config: ::serde_json::Value,
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// `dnsp_…`
        pub id: ::std::string::String,
        /// Whether it is used.
        pub is_active: bool,
        /// What went wrong last with it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub last_error: ::std::option::Option<::std::string::String>,
        /// Its name.
        pub name: ::std::string::String,
        /// Its type.
        #[serde(rename = "type")]
        pub type_: ::std::string::String,
        /// When it was last changed.
        pub updated_at: crate::Timestamp,
        /// When its credentials were last proven.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub verified_at: ::std::option::Option<crate::Timestamp>,
        /// The zones that it serves.
        pub zones: ::std::vec::Vec<::std::string::String>,
    }
    /// A field of the configuration of a DNS provider.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct DnsProviderField {
        /// The texts that it takes, where these are few.
        pub choices: ::std::vec::Vec<::std::string::String>,
        /// A text of the tenant's.
        pub description: ::std::string::String,
        /// The fields of an object; none of these is an object itself.
        pub fields: ::std::vec::Vec<DnsProviderInnerField>,
        /// Its name.
        pub name: ::std::string::String,
        /// Whether it has to be there.
        pub required: bool,
        /// A field in whose presence it may be absent although it is required.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub required_unless: ::std::option::Option<::std::string::String>,
        /// Whether it is a credential: sealed, and answered as `***`.
        pub secret: bool,
        /// `string`, `url` (a text), `integer`, `boolean`, `string_list`, `json` (an object, or its text) or `object`.
        #[serde(rename = "type")]
        pub type_: ::std::string::String,
    }
    /// A field within a field.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct DnsProviderInnerField {
        /// The texts that it takes, where these are few.
        pub choices: ::std::vec::Vec<::std::string::String>,
        /// A text of the tenant's.
        pub description: ::std::string::String,
        /// Its name.
        pub name: ::std::string::String,
        /// Whether it has to be there.
        pub required: bool,
        /// As with the field that it is part of.
        #[serde(rename = "type")]
        pub type_: ::std::string::String,
    }
    /// A page of DNS providers.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct DnsProviderList {
        /// Send it as `cursor` for the next page; null on the last one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// The rows of this page.
        pub dns_providers: ::std::vec::Vec<DnsProvider>,
        /// Whether another page follows.
        pub has_more: bool,
        /// Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub total: ::std::option::Option<i64>,
    }
    /// What a test found out.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct DnsProviderTest {
        /// Where the value was published.
        pub name: ::std::string::String,
        /// The name servers, as they were in the last look.
        pub servers: ::std::vec::Vec<DnsProviderTestServer>,
        /// The steps in their order.
        pub steps: ::std::vec::Vec<DnsProviderTestStep>,
        /// Whether every step was.
        pub succeeded: bool,
        /// The value.
        pub value: ::std::string::String,
        /// The zone.
        pub zone: ::std::string::String,
    }
    /// A name server.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct DnsProviderTestServer {
        /// Of its addresses the one that tells most; empty when none could be found.
        pub address: ::std::string::String,
        /// What went wrong; absent or empty when nothing did.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub error: ::std::option::Option<::std::string::String>,
        /// Its name.
        pub name: ::std::string::String,
        /// What it had: `value`, `other_values`, `absent`, `no_route` (left out: it cannot be asked from here), or `failed`.
        pub seen: Seen,
    }
    /// A step of a test.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct DnsProviderTestStep {
        /// How long it took, in milliseconds.
        pub elapsed_ms: i64,
        /// What went wrong; absent or empty when nothing did.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub error: ::std::option::Option<::std::string::String>,
        /// `find_zone`, `add`, `applied` (at providers that tell), `propagated` or `remove`.
        pub step: TestStep,
        /// Whether it worked.
        pub succeeded: bool,
    }
    /// A type of DNS provider.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct DnsProviderType {
        /// What it may be called too.
        pub aliases: ::std::vec::Vec<::std::string::String>,
        /// The fields of `config`.
        pub fields: ::std::vec::Vec<DnsProviderField>,
        /// What `type` is called.
        #[serde(rename = "type")]
        pub type_: ::std::string::String,
    }
    /// The types of DNS providers.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct DnsProviderTypeList {
        /// Every type.
        pub types: ::std::vec::Vec<DnsProviderType>,
    }
    /// state of an endpoint
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct EndpointState(pub ::std::string::String);
    impl ::std::ops::Deref for EndpointState {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<EndpointState> for ::std::string::String {
        fn from(value: EndpointState) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for EndpointState {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for EndpointState {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for EndpointState {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// The body of every error.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct ErrorBody {
        /// What went wrong.
        pub error: ErrorContent,
    }
    /// What went wrong.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct ErrorContent {
        /// What clients branch on. Later versions may add codes: take an unknown one by its status.
        ///
        /// - `invalid_request` (400): The request cannot be read: its path, its query or the JSON of its body.
        /// - `invalid_duration` (400): A duration is none. `details.fields` as for `validation_error` where a field is known.
        /// - `invalid_cursor` (400): The cursor is not one that this list gave out, or is one of another query.
        /// - `invalid_config` (400): A DNS provider or ACME server does not take its configuration. `details.upstream`: its answer.
        /// - `authentication_required` (401): No token was sent, and no client certificate that this service has issued.
        /// - `token_invalid` (401): The token is unknown or has no token's form.
        /// - `token_expired` (401): The token has ended.
        /// - `token_revoked` (401): The token was revoked.
        /// - `client_certificate_refused` (401): The client certificate in the place of a token was revoked, has ended, or its CA was revoked.
        /// - `insufficient_scope` (403): The token's scopes do not reach, or a client certificate stands in its place. `details.required_scope`: the one that is needed.
        /// - `role_not_allowed` (403): The token is limited to roles, and this is none of them. `details.role`: the one that was asked for.
        /// - `token_not_allowed_here` (403): The token is limited to networks, and the call comes from none of them.
        /// - `self_renewal_not_allowed` (403): The role of the client certificate in the place of a token has no `allow_self_renewal`.
        /// - `not_found` (404): There is no such path.
        /// - `ca_not_found` (404): No such CA.
        /// - `role_not_found` (404): No such role.
        /// - `certificate_not_found` (404): No such certificate, or none with this serial number.
        /// - `csr_not_found` (404): No such CSR.
        /// - `trust_anchor_not_found` (404): No such trust anchor.
        /// - `acme_account_not_found` (404): No such ACME account.
        /// - `acme_order_not_found` (404): No such order.
        /// - `acme_challenge_not_found` (404): No such challenge.
        /// - `dns_provider_not_found` (404): No such DNS provider.
        /// - `domain_grant_not_found` (404): No such grant of a domain.
        /// - `secret_not_found` (404): No such secret.
        /// - `token_not_found` (404): No such token.
        /// - `job_not_found` (404): No such background job.
        /// - `blocked_key_not_found` (404): No such blocked key.
        /// - `webhook_not_found` (404): No such webhook.
        /// - `discovery_not_found` (404): No such discovery.
        /// - `delivery_not_found` (404): No such delivery of the webhook.
        /// - `method_not_allowed` (405): The path does not know the method; the header `Allow` names those that it knows.
        /// - `request_timeout` (408): The body stopped coming, or came too slowly.
        /// - `already_exists` (409): The name is taken. `details.id`: by whom, where that may be told.
        /// - `invalid_state` (409): The object is in a state from which this is not possible. `details.state` and `details.possible_from`.
        /// - `in_use` (409): Something else needs the object. `details.used_by`: what.
        /// - `precondition_failed` (412): `If-Match` names another state than the present one: somebody has changed the object. `details.etag`: the present one.
        /// - `body_too_large` (413): The body is over the limit.
        /// - `unsupported_media_type` (415): The body has no `Content-Type: application/json`.
        /// - `validation_error` (422): Fields are wrong. `details.fields`: the name of each wrong field with what would be right.
        /// - `role_violation` (422): The role does not permit the request. `details.rule`, `field`, `value` and `allowed`.
        /// - `csr_invalid` (422): The CSR cannot be read, or its signature does not fit its key.
        /// - `certificate_invalid` (422): The certificate or key cannot be read, or the two do not belong together.
        /// - `rate_limited` (429): This token or certificate has made too many calls of this category (`details.category`, `limit` and `retry_after` in seconds), or an ACME server's known limit is used up for longer than an order can wait (`details.retry_after`).
        /// - `internal_error` (500): A fault of the service; its log says more under the request id.
        /// - `upstream_error` (502): An ACME server or DNS provider failed. `details.reason` and `details.upstream`.
        /// - `service_unavailable` (503): A database or another dependency is away: try again after `Retry-After`.
        pub code: ::std::string::String,
        /// More, depending on the code. `validation_error` has `fields`: each wrong field with what would be right.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub details: ::std::option::Option<::serde_json::Map<::std::string::String, ::serde_json::Value>>,
        /// A sentence for people: what is wrong and what would be right.
        pub message: ::std::string::String,
        /// The request, as in the header `X-Request-ID` and in the logs.
        pub request_id: ::std::string::String,
    }
    /// Something that happened.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct Event {
        /// Send it as `cursor` for what came after this event.
        pub cursor: ::std::string::String,
        /// More about it, as it is now. Of an event about a certificate: `serial_number`, `fingerprint_sha256`, `not_after`, `domains`, and where
        /// there is one `common_name`, `ca_id`, `role`, `renews` and the `reason` of a revocation.
        pub data: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
        /// `evt_…`: the same whenever this event is told.
        pub event_id: ::std::string::String,
        /// What happened. A newer version may have others.
        pub event_type: EventKind,
        /// Who: the id of a token or of a certificate in the place of one, `operator` for the command line, or `service` for what no call has caused.
        pub identity_id: ::std::string::String,
        /// The id of what it happened to.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub object: ::std::option::Option<::std::string::String>,
        /// As in the header `X-Request-ID` of the call that caused it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub request_id: ::std::option::Option<::std::string::String>,
        /// Whose.
        pub tenant_id: ::std::string::String,
        /// When, to the microsecond.
        pub timestamp: crate::Timestamp,
    }
    /// kind of event
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct EventKind(pub ::std::string::String);
    impl ::std::ops::Deref for EventKind {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<EventKind> for ::std::string::String {
        fn from(value: EventKind) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for EventKind {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for EventKind {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for EventKind {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// Events.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct EventList {
        /// Send it as `cursor` for what comes next: oldest first, at the end too, for what has yet to happen.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// In the order that was asked for.
        pub events: ::std::vec::Vec<Event>,
        /// Whether there is more now. A page may be short or empty and yet have more behind it, when little fits the filter.
        pub has_more: bool,
    }
    /// order of events
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct EventOrder(pub ::std::string::String);
    impl ::std::ops::Deref for EventOrder {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<EventOrder> for ::std::string::String {
        fn from(value: EventOrder) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for EventOrder {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for EventOrder {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for EventOrder {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// Active certificates that end in a span of time.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct ExpiringCertificates {
        /// How many end.
        pub count: i64,
        /// From when on.
        pub from: crate::Timestamp,
        /// How many of them were renewed.
        pub renewed: i64,
        /// Before when; null for everything later.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub to: ::std::option::Option<crate::Timestamp>,
    }
    /// What to export, and in which form; everything that the tenant has when absent.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct ExportCertificatesRequest {
        /// Issued by this CA.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ca_id: ::std::option::Option<::std::string::String>,
        /// Common name contains this text, whatever its case.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub common_name: ::std::option::Option<::std::string::String>,
        /// Ending within this duration from now, and not ended yet.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub expiring_within: ::std::option::Option<::std::string::String>,
        /// `ndjson` (default): a JSON object in each line, as in the list of certificates. `csv`: RFC 4180, with a line of names.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub format: ::std::option::Option<ExportFormat>,
        /// Revoked ones too.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub include_revoked: ::std::option::Option<bool>,
        /// Issued under the role of this name.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub role: ::std::option::Option<::std::string::String>,
        /// Has this subject alternative name; `*.example.com` finds every name below the domain.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub san: ::std::option::Option<::std::string::String>,
        /// `issued`, `signed`, `csr`, `acme`, `imported` or `renewed`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub source: ::std::option::Option<CertificateSource>,
        /// `active`, `expired` or `revoked`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub status: ::std::option::Option<CertificateStatus>,
        /// Carries this tag: `key:value` or `key=value`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub tag: ::std::option::Option<::std::string::String>,
    }
    /// form of an export
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct ExportFormat(pub ::std::string::String);
    impl ::std::ops::Deref for ExportFormat {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<ExportFormat> for ::std::string::String {
        fn from(value: ExportFormat) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for ExportFormat {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for ExportFormat {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for ExportFormat {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// A certificate that a CA had before its present one.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct FormerCaCertificate {
        /// The certificate in PEM.
        pub certificate_pem: ::std::string::String,
        /// When another one took its place.
        pub replaced_at: crate::Timestamp,
        /// Its serial number: lower-case pairs of hexadecimal digits joined by `:`.
        pub serial_number: ::std::string::String,
        /// From when on it is valid.
        pub valid_from: crate::Timestamp,
        /// Until when it is valid.
        pub valid_until: crate::Timestamp,
    }
    /// That the process answers.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct Health {
        /// `ok`.
        pub status: Liveness,
    }
    /// A CA of another installation, with its key.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct ImportCaRequest {
        /// Its certificate: PEM, or DER in base64. The text may hold its chain and its private key too, in any order.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub certificate_pem: ::std::option::Option<::std::string::String>,
        /// The certificates above it, in any order; none for a root. The topmost is trusted as it is.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub chain_pem: ::std::option::Option<::std::string::String>,
        /// The number of its last CRL, if it is higher than that of `crl_pem`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl_number: ::std::option::Option<i64>,
        /// As when a CA is made.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl_overlap: ::std::option::Option<::std::string::String>,
        /// Its present CRL, PEM or DER in base64: the next one lists the same certificates under a higher number.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl_pem: ::std::option::Option<::std::string::String>,
        /// As when a CA is made.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl_shards: ::std::option::Option<i64>,
        /// As when a CA is made.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl_validity: ::std::option::Option<::std::string::String>,
        /// As when a CA is made.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub delta_crl_validity: ::std::option::Option<::std::string::String>,
        /// Unique in the tenant.
        pub name: ::std::string::String,
        /// As when a CA is made.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ocsp: ::std::option::Option<bool>,
        /// As when a CA is made.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ocsp_signer: ::std::option::Option<OcspSigner>,
        /// As when a CA is made.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub owners: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// A PKCS#12 bundle in base64, instead of certificate, key and chain.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub pkcs12: ::std::option::Option<crate::Secret>,
        /// The password of an encrypted `private_key_pem`, or of `pkcs12`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub private_key_password: ::std::option::Option<crate::Secret>,
        /// Its private key, which is sealed and stays in the service: PEM (PKCS#8, encrypted or not, SEC 1, PKCS#1), or DER in
        /// base64.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub private_key_pem: ::std::option::Option<crate::Secret>,
        /// As when a CA is made.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub renewal_of_desk_certificates: ::std::option::Option<DeskRenewal>,
        /// As when a CA is made.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub use_pss: ::std::option::Option<bool>,
    }
    /// A certificate that was issued elsewhere.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct ImportCertificateRequest {
        /// The CA of this service that issued it: its signature must verify against that CA's key.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ca_id: ::std::option::Option<::std::string::String>,
        /// The certificate: PEM, or DER in base64. The text may hold its chain and its private key too, in any order.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub certificate_pem: ::std::option::Option<::std::string::String>,
        /// The certificates above it, in any order: PEM, or DER in base64.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub chain_pem: ::std::option::Option<::std::string::String>,
        /// A PKCS#12 bundle in base64, instead of the other three.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub pkcs12: ::std::option::Option<crate::Secret>,
        /// The password of an encrypted `private_key_pem`, or of `pkcs12`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub private_key_password: ::std::option::Option<crate::Secret>,
        /// Its private key, which is sealed and kept: PEM (PKCS#8, encrypted or not, SEC 1, PKCS#1), or DER in base64.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub private_key_pem: ::std::option::Option<crate::Secret>,
    }
    /// A CSR that was made elsewhere.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct ImportCsrRequest {
        /// The CSR in PEM. Its signature is checked.
        pub csr_pem: ::std::string::String,
    }
    /// Certificates with keys that the service makes.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct IssueBatchRequest {
        /// What is to be issued: 1 to 1,000 requests, each as for issue.
        pub requests: ::std::vec::Vec<IssueCertificateRequest>,
    }
    /// What became of the requests of a batch.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct IssueBatchResult {
        /// How many certificates were issued.
        pub issued: i64,
        /// How many requests were refused.
        pub refused: i64,
        /// One answer for each request, in the order of the requests.
        pub results: ::std::vec::Vec<BatchItem>,
    }
    /// A certificate with a key that the service makes.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct IssueCertificateRequest {
        /// More names: host names, e-mail addresses and IP addresses.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub alt_names: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Common name of the subject: a host name or an e-mail address. Becomes a subject alternative name too.
        /// May be left out when the role has `require_cn: false` and some other name is given.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub common_name: ::std::option::Option<::std::string::String>,
        /// IP addresses.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ip_sans: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Bits of the key, where the role's `key_type` is `any`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub key_bits: ::std::option::Option<i64>,
        /// `rsa`, `ec` or `ed25519`: needed where the role's `key_type` is `any`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub key_type: ::std::option::Option<KeyType>,
        /// Other names, as `oid;UTF8:value`: `1.3.6.1.4.1.311.20.2.3;UTF8:ann@corp.example` is a user principal name.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub other_sans: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Validity; the role's `ttl` when absent. More than the role's `max_ttl` is refused, not shortened.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ttl: ::std::option::Option<::std::string::String>,
        /// URIs.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub uri_sans: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
    }
    /// A certificate that was just issued.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct IssuedCertificate {
        /// The issuing CA's certificate and those above it up to the root, in PEM.
        pub ca_chain: ::std::vec::Vec<::std::string::String>,
        /// The certificate in PEM.
        pub certificate: ::std::string::String,
        /// `cert_…`. Under a role with `no_store` nothing can be read by it: only the audit log has it.
        pub certificate_id: ::std::string::String,
        /// The issuing CA's certificate in PEM.
        pub issuing_ca: ::std::string::String,
        /// Until when it is valid.
        pub not_after: crate::Timestamp,
        /// From when on it is valid.
        pub not_before: crate::Timestamp,
        /// Its private key in PEM (PKCS#8). It is in this answer only, unless the role stores keys.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub private_key: ::std::option::Option<crate::Secret>,
        /// `rsa`, `ec` or `ed25519`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub private_key_type: ::std::option::Option<KeyType>,
        /// Its serial number: lower-case pairs of hexadecimal digits joined by `:`.
        pub serial_number: ::std::string::String,
        /// Only for CSRs that ask for names that certificates here cannot have, or for other names under a role that permits none: what was
        /// left out.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub warnings: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
    }
    /// A background job.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct Job {
        /// Attempts so far.
        pub attempts: i64,
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// When it was done or given up.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub finished_at: ::std::option::Option<crate::Timestamp>,
        /// `job_…`
        pub id: ::std::string::String,
        /// What is done, such as `rebuild_crl` or `advance_order`. A newer version may have kinds that this one does not know.
        pub kind: ::std::string::String,
        /// Why the last attempt failed; null after one that did not.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub last_error: ::std::option::Option<::std::string::String>,
        /// While it runs: when another worker takes over unless this one gives a sign of life.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub lease_until: ::std::option::Option<crate::Timestamp>,
        /// After how many failed attempts in a row it is given up.
        pub max_attempts: i64,
        /// The request that asked for it, as in the header `X-Request-ID` of its answer.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub request_id: ::std::option::Option<::std::string::String>,
        /// When it is or was due.
        pub run_at: crate::Timestamp,
        /// `pending` (waits for its time or a worker), `running`, `done` or `dead` (given up; a person should look).
        pub state: JobState,
        /// What it is about: the id of a CA, an order, a challenge, an account, a certificate, a webhook or a tenant.
        pub subject: ::std::string::String,
    }
    /// Background jobs.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct JobFigures {
        /// Given up.
        pub dead: i64,
    }
    /// kind of job
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct JobKind(pub ::std::string::String);
    impl ::std::ops::Deref for JobKind {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<JobKind> for ::std::string::String {
        fn from(value: JobKind) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for JobKind {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for JobKind {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for JobKind {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// A page of jobs.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct JobList {
        /// Send it as `cursor` for the next page; null on the last one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// Whether another page follows.
        pub has_more: bool,
        /// The rows of this page.
        pub jobs: ::std::vec::Vec<Job>,
        /// Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub total: ::std::option::Option<i64>,
    }
    /// state of a job
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct JobState(pub ::std::string::String);
    impl ::std::ops::Deref for JobState {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<JobState> for ::std::string::String {
        fn from(value: JobState) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for JobState {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for JobState {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for JobState {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// form of a private key
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct KeyFormat(pub ::std::string::String);
    impl ::std::ops::Deref for KeyFormat {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<KeyFormat> for ::std::string::String {
        fn from(value: KeyFormat) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for KeyFormat {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for KeyFormat {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for KeyFormat {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// type of key
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct KeyType(pub ::std::string::String);
    impl ::std::ops::Deref for KeyType {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<KeyType> for ::std::string::String {
        fn from(value: KeyType) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for KeyType {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for KeyType {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for KeyType {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// liveness
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct Liveness(pub ::std::string::String);
    impl ::std::ops::Deref for Liveness {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<Liveness> for ::std::string::String {
        fn from(value: Liveness) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for Liveness {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for Liveness {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for Liveness {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// signer of OCSP answers
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct OcspSigner(pub ::std::string::String);
    impl ::std::ops::Deref for OcspSigner {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<OcspSigner> for ::std::string::String {
        fn from(value: OcspSigner) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for OcspSigner {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for OcspSigner {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for OcspSigner {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// cause of an ACME order
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct OrderCause(pub ::std::string::String);
    impl ::std::ops::Deref for OrderCause {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<OrderCause> for ::std::string::String {
        fn from(value: OrderCause) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for OrderCause {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for OrderCause {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for OrderCause {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// Orders at ACME servers.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct OrderFigures {
        /// Failed within the last 30 days.
        pub failed_30d: i64,
        /// Have not ended.
        pub open: i64,
    }
    /// A page of orders.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct OrderList {
        /// Send it as `cursor` for the next page; null on the last one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// Whether another page follows.
        pub has_more: bool,
        /// The rows of this page.
        pub orders: ::std::vec::Vec<AcmeOrder>,
        /// Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub total: ::std::option::Option<i64>,
    }
    /// A certificate to order.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct OrderRequest {
        /// The account.
        pub account_id: ::std::string::String,
        /// Whether the certificate is renewed on its own; true when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub auto_renew: ::std::option::Option<bool>,
        /// `http-01`, `dns-01` or `tls-alpn-01`. When absent: `dns-01` for wildcards and with a `dns_provider_id`, else
        /// `http-01`. Wildcards need `dns-01`, IP addresses one of the others.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub challenge_type: ::std::option::Option<ChallengeType>,
        /// For CAs that want a common name: the CSR's is the first of the domains that has at most 64 characters. False when
        /// absent: the CSR has no subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub common_name: ::std::option::Option<bool>,
        /// A CSR in PEM for a key of your own, which the service does not get; `domains` must be its names, or be left out. The
        /// certificate is not renewed on its own unless `reuse_key` is true: `POST …/certificates/{id}/renew` takes the next CSR.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub csr_pem: ::std::option::Option<::std::string::String>,
        /// The DNS provider for `dns-01`; when absent, the active one whose zone fits best.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub dns_provider_id: ::std::option::Option<::std::string::String>,
        /// DNS names, wildcards and IP addresses: up to 100. May be left out beside `csr_pem`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub domains: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Order although a certificate for the same names is there that is not due for renewal.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub force: ::std::option::Option<bool>,
        /// 256 (default) or 384 for EC; 2048 (default), 3072 or 4096 for RSA.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub key_size: ::std::option::Option<i64>,
        /// `ec` (default) or `rsa`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub key_type: ::std::option::Option<AcmeKeyType>,
        /// Common name of the topmost issuer of the chain that is preferred.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub preferred_chain: ::std::option::Option<::std::string::String>,
        /// A profile of the CA.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub profile: ::std::option::Option<::std::string::String>,
        /// Whether renewals keep the key of the certificate, for those who pin it; false when absent: each has a new one.
        /// Beside `csr_pem`, renewals certify the same CSR again.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub reuse_key: ::std::option::Option<bool>,
    }
    /// state of an ACME order
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct OrderState(pub ::std::string::String);
    impl ::std::ops::Deref for OrderState {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<OrderState> for ::std::string::String {
        fn from(value: OrderState) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for OrderState {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for OrderState {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for OrderState {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// status of an ACME order
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct OrderStatus(pub ::std::string::String);
    impl ::std::ops::Deref for OrderStatus {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<OrderStatus> for ::std::string::String {
        fn from(value: OrderStatus) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for OrderStatus {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for OrderStatus {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for OrderStatus {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// An extension that is shown by its name only.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct OtherExtension {
        /// Whether it is critical.
        pub critical: bool,
        /// Its object identifier.
        pub oid: ::std::string::String,
    }
    /// What there is and what needs a person, in numbers.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct Overview {
        /// When the certificates were counted. Where there are many this is some seconds ago; all other figures are of now.
        pub as_of: crate::Timestamp,
        /// CAs.
        pub cas: CaFigures,
        /// Certificates.
        pub certificates: CertificateFigures,
        /// CSRs at the desk.
        pub csrs: CsrFigures,
        /// Background jobs.
        pub jobs: JobFigures,
        /// Orders at ACME servers.
        pub orders: OrderFigures,
        /// Renewals at ACME servers.
        pub renewals: RenewalFigures,
    }
    /// In which form the key is wanted; everything may be left out.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct PrivateKeyRequest {
        /// How the PKCS#12 bundle is encrypted. `modern` (default): AES-256, PBKDF2 and SHA-256. `compatible`: triple DES and
        /// SHA-1, for Windows Server 2016, macOS before 15, Java before 8u301 and appliances; choose a long random password then.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub encryption: ::std::option::Option<::std::string::String>,
        /// `pem` (default): PKCS#8 in PEM. `pkcs12`: a bundle with the certificate and its chain, which needs `password`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub format: ::std::option::Option<KeyFormat>,
        /// What stores show the PKCS#12 bundle as; the common name when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub friendly_name: ::std::option::Option<::std::string::String>,
        /// The password of the PKCS#12 bundle: at least 8 characters.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub password: ::std::option::Option<crate::Secret>,
    }
    /// A stored private key.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct PrivateKeyView {
        /// `cert_…`
        pub certificate_id: ::std::string::String,
        /// `pem` or `pkcs12`.
        pub format: KeyFormat,
        /// The bundle in base64, with `format` `pkcs12`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub pkcs12: ::std::option::Option<crate::Secret>,
        /// PKCS#8 in PEM, with `format` `pem`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub private_key: ::std::option::Option<crate::Secret>,
        /// `rsa`, `ec` or `ed25519`, with `format` `pem`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub private_key_type: ::std::option::Option<KeyType>,
    }
    /// A certificate that something is wrong with.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct ProblemCertificate {
        /// SHA-256 of the DER, lower-case hex.
        pub fingerprint_sha256: ::std::string::String,
        /// The subject (RFC 4514).
        pub subject: ::std::string::String,
    }
    /// What to keep.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct PutSecretRequest {
        /// A JSON object of at most 64 KiB. `text` has the one field `value`; `certificate` has `certificate` and, where there are
        /// such, `private_key` and `chain`, all in PEM. For a DNS provider: its credentials by the names that its configuration has.
        pub data: crate::SecretJson,
        /// `json` (the default), `text` or `certificate`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub secret_type: ::std::option::Option<SecretType>,
    }
    /// Whether the service can work.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct Readiness {
        /// `database`, `queue`, `encryption` and `clock`: each `ok`, `degraded` or `failed`. Without its queue (Redis) the
        /// service is degraded: background work begins up to a second later. The database fails when it does not answer, and
        /// when it cannot be written. The clock fails when it differs from the
        /// database's by more than 5 s.
        pub checks: ::std::collections::HashMap<::std::string::String, CheckStatus>,
        /// What is wrong, by check.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub errors:
            ::std::option::Option<::std::collections::HashMap<::std::string::String, ::std::string::String>>,
        /// `ready`; `degraded` when the service does all its work, some of it later than usual; `not_ready`.
        pub status: ReadyStatus,
    }
    /// readiness
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct ReadyStatus(pub ::std::string::String);
    impl ::std::ops::Deref for ReadyStatus {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<ReadyStatus> for ::std::string::String {
        fn from(value: ReadyStatus) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for ReadyStatus {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for ReadyStatus {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for ReadyStatus {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// type of a DNS record
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct RecordType(pub ::std::string::String);
    impl ::std::ops::Deref for RecordType {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<RecordType> for ::std::string::String {
        fn from(value: RecordType) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for RecordType {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for RecordType {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for RecordType {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// An account to register.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct RegisterAccountRequest {
        /// Whether this one is asked when the CA of an account that names no others cannot issue in time; false when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub default_fallback: ::std::option::Option<bool>,
        /// The directory, for `custom`: an https URL.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub directory_url: ::std::option::Option<::std::string::String>,
        /// HMAC key of the external account, as the CA shows it: base64url. Never answered.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub eab_hmac_key: ::std::option::Option<crate::Secret>,
        /// Key id of an external account, for CAs that want one (ZeroSSL, Google, many custom ones).
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub eab_kid: ::std::option::Option<::std::string::String>,
        /// A secret with `eab_kid` and `eab_hmac_key`, or of the type `text` with the key alone, in place of them.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub eab_secret_path: ::std::option::Option<::std::string::String>,
        /// Whom the CA may write to.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub email: ::std::option::Option<::std::string::String>,
        /// `production` (default) or `staging`; ZeroSSL has no staging server.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub environment: ::std::option::Option<AcmeEnvironment>,
        /// Accounts that are asked, in this order, when this one's CA cannot issue in time: up to 10.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub fallback_account_ids: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// What to call it: 1 to 128 characters, unique in the tenant.
        pub name: ::std::string::String,
        /// `letsencrypt`, `zerossl`, `buypass`, `google` or `custom`. Buypass has announced the end of its service.
        pub provider: AcmeProvider,
        /// Registering agrees to the CA's terms of service; `false` is refused.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub terms_of_service_agreed: ::std::option::Option<bool>,
        /// ZeroSSL's API key, by which an external account is fetched, in place of the two above. Not kept.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub zerossl_api_key: ::std::option::Option<crate::Secret>,
    }
    /// How a CA gets another certificate.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct ReissueCaRequest {
        /// Days of validity from now; its beginning is that of the present certificate. When absent those of the present certificate, or as
        /// many as are left to its parent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub validity_days: ::std::option::Option<i64>,
    }
    /// Why a CSR is rejected.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct RejectCsrRequest {
        /// 1 to 1024 characters.
        pub reason: ::std::string::String,
    }
    /// How to renew; everything may be left out.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct RenewCertificateRequest {
        /// A CSR in PEM whose key is certified; without one the service makes a key. Nothing else in it counts.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub csr_pem: ::std::option::Option<::std::string::String>,
        /// Validity; that of the certificate when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ttl: ::std::option::Option<::std::string::String>,
    }
    /// How a certificate from an ACME server is renewed.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct Renewal {
        /// The account, and how control is proven, DNS provider and profile, with which the next one is ordered.
        pub account_id: ::std::string::String,
        /// Whether it is renewed on its own.
        pub auto_renew: bool,
        /// The kind of challenge.
        pub challenge_type: ::std::string::String,
        /// The DNS provider for `dns-01`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub dns_provider_id: ::std::option::Option<::std::string::String>,
        /// Failures in a row.
        pub failures: i64,
        /// The account that it came from.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub issued_by_account_id: ::std::option::Option<::std::string::String>,
        /// Why the last try failed.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub last_error: ::std::option::Option<::std::string::String>,
        /// The order that is under way.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub order_id: ::std::option::Option<::std::string::String>,
        /// The profile that was asked for.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub profile: ::std::option::Option<::std::string::String>,
        /// When that is planned; null when it is not.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub renew_at: ::std::option::Option<crate::Timestamp>,
        /// When the CA wants it to be (RFC 9773).
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub window: ::std::option::Option<SuggestedWindow>,
    }
    /// How the next certificate is ordered, where that is to change: at another CA, or with another proof.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct RenewalChange {
        /// Another account, perhaps at another CA. A profile of the CA before is dropped.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub account_id: ::std::option::Option<::std::string::String>,
        /// `http-01`, `dns-01` or `tls-alpn-01`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub challenge_type: ::std::option::Option<::std::string::String>,
        /// The DNS provider for `dns-01`; null for the active one whose zone fits best.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub dns_provider_id: ::std::option::Option<::std::string::String>,
        /// A profile of the CA; null for none.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub profile: ::std::option::Option<::std::string::String>,
    }
    /// Renewals at ACME servers that are not as they should be.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct RenewalFigures {
        /// The last try failed.
        pub failing: i64,
        /// Should have been renewed a day ago.
        pub overdue: i64,
    }
    /// What became of a wish to renew: the new certificate, or, with `202`, the order at an ACME server or the CSR that waits at the
    /// desk.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    #[serde(untagged)]
    pub enum RenewalResult {
        IssuedCertificate(IssuedCertificate),
        AcmeOrder(AcmeOrder),
        CsrDetail(CsrDetail),
    }
    impl ::std::convert::From<IssuedCertificate> for RenewalResult {
        fn from(value: IssuedCertificate) -> Self {
            Self::IssuedCertificate(value)
        }
    }
    impl ::std::convert::From<AcmeOrder> for RenewalResult {
        fn from(value: AcmeOrder) -> Self {
            Self::AcmeOrder(value)
        }
    }
    impl ::std::convert::From<CsrDetail> for RenewalResult {
        fn from(value: CsrDetail) -> Self {
            Self::CsrDetail(value)
        }
    }
    /// What a CSR asks for beside names. Whoever signs decides; the certificate gets the profile of the desk or of the role.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct RequestedExtensions {
        /// Extended key usages: names or object identifiers.
        pub ext_key_usage: ::std::vec::Vec<::std::string::String>,
        /// Whether it asks to be a CA.
        pub is_ca: bool,
        /// Key usages, as RFC 5280 §4.2.1.3 has them.
        pub key_usage: ::std::vec::Vec<::std::string::String>,
        /// How many CAs may follow below it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub max_path_length: ::std::option::Option<i64>,
        /// Everything else that it asks for.
        pub other: ::std::vec::Vec<OtherExtension>,
    }
    /// What a revocation would do.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct RevocationPreview {
        /// When those who read CRLs know at the latest: then the present CRL that the certificate names ends. Those who ask by OCSP are told by the next answer; the one before is good for up to 12 hours.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl_known_by: ::std::option::Option<::std::string::String>,
        /// The shard of its CA that it is in: 0 when it names the full CRL.
        pub crl_shard: i64,
        /// Where the CRLs are that change: the full one, that of its shard, and the delta CRLs to these.
        pub crl_urls: ::std::vec::Vec<::std::string::String>,
        /// When those know at the latest who read delta CRLs too: then the present delta CRL ends. Null when there is none.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub delta_crl_known_by: ::std::option::Option<::std::string::String>,
        /// `revoke`, `change_reason`, `release`, `schedule`, `cancel` or `none`.
        pub effect: ::std::string::String,
        /// The certificate that has taken its place.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub renewed_by: ::std::option::Option<::std::string::String>,
    }
    /// revocation reason
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct RevocationReason(pub ::std::string::String);
    impl ::std::ops::Deref for RevocationReason {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<RevocationReason> for ::std::string::String {
        fn from(value: RevocationReason) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for RevocationReason {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for RevocationReason {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for RevocationReason {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// Why a CA is revoked.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct RevokeCaRequest {
        /// A reason of RFC 5280 §5.3.1, such as `keyCompromise` or `cessation_of_operation`; `unspecified` when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub reason: ::std::option::Option<RevocationReason>,
    }
    /// Which certificate to revoke, and why.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct RevokeCertificateRequest {
        /// The CA, should several certificates of the tenant have this serial number.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ca_id: ::std::option::Option<::std::string::String>,
        /// Take back what `revoke_at` has scheduled, and do nothing else. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cancel_scheduled: ::std::option::Option<bool>,
        /// Say only what would become of it, in `preview`. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub dry_run: ::std::option::Option<bool>,
        /// Since when its key may have been in wrong hands (RFC 3339; RFC 5280 §5.3.2), not in the future: it stands in the CRL.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub invalidity_date: ::std::option::Option<::std::string::String>,
        /// A reason of RFC 5280 §5.3.1, such as `keyCompromise` or `key_compromise`; `unspecified` when absent.
        /// `certificateHold` suspends it, and `removeFromCRL` lifts that. A suspended certificate can get any other reason, and
        /// every reason can become `keyCompromise`; nothing else can follow one (`409 invalid_state`).
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub reason: ::std::option::Option<RevocationReason>,
        /// When to revoke it, if not at once (RFC 3339): in the future, and before its end. It replaces what was scheduled before.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub revoke_at: ::std::option::Option<crate::Timestamp>,
        /// Hex with `:`, `-` or no separators, any case.
        pub serial_number: ::std::string::String,
        /// Whether the ACME server that the certificate came from is to revoke it: so it is when absent, since nobody else can. It
        /// takes the reasons unspecified, keyCompromise, affiliationChanged, superseded and cessationOfOperation.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub use_acme: ::std::option::Option<bool>,
    }
    /// A revoked certificate.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct RevokedCertificate {
        /// `cert_…`
        pub certificate_id: ::std::string::String,
        /// `scheduled`: a worker rebuilds the CRL within seconds. `by_ca`: the ACME server publishes it.
        pub crl_update: CrlUpdate,
        /// Only for `dry_run`, which changes nothing.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub preview: ::std::option::Option<RevocationPreview>,
        /// Why.
        pub reason: RevocationReason,
        /// Only for one that is to be revoked later: when.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub revoke_at: ::std::option::Option<crate::Timestamp>,
        /// Null for one that is not revoked: its suspension was lifted, it is to be revoked later, or `dry_run` asked about it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub revoked_at: ::std::option::Option<crate::Timestamp>,
        /// Its serial number: lower-case pairs of hexadecimal digits joined by `:`.
        pub serial_number: ::std::string::String,
    }
    /// A role.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct Role {
        /// Whether any host name is permitted.
        pub allow_any_name: bool,
        /// Whether the domains themselves are permitted.
        pub allow_bare_domains: bool,
        /// Whether e-mail addresses are permitted.
        pub allow_email_sans: bool,
        /// Whether `*` in the domains is a glob over the whole name.
        pub allow_glob_domains: bool,
        /// Whether IP addresses are permitted.
        pub allow_ip_sans: bool,
        /// Whether `localhost` is permitted.
        pub allow_localhost: bool,
        /// Whether wildcards may be a part of a label, as in `w*.example.com`.
        pub allow_partial_wildcards: bool,
        /// Whether a certificate may renew itself in the place of a token.
        pub allow_self_renewal: bool,
        /// Whether names below the domains are permitted.
        pub allow_subdomains: bool,
        /// Whether wildcard names are permitted.
        pub allow_wildcard_certificates: bool,
        /// Domains and patterns that names may be in.
        pub allowed_domains: ::std::vec::Vec<::std::string::String>,
        /// The networks that addresses may be in; all when empty.
        pub allowed_ip_sans_cidr: ::std::vec::Vec<::std::string::String>,
        /// Other names that are permitted, as `oid;UTF8:value`.
        pub allowed_other_sans: ::std::vec::Vec<::std::string::String>,
        /// Patterns of URIs that are permitted; none when empty.
        pub allowed_uri_sans: ::std::vec::Vec<::std::string::String>,
        /// The id of the CA.
        pub ca_id: ::std::string::String,
        /// Whether certificates are for clients (clientAuth).
        pub client_flag: bool,
        /// Country of the subject, two letters.
        pub country: ::std::vec::Vec<::std::string::String>,
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// Extended key usages: names or object identifiers.
        pub ext_key_usage: ::std::vec::Vec<::std::string::String>,
        /// `role_…`
        pub id: ::std::string::String,
        /// Bits of keys; 0 stands for the default of the type.
        pub key_bits: i64,
        /// `rsa`, `ec`, `ed25519` or `any`.
        pub key_type: RoleKeyType,
        /// Key usages, as RFC 5280 §4.2.1.3 has them.
        pub key_usage: ::std::vec::Vec<::std::string::String>,
        /// Locality of the subject.
        pub locality: ::std::vec::Vec<::std::string::String>,
        /// Longest validity that a request may name.
        pub max_ttl: ::std::string::String,
        /// Whether certificates demand a stapled OCSP answer.
        pub must_staple: bool,
        /// Its name.
        pub name: ::std::string::String,
        /// Whether only the serial numbers of certificates are kept, until their ends.
        pub no_store: bool,
        /// When certificates end at the latest; null for no such time.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub not_after: ::std::option::Option<crate::Timestamp>,
        /// How far before now certificates begin.
        pub not_before_duration: ::std::string::String,
        /// Organization of the subject.
        pub organization: ::std::vec::Vec<::std::string::String>,
        /// Organizational unit of the subject.
        pub organizational_unit: ::std::vec::Vec<::std::string::String>,
        /// The mail addresses of those who are told what happens to its certificates.
        pub owners: ::std::vec::Vec<::std::string::String>,
        /// OIDs of the policies that certificates name.
        pub policy_identifiers: ::std::vec::Vec<::std::string::String>,
        /// State or province of the subject.
        pub province: ::std::vec::Vec<::std::string::String>,
        /// Whether requests without a common name are refused.
        pub require_cn: bool,
        /// Whether certificates are for servers (serverAuth).
        pub server_flag: bool,
        /// Whether private keys that the service makes are kept, sealed.
        pub store_private_keys: bool,
        /// Validity when a request names none.
        pub ttl: ::std::string::String,
        /// When it was last changed.
        pub updated_at: crate::Timestamp,
    }
    /// What every rule says about a request.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct RoleCheck {
        /// Whether the request would be carried out.
        pub allowed: bool,
        /// Every rule: each field of the role, and `syntax`, `ca_validity`, `ca_status` and `ca_name_constraints`. The first
        /// that refuses is what the request would be refused with.
        pub rules: ::std::vec::Vec<RuleVerdict>,
        /// The certificate that would be issued; null when it would be refused.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub would_issue: ::std::option::Option<WouldIssue>,
    }
    /// key type
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct RoleKeyType(pub ::std::string::String);
    impl ::std::ops::Deref for RoleKeyType {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<RoleKeyType> for ::std::string::String {
        fn from(value: RoleKeyType) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for RoleKeyType {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for RoleKeyType {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for RoleKeyType {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// A page of roles.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct RoleList {
        /// Send it as `cursor` for the next page; null on the last one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// Whether another page follows.
        pub has_more: bool,
        /// The rows of this page.
        pub roles: ::std::vec::Vec<Role>,
        /// Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub total: ::std::option::Option<i64>,
    }
    /// What one rule says about one value.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct RuleVerdict {
        /// The field of the request; null when none has a say in it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub field: ::std::option::Option<::std::string::String>,
        /// Why.
        pub reason: ::std::string::String,
        /// The rule: a field of the role, or `syntax`, `ca_validity`, `ca_status`, `ca_name_constraints`.
        pub rule: ::std::string::String,
        /// The value that was judged.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub value: ::std::option::Option<::std::string::String>,
        /// `permitted`, `refused` or `not_applicable`.
        pub verdict: Verdict,
    }
    /// A revocation to come.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct ScheduledRevocation {
        /// Why.
        pub reason: RevocationReason,
        /// When.
        pub revoke_at: crate::Timestamp,
    }
    /// scope
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct Scope(pub ::std::string::String);
    impl ::std::ops::Deref for Scope {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<Scope> for ::std::string::String {
        fn from(value: Scope) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for Scope {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for Scope {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for Scope {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// A secret.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct Secret {
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// What is kept.
        pub data: crate::SecretJson,
        /// Where it is kept.
        pub path: ::std::string::String,
        /// The form of its data.
        pub secret_type: SecretType,
        /// When it was last changed.
        pub updated_at: crate::Timestamp,
        /// The number of the version that this is.
        pub version: i64,
        /// The versions that are kept, newest first.
        pub versions: ::std::vec::Vec<SecretVersion>,
    }
    /// A secret without its data.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct SecretInfo {
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// Where it is kept.
        pub path: ::std::string::String,
        /// The form of its data.
        pub secret_type: SecretType,
        /// When it was last changed.
        pub updated_at: crate::Timestamp,
        /// The number of the newest version, counted from 1.
        pub version: i64,
    }
    /// A page of secrets without their data.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct SecretList {
        /// Send it as `cursor` for the next page; null on the last one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// Whether another page follows.
        pub has_more: bool,
        /// The rows of this page.
        pub secrets: ::std::vec::Vec<SecretInfo>,
        /// Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub total: ::std::option::Option<i64>,
    }
    /// type of secret
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct SecretType(pub ::std::string::String);
    impl ::std::ops::Deref for SecretType {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<SecretType> for ::std::string::String {
        fn from(value: SecretType) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for SecretType {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for SecretType {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for SecretType {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// A version of a secret.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct SecretVersion {
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// The number of the version.
        pub version: i64,
    }
    /// sight of a name server
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct Seen(pub ::std::string::String);
    impl ::std::ops::Deref for Seen {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<Seen> for ::std::string::String {
        fn from(value: Seen) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for Seen {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for Seen {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for Seen {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// A certificate that was served.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct ServedCertificate {
        /// The certificate here that it is; null when it is none.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub certificate_id: ::std::option::Option<::std::string::String>,
        /// SHA-256 of the DER, lower-case hex.
        pub fingerprint_sha256: ::std::string::String,
        /// Until when it is valid.
        pub not_after: crate::Timestamp,
        /// Its serial number: lower-case pairs of hexadecimal digits joined by `:`.
        pub serial_number: ::std::string::String,
    }
    /// How a CSR is signed.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct SignApprovedCsrRequest {
        /// The CA that signs.
        pub ca_id: ::std::string::String,
        /// A role of this CA: its constraints on names, key and validity apply, and its subject and usages are given.
        /// Without one the certificate gets the CSR's subject and the usages of a TLS server and client.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub role: ::std::option::Option<::std::string::String>,
        /// Names instead of the CSR's.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub san: ::std::option::Option<SignApprovedCsrRequestSan>,
        /// Days of validity; 365, or the role's `ttl`, when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub validity_days: ::std::option::Option<i64>,
    }
    /// Names instead of the CSR's.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct SignApprovedCsrRequestSan {
        /// Host names.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub dns: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// E-mail address.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub email: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// IP addresses.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ip: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Everything else that it asks for.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub other: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// URIs.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub uri: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
    }
    /// A certificate for a key that the caller has.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct SignCsrRequest {
        /// Common name instead of the CSR's; an empty text is none.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub common_name: ::std::option::Option<::std::string::String>,
        /// The CSR in PEM, or its DER in base64. Its signature is checked and its key must fit the role; of its contents the subject's common
        /// name and the subject alternative names count, other attributes of the subject and other extensions do not.
        pub csr_pem: ::std::string::String,
        /// Names instead of the CSR's. Its common name counts then only if it is among them, or the role has `require_cn`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub san: ::std::option::Option<SignCsrRequestSan>,
        /// Validity; the role's `ttl` when absent. More than the role's `max_ttl` is refused, not shortened.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ttl: ::std::option::Option<::std::string::String>,
    }
    /// Names instead of the CSR's. Its common name counts then only if it is among them, or the role has `require_cn`.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct SignCsrRequestSan {
        /// Host names.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub dns: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// E-mail address.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub email: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// IP addresses.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ip: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Everything else that it asks for.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub other: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// URIs.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub uri: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
    }
    /// The certificates of one source.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct SourceCounts {
        /// Valid.
        pub active: i64,
        /// Over, and not revoked.
        pub expired: i64,
        /// Revoked.
        pub revoked: i64,
        /// `issued`, `signed`, `csr`, `acme`, `imported` or `renewed`.
        pub source: CertificateSource,
    }
    /// How many certificates are in each state.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct StatusCounts {
        /// Valid.
        pub active: i64,
        /// Over, and not revoked.
        pub expired: i64,
        /// Revoked.
        pub revoked: i64,
    }
    /// Subject alternative names by kind.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct SubjectAlternativeNames {
        /// Host names.
        pub dns: ::std::vec::Vec<::std::string::String>,
        /// E-mail address.
        pub email: ::std::vec::Vec<::std::string::String>,
        /// IP addresses.
        pub ip: ::std::vec::Vec<::std::string::String>,
        /// Other names, as `oid;UTF8:value`; absent when there are none.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub other: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// URIs.
        pub uri: ::std::vec::Vec<::std::string::String>,
    }
    /// A subject by attribute. Several values of one attribute are joined by commas; `subject_text` keeps them apart.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct SubjectAttributes {
        /// Common name of the subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub common_name: ::std::option::Option<::std::string::String>,
        /// Country of the subject, two letters.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub country: ::std::option::Option<::std::string::String>,
        /// E-mail address.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub email: ::std::option::Option<::std::string::String>,
        /// Locality of the subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub locality: ::std::option::Option<::std::string::String>,
        /// Organization of the subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub organization: ::std::option::Option<::std::string::String>,
        /// Organizational unit of the subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub organizational_unit: ::std::option::Option<::std::string::String>,
        /// State or province of the subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub province: ::std::option::Option<::std::string::String>,
    }
    /// When a CA wants a certificate renewed.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct SuggestedWindow {
        /// Until when.
        pub end: crate::Timestamp,
        /// Where people can read why.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub explanation_url: ::std::option::Option<::std::string::String>,
        /// From when on.
        pub start: crate::Timestamp,
    }
    /// state of a target
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct TargetState(pub ::std::string::String);
    impl ::std::ops::Deref for TargetState {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<TargetState> for ::std::string::String {
        fn from(value: TargetState) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for TargetState {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for TargetState {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for TargetState {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// Where to try a provider.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct TestDnsProviderRequest {
        /// One of its zones; the first when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub zone: ::std::option::Option<::std::string::String>,
    }
    /// step of a test
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct TestStep(pub ::std::string::String);
    impl ::std::ops::Deref for TestStep {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<TestStep> for ::std::string::String {
        fn from(value: TestStep) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for TestStep {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for TestStep {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for TestStep {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// A token, without its secret.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct Token {
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// From when on it is refused.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub expires_at: ::std::option::Option<crate::Timestamp>,
        /// `tok_…`
        pub id: ::std::string::String,
        /// When it was last used, to about a minute.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub last_used_at: ::std::option::Option<crate::Timestamp>,
        /// The address that it was used from then.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub last_used_from: ::std::option::Option<::std::string::String>,
        /// What it is for.
        pub name: ::std::string::String,
        /// The networks that it may be used from; null without a limit.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub networks: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// When it was revoked.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub revoked_at: ::std::option::Option<crate::Timestamp>,
        /// The roles that its `pki:issue` is limited to; null without a limit.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub roles: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Its scopes.
        pub scopes: ::std::vec::Vec<Scope>,
        /// The tenant in whose name it acts.
        pub tenant_id: ::std::string::String,
    }
    /// A page of tokens.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct TokenList {
        /// Send it as `cursor` for the next page; null on the last one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// Whether another page follows.
        pub has_more: bool,
        /// The rows of this page.
        pub tokens: ::std::vec::Vec<Token>,
        /// Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub total: ::std::option::Option<i64>,
    }
    /// A CA certificate that the tenant trusts.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct TrustAnchor {
        /// The certificate in PEM.
        pub certificate_pem: ::std::string::String,
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// SHA-256 of the DER, lower-case hex.
        pub fingerprint_sha256: ::std::string::String,
        /// `ta_…`
        pub id: ::std::string::String,
        /// Always true: nothing else can be a trust anchor.
        pub is_ca: bool,
        /// RFC 4514.
        pub issuer: ::std::string::String,
        /// Its name.
        pub name: ::std::string::String,
        /// Until when it is valid.
        pub not_after: crate::Timestamp,
        /// From when on it is valid.
        pub not_before: crate::Timestamp,
        /// Its serial number: lower-case pairs of hexadecimal digits joined by `:`.
        pub serial_number: ::std::string::String,
        /// RFC 4514.
        pub subject: ::std::string::String,
    }
    /// A page of trust anchors.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct TrustAnchorList {
        /// Send it as `cursor` for the next page; null on the last one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// Whether another page follows.
        pub has_more: bool,
        /// Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub total: ::std::option::Option<i64>,
        /// The rows of this page.
        pub trust_anchors: ::std::vec::Vec<TrustAnchor>,
    }
    /// store of trust
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct TrustStore(pub ::std::string::String);
    impl ::std::ops::Deref for TrustStore {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<TrustStore> for ::std::string::String {
        fn from(value: TrustStore) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for TrustStore {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for TrustStore {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for TrustStore {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// The trust anchor that the path leads to.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct TrustedAnchor {
        /// SHA-256 of the DER, lower-case hex.
        pub fingerprint_sha256: ::std::string::String,
        /// `ta_…` or `ca_…`; null for one of the machine's.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub id: ::std::option::Option<::std::string::String>,
        /// Its name.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub name: ::std::option::Option<::std::string::String>,
        /// `trust_anchor`, `root_ca` or `system`.
        pub source: AnchorKind,
        /// RFC 4514.
        pub subject: ::std::string::String,
    }
    /// Certificates that are not revoked and that no other one renews.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct UnrenewedCertificates {
        /// Ended within the last 30 days.
        pub expired_30d: i64,
        /// End within a day.
        pub expiring_1d: i64,
        /// End within 30 days, seven days included.
        pub expiring_30d: i64,
        /// End within seven days, a day included.
        pub expiring_7d: i64,
    }
    /// What is to change about an account; what is left out stays.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct UpdateAccountRequest {
        /// Whether this one is asked when the CA of an account that names no others cannot issue in time. Of several, the oldest is
        /// asked first.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub default_fallback: ::std::option::Option<bool>,
        /// Whom the CA may write to; null for nobody.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub email: ::std::option::Option<::std::string::String>,
        /// Accounts that are asked, in this order, when this one's CA cannot issue in time: up to 10.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub fallback_account_ids: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// What to call it: 1 to 128 characters, unique in the tenant.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub name: ::std::option::Option<::std::string::String>,
    }
    /// What is to change about a CA; what is left out stays.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct UpdateCaRequest {
        /// By how much the next CRL comes before the end of the present one; null is a third of `crl_validity`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl_overlap: ::std::option::Option<::std::string::String>,
        /// Into how many shards what it issues from now on is divided: as many as now or more, up to 128.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl_shards: ::std::option::Option<i64>,
        /// How long its CRLs are good; null is as the operator has configured it. It counts from the next CRL on.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl_validity: ::std::option::Option<::std::string::String>,
        /// How long its delta CRLs are good; null takes them away.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub delta_crl_validity: ::std::option::Option<::std::string::String>,
        /// Whether the certificates that it issues from now on name the OCSP responder.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ocsp: ::std::option::Option<bool>,
        /// Who signs OCSP answers from now on, as at its creation. The CA goes on until its responder has a certificate.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ocsp_signer: ::std::option::Option<OcspSigner>,
        /// The mail addresses of those who are told what happens to it, all of them; none for null.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub owners: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// `admin` or `desk`, as at its creation.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub renewal_of_desk_certificates: ::std::option::Option<DeskRenewal>,
    }
    /// What is to change: absent leaves it as it is, null empties it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct UpdateCertificateRequest {
        /// For certificates from ACME servers: whether they are renewed on their own.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub auto_renew: ::std::option::Option<bool>,
        /// Up to 4096 bytes.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub description: ::std::option::Option<::std::string::String>,
        /// All endpoints where it is meant to be served, up to 100: `host:port` for TLS from the start, or `scheme:host:port` with
        /// `smtp`, `imap`, `pop3`, `ftp`, `ldap` or `postgres`. They go on to its renewals.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub endpoints: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// For certificates from ACME servers: how the next one is ordered.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub renewal: ::std::option::Option<RenewalChange>,
        /// All tags: up to 64, keys and values up to 256 bytes. `owners` holds mail addresses, divided by commas: of those who are told
        /// what happens to the certificate, in place of the owners of its role or CA.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub tags:
            ::std::option::Option<::std::collections::HashMap<::std::string::String, ::std::string::String>>,
    }
    /// What is to change; what is absent stays, credentials among it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct UpdateDnsProviderRequest {
        /// The fields to change; null takes one away.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub config: ::std::option::Option<crate::SecretJson>,
        /// Whether it is used.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub is_active: ::std::option::Option<bool>,
        /// Its name.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub name: ::std::option::Option<::std::string::String>,
        /// Whether changed settings are proven by a read before they are stored; true when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub verify: ::std::option::Option<bool>,
        /// Null leaves the zones to the provider.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub zones: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
    }
    /// What is to change: absent leaves a setting as it is, null sets it back to its default.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct UpdateRoleRequest {
        /// Permit any host name. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_any_name: ::std::option::Option<bool>,
        /// Permit the domains themselves. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_bare_domains: ::std::option::Option<bool>,
        /// Permit e-mail addresses whose host is permitted. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_email_sans: ::std::option::Option<bool>,
        /// Take `*` in the domains as a glob over the whole name. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_glob_domains: ::std::option::Option<bool>,
        /// Permit IP addresses. Default true.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_ip_sans: ::std::option::Option<bool>,
        /// Permit `localhost`. Default true.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_localhost: ::std::option::Option<bool>,
        /// Permit wildcards whose `*` is a part of a label only, as in `w*.example.com`. Clients do not match them
        /// (RFC 9525). Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_partial_wildcards: ::std::option::Option<bool>,
        /// Let a certificate stand in the place of a token to read and renew itself, as a TLS client: whoever has its key can renew
        /// it for as long as it is neither revoked nor ended. Not together with `no_store`. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_self_renewal: ::std::option::Option<bool>,
        /// Permit names below the domains, wildcards included. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_subdomains: ::std::option::Option<bool>,
        /// Permit wildcard names at all. Default true.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allow_wildcard_certificates: ::std::option::Option<bool>,
        /// Domains and patterns that names may be in. An entry `*.example.com` permits every name below it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allowed_domains: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Only addresses in these networks; all when empty.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allowed_ip_sans_cidr: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Other names (`otherName`) that are permitted, as `oid;UTF8:value`, `*` standing for anything in the value; `*` alone
        /// permits all, none when empty. User principal names have the OID `1.3.6.1.4.1.311.20.2.3`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allowed_other_sans: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// URI patterns, `*` standing for anything; none when empty.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub allowed_uri_sans: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Another CA.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ca_id: ::std::option::Option<::std::string::String>,
        /// For clients (clientAuth). Default true.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub client_flag: ::std::option::Option<bool>,
        /// Country of every subject, two letters.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub country: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Extended key usages beside those of the flags: names or OIDs.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ext_key_usage: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Bits: exact for keys that the service makes, the least for those of CSRs. 0: 2048 for RSA, 256 for EC.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub key_bits: ::std::option::Option<i64>,
        /// `rsa` (default), `ec`, `ed25519` or `any`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub key_type: ::std::option::Option<RoleKeyType>,
        /// Key usages. Default DigitalSignature, KeyAgreement, KeyEncipherment.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub key_usage: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Locality of every subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub locality: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Longest validity that a request may name. Default 768h.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub max_ttl: ::std::option::Option<::std::string::String>,
        /// Have certificates demand a stapled OCSP answer of their servers (RFC 7633). The CA must have `ocsp` on. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub must_staple: ::std::option::Option<bool>,
        /// Keep of a certificate only its serial number and its end, for as long as it can be revoked: for what lives for
        /// hours and is issued by the thousand. It is in no list, and cannot be read, renewed or revoked later at a set time.
        /// Not together with `store_private_keys`. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub no_store: ::std::option::Option<bool>,
        /// When certificates end at the latest. It is the end of those whose request names no `ttl`, unless the role has a `ttl` or
        /// `max_ttl` that ends before; a `ttl` of a request beyond it is refused. `max_ttl` has no default beside it.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub not_after: ::std::option::Option<crate::Timestamp>,
        /// How far before now certificates begin, for clocks that are behind. Default 30s.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub not_before_duration: ::std::option::Option<::std::string::String>,
        /// Organization of every subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub organization: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Organizational unit of every subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub organizational_unit: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// The mail addresses of those who are told what happens to its certificates, where these name nobody themselves. Up to
        /// 16; none when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub owners: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// OIDs of the policies that certificates name.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub policy_identifiers: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// State or province of every subject.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub province: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Refuse requests without a common name. Default true.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub require_cn: ::std::option::Option<bool>,
        /// For servers (serverAuth). Default true.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub server_flag: ::std::option::Option<bool>,
        /// Keep the private keys that the service makes, sealed. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub store_private_keys: ::std::option::Option<bool>,
        /// Validity when a request names none. Default: the lesser of 768h and `max_ttl`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ttl: ::std::option::Option<::std::string::String>,
    }
    /// What is to change; what is absent stays.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct UpdateWebhookRequest {
        /// Types of events, in the place of those before.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub events: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// In the place of all filters; null for none.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub filters: ::std::option::Option<WebhookFiltersRequest>,
        /// What is sent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub format: ::std::option::Option<WebhookFormat>,
        /// True for a webhook that was off sends what waits, and what happens from then on; not what happened meanwhile.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub is_active: ::std::option::Option<bool>,
        /// Its name.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub name: ::std::option::Option<::std::string::String>,
        /// How long the secret that is replaced still counts: a day when absent, at most `30d`. So long there is a signature by each.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub previous_secret_ttl: ::std::option::Option<::std::string::String>,
        /// True to have another secret made; it is in this answer only.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub rotate_secret: ::std::option::Option<bool>,
        /// Another secret.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub secret: ::std::option::Option<crate::Secret>,
        /// Its URL at the CA.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub url: ::std::option::Option<::std::string::String>,
    }
    /// A certificate to be judged.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    #[serde(deny_unknown_fields)]
    pub struct ValidateCertificateRequest {
        /// When it is to be valid (RFC 3339); now when absent.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub at: ::std::option::Option<crate::Timestamp>,
        /// The certificate: PEM, or DER in base64. Of several in one text the first is judged and the others are `chain_pem`.
        pub certificate_pem: ::std::string::String,
        /// Certificates that may stand between it and a trust anchor, in any order: PEM, or DER in base64. Strangers among
        /// them do no harm. The tenant's own CAs need not be given.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub chain_pem: ::std::option::Option<::std::string::String>,
        /// Whether to find out about revocation: for CAs of this service from its records; for others from `crl_pem`, from
        /// the distribution points and by OCSP. Default false: only this service's own records are looked at, and a warning
        /// `revocation_not_checked` names what else nobody has asked about.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub check_revocation: ::std::option::Option<bool>,
        /// CRLs in PEM, for `check_revocation`: up to 100.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub crl_pem: ::std::option::Option<::std::string::String>,
        /// The e-mail address that it must be for, instead of `hostname`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub email: ::std::option::Option<::std::string::String>,
        /// The host name or IP address under which it was met; it must be a subject alternative name (RFC 9525).
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub hostname: ::std::option::Option<::std::string::String>,
        /// initial-any-policy-inhibit. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub inhibit_any_policy: ::std::option::Option<bool>,
        /// initial-policy-mapping-inhibit. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub inhibit_policy_mapping: ::std::option::Option<bool>,
        /// How many intermediate certificates may stand between it and the trust anchor: 0 to 14.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub max_depth: ::std::option::Option<i64>,
        /// Certificate policies that are acceptable, as dotted OIDs; any when absent (RFC 5280 §6.1.1 (c)).
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub policies: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// What it is to be used for, such as `serverAuth`, `clientAuth`, `codeSigning` or a dotted OID; anything when
        /// absent. What CAs on the path say of purposes counts too.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub purpose: ::std::option::Option<::std::string::String>,
        /// Purposes that it must permit all of, beside `purpose`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub purposes: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Whether the path must be valid for one of `policies` (initial-explicit-policy). Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub require_explicit_policy: ::std::option::Option<bool>,
        /// Whether the answer is `valid: false` when it could not be found out whether something on the path was revoked.
        /// It asks for `check_revocation`. Default false.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub require_revocation: ::std::option::Option<bool>,
        /// Whether breaches of the rules that RFC 5280 §4 makes for issuers, such as a missing authority key identifier, are
        /// errors (default) or warnings.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub strict: ::std::option::Option<bool>,
        /// Whom to trust beside the tenant's trust anchors and root CAs: `system` is the machine's store.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub trust: ::std::option::Option<::std::vec::Vec<TrustStore>>,
    }
    /// What was found out about a certificate.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct Validation {
        /// The path that was found or came nearest: the certificate first, each followed by its issuer.
        pub chain: ::std::vec::Vec<ChainLink>,
        /// Whether a path leads to a trust anchor and is right but for the time.
        pub chain_valid: bool,
        /// What went wrong; absent or empty when nothing did.
        pub errors: ::std::vec::Vec<ValidationProblem>,
        /// Whether everything on the path is within its validity at `at`.
        pub not_expired: bool,
        /// Whether nothing on the path is revoked; null when it was not asked, or when it could not be found out, which
        /// `warnings` tells.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub not_revoked: ::std::option::Option<bool>,
        /// The certificate policies for which the path is valid.
        pub policies: ::std::vec::Vec<::std::string::String>,
        /// The trust anchor that the path leads to.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub trusted_anchor: ::std::option::Option<TrustedAnchor>,
        /// Whether to trust it: the chain is right, nothing has ended, and nothing is known to be revoked.
        pub valid: bool,
        /// What could not be found out, or is odd.
        pub warnings: ::std::vec::Vec<ValidationProblem>,
    }
    /// Something that is wrong, or could not be found out.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct ValidationProblem {
        /// The certificate that it is about.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub certificate: ::std::option::Option<ProblemCertificate>,
        /// The rule, such as `expired`, `signature_invalid` or `name_not_permitted`.
        pub code: ::std::string::String,
        /// What went wrong, as a sentence for people.
        pub message: ::std::string::String,
    }
    /// verdict of a rule
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct Verdict(pub ::std::string::String);
    impl ::std::ops::Deref for Verdict {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<Verdict> for ::std::string::String {
        fn from(value: Verdict) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for Verdict {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for Verdict {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for Verdict {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// Name and version of the service.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct Version {
        /// `certmill`.
        pub name: ::std::string::String,
        /// The version.
        pub version: ::std::string::String,
    }
    /// A webhook. Its secret is never shown again.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct Webhook {
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// When something was last delivered.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub delivered_at: ::std::option::Option<crate::Timestamp>,
        /// Types of events.
        pub events: ::std::vec::Vec<::std::string::String>,
        /// Which of these events.
        pub filters: WebhookFilters,
        /// What is sent.
        pub format: WebhookFormat,
        /// `whk_…`
        pub id: ::std::string::String,
        /// Whether it is used.
        pub is_active: bool,
        /// What went wrong last; null once something was delivered.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub last_error: ::std::option::Option<::std::string::String>,
        /// Its name.
        pub name: ::std::string::String,
        /// Until when the receiver is left alone because it could not be spoken to.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub paused_until: ::std::option::Option<::std::string::String>,
        /// Until when there is a signature by the secret before the present one too.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub previous_secret_until: ::std::option::Option<::std::string::String>,
        /// When it was last changed.
        pub updated_at: crate::Timestamp,
        /// Where events are sent.
        pub url: ::std::string::String,
    }
    /// The delivery of an event.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct WebhookDelivery {
        /// How often it was sent.
        pub attempts: i64,
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// `evt_…`: the same whenever the event is sent.
        pub event_id: ::std::string::String,
        /// What happened.
        pub event_type: ::std::string::String,
        /// When it was delivered or given up.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub finished_at: ::std::option::Option<crate::Timestamp>,
        /// `del_…`
        pub id: ::std::string::String,
        /// What went wrong last.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub last_error: ::std::option::Option<::std::string::String>,
        /// The status of the last answer.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub last_status: ::std::option::Option<i64>,
        /// When it is sent at the earliest; null when it is done.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub next_attempt_at: ::std::option::Option<crate::Timestamp>,
        /// The id of what it happened to.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub object: ::std::option::Option<::std::string::String>,
        /// `waiting` for its first or another attempt, or behind an earlier event about the same object; `delivered`; or `failed`:
        /// given up.
        pub state: DeliveryState,
    }
    /// A page of deliveries.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct WebhookDeliveryList {
        /// Send it as `cursor` for the next page; null on the last one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// The rows of this page.
        pub deliveries: ::std::vec::Vec<WebhookDelivery>,
        /// Whether another page follows.
        pub has_more: bool,
        /// Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub total: ::std::option::Option<i64>,
    }
    /// Which events a webhook is for, beside their types.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct WebhookFilters {
        /// Any when empty.
        pub ca_ids: ::std::vec::Vec<::std::string::String>,
        /// Any when empty.
        pub roles: ::std::vec::Vec<::std::string::String>,
        /// Any when empty.
        pub tags: ::std::collections::HashMap<::std::string::String, ::std::string::String>,
    }
    /// Which events a webhook is for, beside their types. Every filter that is there must fit, as things are when the event is read.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct WebhookFiltersRequest {
        /// About one of these CAs, or certificates of one of them.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ca_ids: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// About certificates under one of these roles.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub roles: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// About certificates with all of these labels.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub tags:
            ::std::option::Option<::std::collections::HashMap<::std::string::String, ::std::string::String>>,
    }
    /// format of webhooks
    #[derive(
        ::serde::Deserialize, ::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Default,
    )]
    #[serde(transparent)]
    pub struct WebhookFormat(pub ::std::string::String);
    impl ::std::ops::Deref for WebhookFormat {
        type Target = ::std::string::String;
        fn deref(&self) -> &::std::string::String {
            &self.0
        }
    }
    impl ::std::convert::From<WebhookFormat> for ::std::string::String {
        fn from(value: WebhookFormat) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<::std::string::String> for WebhookFormat {
        fn from(value: ::std::string::String) -> Self {
            Self(value)
        }
    }
    impl ::std::fmt::Display for WebhookFormat {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl ::std::str::FromStr for WebhookFormat {
        type Err = ::std::convert::Infallible;
        fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
            Ok(Self(value.to_string()))
        }
    }
    /// A page of webhooks.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct WebhookList {
        /// Send it as `cursor` for the next page; null on the last one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cursor: ::std::option::Option<::std::string::String>,
        /// Whether another page follows.
        pub has_more: bool,
        /// Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub total: ::std::option::Option<i64>,
        /// The rows of this page.
        pub webhooks: ::std::vec::Vec<Webhook>,
    }
    /// What a receiver made of an event that means nothing.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct WebhookTest {
        /// How long it took, in milliseconds.
        pub elapsed_ms: i64,
        /// What went wrong; absent or empty when nothing did.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub error: ::std::option::Option<::std::string::String>,
        /// `evt_…`: the id that was sent.
        pub event_id: ::std::string::String,
        /// The status of the answer; null without one.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub status: ::std::option::Option<i64>,
        /// Whether it worked.
        pub succeeded: bool,
    }
    /// A webhook, and its secret if the service has just made it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct WebhookWithSecret {
        /// When it was made.
        pub created_at: crate::Timestamp,
        /// When something was last delivered.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub delivered_at: ::std::option::Option<crate::Timestamp>,
        /// Types of events.
        pub events: ::std::vec::Vec<::std::string::String>,
        /// Which of these events.
        pub filters: WebhookFilters,
        /// What is sent.
        pub format: WebhookFormat,
        /// `whk_…`
        pub id: ::std::string::String,
        /// Whether it is used.
        pub is_active: bool,
        /// What went wrong last; null once something was delivered.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub last_error: ::std::option::Option<::std::string::String>,
        /// Its name.
        pub name: ::std::string::String,
        /// Until when the receiver is left alone because it could not be spoken to.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub paused_until: ::std::option::Option<::std::string::String>,
        /// Until when there is a signature by the secret before the present one too.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub previous_secret_until: ::std::option::Option<::std::string::String>,
        /// The secret, which is in this answer only.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub secret: ::std::option::Option<crate::Secret>,
        /// When it was last changed.
        pub updated_at: crate::Timestamp,
        /// Where events are sent.
        pub url: ::std::string::String,
    }
    /// The token of a call, and what it permits.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct Whoami {
        /// From when on it is refused.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub expires_at: ::std::option::Option<crate::Timestamp>,
        /// The networks that it may be used from; null without a limit.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub networks: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// The roles that its `pki:issue` is limited to; null without a limit.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub roles: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        /// Its scopes.
        pub scopes: ::std::vec::Vec<Scope>,
        /// The address that this call comes from, as far as the service knows: what networks are compared with.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub source_address: ::std::option::Option<::std::string::String>,
        /// The tenant in whose name it acts.
        pub tenant_id: ::std::string::String,
        /// The tenant's name.
        pub tenant_name: ::std::string::String,
        /// `tok_…`
        pub token_id: ::std::string::String,
        /// What the token is for.
        pub token_name: ::std::string::String,
    }
    /// A certificate that would be issued.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct WouldIssue {
        /// Extended key usages: names or object identifiers.
        pub ext_key_usage: ::std::vec::Vec<::std::string::String>,
        /// Bits of its key.
        pub key_size: i64,
        /// The kind of its key.
        pub key_type: KeyType,
        /// Key usages, as RFC 5280 §4.2.1.3 has them.
        pub key_usage: ::std::vec::Vec<::std::string::String>,
        /// Whether it would demand a stapled OCSP answer of its server.
        pub must_staple: bool,
        /// Until when it is valid.
        pub not_after: crate::Timestamp,
        /// From when on it is valid.
        pub not_before: crate::Timestamp,
        /// OIDs of the policies that it would name.
        pub policy_identifiers: ::std::vec::Vec<::std::string::String>,
        /// Its subject alternative names.
        pub sans: SubjectAlternativeNames,
        /// Whether the private key would be kept.
        pub store_private_key: bool,
        /// RFC 4514.
        pub subject: ::std::string::String,
    }
    /// Error types.
    pub mod error {
        /// Error from a `TryFrom` or `FromStr` implementation.
        pub struct ConversionError(::std::borrow::Cow<'static, str>);
        impl ::std::error::Error for ConversionError {}
        impl ::std::fmt::Display for ConversionError {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> Result<(), ::std::fmt::Error> {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }
        impl ::std::fmt::Debug for ConversionError {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> Result<(), ::std::fmt::Error> {
                ::std::fmt::Debug::fmt(&self.0, f)
            }
        }
        impl From<&'static str> for ConversionError {
            fn from(value: &'static str) -> Self {
                Self(value.into())
            }
        }
        impl From<String> for ConversionError {
            fn from(value: String) -> Self {
                Self(value.into())
            }
        }
    }
    /// The words of this version; a later one may have more.
    impl AccountStatus {
        /// `pending`
        pub const PENDING: &'static str = "pending";
        /// `valid`
        pub const VALID: &'static str = "valid";
        /// `deactivated`
        pub const DEACTIVATED: &'static str = "deactivated";
        /// `invalid`
        pub const INVALID: &'static str = "invalid";
    }
    impl ::std::convert::From<&str> for AccountStatus {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl AcmeEnvironment {
        /// `production`
        pub const PRODUCTION: &'static str = "production";
        /// `staging`
        pub const STAGING: &'static str = "staging";
    }
    impl ::std::convert::From<&str> for AcmeEnvironment {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl AcmeKeyType {
        /// `ec`
        pub const EC: &'static str = "ec";
        /// `rsa`
        pub const RSA: &'static str = "rsa";
    }
    impl ::std::convert::From<&str> for AcmeKeyType {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl AcmeProvider {
        /// `letsencrypt`
        pub const LETSENCRYPT: &'static str = "letsencrypt";
        /// `zerossl`
        pub const ZEROSSL: &'static str = "zerossl";
        /// `buypass`
        pub const BUYPASS: &'static str = "buypass";
        /// `google`
        pub const GOOGLE: &'static str = "google";
        /// `custom`
        pub const CUSTOM: &'static str = "custom";
    }
    impl ::std::convert::From<&str> for AcmeProvider {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl Action {
        /// `ca.create`
        pub const CA_CREATE: &'static str = "ca.create";
        /// `ca.revoke`
        pub const CA_REVOKE: &'static str = "ca.revoke";
        /// `crl.rebuild`
        pub const CRL_REBUILD: &'static str = "crl.rebuild";
        /// `role.create`
        pub const ROLE_CREATE: &'static str = "role.create";
        /// `role.update`
        pub const ROLE_UPDATE: &'static str = "role.update";
        /// `role.delete`
        pub const ROLE_DELETE: &'static str = "role.delete";
        /// `certificate.issue`
        pub const CERTIFICATE_ISSUE: &'static str = "certificate.issue";
        /// `certificate.sign`
        pub const CERTIFICATE_SIGN: &'static str = "certificate.sign";
        /// `certificate.renew`
        pub const CERTIFICATE_RENEW: &'static str = "certificate.renew";
        /// `certificate.import`
        pub const CERTIFICATE_IMPORT: &'static str = "certificate.import";
        /// `certificate.update`
        pub const CERTIFICATE_UPDATE: &'static str = "certificate.update";
        /// `certificate.revoke`
        pub const CERTIFICATE_REVOKE: &'static str = "certificate.revoke";
        /// `certificate.private_key`
        pub const CERTIFICATE_PRIVATE_KEY: &'static str = "certificate.private_key";
        /// `csr.create`
        pub const CSR_CREATE: &'static str = "csr.create";
        /// `csr.import`
        pub const CSR_IMPORT: &'static str = "csr.import";
        /// `csr.approve`
        pub const CSR_APPROVE: &'static str = "csr.approve";
        /// `csr.reject`
        pub const CSR_REJECT: &'static str = "csr.reject";
        /// `csr.sign`
        pub const CSR_SIGN: &'static str = "csr.sign";
        /// `csr.delete`
        pub const CSR_DELETE: &'static str = "csr.delete";
        /// `trust_anchor.create`
        pub const TRUST_ANCHOR_CREATE: &'static str = "trust_anchor.create";
        /// `trust_anchor.delete`
        pub const TRUST_ANCHOR_DELETE: &'static str = "trust_anchor.delete";
        /// `token.create`
        pub const TOKEN_CREATE: &'static str = "token.create";
        /// `token.revoke`
        pub const TOKEN_REVOKE: &'static str = "token.revoke";
        /// `acme_account.create`
        pub const ACME_ACCOUNT_CREATE: &'static str = "acme_account.create";
        /// `acme_account.delete`
        pub const ACME_ACCOUNT_DELETE: &'static str = "acme_account.delete";
        /// `acme_order.create`
        pub const ACME_ORDER_CREATE: &'static str = "acme_order.create";
        /// `acme_order.refresh`
        pub const ACME_ORDER_REFRESH: &'static str = "acme_order.refresh";
        /// `acme_order.cancel`
        pub const ACME_ORDER_CANCEL: &'static str = "acme_order.cancel";
        /// `acme_challenge.complete`
        pub const ACME_CHALLENGE_COMPLETE: &'static str = "acme_challenge.complete";
        /// `job.retry`
        pub const JOB_RETRY: &'static str = "job.retry";
        /// `job.cancel`
        pub const JOB_CANCEL: &'static str = "job.cancel";
        /// `dns_provider.create`
        pub const DNS_PROVIDER_CREATE: &'static str = "dns_provider.create";
        /// `dns_provider.update`
        pub const DNS_PROVIDER_UPDATE: &'static str = "dns_provider.update";
        /// `dns_provider.delete`
        pub const DNS_PROVIDER_DELETE: &'static str = "dns_provider.delete";
        /// `dns_provider.test`
        pub const DNS_PROVIDER_TEST: &'static str = "dns_provider.test";
        /// `secret.write`
        pub const SECRET_WRITE: &'static str = "secret.write";
        /// `secret.read`
        pub const SECRET_READ: &'static str = "secret.read";
        /// `secret.delete`
        pub const SECRET_DELETE: &'static str = "secret.delete";
        /// `blocked_key.create`
        pub const BLOCKED_KEY_CREATE: &'static str = "blocked_key.create";
        /// `blocked_key.delete`
        pub const BLOCKED_KEY_DELETE: &'static str = "blocked_key.delete";
        /// `domain.grant`
        pub const DOMAIN_GRANT: &'static str = "domain.grant";
        /// `domain.revoke`
        pub const DOMAIN_REVOKE: &'static str = "domain.revoke";
        /// `tenant.create`
        pub const TENANT_CREATE: &'static str = "tenant.create";
        /// `root_key.rotate`
        pub const ROOT_KEY_ROTATE: &'static str = "root_key.rotate";
        /// `calls.refused`
        pub const CALLS_REFUSED: &'static str = "calls.refused";
        /// `token.use`
        pub const TOKEN_USE: &'static str = "token.use";
        /// `ca.update`
        pub const CA_UPDATE: &'static str = "ca.update";
        /// `acme_order.update`
        pub const ACME_ORDER_UPDATE: &'static str = "acme_order.update";
        /// `acme_account.update`
        pub const ACME_ACCOUNT_UPDATE: &'static str = "acme_account.update";
        /// `acme_account.rollover`
        pub const ACME_ACCOUNT_ROLLOVER: &'static str = "acme_account.rollover";
        /// `event.raise`
        pub const EVENT_RAISE: &'static str = "event.raise";
        /// `certificate.release`
        pub const CERTIFICATE_RELEASE: &'static str = "certificate.release";
        /// `certificate.revoke_later`
        pub const CERTIFICATE_REVOKE_LATER: &'static str = "certificate.revoke_later";
        /// `certificate.revoke_cancel`
        pub const CERTIFICATE_REVOKE_CANCEL: &'static str = "certificate.revoke_cancel";
        /// `ca.certificate`
        pub const CA_CERTIFICATE: &'static str = "ca.certificate";
        /// `ca.reissue`
        pub const CA_REISSUE: &'static str = "ca.reissue";
        /// `ca.import`
        pub const CA_IMPORT: &'static str = "ca.import";
        /// `webhook.create`
        pub const WEBHOOK_CREATE: &'static str = "webhook.create";
        /// `webhook.update`
        pub const WEBHOOK_UPDATE: &'static str = "webhook.update";
        /// `webhook.delete`
        pub const WEBHOOK_DELETE: &'static str = "webhook.delete";
        /// `webhook.test`
        pub const WEBHOOK_TEST: &'static str = "webhook.test";
        /// `webhook.redeliver`
        pub const WEBHOOK_REDELIVER: &'static str = "webhook.redeliver";
        /// `certificate.forget`
        pub const CERTIFICATE_FORGET: &'static str = "certificate.forget";
        /// `certificate.forget_key`
        pub const CERTIFICATE_FORGET_KEY: &'static str = "certificate.forget_key";
        /// `csr.forget`
        pub const CSR_FORGET: &'static str = "csr.forget";
        /// `acme_order.forget`
        pub const ACME_ORDER_FORGET: &'static str = "acme_order.forget";
        /// `event.forget`
        pub const EVENT_FORGET: &'static str = "event.forget";
        /// `certificate.forget_unstored`
        pub const CERTIFICATE_FORGET_UNSTORED: &'static str = "certificate.forget_unstored";
        /// `certificate.check`
        pub const CERTIFICATE_CHECK: &'static str = "certificate.check";
        /// `certificate.discover`
        pub const CERTIFICATE_DISCOVER: &'static str = "certificate.discover";
        /// `audit.archive`
        pub const AUDIT_ARCHIVE: &'static str = "audit.archive";
        /// `database.restore`
        pub const DATABASE_RESTORE: &'static str = "database.restore";
        /// `ca.ocsp_signer`
        pub const CA_OCSP_SIGNER: &'static str = "ca.ocsp_signer";
    }
    impl ::std::convert::From<&str> for Action {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl AnchorKind {
        /// `trust_anchor`
        pub const TRUST_ANCHOR: &'static str = "trust_anchor";
        /// `root_ca`
        pub const ROOT_CA: &'static str = "root_ca";
        /// `system`
        pub const SYSTEM: &'static str = "system";
    }
    impl ::std::convert::From<&str> for AnchorKind {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl CaKind {
        /// `root`
        pub const ROOT: &'static str = "root";
        /// `intermediate`
        pub const INTERMEDIATE: &'static str = "intermediate";
    }
    impl ::std::convert::From<&str> for CaKind {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl CaStatus {
        /// `pending`
        pub const PENDING: &'static str = "pending";
        /// `active`
        pub const ACTIVE: &'static str = "active";
        /// `revoked`
        pub const REVOKED: &'static str = "revoked";
        /// `expired`
        pub const EXPIRED: &'static str = "expired";
    }
    impl ::std::convert::From<&str> for CaStatus {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl CertificateSort {
        /// `created_at`
        pub const CREATED_AT: &'static str = "created_at";
        /// `not_after`
        pub const NOT_AFTER: &'static str = "not_after";
    }
    impl ::std::convert::From<&str> for CertificateSort {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl CertificateSource {
        /// `issued`
        pub const ISSUED: &'static str = "issued";
        /// `signed`
        pub const SIGNED: &'static str = "signed";
        /// `csr`
        pub const CSR: &'static str = "csr";
        /// `acme`
        pub const ACME: &'static str = "acme";
        /// `imported`
        pub const IMPORTED: &'static str = "imported";
        /// `renewed`
        pub const RENEWED: &'static str = "renewed";
    }
    impl ::std::convert::From<&str> for CertificateSource {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl CertificateStatus {
        /// `active`
        pub const ACTIVE: &'static str = "active";
        /// `expired`
        pub const EXPIRED: &'static str = "expired";
        /// `revoked`
        pub const REVOKED: &'static str = "revoked";
    }
    impl ::std::convert::From<&str> for CertificateStatus {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl ChallengeProgress {
        /// `waiting`
        pub const WAITING: &'static str = "waiting";
        /// `published`
        pub const PUBLISHED: &'static str = "published";
        /// `propagating`
        pub const PROPAGATING: &'static str = "propagating";
        /// `submitted`
        pub const SUBMITTED: &'static str = "submitted";
        /// `validated`
        pub const VALIDATED: &'static str = "validated";
        /// `cleaned_up`
        pub const CLEANED_UP: &'static str = "cleaned_up";
    }
    impl ::std::convert::From<&str> for ChallengeProgress {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl ChallengeStatus {
        /// `pending`
        pub const PENDING: &'static str = "pending";
        /// `processing`
        pub const PROCESSING: &'static str = "processing";
        /// `valid`
        pub const VALID: &'static str = "valid";
        /// `invalid`
        pub const INVALID: &'static str = "invalid";
    }
    impl ::std::convert::From<&str> for ChallengeStatus {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl ChallengeType {
        /// `http-01`
        pub const HTTP_01: &'static str = "http-01";
        /// `dns-01`
        pub const DNS_01: &'static str = "dns-01";
        /// `tls-alpn-01`
        pub const TLS_ALPN_01: &'static str = "tls-alpn-01";
    }
    impl ::std::convert::From<&str> for ChallengeType {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl CheckStatus {
        /// `ok`
        pub const OK: &'static str = "ok";
        /// `degraded`
        pub const DEGRADED: &'static str = "degraded";
        /// `failed`
        pub const FAILED: &'static str = "failed";
    }
    impl ::std::convert::From<&str> for CheckStatus {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl CrlUpdate {
        /// `scheduled`
        pub const SCHEDULED: &'static str = "scheduled";
        /// `by_ca`
        pub const BY_CA: &'static str = "by_ca";
    }
    impl ::std::convert::From<&str> for CrlUpdate {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl CsrSource {
        /// `generated`
        pub const GENERATED: &'static str = "generated";
        /// `imported`
        pub const IMPORTED: &'static str = "imported";
    }
    impl ::std::convert::From<&str> for CsrSource {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl CsrStatus {
        /// `pending`
        pub const PENDING: &'static str = "pending";
        /// `approved`
        pub const APPROVED: &'static str = "approved";
        /// `rejected`
        pub const REJECTED: &'static str = "rejected";
        /// `signed`
        pub const SIGNED: &'static str = "signed";
    }
    impl ::std::convert::From<&str> for CsrStatus {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl DeliveryState {
        /// `waiting`
        pub const WAITING: &'static str = "waiting";
        /// `delivered`
        pub const DELIVERED: &'static str = "delivered";
        /// `failed`
        pub const FAILED: &'static str = "failed";
    }
    impl ::std::convert::From<&str> for DeliveryState {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl DeskRenewal {
        /// `admin`
        pub const ADMIN: &'static str = "admin";
        /// `desk`
        pub const DESK: &'static str = "desk";
    }
    impl ::std::convert::From<&str> for DeskRenewal {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl EndpointState {
        /// `unchecked`
        pub const UNCHECKED: &'static str = "unchecked";
        /// `deployed`
        pub const DEPLOYED: &'static str = "deployed";
        /// `serving_old`
        pub const SERVING_OLD: &'static str = "serving_old";
        /// `other_certificate`
        pub const OTHER_CERTIFICATE: &'static str = "other_certificate";
        /// `unreachable`
        pub const UNREACHABLE: &'static str = "unreachable";
    }
    impl ::std::convert::From<&str> for EndpointState {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl EventKind {
        /// `certificate.issued`
        pub const CERTIFICATE_ISSUED: &'static str = "certificate.issued";
        /// `certificate.renewed`
        pub const CERTIFICATE_RENEWED: &'static str = "certificate.renewed";
        /// `certificate.renewal_failed`
        pub const CERTIFICATE_RENEWAL_FAILED: &'static str = "certificate.renewal_failed";
        /// `certificate.expiring`
        pub const CERTIFICATE_EXPIRING: &'static str = "certificate.expiring";
        /// `certificate.renewal_window_odd`
        pub const CERTIFICATE_RENEWAL_WINDOW_ODD: &'static str = "certificate.renewal_window_odd";
        /// `certificate.not_deployed`
        pub const CERTIFICATE_NOT_DEPLOYED: &'static str = "certificate.not_deployed";
        /// `certificate.revoked`
        pub const CERTIFICATE_REVOKED: &'static str = "certificate.revoked";
        /// `certificate.released`
        pub const CERTIFICATE_RELEASED: &'static str = "certificate.released";
        /// `certificate.imported`
        pub const CERTIFICATE_IMPORTED: &'static str = "certificate.imported";
        /// `certificate.private_key_retrieved`
        pub const CERTIFICATE_PRIVATE_KEY_RETRIEVED: &'static str = "certificate.private_key_retrieved";
        /// `ca.created`
        pub const CA_CREATED: &'static str = "ca.created";
        /// `ca.updated`
        pub const CA_UPDATED: &'static str = "ca.updated";
        /// `ca.revoked`
        pub const CA_REVOKED: &'static str = "ca.revoked";
        /// `ca.expiring`
        pub const CA_EXPIRING: &'static str = "ca.expiring";
        /// `trust_anchor.expiring`
        pub const TRUST_ANCHOR_EXPIRING: &'static str = "trust_anchor.expiring";
        /// `crl.published`
        pub const CRL_PUBLISHED: &'static str = "crl.published";
        /// `crl.late`
        pub const CRL_LATE: &'static str = "crl.late";
        /// `publication.late`
        pub const PUBLICATION_LATE: &'static str = "publication.late";
        /// `csr.pending`
        pub const CSR_PENDING: &'static str = "csr.pending";
        /// `csr.approved`
        pub const CSR_APPROVED: &'static str = "csr.approved";
        /// `csr.rejected`
        pub const CSR_REJECTED: &'static str = "csr.rejected";
        /// `csr.signed`
        pub const CSR_SIGNED: &'static str = "csr.signed";
        /// `order.created`
        pub const ORDER_CREATED: &'static str = "order.created";
        /// `order.issued`
        pub const ORDER_ISSUED: &'static str = "order.issued";
        /// `order.failed`
        pub const ORDER_FAILED: &'static str = "order.failed";
        /// `order.cancelled`
        pub const ORDER_CANCELLED: &'static str = "order.cancelled";
        /// `account.failed`
        pub const ACCOUNT_FAILED: &'static str = "account.failed";
        /// `job.dead`
        pub const JOB_DEAD: &'static str = "job.dead";
        /// `token.created`
        pub const TOKEN_CREATED: &'static str = "token.created";
        /// `token.revoked`
        pub const TOKEN_REVOKED: &'static str = "token.revoked";
        /// `token.expiring`
        pub const TOKEN_EXPIRING: &'static str = "token.expiring";
        /// `webhook.disabled`
        pub const WEBHOOK_DISABLED: &'static str = "webhook.disabled";
        /// `webhook.delivery_failed`
        pub const WEBHOOK_DELIVERY_FAILED: &'static str = "webhook.delivery_failed";
        /// `notice.failed`
        pub const NOTICE_FAILED: &'static str = "notice.failed";
    }
    impl ::std::convert::From<&str> for EventKind {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl EventOrder {
        /// `timestamp`
        pub const TIMESTAMP: &'static str = "timestamp";
        /// `-timestamp`
        pub const _TIMESTAMP: &'static str = "-timestamp";
    }
    impl ::std::convert::From<&str> for EventOrder {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl ExportFormat {
        /// `ndjson`
        pub const NDJSON: &'static str = "ndjson";
        /// `csv`
        pub const CSV: &'static str = "csv";
    }
    impl ::std::convert::From<&str> for ExportFormat {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl JobKind {
        /// `rebuild_crl`
        pub const REBUILD_CRL: &'static str = "rebuild_crl";
        /// `rebuild_crl_shard`
        pub const REBUILD_CRL_SHARD: &'static str = "rebuild_crl_shard";
        /// `rebuild_delta_crl`
        pub const REBUILD_DELTA_CRL: &'static str = "rebuild_delta_crl";
        /// `renew_ocsp_signer`
        pub const RENEW_OCSP_SIGNER: &'static str = "renew_ocsp_signer";
        /// `revoke_ca_cascade`
        pub const REVOKE_CA_CASCADE: &'static str = "revoke_ca_cascade";
        /// `register_acme_account`
        pub const REGISTER_ACME_ACCOUNT: &'static str = "register_acme_account";
        /// `revoke_scheduled`
        pub const REVOKE_SCHEDULED: &'static str = "revoke_scheduled";
        /// `advance_order`
        pub const ADVANCE_ORDER: &'static str = "advance_order";
        /// `advance_challenge`
        pub const ADVANCE_CHALLENGE: &'static str = "advance_challenge";
        /// `check_renewal_window`
        pub const CHECK_RENEWAL_WINDOW: &'static str = "check_renewal_window";
        /// `renew_certificates`
        pub const RENEW_CERTIFICATES: &'static str = "renew_certificates";
        /// `expire_certificates`
        pub const EXPIRE_CERTIFICATES: &'static str = "expire_certificates";
        /// `tell_expiry`
        pub const TELL_EXPIRY: &'static str = "tell_expiry";
        /// `sweep`
        pub const SWEEP: &'static str = "sweep";
        /// `roll_over_acme_account_key`
        pub const ROLL_OVER_ACME_ACCOUNT_KEY: &'static str = "roll_over_acme_account_key";
        /// `deliver_events`
        pub const DELIVER_EVENTS: &'static str = "deliver_events";
        /// `check_endpoints`
        pub const CHECK_ENDPOINTS: &'static str = "check_endpoints";
        /// `discover`
        pub const DISCOVER: &'static str = "discover";
        /// `publish_to_folder`
        pub const PUBLISH_TO_FOLDER: &'static str = "publish_to_folder";
        /// `publish_to_store`
        pub const PUBLISH_TO_STORE: &'static str = "publish_to_store";
        /// `send_notices`
        pub const SEND_NOTICES: &'static str = "send_notices";
        /// `prune_jobs`
        pub const PRUNE_JOBS: &'static str = "prune_jobs";
        /// `forget`
        pub const FORGET: &'static str = "forget";
    }
    impl ::std::convert::From<&str> for JobKind {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl JobState {
        /// `pending`
        pub const PENDING: &'static str = "pending";
        /// `running`
        pub const RUNNING: &'static str = "running";
        /// `done`
        pub const DONE: &'static str = "done";
        /// `dead`
        pub const DEAD: &'static str = "dead";
    }
    impl ::std::convert::From<&str> for JobState {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl KeyFormat {
        /// `pem`
        pub const PEM: &'static str = "pem";
        /// `pkcs12`
        pub const PKCS12: &'static str = "pkcs12";
    }
    impl ::std::convert::From<&str> for KeyFormat {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl KeyType {
        /// `rsa`
        pub const RSA: &'static str = "rsa";
        /// `ec`
        pub const EC: &'static str = "ec";
        /// `ed25519`
        pub const ED25519: &'static str = "ed25519";
    }
    impl ::std::convert::From<&str> for KeyType {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl Liveness {
        /// `ok`
        pub const OK: &'static str = "ok";
    }
    impl ::std::convert::From<&str> for Liveness {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl OcspSigner {
        /// `ca`
        pub const CA: &'static str = "ca";
        /// `delegated`
        pub const DELEGATED: &'static str = "delegated";
    }
    impl ::std::convert::From<&str> for OcspSigner {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl OrderCause {
        /// `api`
        pub const API: &'static str = "api";
        /// `renewal`
        pub const RENEWAL: &'static str = "renewal";
        /// `manual`
        pub const MANUAL: &'static str = "manual";
    }
    impl ::std::convert::From<&str> for OrderCause {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl OrderState {
        /// `new`
        pub const NEW: &'static str = "new";
        /// `authorizing`
        pub const AUTHORIZING: &'static str = "authorizing";
        /// `challenging`
        pub const CHALLENGING: &'static str = "challenging";
        /// `finalizing`
        pub const FINALIZING: &'static str = "finalizing";
        /// `issuing`
        pub const ISSUING: &'static str = "issuing";
        /// `issued`
        pub const ISSUED: &'static str = "issued";
        /// `failed`
        pub const FAILED: &'static str = "failed";
    }
    impl ::std::convert::From<&str> for OrderState {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl OrderStatus {
        /// `pending`
        pub const PENDING: &'static str = "pending";
        /// `ready`
        pub const READY: &'static str = "ready";
        /// `processing`
        pub const PROCESSING: &'static str = "processing";
        /// `valid`
        pub const VALID: &'static str = "valid";
        /// `invalid`
        pub const INVALID: &'static str = "invalid";
    }
    impl ::std::convert::From<&str> for OrderStatus {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl ReadyStatus {
        /// `ready`
        pub const READY: &'static str = "ready";
        /// `degraded`
        pub const DEGRADED: &'static str = "degraded";
        /// `not_ready`
        pub const NOT_READY: &'static str = "not_ready";
    }
    impl ::std::convert::From<&str> for ReadyStatus {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl RecordType {
        /// `TXT`
        pub const TXT: &'static str = "TXT";
    }
    impl ::std::convert::From<&str> for RecordType {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl RevocationReason {
        /// `unspecified`
        pub const UNSPECIFIED: &'static str = "unspecified";
        /// `keyCompromise`
        pub const KEYCOMPROMISE: &'static str = "keyCompromise";
        /// `cACompromise`
        pub const CACOMPROMISE: &'static str = "cACompromise";
        /// `affiliationChanged`
        pub const AFFILIATIONCHANGED: &'static str = "affiliationChanged";
        /// `superseded`
        pub const SUPERSEDED: &'static str = "superseded";
        /// `cessationOfOperation`
        pub const CESSATIONOFOPERATION: &'static str = "cessationOfOperation";
        /// `certificateHold`
        pub const CERTIFICATEHOLD: &'static str = "certificateHold";
        /// `removeFromCRL`
        pub const REMOVEFROMCRL: &'static str = "removeFromCRL";
        /// `privilegeWithdrawn`
        pub const PRIVILEGEWITHDRAWN: &'static str = "privilegeWithdrawn";
        /// `aACompromise`
        pub const AACOMPROMISE: &'static str = "aACompromise";
    }
    impl ::std::convert::From<&str> for RevocationReason {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl RoleKeyType {
        /// `rsa`
        pub const RSA: &'static str = "rsa";
        /// `ec`
        pub const EC: &'static str = "ec";
        /// `ed25519`
        pub const ED25519: &'static str = "ed25519";
        /// `any`
        pub const ANY: &'static str = "any";
    }
    impl ::std::convert::From<&str> for RoleKeyType {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl Scope {
        /// `pki:read`
        pub const PKI_READ: &'static str = "pki:read";
        /// `pki:issue`
        pub const PKI_ISSUE: &'static str = "pki:issue";
        /// `pki:admin`
        pub const PKI_ADMIN: &'static str = "pki:admin";
    }
    impl ::std::convert::From<&str> for Scope {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl SecretType {
        /// `json`
        pub const JSON: &'static str = "json";
        /// `text`
        pub const TEXT: &'static str = "text";
        /// `certificate`
        pub const CERTIFICATE: &'static str = "certificate";
    }
    impl ::std::convert::From<&str> for SecretType {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl Seen {
        /// `value`
        pub const VALUE: &'static str = "value";
        /// `other_values`
        pub const OTHER_VALUES: &'static str = "other_values";
        /// `absent`
        pub const ABSENT: &'static str = "absent";
        /// `no_route`
        pub const NO_ROUTE: &'static str = "no_route";
        /// `failed`
        pub const FAILED: &'static str = "failed";
    }
    impl ::std::convert::From<&str> for Seen {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl TargetState {
        /// `waiting`
        pub const WAITING: &'static str = "waiting";
        /// `imported`
        pub const IMPORTED: &'static str = "imported";
        /// `known`
        pub const KNOWN: &'static str = "known";
        /// `refused`
        pub const REFUSED: &'static str = "refused";
        /// `unreachable`
        pub const UNREACHABLE: &'static str = "unreachable";
    }
    impl ::std::convert::From<&str> for TargetState {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl TestStep {
        /// `find_zone`
        pub const FIND_ZONE: &'static str = "find_zone";
        /// `add`
        pub const ADD: &'static str = "add";
        /// `applied`
        pub const APPLIED: &'static str = "applied";
        /// `propagated`
        pub const PROPAGATED: &'static str = "propagated";
        /// `remove`
        pub const REMOVE: &'static str = "remove";
    }
    impl ::std::convert::From<&str> for TestStep {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl TrustStore {
        /// `system`
        pub const SYSTEM: &'static str = "system";
    }
    impl ::std::convert::From<&str> for TrustStore {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl Verdict {
        /// `permitted`
        pub const PERMITTED: &'static str = "permitted";
        /// `refused`
        pub const REFUSED: &'static str = "refused";
        /// `not_applicable`
        pub const NOT_APPLICABLE: &'static str = "not_applicable";
    }
    impl ::std::convert::From<&str> for Verdict {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
    /// The words of this version; a later one may have more.
    impl WebhookFormat {
        /// `certmill`
        pub const CERTMILL: &'static str = "certmill";
        /// `cloudevents`
        pub const CLOUDEVENTS: &'static str = "cloudevents";
        /// `slack`
        pub const SLACK: &'static str = "slack";
    }
    impl ::std::convert::From<&str> for WebhookFormat {
        fn from(word: &str) -> Self {
            Self(word.to_owned())
        }
    }
}
#[derive(Clone, Debug)]
/// Client for certmill
///
/// An internal certificate authority: root and intermediate CAs, roles that constrain issuance, issuing and signing, revocation and CRLs. And certificates from ACME servers: accounts, orders, challenges, renewal.
///
/// Every answer carries `X-Request-ID`. Every error has the body `{"error": {"code", "message", "details"?, "request_id"}}`; `code` is what clients branch on. Request bodies are JSON of at most 1 MiB; unknown fields are refused. Lists are newest first and come in pages: `limit` (1 to 1000, 100 by default) and `cursor`; with `count=true` the answer says in `total` how many rows all pages have, counted up to 10,000 (10,001 stands for more). A POST that creates or changes something may carry `Idempotency-Key` (1 to 255 printable ASCII characters): the same key and body get the first answer again for 24 hours, with `Idempotency-Replayed: true`, and for ten minutes with the private key or token in it; while the first call runs `409 invalid_state` with `Retry-After`; another body is `422`. An operation may have a limit for its category (`x-rate-limit-category`), counted per token, as the operator has set it: then every answer to a token says in `X-RateLimit-Limit` how many calls may come at once, in `X-RateLimit-Remaining` how many still may, and in `X-RateLimit-Reset` (Unix seconds) when it is all of them again if none comes; one too many is `429 rate_limited` with `Retry-After`. Calls without a valid token are not counted. Times are ISO 8601 in UTC, durations such as `90d` or `1d12h`, serial numbers lower-case hex pairs joined by `:`.
///
/// What may be absent is answered as null, or left out where its description says so; in requests null means the same as leaving a field out, unless the operation says what null does. Fields and words (`enum`) may be added within `/v1`: a client ignores fields that it does not know, and takes an unknown word for none of those that it knows. In requests other words than these are refused, even where others, such as `key_compromise`, have always been taken beside them.
///
/// Changes (`PATCH`) are JSON merge patches: `application/json` and `application/merge-patch+json` are the same. Roles, CAs, DNS providers, webhooks and certificates are answered with an `ETag` of the state that callers change; a change with `If-Match` is `412 precondition_failed` when somebody else has changed the object since.
///
/// Version: 0.1.0
pub struct Client {
    pub(crate) baseurl: String,
    pub(crate) client: reqwest::Client,
}
impl Client {
    /// Construct a new client with an existing `reqwest::Client`,
    /// allowing more control over its configuration.
    /// `baseurl` is the base URL provided to the internal
    /// `reqwest::Client`, and should include a scheme and hostname,
    /// as well as port and a path stem if applicable.
    pub fn new_with_client(baseurl: &str, client: reqwest::Client) -> Self {
        Self { baseurl: baseurl.to_string(), client }
    }
}
#[allow(clippy::all)]
impl Client {
    /// List audit rows
    ///
    /// Scope: `pki:admin`. Newest first. Every call that changes something or hands out a private key has a row, done or
    /// refused; it is written in the transaction of the change. The rows of a tenant form a chain of hashes, which
    /// `certmill audit verify` proves. When more than 20 calls of a token are refused within a minute, the rest of them have
    /// one row `calls.refused` of each process, written when the minute is over.
    ///
    /// Sends a `GET` request to `/v1/audit/logs`
    pub async fn list_audit_logs<'a>(
        &'a self,
        query: queries::ListAuditLogs<'a>,
    ) -> Result<ResponseValue<types::AuditLogList>, Error<types::ErrorBody>> {
        let queries::ListAuditLogs {
            action,
            count,
            cursor,
            from,
            identity,
            limit,
            object,
            request_id,
            success,
            to,
        } = query;
        let url = format!("{}/v1/audit/logs", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("action", &action))
            .query(&QueryParam::new("count", &count))
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("from", &from))
            .query(&QueryParam::new("identity", &identity))
            .query(&QueryParam::new("limit", &limit))
            .query(&QueryParam::new("object", &object))
            .query(&QueryParam::new("request_id", &request_id))
            .query(&QueryParam::new("success", &success))
            .query(&QueryParam::new("to", &to))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Tell a token about itself
    ///
    /// Scope: `pki:read`. Every token has it. Whose token it is, what it permits, until when, and from where it is used.
    ///
    /// Sends a `GET` request to `/v1/auth/whoami`
    pub async fn who_am_i<'a>(&'a self) -> Result<ResponseValue<types::Whoami>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/auth/whoami", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List events, or wait for them
    ///
    /// Scope: `pki:read`. In the order in which they were committed, oldest first: whoever goes on from a cursor misses nothing
    /// and gets nothing twice. With `wait=30s` the answer comes with the first event, or after that time (at most `60s`) without
    /// one; without `cursor` and `from` it waits for what is yet to happen.
    ///
    /// With `Accept: text/event-stream` events are sent as they happen (server-sent events): `id` is the cursor, `event` the
    /// type, `data` the event as JSON. A stream ends after a minute, and with it what a revoked token is told; clients such as `EventSource` then go on with
    /// `Last-Event-ID`. Its events come within a second of their commit, while the service has places for all who listen.
    ///
    /// Sends a `GET` request to `/v1/events`
    pub async fn list_events<'a>(
        &'a self,
        query: queries::ListEvents<'a>,
    ) -> Result<ResponseValue<types::EventList>, Error<types::ErrorBody>> {
        let queries::ListEvents { cursor, from, limit, object, sort, to, type_, wait, last_event_id } = query;
        let url = format!("{}/v1/events", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = last_event_id {
            header_map.append("Last-Event-ID", value.to_string().try_into()?);
        }
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("from", &from))
            .query(&QueryParam::new("limit", &limit))
            .query(&QueryParam::new("object", &object))
            .query(&QueryParam::new("sort", &sort))
            .query(&QueryParam::new("to", &to))
            .query(&QueryParam::new("type", &type_))
            .query(&QueryParam::new("wait", &wait))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Whether the process answers (the same as `/healthz`)
    ///
    /// Asks nothing else: for liveness probes.
    ///
    /// Sends a `GET` request to `/v1/health`
    pub async fn get_health<'a>(&'a self) -> Result<ResponseValue<types::Health>, Error<()>> {
        let url = format!("{}/v1/health", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Whether the service can work (the same as `/readyz`)
    ///
    /// For readiness probes. `degraded` is 200: the service works, more slowly.
    ///
    /// Sends a `GET` request to `/v1/health/ready`
    pub async fn get_health_ready<'a>(&'a self) -> Result<ResponseValue<types::Readiness>, Error<()>> {
        let url = format!("{}/v1/health/ready", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List background jobs
    ///
    /// Scope: `pki:admin`. The tenant's own, newest first. Jobs that are done are kept for a day, dead ones for thirty
    /// (settings `jobs.keep_done` and `jobs.keep_dead`).
    ///
    /// Sends a `GET` request to `/v1/jobs`
    pub async fn list_jobs<'a>(
        &'a self,
        query: queries::ListJobs<'a>,
    ) -> Result<ResponseValue<types::JobList>, Error<types::ErrorBody>> {
        let queries::ListJobs { count, cursor, kind, limit, state, subject } = query;
        let url = format!("{}/v1/jobs", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("count", &count))
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("kind", &kind))
            .query(&QueryParam::new("limit", &limit))
            .query(&QueryParam::new("state", &state))
            .query(&QueryParam::new("subject", &subject))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Get a background job
    ///
    /// Scope: `pki:admin`.
    ///
    /// Sends a `GET` request to `/v1/jobs/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `job_…`.
    pub async fn get_job<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<types::Job>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/jobs/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Give a background job up
    ///
    /// Scope: `pki:admin`. Possible for `check_renewal_window` while it waits, and for `advance_order` until the CA has the
    /// order's CSR: that cancels the order, and what was published for it is taken back. Everything else is
    /// `409 invalid_state`, because without it revocations, registrations or published records would be left half done.
    ///
    /// Sends a `POST` request to `/v1/jobs/{id}/cancel`
    ///
    /// Arguments:
    /// - `id`: Its id: `job_…`.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    pub async fn cancel_job<'a>(
        &'a self,
        id: &'a str,
        idempotency_key: Option<&'a str>,
    ) -> Result<ResponseValue<types::Job>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/jobs/{}/cancel", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Have a background job done now
    ///
    /// Scope: `pki:admin`. For one that waits or was given up: it is due at once and has all its attempts before it. A job
    /// that runs or is done, and a dead one whose work waits as another job already, is `409 invalid_state`.
    ///
    /// Sends a `POST` request to `/v1/jobs/{id}/retry`
    ///
    /// Arguments:
    /// - `id`: Its id: `job_…`.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    pub async fn retry_job<'a>(
        &'a self,
        id: &'a str,
        idempotency_key: Option<&'a str>,
    ) -> Result<ResponseValue<types::Job>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/jobs/{}/retry", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List ACME accounts
    ///
    /// Scope: `pki:read`. Newest first.
    ///
    /// Sends a `GET` request to `/v1/pki/acme/accounts`
    pub async fn list_acme_accounts<'a>(
        &'a self,
        query: queries::ListAcmeAccounts<'a>,
    ) -> Result<ResponseValue<types::AccountList>, Error<types::ErrorBody>> {
        let queries::ListAcmeAccounts { count, cursor, limit } = query;
        let url = format!("{}/v1/pki/acme/accounts", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("count", &count))
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("limit", &limit))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Register an ACME account
    ///
    /// Scope: `pki:admin`. The CA is asked during the call. `201` with a valid account; `202` with a pending one when the CA
    /// may have registered it without our hearing of it: a worker finds out. What the CA refuses is `502 upstream_error`
    /// and leaves nothing behind. Registering agrees to the CA's terms of service.
    ///
    /// Sends a `POST` request to `/v1/pki/acme/accounts`
    ///
    /// Arguments:
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn create_acme_account<'a>(
        &'a self,
        idempotency_key: Option<&'a str>,
        body: &'a types::RegisterAccountRequest,
    ) -> Result<ResponseValue<types::AcmeAccount>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/acme/accounts", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201u16 => ResponseValue::from_response(response).await,
            202u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Read an ACME account
    ///
    /// Scope: `pki:read`.
    ///
    /// Sends a `GET` request to `/v1/pki/acme/accounts/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `acct_…`.
    pub async fn get_acme_account<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<types::AcmeAccount>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/acme/accounts/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Deactivate an ACME account
    ///
    /// Scope: `pki:admin`. The CA is asked during the call, and believed only when it confirms; otherwise
    /// `502 upstream_error`, and nothing changes. `409 in_use` while an open order or an automatic renewal needs the account,
    /// unless `force=true`. The account stays readable, and another one can have its name. Revoke its certificates first if that is what you want: afterwards
    /// only their own keys can.
    ///
    /// Sends a `DELETE` request to `/v1/pki/acme/accounts/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `acct_…`.
    /// - `force`: Even though orders or renewals need it.
    pub async fn deactivate_acme_account<'a>(
        &'a self,
        id: &'a str,
        force: Option<bool>,
    ) -> Result<ResponseValue<()>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/acme/accounts/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .delete(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("force", &force))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            204u16 => Ok(ResponseValue::empty(response)),
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Change an ACME account
    ///
    /// Scope: `pki:admin`. Name, e-mail address, and the accounts that stand in for it. The CA is told of another address during the call (RFC 8555 section
    /// 7.3.2); when it refuses, `502 upstream_error`, and nothing changes.
    ///
    /// Sends a `PATCH` request to `/v1/pki/acme/accounts/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `acct_…`.
    /// - `body`
    pub async fn update_acme_account<'a>(
        &'a self,
        id: &'a str,
        body: &'a types::UpdateAccountRequest,
    ) -> Result<ResponseValue<types::AcmeAccount>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/acme/accounts/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .patch(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// See what is left of a CA's limits
    ///
    /// Scope: `pki:read`. What this service has asked of the CA of an account, by what the CA counts, where its limits are
    /// known: those of Let's Encrypt, and what the operator configures. An order for which there is no room waits for it, or
    /// goes to the next account.
    ///
    /// Sends a `GET` request to `/v1/pki/acme/accounts/{id}/budget`
    ///
    /// Arguments:
    /// - `id`: Its id: `acct_…`.
    pub async fn get_acme_account_budget<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<types::AcmeBudget>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/acme/accounts/{}/budget", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Give an ACME account a new key
    ///
    /// Scope: `pki:admin`. The service makes the key, stores it, and has the CA take it in place of the old one during the call
    /// (RFC 8555 section 7.3.5). `200` with the account when it has; `202` with `key_change_pending` when it may have without
    /// our hearing of it: a worker finds out. What the CA refuses is `502 upstream_error`, and the old key stays. `409 in_use`
    /// while an order of the account proves control, which has to do with the key.
    ///
    /// Sends a `POST` request to `/v1/pki/acme/accounts/{id}/rollover`
    ///
    /// Arguments:
    /// - `id`: Its id: `acct_…`.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    pub async fn roll_over_acme_account_key<'a>(
        &'a self,
        id: &'a str,
        idempotency_key: Option<&'a str>,
    ) -> Result<ResponseValue<types::AcmeAccount>, Error<types::ErrorBody>> {
        let url =
            format!("{}/v1/pki/acme/accounts/{}/rollover", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            202u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Go on with a challenge now
    ///
    /// Scope: `pki:issue`. For records that a person publishes (DNS provider `manual`): the record is looked for, and when every
    /// name server has it the CA is told; `note` says what was seen. `force=true` tells the CA without looking. `202` when
    /// something will happen, `200` when the CA is looking already or has found it in order, `409 invalid_state` when
    /// the order has ended.
    ///
    /// Sends a `POST` request to `/v1/pki/acme/challenges/{id}/complete`
    ///
    /// Arguments:
    /// - `id`: Its id: `chal_…`.
    /// - `force`: Tell the CA without looking first. A validation that fails ends the order.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    pub async fn complete_acme_challenge<'a>(
        &'a self,
        id: &'a str,
        force: Option<bool>,
        idempotency_key: Option<&'a str>,
    ) -> Result<ResponseValue<types::AcmeChallenge>, Error<types::ErrorBody>> {
        let url =
            format!("{}/v1/pki/acme/challenges/{}/complete", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("force", &force))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            202u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// See what would come of an order
    ///
    /// Scope: `pki:issue`. Takes what ordering takes, and neither orders, nor publishes, nor counts anything: where the TXT value
    /// of each name would go after aliases were followed, which DNS provider and zone serve it, whether the names are granted
    /// and their CAA records permit the CA, whether a server is there for http-01, what is there or on order already, and what the CA's known limits leave. What ordering refuses is refused here too, but for
    /// grants, good certificates and limits, which the answer names.
    ///
    /// Sends a `POST` request to `/v1/pki/acme/check`
    pub async fn check_acme_order<'a>(
        &'a self,
        body: &'a types::OrderRequest,
    ) -> Result<ResponseValue<types::AcmeForecast>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/acme/check", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Order a certificate
    ///
    /// Scope: `pki:issue`. `202` with the order and its challenges, as soon as the CA has told them and after five seconds at
    /// most; a worker does the rest, and `GET …/orders/{id}` tells how far it is. With `wait=30s` the answer comes when the
    /// order has ended, or after that time (at most `60s`); with `wait=0s` at once, without challenges.
    ///
    /// While the same is on order in the same account, the answer is `200` with that order and `deduplicated: true`. Where
    /// `auto_renew` or `reuse_key` differ, it takes them over, and `updated` names them. Another wish for the same names (key,
    /// challenge, DNS provider, chain, profile, common name, CSR) is another order; `open_beside` names the orders that are open
    /// beside it, and `DELETE …/orders/{id}` ends one that was not meant. CAs give out few certificates for the same names, so
    /// one that is there and not due for renewal is `409 already_exists`, unless `force` is true. The private key stays sealed
    /// in the service; `POST …/certificates/{id}/private-key` hands it out.
    ///
    /// Sends a `POST` request to `/v1/pki/acme/issue`
    ///
    /// Arguments:
    /// - `wait`: How long to wait for the certificate.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn create_acme_order<'a>(
        &'a self,
        wait: Option<&'a str>,
        idempotency_key: Option<&'a str>,
        body: &'a types::OrderRequest,
    ) -> Result<ResponseValue<types::AcmeOrder>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/acme/issue", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .query(&QueryParam::new("wait", &wait))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            202u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List orders
    ///
    /// Scope: `pki:read`. Newest first.
    ///
    /// Sends a `GET` request to `/v1/pki/acme/orders`
    pub async fn list_acme_orders<'a>(
        &'a self,
        query: queries::ListAcmeOrders<'a>,
    ) -> Result<ResponseValue<types::OrderList>, Error<types::ErrorBody>> {
        let queries::ListAcmeOrders { account_id, count, cursor, limit, status } = query;
        let url = format!("{}/v1/pki/acme/orders", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("account_id", &account_id))
            .query(&QueryParam::new("count", &count))
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("limit", &limit))
            .query(&QueryParam::new("status", &status))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Read an order
    ///
    /// Scope: `pki:read`. With `wait=30s` the answer comes when the order has ended, or after that time (at most `60s`).
    ///
    /// Sends a `GET` request to `/v1/pki/acme/orders/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `ord_…`.
    /// - `wait`: How long to wait for its end.
    pub async fn get_acme_order<'a>(
        &'a self,
        id: &'a str,
        wait: Option<&'a str>,
    ) -> Result<ResponseValue<types::AcmeOrder>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/acme/orders/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("wait", &wait))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Cancel an order
    ///
    /// Scope: `pki:issue`. Possible until the CA has the order's CSR (`409 invalid_state` afterwards): a worker ends the order
    /// with the error code `cancelled`, takes back what was published for it, and gives up its authorizations. The answer is
    /// the order after that, or as it is after five seconds.
    ///
    /// Sends a `DELETE` request to `/v1/pki/acme/orders/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `ord_…`.
    pub async fn cancel_acme_order<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<types::AcmeOrder>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/acme/orders/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .delete(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Ask the CA about an order now
    ///
    /// Scope: `pki:issue`. A worker looks at once instead of at `next_attempt_at`; the answer is the order after that, or as it
    /// is after five seconds. Within five seconds of the last such call, and for orders that have ended, nothing is asked.
    ///
    /// Sends a `POST` request to `/v1/pki/acme/orders/{id}/refresh`
    ///
    /// Arguments:
    /// - `id`: Its id: `ord_…`.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    pub async fn refresh_acme_order<'a>(
        &'a self,
        id: &'a str,
        idempotency_key: Option<&'a str>,
    ) -> Result<ResponseValue<types::AcmeOrder>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/acme/orders/{}/refresh", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List blocked keys
    ///
    /// Scope: `pki:read`. Newest first.
    ///
    /// Sends a `GET` request to `/v1/pki/blocked-keys`
    pub async fn list_blocked_keys<'a>(
        &'a self,
        query: queries::ListBlockedKeys<'a>,
    ) -> Result<ResponseValue<types::BlockedKeyList>, Error<types::ErrorBody>> {
        let queries::ListBlockedKeys { count, cursor, limit } = query;
        let url = format!("{}/v1/pki/blocked-keys", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("count", &count))
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("limit", &limit))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Block a key
    ///
    /// Scope: `pki:admin`. From then on no CSR with this key is signed (`422 csr_invalid`). The answer names every
    /// certificate of the tenant that has it; `revoke` revokes those that its CAs have issued. The same key again is the
    /// first row again, with what has come since.
    ///
    /// Sends a `POST` request to `/v1/pki/blocked-keys`
    ///
    /// Arguments:
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn block_key<'a>(
        &'a self,
        idempotency_key: Option<&'a str>,
        body: &'a types::BlockKeyRequest,
    ) -> Result<ResponseValue<types::BlockedKeyDetail>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/blocked-keys", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Read a blocked key
    ///
    /// Scope: `pki:read`. With the certificates that have it.
    ///
    /// Sends a `GET` request to `/v1/pki/blocked-keys/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id.
    pub async fn get_blocked_key<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<types::BlockedKeyDetail>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/blocked-keys/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Unblock a key
    ///
    /// Scope: `pki:admin`. What was revoked stays revoked.
    ///
    /// Sends a `DELETE` request to `/v1/pki/blocked-keys/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id.
    pub async fn unblock_key<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<()>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/blocked-keys/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .delete(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            204u16 => Ok(ResponseValue::empty(response)),
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List CAs
    ///
    /// Scope: `pki:admin`. Newest first.
    ///
    /// Sends a `GET` request to `/v1/pki/ca`
    pub async fn list_cas<'a>(
        &'a self,
        query: queries::ListCas<'a>,
    ) -> Result<ResponseValue<types::CaList>, Error<types::ErrorBody>> {
        let queries::ListCas { count, cursor, limit } = query;
        let url = format!("{}/v1/pki/ca", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("count", &count))
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("limit", &limit))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Create a root or intermediate CA
    ///
    /// Scope: `pki:admin`. The private key is made and stays in the service, sealed; no call ever shows it. With `external`
    /// the answer has the CSR for a CA elsewhere (`csr_pem`), and the CA issues nothing before its certificate has come.
    ///
    /// Sends a `POST` request to `/v1/pki/ca`
    ///
    /// Arguments:
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn create_ca<'a>(
        &'a self,
        idempotency_key: Option<&'a str>,
        body: &'a types::CreateCaRequest,
    ) -> Result<ResponseValue<types::CertificateAuthority>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/ca", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Import a CA with its key
    ///
    /// Scope: `pki:admin`. So that an installation of another kind (easy-rsa, `openssl ca`, step-ca) moves in: the CA goes on with
    /// its key, and what `crl_pem` lists stays revoked, on the next CRL and for OCSP. The certificate must be as for
    /// `POST /v1/pki/ca/{id}/certificate`; the key RSA of 2048, 3072 or 4096 bits, P-256, P-384, P-521 or Ed25519. Certificates
    /// that it has issued come by `POST /v1/pki/certificates/import` with its `ca_id`, and can then be revoked here. Their
    /// CRL is looked for where they say: have that address lead to `crl_url`.
    ///
    /// Sends a `POST` request to `/v1/pki/ca/import`
    ///
    /// Arguments:
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn import_ca<'a>(
        &'a self,
        idempotency_key: Option<&'a str>,
        body: &'a types::ImportCaRequest,
    ) -> Result<ResponseValue<types::CertificateAuthority>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/ca/import", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Read a CA
    ///
    /// Scope: `pki:read`.
    ///
    /// Sends a `GET` request to `/v1/pki/ca/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `ca_…`.
    pub async fn get_ca<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<types::CertificateAuthority>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/ca/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Change a CA
    ///
    /// Scope: `pki:admin`. How its certificates that a person approved at the CSR desk are renewed with another key, whether what it
    /// issues names the OCSP responder (`409 in_use` while roles with `must_staple` need it), who signs OCSP answers, the times of
    /// its CRLs, the number of its shards, and its owners.
    ///
    /// Sends a `PATCH` request to `/v1/pki/ca/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `ca_…`.
    /// - `if_match`: The `ETag` of the state that is to be changed: `412` when somebody else has changed it since.
    /// - `body`
    pub async fn update_ca<'a>(
        &'a self,
        id: &'a str,
        if_match: Option<&'a str>,
        body: &'a types::UpdateCaRequest,
    ) -> Result<ResponseValue<types::CertificateAuthority>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/ca/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = if_match {
            header_map.append("If-Match", value.to_string().try_into()?);
        }
        let request = self
            .client
            .patch(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Read a CA's certificate
    ///
    /// Scope: `pki:read`. JSON by default; PEM for `Accept: application/x-pem-file` or `text/plain`, DER for
    /// `application/pkix-cert`.
    ///
    /// Sends a `GET` request to `/v1/pki/ca/{id}/certificate`
    ///
    /// Arguments:
    /// - `id`: Its id: `ca_…`.
    pub async fn get_ca_certificate<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<types::CaCertificateView>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/ca/{}/certificate", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Give a CA its certificate
    ///
    /// Scope: `pki:admin`. For a CA that was made with `external` and is `pending`: what came back for its CSR. It must be a
    /// CA's certificate for the CA's own key, with `keyCertSign` and `cRLSign`, valid now, and its path must be valid up
    /// to the topmost certificate that is given (`422 certificate_invalid` says what does not fit). Its subject and its path
    /// length are then those of the CA, which is active, with its first CRL. Where its issuer is a CA of this service, that
    /// one becomes its parent.
    ///
    /// A CA that came from elsewhere, or was signed there, takes another certificate for the same subject, key and key id in the
    /// same way, unless that ends before the present one; the one that it had is kept.
    ///
    /// Sends a `POST` request to `/v1/pki/ca/{id}/certificate`
    ///
    /// Arguments:
    /// - `id`: Its id: `ca_…`.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `if_match`: The `ETag` of the state that is to be changed: `412` when somebody else has changed it since.
    /// - `body`
    pub async fn set_ca_certificate<'a>(
        &'a self,
        id: &'a str,
        idempotency_key: Option<&'a str>,
        if_match: Option<&'a str>,
        body: &'a types::CaCertificateRequest,
    ) -> Result<ResponseValue<types::CertificateAuthority>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/ca/{}/certificate", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(3usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        if let Some(value) = if_match {
            header_map.append("If-Match", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Read a CA's present CRL
    ///
    /// Scope: `pki:read`. The full one, or that of a `shard`; with `delta` the delta CRL to it (`409` when the CA has none). DER by default; PEM for `Accept: application/x-pem-file` or `text/plain`.
    ///
    /// Sends a `GET` request to `/v1/pki/ca/{id}/crl`
    ///
    /// Arguments:
    /// - `id`: Its id: `ca_…`.
    pub async fn get_crl<'a>(
        &'a self,
        id: &'a str,
        query: queries::GetCrl<'a>,
    ) -> Result<ResponseValue<ByteStream>, Error<types::ErrorBody>> {
        let queries::GetCrl { delta, shard, if_none_match, if_range, range } = query;
        let url = format!("{}/v1/pki/ca/{}/crl", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(4usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = if_none_match {
            header_map.append("If-None-Match", value.to_string().try_into()?);
        }
        if let Some(value) = if_range {
            header_map.append("If-Range", value.to_string().try_into()?);
        }
        if let Some(value) = range {
            header_map.append("Range", value.to_string().try_into()?);
        }
        let request = self
            .client
            .get(url)
            .query(&QueryParam::new("delta", &delta))
            .query(&QueryParam::new("shard", &shard))
            .headers(header_map)
            .build()?;
        let response = self.send_for_stream(request).await?;
        match response.status().as_u16() {
            200u16 => Ok(ResponseValue::stream(response)),
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Build a new CRL now
    ///
    /// Scope: `pki:admin`. The full one, with which it answers, and those of all shards. Waits up to 30 s for workers to build them; after that
    /// answers `202` with the figures of the present CRL, and the new ones follow.
    ///
    /// Sends a `POST` request to `/v1/pki/ca/{id}/crl`
    ///
    /// Arguments:
    /// - `id`: Its id: `ca_…`.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    pub async fn rebuild_crl<'a>(
        &'a self,
        id: &'a str,
        idempotency_key: Option<&'a str>,
    ) -> Result<ResponseValue<types::BuiltCrl>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/ca/{}/crl", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            202u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List the CRLs of a CA's shards
    ///
    /// Scope: `pki:read`. In the order of their numbers; none where `crl_shards` is 1.
    ///
    /// Sends a `GET` request to `/v1/pki/ca/{id}/crl/shards`
    ///
    /// Arguments:
    /// - `id`: Its id: `ca_…`.
    pub async fn list_crl_shards<'a>(
        &'a self,
        id: &'a str,
        query: queries::ListCrlShards<'a>,
    ) -> Result<ResponseValue<types::CrlShardList>, Error<types::ErrorBody>> {
        let queries::ListCrlShards { count, cursor, limit } = query;
        let url = format!("{}/v1/pki/ca/{}/crl/shards", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("count", &count))
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("limit", &limit))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Give a CA another certificate for the same key
    ///
    /// Scope: `pki:admin`. Before its certificate ends, or after: the new one has the same subject, key, key ids, usages, path length and
    /// constraints, and is signed by the CA itself or by its parent as they are now. What the CA has issued stays good by either
    /// certificate, and new chains have the new one; `GET …/certificate` has the former ones too. A CA that was signed elsewhere
    /// gets its certificate from there (`409 invalid_state`), by `POST …/certificate`. Extensions that this service does not write
    /// are none that can be repeated (`422 certificate_invalid`), and the new one does not end before the present one.
    ///
    /// Sends a `POST` request to `/v1/pki/ca/{id}/reissue`
    ///
    /// Arguments:
    /// - `id`: Its id: `ca_…`.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `if_match`: The `ETag` of the state that is to be changed: `412` when somebody else has changed it since.
    /// - `body`
    pub async fn reissue_ca<'a>(
        &'a self,
        id: &'a str,
        idempotency_key: Option<&'a str>,
        if_match: Option<&'a str>,
        body: &'a types::ReissueCaRequest,
    ) -> Result<ResponseValue<types::CertificateAuthority>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/ca/{}/reissue", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(3usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        if let Some(value) = if_match {
            header_map.append("If-Match", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Revoke a CA
    ///
    /// Scope: `pki:admin`. The CA and every CA under it stop issuing at once. A worker then revokes everything that
    /// they issued; `revocation` shows its progress. What lies under a CA revoked for `keyCompromise` is revoked for
    /// `cACompromise`, otherwise for the same reason. If its parent is ours, the CA goes on the parent's CRL.
    /// Repeating the call answers the first revocation.
    ///
    /// Sends a `POST` request to `/v1/pki/ca/{id}/revoke`
    ///
    /// Arguments:
    /// - `id`: Its id: `ca_…`.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn revoke_ca<'a>(
        &'a self,
        id: &'a str,
        idempotency_key: Option<&'a str>,
        body: &'a types::RevokeCaRequest,
    ) -> Result<ResponseValue<types::CertificateAuthority>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/ca/{}/revoke", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            202u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List certificates
    ///
    /// Scope: `pki:read`. Newest first, or `sort=not_after` for the soonest to end. Revoked ones are left out unless
    /// `include_revoked=true` or `status=revoked`.
    ///
    /// What a call costs does not grow with the number of certificates: filters that find up to 1,000 are answered at once,
    /// others page by page. A call looks at 5,000 certificates at most, so that a page of filters that rarely agree may have
    /// fewer rows than `limit`, or none, while `has_more` is true: go on with its `cursor`. `total` is left out when looking at
    /// 20,000 certificates does not tell it.
    ///
    /// Sends a `GET` request to `/v1/pki/certificates`
    pub async fn list_certificates<'a>(
        &'a self,
        query: queries::ListCertificates<'a>,
    ) -> Result<ResponseValue<types::CertificateList>, Error<types::ErrorBody>> {
        let queries::ListCertificates {
            ca_id,
            common_name,
            count,
            cursor,
            expiring_within,
            fingerprint_sha256,
            include_revoked,
            limit,
            role,
            san,
            serial_number,
            sort,
            source,
            status,
            tag,
        } = query;
        let url = format!("{}/v1/pki/certificates", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("ca_id", &ca_id))
            .query(&QueryParam::new("common_name", &common_name))
            .query(&QueryParam::new("count", &count))
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("expiring_within", &expiring_within))
            .query(&QueryParam::new("fingerprint_sha256", &fingerprint_sha256))
            .query(&QueryParam::new("include_revoked", &include_revoked))
            .query(&QueryParam::new("limit", &limit))
            .query(&QueryParam::new("role", &role))
            .query(&QueryParam::new("san", &san))
            .query(&QueryParam::new("serial_number", &serial_number))
            .query(&QueryParam::new("sort", &sort))
            .query(&QueryParam::new("source", &source))
            .query(&QueryParam::new("status", &status))
            .query(&QueryParam::new("tag", &tag))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Export certificates
    ///
    /// Scope: `pki:read`. Newest first, without PEM and without keys. The answer is sent while it is read, so it has no length;
    /// one that ends without the end of the transfer (a chunk of length 0, or the end of the stream) is not complete.
    ///
    /// Sends a `POST` request to `/v1/pki/certificates/export`
    pub async fn export_certificates<'a>(
        &'a self,
        body: &'a types::ExportCertificatesRequest,
    ) -> Result<ResponseValue<ByteStream>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/certificates/export", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self.client.post(url).json(&body).headers(header_map).build()?;
        let response = self.send_for_stream(request).await?;
        match response.status().as_u16() {
            200u16 => Ok(ResponseValue::stream(response)),
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Import a certificate
    ///
    /// Scope: `pki:admin`. A key must belong to the certificate; every certificate of the chain must have issued the one
    /// below it (`422 certificate_invalid` says what does not fit). A certificate that is here already is `409
    /// already_exists`, which names it. Without `ca_id` the service never takes an imported certificate for one that it
    /// issued: it cannot be revoked or renewed here and is on no CRL of ours.
    ///
    /// Sends a `POST` request to `/v1/pki/certificates/import`
    ///
    /// Arguments:
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn import_certificate<'a>(
        &'a self,
        idempotency_key: Option<&'a str>,
        body: &'a types::ImportCertificateRequest,
    ) -> Result<ResponseValue<types::CertificateDetail>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/certificates/import", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Validate a certificate
    ///
    /// Scope: `pki:read`. Builds paths to the tenant's trust anchors and root CAs and judges them by RFC 5280 §6: several
    /// candidate paths, cross-signed intermediates, name constraints, path lengths, key usages, purposes along the path,
    /// policies, unknown critical extensions. Addresses for CRLs and OCSP are fetched within limits of time and size, and
    /// never inside private networks unless the operator allows it; what cannot be reached is a warning.
    ///
    /// Sends a `POST` request to `/v1/pki/certificates/validate`
    pub async fn validate_certificate<'a>(
        &'a self,
        body: &'a types::ValidateCertificateRequest,
    ) -> Result<ResponseValue<types::Validation>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/certificates/validate", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Read a certificate
    ///
    /// Scope: `pki:read`. A certificate that was issued under a role with `allow_self_renewal` may stand in the place of a token, as the client certificate of the TLS connection, if the service has `tls_client_certificates` on: for itself only, by its id or as `self`.
    ///
    /// Sends a `GET` request to `/v1/pki/certificates/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `cert_…`.
    pub async fn get_certificate<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<types::CertificateDetail>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/certificates/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Change tags, description or endpoints
    ///
    /// Scope: `pki:issue`. `tags` replaces all tags. `auto_renew` and `renewal` are for certificates from ACME servers: a
    /// `renewal` is checked as if the certificate were ordered so now, and moves what is renewed next, and all that comes of
    /// it, to another account or CA, challenge, DNS provider or profile; what is left out stays. `endpoints` replaces all endpoints;
    /// new ones are looked at at once. A certificate that was renewed takes none: they are its renewal's.
    ///
    /// Sends a `PATCH` request to `/v1/pki/certificates/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `cert_…`.
    /// - `if_match`: The `ETag` of the state that is to be changed: `412` when somebody else has changed it since.
    /// - `body`
    pub async fn update_certificate<'a>(
        &'a self,
        id: &'a str,
        if_match: Option<&'a str>,
        body: &'a types::UpdateCertificateRequest,
    ) -> Result<ResponseValue<types::CertificateDetail>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/certificates/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = if_match {
            header_map.append("If-Match", value.to_string().try_into()?);
        }
        let request = self
            .client
            .patch(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Look at the endpoints of a certificate
    ///
    /// Scope: `pki:issue`. A worker connects to each now and shakes hands; the answer comes when all were looked at, after 25 seconds at most, and
    /// what takes longer is shown later (`checked_at`). Without asking, endpoints are looked at every hour
    /// (`endpoints.check_every`), and more often after a renewal. A server is connected to as the egress policy allows it, for
    /// 10 seconds and 256 KiB at most. `409 invalid_state` when the certificate has no endpoints.
    ///
    /// Sends a `POST` request to `/v1/pki/certificates/{id}/check`
    ///
    /// Arguments:
    /// - `id`: Its id: `cert_…`.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    pub async fn check_certificate_endpoints<'a>(
        &'a self,
        id: &'a str,
        idempotency_key: Option<&'a str>,
    ) -> Result<ResponseValue<types::CertificateDetail>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/certificates/{}/check", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Read a certificate's PEM
    ///
    /// Scope: `pki:read`. A certificate that was issued under a role with `allow_self_renewal` may stand in the place of a token, as the client certificate of the TLS connection, if the service has `tls_client_certificates` on: for itself only, by its id or as `self`. Just the PEM, as `application/x-pem-file`.
    ///
    /// Sends a `GET` request to `/v1/pki/certificates/{id}/pem`
    ///
    /// Arguments:
    /// - `id`: Its id: `cert_…`.
    pub async fn get_certificate_pem<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<ByteStream>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/certificates/{}/pem", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self.client.get(url).headers(header_map).build()?;
        let response = self.send_for_stream(request).await?;
        match response.status().as_u16() {
            200u16 => Ok(ResponseValue::stream(response)),
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Retrieve a stored private key
    ///
    /// Scope: `pki:issue`. A key is stored when the role has `store_private_keys`, when the CSR was generated here, or when
    /// it was imported. The bundle is encrypted with AES-256 and PBKDF2, which OpenSSL 3, Java 17 and macOS open. Every
    /// retrieval is in the audit log before the key leaves.
    ///
    /// Sends a `POST` request to `/v1/pki/certificates/{id}/private-key`
    ///
    /// Arguments:
    /// - `id`: Its id: `cert_…`.
    /// - `body`
    pub async fn retrieve_private_key<'a>(
        &'a self,
        id: &'a str,
        body: &'a types::PrivateKeyRequest,
    ) -> Result<ResponseValue<types::PrivateKeyView>, Error<types::ErrorBody>> {
        let url =
            format!("{}/v1/pki/certificates/{}/private-key", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Renew a certificate
    ///
    /// Scope: `pki:issue`. A certificate that was issued under a role with `allow_self_renewal` may stand in the place of a token, as the client certificate of the TLS connection, if the service has `tls_client_certificates` on: for itself only, by its id or as `self`. A new certificate with the same subject, names and role, and a fresh key; `renewed_from` and
    /// `renewed_by` link the two, and tags and description go along. The role's present rules apply: where they no
    /// longer permit a name, `role_violation` says which. A certificate that a person approved (it came over the CSR desk
    /// without a role, or was imported with `ca_id`) is renewed as it was approved, for at most as long, and with
    /// `pki:issue` only for the same public key, in a `csr_pem`. Another key, so also one that the service makes, needs
    /// `pki:admin` (`403`), or is a pending CSR: `202` with it, if its CA has `renewal_of_desk_certificates: desk`. The old one stays valid; it can be renewed once, and after that its renewal can.
    /// Refused for revoked ones and for imported ones that no CA of this service issued. For a certificate from an ACME
    /// server the answer is `202` with the order for its renewal, the one under way if there is one, with its challenges as soon
    /// as the CA has told them and after five seconds at most; it takes a `csr_pem` with the same names and nothing else, and needs one if the order for
    /// the certificate had one and no `reuse_key`.
    ///
    /// A certificate that renews itself gets no longer time than it had. If it was renewed already, the newest of its renewals is renewed, so
    /// that a host that has lost one is not locked out; not if that was revoked.
    ///
    /// Sends a `POST` request to `/v1/pki/certificates/{id}/renew`
    ///
    /// Arguments:
    /// - `id`: Its id: `cert_…`.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn renew_certificate<'a>(
        &'a self,
        id: &'a str,
        idempotency_key: Option<&'a str>,
        body: &'a types::RenewCertificateRequest,
    ) -> Result<ResponseValue<types::RenewalResult>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/certificates/{}/renew", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201u16 => ResponseValue::from_response(response).await,
            202u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List CSRs
    ///
    /// Scope: `pki:read`. Newest first.
    ///
    /// Sends a `GET` request to `/v1/pki/csr`
    pub async fn list_csrs<'a>(
        &'a self,
        query: queries::ListCsrs<'a>,
    ) -> Result<ResponseValue<types::CsrList>, Error<types::ErrorBody>> {
        let queries::ListCsrs { count, cursor, limit, status } = query;
        let url = format!("{}/v1/pki/csr", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("count", &count))
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("limit", &limit))
            .query(&QueryParam::new("status", &status))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Generate a CSR
    ///
    /// Scope: `pki:issue`. The service makes the key; it is sealed and stays in the service, and follows the certificate
    /// once the CSR is signed.
    ///
    /// Sends a `POST` request to `/v1/pki/csr`
    ///
    /// Arguments:
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn create_csr<'a>(
        &'a self,
        idempotency_key: Option<&'a str>,
        body: &'a types::CreateCsrRequest,
    ) -> Result<ResponseValue<types::CsrDetail>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/csr", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Import a CSR
    ///
    /// Scope: `pki:issue`. A CSR that is signed with a weak hash or asks for strange things is taken with `warnings`; one
    /// whose signature is wrong or whose key is weak is `422 csr_invalid`.
    ///
    /// Sends a `POST` request to `/v1/pki/csr/import`
    ///
    /// Arguments:
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn import_csr<'a>(
        &'a self,
        idempotency_key: Option<&'a str>,
        body: &'a types::ImportCsrRequest,
    ) -> Result<ResponseValue<types::CsrDetail>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/csr/import", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Read a CSR
    ///
    /// Scope: `pki:read`. With everything that is in it, for whoever has to decide.
    ///
    /// Sends a `GET` request to `/v1/pki/csr/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `csr_…`.
    pub async fn get_csr<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<types::CsrDetail>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/csr/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Delete a CSR
    ///
    /// Scope: `pki:admin`. In any state. A certificate that came out of it stays, and so does the key that went with it.
    ///
    /// Sends a `DELETE` request to `/v1/pki/csr/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `csr_…`.
    pub async fn delete_csr<'a>(&'a self, id: &'a str) -> Result<ResponseValue<()>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/csr/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .delete(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            204u16 => Ok(ResponseValue::empty(response)),
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Approve a CSR
    ///
    /// Scope: `pki:admin`. Possible from `pending`.
    ///
    /// Sends a `POST` request to `/v1/pki/csr/{id}/approve`
    ///
    /// Arguments:
    /// - `id`: Its id: `csr_…`.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    pub async fn approve_csr<'a>(
        &'a self,
        id: &'a str,
        idempotency_key: Option<&'a str>,
    ) -> Result<ResponseValue<types::CsrDetail>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/csr/{}/approve", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Reject a CSR
    ///
    /// Scope: `pki:admin`. Possible from `pending` and `approved`.
    ///
    /// Sends a `POST` request to `/v1/pki/csr/{id}/reject`
    ///
    /// Arguments:
    /// - `id`: Its id: `csr_…`.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn reject_csr<'a>(
        &'a self,
        id: &'a str,
        idempotency_key: Option<&'a str>,
        body: &'a types::RejectCsrRequest,
    ) -> Result<ResponseValue<types::CsrDetail>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/csr/{}/reject", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Sign an approved CSR
    ///
    /// Scope: `pki:admin`. Possible from `approved`; of two calls at once one signs. Always makes an end-entity
    /// certificate, whatever basic constraints the CSR asks for; an e-mail address in the subject becomes a subject
    /// alternative name (RFC 5280 §4.1.2.6), and so does a common name that is a host name. With `renewal_of`, the
    /// certificate is the renewal of that one, by default with its usages and for as long.
    ///
    /// Sends a `POST` request to `/v1/pki/csr/{id}/sign`
    ///
    /// Arguments:
    /// - `id`: Its id: `csr_…`.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn sign_csr<'a>(
        &'a self,
        id: &'a str,
        idempotency_key: Option<&'a str>,
        body: &'a types::SignApprovedCsrRequest,
    ) -> Result<ResponseValue<types::IssuedCertificate>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/csr/{}/sign", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Look for certificates on servers
    ///
    /// Scope: `pki:admin`. A worker connects to each, 16 at the same time and 10 seconds at most, as the egress policy allows it, and imports what they
    /// show as `POST /v1/pki/certificates/import` does, without keys; such certificates are told of before they end. A certificate
    /// that is here already stays as it is. `GET /v1/pki/discover/{id}` says what was found, for 30 days. `409 invalid_state`
    /// while five of the tenant's are under way.
    ///
    /// Sends a `POST` request to `/v1/pki/discover`
    ///
    /// Arguments:
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn discover_certificates<'a>(
        &'a self,
        idempotency_key: Option<&'a str>,
        body: &'a types::DiscoverRequest,
    ) -> Result<ResponseValue<types::Discovery>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/discover", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            202u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Read what was found on servers
    ///
    /// Scope: `pki:admin`.
    ///
    /// Sends a `GET` request to `/v1/pki/discover/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `disc_…`.
    pub async fn get_discovery<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<types::Discovery>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/discover/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List DNS providers
    ///
    /// Scope: `pki:read`. Newest first.
    ///
    /// Sends a `GET` request to `/v1/pki/dns-providers`
    pub async fn list_dns_providers<'a>(
        &'a self,
        query: queries::ListDnsProviders<'a>,
    ) -> Result<ResponseValue<types::DnsProviderList>, Error<types::ErrorBody>> {
        let queries::ListDnsProviders { count, cursor, limit } = query;
        let url = format!("{}/v1/pki/dns-providers", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("count", &count))
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("limit", &limit))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Add a DNS provider
    ///
    /// Scope: `pki:admin`. Credentials that do not work are `400 invalid_config` with the provider's own words, and nothing
    /// is stored.
    ///
    /// Sends a `POST` request to `/v1/pki/dns-providers`
    ///
    /// Arguments:
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn create_dns_provider<'a>(
        &'a self,
        idempotency_key: Option<&'a str>,
        body: &'a types::CreateDnsProviderRequest,
    ) -> Result<ResponseValue<types::DnsProvider>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/dns-providers", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List the types of DNS providers
    ///
    /// Scope: `pki:read`. Each with the fields of its configuration: what a form needs, and what `config` is checked by.
    ///
    /// Sends a `GET` request to `/v1/pki/dns-providers/types`
    pub async fn list_dns_provider_types<'a>(
        &'a self,
    ) -> Result<ResponseValue<types::DnsProviderTypeList>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/dns-providers/types", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Read a DNS provider
    ///
    /// Scope: `pki:read`.
    ///
    /// Sends a `GET` request to `/v1/pki/dns-providers/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `dnsp_…`.
    pub async fn get_dns_provider<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<types::DnsProvider>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/dns-providers/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Remove a DNS provider
    ///
    /// Scope: `pki:admin`. `409 in_use` while an open order needs it, or a record is still to be removed.
    ///
    /// Sends a `DELETE` request to `/v1/pki/dns-providers/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `dnsp_…`.
    /// - `if_match`: The `ETag` of the state that is to be changed: `412` when somebody else has changed it since.
    pub async fn delete_dns_provider<'a>(
        &'a self,
        id: &'a str,
        if_match: Option<&'a str>,
    ) -> Result<ResponseValue<()>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/dns-providers/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = if_match {
            header_map.append("If-Match", value.to_string().try_into()?);
        }
        let request = self
            .client
            .delete(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            204u16 => Ok(ResponseValue::empty(response)),
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Change a DNS provider
    ///
    /// Scope: `pki:admin`. Credentials that are absent, or sent as `***`, stay.
    ///
    /// Sends a `PATCH` request to `/v1/pki/dns-providers/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `dnsp_…`.
    /// - `if_match`: The `ETag` of the state that is to be changed: `412` when somebody else has changed it since.
    /// - `body`
    pub async fn update_dns_provider<'a>(
        &'a self,
        id: &'a str,
        if_match: Option<&'a str>,
        body: &'a types::UpdateDnsProviderRequest,
    ) -> Result<ResponseValue<types::DnsProvider>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/dns-providers/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = if_match {
            header_map.append("If-Match", value.to_string().try_into()?);
        }
        let request = self
            .client
            .patch(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Try a DNS provider
    ///
    /// Scope: `pki:admin`. Publishes a random TXT value at `_certmill-test.<zone>`, waits until every name server of the zone has
    /// it, at most a minute, and removes it. Answers each step with its time; a step that failed says why. At a provider of the
    /// type `acme_dns` the value goes to its one name.
    ///
    /// Sends a `POST` request to `/v1/pki/dns-providers/{id}/test`
    ///
    /// Arguments:
    /// - `id`: Its id: `dnsp_…`.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn test_dns_provider<'a>(
        &'a self,
        id: &'a str,
        idempotency_key: Option<&'a str>,
        body: &'a types::TestDnsProviderRequest,
    ) -> Result<ResponseValue<types::DnsProviderTest>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/dns-providers/{}/test", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Issue a certificate with a new key
    ///
    /// Scope: `pki:issue`.
    ///
    /// Sends a `POST` request to `/v1/pki/issue/{role}`
    ///
    /// Arguments:
    /// - `role`: The name of the role.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn issue_certificate<'a>(
        &'a self,
        role: &'a str,
        idempotency_key: Option<&'a str>,
        body: &'a types::IssueCertificateRequest,
    ) -> Result<ResponseValue<types::IssuedCertificate>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/issue/{}", self.baseurl, encode_path(&role.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Issue many certificates with new keys
    ///
    /// Scope: `pki:issue`. Each request is carried out for itself: `200` says what became of each, those that were refused
    /// included, and what was issued stays issued. When the service cannot work, the rest is not tried. Under a rate limit each counts as a call of issue. There is no
    /// `Idempotency-Key`: after a call without an answer, look for its certificates before it is repeated.
    ///
    /// Sends a `POST` request to `/v1/pki/issue/{role}/batch`
    ///
    /// Arguments:
    /// - `role`: The name of the role.
    /// - `body`
    pub async fn issue_certificates<'a>(
        &'a self,
        role: &'a str,
        body: &'a types::IssueBatchRequest,
    ) -> Result<ResponseValue<types::IssueBatchResult>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/issue/{}/batch", self.baseurl, encode_path(&role.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// See what there is and what needs a person
    ///
    /// Scope: `pki:read`. Everything of the tenant in numbers. What is counted here agrees with the lists: `expiring_7d` are
    /// those that `GET /v1/pki/certificates?expiring_within=7d` finds, without those that were renewed.
    ///
    /// Sends a `GET` request to `/v1/pki/overview`
    pub async fn get_overview<'a>(
        &'a self,
    ) -> Result<ResponseValue<types::Overview>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/overview", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Revoke a certificate
    ///
    /// Scope: `pki:admin`. Repeating the call answers the first revocation; another reason that cannot follow the one that
    /// stands is `409 invalid_state`. With `revoke_at` a worker does it then, unless `cancel_scheduled` comes before. A certificate from an ACME server is revoked there
    /// during the call: in the name of its account, or with its own key when the account cannot be used or the reason is
    /// keyCompromise; `502 upstream_error` when the server does not do it, and then nothing changes here.
    ///
    /// Sends a `POST` request to `/v1/pki/revoke`
    ///
    /// Arguments:
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn revoke_certificate<'a>(
        &'a self,
        idempotency_key: Option<&'a str>,
        body: &'a types::RevokeCertificateRequest,
    ) -> Result<ResponseValue<types::RevokedCertificate>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/revoke", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List roles
    ///
    /// Scope: `pki:read`. Newest first.
    ///
    /// Sends a `GET` request to `/v1/pki/roles`
    pub async fn list_roles<'a>(
        &'a self,
        query: queries::ListRoles<'a>,
    ) -> Result<ResponseValue<types::RoleList>, Error<types::ErrorBody>> {
        let queries::ListRoles { count, cursor, limit } = query;
        let url = format!("{}/v1/pki/roles", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("count", &count))
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("limit", &limit))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Create a role
    ///
    /// Scope: `pki:admin`. Defaults are Vault's where Vault has the setting.
    ///
    /// Sends a `POST` request to `/v1/pki/roles`
    ///
    /// Arguments:
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn create_role<'a>(
        &'a self,
        idempotency_key: Option<&'a str>,
        body: &'a types::CreateRoleRequest,
    ) -> Result<ResponseValue<types::Role>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/roles", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Read a role
    ///
    /// Scope: `pki:read`.
    ///
    /// Sends a `GET` request to `/v1/pki/roles/{name}`
    ///
    /// Arguments:
    /// - `name`: Its name.
    pub async fn get_role<'a>(
        &'a self,
        name: &'a str,
    ) -> Result<ResponseValue<types::Role>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/roles/{}", self.baseurl, encode_path(&name.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Delete a role
    ///
    /// Scope: `pki:admin`. Its certificates stay; nothing more is issued under it.
    ///
    /// Sends a `DELETE` request to `/v1/pki/roles/{name}`
    ///
    /// Arguments:
    /// - `name`: Its name.
    /// - `if_match`: The `ETag` of the state that is to be changed: `412` when somebody else has changed it since.
    pub async fn delete_role<'a>(
        &'a self,
        name: &'a str,
        if_match: Option<&'a str>,
    ) -> Result<ResponseValue<()>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/roles/{}", self.baseurl, encode_path(&name.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = if_match {
            header_map.append("If-Match", value.to_string().try_into()?);
        }
        let request = self
            .client
            .delete(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            204u16 => Ok(ResponseValue::empty(response)),
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Change a role
    ///
    /// Scope: `pki:admin`. Certificates that were issued under the role stay as they are.
    ///
    /// Sends a `PATCH` request to `/v1/pki/roles/{name}`
    ///
    /// Arguments:
    /// - `name`: Its name.
    /// - `if_match`: The `ETag` of the state that is to be changed: `412` when somebody else has changed it since.
    /// - `body`
    pub async fn update_role<'a>(
        &'a self,
        name: &'a str,
        if_match: Option<&'a str>,
        body: &'a types::UpdateRoleRequest,
    ) -> Result<ResponseValue<types::Role>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/roles/{}", self.baseurl, encode_path(&name.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = if_match {
            header_map.append("If-Match", value.to_string().try_into()?);
        }
        let request = self
            .client
            .patch(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Explain what a role says about a request
    ///
    /// Scope: `pki:read`. Nothing is issued. A CSR that cannot be read at all is `422 csr_invalid`, as for sign.
    ///
    /// Sends a `POST` request to `/v1/pki/roles/{name}/check`
    ///
    /// Arguments:
    /// - `name`: Its name.
    /// - `body`
    pub async fn check_role<'a>(
        &'a self,
        name: &'a str,
        body: &'a types::CheckRoleRequest,
    ) -> Result<ResponseValue<types::RoleCheck>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/roles/{}/check", self.baseurl, encode_path(&name.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Sign a CSR
    ///
    /// Scope: `pki:issue`. No approval step.
    ///
    /// Sends a `POST` request to `/v1/pki/sign/{role}`
    ///
    /// Arguments:
    /// - `role`: The name of the role.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn sign_certificate<'a>(
        &'a self,
        role: &'a str,
        idempotency_key: Option<&'a str>,
        body: &'a types::SignCsrRequest,
    ) -> Result<ResponseValue<types::IssuedCertificate>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/sign/{}", self.baseurl, encode_path(&role.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List trust anchors
    ///
    /// Scope: `pki:read`. Newest first.
    ///
    /// Sends a `GET` request to `/v1/pki/trust-anchors`
    pub async fn list_trust_anchors<'a>(
        &'a self,
        query: queries::ListTrustAnchors<'a>,
    ) -> Result<ResponseValue<types::TrustAnchorList>, Error<types::ErrorBody>> {
        let queries::ListTrustAnchors { count, cursor, limit } = query;
        let url = format!("{}/v1/pki/trust-anchors", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("count", &count))
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("limit", &limit))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Add a trust anchor
    ///
    /// Scope: `pki:admin`. The same certificate twice is `409 already_exists`, which names the first one.
    ///
    /// Sends a `POST` request to `/v1/pki/trust-anchors`
    ///
    /// Arguments:
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn create_trust_anchor<'a>(
        &'a self,
        idempotency_key: Option<&'a str>,
        body: &'a types::CreateTrustAnchorRequest,
    ) -> Result<ResponseValue<types::TrustAnchor>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/trust-anchors", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Read a trust anchor
    ///
    /// Scope: `pki:read`.
    ///
    /// Sends a `GET` request to `/v1/pki/trust-anchors/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `ta_…`.
    pub async fn get_trust_anchor<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<types::TrustAnchor>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/trust-anchors/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Remove a trust anchor
    ///
    /// Scope: `pki:admin`. Validations that run go on with it; later ones do not know it.
    ///
    /// Sends a `DELETE` request to `/v1/pki/trust-anchors/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `ta_…`.
    pub async fn delete_trust_anchor<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<()>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/pki/trust-anchors/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .delete(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            204u16 => Ok(ResponseValue::empty(response)),
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List secrets
    ///
    /// Scope: `pki:admin`. By path, without data; those whose paths begin with `prefix`.
    ///
    /// Sends a `GET` request to `/v1/secrets`
    pub async fn list_secrets<'a>(
        &'a self,
        query: queries::ListSecrets<'a>,
    ) -> Result<ResponseValue<types::SecretList>, Error<types::ErrorBody>> {
        let queries::ListSecrets { count, cursor, limit, prefix } = query;
        let url = format!("{}/v1/secrets", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("count", &count))
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("limit", &limit))
            .query(&QueryParam::new("prefix", &prefix))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Read a secret
    ///
    /// Scope: `pki:admin`. With its data, which the audit log notes; the newest version unless `version` names another one.
    ///
    /// Sends a `GET` request to `/v1/secrets/{path}`
    ///
    /// Arguments:
    /// - `path`: Where it is kept.
    /// - `version`: The number of the version.
    pub async fn read_secret<'a>(
        &'a self,
        path: &'a str,
        version: Option<i64>,
    ) -> Result<ResponseValue<types::Secret>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/secrets/{}", self.baseurl, encode_path(&path.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("version", &version))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Write a secret
    ///
    /// Scope: `pki:admin`. `path` has up to 10 levels of `a-z`, `0-9`, `-` and `_`, with `/` between them (as it is, or escaped
    /// as `%2F`), at most 512 characters. Each call makes a new version; the last 10 are kept. What refers to the path uses the
    /// newest one from then on. The data is not answered.
    ///
    /// Sends a `PUT` request to `/v1/secrets/{path}`
    ///
    /// Arguments:
    /// - `path`: Where it is kept.
    /// - `body`
    pub async fn write_secret<'a>(
        &'a self,
        path: &'a str,
        body: &'a types::PutSecretRequest,
    ) -> Result<ResponseValue<types::SecretInfo>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/secrets/{}", self.baseurl, encode_path(&path.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .put(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            201u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Delete a secret
    ///
    /// Scope: `pki:admin`. With all its versions. `409 in_use` while a DNS provider refers to it.
    ///
    /// Sends a `DELETE` request to `/v1/secrets/{path}`
    ///
    /// Arguments:
    /// - `path`: Where it is kept.
    pub async fn delete_secret<'a>(
        &'a self,
        path: &'a str,
    ) -> Result<ResponseValue<()>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/secrets/{}", self.baseurl, encode_path(&path.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .delete(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            204u16 => Ok(ResponseValue::empty(response)),
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List tokens
    ///
    /// Scope: `pki:admin`. Newest first, revoked ones included.
    ///
    /// Sends a `GET` request to `/v1/tokens`
    pub async fn list_tokens<'a>(
        &'a self,
        query: queries::ListTokens<'a>,
    ) -> Result<ResponseValue<types::TokenList>, Error<types::ErrorBody>> {
        let queries::ListTokens { count, cursor, limit } = query;
        let url = format!("{}/v1/tokens", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("count", &count))
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("limit", &limit))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Create a token
    ///
    /// Scope: `pki:admin`. The secret is in this answer only; the service keeps its hash. The token cannot be wider than the
    /// one that makes it: within its networks, if it has a list of them.
    ///
    /// Sends a `POST` request to `/v1/tokens`
    ///
    /// Arguments:
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn create_token<'a>(
        &'a self,
        idempotency_key: Option<&'a str>,
        body: &'a types::CreateTokenRequest,
    ) -> Result<ResponseValue<types::CreatedToken>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/tokens", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Read a token
    ///
    /// Scope: `pki:admin`. Never shows the secret.
    ///
    /// Sends a `GET` request to `/v1/tokens/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `tok_…`.
    pub async fn get_token<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<types::Token>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/tokens/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Revoke a token
    ///
    /// Scope: `pki:admin`. Takes effect at once in this process and within a second in the others.
    ///
    /// Sends a `DELETE` request to `/v1/tokens/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `tok_…`.
    pub async fn revoke_token<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<()>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/tokens/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .delete(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            204u16 => Ok(ResponseValue::empty(response)),
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Name and version
    ///
    /// The version is that of the binary, as `certmill --version` prints it.
    ///
    /// Sends a `GET` request to `/v1/version`
    pub async fn get_version<'a>(&'a self) -> Result<ResponseValue<types::Version>, Error<()>> {
        let url = format!("{}/v1/version", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List webhooks
    ///
    /// Scope: `pki:admin`. The URLs of many receivers are secrets. Newest first.
    ///
    /// Sends a `GET` request to `/v1/webhooks`
    pub async fn list_webhooks<'a>(
        &'a self,
        query: queries::ListWebhooks<'a>,
    ) -> Result<ResponseValue<types::WebhookList>, Error<types::ErrorBody>> {
        let queries::ListWebhooks { count, cursor, limit } = query;
        let url = format!("{}/v1/webhooks", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("count", &count))
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("limit", &limit))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Make a webhook
    ///
    /// Scope: `pki:admin`. It is told what happens from now on, at least once, and what happens to one object in its order. Each
    /// event is a `POST` with `X-Certmill-Event-Id` (the same whenever it is sent), `X-Certmill-Event-Type`,
    /// `X-Certmill-Timestamp` (Unix seconds) and `X-Certmill-Signature`: `sha256=` and the HMAC-SHA256 in hex, by the secret, of the
    /// timestamp, a dot and the body; where secrets change several with `, ` between them, of which one must fit.
    ///
    /// A status of 200 to 299 within ten seconds is a delivery; redirects are not followed. Else it is sent again after 10 s, 1 min,
    /// 5 min, 15 min, 1 h, 3 h, 6 h, 12 h and 24 h, and then given up with the event `webhook.delivery_failed`; what happens to other
    /// objects goes on meanwhile. `410` switches the webhook off (`webhook.disabled`). A tenant has 50 webhooks at most.
    ///
    /// Sends a `POST` request to `/v1/webhooks`
    ///
    /// Arguments:
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    /// - `body`
    pub async fn create_webhook<'a>(
        &'a self,
        idempotency_key: Option<&'a str>,
        body: &'a types::CreateWebhookRequest,
    ) -> Result<ResponseValue<types::WebhookWithSecret>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/webhooks", self.baseurl,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Read a webhook
    ///
    /// Scope: `pki:admin`.
    ///
    /// Sends a `GET` request to `/v1/webhooks/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `whk_…`.
    pub async fn get_webhook<'a>(
        &'a self,
        id: &'a str,
    ) -> Result<ResponseValue<types::Webhook>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/webhooks/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Remove a webhook
    ///
    /// Scope: `pki:admin`. What waits for it is not sent any more.
    ///
    /// Sends a `DELETE` request to `/v1/webhooks/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `whk_…`.
    /// - `if_match`: The `ETag` of the state that is to be changed: `412` when somebody else has changed it since.
    pub async fn delete_webhook<'a>(
        &'a self,
        id: &'a str,
        if_match: Option<&'a str>,
    ) -> Result<ResponseValue<()>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/webhooks/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = if_match {
            header_map.append("If-Match", value.to_string().try_into()?);
        }
        let request = self
            .client
            .delete(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            204u16 => Ok(ResponseValue::empty(response)),
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Change a webhook
    ///
    /// Scope: `pki:admin`. With `rotate_secret` another secret is made and answered this once.
    ///
    /// Sends a `PATCH` request to `/v1/webhooks/{id}`
    ///
    /// Arguments:
    /// - `id`: Its id: `whk_…`.
    /// - `if_match`: The `ETag` of the state that is to be changed: `412` when somebody else has changed it since.
    /// - `body`
    pub async fn update_webhook<'a>(
        &'a self,
        id: &'a str,
        if_match: Option<&'a str>,
        body: &'a types::UpdateWebhookRequest,
    ) -> Result<ResponseValue<types::WebhookWithSecret>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/webhooks/{}", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = if_match {
            header_map.append("If-Match", value.to_string().try_into()?);
        }
        let request = self
            .client
            .patch(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .json(&body)
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// List the deliveries of a webhook
    ///
    /// Scope: `pki:admin`. Newest event first. What is delivered or given up can be seen for seven days.
    ///
    /// Sends a `GET` request to `/v1/webhooks/{id}/deliveries`
    ///
    /// Arguments:
    /// - `id`: Its id: `whk_…`.
    pub async fn list_webhook_deliveries<'a>(
        &'a self,
        id: &'a str,
        query: queries::ListWebhookDeliveries<'a>,
    ) -> Result<ResponseValue<types::WebhookDeliveryList>, Error<types::ErrorBody>> {
        let queries::ListWebhookDeliveries { count, cursor, limit, state } = query;
        let url = format!("{}/v1/webhooks/{}/deliveries", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        let request = self
            .client
            .get(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .query(&QueryParam::new("count", &count))
            .query(&QueryParam::new("cursor", &cursor))
            .query(&QueryParam::new("limit", &limit))
            .query(&QueryParam::new("state", &state))
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Have an event delivered once more
    ///
    /// Scope: `pki:admin`. Within a second or two, with the same event id and all its attempts, whether it was given up, delivered or
    /// waits. It may then come after later events about the same object. `409 invalid_state` while the webhook is not active.
    ///
    /// Sends a `POST` request to `/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver`
    ///
    /// Arguments:
    /// - `id`: Its id: `whk_…`.
    /// - `delivery_id`: The id of the delivery.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    pub async fn redeliver_event<'a>(
        &'a self,
        id: &'a str,
        delivery_id: &'a str,
        idempotency_key: Option<&'a str>,
    ) -> Result<ResponseValue<types::WebhookDelivery>, Error<types::ErrorBody>> {
        let url = format!(
            "{}/v1/webhooks/{}/deliveries/{}/redeliver",
            self.baseurl,
            encode_path(&id.to_string())?,
            encode_path(&delivery_id.to_string())?,
        );
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
    /// Try a webhook
    ///
    /// Scope: `pki:admin`. Sends an event of the type `webhook.test`, signed like any other, once and at once, whether the webhook is
    /// active or not, and answers what the receiver made of it.
    ///
    /// Sends a `POST` request to `/v1/webhooks/{id}/test`
    ///
    /// Arguments:
    /// - `id`: Its id: `whk_…`.
    /// - `idempotency_key`: Makes the call repeatable for 24 hours: the same key and body get the first answer again.
    pub async fn test_webhook<'a>(
        &'a self,
        id: &'a str,
        idempotency_key: Option<&'a str>,
    ) -> Result<ResponseValue<types::WebhookTest>, Error<types::ErrorBody>> {
        let url = format!("{}/v1/webhooks/{}/test", self.baseurl, encode_path(&id.to_string())?,);
        let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
        header_map.append(
            ::reqwest::header::HeaderName::from_static("api-version"),
            ::reqwest::header::HeaderValue::from_static(Self::api_version()),
        );
        if let Some(value) = idempotency_key {
            header_map.append("Idempotency-Key", value.to_string().try_into()?);
        }
        let request = self
            .client
            .post(url)
            .header(
                ::reqwest::header::ACCEPT,
                ::reqwest::header::HeaderValue::from_static("application/json"),
            )
            .headers(header_map)
            .build()?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200u16 => ResponseValue::from_response(response).await,
            400u16..=499u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            500u16..=599u16 => Err(Error::ErrorResponse(ResponseValue::from_response(response).await?)),
            _ => Err(Error::UnexpectedStatus(response.status())),
        }
    }
}
/// Items consumers will typically use such as the Client.
pub mod prelude {
    #[allow(unused_imports)]
    pub use super::Client;
}
/// What calls may be narrowed by. Everything is optional: name what matters, and take the rest from `Default`.
pub mod queries {
    use super::types;
    /// Of [`Client::list_audit_logs`](super::Client::list_audit_logs).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListAuditLogs<'a> {
        /// This action, such as `certificate.issue`.
        pub action: Option<&'a types::Action>,
        /// Whether the answer says how many rows all pages have.
        pub count: Option<bool>,
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// At this time or later (RFC 3339).
        pub from: Option<&'a crate::Timestamp>,
        /// This identity: the id of a token, that of a certificate in the place of one, `operator` or `service`.
        pub identity: Option<&'a str>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
        /// This object, by its id.
        pub object: Option<&'a str>,
        /// This request.
        pub request_id: Option<&'a str>,
        /// `true` for what was done, `false` for what was refused.
        pub success: Option<bool>,
        /// Before this time (RFC 3339).
        pub to: Option<&'a crate::Timestamp>,
    }
    /// Of [`Client::list_events`](super::Client::list_events).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListEvents<'a> {
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// At this time or later (RFC 3339).
        pub from: Option<&'a crate::Timestamp>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
        /// About this object, by its id.
        pub object: Option<&'a str>,
        /// `timestamp` (default) for the oldest first, `-timestamp` for the newest first.
        pub sort: Option<&'a types::EventOrder>,
        /// Before this time (RFC 3339).
        pub to: Option<&'a crate::Timestamp>,
        /// Of these types, divided by commas; `certificate.*` for all about certificates.
        pub type_: Option<&'a str>,
        /// How long to wait when there is none yet.
        pub wait: Option<&'a str>,
        /// Where a stream goes on, as `cursor`.
        pub last_event_id: Option<&'a str>,
    }
    /// Of [`Client::list_jobs`](super::Client::list_jobs).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListJobs<'a> {
        /// Whether the answer says how many rows all pages have.
        pub count: Option<bool>,
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// Of this kind, such as `advance_order`.
        pub kind: Option<&'a types::JobKind>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
        /// In this state: `pending`, `running`, `done` or `dead`.
        pub state: Option<&'a types::JobState>,
        /// About the object of this id.
        pub subject: Option<&'a str>,
    }
    /// Of [`Client::list_acme_accounts`](super::Client::list_acme_accounts).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListAcmeAccounts<'a> {
        /// Whether the answer says how many rows all pages have.
        pub count: Option<bool>,
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
    }
    /// Of [`Client::list_acme_orders`](super::Client::list_acme_orders).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListAcmeOrders<'a> {
        /// Of this account.
        pub account_id: Option<&'a str>,
        /// Whether the answer says how many rows all pages have.
        pub count: Option<bool>,
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
        /// `pending`, `ready`, `processing`, `valid` or `invalid`.
        pub status: Option<&'a types::OrderStatus>,
    }
    /// Of [`Client::list_blocked_keys`](super::Client::list_blocked_keys).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListBlockedKeys<'a> {
        /// Whether the answer says how many rows all pages have.
        pub count: Option<bool>,
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
    }
    /// Of [`Client::list_cas`](super::Client::list_cas).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListCas<'a> {
        /// Whether the answer says how many rows all pages have.
        pub count: Option<bool>,
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
    }
    /// Of [`Client::get_crl`](super::Client::get_crl).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct GetCrl<'a> {
        /// Whether the delta CRL is wanted. Default false.
        pub delta: Option<bool>,
        /// The number of a shard; the full CRL when absent or 0.
        pub shard: Option<i64>,
        /// The `ETag` of the answer that the client has: `304` when it is the present one.
        pub if_none_match: Option<&'a str>,
        /// The `ETag` that the part must be of; everything is answered when it is of another.
        pub if_range: Option<&'a str>,
        /// The part that is wanted, such as `bytes=1000-`.
        pub range: Option<&'a str>,
    }
    /// Of [`Client::list_crl_shards`](super::Client::list_crl_shards).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListCrlShards<'a> {
        /// Whether the answer says how many rows all pages have.
        pub count: Option<bool>,
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
    }
    /// Of [`Client::list_certificates`](super::Client::list_certificates).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListCertificates<'a> {
        /// Issued by this CA.
        pub ca_id: Option<&'a str>,
        /// Common name contains this text, whatever its case. Without three letters or digits in a row it has no index to begin at.
        pub common_name: Option<&'a str>,
        /// Whether the answer says how many rows all pages have.
        pub count: Option<bool>,
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// Ending within this duration from now, and not ended yet.
        pub expiring_within: Option<&'a str>,
        /// Has this fingerprint (SHA-256 in hex).
        pub fingerprint_sha256: Option<&'a str>,
        /// Revoked ones too.
        pub include_revoked: Option<bool>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
        /// Issued under the role of this name.
        pub role: Option<&'a str>,
        /// Has this subject alternative name; `*.example.com` finds every name below the domain.
        pub san: Option<&'a str>,
        /// Has this serial number.
        pub serial_number: Option<&'a str>,
        /// `created_at` (default) or `not_after`.
        pub sort: Option<&'a types::CertificateSort>,
        /// `issued`, `signed`, `csr`, `acme`, `imported` or `renewed`.
        pub source: Option<&'a types::CertificateSource>,
        /// `active`, `expired` or `revoked`.
        pub status: Option<&'a types::CertificateStatus>,
        /// Carries this tag: `key:value` or `key=value`; what stands before the first of these signs is the key.
        pub tag: Option<&'a str>,
    }
    /// Of [`Client::list_csrs`](super::Client::list_csrs).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListCsrs<'a> {
        /// Whether the answer says how many rows all pages have.
        pub count: Option<bool>,
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
        /// `pending`, `approved`, `rejected` or `signed`.
        pub status: Option<&'a types::CsrStatus>,
    }
    /// Of [`Client::list_dns_providers`](super::Client::list_dns_providers).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListDnsProviders<'a> {
        /// Whether the answer says how many rows all pages have.
        pub count: Option<bool>,
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
    }
    /// Of [`Client::list_roles`](super::Client::list_roles).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListRoles<'a> {
        /// Whether the answer says how many rows all pages have.
        pub count: Option<bool>,
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
    }
    /// Of [`Client::list_trust_anchors`](super::Client::list_trust_anchors).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListTrustAnchors<'a> {
        /// Whether the answer says how many rows all pages have.
        pub count: Option<bool>,
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
    }
    /// Of [`Client::list_secrets`](super::Client::list_secrets).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListSecrets<'a> {
        /// Whether the answer says how many rows all pages have.
        pub count: Option<bool>,
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
        /// Those whose paths begin with this.
        pub prefix: Option<&'a str>,
    }
    /// Of [`Client::list_tokens`](super::Client::list_tokens).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListTokens<'a> {
        /// Whether the answer says how many rows all pages have.
        pub count: Option<bool>,
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
    }
    /// Of [`Client::list_webhooks`](super::Client::list_webhooks).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListWebhooks<'a> {
        /// Whether the answer says how many rows all pages have.
        pub count: Option<bool>,
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
    }
    /// Of [`Client::list_webhook_deliveries`](super::Client::list_webhook_deliveries).
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ListWebhookDeliveries<'a> {
        /// Whether the answer says how many rows all pages have.
        pub count: Option<bool>,
        /// The `cursor` of the page before; the first page when absent.
        pub cursor: Option<&'a str>,
        /// Rows of a page at most. Large rows may end one earlier.
        pub limit: Option<i64>,
        /// In this state: `waiting`, `delivered` or `failed`.
        pub state: Option<&'a types::DeliveryState>,
    }
}
