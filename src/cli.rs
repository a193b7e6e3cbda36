//! The command line: the same jobs without the screen. One file a sub-command.

/// What `main` shall do after the command line is done with.
#[derive(Debug)]
pub enum Next {
    /// Leave with this exit code.
    Exit(u8),
    /// Run the wizard.
    Wizard(crate::cli::WizardRequest),
}

/// How to start the wizard. The `ui` floor is a sibling: `main` brings the two together.
#[derive(Debug, Default)]
pub struct WizardRequest {
    /// Disks to look at; none = all of this machine.
    pub disks: Vec<std::path::PathBuf>,
    /// The folder for image files.
    pub images: Option<std::path::PathBuf>,
}
