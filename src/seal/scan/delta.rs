//! A Git delta applied to its base (gitformat-pack(5), "Deltified
//! representation").
//!
//! In: the base and the instructions. Out: the object, of a bounded size.
//!
//! **Never:** a byte from outside the base, or an object of another size than
//! the delta says.

use zeroize::Zeroizing;

use super::OBJECT_BYTES;

/// Memory for an object, wiped after use.
pub(super) type Object = Zeroizing<Vec<u8>>;

/// Copies and insertions in turn, as the delta orders them. `None`: it is broken
/// or the object too large.
pub(super) fn apply(base: &[u8], delta: &[u8]) -> Option<Object> {
    let mut rest = delta;
    if size(&mut rest)? != base.len() {
        return None;
    }
    let target = size(&mut rest)?;
    if target > OBJECT_BYTES {
        return None;
    }
    let mut object = Zeroizing::new(Vec::with_capacity(target));
    while let Some((&order, tail)) = rest.split_first() {
        rest = tail;
        let part = if order & 0x80 == 0 {
            let (new, tail) = rest.split_at_checked(usize::from(order))?;
            rest = tail;
            new
        } else {
            let offset = number(&mut rest, order, 4)?;
            let length = match number(&mut rest, order >> 4, 3)? {
                0 => 0x1_0000,
                length => length,
            };
            base.get(offset..offset.checked_add(length)?)?
        };
        if order == 0 || part.len() > target - object.len() {
            return None;
        }
        object.extend_from_slice(part);
    }
    (object.len() == target).then_some(object)
}

/// A size in groups of seven bits, the lowest first.
fn size(rest: &mut &[u8]) -> Option<usize> {
    let mut size = 0;
    for shift in [0, 7, 14, 21, 28, 35] {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        size |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(size);
        }
    }
    None
}

/// A number of which only the bytes are there that `present` has a bit for.
fn number(rest: &mut &[u8], present: u8, bytes: u32) -> Option<usize> {
    let mut number = 0;
    for byte in 0..bytes {
        if present >> byte & 1 != 0 {
            let (&next, tail) = rest.split_first()?;
            *rest = tail;
            number |= usize::from(next) << (8 * byte);
        }
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::apply;

    #[test]
    fn a_delta_copies_and_inserts() {
        // Base of 10, object of 9: copy 3 from 7, insert "new", copy 3 from 0.
        let delta = [10, 9, 0x91, 7, 3, 3, b'n', b'e', b'w', 0x90, 3];
        assert_eq!(**apply(b"0123456789", &delta).unwrap(), *b"789new012");
    }

    #[test]
    fn a_broken_delta_is_refused() {
        let base = b"0123456789";
        for delta in [
            &[][..],
            &[9, 1, 1, b'x'],
            &[10, 2, 1, b'x'],
            &[10, 1, 2, b'x', b'y'],
            &[10, 1, 2, b'x'],
            &[10, 1, 0],
            &[10, 4, 0x91, 8, 4],
            &[10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1],
            &[10, 0xff, 0xff, 0xff, 0x7f, 0x90, 1],
        ] {
            assert!(apply(base, delta).is_none(), "{delta:?}");
        }
    }
}
