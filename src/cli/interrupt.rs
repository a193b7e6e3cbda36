//! Ctrl-C and its like. While a job runs they ask it to stop; at all other times they end the program as usual.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

struct Signals {
    /// A signal does what it usually does.
    usual: Arc<AtomicBool>,
    /// A signal came while a job was running.
    came: Arc<AtomicBool>,
}

static SIGNALS: OnceLock<Signals> = OnceLock::new();

/// While this lives, signals do not end the program; [`came`](Self::came) tells of them.
pub(super) struct Interrupts {
    signals: &'static Signals,
}

impl Interrupts {
    /// Catches the signals from now on.
    pub(super) fn catch() -> Self {
        let signals = SIGNALS.get_or_init(|| {
            let signals = Signals { usual: Arc::new(AtomicBool::new(true)), came: Arc::new(AtomicBool::new(false)) };
            for signal in [SIGINT, SIGTERM, SIGHUP] {
                // A signal that cannot be caught keeps its usual meaning.
                let _ = flag::register_conditional_default(signal, Arc::clone(&signals.usual));
                let _ = flag::register(signal, Arc::clone(&signals.came));
            }
            signals
        });
        signals.came.store(false, Ordering::Relaxed);
        signals.usual.store(false, Ordering::Relaxed);
        Self { signals }
    }

    /// True once a signal came.
    pub(super) fn came(&self) -> bool {
        self.signals.came.load(Ordering::Relaxed)
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.signals.usual.store(true, Ordering::Relaxed);
    }
}
