//! Any text: each mention stands where it is said to stand, and code mentions nobody.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::domain::mentions::{find_mentions, parse_mentions};

fuzz_target!(|text: &str| {
    let mut end = 0;
    for (place, mention) in find_mentions(text) {
        assert!(end <= place.start && place.start < place.end);
        end = place.end;
        let written = text.get(place).expect("whole characters");
        let again: Vec<_> = find_mentions(written).map(|(_, again)| again).collect();
        assert_eq!(again, [mention]);
    }
    drop(parse_mentions(text));
    if !text.contains('`') {
        assert_eq!(find_mentions(&format!("`{text}`")).count(), 0);
    }
});
