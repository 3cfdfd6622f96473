//! The names of the journal's files. None comes from a key.

/// The file that is locked and says whose journal it is.
pub(super) const IDENTITY: &str = "journal";

/// Slots there may ever be: the next one can always be named.
pub(super) const SLOTS_MAX: u32 = 1 << 31;

/// What a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Identity,
    /// The segment file of a slot. Which segment it holds its header says.
    Segment(u32),
    /// A file for a segment to come.
    Unborn(u32),
    /// A damaged file, moved aside.
    Damaged(u32),
    Foreign,
}

pub(super) fn segment(slot: u32) -> String {
    format!("segment-{slot:06}")
}

pub(super) fn unborn(slot: u32) -> String {
    format!("segment-{slot:06}.new")
}

pub(super) fn damaged(slot: u32) -> String {
    format!("damaged-{slot:06}")
}

/// What `name` is the name of; only the one spelling of a number counts.
pub(super) fn classify(name: &str) -> Name {
    if name == IDENTITY {
        return Name::Identity;
    }
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    let slot = digits.parse().ok().filter(|&slot| slot < SLOTS_MAX);
    let Some(slot) = slot else {
        return Name::Foreign;
    };
    match name {
        _ if name == segment(slot) => Name::Segment(slot),
        _ if name == unborn(slot) => Name::Unborn(slot),
        _ if name == damaged(slot) => Name::Damaged(slot),
        _ => Name::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_recognised_in_one_spelling_only() {
        assert_eq!(classify("journal"), Name::Identity);
        assert_eq!(classify(&segment(7)), Name::Segment(7));
        assert_eq!(classify(&unborn(7)), Name::Unborn(7));
        assert_eq!(classify(&damaged(1_234_567)), Name::Damaged(1_234_567));
        for name in [
            "",
            "segment-7",
            "segment-0000007",
            "segment-000007.old",
            "Journal",
            "segment-4294967295",
        ] {
            assert_eq!(classify(name), Name::Foreign, "{name}");
        }
    }
}
