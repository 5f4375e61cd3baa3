//! libFuzzer's way into [`runbook_fuzz::configuration`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| runbook_fuzz::configuration(input));
