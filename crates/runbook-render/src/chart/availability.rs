//! How a service was available over time.

use super::{
    columns::{Column, Columns, SampledSeries},
    model::{AvailabilityChart, HoverPicture},
    path::{Area, Bar, HEIGHT, number},
    time,
};
use crate::{facts, words};

/// The narrowest column, of 1000: one measurement in a day must still be seen.
const NARROWEST: f64 = 2.0;
/// The lowest share, of 100: a minute's fault in a day must still be seen.
const LOWEST: f64 = 5.0;
/// Columns that are narrower than this are not parted by lines.
const PARTED: f64 = 5.0;

/// The chart of a series.
pub(crate) fn availability(of: SampledSeries<'_>, columns: &Columns) -> AvailabilityChart {
    let [mut up, mut degraded, mut down, mut maintenance] = [(); 4].map(|()| Area::default());
    let mut separators = String::new();
    for (at, column) in columns.columns.iter().enumerate() {
        let room = column.width;
        let wide = |minutes: f64, room: f64| match minutes {
            some if some > 0.0 && column.minutes > 0.0 => (room * some / column.minutes).max(NARROWEST).min(room),
            _ => 0.0,
        };
        let observed = wide(column.observed(), room);
        let planned = wide(column.maintenance, room).min(room - observed);
        let [low, middle, high] = heights(column);
        let mut x = column.x;
        let mut top = HEIGHT;
        for (area, height) in [(&mut up, low), (&mut degraded, middle), (&mut down, high)] {
            top -= height;
            area.add(Bar { x, y: top.max(0.0), width: observed, height });
        }
        x += observed;
        maintenance.add(Bar { x, y: 0.0, width: planned, height: HEIGHT });
        if at > 0 && column.width >= PARTED {
            separators.push_str(&format!("M{} 0v{HEIGHT}", number(column.x)));
        }
    }
    AvailabilityChart {
        id: format!("{}-availability", of.id),
        title: format!("Availability of {}", of.name),
        description: description(of, columns),
        up: up.finish(),
        degraded: degraded.finish(),
        down: down.finish(),
        maintenance: maintenance.finish(),
        separators,
        times: time::ticks(columns.from, columns.to),
        hovers: if of.hover { hovers(columns) } else { Vec::new() },
    }
}

/// How high the shares of up, degraded and down stand; together all of it. A share that is there is never too low to see.
fn heights(column: &Column) -> [f64; 3] {
    let observed = column.observed();
    if observed <= 0.0 {
        return [0.0; 3];
    }
    let share = |minutes: f64| match minutes / observed * HEIGHT {
        none if none <= 0.0 => 0.0,
        some => some.max(LOWEST),
    };
    let (down, degraded) = (share(column.down), share(column.degraded));
    let down = down.min(HEIGHT);
    let degraded = degraded.min(HEIGHT - down);
    [HEIGHT - down - degraded, degraded, down]
}

/// The figures of the whole series as a sentence.
fn description(of: SampledSeries<'_>, columns: &Columns) -> String {
    let total = &of.series.total;
    let (from, to) = (words::minute(columns.from), words::minute(columns.to));
    let mut text = format!(
        "From {from} to {to}: up {}",
        facts::observed(total.uptime().filter(|_| total.up.is_finite()), total.coverage())
    );
    let sum = |minutes: fn(&Column) -> f64| columns.columns.iter().map(minutes).sum::<f64>();
    let unobserved = sum(|column| (column.minutes - column.observed() - column.maintenance).max(0.0));
    for (minutes, what) in [
        (sum(|column| column.down), "down"),
        (sum(|column| column.degraded), "degraded"),
        (sum(|column| column.maintenance), "in maintenance"),
        (unobserved, "not observed"),
    ] {
        if minutes > 0.0 {
            text.push_str(&format!("; {} {what}", words::minutes(minutes)));
        }
    }
    text.push('.');
    text
}

fn hovers(columns: &Columns) -> Vec<HoverPicture> {
    let hover = |column: &Column| HoverPicture {
        x: number(column.x),
        width: number(column.width),
        text: format!("{}, {}", words::minute(column.start), told(column)),
    };
    columns.columns.iter().map(hover).collect()
}

/// What a column says: `1 h: up 42 % of 100 % observed; 35 min down`.
fn told(column: &Column) -> String {
    let span = words::minutes(column.minutes);
    let mut text = match column.uptime() {
        Some(uptime) => format!("{span}: up {}", facts::observed(Some(uptime), column.coverage())),
        None => format!("{span}: {}", facts::observed(None, 0.0)),
    };
    for (minutes, what) in
        [(column.down, "down"), (column.degraded, "degraded"), (column.maintenance, "in maintenance")]
    {
        if minutes > 0.0 {
            text.push_str(&format!("; {} {what}", words::minutes(minutes)));
        }
    }
    text
}

/// The columns in which the service was down the longest, worst first; at most `most`.
pub(crate) fn worst(columns: &Columns, most: usize) -> Vec<String> {
    let mut bad: Vec<_> = columns.columns.iter().filter(|column| column.down > 0.0).collect();
    bad.sort_by(|a, b| b.down.total_cmp(&a.down));
    bad.iter().take(most).map(|column| format!("{}, {}", words::minute(column.start), told(column))).collect()
}
