//! Any bytes as the body of any request, reply, event or control frame.
//!
//! The first byte chooses the row, the rest is the body. What decodes must
//! survive the way through JSON and back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::protocol::{self, Codec, Command, Query, control};

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, body)) = bytes.split_first() else {
        return;
    };
    let codecs: Vec<Codec> = protocol::coded_rows()
        .flat_map(|row| [row.request, row.reply])
        .chain(protocol::events().map(|row| row.body))
        .chain(control::FRAMES.iter().map(|(_, _, _, body)| *body))
        .collect();
    if let Some(codec) = codecs.get(usize::from(choice) % codecs.len()) {
        drop((codec.from_json)(body));
        if let Ok(json) = (codec.to_json)(body) {
            let again = (codec.from_json)(json.as_bytes()).expect("what we wrote reads back");
            assert_eq!((codec.to_json)(&again).as_ref(), Ok(&json));
        }
    }
    let rows = protocol::coded_rows().count();
    if let Some(row) = protocol::coded_rows().nth(usize::from(choice) % rows) {
        drop(Command::decode(row.opcode, body));
        drop(Query::decode(row.opcode, body));
    }
});
