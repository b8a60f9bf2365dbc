//! Which opcodes belong to which family, those to come among them.
//!
//! A family has a number, and with it a block of [`SIZE`] opcodes in each range
//! of requests and among the events. So two families that are built at the same
//! time never take the same number, and an opcode in a log names its family.

use std::ops::Range;

use super::RowKind;
use crate::frame::opcode;

/// Opcodes of a family in each range.
pub const SIZE: u16 = 32;

/// Every family, each with its number. What is spoken most stands first: opcodes
/// below 128 are one byte on the wire. A number is never given to another
/// family; a family that outgrows its block gets a second line.
pub const BLOCKS: &[(u16, &str)] = &[
    (0, "message"),
    (1, "typing"),
    (2, "unread"),
    (3, "voice"),
    (4, "account"),
    (5, "session"),
    (6, "user"),
    (7, "friend"),
    (8, "dm"),
    (9, "server"),
    (10, "invite"),
    (11, "member"),
    (12, "role"),
    (13, "channel"),
    (14, "thread"),
    (15, "poll"),
    (16, "search"),
    (17, "slash"),
    (18, "bot"),
    (19, "webhook"),
    (20, "plugin"),
    (21, "moderation"),
    (22, "emoji"),
    (23, "attachment"),
    (24, "push"),
    (25, "limit"),
    (26, "admin"),
    (27, "embed"),
    (28, "presence"),
    (29, "ping"),
    (30, "notification"),
];

/// The opcodes that the requests of a family may have.
pub fn requests(family: &str, kind: RowKind) -> impl Iterator<Item = Range<u16>> {
    let first = match kind {
        RowKind::Command | RowKind::Register | RowKind::Signal => opcode::FIRST_LANE,
        RowKind::Query | RowKind::Forwarded => opcode::FIRST_ANY,
        RowKind::Internal => opcode::FIRST_INTERNAL,
    };
    blocks(family, first)
}

/// The opcodes that the events of a family may have.
pub fn events(family: &str) -> impl Iterator<Item = Range<u16>> {
    blocks(family, opcode::FIRST_EVENT)
}

fn blocks(family: &str, first: u16) -> impl Iterator<Item = Range<u16>> {
    BLOCKS
        .iter()
        .filter(move |(_, name)| *name == family)
        .map(move |(number, _)| {
            let start = first + number * SIZE;
            start..start + SIZE
        })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::protocol::FAMILIES;

    #[test]
    fn each_row_lies_within_its_familys_block() {
        for (family, commands, queries, told) in FAMILIES {
            for row in commands.iter().chain(*queries) {
                let inside = requests(family, row.kind).any(|block| block.contains(&row.opcode));
                assert!(inside, "{} {} of family {family}", row.opcode, row.name);
            }
            for row in *told {
                let inside = events(family).any(|block| block.contains(&row.opcode));
                assert!(inside, "{} {} of family {family}", row.opcode, row.name);
            }
        }
    }

    #[test]
    fn no_block_belongs_to_two_families_or_lies_in_two_ranges() {
        let numbers: BTreeSet<u16> = BLOCKS.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers.len(), BLOCKS.len());
        for (family, ends) in [
            (RowKind::Command, opcode::FIRST_ANY),
            (RowKind::Query, opcode::FIRST_INTERNAL),
            (RowKind::Internal, u16::MAX),
        ] {
            for (_, name) in BLOCKS {
                assert!(requests(name, family).all(|block| block.end <= ends));
            }
        }
    }
}
