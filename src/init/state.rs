//! What crosses over to the reaper, as a fixed number of bytes.
//!
//! In: main's process id and the rules. Out: the same, read back without a heap.
//!
//! **Never:** a value, or a byte whose meaning depends on another program.

use std::time::Duration;

use nix::unistd::Pid;

use super::forward::Audience;
use super::guard::Guard;
use super::signals::Rewriting;
use super::status::SuccessCodes;
use super::supervise::Rules;
use crate::policy::duration::milliseconds;
use crate::report::{Format, Reporter};

/// What the state starts with; it changes with the layout.
const MAGIC: [u8; 8] = *b"vstbl\0\x01\n";
/// The layout in bytes: magic, pid, guard, audience, grace, success codes,
/// rewriting, and one byte each for `-w`, format and verbosity.
pub(crate) const STATE_BYTES: usize = 8 + 4 + 4 + 1 + 8 + 32 + 65 + 3;
/// Stands for "no grace" and "no uid".
const NONE: u64 = u64::MAX;

/// What the reaper has to know.
#[derive(Clone, Debug)]
pub struct State {
    /// Main's process.
    pub main: Pid,
    /// How PID 1 keeps the power over a main of another user.
    pub guard: Guard,
    /// How to look after main.
    pub rules: Rules,
    /// Where messages go.
    pub report: Reporter,
}

impl State {
    pub(crate) fn encode(&self) -> [u8; STATE_BYTES] {
        let rules = &self.rules;
        let grace = rules
            .grace
            .map_or(NONE, |grace| milliseconds(grace).min(NONE - 1));
        let mut writer = Writer {
            bytes: [0; STATE_BYTES],
            at: 0,
        };
        writer.put(&MAGIC);
        writer.put(&self.main.as_raw().to_le_bytes());
        writer.put(&self.guard.encode().to_le_bytes());
        writer.put(&[u8::from(rules.audience == Audience::Group)]);
        writer.put(&grace.to_le_bytes());
        for word in rules.success.words() {
            writer.put(&word.to_le_bytes());
        }
        writer.put(rules.rewriting.targets());
        writer.put(&[
            u8::from(rules.warn_on_reap),
            u8::from(self.report.format == Format::Json),
            self.report.verbosity,
        ]);
        writer.bytes
    }

    pub(crate) fn decode(bytes: &[u8; STATE_BYTES]) -> Option<Self> {
        let mut reader = Reader { bytes };
        if reader.take::<8>()? != MAGIC {
            return None;
        }
        let main = Pid::from_raw(i32::from_le_bytes(reader.take()?));
        let guard = Guard::decode(u32::from_le_bytes(reader.take()?));
        let [group] = reader.take()?;
        let grace = u64::from_le_bytes(reader.take()?);
        let mut words = [0; 4];
        for word in &mut words {
            *word = u64::from_le_bytes(reader.take()?);
        }
        let targets = reader.take()?;
        let [warn, json, verbosity] = reader.take()?;
        let rules = Rules {
            audience: if group == 0 {
                Audience::Main
            } else {
                Audience::Group
            },
            rewriting: Rewriting::from_targets(targets),
            grace: (grace != NONE).then(|| Duration::from_millis(grace)),
            success: SuccessCodes::from_words(words),
            warn_on_reap: warn != 0,
        };
        let format = if json == 0 {
            Format::Text
        } else {
            Format::Json
        };
        Some(Self {
            main,
            guard,
            rules,
            report: Reporter { format, verbosity },
        })
    }
}

struct Writer {
    bytes: [u8; STATE_BYTES],
    at: usize,
}

impl Writer {
    fn put(&mut self, field: &[u8]) {
        let end = self.at + field.len();
        if let Some(room) = self.bytes.get_mut(self.at..end) {
            room.copy_from_slice(field);
        }
        self.at = end;
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn take<const SIZE: usize>(&mut self) -> Option<[u8; SIZE]> {
        let (field, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*field)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::unistd::Pid;

    use super::{MAGIC, STATE_BYTES, State};
    use crate::init::forward::Audience;
    use crate::init::guard::Guard;
    use crate::init::signals::{Rewriting, Signal};
    use crate::init::status::SuccessCodes;
    use crate::init::supervise::Rules;
    use crate::report::{Format, Reporter};

    fn state(grace: Option<Duration>) -> State {
        let mut rewriting = Rewriting::default();
        rewriting.set(Signal::TERM, Some(Signal::QUIT));
        rewriting.set(Signal::HUP, None);
        let mut success = SuccessCodes::default();
        success.insert(0);
        success.insert(143);
        success.insert(255);
        let rules = Rules {
            audience: Audience::Group,
            rewriting,
            grace,
            success,
            warn_on_reap: true,
        };
        let report = Reporter {
            format: Format::Json,
            verbosity: 3,
        };
        State {
            main: Pid::from_raw(4_194_303),
            guard: Guard::KillOnly,
            rules,
            report,
        }
    }

    #[test]
    fn the_state_reads_back_as_it_was_written() {
        for grace in [
            None,
            Some(Duration::ZERO),
            Some(Duration::from_millis(8_500)),
        ] {
            let before = state(grace);
            let after = State::decode(&before.encode()).expect("a state");
            assert_eq!(format!("{after:?}"), format!("{before:?}"));
        }
    }

    #[test]
    fn bytes_without_the_mark_are_no_state() {
        let mut bytes = state(None).encode();
        bytes[0] ^= 1;
        assert!(State::decode(&bytes).is_none());
        assert!(State::decode(&[0; STATE_BYTES]).is_none());
        assert_eq!(MAGIC.len(), 8);
    }

    #[test]
    fn the_layout_fills_the_state_exactly() {
        assert_eq!(
            state(None).encode().last(),
            Some(&3),
            "verbosity is the last byte"
        );
    }
}
