//! Reasons for people: short, without control characters, without the bot's token.

use crate::runtime::ContainerSeen;

/// Longest reason.
const LONGEST: usize = 900;
/// Lines of a container's log that a reason quotes.
const LINES: usize = 6;
/// Lines that are read to find so many.
pub(super) const LOG_LINES: u32 = 20;

/// Why a container's process ended, with its last words.
pub(super) fn exited(seen: &ContainerSeen, log: &str, token: Option<&str>) -> String {
    let code = seen.exit_code.unwrap_or(-1);
    let mut reason = match (&seen.error, seen.oom) {
        (Some(error), _) => format!("the engine could not start it: {error}"),
        (None, true) => "it used more memory than its limit and was ended".to_owned(),
        // The kernel's killer picks one process, and not always the one that Docker watches.
        (None, false) if code == 137 => {
            "it was killed (exit code 137), perhaps for want of memory".to_owned()
        }
        (None, false) => format!("it ended with exit code {code}"),
    };
    let lines: Vec<&str> = log.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    if !last.is_empty() {
        reason.push_str("; its last lines:\n");
        reason.push_str(&last.join("\n"));
    }
    clean(&reason, token)
}

/// Any text as a reason.
pub(super) fn clean(text: &str, token: Option<&str>) -> String {
    let text = match token {
        Some(token) if !token.is_empty() => text.replace(token, "***"),
        _ => text.to_owned(),
    };
    let text = without_escapes(&text);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Without terminal colours and other control characters, but for line ends.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' && chars.next_if_eq(&'[').is_some() {
            // A control sequence ends with a letter (ECMA-48).
            while chars.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
        } else if char == '\n' || !char.is_control() {
            plain.push(char);
        }
    }
    plain
}

#[cfg(test)]
mod tests;
