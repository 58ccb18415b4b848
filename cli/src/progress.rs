//! What `clawplane dev` tells people while it starts: a line a step, and a short summary at the end.

use chrono::TimeDelta;
use clawplane_domain::{Timestamp, clock::Clock};
use std::{
    io::{self, Write},
    sync::Arc,
};

/// Counts steps and writes them. A terminal that is gone stops nobody: errors of writing are ignored.
pub struct Progress<W: Write = io::Stderr> {
    out: W,
    clock: Arc<dyn Clock>,
    total: usize,
    done: usize,
    step: Option<Timestamp>,
}

impl Progress {
    /// On stderr, with this many steps to come.
    pub fn on_stderr(total: usize, clock: Arc<dyn Clock>) -> Self {
        Self::new(io::stderr(), total, clock)
    }
}

impl<W: Write> Progress<W> {
    /// On any writer.
    pub fn new(out: W, total: usize, clock: Arc<dyn Clock>) -> Self {
        Self { out, clock, total, done: 0, step: None }
    }

    /// Begins a step: `[2/6] Postgres … `, left open until it ends.
    pub fn begin(&mut self, what: &str) {
        self.close_line();
        self.done += 1;
        self.step = Some(self.clock.now());
        self.write(&format!("[{}/{}] {what} … ", self.done, self.total));
    }

    /// Ends the step well: `ready on 127.0.0.1:40123 (1.8 s)`.
    pub fn end(&mut self, outcome: &str) {
        let Some(began) = self.step.take() else {
            return;
        };
        let took = (self.clock.now() - began).max(TimeDelta::zero()).num_milliseconds();
        self.write(&format!("{outcome} ({}.{} s)\n", took / 1000, took % 1000 / 100));
    }

    /// Ends the step badly; the error itself is reported by whoever handles it.
    pub fn fail(&mut self) {
        if self.step.take().is_some() {
            self.write("failed\n");
        }
    }

    /// A line between the steps.
    pub fn note(&mut self, text: &str) {
        self.close_line();
        self.write(&format!("      {text}\n"));
    }

    /// The block at the end: a title, and pairs in two columns.
    pub fn summary(&mut self, title: &str, pairs: &[(&str, &str)]) {
        self.close_line();
        let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let mut text = format!("\n{title}\n");
        for (name, value) in pairs {
            text.extend(["  ", name, &" ".repeat(width - name.chars().count()), "  ", value, "\n"]);
        }
        text.push('\n');
        self.write(&text);
    }

    /// A step that nobody ended must not share its line with what follows.
    fn close_line(&mut self) {
        if self.step.take().is_some() {
            self.write("\n");
        }
    }

    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

#[cfg(test)]
mod tests;
