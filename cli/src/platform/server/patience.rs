//! How long a client may take for the body of a request to the API. The proxy has a limit of its own.

use axum::BoxError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Sleep;

/// For all of a body. The API's bodies are small.
const LIMIT: Duration = Duration::from_mins(1);

/// A body that fails when it takes too long.
pub(super) struct Patience<B> {
    body: B,
    /// Made when the body is not there at once.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<B> Patience<B> {
    pub(super) fn new(body: B) -> Self {
        Self { body, timer: None }
    }
}

impl<B> Body for Patience<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(LIMIT)));
        timer.as_mut().poll(context).map(|()| Some(Err("the body did not come in time".into())))
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
