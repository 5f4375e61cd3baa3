//! The monitoring report, as Markdown and as a page of HTML.

use std::time::Instant;

use crate::{reports, views};
use runbook_core::{Bucket, Health, Quantiles};
use runbook_render::{HTML_LIMIT, MARKDOWN_LIMIT, MonitoringReport, Renderer};

fn html(report: &MonitoringReport) -> String {
    Renderer::new().unwrap().monitoring_html(report).unwrap()
}

fn markdown(report: &MonitoringReport) -> String {
    Renderer::new().unwrap().monitoring_markdown(report).unwrap()
}

/// The page without its style and without what a pointer is told, which would be most of a snapshot.
fn gist(page: &str) -> String {
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    let lines = rest.lines().filter(|line| !line.starts_with("<rect class=\"hover\""));
    format!("{head}<style>…</style>{}", lines.collect::<Vec<_>>().join("\n"))
}

#[test]
fn every_state_as_markdown() {
    insta::assert_snapshot!(markdown(&reports::rich(24)));
}

#[test]
fn every_state_as_html() {
    insta::assert_snapshot!(gist(&html(&reports::rich(24))));
}

#[test]
fn a_calm_day_without_a_run() {
    insta::assert_snapshot!(markdown(&reports::calm(24)));
    let page = html(&reports::calm(24));
    assert!(page.contains("</svg> OPERATIONAL</h1>") && !page.contains("Newest run"), "{page}");
}

#[test]
fn a_project_without_services_says_that_nothing_was_measured() {
    let mut report = reports::calm(24);
    report.status = reports::document(Vec::new());
    for text in [html(&report), markdown(&report)] {
        assert!(text.contains("No service is configured, so nothing was measured."), "{text}");
        assert!(!text.contains("OPERATIONAL"));
    }
}

#[test]
fn stale_words_and_a_set_latch_stand_on_top() {
    let mut report = reports::rich(24);
    report.status.valid_until = views::at("2026-11-23T09:00:00Z");
    report.status.stopped = Some("the database is losing writes".into());
    for text in [html(&report), markdown(&report)] {
        let services = text.find("Services").unwrap();
        for word in ["stale when they were written", "The stop latch is set", "the database is losing writes"] {
            assert!(text.find(word).is_some_and(|at| at < services), "{word}");
        }
    }
}

#[test]
fn the_worst_stands_first_and_what_is_so_because_of_another_behind_it() {
    let page = html(&reports::rich(24));
    let place = |name: &str| page.find(&format!("<bdi>{name}</bdi>")).unwrap();
    let order =
        ["PostgreSQL", "Legacy Import", "Orders API", "Worker", "Search", "Web Front", "Cache", "Documentation"];
    let places: Vec<_> = order.iter().map(|name| place(name)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(page.contains("because of <strong><bdi>PostgreSQL</bdi></strong>"));
}

/// What no card of a service that was never seen may say.
#[test]
fn what_was_never_observed_is_never_up() {
    let page = html(&reports::rich(24));
    let card = page
        .split("<article")
        .find(|card| card.contains("<bdi>Search</bdi></h3>") || card.contains(">Search</bdi> "))
        .unwrap();
    assert!(card.contains("<dt>Up</dt><dd>unknown<small>of 0 % observed</small>"), "{card}");
    for area in ["up", "degraded", "down", "maintenance"] {
        assert!(card.contains(&format!("<path class=\"{area}\" d=\"\"/>")), "{area} in {card}");
    }
    assert!(card.contains("nothing observed") && card.contains("No latency was measured."), "{card}");
}

#[test]
fn the_page_asks_for_nothing_and_runs_nothing() {
    for page in [html(&reports::rich(24)), html(&reports::hostile())] {
        assert!(page.contains("default-src 'none'; style-src 'unsafe-inline'; img-src data:"));
        let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0.to_ascii_lowercase();
        assert!(!style.contains("@import") && !style.contains("http"), "the style asks for nothing");
        for place in style.split("url(").skip(1) {
            assert!(place.starts_with('#'), "{place:.60}");
        }
        let tags: Vec<String> = tags(&page);
        for tag in &tags {
            let name: String = tag.chars().skip(1).take_while(char::is_ascii_alphabetic).collect();
            let active = ["script", "iframe", "object", "embed", "form", "base", "img", "image", "video", "audio"];
            assert!(!active.contains(&name.as_str()) && !tag.contains(" on") && !tag.contains(" src="), "{tag}");
            for place in tag.split("href=\"").skip(1) {
                let known = ["#", "data:image/svg+xml,", "https://github.com/"];
                assert!(known.iter().any(|begin| place.starts_with(begin)), "{tag}");
            }
            for place in tag.split("url(").skip(1) {
                assert!(place.starts_with('#'), "{tag}");
            }
        }
        assert!(tags.len() > 100, "tags are found at all");
    }
}

/// Every tag of a page, in small letters. In its text and its values `<` is written otherwise.
fn tags(page: &str) -> Vec<String> {
    let tags = page.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag);
    tags.map(|tag| format!("<{}", tag.to_ascii_lowercase())).collect()
}

#[test]
fn nobody_breaks_out() {
    let report = reports::hostile();
    let (hostile, tame) = (html(&report), html(&reports::rich(24)));
    let count = |page: &str, tag: &str| page.matches(tag).count();
    for tag in ["<script", "</script", "<img", "<!--", "<b>", "</title></style>"] {
        assert_eq!(count(&hostile, tag), 0, "{tag}");
    }
    for tag in ["<style", "</style", "<body", "</body", "<h1", "<article", "</article", "<main"] {
        assert_eq!(count(&hostile, tag), count(&tame, tag), "{tag}");
    }
    assert!(
        !hostile.contains(['\u{202e}', '\u{200f}', '\u{0}']),
        "a sign that turns text around is shown as what it is"
    );
    assert!(hostile.contains("&lt;script&gt;alert(1)"), "it is still shown");
    insta::assert_snapshot!(
        gist(&hostile)
            .lines()
            .filter(|line| line.contains("<path") || line.contains("<desc"))
            .collect::<Vec<_>>()
            .join("\n")
    );

    let text = markdown(&report);
    let (prose, links) = crate::escapes::prose_and_links(&text);
    assert!(links.is_empty(), "{links:?}");
    assert!(prose.contains("<script>alert(1)</script>") && !text.contains("<script"), "it is text");
    assert!(!text.contains("<!--"));
}

#[test]
fn no_path_has_a_number_that_is_none() {
    for page in [html(&reports::hostile()), html(&reports::rich(24))] {
        for path in page.split(" d=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(path.chars().all(|c| "MmLlHhVvzac. -0123456789".contains(c)), "{path}");
        }
        for place in
            page.split(" x=\"").skip(1).chain(page.split(" y1=\"").skip(1)).filter_map(|rest| rest.split('"').next())
        {
            assert!(place.trim_end_matches('%').parse::<f64>().is_ok_and(f64::is_finite), "{place}");
        }
    }
}

fn crowd(services: u16, buckets: i64) -> MonitoringReport {
    let mut report = reports::rich(24);
    report.status.services = (0..services)
        .map(|n| {
            let health = if n % 10 == 3 { Health::Unhealthy } else { Health::Healthy };
            let mut row = views::service(&format!("service-{n}"), &format!("Service number {n}"), 8000 + n, health);
            row.alerts = vec![reports::alert("p95 > 800ms over 1h", Some(true), "912 ms over 240 samples")];
            row.comparison = Some(reports::slower());
            row.suspects = vec!["a1b2c3d Move the pool to its own crate".into(); 8];
            row
        })
        .collect();
    report.series = (0..services)
        .map(|n| {
            // The worst for length: no two columns alike, each with a bit of everything.
            reports::series(&format!("service-{n}"), buckets, |at, start| {
                let wave = f64::from(n) + at as f64;
                let mut bucket = reports::bucket(
                    start,
                    40 + (at % 7) as u32,
                    30.0 + wave % 10.0,
                    20,
                    20.0 + wave % 31.0,
                    60.0 + wave % 47.0,
                );
                bucket.maintenance = (at % 5) as u32;
                bucket
            })
        })
        .collect();
    report
}

#[test]
fn two_hundred_services_are_a_page_of_its_size_in_its_time() {
    let report = crowd(200, 90);
    let renderer = Renderer::new().unwrap();
    let best = (0..3)
        .map(|_| {
            let begin = Instant::now();
            let page = renderer.monitoring_html(&report).unwrap();
            assert!(page.len() <= HTML_LIMIT, "{}", page.len());
            assert_eq!(page.matches("<article").count(), 200);
            assert_eq!(page.matches("<title id=").count(), 400, "each with both charts");
            begin.elapsed()
        })
        .min()
        .unwrap();
    eprintln!("200 services: {best:?}");
    // Of a build without optimisation, on a machine that does other things too; alone it takes less than one second.
    assert!(best.as_secs_f64() < 3.0, "{best:?}");
}

#[test]
fn what_is_too_much_for_cards_is_listed_and_what_is_too_much_for_that_is_counted() {
    let mut report = crowd(250, 2);
    let page = html(&report);
    assert_eq!(page.matches("<article").count(), 200);
    assert_eq!(page.matches("<tr id=\"s2").count(), 50, "s201 to s250");

    report.status.services = (0..3_000_u16)
        .map(|n| views::service(&format!("service-{n}"), &format!("Service number {n}"), n, Health::Healthy))
        .collect();
    for row in &mut report.status.services {
        row.evidence = "\"".repeat(10_000);
    }
    let (page, text) = (html(&report), markdown(&report));
    assert!(page.len() <= HTML_LIMIT && page.contains("more services"));
    assert!(text.chars().count() <= MARKDOWN_LIMIT && text.contains("more services"));
}

#[test]
fn a_history_of_a_year_of_minutes_is_still_a_chart() {
    let mut report = reports::rich(24);
    let from = views::at("2026-11-13T10:15:00Z");
    let series = &mut report.series[0];
    (series.from, series.width_minutes) = (from, 1);
    series.buckets = (0..14_400)
        .map(|n| Bucket {
            observed: 1,
            up: if n == 7_000 { 0.0 } else { 1.0 },
            latency_ms: Some(Quantiles { p50: 1.0, p95: if n == 9_000 { 80.0 } else { 2.0 }, p99: 3.0, samples: 1 }),
            ..Bucket::empty(from + jiff::SignedDuration::from_mins(n), 1)
        })
        .collect();
    let page = html(&report);
    assert!(page.len() < 600_000, "{}", page.len());
    let card = page.split("<article").skip(1).find(|card| card.contains("Cache</bdi>")).unwrap();
    assert!(card.contains("1 min down"), "one minute in ten days is still named");
    assert!(card.contains("80 ms"), "and the one slow minute is in the chart");
    assert!(!card.contains("class=\"down\" d=\"\""));
}

/// WCAG 2.2, contrast (minimum): 4.5 to 1 for text, 3 to 1 for what a chart is read by.
#[test]
fn every_colour_can_be_read_in_light_and_dark() {
    let page = html(&reports::calm(24));
    let (light, dark) = page.split_once("@media screen").unwrap();
    for scheme in [light, dark] {
        let colour = |name: &str| -> [f64; 3] {
            let hex = scheme.split_once(&format!("--{name}: #")).unwrap_or_else(|| panic!("{name}")).1;
            [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0)
        };
        let luminance = |name: &str| {
            let linear = |part: f64| if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) };
            let [red, green, blue] = colour(name).map(linear);
            0.2126 * red + 0.7152 * green + 0.0722 * blue
        };
        let contrast = |a: &str, b: &str| {
            let (a, b) = (luminance(a), luminance(b));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        for class in ["good", "warn", "bad", "none", "plan"] {
            assert!(contrast(class, &format!("{class}-back")) >= 4.5, "{class} on its ground");
        }
        for text in ["text", "soft", "link", "good", "warn", "bad", "none"] {
            for ground in ["card", "page"] {
                assert!(contrast(text, ground) >= 4.5, "{text} on {ground}: {}", contrast(text, ground));
            }
        }
        for mark in ["up", "degraded", "down", "maintenance", "hatch", "p50", "p95"] {
            assert!(contrast(mark, "card") >= 3.0, "{mark}: {}", contrast(mark, "card"));
        }
    }
}
