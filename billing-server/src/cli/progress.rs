//! How far a long command is.

use indicatif::{ProgressBar, ProgressStyle};

use super::args::Progress;

const BAR: &str = "{wide_bar} {human_pos}/{human_len} {msg}, {eta} left";
const READING: &str = "{wide_bar} {msg}, {eta} left";
const READING_WITHOUT_END: &str = "{spinner} {msg}, {elapsed}";

/// A bar that counts `what`: drawn on stderr, and only if that is a terminal.
pub(super) fn bar(progress: Progress, total: u64, what: &'static str) -> ProgressBar {
    drawn(progress, BAR, Some(total)).with_message(what)
}

/// A bar for a file that is read: of its bytes, if it is known how many it has.
pub(super) fn reading(progress: Progress, bytes: Option<u64>) -> ProgressBar {
    let template = match bytes {
        Some(_) => READING,
        None => READING_WITHOUT_END,
    };
    drawn(progress, template, bytes)
}

fn drawn(progress: Progress, template: &str, total: Option<u64>) -> ProgressBar {
    match progress {
        Progress::Never => ProgressBar::hidden(),
        Progress::Auto => {
            let style = ProgressStyle::with_template(template);
            total
                .map_or_else(ProgressBar::new_spinner, ProgressBar::new)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        }
    }
}
