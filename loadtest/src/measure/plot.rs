//! Lines over an axis, as SVG inside of a page that gives the colours.

use std::fmt::Write;

use super::text::number;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;
/// Room for the labels of the axes.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 40.0;
/// Lines across that a reader can still follow.
const TICKS: f64 = 5.0;
/// Colours that the page has.
pub(super) const COLOURS: usize = 6;

/// One line.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) name: String,
    /// Which of the page's colours: the same thing has the same in every plot.
    pub(super) colour: usize,
    pub(super) points: Vec<(f64, f64)>,
}

/// A plot. Its vertical axis begins at zero.
#[derive(Debug, Clone)]
pub(super) struct Plot {
    pub(super) title: String,
    /// What the horizontal axis is.
    pub(super) across: &'static str,
    /// Places on it that have a name; empty for round numbers.
    pub(super) ticks: Vec<(f64, String)>,
    pub(super) lines: Vec<Line>,
}

/// What stands for itself in HTML.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

impl Plot {
    /// The plot as a figure of HTML; nothing when there is nothing to see.
    pub(super) fn html(&self) -> String {
        let mut out = String::new();
        if self.lines.iter().all(|line| line.points.len() < 2) {
            return out;
        }
        // Writing to memory does not fail.
        self.write(&mut out).unwrap_or_default();
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let from = points().map(|point| point.0).fold(f64::INFINITY, f64::min);
        let to = points().map(|point| point.0).fold(from, f64::max);
        let highest = points().map(|point| point.1).fold(0.0, f64::max);
        let step = round_step(highest);
        let top = (highest / step).ceil().max(1.0) * step;
        let x = |at: f64| LEFT + (at - from) / (to - from).max(1e-9) * (WIDTH - LEFT - RIGHT);
        let y = |at: f64| HEIGHT - BOTTOM - at / top * (HEIGHT - TOP - BOTTOM);

        writeln!(
            out,
            "<figure><figcaption>{}</figcaption>",
            escape(&self.title)
        )?;
        if self.lines.len() > 1 {
            write!(out, "<p class=\"legend\">")?;
            for line in &self.lines {
                let colour = line.colour % COLOURS;
                let name = escape(&line.name);
                write!(out, "<span><i class=\"b{colour}\"></i>{name}</span> ")?;
            }
            writeln!(out, "</p>")?;
        }
        writeln!(
            out,
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            escape(&self.title)
        )?;
        let mut at = 0.0;
        while at <= top + step / 2.0 {
            let place = y(at);
            writeln!(
                out,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{place:.1}\" y2=\"{place:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                place + 4.0,
                tick(at)
            )?;
            at += step;
        }
        for (at, name) in self.named(from, to) {
            writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                x(at),
                HEIGHT - BOTTOM + 16.0,
                escape(&name)
            )?;
        }
        writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(LEFT, WIDTH - RIGHT),
            HEIGHT - 6.0,
            escape(self.across)
        )?;
        for line in &self.lines {
            let places: Vec<String> = line
                .points
                .iter()
                .map(|point| format!("{:.1},{:.1}", x(point.0), y(point.1)))
                .collect();
            writeln!(
                out,
                "<polyline class=\"l{}\" points=\"{}\"><title>{}</title></polyline>",
                line.colour % COLOURS,
                places.join(" "),
                escape(&line.name)
            )?;
        }
        writeln!(out, "</svg></figure>")
    }

    /// The names along the horizontal axis.
    fn named(&self, from: f64, to: f64) -> Vec<(f64, String)> {
        if !self.ticks.is_empty() {
            let within = |at: &&(f64, String)| at.0 >= from && at.0 <= to;
            return self.ticks.iter().filter(within).cloned().collect();
        }
        let step = round_step(to - from);
        let mut names = Vec::new();
        let mut at = (from / step).ceil() * step;
        while at <= to {
            names.push((at, tick(at)));
            at += step;
        }
        names
    }
}

/// 1, 2 or 5 times a power of ten, so that about [`TICKS`] of it are `span`.
fn round_step(span: f64) -> f64 {
    if !(span.is_finite() && span > 0.0) {
        return 1.0;
    }
    let rough = span / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|factor| factor * power >= rough * 0.999)
        .unwrap_or(10.0);
    factor * power
}

/// A round number without digits that say nothing.
fn tick(at: f64) -> String {
    let text = number(at);
    if text.contains('.') {
        let short = text.trim_end_matches('0').trim_end_matches('.');
        return short.to_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, f64)>) -> String {
        let lines = vec![Line {
            name: "<a> & \"b\"".to_owned(),
            colour: 7,
            points,
        }];
        Plot {
            title: "title".to_owned(),
            across: "s",
            ticks: Vec::new(),
            lines,
        }
        .html()
    }

    #[test]
    fn points_are_where_they_belong() {
        let svg = plot(vec![(0.0, 0.0), (5.0, 50.0), (10.0, 100.0)]);
        assert!(
            svg.contains("points=\"64.0,220.0 384.0,116.0 704.0,12.0\""),
            "{svg}"
        );
        assert!(svg.contains("class=\"l1\""), "seven of six colours is one");
    }

    #[test]
    fn names_are_escaped() {
        let svg = plot(vec![(0.0, 0.0), (1.0, 1.0)]);
        assert!(svg.contains("&lt;a&gt; &amp; &quot;b&quot;") && !svg.contains("<a>"));
        assert_eq!(escape("it's"), "it&#39;s");
    }

    #[test]
    fn nothing_to_see_is_nothing() {
        assert_eq!(plot(Vec::new()), "");
        assert_eq!(plot(vec![(1.0, 1.0)]), "");
        assert!(plot(vec![(1.0, 0.0), (1.0, 0.0)]).contains("polyline"));
    }

    #[test]
    fn steps_are_round() {
        for (span, step) in [
            (100.0, 20.0),
            (9.0, 2.0),
            (0.3, 0.1),
            (26.0, 10.0),
            (0.0, 1.0),
        ] {
            assert!((round_step(span) - step).abs() < 1e-9, "{span}");
        }
        assert_eq!(
            (tick(0.5), tick(2.0), tick(20_000.0)),
            ("0.5".into(), "2".into(), "20,000".into())
        );
    }
}
