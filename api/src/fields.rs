//! Checks the fields of a request one by one, so that a client hears of all that is wrong at once.

use crate::{FieldError, problem::Problem};
use std::{fmt::Display, str::FromStr};

/// What is wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<FieldError>);

impl Fields {
    /// The value of a text field; `None` when it cannot be one, which is noted.
    pub(crate) fn parse<T>(&mut self, field: &str, text: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        text.parse().map_err(|error: T::Err| self.refuse(field, error.to_string())).ok()
    }

    /// As [`Fields::parse`] for a field that may be absent.
    pub(crate) fn optional<T>(&mut self, field: &str, text: Option<&str>) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        text.and_then(|text| self.parse(field, text))
    }

    /// As [`Fields::parse`] for each entry of a list.
    pub(crate) fn list<T>(&mut self, field: &str, texts: &[String]) -> Vec<T>
    where
        T: FromStr<Err: Display>,
    {
        let entries = texts.iter().enumerate();
        entries.filter_map(|(n, text)| self.parse(&format!("{field}[{n}]"), text)).collect()
    }

    /// A number within bounds.
    pub(crate) fn within(&mut self, field: &str, value: u32, least: u32, most: u32) -> u32 {
        self.require(field, (least..=most).contains(&value), &format!("must be {least} to {most}"));
        value
    }

    /// Notes `message` unless `ok`.
    pub(crate) fn require(&mut self, field: &str, ok: bool, message: &str) {
        if !ok {
            self.refuse(field, message);
        }
    }

    /// Notes that something is wrong.
    pub(crate) fn refuse(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError::new(field, message));
    }

    /// Notes the error of a check that was made elsewhere.
    pub(crate) fn check(&mut self, checked: Result<(), FieldError>) {
        self.0.extend(checked.err());
    }

    /// The value that was made of the fields, or the problem that names what is wrong.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Problem> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Problem::fields(self.0)),
        }
    }
}
