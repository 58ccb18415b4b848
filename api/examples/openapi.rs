//! Prints the OpenAPI document, for `openapi/openapi.json`.
#![allow(clippy::print_stdout, reason = "this is what it is for")]

fn main() -> Result<(), serde_json::Error> {
    println!("{}", clawplane_api::openapi().to_pretty_json()?);
    Ok(())
}
