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

/// Found by fuzzing: a tick that says what its reign has ended long after anybody does.
#[test]
fn what_was_understood_of_an_old_tick_is_understood_again() {
    const TICK: &str = concat!(
        "9f9f9f9f9fc900000000ffffffffffffffffc6ffffffd1ffc6c6c6c6c6c6c6c6c630c6c6c63d00000000000000000000",
        "d50100ff0000000000000000d1d1d1d10000000000000000000a000000000000000080010000000067000000f3004000",
        "c6c6c6c6301dbefa1dffc6c6c63d0000000000000000000000000000000000000062626262626262626262626262ffff",
        "ff5effffffff7272727272727272727272727272727272727272727272727272727272727272ffffffffffffffffff86",
        "8686ffffff008001fad50100ff0000000000008001fad50100ff0000000000000000d1d1d1d10000000000000000000a",
        "0000000000000000800100955b00000067000000f3004000c50080000000000000",
    );
    let byte = |at| u8::from_str_radix(&TICK[at..at + 2], 16).expect("it is hexadecimal");
    targets::messages(&(0..TICK.len()).step_by(2).map(byte).collect::<Vec<_>>());
}
