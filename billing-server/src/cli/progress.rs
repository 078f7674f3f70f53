//! How far a long command is.

use indicatif::{ProgressBar, ProgressStyle};

use super::args::Progress;

const BAR: &str = "{wide_bar} {human_pos}/{human_len} {msg}, {eta} left";

/// A bar that counts `what`: drawn on stderr, and only if that is a terminal.
pub(super) fn bar(progress: Progress, total: u64, what: &'static str) -> ProgressBar {
    match progress {
        Progress::Never => ProgressBar::hidden(),
        Progress::Auto => {
            let style = ProgressStyle::with_template(BAR);
            ProgressBar::new(total)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_message(what)
        }
    }
}
