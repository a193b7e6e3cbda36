//! Looking into one file: text or hex, a page at a time. Only the piece around the page is read.

use std::path::PathBuf;

use super::super::super::model::{Model, Motion, Peek, Screen, Trouble};
use super::super::super::msg::{Effect, FilesAnswer, FilesRequest, Key};
use super::super::super::reading::{self, LOOKBACK};
use super::super::super::screen;
use super::extract;

/// So much behind the first byte on the screen has to be at hand.
const AHEAD: u64 = 24 << 10;

/// Pieces begin at multiples of this.
const STEP: u64 = 4 << 10;

/// Shows a file from its beginning.
pub(super) fn open(model: &mut Model, path: PathBuf, bytes: u64) -> Vec<Effect> {
    model.files.peek = Some(Peek {
        path,
        bytes,
        top: 0,
        encoding: None,
        is_hex: false,
        piece: None,
        waiting: None,
        pending: None,
        problem: None,
    });
    super::super::go(model, Screen::Peek);
    read(model, 0)
}

/// Asks for the piece around a byte.
fn read(model: &mut Model, around: u64) -> Vec<Effect> {
    let ticket = model.next_ticket();
    let files = &mut model.files;
    let (Some(subject), Some(peek)) = (files.subject.clone(), &mut files.peek) else { return Vec::new() };
    let offset = around.saturating_sub(LOOKBACK + STEP) / STEP * STEP;
    peek.waiting = Some(ticket);
    vec![Effect::Files(ticket, FilesRequest::Peek(subject, peek.path.clone(), offset))]
}

pub(in crate::ui::update) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    let (_, rows) = screen::peek_shape(model);
    let motion = match pressed {
        Key::Esc | Key::Left => {
            model.files.peek = None;
            return super::super::back(model);
        }
        Key::Char('x') => {
            // Back to the list, where the question for the folder is; marks are for more than one.
            let Some(peek) = model.files.peek.take() else { return Vec::new() };
            super::super::back(model);
            return extract::ask_target_of(model, vec![peek.path]);
        }
        Key::Char('h') => {
            let Some(peek) = &mut model.files.peek else { return Vec::new() };
            peek.is_hex = !peek.is_hex;
            Motion::Settle
        }
        Key::Up => Motion::Up(1),
        Key::Down => Motion::Down(1),
        Key::PageUp => Motion::Up(rows.max(1)),
        Key::PageDown | Key::Char(' ') => Motion::Down(rows.max(1)),
        Key::Home => Motion::Home,
        Key::End => Motion::End,
        _ => return Vec::new(),
    };
    go(model, motion)
}

/// A piece was read.
pub(super) fn answered(model: &mut Model, answer: Result<FilesAnswer, Trouble>) -> Vec<Effect> {
    let Some(peek) = &mut model.files.peek else { return Vec::new() };
    peek.waiting = None;
    match answer {
        Ok(FilesAnswer::Piece(piece)) => {
            if piece.offset == 0 && peek.piece.is_none() {
                peek.encoding = reading::guess(&piece.bytes);
                peek.is_hex = peek.encoding.is_none();
            }
            peek.piece = Some(piece);
        }
        Ok(_) => {}
        Err(trouble) => {
            peek.pending = None;
            peek.problem = Some(trouble);
        }
    }
    match peek.pending.take() {
        Some(motion) => go(model, motion),
        None => Vec::new(),
    }
}

/// Moves, or asks for what has to be at hand for that first.
fn go(model: &mut Model, motion: Motion) -> Vec<Effect> {
    let (columns, rows) = screen::peek_shape(model);
    let Some(peek) = &mut model.files.peek else { return Vec::new() };
    if peek.problem.is_some() {
        return Vec::new();
    }
    if peek.waiting.is_some() {
        peek.pending = Some(motion);
        return Vec::new();
    }
    let around = match motion {
        Motion::Home => 0,
        Motion::End => peek.bytes,
        Motion::Up(_) | Motion::Down(_) | Motion::Settle => peek.top,
    };
    if !is_at_hand(peek, around) {
        peek.pending = Some(motion);
        return read(model, around);
    }
    peek.top = if peek.is_hex { hex(peek, motion, columns, rows) } else { text(peek, motion, columns, rows) };
    // What is shown next has to be at hand, too.
    let top = peek.top;
    if is_at_hand(peek, top) { Vec::new() } else { read(model, top) }
}

/// True when a page around this byte can be drawn, and one back from it.
fn is_at_hand(peek: &Peek, around: u64) -> bool {
    let Some(piece) = &peek.piece else { return false };
    let ahead = around.saturating_add(AHEAD).min(peek.bytes);
    piece.offset <= around.saturating_sub(LOOKBACK) && ahead <= piece.until
}

fn hex(peek: &Peek, motion: Motion, columns: usize, rows: usize) -> u64 {
    let (count, _) = reading::hex_shape(columns, peek.bytes);
    let count = count as u64;
    let last = peek.bytes.saturating_sub(1) / count * count;
    let by = |lines: usize| (lines as u64).saturating_mul(count);
    let end = last.saturating_sub(by(rows.saturating_sub(1)));
    let top = peek.top / count * count;
    match motion {
        Motion::Up(lines) => top.saturating_sub(by(lines)),
        Motion::Down(lines) => top.saturating_add(by(lines)).min(end.max(top)),
        Motion::Home => 0,
        Motion::End => end,
        Motion::Settle => top,
    }
}

fn text(peek: &Peek, motion: Motion, columns: usize, rows: usize) -> u64 {
    let Some(text) = peek.text(columns) else { return peek.top };
    let whole = text.offset + text.bytes.len() as u64;
    match motion {
        Motion::Up(lines) => text.back(peek.top, lines),
        Motion::Down(lines) => {
            let shown = text.lines(peek.top, lines.saturating_add(rows));
            let ends = shown.last().is_none_or(|line| line.end >= whole && whole >= peek.bytes);
            // The last page stays full.
            let most = if ends { shown.len().saturating_sub(rows) } else { lines };
            shown.get(lines.min(most)).map_or(peek.top, |line| line.start)
        }
        Motion::Home => 0,
        Motion::End => text.back(whole, rows),
        Motion::Settle => {
            let start = text.line_start(peek.top.saturating_add(1).min(whole));
            // The line on the screen that holds the byte, in a line that takes several.
            text.lines(start, usize::MAX).into_iter().find(|line| line.end > peek.top).map_or(start, |line| line.start)
        }
    }
}
