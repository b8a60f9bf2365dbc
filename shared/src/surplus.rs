//! Fields of a later version. Structs are arrays, so what a newer program appended to one is
//! told by its length, and skipped by the shape that this program knows.

use rmp::{decode, encode};

use crate::{frame::skip_value, wire::Shape};

/// MessagePack's nil.
const NIL: u8 = 0xc0;

/// The body without the fields that its shape does not have; none for what is not of that
/// shape. Nothing is built, so nothing grows beyond the body.
pub(crate) fn skip_surplus(mut body: &[u8], shape: &Shape) -> Option<Vec<u8>> {
    let mut known = Vec::with_capacity(body.len());
    copy_known(&mut body, shape, &mut known).ok()?;
    body.is_empty().then_some(known)
}

/// The struct without its last field; none where it has no field, or is no struct.
pub(crate) fn drop_last_field(body: &[u8]) -> Option<Vec<u8>> {
    let mut rest = body;
    let length = decode::read_array_len(&mut rest).ok()?.checked_sub(1)?;
    let fields = rest;
    for _ in 0..length {
        skip_value(&mut rest).ok()?;
    }
    let mut shorter = Vec::with_capacity(body.len());
    encode::write_array_len(&mut shorter, length).ok()?;
    shorter.extend_from_slice(fields.get(..fields.len() - rest.len())?);
    Some(shorter)
}

/// Copies the next value. As deep as the shape, which is never that of itself.
fn copy_known(rest: &mut &[u8], shape: &Shape, known: &mut Vec<u8>) -> Result<(), ()> {
    match shape {
        Shape::Optional(inner) if rest.first() != Some(&NIL) => copy_known(rest, inner, known),
        Shape::List(inner) => {
            let length = decode::read_array_len(rest).map_err(drop)?;
            encode::write_array_len(known, length).map_err(drop)?;
            (0..length).try_for_each(|_| copy_known(rest, inner, known))
        }
        Shape::Struct(shape) => {
            let length = decode::read_array_len(rest).map_err(drop)?;
            let fields = u32::try_from(shape.fields.len()).map_err(drop)?;
            encode::write_array_len(known, length.min(fields)).map_err(drop)?;
            for (_, field) in (0..length).zip(shape.fields) {
                copy_known(rest, &(field.shape)(), known)?;
            }
            (fields..length).try_for_each(|_| skip_value(rest))
        }
        _ => {
            let before = *rest;
            skip_value(rest)?;
            let value = before.len() - rest.len();
            known.extend_from_slice(before.get(..value).ok_or(())?);
            Ok(())
        }
    }
}
