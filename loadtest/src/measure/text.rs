//! Numbers and tables as people read them.

/// Three digits that count, with separators: `152,400`, `9.71`, `0.314`.
pub fn number(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if size >= 100.0 || value == 0.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 1.0 => 2,
        _ => 3,
    };
    separate(&format!("{value:.decimals$}"))
}

/// A count with separators.
pub(super) fn count(value: u64) -> String {
    separate(&value.to_string())
}

fn separate(text: &str) -> String {
    let whole = text.find('.').unwrap_or(text.len());
    let mut separated = String::with_capacity(text.len() * 4 / 3);
    for (place, digit) in text.chars().enumerate() {
        let follows_a_digit = separated.ends_with(|last: char| last.is_ascii_digit());
        if follows_a_digit && place < whole && (whole - place).is_multiple_of(3) {
            separated.push(',');
        }
        separated.push(digit);
    }
    separated
}

/// A figure with its unit.
pub(super) fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "bytes" => bytes(value),
        "" => number(value),
        "/s" | "%" => format!("{}{unit}", number(value)),
        _ => format!("{} {unit}", number(value)),
    }
}

/// Bytes in the largest unit of which there is one.
pub fn bytes(value: f64) -> String {
    let mut value = value;
    for unit in ["B", "KiB", "MiB"] {
        if value.abs() < 1_024.0 {
            return format!("{} {unit}", number(value));
        }
        value /= 1_024.0;
    }
    format!("{} GiB", number(value))
}

/// Nanoseconds as milliseconds.
pub(super) fn millis(nanos: u64) -> f64 {
    std::time::Duration::from_nanos(nanos).as_secs_f64() * 1e3
}

/// A count for arithmetic.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a run are far below 2^53"
)]
pub const fn real(count: u64) -> f64 {
    count as f64
}

/// Rows as lines: the first column to the left, numbers to the right.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let mut text = String::new();
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    });
    for row in rows {
        let cells = row.iter().zip(widths).enumerate();
        let cells = cells.map(|(column, (cell, wide))| match column {
            0 => format!("{cell:<wide$}"),
            _ => format!("{cell:>wide$}"),
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_count() {
        let cases = [
            (152_400.4, "152,400"),
            (-1_234.0, "-1,234"),
            (-123_456.0, "-123,456"),
            (999.4, "999"),
            (21.04, "21.0"),
            (9.708, "9.71"),
            (0.3141, "0.314"),
            (0.0, "0"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!(count(12_000_000), "12,000,000");
        assert_eq!(quantity(4_198.4, "bytes"), "4.10 KiB");
        assert_eq!(quantity(5.5, "µs"), "5.50 µs");
        assert_eq!(quantity(1_000.0, "/s"), "1,000/s");
    }
}
