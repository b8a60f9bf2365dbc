//! Notes for the index of messages: see `store::search_index`.

use shared::ids::{ChannelId, MessageId};

use super::rows::{BatchedRow, Column, column};

/// A message that filled a block, was changed or was deleted.
pub(crate) type SearchNote = (ChannelId, MessageId);

impl BatchedRow for SearchNote {
    const STATEMENT: &'static str = "
        INSERT INTO search_pending (channel, message)
        SELECT * FROM unnest($1::int8[], $2::int8[])";

    fn columns(rows: &[Self], _day: i32) -> Vec<Column<'_>> {
        vec![
            column(rows, |(channel, _)| channel.sql()),
            column(rows, |(_, message)| message.sql()),
        ]
    }
}
