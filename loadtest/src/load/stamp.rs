//! What each message carries: whose it is, which one, and when it was meant to leave.
//!
//! The stamp is text of a fixed width, so that a reader takes it from the
//! beginning of a message's content without decoding anything else.

/// What begins every stamp.
const MAGIC: &[u8] = b"~load:";
/// Hexadecimal digits of the run, the publisher, the number and the time.
const WIDTHS: [usize; 4] = [8, 8, 12, 16];
/// The length of a stamp in bytes.
pub const LENGTH: usize = 6 + 8 + 8 + 12 + 16;

/// The stamp of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The run, so that what an earlier one left behind is no message of this one.
    pub run: u32,
    /// Who published it.
    pub publisher: u32,
    /// Which of the publisher's messages it is, from 1.
    pub number: u64,
    /// When it was meant to leave, in nanoseconds of [`super::clock::now`].
    pub intended: u64,
}

impl Stamp {
    /// The content of a message of `length` bytes, or of a stamp's length when that is more.
    pub fn content(&self, length: usize) -> String {
        let mut content = format!(
            "~load:{:08x}{:08x}{:012x}{:016x}",
            self.run,
            self.publisher,
            self.number & 0xffff_ffff_ffff,
            self.intended
        );
        content.extend(std::iter::repeat_n('.', length.saturating_sub(LENGTH)));
        content
    }

    /// Reads the stamp at the beginning of a content; `None` when there is none.
    pub fn read(content: &[u8]) -> Option<Self> {
        let mut rest = content.strip_prefix(MAGIC)?;
        let mut numbers = [0; 4];
        for (number, width) in numbers.iter_mut().zip(WIDTHS) {
            let (digits, after) = rest.split_at_checked(width)?;
            *number = hexadecimal(digits)?;
            rest = after;
        }
        let [run, publisher, number, intended] = numbers;
        Some(Self {
            run: u32::try_from(run).ok()?,
            publisher: u32::try_from(publisher).ok()?,
            number,
            intended,
        })
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let mut value = 0;
    for digit in digits {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        value = (value << 4) | u64::from(digit);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_from_its_content() {
        let stamp = Stamp {
            run: 0xdead_beef,
            publisher: 7,
            number: 123_456_789_012,
            intended: u64::MAX,
        };
        for length in [0, LENGTH, 200] {
            let content = stamp.content(length);
            assert_eq!(content.len(), length.max(LENGTH));
            assert_eq!(Stamp::read(content.as_bytes()), Some(stamp));
        }
    }

    #[test]
    fn what_is_no_stamp_is_none() {
        let whole = Stamp {
            run: 1,
            publisher: 2,
            number: 3,
            intended: 4,
        }
        .content(0);
        for length in 0..LENGTH {
            assert_eq!(Stamp::read(&whole.as_bytes()[..length]), None);
        }
        assert_eq!(Stamp::read(whole.replace('1', "g").as_bytes()), None);
        assert_eq!(Stamp::read(b"Hello, is this the load test?"), None);
    }
}
