//! Paths of SVG (<https://www.w3.org/TR/SVG2/paths.html>) from numbers, with a fixed precision.

/// How wide the plane of a chart is.
pub(super) const WIDTH: f64 = 1000.0;
/// How high the plane of a chart is.
pub(super) const HEIGHT: f64 = 100.0;

/// A number with at most one decimal: a tenth of a unit is less than a pixel. What is not finite is 0.
pub(super) fn number(value: f64) -> String {
    let tenths = (value * 10.0).round();
    let tenths = if tenths.is_finite() { tenths.clamp(-1e7, 1e7) } else { 0.0 };
    // Adding zero makes a zero of a negative zero.
    format!("{}", (tenths + 0.0) / 10.0)
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bar {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// The area of many rectangles; those that continue each other become one.
#[derive(Debug, Default)]
pub(super) struct Area {
    path: String,
    open: Option<Bar>,
}

impl Area {
    /// Adds a rectangle, to the right of those before it. One without an area is left out.
    pub(super) fn add(&mut self, bar: Bar) {
        if bar.width <= 0.0 || bar.height <= 0.0 {
            return;
        }
        match &mut self.open {
            Some(open) if continues(open, &bar) => open.width = bar.x + bar.width - open.x,
            _ => {
                self.close();
                self.open = Some(bar);
            }
        }
    }

    /// The path.
    pub(super) fn finish(mut self) -> String {
        self.close();
        self.path
    }

    fn close(&mut self) {
        if let Some(Bar { x, y, width, height }) = self.open.take() {
            let [x, y, width, height] = [x, y, width, height].map(number);
            self.path.push_str(&format!("M{x} {y}h{width}v{height}h-{width}z"));
        }
    }
}

fn continues(open: &Bar, bar: &Bar) -> bool {
    // Half of the smallest number that is written.
    let near = |a: f64, b: f64| (a - b).abs() < 0.05;
    near(open.x + open.width, bar.x) && near(open.y, bar.y) && near(open.height, bar.height)
}

/// A line through points, each run of it by itself. A single point becomes a dot: a line to itself, which round ends show.
pub(super) fn line(runs: &[Vec<(f64, f64)>]) -> String {
    let mut path = String::new();
    for run in runs {
        for (at, (x, y)) in run.iter().enumerate() {
            let sign = if at == 0 { 'M' } else { 'L' };
            path.push_str(&format!("{sign}{} {}", number(*x), number(*y)));
        }
        if run.len() == 1 {
            path.push_str("h0");
        }
    }
    path
}

/// The area between two lines with the same places: along `upper`, back along `lower`. A single point has none.
pub(super) fn band(upper: &[Vec<(f64, f64)>], lower: &[Vec<(f64, f64)>]) -> String {
    let mut path = String::new();
    for (upper, lower) in upper.iter().zip(lower).filter(|(upper, _)| upper.len() > 1) {
        for (at, (x, y)) in upper.iter().chain(lower.iter().rev()).enumerate() {
            let sign = if at == 0 { 'M' } else { 'L' };
            path.push_str(&format!("{sign}{} {}", number(*x), number(*y)));
        }
        path.push('z');
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_decimal_and_are_always_numbers() {
        for (value, text) in [(1.25, "1.3"), (3.0, "3"), (-0.01, "0"), (f64::NAN, "0"), (f64::INFINITY, "0")] {
            assert_eq!(number(value), text);
        }
        assert_eq!(number(f64::MAX), "0", "ten times the largest number is none");
        assert_eq!(number(1e300), "1000000");
    }

    #[test]
    fn bars_that_continue_each_other_are_one() {
        let bar = |x, height| Bar { x, y: 0.0, width: 10.0, height };
        let mut area = Area::default();
        for bar in [bar(0.0, 100.0), bar(10.0, 100.0), bar(20.0, 50.0), bar(40.0, 50.0), bar(50.0, 0.0)] {
            area.add(bar);
        }
        assert_eq!(area.finish(), "M0 0h20v100h-20zM20 0h10v50h-10zM40 0h10v50h-10z");
    }

    #[test]
    fn a_lonely_point_is_a_dot_and_no_area() {
        let run = vec![vec![(1.0, 2.0)], vec![(3.0, 4.0), (5.0, 6.0)]];
        assert_eq!(line(&run), "M1 2h0M3 4L5 6");
        assert_eq!(band(&run, &run), "M3 4L5 6L5 6L3 4z");
    }
}
