//! To the vendor and back: send, wait for the head of the answer, name what went wrong.

use crate::{
    allow::NotAllowed,
    connect::{ConnectError, VendorClient},
    refusal::Refusal,
    upstream_body::UpstreamBody,
};
use http::{Request, Response, StatusCode};
use http_body_util::LengthLimitError;
use hyper::body::Incoming;
use std::{error::Error, time::Duration};
use tokio_util::sync::CancellationToken;

/// Why there is no answer from the vendor.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    pub(crate) refusal: Refusal,
    /// The vendor may have worked on the request.
    pub(crate) consumed: bool,
}

/// Sends a request and waits for the head of its answer.
pub(crate) async fn send(
    client: &VendorClient,
    request: Request<UpstreamBody>,
    first_byte: Duration,
    (max_body, vendor): (u64, &'static str),
) -> Result<Response<Incoming>, NoAnswer> {
    match tokio::time::timeout(first_byte, client.request(request)).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => {
            let answer = explain(&error, max_body);
            let causes = causes(&error);
            tracing::warn!(vendor, code = answer.refusal.code, %causes, "a vendor gave no answer");
            Err(answer)
        }
        Err(_) => {
            let message = "the vendor did not begin its answer in time";
            let refusal = Refusal::new(StatusCode::GATEWAY_TIMEOUT, "upstream_first_byte_timeout", message);
            Err(NoAnswer { refusal, consumed: true })
        }
    }
}

/// Waits for `going`, which goes on also when nobody waits for it any more, until `keep` is cancelled: then there is no
/// result.
pub(crate) async fn outlive<T: Send + 'static>(
    keep: CancellationToken,
    going: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let task = tokio::spawn(async move { keep.run_until_cancelled(going).await });
    task.await.ok().flatten()
}

fn explain(error: &hyper_util::client::legacy::Error, max_body: u64) -> NoAnswer {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(here) = cause {
        if here.is::<LengthLimitError>() {
            return NoAnswer { refusal: Refusal::too_large(max_body), consumed: false };
        }
        if let Some(connect) = here.downcast_ref::<ConnectError>() {
            return NoAnswer { refusal: unconnected(connect), consumed: false };
        }
        cause = here.source();
    }
    let (code, message, consumed) = if error.is_connect() {
        ("upstream_unreachable", "the vendor cannot be reached", false)
    } else {
        ("upstream_failed", "the connection to the vendor broke before its answer", true)
    };
    NoAnswer { refusal: Refusal::new(StatusCode::BAD_GATEWAY, code, message), consumed }
}

fn unconnected(error: &ConnectError) -> Refusal {
    match error {
        ConnectError::NotAllowed(why) => {
            let message = match why {
                NotAllowed::Private => {
                    "the provider key's base URL leads to a private address, which the operator has not allowed"
                }
                NotAllowed::PlainHttp => {
                    "the provider key's base URL is plain http, which the operator has not allowed"
                }
            };
            Refusal::new(StatusCode::FORBIDDEN, "upstream_not_allowed", message)
        }
        ConnectError::TimedOut => {
            let message = "the vendor could not be connected to in time";
            Refusal::new(StatusCode::GATEWAY_TIMEOUT, "upstream_connect_timeout", message)
        }
        ConnectError::NoAddress => {
            Refusal::new(StatusCode::BAD_GATEWAY, "upstream_unreachable", "the vendor's name has no address")
        }
    }
}

/// The chain of causes. None of them has headers, and so no key, in it.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
