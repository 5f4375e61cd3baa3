//! libFuzzer's way into [`runbook_fuzz::condition`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| runbook_fuzz::condition(input));
