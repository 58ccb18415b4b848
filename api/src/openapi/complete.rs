//! Adds to every operation what follows from the table of routes: who may call it, the problems that any operation
//! may answer with, and the headers for idempotency and for reading one's own writes.

use super::responses::problem;
use crate::routes::table::{Access, Row, TABLE};
use axum::http::Method;
use utoipa::openapi::{
    HeaderBuilder, OpenApi, PathItem, RefOr, Required, Response, SecurityRequirement,
    path::{Operation, ParameterBuilder, ParameterIn},
    schema::{ObjectBuilder, Type},
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

const SCHEME: &str = "accessToken";

/// Completes every operation.
pub(crate) fn complete(document: &mut OpenApi) {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    if let Some(components) = &mut document.components {
        components.add_security_scheme(SCHEME, SecurityScheme::Http(scheme));
    }
    for row in TABLE {
        let item = document.paths.paths.get_mut(row.path);
        if let Some(operation) = item.and_then(|item| operation(item, &row.method)) {
            complete_operation(operation, row);
        }
    }
}

/// The operation of a method.
pub(crate) fn operation<'a>(item: &'a mut PathItem, method: &Method) -> Option<&'a mut Operation> {
    match *method {
        Method::GET => item.get.as_mut(),
        Method::POST => item.post.as_mut(),
        Method::PUT => item.put.as_mut(),
        Method::PATCH => item.patch.as_mut(),
        Method::DELETE => item.delete.as_mut(),
        _ => None,
    }
}

fn complete_operation(operation: &mut Operation, row: &Row) {
    if row.access != Access::Public {
        operation.security = Some(vec![SecurityRequirement::new(SCHEME, Vec::<String>::new())]);
        add(operation, "401", "Nobody is signed in, or not any more");
    } else if operation.security.is_none() {
        operation.security = Some(Vec::new());
    }
    if let Access::Permission(permission) = row.access {
        let role = format!("{:?}", permission.least_role()).to_lowercase();
        add(operation, "403", &format!("This takes the role `{role}`"));
    }
    if row.access == Access::Operations {
        add(operation, "403", "This takes an administrator of the installation");
    }
    add(operation, "500", "Something went wrong on our side");
    add(
        operation,
        "503",
        "Something that this needs is away or behind; `retry-after` says when to try again",
    );
    if !row.reads.is_empty() {
        parameter(operation, "x-clawplane-min-position", "Waits until the answer includes this position");
    }
    if row.method != Method::GET && row.access != Access::Public {
        parameter(
            operation,
            "Idempotency-Key",
            "A repetition with the same key is answered and not done again",
        );
        say_position(operation);
    }
}

fn add(operation: &mut Operation, status: &str, description: &str) {
    let responses = &mut operation.responses.responses;
    responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(problem(description)));
}

fn parameter(operation: &mut Operation, name: &str, description: &str) {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(text()))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
}

/// Every success of a command says its position.
fn say_position(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let (true, RefOr::T(Response { headers, .. })) = (status.starts_with('2'), response) {
            let header = HeaderBuilder::new().schema(Some(text()));
            let header = header.description(Some("The command's position, for `x-clawplane-min-position`"));
            headers.insert("x-clawplane-position".to_owned(), RefOr::T(header.build()));
        }
    }
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}
