//! The wizard: a full-screen face on the same plans and jobs as the command line.
//!
//! [`model`] is all it knows, [`update`](update::update) changes it by messages, [`view`](view::view) draws it,
//! [`worker`] carries out what `update` asks for on threads, and [`terminal`] gives the terminal back whatever
//! happens. [`text`] has every word.

pub mod diagnosis;
pub mod filter;
mod footer;
pub mod form;
mod hit;
pub mod images;
pub mod input;
pub mod model;
pub mod msg;
mod overlay;
mod pace;
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
use crate::settings::Settings;
use model::Model;
use msg::{Clock, Effect, Msg};
use pace::Pace;
use terminal::{Terminal, modes};
use theme::{Theme, Wish};
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
    /// What the settings file says.
    pub settings: Settings,
}

/// Runs the wizard until the user leaves it; the terminal is as before afterwards.
///
/// Gives the exit code of the last job, 0 when there was none, 130 when a signal ended it.
///
/// # Errors
/// When the terminal cannot be used.
pub fn run(options: &Options) -> Result<u8> {
    let mut options = options.clone();
    if options.images.is_none() {
        options.images = options.settings.target.clone().or_else(|| std::env::current_dir().ok());
    }
    let settings = &options.settings;
    let wish = Wish { colour: settings.colour, ascii: options.ascii || settings.ascii };
    let theme = Theme::detect(|name| std::env::var(name).ok(), wish);
    let mouse = settings.mouse;
    let mut model = Model::new(options, theme);
    let (sender, receiver) = crossbeam_channel::unbounded();
    let mut terminal = Terminal::open(sender.clone(), mouse).map_err(terminal_failed)?;
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
    let mut sampled = Duration::ZERO;
    let mut pace = Pace::new(modes::bytes_per_second());
    let (columns, rows) = modes::size();
    let mut arrived = vec![Msg::Resize(columns, rows), Msg::Begin];
    loop {
        let now = began.elapsed();
        arrived.insert(0, Msg::Tick(clock(now)));
        if now >= sampled + pace::TICK {
            sampled = now;
            arrived.extend(worker.sample().map(Msg::Progress));
        }
        for msg in std::mem::take(&mut arrived) {
            for effect in update::update(model, msg) {
                match effect {
                    Effect::Quit(code) => return Ok(code),
                    Effect::Redraw => terminal.clear()?,
                    other => worker.carry_out(other),
                }
            }
        }
        if pace.draws(now, model.animated()) {
            match terminal.draw(model) {
                Ok(Some(bytes)) => pace.drawn(now, bytes),
                // The line is stopped: keys, signals and the job's end are heard all the same.
                Ok(None) => pace.stopped(now),
                // While a job is being stopped a lost terminal is no reason to leave it half done.
                Err(_) if model.running.is_some() => pace.drawn(now, 0),
                Err(error) => return Err(error),
            }
        }
        let heard = match pace.patience(now, model.animated()) {
            Some(patience) => messages.recv_timeout(patience),
            None => messages.recv().map_err(RecvTimeoutError::from),
        };
        match heard {
            Ok(first) => {
                arrived.push(first);
                arrived.extend(messages.try_iter());
                pace.heard(began.elapsed());
            }
            Err(RecvTimeoutError::Timeout) => {}
            // The worker and the key reader hold senders as long as this runs; without them nothing can come.
            Err(RecvTimeoutError::Disconnected) => return Ok(model.exit_code),
        }
    }
}

fn clock(elapsed: Duration) -> Clock {
    let now = jiff::Zoned::now();
    let time = now.time();
    Clock { elapsed, date: now.date().to_string(), time: format!("{:02}:{:02}", time.hour(), time.minute()) }
}
