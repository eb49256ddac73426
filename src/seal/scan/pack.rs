//! A Git pack, read from its first object to its last without its index.
//!
//! In: a pack (gitformat-pack(5)). Out: the bytes of every object; a delta is
//! applied to its base, which is an earlier object of the same pack.
//!
//! **Never:** git itself, whose settings could run programs; more in memory than
//! three objects and a bounded cache.

use zeroize::Zeroizing;

use super::delta::{Object, apply};
use super::source::Source;
use super::unpack::{Stop, Unpacker, Wrapping};
use super::{CHAIN, OBJECT_BYTES};

/// Bytes of objects that are kept because deltas may refer to them.
const CACHE_BYTES: usize = 48 << 20;
/// Objects that are kept, each in the slot that its offset says.
const SLOTS: u64 = 4093;

/// What an object of a pack is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Whole,
    /// A delta to the object at this offset.
    DeltaAt(u64),
    /// A delta to an object that is named by its hash.
    DeltaTo,
}

/// What is told about a pack.
pub(super) trait Visitor {
    /// An object in one piece.
    fn object(&mut self, offset: u64, bytes: &[u8]);
    /// A large object, a portion at a time; an empty portion begins it.
    fn portion(&mut self, offset: u64, bytes: &[u8]);
    /// A delta whose base was not at hand.
    fn unresolved(&mut self);
}

/// Reads all objects.
pub(super) fn read(
    source: &mut Source<'_>,
    unpacker: &mut Unpacker,
    visitor: &mut dyn Visitor,
) -> Result<(), Stop> {
    let broken = |_| Stop::Damaged;
    source.seek(0);
    let [_, _, _, _, 0, 0, 0, 2 | 3] = source.bytes::<8>().map_err(broken)? else {
        return Err(Stop::Damaged);
    };
    let count = u32::from_be_bytes(source.bytes().map_err(broken)?);
    let mut pack = Pack {
        source,
        unpacker,
        cache: Cache::default(),
    };
    for _ in 0..count {
        pack.next(visitor)?;
    }
    Ok(())
}

struct Pack<'a, 'b> {
    source: &'a mut Source<'b>,
    unpacker: &'a mut Unpacker,
    cache: Cache,
}

impl Pack<'_, '_> {
    fn next(&mut self, visitor: &mut dyn Visitor) -> Result<(), Stop> {
        let offset = self.source.position();
        let (kind, size) = header(self.source, offset)?;
        if size > OBJECT_BYTES {
            if kind != Kind::Whole {
                visitor.unresolved();
            }
            visitor.portion(offset, b"");
            let take = &mut |portion: &[u8]| {
                if !portion.is_empty() {
                    visitor.portion(offset, portion);
                }
            };
            self.unpacker.stream(self.source, Wrapping::Zlib, take)?;
            return Ok(());
        }
        let bytes = self.unpack(size)?;
        // The instructions of a delta hold what is new in it.
        visitor.object(offset, &bytes);
        if kind == Kind::Whole {
            self.cache.keep(offset, bytes);
            return Ok(());
        }
        let end = self.source.position();
        let made = self.resolve(offset, kind, &bytes)?;
        self.source.seek(end);
        match made {
            Some(object) => {
                visitor.object(offset, &object);
                self.cache.keep(offset, object);
            }
            None => visitor.unresolved(),
        }
        Ok(())
    }

    fn unpack(&mut self, size: usize) -> Result<Object, Stop> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(size));
        let take = &mut |portion: &[u8]| {
            // It never grows beyond what the header says.
            let room = size - bytes.len();
            bytes.extend_from_slice(portion.get(..room).unwrap_or(portion));
        };
        self.unpacker.stream(self.source, Wrapping::Zlib, take)?;
        Ok(bytes)
    }

    /// Applies a delta to its base, which may be a delta itself: the chain is
    /// followed down to an object that is at hand, then back up.
    fn resolve(&mut self, offset: u64, kind: Kind, delta: &[u8]) -> Result<Option<Object>, Stop> {
        let Kind::DeltaAt(mut base) = kind else {
            return Ok(None);
        };
        let mut chain = Vec::new();
        let mut below = offset;
        while !self.cache.has(base) {
            // Bases come first in a pack; another order would never end.
            if base >= below || chain.len() >= CHAIN {
                return Ok(None);
            }
            self.source.seek(base);
            let (kind, size) = header(self.source, base)?;
            if size > OBJECT_BYTES {
                return Ok(None);
            }
            match kind {
                Kind::Whole => {
                    let bytes = self.unpack(size)?;
                    self.cache.keep(base, bytes);
                    break;
                }
                Kind::DeltaTo => return Ok(None),
                Kind::DeltaAt(next) => {
                    chain.push(base);
                    (below, base) = (base, next);
                }
            }
        }
        let Some(mut object) = self.cache.copy(base) else {
            return Ok(None);
        };
        for offset in chain.into_iter().rev() {
            self.source.seek(offset);
            let (_, size) = header(self.source, offset)?;
            let step = self.unpack(size)?;
            let Some(made) = apply(&object, &step) else {
                return Ok(None);
            };
            self.unpacker.charge(object.len())?;
            object = made;
        }
        self.unpacker.charge(object.len())?;
        Ok(apply(&object, delta))
    }
}

/// The type and size before an object's stream, and the base of a delta.
fn header(source: &mut Source<'_>, offset: u64) -> Result<(Kind, usize), Stop> {
    let mut next = || source.byte().map_err(|_| Stop::Damaged);
    let first = next()?;
    let mut size = usize::from(first & 15);
    let (mut byte, mut shift) = (first, 4);
    while byte & 0x80 != 0 {
        byte = next()?;
        if shift > 39 {
            return Err(Stop::Damaged);
        }
        size |= usize::from(byte & 0x7f) << shift;
        shift += 7;
    }
    let kind = match first >> 4 & 7 {
        1..=4 => Kind::Whole,
        6 => {
            let mut byte = next()?;
            let mut back = u64::from(byte & 0x7f);
            while byte & 0x80 != 0 {
                byte = next()?;
                if back >> 48 != 0 {
                    return Err(Stop::Damaged);
                }
                back = (back + 1) << 7 | u64::from(byte & 0x7f);
            }
            Kind::DeltaAt(offset.checked_sub(back).ok_or(Stop::Damaged)?)
        }
        7 => {
            source.bytes::<20>().map_err(|_| Stop::Damaged)?;
            Kind::DeltaTo
        }
        _ => return Err(Stop::Damaged),
    };
    Ok((kind, size))
}

/// Objects by their offset: each has one slot, and the oldest go when there is
/// too much.
#[derive(Default)]
struct Cache {
    slots: Vec<Option<(u64, Object)>>,
    bytes: usize,
    oldest: usize,
}

impl Cache {
    fn slot(&mut self, offset: u64) -> Option<&mut Option<(u64, Object)>> {
        let at = usize::try_from(offset % SLOTS).ok()?;
        if self.slots.len() <= at {
            self.slots.resize_with(at + 1, || None);
        }
        self.slots.get_mut(at)
    }

    fn has(&mut self, offset: u64) -> bool {
        self.object(offset).is_some()
    }

    fn object(&mut self, offset: u64) -> Option<&Object> {
        let (kept, object) = self.slot(offset)?.as_ref()?;
        (*kept == offset).then_some(object)
    }

    fn copy(&mut self, offset: u64) -> Option<Object> {
        self.object(offset).cloned()
    }

    fn keep(&mut self, offset: u64, object: Object) {
        let size = object.len();
        while self.bytes + size > CACHE_BYTES && self.bytes > 0 {
            let at = self.oldest % self.slots.len().max(1);
            self.oldest = at + 1;
            let gone = self.slots.get_mut(at).and_then(Option::take);
            self.bytes -= gone.map_or(0, |(_, object)| object.len());
        }
        let Some(slot) = self.slot(offset) else {
            return;
        };
        let gone = slot.replace((offset, object));
        self.bytes = self.bytes + size - gone.map_or(0, |(_, object)| object.len());
    }
}
