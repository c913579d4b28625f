//! What is due for a challenge: decided from the challenge, its order and the time, and from nothing else. Whoever does it is in
//! `challenge_steps.rs` and `dns_steps.rs`.

use certmill_domain::{
    AcmeChallenge, ChallengeProgress, ChallengeType, Exposure, Failure, OrderProgress, Timestamp, Told,
    TxtAnswer, UnknownWord,
};

use super::judgement::VALIDATION_FAILED;

/// The next step of a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    /// It has ended, or its order has: what was published is taken back.
    TakeBack,
    /// It is given up.
    GiveUp(Failure),
    /// The responders are to answer.
    Answer,
    /// It is found out where its TXT value goes.
    FindPlace,
    /// The value is added.
    Add(TxtAnswer),
    /// The provider is asked whether it has applied a change.
    AwaitChange(TxtAnswer, String),
    /// The value is looked for; it was seen everywhere so often in a row.
    AwaitPropagation(TxtAnswer, i64),
    /// The CA is told, or asked what it saw.
    HaveTheCaLook(Option<Told>),
}

/// What is due now.
///
/// # Errors
/// The first word of it that this version does not know.
pub(super) fn due(
    challenge: &AcmeChallenge,
    order: &OrderProgress,
    now: Timestamp,
) -> Result<Due, UnknownWord> {
    challenge.understood()?;
    if !order.is_open() || !challenge.progress.is_open() {
        return Ok(Due::TakeBack);
    }
    let by_dns = challenge.kind.known()? == ChallengeType::Dns01;
    if let ChallengeProgress::Submitted { told, .. } = &challenge.progress {
        return Ok(Due::HaveTheCaLook(*told));
    }
    if now > challenge.deadline_at {
        let seen = challenge.note.as_deref().unwrap_or("nothing was seen of it");
        let message = format!("control of {} was not proven in time: {seen}", challenge.identifier);
        return Ok(Due::GiveUp(Failure::new("timed_out", message)));
    }
    Ok(match challenge.progress.clone() {
        _ if !by_dns => Due::Answer,
        ChallengeProgress::Waiting => Due::FindPlace,
        ChallengeProgress::Publishing(txt) => Due::Add(txt),
        ChallengeProgress::Published { txt, change } => Due::AwaitChange(txt, change),
        ChallengeProgress::Propagating { txt, confirmations } => Due::AwaitPropagation(txt, confirmations),
        ChallengeProgress::Submitted { .. }
        | ChallengeProgress::Valid { .. }
        | ChallengeProgress::Invalid { .. }
        | ChallengeProgress::Unknown { .. } => Due::TakeBack,
    })
}

/// What a challenge that has ended leaves to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing.
    Nothing,
    /// Its TXT value may be out there.
    Txt(TxtAnswer),
    /// The responders may answer for it.
    Response,
    /// Its authorization may still be pending at the CA.
    Authorization,
}

/// What is left to be done when a challenge has ended, or its order: first that nothing is published any more.
pub(super) fn left(challenge: &AcmeChallenge, order: &OrderProgress) -> Left {
    match (challenge.progress.is_exposed(), challenge.progress.txt()) {
        (true, Some(txt)) => Left::Txt(txt.clone()),
        (true, None) => Left::Response,
        (false, _) if is_left_behind(challenge, order) => Left::Authorization,
        (false, _) => Left::Nothing,
    }
}

/// Whether the authorization of a challenge may still be pending at the CA although its order has failed.
fn is_left_behind(challenge: &AcmeChallenge, order: &OrderProgress) -> bool {
    let is_decided = match &challenge.progress {
        ChallengeProgress::Valid { .. } => true,
        ChallengeProgress::Invalid { failure, .. } => failure.code == VALIDATION_FAILED,
        _ => false,
    };
    matches!(order, OrderProgress::Failed { .. }) && !is_decided
}

/// Whether a challenge of an order that has ended has something left to do: what it has published, or what it has asked the CA
/// for.
pub(super) fn is_to_be_woken(challenge: &AcmeChallenge) -> bool {
    challenge.progress.is_exposed() || !matches!(challenge.progress, ChallengeProgress::Valid { .. })
}

/// Whether a challenge has ended and nothing of it is published any more.
pub(super) fn is_settled(challenge: &AcmeChallenge) -> bool {
    let exposure = challenge.progress.exposure();
    !challenge.progress.is_open() && (exposure == Exposure::None || exposure == Exposure::Removed)
}

#[cfg(test)]
mod tests {
    use certmill_domain::{ChallengeAnswer, OrderAtCa, Stored};

    use super::super::order_steps::tests::{at_responders, challenge, failed, txt};
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(0);
    const LATE: Timestamp = Timestamp::from_unix_seconds(1);

    fn open() -> OrderProgress {
        OrderProgress::Challenging(OrderAtCa { url: String::new(), finalize_url: None, expires_at: None })
    }

    fn over() -> OrderProgress {
        open().failed(NOW, None)
    }

    fn by_dns(progress: ChallengeProgress) -> AcmeChallenge {
        AcmeChallenge { kind: ChallengeType::Dns01.into(), ..challenge(progress) }
    }

    #[test]
    fn a_txt_value_goes_from_step_to_step() {
        let txt = txt(Exposure::Present);
        let submitted = ChallengeProgress::Submitted { answer: ChallengeAnswer::Nowhere, told: None };
        for (progress, expected) in [
            (ChallengeProgress::Waiting, Due::FindPlace),
            (ChallengeProgress::Publishing(txt.clone()), Due::Add(txt.clone())),
            (
                ChallengeProgress::Published { txt: txt.clone(), change: "c".to_owned() },
                Due::AwaitChange(txt.clone(), "c".to_owned()),
            ),
            (
                ChallengeProgress::Propagating { txt: txt.clone(), confirmations: 1 },
                Due::AwaitPropagation(txt.clone(), 1),
            ),
            (submitted.clone(), Due::HaveTheCaLook(None)),
            (submitted.about_to_tell(NOW), Due::HaveTheCaLook(Some(Told { times: 0, last: NOW }))),
            (submitted.validated(NOW), Due::TakeBack),
        ] {
            assert_eq!(due(&by_dns(progress.clone()), &open(), NOW), Ok(expected), "{progress:?}");
            assert_eq!(due(&by_dns(progress), &over(), NOW), Ok(Due::TakeBack));
        }
        let answered = challenge(ChallengeProgress::Waiting);
        assert_eq!(due(&answered, &open(), NOW), Ok(Due::Answer), "http-01 has no place to be found");
    }

    #[test]
    fn what_the_ca_was_told_is_not_given_up_for_being_late() {
        let waiting = by_dns(ChallengeProgress::Waiting);
        assert!(
            matches!(due(&waiting, &open(), LATE), Ok(Due::GiveUp(failure)) if failure.code == "timed_out")
        );
        let told = by_dns(ChallengeProgress::Waiting.about_to_tell(NOW));
        assert!(matches!(due(&told, &open(), LATE), Ok(Due::HaveTheCaLook(Some(_)))));
    }

    #[test]
    fn words_of_a_newer_version_are_left_to_it() {
        let unknown = || Stored::Unknown("frozen".to_owned());
        let exposure = Exposure::None.into();
        let strange = by_dns(ChallengeProgress::Unknown { state: unknown(), exposure });
        assert!(due(&strange, &open(), NOW).is_err());
        let strange = AcmeChallenge { kind: Stored::Unknown("dns-02".to_owned()), ..challenge(failed("x")) };
        assert!(due(&strange, &over(), NOW).is_err());
    }

    #[test]
    fn what_is_published_is_taken_back_before_the_authorization_is_given_up() {
        let present = txt(Exposure::Present);
        let open_value = by_dns(ChallengeProgress::Propagating { txt: present.clone(), confirmations: 0 });
        assert_eq!(left(&open_value, &over()), Left::Txt(present));
        let removed = by_dns(open_value.progress.exposed(Exposure::Removed));
        assert_eq!(left(&removed, &over()), Left::Authorization);
        assert_eq!(left(&removed, &open()), Left::Nothing);
        let answered = |is_removed| {
            let answer = at_responders(is_removed);
            challenge(ChallengeProgress::Submitted { answer, told: None })
        };
        assert_eq!(left(&answered(false), &over()), Left::Response);
        assert_eq!(left(&answered(true), &over()), Left::Authorization);
        // What the CA has decided is not pending there.
        let valid = challenge(answered(true).progress.validated(NOW));
        assert_eq!(left(&valid, &over()), Left::Nothing);
        assert_eq!(left(&challenge(failed(VALIDATION_FAILED)), &over()), Left::Nothing);
        assert_eq!(left(&challenge(failed("timed_out")), &over()), Left::Authorization);
    }

    #[test]
    fn an_order_that_ends_wakes_those_that_have_something_left() {
        let valid = |is_removed| {
            challenge(
                ChallengeProgress::Submitted { answer: at_responders(is_removed), told: None }.validated(NOW),
            )
        };
        assert!(is_to_be_woken(&valid(false)) && !is_settled(&valid(false)));
        assert!(!is_to_be_woken(&valid(true)) && is_settled(&valid(true)));
        assert!(is_to_be_woken(&challenge(failed("timed_out"))));
        assert!(!is_settled(&challenge(ChallengeProgress::Waiting)));
    }
}
