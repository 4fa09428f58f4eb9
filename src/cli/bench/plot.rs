//! A plot with two logarithmic scales, as SVG.

use std::fmt::Write as _;

/// How large it is, and how much of that is for what stands around.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 130.0;
const ABOVE: f64 = 50.0;
const BELOW: f64 = 60.0;

/// One colour for each line, to be told apart on white and in grey.
const COLOURS: [&str; 6] = ["#1b6ca8", "#d1495b", "#3c8d40", "#8a4fbf", "#c77d0a", "#444444"];

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Plot {
    pub title: String,
    /// What the numbers from left to right are, and those upwards.
    pub across: String,
    pub upwards: String,
    pub lines: Vec<Line>,
    /// Heights that mean something.
    pub marks: Vec<(f64, String)>,
}

/// One line of it.
#[derive(Clone, Debug)]
pub struct Line {
    pub name: String,
    /// None of these numbers is 0 or less.
    pub points: Vec<(f64, f64)>,
}

/// What a scale reaches from and to, in powers of ten.
#[derive(Clone, Copy, Debug)]
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn of(numbers: impl Iterator<Item = f64>) -> Self {
        let logs = numbers.filter(|number| *number > 0.0).map(f64::log10);
        let ends = logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), log| {
            (low.min(log), high.max(log))
        });
        match ends {
            (low, high) if low < high => Self { low: low - 0.05, high: high + 0.05 },
            (low, _) if low.is_finite() => Self { low: low - 0.5, high: low + 0.5 },
            _ => Self { low: 0.0, high: 1.0 },
        }
    }

    /// Which part of the way a number is.
    fn part(self, number: f64) -> f64 {
        (number.log10() - self.low) / (self.high - self.low)
    }

    /// Round numbers on it: 1, 2 and 5 times the powers of ten.
    fn round(self) -> Vec<f64> {
        let powers = (self.low.floor() as i32..=self.high.ceil() as i32).map(|n| 10_f64.powi(n));
        let all = powers.flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * power));
        all.filter(|number| (0.0..=1.0).contains(&self.part(*number))).collect()
    }
}

impl Plot {
    /// The whole file.
    pub fn draw(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let across = Scale::of(points().map(|(x, _)| *x));
        let marks = self.marks.iter().map(|(height, _)| *height);
        let upwards = Scale::of(points().map(|(_, y)| *y).chain(marks));
        let x = |number: f64| LEFT + across.part(number) * (WIDTH - LEFT - RIGHT);
        let y = |number: f64| HEIGHT - BELOW - upwards.part(number) * (HEIGHT - ABOVE - BELOW);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"13\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
        );
        let mut put = |element: String| _ = writeln!(out, "{element}");
        put(text(WIDTH / 2.0, 26.0, "middle", "16", &self.title));
        put(text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 16.0, "middle", "13", &self.across));
        put(format!(
            "<text transform=\"translate(22 {:.0}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            (ABOVE + HEIGHT - BELOW) / 2.0,
            escaped(&self.upwards)
        ));
        let (left, right, top, bottom) = (LEFT, WIDTH - RIGHT, ABOVE, HEIGHT - BELOW);
        for number in across.round() {
            put(stroke((x(number), top), (x(number), bottom), "#dddddd"));
            put(text(x(number), bottom + 18.0, "middle", "13", &grouped(number)));
        }
        for number in upwards.round() {
            put(stroke((left, y(number)), (right, y(number)), "#dddddd"));
            put(text(left - 8.0, y(number) + 4.0, "end", "13", &grouped(number)));
        }
        for (height, name) in &self.marks {
            put(format!(
                "<path d=\"M{left:.1} {0:.1}H{right:.1}\" stroke=\"#777777\" stroke-dasharray=\"6 4\"/>",
                y(*height)
            ));
            put(text(left + 6.0, y(*height) - 5.0, "start", "12", name));
        }
        for (line, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            let path: Vec<String> =
                line.points.iter().map(|at| format!("{:.1} {:.1}", x(at.0), y(at.1))).collect();
            put(format!(
                "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                path.join("L")
            ));
            for at in &line.points {
                let (x, y) = (x(at.0), y(at.1));
                put(format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"));
            }
        }
        // Where lines end close to each other, their names do not: each has a row.
        for (row, (line, colour)) in self.lines.iter().zip(COLOURS.iter().cycle()).enumerate() {
            let at = top + 12.0 + row as f64 * 20.0;
            put(format!(
                "<path d=\"M{:.1} {at:.1}h18\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                right + 12.0
            ));
            put(text(right + 36.0, at + 4.0, "start", "13", &line.name));
        }
        out.push_str("</svg>\n");
        out
    }
}

fn stroke(from: (f64, f64), to: (f64, f64), colour: &str) -> String {
    let ((x, y), (to_x, to_y)) = (from, to);
    format!("<path d=\"M{x:.1} {y:.1}L{to_x:.1} {to_y:.1}\" stroke=\"{colour}\"/>")
}

fn text(x: f64, y: f64, anchor: &str, size: &str, what: &str) -> String {
    let what = escaped(what);
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\">{what}</text>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// A number with commas between its thousands.
fn grouped(number: f64) -> String {
    if number < 1.0 {
        return number.to_string();
    }
    let digits = format!("{number:.0}");
    let lead = digits.len() % 3;
    let (head, rest) = digits.split_at(lead);
    let groups = rest.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let groups = Some(head.to_owned()).filter(|head| !head.is_empty()).into_iter().chain(groups);
    groups.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_through_powers_is_drawn_straight_and_all_is_within_the_picture() {
        let points = vec![(10.0, 30.0), (100.0, 300.0), (1_000.0, 3_000.0)];
        let line = Line { name: "a & b".to_owned(), points };
        let plot = Plot {
            title: "cost".to_owned(),
            across: "many".to_owned(),
            upwards: "µs".to_owned(),
            lines: vec![line],
            marks: vec![(1_000.0, "enough".to_owned())],
        };
        let svg = plot.draw();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("a &amp; b") && svg.contains("enough") && svg.contains(">1,000<"));
        let circles = svg.lines().filter(|line| line.starts_with("<circle"));
        let at: Vec<(f64, f64)> = circles
            .map(|circle| {
                let number = |name: &str| {
                    let (_, rest) = circle.split_once(name).unwrap();
                    rest.split_once('"').unwrap().0.parse::<f64>().unwrap()
                };
                (number("cx=\""), number("cy=\""))
            })
            .collect();
        assert!(at.iter().all(|(x, y)| (0.0..WIDTH).contains(x) && (0.0..HEIGHT).contains(y)));
        let step = |a: (f64, f64), b: (f64, f64)| (b.0 - a.0, b.1 - a.1);
        let ((dx, dy), (other_dx, other_dy)) = (step(at[0], at[1]), step(at[1], at[2]));
        assert!((dx - other_dx).abs() < 0.3 && (dy - other_dy).abs() < 0.3 && dy < 0.0);
    }

    #[test]
    fn numbers_have_commas_and_an_empty_plot_is_one() {
        assert_eq!([5.0, 500.0, 2_000.0, 1e6].map(grouped), ["5", "500", "2,000", "1,000,000"]);
        let (across, upwards) = (String::new(), String::new());
        let plot =
            Plot { title: String::new(), across, upwards, lines: Vec::new(), marks: Vec::new() };
        assert!(plot.draw().ends_with("</svg>\n"));
    }
}
