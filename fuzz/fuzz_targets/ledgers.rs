#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| interregnum_fuzz::ledgers(bytes));
