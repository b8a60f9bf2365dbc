//! Any bytes as a client's frame: read, and written again, they say the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::frame::{Frame, websocket_payload};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = Frame::read(bytes) {
        assert_eq!(Frame::read(&frame.write()), Ok(frame));
    }
    let _payload = websocket_payload(bytes);
});
