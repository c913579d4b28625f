use certmill_acme::Problem;
use certmill_domain::{
    AcmeChallengeId, AcmeOrderId, Added, ChallengeAnswer, ChallengeProgress, ChallengeType, DnsProviderId,
    Exposure, OrderState, SystemEntropy, TxtAnswer, TxtRecord,
};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn at_ca() -> OrderAtCa {
    OrderAtCa { url: "https://ca.test/order/1".to_owned(), finalize_url: None, expires_at: None }
}

fn order(status: OrderStatus) -> Order {
    Order {
        url: at_ca().url,
        status,
        expires: None,
        finalize: None,
        certificate: None,
        error: None,
        retry_after: None,
    }
}

fn with_certificate(status: OrderStatus) -> Order {
    Order { certificate: Some("https://ca.test/cert/1".to_owned()), ..order(status) }
}

fn after(status: OrderStatus, seconds: u64) -> Order {
    Order { retry_after: Some(Duration::from_secs(seconds)), ..order(status) }
}

/// A challenge that is so far.
pub(in super::super) fn challenge(progress: ChallengeProgress) -> AcmeChallenge {
    let now = Timestamp::from_unix_seconds(0);
    AcmeChallenge {
        id: AcmeChallengeId::generate(now, &SystemEntropy),
        order_id: AcmeOrderId::generate(now, &SystemEntropy),
        authorization_url: String::new(),
        url: String::new(),
        identifier: "www.example.org".to_owned(),
        wildcard: false,
        kind: ChallengeType::Http01.into(),
        token: String::new(),
        key_authorization: String::new(),
        progress,
        failures: 0,
        forced: false,
        note: None,
        dns_servers: Vec::new(),
        attempts: 0,
        next_attempt_at: None,
        deadline_at: now,
        created_at: now,
        updated_at: now,
    }
}

/// What the responders answer, or have answered.
pub(in super::super) fn at_responders(is_removed: bool) -> ChallengeAnswer {
    ChallengeAnswer::AtResponders { since: Timestamp::from_unix_seconds(0), is_removed }
}

/// A TXT value that was added at 0.
pub(in super::super) fn txt(exposure: Exposure) -> TxtAnswer {
    let now = Timestamp::from_unix_seconds(0);
    let record = TxtRecord {
        name: "_acme-challenge.www.example.org".to_owned(),
        value: "value".to_owned(),
        provider: DnsProviderId::generate(now, &SystemEntropy),
        zone: "{}".to_owned(),
    };
    TxtAnswer { record, exposure, added: Some(Added { since: now, times: 1 }) }
}

/// What a challenge is at that has come to nothing before anything was published.
pub(in super::super) fn failed(code: &str) -> ChallengeProgress {
    ChallengeProgress::Waiting.failed(Failure::new(code, code))
}

#[test]
fn an_order_that_was_placed_knows_what_the_ca_calls_it() {
    let made = Order {
        expires: Some(7),
        finalize: Some("https://ca.test/f/1".to_owned()),
        ..order(OrderStatus::Pending)
    };
    let OrderProgress::Authorizing(at_ca) = placed(made) else {
        panic!("an order that was placed is authorizing")
    };
    assert_eq!(at_ca.url, "https://ca.test/order/1");
    assert_eq!(at_ca.finalize_url.as_deref(), Some("https://ca.test/f/1"));
    assert_eq!(at_ca.expires_at, Some(Timestamp::from_unix_seconds(7)));
}

fn open() -> AcmeChallenge {
    challenge(ChallengeProgress::Submitted { answer: at_responders(false), told: None })
}

#[test]
fn proofs_are_complete_when_no_challenge_is_open() {
    let valid = || challenge(open().progress.validated(Timestamp::from_unix_seconds(0)));
    assert_eq!(proofs(&[]), Proofs::Complete);
    assert_eq!(proofs(&[valid(), valid()]), Proofs::Complete);
    assert_eq!(proofs(&[valid(), open()]), Proofs::Open);
}

#[test]
fn a_proof_that_failed_counts_for_more_than_one_that_was_lost() {
    let lost = |progress: ChallengeProgress, exposure| {
        challenge(progress.failed(Failure::new(AUTHORIZATION_GONE, "gone")).exposed(exposure))
    };
    let answered = |exposure| lost(open().progress, exposure);
    let refused = challenge(failed("validation_failed"));
    let Proofs::Refused(failure) = proofs(&[answered(Exposure::Removed), open(), refused]) else {
        panic!("a refusal ends the order")
    };
    assert_eq!(failure.code, "validation_failed");
    for (others, settled) in [
        (vec![answered(Exposure::Removed)], true),
        (vec![lost(ChallengeProgress::Waiting, Exposure::None)], true),
        (vec![answered(Exposure::Present)], false),
        (vec![answered(Exposure::Removed), open()], false),
    ] {
        assert!(matches!(proofs(&others), Proofs::Lost { is_settled, .. } if is_settled == settled));
    }
}

#[test]
fn a_csr_that_the_ca_has_is_waited_for_or_fetched() {
    let issuing = |order: &Order| match sent(&at_ca(), b"csr", order) {
        Step::Issuing(progress, wait) => (progress, wait),
        other => panic!("{other:?}"),
    };
    let (progress, wait) = issuing(&with_certificate(OrderStatus::Valid));
    assert_eq!(progress.state(), OrderState::Issuing);
    assert_eq!(wait, Wait::No);
    let OrderProgress::Issuing { csr, certificate_url, .. } = progress else { panic!("{progress:?}") };
    assert_eq!((csr.as_slice(), certificate_url.is_some()), (b"csr".as_slice(), true));
    for (answer, expected) in [
        (order(OrderStatus::Processing), SECOND),
        // Valid without a certificate is said too early.
        (order(OrderStatus::Valid), SECOND),
        (after(OrderStatus::Processing, 0), SECOND),
        (after(OrderStatus::Processing, 30), SECOND * 30),
        (after(OrderStatus::Processing, 86_400), LONGEST_WAIT),
    ] {
        assert_eq!(issuing(&answer).1, Wait::Told(expected), "{answer:?}");
    }
}

#[test]
fn a_csr_that_the_ca_does_not_take_yet_is_sent_again() {
    for status in [OrderStatus::Pending, OrderStatus::Ready] {
        for (answer, expected) in [
            (order(status), Wait::Growing(SHORTEST_WAIT, LONGEST_UNTIL_READY)),
            (after(status, 5), Wait::Told(SECOND * 5)),
            (after(status, 86_400), Wait::Told(LONGEST_UNTIL_READY)),
        ] {
            let Step::SendAgain(failure, wait) = sent(&at_ca(), b"csr", &answer) else {
                panic!("{answer:?}")
            };
            assert_eq!((failure.code.as_str(), wait), (CA_PENDING, expected));
        }
    }
}

#[test]
fn an_order_that_the_ca_has_closed_fails_with_its_reason() {
    let problem = Problem { kind: "badCSR".to_owned(), detail: "weak key".to_owned(), ..Problem::default() };
    let closed = Order { error: Some(problem), ..order(OrderStatus::Invalid) };
    let Step::Fail(failure) = sent(&at_ca(), b"csr", &closed) else { panic!("{closed:?}") };
    assert_eq!(failure.code, "refused_by_ca");
    assert!(failure.message.contains("weak key") && failure.upstream.is_some());
    let Look::Fail(failure) = looked(&closed) else { panic!("{closed:?}") };
    assert_eq!(failure.code, "refused_by_ca");
}

#[test]
fn a_certificate_is_fetched_when_the_order_is_valid_and_names_it() {
    assert_eq!(
        looked(&with_certificate(OrderStatus::Valid)),
        Look::Fetch("https://ca.test/cert/1".to_owned())
    );
    let growing = Wait::Growing(SHORTEST_WAIT, LONGEST_WAIT);
    for (answer, is_certain, wait) in [
        (order(OrderStatus::Processing), true, growing),
        (with_certificate(OrderStatus::Processing), true, growing),
        (order(OrderStatus::Valid), false, growing),
        (order(OrderStatus::Ready), false, growing),
        (after(OrderStatus::Processing, 90), true, Wait::Told(SECOND * 90)),
        (after(OrderStatus::Pending, 7 * 86_400), false, Wait::Told(LONGEST_WAIT)),
    ] {
        assert_eq!(looked(&answer), Look::AtWork { is_certain, wait }, "{answer:?}");
    }
}
