//! Query strings: every parameter is a text first, and unknown or repeated ones are named.

use super::body::explain;
use crate::{ApiState, problem::Problem};
use axum::{extract::FromRequestParts, http::request::Parts};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Most parameters of one request.
const MOST: usize = 64;

/// The parameters of a request, whose fields are all `Option<String>`.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<ApiState> for Query<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Problem> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let mut parameters = Map::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()).take(MOST) {
        if parameters.insert(name.to_string(), Value::String(value.into_owned())).is_some() {
            return Err(Problem::field(name, "is given twice"));
        }
    }
    serde_path_to_error::deserialize(Value::Object(parameters)).map_err(|error| {
        let (field, message) = explain(&error.path().to_string(), &error.inner().to_string());
        let message = message.replace("a field of this request", "a parameter of this request");
        Problem::field(field, message)
    })
}

#[cfg(test)]
mod tests;
