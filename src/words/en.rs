//! English, a page for each part of the program.

macro_rules! words {
    ($($name:ident = $text:expr;)*) => {
        $(#[allow(missing_docs, reason = "the text says it")] pub const $name: &str = $text;)*
    };
}

mod diagnosis;
mod disks;
mod files;
mod frame;
mod held;
mod help;
mod images;
mod job;
#[allow(missing_docs, reason = "the words say it")]
pub mod key;
mod options;
mod plan;
mod progress;
mod refusal;
mod report;
mod start;

pub use diagnosis::*;
pub use disks::*;
pub use files::*;
pub use frame::*;
pub use held::*;
pub use help::*;
pub use images::*;
pub use job::*;
pub use options::*;
pub use plan::*;
pub use progress::*;
pub use refusal::*;
pub use report::*;
pub use start::*;
