//! The wizard: a full-screen face on the same plans and jobs as the command line.
//!
//! [`model`] is all it knows, [`update`](update::update) changes it by messages, [`view`](view::view) draws it,
//! [`worker`] carries out what `update` asks for on threads, and [`terminal`] gives the terminal back whatever
//! happens. [`text`] has every word.

pub mod diagnosis;
pub mod filter;
mod footer;
pub mod form;
pub mod images;
pub mod input;
pub mod model;
pub mod msg;
mod overlay;
pub mod rate;
pub mod reading;
pub mod rows;
mod screen;
mod terminal;
pub mod text;
pub mod theme;
pub mod update;
pub mod view;
mod widget;
pub mod worker;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::error::{Error, Result};
use model::Model;
use msg::{Clock, Effect, Msg};
use terminal::Terminal;
use theme::Theme;
use worker::{Library, Worker};

/// Where the wizard looks.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Disks named by the user; when there are none, all disks of this machine.
    pub disks: Vec<PathBuf>,
    /// Where image files are looked for and offered to be saved.
    pub images: Option<PathBuf>,
    /// Draw with ASCII alone, whatever the terminal says of itself.
    pub ascii: bool,
    /// The log file, which reports name.
    pub log: Option<PathBuf>,
}

/// How often the job is sampled and the clock moves on.
const TICK: Duration = Duration::from_millis(100);

/// Runs the wizard until the user leaves it; the terminal is as before afterwards.
///
/// Gives the exit code of the last job, 0 when there was none, 130 when a signal ended it.
///
/// # Errors
/// When the terminal cannot be used.
pub fn run(options: &Options) -> Result<u8> {
    let mut options = options.clone();
    if options.images.is_none() {
        options.images = std::env::current_dir().ok();
    }
    let mut theme = Theme::detect(|name| std::env::var(name).ok());
    theme.unicode &= !options.ascii;
    let mut model = Model::new(options, theme);
    let (sender, receiver) = crossbeam_channel::unbounded();
    let mut terminal = Terminal::open(sender.clone()).map_err(terminal_failed)?;
    let mut worker = Worker::new(Library::real(), sender);
    turn(&mut model, &mut terminal, &mut worker, &receiver).map_err(terminal_failed)
}

fn terminal_failed(error: std::io::Error) -> Error {
    Error::io(text::TERMINAL_FAILED, error).advise(text::TERMINAL_FAILED_NEXT)
}

/// Takes messages until one of them ends it.
fn turn(
    model: &mut Model,
    terminal: &mut Terminal,
    worker: &mut Worker,
    messages: &Receiver<Msg>,
) -> std::io::Result<u8> {
    let began = Instant::now();
    let mut sampled = Instant::now();
    let (columns, rows) = terminal::size();
    update::update(model, Msg::Resize(columns, rows));
    update::update(model, Msg::Tick(now(began)));
    for effect in update::update(model, Msg::Begin) {
        worker.carry_out(effect);
    }
    terminal.draw(model)?;
    loop {
        let mut changed = false;
        let mut arrived = Vec::new();
        match messages.recv_timeout(TICK) {
            Ok(first) => {
                arrived.push(first);
                arrived.extend(messages.try_iter());
                changed = true;
            }
            Err(RecvTimeoutError::Timeout) => {}
            // The worker and the key reader hold senders as long as this runs; without them nothing can come.
            Err(RecvTimeoutError::Disconnected) => return Ok(model.exit_code),
        }
        arrived.insert(0, Msg::Tick(now(began)));
        if sampled.elapsed() >= TICK {
            sampled = Instant::now();
            changed |= model.animated();
            arrived.extend(worker.sample().map(Msg::Progress));
        }
        for msg in arrived {
            for effect in update::update(model, msg) {
                match effect {
                    Effect::Quit(code) => return Ok(code),
                    Effect::Redraw => terminal.clear()?,
                    other => worker.carry_out(other),
                }
            }
        }
        if changed && let Err(error) = terminal.draw(model) {
            // While a job is being stopped a lost terminal is no reason to leave it half done.
            if model.running.is_none() {
                return Err(error);
            }
        }
    }
}

fn now(began: Instant) -> Clock {
    Clock { elapsed: began.elapsed(), date: jiff::Zoned::now().date().to_string() }
}
