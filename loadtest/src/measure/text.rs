//! Numbers as people read them.

/// Three digits that count, with separators: `152,400`, `9.71`, `0.31`.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 {
        grouped(value)
    } else if size >= 100.0 || value == 0.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

/// A count with separators.
pub(super) fn count(value: u64) -> String {
    separated(&value.to_string())
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
pub(super) fn bytes(value: f64) -> String {
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

fn grouped(value: f64) -> String {
    let text = format!("{value:.0}");
    text.strip_prefix('-').map_or_else(
        || separated(&text),
        |digits| format!("-{}", separated(digits)),
    )
}

fn separated(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
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
