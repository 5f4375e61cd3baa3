//! Maintenance: over midnight and over clock changes, what is wrong in a table, and what holds at any time.

use jiff::tz::AmbiguousOffset;
use proptest::{prelude::*, sample::select};

use super::*;

fn id(name: &str) -> ServiceId {
    ServiceId::new(name).unwrap()
}

fn known() -> BTreeSet<ServiceId> {
    BTreeSet::from([id("api"), id("database")])
}

/// The tables, as they are written in the file.
fn tables(text: &str) -> Vec<MaintenanceConfig> {
    #[derive(Deserialize)]
    struct File {
        maintenance: Vec<MaintenanceConfig>,
    }
    toml::from_str::<File>(text).unwrap().maintenance
}

fn schedule(text: &str) -> MaintenanceSchedule {
    MaintenanceSchedule::build(&tables(text), &known()).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Until when `api` is in maintenance.
fn until(schedule: &MaintenanceSchedule, now: &str) -> Option<String> {
    schedule.active(&id("api"), at(now)).map(|maintenance| maintenance.until.to_string())
}

/// That `api` is in maintenance from the one to the other, and not right before and after.
#[track_caller]
fn assert_window(schedule: &MaintenanceSchedule, from: &str, end: &str) {
    let second = SignedDuration::from_secs(1);
    assert_eq!(until(schedule, &(at(from) - second).to_string()), None, "before {from}");
    assert_eq!(until(schedule, from).as_deref(), Some(end), "at {from}");
    assert_eq!(until(schedule, &(at(end) - second).to_string()).as_deref(), Some(end), "just before {end}");
    assert_eq!(until(schedule, end), None, "at {end}");
}

#[test]
fn once_with_an_offset_or_in_a_zone() {
    let utc = schedule("[[maintenance]]\nfrom = '2030-05-01T22:00:00Z'\nuntil = '2030-05-02T01:00:00+02:00'\n");
    assert_window(&utc, "2030-05-01T22:00:00Z", "2030-05-01T23:00:00Z");
    let berlin = schedule(
        "[[maintenance]]\nfrom = '2030-05-01T22:00'\nuntil = '2030-05-02T00:30:00'\nzone = 'Europe/Berlin'\nreason = 'disks'\n",
    );
    assert_window(&berlin, "2030-05-01T20:00:00Z", "2030-05-01T22:30:00Z");
    let active = berlin.active(&id("database"), at("2030-05-01T21:00:00Z")).unwrap();
    assert_eq!(active.reason.as_deref(), Some("disks"));
    let no_zone = schedule("[[maintenance]]\nfrom = '2030-05-01'\nuntil = '2030-05-02'\n");
    assert_window(&no_zone, "2030-05-01T00:00:00Z", "2030-05-02T00:00:00Z");
}

#[test]
fn each_day_by_default_and_for_all_services() {
    let nightly = schedule("[[maintenance]]\nstart = '02:00'\nduration = '30m'\n");
    for day in ["2030-05-01", "2030-05-02", "2030-05-03", "2030-05-04", "2030-05-05", "2030-05-06", "2030-05-07"] {
        assert_window(&nightly, &format!("{day}T02:00:00Z"), &format!("{day}T02:30:00Z"));
    }
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
    let friday = schedule("[[maintenance]]\ndays = ['fri']\nstart = '23:00'\nduration = '3h'\n");
    assert_window(&friday, "2030-05-03T23:00:00Z", "2030-05-04T02:00:00Z");
    assert_eq!(until(&friday, "2030-05-03T00:30:00Z"), None, "Thursday's night is none");
    let week = schedule("[[maintenance]]\ndays = ['sat']\nstart = '12:00'\nduration = '160h'\n");
    assert_window(&week, "2030-05-04T12:00:00Z", "2030-05-11T04:00:00Z");
}

/// Clocks in Berlin go from 02:00 to 03:00 on 2026-03-29, and from 03:00 back to 02:00 on 2026-10-25, both at 01:00 UTC.
#[test]
fn clocks_that_are_changed_in_berlin() {
    let berlin = |start: &str, duration: &str| {
        let zone = "zone = 'Europe/Berlin'";
        schedule(&format!("[[maintenance]]\nstart = '{start}'\nduration = '{duration}'\n{zone}\n"))
    };
    // The time of day stays, whatever the offset is.
    assert_window(&berlin("04:00", "1h"), "2026-03-28T03:00:00Z", "2026-03-28T04:00:00Z");
    assert_window(&berlin("04:00", "1h"), "2026-03-29T02:00:00Z", "2026-03-29T03:00:00Z");
    assert_window(&berlin("04:00", "1h"), "2026-10-25T03:00:00Z", "2026-10-25T04:00:00Z");
    // 02:30 is left out in spring, and 03:30 is meant.
    assert_window(&berlin("02:30", "1h"), "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z");
    // 02:30 comes twice in autumn, and the first is meant.
    assert_window(&berlin("02:30", "30m"), "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z");
    // Six hours are six hours: from 23:00 to 06:00 in spring, to 04:00 in autumn.
    assert_window(&berlin("23:00", "6h"), "2026-03-28T22:00:00Z", "2026-03-29T04:00:00Z");
    assert_window(&berlin("23:00", "6h"), "2026-10-24T21:00:00Z", "2026-10-25T03:00:00Z");
    let once = "[[maintenance]]\nfrom = '2026-10-25T02:30'\nuntil = '2026-10-25T03:30'\nzone = 'Europe/Berlin'\n";
    assert_window(&schedule(once), "2026-10-25T00:30:00Z", "2026-10-25T02:30:00Z");
}

/// Samoa had no 2011-12-30: what would have begun on that day began a day later.
#[test]
fn a_day_that_was_left_out() {
    let samoa = schedule("[[maintenance]]\ndays = ['fri']\nstart = '10:00'\nduration = '1h'\nzone = 'Pacific/Apia'\n");
    assert_window(&samoa, "2011-12-30T20:00:00Z", "2011-12-30T21:00:00Z");
}

#[test]
fn only_the_services_that_are_named() {
    let database = schedule("[[maintenance]]\nstart = '02:00'\nduration = '1h'\nservices = ['database']\n");
    let now = at("2030-05-01T02:10:00Z");
    assert!(database.active(&id("database"), now).is_some());
    assert_eq!(database.active(&id("api"), now), None);
    assert_eq!(MaintenanceSchedule::default().active(&id("api"), now), None);
}

#[test]
fn of_several_the_one_that_ends_last() {
    let several = schedule(
        "[[maintenance]]\nstart = '02:00'\nduration = '1h'\nreason = 'short'\n\
         [[maintenance]]\nstart = '01:00'\nduration = '3h'\nreason = 'long'\n\
         [[maintenance]]\nstart = '02:00'\nduration = '2h'\nreason = 'as long'\n",
    );
    let active = several.active(&id("api"), at("2030-05-01T02:10:00Z")).unwrap();
    assert_eq!((active.until, active.reason.as_deref()), (at("2030-05-01T04:00:00Z"), Some("long")));
    // Windows of one table that overlap: Saturday's ends before Sunday's.
    let overlapping = schedule("[[maintenance]]\ndays = ['sat', 'sun']\nstart = '10:00'\nduration = '30h'\n");
    assert_eq!(until(&overlapping, "2030-05-05T11:00:00Z").as_deref(), Some("2030-05-06T16:00:00Z"));
    assert_eq!(until(&overlapping, "2030-05-05T09:00:00Z").as_deref(), Some("2030-05-05T16:00:00Z"));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let wrong = |table: &str| {
        let text = format!("[[maintenance]]\nstart = '02:00'\nduration = '1h'\n[[maintenance]]\n{table}");
        let error = MaintenanceSchedule::build(&tables(&text), &known()).unwrap_err();
        format!("[{}].{}: {error}", error.index, error.key)
    };
    let cases = [
        "",
        "start = '02:00'\nduration = '1h'\nzone = 'Europe/Berln'",
        "start = '02:00'\nduration = '1h'\nzone = 'home'",
        "start = '02:00'\nduration = '1h'\nservices = ['databse']",
        "start = '02:00'\nduration = '1h'\nservices = []",
        "start = '02:00'",
        "duration = '1h'",
        "days = ['sat']",
        "start = '25:00'\nduration = '1h'",
        "start = '2030-05-01T02:00'\nduration = '1h'",
        "start = '02:00'\nduration = '0s'",
        "start = '02:00'\nduration = '169h'\ndays = ['sat']",
        "start = '02:00'\nduration = '168h'\ndays = ['sat']",
        "start = '02:00'\nduration = '24h'",
        "start = '02:00'\nduration = '1h'\ndays = []",
        "from = '2030-05-01T02:00:00Z'",
        "until = '2030-05-01T02:00:00Z'",
        "from = '2030-05-01T02:00:00Z'\nuntil = '2030-05-01T04:00:00+02:00'",
        "from = 'tomorrow'\nuntil = '2030-05-01T02:00:00Z'",
        "from = '2030-05-01T02:00[Europe/Berlin]'\nuntil = '2030-05-02T02:00:00Z'",
        "from = '2030-05-01T02:00:00Z'\nuntil = '2030-05-01T03:00:00Z'\nduration = '1h'",
    ];
    let found: Vec<String> = cases.map(|table| format!("{}\n    {}", table.replace('\n', "; "), wrong(table))).to_vec();
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn a_key_or_a_day_that_is_none_is_refused() {
    assert!(toml::from_str::<MaintenanceConfig>("start = '02:00'\nlength = '1h'").is_err());
    assert!(toml::from_str::<MaintenanceConfig>("days = ['noday']").is_err());
}

proptest! {
    /// Whatever the zone and the clock changes: what is active ends when it says, has lasted no longer than it may, and
    /// began at its time of day unless a clock change left that out.
    #[test]
    fn a_window_lasts_as_long_as_it_says(
        zone in select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo"]),
        hour in 0..24_i8,
        minute in 0..60_i8,
        minutes in 1..1_439_i64,
        now in 1_700_000_000..1_900_000_000_i64,
    ) {
        let table = MaintenanceConfig {
            start: Some(format!("{hour:02}:{minute:02}")),
            duration: Some(Period::secs(minutes.unsigned_abs() * 60)),
            zone: Some(zone.to_owned()),
            ..MaintenanceConfig::default()
        };
        let schedule = MaintenanceSchedule::build(&[table], &known()).unwrap();
        let duration = SignedDuration::from_mins(minutes);
        let active = |now: Timestamp| schedule.active(&id("api"), now).map(|maintenance| maintenance.until);
        let zone = TimeZoneDatabase::bundled().get(zone).unwrap();
        let start = Time::new(hour, minute, 0, 0).unwrap();
        let now = Timestamp::from_second(now).unwrap();
        match active(now) {
            Some(until) => {
                let from = until - duration;
                prop_assert!(from <= now && now < until);
                prop_assert_eq!(active(from), Some(until));
                // The next one may have begun meanwhile, on a day of 23 hours.
                prop_assert!(active(until).is_none_or(|next| next > until));
                let begun = zone.to_datetime(from);
                let planned = zone.to_ambiguous_timestamp(begun.date().to_datetime(start)).offset();
                let is_left_out = matches!(planned, AmbiguousOffset::Gap { .. });
                prop_assert!(begun.time() == start || is_left_out);
            }
            None => {
                // No beginning is so near that it would still last.
                let mut back = now;
                while back > now - duration {
                    let local = zone.to_datetime(back);
                    // A time of day that comes twice begins nothing when it comes again.
                    let begins = local.time() == start && zone.to_timestamp(local).unwrap() == back;
                    prop_assert!(!begins, "it began at {}", back);
                    back = Timestamp::from_second((back.as_second() - 1).div_euclid(60) * 60).unwrap();
                }
            }
        }
    }
}
