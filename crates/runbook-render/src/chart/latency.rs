//! The latency of a service over time.

use super::{
    columns::{Column, Columns, SampledSeries},
    model::{HoverPicture, LatencyChart},
    path::{Area, Bar, HEIGHT, band, line, number},
    time, value,
};
use crate::words;

/// The chart of a series; `None` when no latency was measured.
pub(crate) fn latency(of: SampledSeries<'_>, columns: &Columns) -> Option<LatencyChart> {
    let values = || columns.columns.iter().filter_map(both);
    let highest = values().map(|(p50, p95)| p50.max(p95)).reduce(f64::max)?;
    let axis = value::Axis::upto(highest);
    let (mut upper, mut lower) = (Vec::new(), Vec::new());
    let mut measured = Area::default();
    let mut end = f64::NEG_INFINITY;
    for (column, (p50, p95)) in columns.columns.iter().filter_map(|column| Some((column, both(column)?))) {
        // A column that does not begin where the last one ended begins a run of its own.
        if (column.x - end).abs() > 0.05 {
            upper.push(Vec::new());
            lower.push(Vec::new());
        }
        end = column.x + column.width;
        let middle = column.x + column.width / 2.0;
        for (runs, ms) in [(&mut upper, p95), (&mut lower, p50)] {
            if let Some(run) = runs.last_mut() {
                run.push((middle, axis.place(ms)));
            }
        }
        measured.add(Bar { x: column.x, y: 0.0, width: column.width, height: HEIGHT });
    }
    Some(LatencyChart {
        id: format!("{}-latency", of.id),
        title: format!("Latency of {}", of.name),
        description: description(columns),
        measured: measured.finish(),
        band: band(&upper, &lower),
        p50: line(&lower),
        p95: line(&upper),
        values: axis.ticks(),
        times: time::ticks(columns.from, columns.to),
        hovers: if of.hover { hovers(columns) } else { Vec::new() },
    })
}

/// Median and 95th percentile of a column that has them.
fn both(column: &Column) -> Option<(f64, f64)> {
    column.p50.zip(column.p95)
}

fn description(columns: &Columns) -> String {
    let of = |value: fn(&Column) -> Option<f64>| {
        let values = columns.columns.iter().filter(|column| both(column).is_some()).filter_map(value);
        let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), ms| (low.min(ms), high.max(ms)));
        format!("between {} and {}", words::latency_value(low), words::latency_value(high))
    };
    let gaps = columns.columns.iter().filter(|column| both(column).is_none()).count();
    let mut text = format!("Median {}, 95th percentile {}", of(|column| column.p50), of(|column| column.p95));
    if gaps > 0 {
        text.push_str(&format!("; no latency in {gaps} of {} columns", columns.columns.len()));
    }
    text.push('.');
    text
}

fn hovers(columns: &Columns) -> Vec<HoverPicture> {
    let hover = |column: &Column| {
        let (p50, p95) = both(column)?;
        let values = format!("p50 {}, p95 {}", words::latency_value(p50), words::latency_value(p95));
        Some(HoverPicture {
            x: number(column.x),
            width: number(column.width),
            text: format!("{}, {}: {values}", words::minute(column.start), words::minutes(column.minutes)),
        })
    };
    columns.columns.iter().filter_map(hover).collect()
}
