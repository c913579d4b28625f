//! How far a challenge is: `waiting → publishing → published → propagating → submitted → valid`, or `→ invalid` from anywhere
//! before. `published` is left out where a provider applies a change at once, and all three for what our responders answer.

use super::{ChallengeState, Exposure, Failure};
use crate::{DnsProviderId, Stored, Timestamp};

/// Where a TXT value goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxtRecord {
    /// The owner name, after aliases were followed.
    pub name: String,
    /// The value.
    pub value: String,
    /// The provider that serves the name.
    pub provider: DnsProviderId,
    /// The provider's zone, as JSON of its own.
    pub zone: String,
}

/// That a TXT value was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// When that was for the first time: from then on it should be seen.
    pub since: Timestamp,
    /// How often.
    pub times: i64,
}

/// The TXT value of a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxtAnswer {
    /// Where it goes.
    pub record: TxtRecord,
    /// Whether it may be out there.
    pub exposure: Exposure,
    /// Since when; none before the provider has said that it has it.
    pub added: Option<Added>,
}

impl TxtAnswer {
    /// The same after the provider has taken the value, or while a person is to publish it.
    #[must_use]
    pub fn once_added(self, now: Timestamp, by_hand: bool) -> Self {
        let added = self.added.unwrap_or(Added { since: now, times: 0 });
        Self {
            exposure: if by_hand { Exposure::None } else { Exposure::Present },
            added: Some(Added { times: added.times.saturating_add(1), ..added }),
            ..self
        }
    }
}

/// The answer of a challenge, wherever it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChallengeAnswer {
    /// It was not given.
    Nowhere,
    /// Our responders give it, or gave it.
    AtResponders {
        /// Since when.
        since: Timestamp,
        /// Whether they have stopped.
        is_removed: bool,
    },
    /// It is in the DNS, or is to come there.
    Txt(TxtAnswer),
}

impl ChallengeAnswer {
    /// Whether it may be out there.
    pub const fn exposure(&self) -> Exposure {
        match self {
            Self::Nowhere => Exposure::None,
            Self::AtResponders { is_removed: false, .. } => Exposure::Present,
            Self::AtResponders { is_removed: true, .. } => Exposure::Removed,
            Self::Txt(txt) => txt.exposure,
        }
    }

    /// Since when it was given.
    pub fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Nowhere => None,
            Self::AtResponders { since, .. } => Some(*since),
            Self::Txt(txt) => txt.added.map(|added| added.since),
        }
    }
}

/// That the CA was told to look, or was about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// How often the CA has answered to that. None: the process may have died before it could ask.
    pub times: i64,
    /// When it was asked for the last time.
    pub last: Timestamp,
}

/// What a challenge is at, with all that is known there and nowhere before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChallengeProgress {
    /// Nothing was done.
    Waiting,
    /// Its TXT value is to be added, and may have been.
    Publishing(TxtAnswer),
    /// The value was added; the DNS provider is still applying the change.
    Published {
        /// The value.
        txt: TxtAnswer,
        /// What the provider calls the change.
        change: String,
    },
    /// The value was added; it is looked for at the authoritative servers.
    Propagating {
        /// The value.
        txt: TxtAnswer,
        /// How often in a row it was seen at every server.
        confirmations: i64,
    },
    /// The CA was told to look, or is to be told.
    Submitted {
        /// What it will find.
        answer: ChallengeAnswer,
        /// None before it was told.
        told: Option<Told>,
    },
    /// The CA is satisfied.
    Valid {
        /// What it has found, which is taken back now.
        answer: ChallengeAnswer,
        /// None where the CA had the proof on record.
        told: Option<Told>,
        /// When it was.
        validated_at: Timestamp,
    },
    /// The CA is not, or we gave up.
    Invalid {
        /// What was given as an answer, which is taken back now.
        answer: ChallengeAnswer,
        /// None when it ended before.
        told: Option<Told>,
        /// Why.
        failure: Failure,
    },
    /// Words of a newer version, which are shown and not worked on.
    Unknown {
        /// The word for what it is at.
        state: Stored<ChallengeState>,
        /// The word for where its answer is.
        exposure: Stored<Exposure>,
    },
}

impl ChallengeProgress {
    /// The word for it.
    pub fn state(&self) -> Stored<ChallengeState> {
        Stored::Known(match self {
            Self::Waiting => ChallengeState::Waiting,
            Self::Publishing(_) => ChallengeState::Publishing,
            Self::Published { .. } => ChallengeState::Published,
            Self::Propagating { .. } => ChallengeState::Propagating,
            Self::Submitted { .. } => ChallengeState::Submitted,
            Self::Valid { .. } => ChallengeState::Valid,
            Self::Invalid { .. } => ChallengeState::Invalid,
            Self::Unknown { state, .. } => return state.clone(),
        })
    }

    /// The word for whether its answer may be out there.
    pub fn exposure(&self) -> Stored<Exposure> {
        Stored::Known(match self {
            Self::Waiting => Exposure::None,
            Self::Publishing(txt) | Self::Published { txt, .. } | Self::Propagating { txt, .. } => {
                txt.exposure
            }
            Self::Submitted { answer, .. } | Self::Valid { answer, .. } | Self::Invalid { answer, .. } => {
                answer.exposure()
            }
            Self::Unknown { exposure, .. } => return exposure.clone(),
        })
    }

    /// Whether something is still to happen; what is not known may.
    pub fn is_open(&self) -> bool {
        self.state().is_open()
    }

    /// Whether its answer may be out there, or may come there; what is not known may.
    pub fn is_exposed(&self) -> bool {
        !matches!(self.exposure(), Stored::Known(Exposure::None | Exposure::Removed))
    }

    /// The answer, wherever it is.
    pub fn answer(&self) -> ChallengeAnswer {
        match self {
            Self::Waiting | Self::Unknown { .. } => ChallengeAnswer::Nowhere,
            Self::Publishing(txt) | Self::Published { txt, .. } | Self::Propagating { txt, .. } => {
                ChallengeAnswer::Txt(txt.clone())
            }
            Self::Submitted { answer, .. } | Self::Valid { answer, .. } | Self::Invalid { answer, .. } => {
                answer.clone()
            }
        }
    }

    /// Its TXT value, where that has a place.
    pub const fn txt(&self) -> Option<&TxtAnswer> {
        match self {
            Self::Publishing(txt) | Self::Published { txt, .. } | Self::Propagating { txt, .. } => Some(txt),
            Self::Submitted { answer, .. } | Self::Valid { answer, .. } | Self::Invalid { answer, .. } => {
                match answer {
                    ChallengeAnswer::Txt(txt) => Some(txt),
                    ChallengeAnswer::Nowhere | ChallengeAnswer::AtResponders { .. } => None,
                }
            }
            Self::Waiting | Self::Unknown { .. } => None,
        }
    }

    /// How often the CA was told to look, if it was.
    pub const fn told(&self) -> Option<Told> {
        match self {
            Self::Submitted { told, .. } | Self::Valid { told, .. } | Self::Invalid { told, .. } => *told,
            _ => None,
        }
    }

    /// Why it has come to nothing.
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Invalid { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// When the CA was satisfied.
    pub const fn validated_at(&self) -> Option<Timestamp> {
        match self {
            Self::Valid { validated_at, .. } => Some(*validated_at),
            _ => None,
        }
    }

    /// What follows when the CA may look now.
    #[must_use]
    pub fn submitted(&self) -> Self {
        Self::Submitted { answer: self.answer(), told: self.told() }
    }

    /// What is written before the CA is told to look.
    #[must_use]
    pub fn about_to_tell(&self, now: Timestamp) -> Self {
        let times = self.told().map_or(0, |told| told.times);
        Self::Submitted { answer: self.answer(), told: Some(Told { times, last: now }) }
    }

    /// What follows when the CA has answered to that.
    #[must_use]
    pub fn once_told(&self) -> Self {
        let told = self.told().map(|told| Told { times: told.times.saturating_add(1), ..told });
        Self::Submitted { answer: self.answer(), told }
    }

    /// What follows when the CA is satisfied.
    #[must_use]
    pub fn validated(&self, now: Timestamp) -> Self {
        Self::Valid { answer: self.answer(), told: self.told(), validated_at: now }
    }

    /// What follows when it has come to nothing.
    #[must_use]
    pub fn failed(&self, failure: Failure) -> Self {
        Self::Invalid { answer: self.answer(), told: self.told(), failure }
    }

    /// The same with an answer that is at another point of its way.
    #[must_use]
    pub fn exposed(self, exposure: Exposure) -> Self {
        let moved = |txt: TxtAnswer| TxtAnswer { exposure, ..txt };
        let at = |answer| match answer {
            ChallengeAnswer::Nowhere => ChallengeAnswer::Nowhere,
            ChallengeAnswer::AtResponders { since, .. } => {
                ChallengeAnswer::AtResponders { since, is_removed: exposure == Exposure::Removed }
            }
            ChallengeAnswer::Txt(txt) => ChallengeAnswer::Txt(moved(txt)),
        };
        match self {
            Self::Waiting => Self::Waiting,
            Self::Publishing(txt) => Self::Publishing(moved(txt)),
            Self::Published { txt, change } => Self::Published { txt: moved(txt), change },
            Self::Propagating { txt, confirmations } => Self::Propagating { txt: moved(txt), confirmations },
            Self::Submitted { answer, told } => Self::Submitted { answer: at(answer), told },
            Self::Valid { answer, told, validated_at } => {
                Self::Valid { answer: at(answer), told, validated_at }
            }
            Self::Invalid { answer, told, failure } => Self::Invalid { answer: at(answer), told, failure },
            Self::Unknown { .. } => self,
        }
    }

    /// How far it has come, in the word of the API; what is not known stands for itself.
    pub fn shown(&self) -> String {
        if let Self::Unknown { state, exposure } = self {
            return match exposure {
                Stored::Unknown(word) => word.clone(),
                Stored::Known(_) => state.status().to_owned(),
            };
        }
        if self.exposure() == Exposure::Removed {
            return "cleaned_up".to_owned();
        }
        let word = match self {
            Self::Waiting | Self::Publishing(_) | Self::Unknown { .. } => "waiting",
            // The challenge ended before the CA was told to validate.
            Self::Invalid { answer, told: None, .. } if answer.since().is_none() => "waiting",
            Self::Published { .. } | Self::Invalid { told: None, .. } => "published",
            Self::Propagating { .. } => "propagating",
            Self::Submitted { .. } | Self::Invalid { told: Some(_), .. } => "submitted",
            Self::Valid { .. } => "validated",
        };
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    const NOW: Timestamp = Timestamp::from_unix_seconds(100);
    const LATER: Timestamp = Timestamp::from_unix_seconds(200);

    fn txt() -> TxtAnswer {
        let provider = DnsProviderId::generate(NOW, &SystemEntropy);
        let (name, value) = ("_acme-challenge.www.example.org".to_owned(), "value".to_owned());
        let record = TxtRecord { name, value, provider, zone: "{}".to_owned() };
        TxtAnswer { record, exposure: Exposure::Wanted, added: None }
    }

    #[test]
    fn the_time_of_a_value_counts_from_its_first_addition() {
        let once = txt().once_added(NOW, false);
        assert_eq!((once.exposure, once.added), (Exposure::Present, Some(Added { since: NOW, times: 1 })));
        let twice = once.once_added(LATER, false);
        assert_eq!(twice.added, Some(Added { since: NOW, times: 2 }));
        assert_eq!(
            txt().once_added(NOW, true).exposure,
            Exposure::None,
            "a person's value is not ours to remove"
        );
    }

    #[test]
    fn what_is_known_stays_known_on_the_way() {
        let txt = txt().once_added(NOW, false);
        let propagating = ChallengeProgress::Propagating { txt: txt.clone(), confirmations: 2 };
        let asked = propagating.submitted().about_to_tell(NOW);
        assert_eq!(
            asked.told(),
            Some(Told { times: 0, last: NOW }),
            "nobody knows yet whether the CA has heard it"
        );
        let told = asked.once_told().about_to_tell(LATER).once_told();
        assert_eq!(told.told(), Some(Told { times: 2, last: LATER }));
        let valid = told.validated(LATER);
        assert_eq!((valid.validated_at(), valid.txt()), (Some(LATER), Some(&txt)));
        assert_eq!(valid.told(), told.told());
        assert!(!valid.is_open() && valid.is_exposed());
        let removed = valid.exposed(Exposure::Removed);
        assert!(!removed.is_exposed());
        assert_eq!(removed.txt().map(|txt| &txt.record), Some(&txt.record), "what was removed is still told");
        let failed = propagating.failed(Failure::new("code", "why"));
        assert_eq!((failed.failure().unwrap().code.as_str(), failed.told()), ("code", None));
        assert_eq!(failed.txt(), Some(&txt));
    }

    #[test]
    fn how_far_it_has_come_is_told_in_the_words_of_the_api() {
        let failure = || Failure::new("code", "why");
        let responders = |is_removed| ChallengeAnswer::AtResponders { since: NOW, is_removed };
        let submitted = ChallengeProgress::Submitted { answer: responders(false), told: None };
        let added = || txt().once_added(NOW, false);
        for (progress, word) in [
            (ChallengeProgress::Waiting, "waiting"),
            (ChallengeProgress::Publishing(txt()), "waiting"),
            (ChallengeProgress::Published { txt: added(), change: "1".to_owned() }, "published"),
            (ChallengeProgress::Propagating { txt: added(), confirmations: 0 }, "propagating"),
            (submitted.clone(), "submitted"),
            (submitted.validated(NOW), "validated"),
            (submitted.validated(NOW).exposed(Exposure::Removed), "cleaned_up"),
            (ChallengeProgress::Waiting.failed(failure()), "waiting"),
            (ChallengeProgress::Publishing(txt()).failed(failure()), "waiting"),
            (submitted.failed(failure()), "published"),
            (submitted.about_to_tell(NOW).failed(failure()), "submitted"),
        ] {
            assert_eq!(progress.shown(), word, "{progress:?}");
        }
    }

    #[test]
    fn words_of_a_newer_version_are_shown_and_taken_for_the_worst() {
        let strange = Stored::Unknown("frozen".to_owned());
        let state = ChallengeProgress::Unknown { state: strange, exposure: Exposure::None.into() };
        assert_eq!((state.shown().as_str(), state.is_open(), state.is_exposed()), ("frozen", true, false));
        let strange = Stored::Unknown("frozen".to_owned());
        let exposure = ChallengeProgress::Unknown { state: ChallengeState::Valid.into(), exposure: strange };
        assert_eq!((exposure.shown().as_str(), exposure.is_open()), ("frozen", false));
        assert!(exposure.is_exposed());
        assert!(exposure.state().known().is_ok() && exposure.exposure().known().is_err());
    }
}
