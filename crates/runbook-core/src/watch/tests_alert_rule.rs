//! Rules as people write them, and as they get them wrong.

use proptest::prelude::*;

use super::*;

#[test]
fn rules_are_read_and_written() {
    let same = [
        "error_rate > 5%",
        "error_rate >= 0.125%",
        "error_rate >= 100%",
        "error_rate > 0%",
        "p50 > 200ms",
        "p95 >= 1s",
        "p99 > 1.5s",
        "p99 > 250µs",
        "consecutive_failures >= 3",
        "consecutive_failures > 0",
        "failures >= 3 of 10",
        "failures > 9 of 10",
        "certificate_days < 14",
        "certificate_days <= 0",
    ];
    for text in same {
        assert_eq!(text.parse::<AlertRule>().unwrap().to_string(), text);
    }
    let others = [
        ("error_rate>5 %", "error_rate > 5%"),
        (" p95>=1000ms ", "p95 >= 1s"),
        ("p95 > 1m 30s", "p95 > 90s"),
        ("p95 > 120s", "p95 > 2m"),
        ("failures >= 3  of  10", "failures >= 3 of 10"),
        ("error_rate > 05.50%", "error_rate > 5.5%"),
    ];
    for (text, canonical) in others {
        assert_eq!(text.parse::<AlertRule>().unwrap().to_string(), canonical);
    }
}

#[test]
fn a_rule_that_is_none_says_what_is_expected() {
    let cases = [
        "",
        "eror_rate > 5%",
        "p96 > 1s",
        "uptime < 99%",
        "> 5%",
        "error_rate",
        "error_rate 5%",
        "error_rate is 5%",
        "error_rate < 5%",
        "error_rate = 5%",
        "error_rate > 0.05",
        "error_rate > 101%",
        "error_rate > -1%",
        "error_rate > 0.0001%",
        "error_rate > 100%",
        "error_rate >= 0%",
        "p95 > 1",
        "p95 > 0ms",
        "p95 > -1s",
        "p95 > 25h",
        "p95 > soon",
        "consecutive_failures >= 0",
        "consecutive_failures >= 2.5",
        "consecutive_failures >= 10001",
        "failures >= 3",
        "failures >= 3 of 2",
        "failures > 2 of 2",
        "failures >= 0 of 2",
        "failures >= 3 of many",
        "certificate_days > 14",
        "certificate_days < 14d",
    ];
    let found = cases.map(|text| format!("{text}\n    {}", text.parse::<AlertRule>().unwrap_err()));
    insta::assert_snapshot!(found.join("\n"));
}

/// What a rule means, whatever the way in which it is written.
fn rules() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_u32..=100, 0_u32..1_000).prop_map(|(whole, more)| format!("error_rate > {whole}.{more:03}%")),
        ("p(50|95|99)", 1_u64..100_000_000).prop_map(|(p, us)| format!("{p} >= {:?}", Duration::from_micros(us))),
        (1_u32..=10_000).prop_map(|count| format!("consecutive_failures >= {count}")),
        (1_u32..=10_000, 0_u32..10_000).prop_map(|(of, less)| format!("failures >= {} of {of}", of - less.min(of - 1))),
        (0_u32..=10_000).prop_map(|days| format!("certificate_days < {days}")),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(text in rules()) {
        if let Ok(rule) = text.parse::<AlertRule>() {
            prop_assert_eq!(rule.to_string().parse::<AlertRule>(), Ok(rule));
        } else {
            prop_assert!(text.starts_with("error_rate > 100."), "{} is a rule", text);
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}", name in "(error_rate|p95|failures|consecutive_failures|certificate_days)[ <>=]{0,3}") {
        let _ = text.parse::<AlertRule>();
        let _ = format!("{name}{text}").parse::<AlertRule>();
    }
}
