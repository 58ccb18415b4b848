//! The JSON form of a problem.

use super::Problem;
use crate::FieldError;
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong (RFC 9457, `application/problem+json`).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument {
    /// The kind of problem, for programs: `urn:clawplane:problem:<kind>`.
    #[serde(rename = "type")]
    #[schema(example = "urn:clawplane:problem:invalid-input")]
    kind: String,
    /// The kind of problem, for people.
    #[schema(example = "The request is not valid")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 400)]
    status: u16,
    /// What is wrong this time.
    #[schema(example = "`hostname` must be 1 to 63 lower-case letters, digits or hyphens")]
    detail: String,
    /// The path of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/api/bot")]
    instance: Option<String>,
    /// The id of the request, as in the header `x-request-id` and in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0197f3a2-7c1e-7d4a-9b52-3f0c8a61d2e4")]
    request_id: Option<String>,
    /// The fields that the problem is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
}

/// A field of the request with what is wrong with it.
#[derive(Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// The field, as a path into the body (`models[0].vendor`), or the name of a parameter or header.
    #[schema(example = "hostname")]
    field: String,
    /// What it must be.
    #[schema(example = "must be 1 to 63 lower-case letters, digits or hyphens")]
    message: String,
}

impl ProblemDocument {
    /// About the request with this id and path.
    pub(super) fn of(problem: &Problem, request: Option<(&str, &str)>) -> Self {
        let (status, name, title) = problem.kind.facts();
        let errors = problem.errors.iter().cloned();
        Self {
            kind: format!("urn:clawplane:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: problem.detail.clone(),
            instance: request.map(|(_, path)| path.to_owned()),
            request_id: request.map(|(id, _)| id.to_owned()),
            errors: errors.map(|FieldError { field, message }| FieldProblem { field, message }).collect(),
        }
    }
}
