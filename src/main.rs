//! Arguments → terminal guard → run → exit code. No logic.

use std::process::ExitCode;

use lifeboat::cli::{self, Next};
use lifeboat::ui;

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Next::Exit(code) => code.into(),
        Next::Wizard(request) => {
            let cli::WizardRequest { disks, images, ascii, log, settings } = request;
            let options = ui::Options { disks, images, ascii, log, settings };
            match ui::run(&options) {
                Ok(code) => code.into(),
                Err(error) => cli::complain(&error).into(),
            }
        }
    }
}
