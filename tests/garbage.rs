//! What comes off a wire is data, whatever it is: nothing panics, nothing hangs. Each function of the fuzz
//! targets, over random bytes; with the nightly toolchain `cargo fuzz run NAME` goes on from there.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use proptest::{collection::vec, prelude::*};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_frames_or_none_however_they_are_cut(bytes in vec(any::<u8>(), 0..600)) {
        targets::frames(&bytes);
    }

    #[test]
    fn any_bytes_are_a_message_or_none(
        kind in prop_oneof![0x0e..0x20_u8, 0x80..=0xff_u8],
        bytes in vec(any::<u8>(), 0..300),
    ) {
        targets::messages(&[&[kind], &bytes[..]].concat());
    }

    #[test]
    fn any_bytes_are_a_state_that_can_be_stepped_or_none(bytes in vec(any::<u8>(), 0..300)) {
        targets::snapshots(&bytes);
    }

    #[test]
    fn any_bytes_are_an_announcement_or_none(bytes in vec(any::<u8>(), 0..3_000)) {
        targets::beacons(&bytes);
    }

    #[test]
    fn no_handshake_survives_a_changed_byte(bytes in vec(any::<u8>(), 0..40)) {
        targets::handshakes(&bytes);
    }

    #[test]
    fn any_bytes_are_entries_or_none(bytes in vec(any::<u8>(), 0..600)) {
        targets::ledgers(&bytes);
    }

    #[test]
    fn nobody_s_signature_is_found_by_chance(bytes in vec(any::<u8>(), 0..200)) {
        targets::statements(&bytes);
    }

    #[test]
    fn any_text_is_cleaned_once_and_for_all(text in ".{0,60}") {
        targets::texts(text.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A stranger who knows nothing of the protocol.
    #[test]
    fn any_bytes_from_strangers_leave_a_node_standing(bytes in vec(any::<u8>(), 0..4_000)) {
        targets::strangers(&bytes);
    }

    /// A member whose messages have bytes changed, before they are sealed or after: nearly right is worse
    /// than wrong.
    #[test]
    fn a_member_with_broken_bytes_leaves_a_node_standing(bytes in vec(any::<u8>(), 0..8_000)) {
        targets::members(&bytes);
    }
}
