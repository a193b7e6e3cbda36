//! `lifeboat man`: the manual page, all commands in one.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_mangen::Man;

use super::arguments::Arguments;

/// Prints the page as roff.
pub(super) fn run() -> u8 {
    let mut text = Vec::new();
    match render(&mut text) {
        // A reader that has closed the pipe has read enough.
        Ok(()) => _ = io::stdout().write_all(&text),
        Err(error) => return super::complain(&crate::error::Error::io("writing the manual page", error)),
    }
    0
}

fn render(page: &mut dyn Write) -> io::Result<()> {
    let mut command = Arguments::command();
    command.build();
    let main = Man::new(command.clone());
    main.render_title(page)?;
    main.render_name_section(page)?;
    main.render_synopsis_section(page)?;
    main.render_description_section(page)?;
    main.render_options_section(page)?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        writeln!(page, ".SH \"LIFEBOAT {}\"", sub.get_name().to_uppercase())?;
        let sub = Man::new(sub.clone());
        let mut part = Vec::new();
        sub.render_synopsis_section(&mut part)?;
        sub.render_description_section(&mut part)?;
        sub.render_options_section(&mut part)?;
        // A command's own sections are sub-sections of this page.
        page.write_all(String::from_utf8_lossy(&part).replace(".SH ", ".SS ").as_bytes())?;
    }
    main.render_extra_section(page)?;
    main.render_version_section(page)
}
