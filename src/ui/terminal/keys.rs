//! Bytes from the terminal as keys and clicks. Pure: bytes in, messages out.
//!
//! Source: ECMA-48 (control sequences, 5.4), the xterm control sequences (cursor and editing keys, modifiers, mouse
//! reports in the "SGR" form), console_codes(4) for the Linux console's F1. A sequence that is in part there waits for
//! its rest, since a serial line brings the bytes of an arrow key one by one; what is unknown is dropped whole, so
//! that none of its letters is taken for a key.

use crate::ui::msg::{Key, Mouse, MouseAct};

const ESC: u8 = 0x1b;

/// A control sequence longer than this (bytes) is none of a keyboard's: so much is kept until its last letter comes.
const LONGEST: usize = 32;

/// A key, or something done with the mouse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Input {
    Key(Key),
    Mouse(Mouse),
}

/// Bytes that are not yet a key.
#[derive(Default)]
pub(super) struct Parser {
    rest: Vec<u8>,
}

/// What the first bytes are.
enum First {
    /// So many bytes, and what they mean, if anything.
    Bytes(usize, Option<Input>),
    /// The rest has not come yet.
    Part,
}

impl Parser {
    /// Takes bytes; gives what they are complete for.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Input> {
        self.rest.extend(bytes);
        let mut inputs = Vec::new();
        let mut from = 0;
        while let First::Bytes(length, input) = first(&self.rest[from..]) {
            from += length;
            inputs.extend(input);
        }
        self.rest.drain(..from);
        self.rest.truncate(LONGEST);
        inputs
    }

    /// True while a sequence waits for its rest.
    pub(super) fn waits(&self) -> bool {
        !self.rest.is_empty()
    }

    /// The rest never came: what was there is the Esc key, or nothing.
    pub(super) fn give_up(&mut self) -> Vec<Input> {
        let rest = std::mem::take(&mut self.rest);
        let is_escape = rest.iter().all(|byte| *byte == ESC) && !rest.is_empty();
        if is_escape { vec![Input::Key(Key::Esc)] } else { Vec::new() }
    }
}

fn first(bytes: &[u8]) -> First {
    match bytes {
        [] | [ESC] => First::Part,
        // Esc pressed, and then a key that begins with the same byte.
        [ESC, ESC, ..] => First::Bytes(1, Some(Input::Key(Key::Esc))),
        [ESC, b'[', b'[', rest @ ..] => match rest.first() {
            Some(letter) => First::Bytes(4, (*letter == b'A').then_some(Input::Key(Key::Help))),
            None => First::Part,
        },
        [ESC, b'[', rest @ ..] => control_sequence(rest),
        [ESC, b'O', rest @ ..] => match rest.first() {
            Some(letter) => First::Bytes(3, letter_key(*letter).map(Input::Key)),
            None => First::Part,
        },
        // Alt and a key: none of ours.
        [ESC, rest @ ..] => match character(rest) {
            First::Bytes(length, _) => First::Bytes(1 + length, None),
            First::Part => First::Part,
        },
        _ => character(bytes),
    }
}

/// What follows `ESC [`: parameters, then a letter.
fn control_sequence(rest: &[u8]) -> First {
    let Some(end) = rest.iter().position(|byte| !(0x20..=0x3f).contains(byte)) else { return First::Part };
    let parameters = String::from_utf8_lossy(&rest[..end]);
    let input = match (parameters.strip_prefix('<'), rest[end]) {
        (Some(report), b'M') => mouse(report).map(Input::Mouse),
        (None, letter) => key(&parameters, letter).map(Input::Key),
        _ => None,
    };
    // A byte that ends no sequence is one of the next key's.
    First::Bytes(2 + end + usize::from((0x40..=0x7e).contains(&rest[end])), input)
}

fn key(parameters: &str, letter: u8) -> Option<Key> {
    let mut numbers = parameters.split(';').map(|number| number.parse::<u8>().unwrap_or(1));
    let number = numbers.next().unwrap_or(1);
    // 2 is Shift; Ctrl and Alt make other keys of them, which are none of ours.
    if numbers.next().is_some_and(|modifier| modifier > 2) {
        return None;
    }
    match (letter, number) {
        (b'~', 1 | 7) => Some(Key::Home),
        (b'~', 3) => Some(Key::Delete),
        (b'~', 4 | 8) => Some(Key::End),
        (b'~', 5) => Some(Key::PageUp),
        (b'~', 6) => Some(Key::PageDown),
        (b'~', 11) => Some(Key::Help),
        (b'~', _) => None,
        _ => letter_key(letter),
    }
}

fn letter_key(letter: u8) -> Option<Key> {
    Some(match letter {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        b'M' => Key::Enter,
        b'P' => Key::Help,
        b'Z' => Key::BackTab,
        _ => return None,
    })
}

/// `button;column;row`, from 1. Only presses of the first button, and the wheel, mean anything.
fn mouse(report: &str) -> Option<Mouse> {
    let mut numbers = report.split(';').map(|number| number.parse::<u16>().ok());
    let (button, column, row) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let act = match button {
        0 => MouseAct::Click,
        64 => MouseAct::WheelUp,
        65 => MouseAct::WheelDown,
        _ => return None,
    };
    Some(Mouse { act, column: column.checked_sub(1)?, row: row.checked_sub(1)? })
}

/// One character, or a control key.
fn character(bytes: &[u8]) -> First {
    let Some(byte) = bytes.first() else { return First::Part };
    let key = match byte {
        b'\r' | b'\n' => Key::Enter,
        b'\t' => Key::Tab,
        // Serial consoles send Ctrl-H for Backspace.
        0x08 | 0x7f => Key::Backspace,
        0x03 => Key::Interrupt,
        0x0c => Key::Redraw,
        0x15 => Key::Clear,
        0x00..=0x1f => return First::Bytes(1, None),
        0x20..=0x7e => Key::Char(char::from(*byte)),
        _ => return beyond_ascii(bytes),
    };
    First::Bytes(1, Some(Input::Key(key)))
}

fn beyond_ascii(bytes: &[u8]) -> First {
    let length = bytes.len().min(4);
    let (valid, incomplete) = match std::str::from_utf8(&bytes[..length]) {
        Ok(text) => (text, false),
        Err(error) => {
            let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            (valid, error.error_len().is_none())
        }
    };
    match valid.chars().next() {
        Some(one) => First::Bytes(one.len_utf8(), (!one.is_control()).then_some(Input::Key(Key::Char(one)))),
        None if incomplete => First::Part,
        // No UTF-8 at all: a stray byte of a noisy line.
        None => First::Bytes(1, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of bytes, at once; and the same one by one, as from a serial line.
    fn keys(bytes: &[u8]) -> Vec<Input> {
        let run = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let mut parser = Parser::default();
            let mut inputs: Vec<Input> = pieces.flat_map(|piece| parser.feed(piece)).collect();
            if parser.waits() {
                inputs.extend(parser.give_up());
            }
            inputs
        };
        let whole = run(&mut std::iter::once(bytes));
        assert_eq!(whole, run(&mut bytes.chunks(1)), "{bytes:?}");
        whole
    }

    fn only(key: Key) -> Vec<Input> {
        vec![Input::Key(key)]
    }

    #[test]
    fn a_key_is_the_same_at_once_and_byte_by_byte() {
        let known: [(&[u8], Key); 20] = [
            (b"y", Key::Char('y')),
            ("ü".as_bytes(), Key::Char('ü')),
            ("漢".as_bytes(), Key::Char('漢')),
            (b"\r", Key::Enter),
            (b"\n", Key::Enter),
            (b"\x7f", Key::Backspace),
            (b"\x08", Key::Backspace),
            (b"\x03", Key::Interrupt),
            (b"\x1b", Key::Esc),
            (b"\x1b[A", Key::Up),
            (b"\x1bOB", Key::Down),
            (b"\x1b[1;2C", Key::Right),
            (b"\x1b[5~", Key::PageUp),
            (b"\x1b[6~", Key::PageDown),
            (b"\x1b[3~", Key::Delete),
            (b"\x1b[H", Key::Home),
            (b"\x1b[4~", Key::End),
            (b"\x1b[Z", Key::BackTab),
            (b"\x1b[[A", Key::Help),
            (b"\x1bOP", Key::Help),
        ];
        for (bytes, key) in known {
            assert_eq!(keys(bytes), only(key), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_unknown_never_becomes_letters() {
        let unknown: [&[u8]; 9] = [
            b"\x1bs",
            b"\x1b[1;5A",
            b"\x1b[24~",
            b"\x1b[[B",
            b"\x1b[?62;c",
            b"\x1b[<0;1;1m",
            b"\x01\x1a\x1c",
            b"\xff\xfe",
            b"\xc2\x9b",
        ];
        for bytes in unknown {
            assert_eq!(keys(bytes), [], "{bytes:?}");
        }
        assert_eq!(keys(&[b"\x1b[".as_slice(), &[b'1'; 99], b"yn"].concat()), only(Key::Char('n')));
    }

    #[test]
    fn escape_is_a_key_of_its_own_before_and_after_others() {
        assert_eq!(keys(b"\x1b\x1b[A"), [Input::Key(Key::Esc), Input::Key(Key::Up)]);
        assert_eq!(keys(b"q\x1b"), [Input::Key(Key::Char('q')), Input::Key(Key::Esc)]);
        assert_eq!(keys(b"\x1b[\ry"), [Input::Key(Key::Enter), Input::Key(Key::Char('y'))]);
        let mut parser = Parser::default();
        assert_eq!(parser.feed(b"\x1b["), []);
        assert_eq!(parser.give_up(), [], "half an arrow key is no Esc");
    }

    #[test]
    fn clicks_and_the_wheel_have_a_place() {
        let at = |act, column, row| vec![Input::Mouse(Mouse { act, column, row })];
        assert_eq!(keys(b"\x1b[<0;80;24M"), at(MouseAct::Click, 79, 23));
        assert_eq!(keys(b"\x1b[<64;1;1M"), at(MouseAct::WheelUp, 0, 0));
        assert_eq!(keys(b"\x1b[<65;300;2M"), at(MouseAct::WheelDown, 299, 1));
        for other in ["<2;1;1M", "<0;0;1M", "<0;1M", "<32;4;4M", "<99999999;1;1M", "<;;M"] {
            assert_eq!(keys(format!("\x1b[{other}").as_bytes()), [], "{other}");
        }
    }
}
